"""What it takes to start: `import carousel`, a setting from Python, and jobs that have nothing to measure.

    python benchmarks/starts.py [ROUNDS]

CPU seconds of whole processes, medians; a job's batches are all kept from a run before.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
STUDY = ROOT / "config" / "smoke.yaml"
SETTING = """
import time, carousel
def call():
    start = time.process_time()
    carousel.decay("lstm", "torch", 1.0, 100, 32, 10)
    return time.process_time() - start
print(call(), call())
"""


def seconds(*arguments: str) -> float:
    """CPU seconds of a process of Python."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    one = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, *arguments], check=True, env=os.environ | one, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def job(backend: str, folder: str) -> list[str]:
    """The arguments of a job that measures decay."""
    paths = f"--study {STUDY} --cache {folder}/cache --out {folder}/{backend}.parquet"
    return f"-m carousel decay --cell rnn_tanh --backend {backend} {paths}".split()


def works(folder: str) -> Iterator[tuple[str, list[str]]]:
    """What is started, by what it is called."""
    yield "Python alone", ["-c", "pass"]
    yield "import carousel", ["-c", "import carousel"]
    for backend in ("numpy", "torch"):
        seconds(*job(backend, folder))
        yield f"a decay job on {backend}, all of it kept", job(backend, folder)


def run(rounds: int = 5) -> pd.DataFrame:
    """The table."""
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            (name, statistics.median(seconds(*given) for _ in range(rounds))) for name, given in works(folder)
        ]
    said = subprocess.run(
        [sys.executable, "-c", SETTING], check=True, capture_output=True, text=True, cwd=ROOT / "src"
    ).stdout
    first, then = map(float, said.split())
    rows += [("carousel.decay of one setting, the first call", first), ("the second call", then)]
    return pd.DataFrame(rows, columns=["what", "CPU seconds"])


if __name__ == "__main__":
    print(run(*map(int, sys.argv[1:])).round(3).to_markdown(index=False))
