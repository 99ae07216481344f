"""What threads cost `carousel.diagnose`: its CPU and wall seconds as it is found, against a process kept to one thread.

    python benchmarks/diagnose.py [PAIRS]

Each time is that of one call, `diagnose(nn.LSTM(8, 64), 500 steps x 4)`, in a Python of its own, imports aside: without
any of the variables that limit threads, and with all of them at 1, by turns and each first in every other pair, so that
both meet the same neighbours on a shared machine. `ratio` is the median over pairs, which is to be at most LARGEST.
"""

import os
import statistics
import subprocess
import sys
from typing import NamedTuple

LARGEST = 1.1
PAIRS = 5
NAMES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
CODE = """
import time
import torch
import carousel

carousel.diagnose
torch.manual_seed(0)
module, inputs = torch.nn.LSTM(8, 64), torch.randn(500, 4, 8)
cpu, wall = time.process_time(), time.perf_counter()
carousel.diagnose(module, inputs)
print(time.process_time() - cpu, time.perf_counter() - wall)
"""


class Seconds(NamedTuple):
    """What one call took."""

    cpu: float
    wall: float


def seconds(threads: str) -> Seconds:
    """One call in a fresh Python; `threads`: of the variables, "" for none of them."""
    free = {name: value for name, value in os.environ.items() if name not in NAMES}
    env = free | (dict.fromkeys(NAMES, threads) if threads else {})
    run = subprocess.run([sys.executable, "-c", CODE], env=env, capture_output=True, text=True, check=True)
    return Seconds(*map(float, run.stdout.split()))


def measured(pairs: int) -> list[tuple[Seconds, Seconds]]:
    """As it is found and with one thread, by turns."""
    found = []
    for pair in range(pairs):
        order = ("", "1") if pair % 2 == 0 else ("1", "")
        times = {threads: seconds(threads) for threads in order}
        found.append((times[""], times["1"]))
    return found


def main() -> None:
    """Print the table."""
    found = measured(int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS)
    print(f"| seconds, median of {len(found)} pairs | as found | one thread | ratio | at most |")
    print("|---|---|---|---|---|")
    for name in Seconds._fields:
        free, one = ([getattr(each, name) for each in side] for side in zip(*found, strict=True))
        ratio = statistics.median(a / b for a, b in zip(free, one, strict=True))
        ends = statistics.median(free), statistics.median(one)
        print(f"| {name} | {ends[0]:.2f} | {ends[1]:.2f} | {ratio:.2f} | {LARGEST} |")


if __name__ == "__main__":
    main()
