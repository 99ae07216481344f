"""What Python waits for: `import carousel`, and the decay of one setting once the first call has loaded what it needs.

    python benchmarks/python.py

Wall seconds, medians of processes of their own. The import's are beyond those of a Python that imports nothing.
"""

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pandas as pd

SOURCE = Path(__file__).parents[1] / "src"
IMPORT = """
import time
start = time.perf_counter()
import carousel
print(time.perf_counter() - start)
"""
SETTING = """
import time, carousel
for _ in range(2):
    start = time.perf_counter()
    carousel.decay("lstm", "torch", 1.0, 100, 32, 10)
    took = time.perf_counter() - start
print(took)
"""
WORK = "from Python, wall seconds"
CALLS = {"import carousel": (IMPORT, 0.05), "carousel.decay of one setting, the second call": (SETTING, 0.3)}
"""What is run, which prints its seconds, and the limit."""
QUICK = {"rounds": 1}


def run(rounds: int = 5) -> pd.DataFrame:
    """The table of this work; a ratio is how far below its limit a call stays."""
    rows = [
        (WORK, name, median(code, rounds), f"at most {limit:g}", limit)
        for name, (code, limit) in CALLS.items()
    ]
    table = pd.DataFrame(rows, columns=["work", "contender", "seconds", "against", "limit"])
    return table.assign(ratio=table.limit / table.seconds, target=1.0).drop(columns="limit")


def median(code: str, rounds: int) -> float:
    """The median of the seconds that `code` prints."""
    return statistics.median(seconds(code) for _ in range(rounds))


def seconds(code: str) -> float:
    """What one process prints."""
    there = os.environ | {"PYTHONPATH": str(SOURCE)}
    run = subprocess.run([sys.executable, "-c", code], env=there, check=True, capture_output=True, text=True)
    return float(run.stdout)


if __name__ == "__main__":
    print(run().round(3).to_markdown(index=False))
