"""What a long sequence needs: the largest memory of a process that measures 64 LSTMs over 10,000 steps."""

import subprocess
import sys

import pandas as pd

GIGABYTES = 2.0
WORK = """
import carousel
table = carousel.decay("lstm", "torch", 1.0, 10_000, 64, 64, backend="{backend}", dtype="float32")
assert table.lag.max() == 10_000
print(*(line for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
BACKENDS = "numpy", "torch"


def run() -> pd.DataFrame:
    """The table of this work; a ratio is how far below its limit a process stays."""
    rows = [(backend, gigabytes(backend)) for backend in BACKENDS]
    return pd.DataFrame(rows, columns=["contender", "seconds"]).assign(
        work="64 LSTMs of 64 units over 10,000 steps, GB",
        against=f"at most {GIGABYTES:.0f}",
        ratio=lambda table: GIGABYTES / table.seconds,
        target=1.0,
    )


def gigabytes(backend: str) -> float:
    """The memory of one backend's process at its largest."""
    command = [sys.executable, "-c", WORK.format(backend=backend)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return int(said.split()[-2]) / 2**20


if __name__ == "__main__":
    print(run().round(3).to_markdown(index=False))
