"""What it takes to start: `import carousel`, a setting from Python, and jobs that have nothing to measure.

    python benchmarks/starts.py [ROUNDS]

CPU seconds of whole processes, medians; a job's batches are all kept from a run before. Copies are of a process that
has imported what they need, as in a run on Linux, their fork included.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import psutil

from carousel.pipeline.run import copies

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


def as_copies(folder: str, rounds: int) -> Iterator[tuple[str, float]]:
    """CPU seconds of jobs that are copies, by what they are called, and of what they are copies of."""
    process = copies.start()
    if process is None:
        return
    served = psutil.Process(process.pid)
    log = Path(folder) / "log"
    for backend in ("numpy", "torch"):
        took = [copied(["python", *job(backend, folder)], log, served) for _ in range(rounds + 1)][1:]
        yield f"a decay job on {backend}, all of it kept, as a copy", statistics.median(took)
    spent = served.cpu_times()
    yield "what is copied, imports of both backends", spent.user + spent.system
    process.terminate()


def copied(command: list[str], log: Path, served: psutil.Process) -> float:
    """CPU seconds of a job that is a copy of `served`."""
    before = served.cpu_times()
    with log.open("ab") as file:
        while (copy := copies.ask(command, file.fileno(), file.fileno())) is None:
            time.sleep(0.05)
        copy.wait()
    after = served.cpu_times()
    return after.children_user + after.children_system - before.children_user - before.children_system


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
        rows += as_copies(folder, rounds)
    said = subprocess.run(
        [sys.executable, "-c", SETTING], check=True, capture_output=True, text=True, cwd=ROOT / "src"
    ).stdout
    first, then = map(float, said.split())
    rows += [("carousel.decay of one setting, the first call", first), ("the second call", then)]
    return pd.DataFrame(rows, columns=["what", "CPU seconds"])


if __name__ == "__main__":
    print(run(*map(int, sys.argv[1:])).round(3).to_markdown(index=False))
