"""Whole studies from an empty folder to the page: wall seconds on two cores, memory, CPU seconds by rule."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
LIMITS = {
    "smoke": 60.0,
    "standard": 480.0,
}  # wall seconds; the smaller first, for the largest job of both is kept
SHARE, GIGABYTES = 0.85, 2.0
MEASURING = "accuracy", "calibrate", "decay", "dynamics", "search"


def run(cores: int = 2) -> pd.DataFrame:
    """The table of this work; a ratio is how far below its limit a study stays."""
    return pd.concat([one(name, limit, cores) for name, limit in LIMITS.items()], ignore_index=True)


def one(name: str, limit: float, cores: int) -> pd.DataFrame:
    """The rows of one study."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "results"))
        start = time.perf_counter()
        command = [sys.executable, "-m", "snakemake", "--cores", str(cores), "--config", f"study={name}"]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        subprocess.run(command, cwd=folder, check=True, env=os.environ | {"PATH": path}, capture_output=True)
        wall = time.perf_counter() - start
        rules = pd.read_parquet(Path(folder) / "results" / name / "timings.parquet").set_index("rule")["cpu"]
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    return rows(name, limit, wall, largest, rules)


def rows(name: str, limit: float, wall: float, largest: float, rules: pd.Series) -> pd.DataFrame:
    """The rows of one study that took `wall` seconds and `largest` GB in a job, with CPU seconds by rule."""
    study = f"study {name}"
    table = [
        (study, "to the page, wall seconds", wall, f"{limit:.0f} s", limit / wall, 1.0),
        (study, "the largest job, GB", largest, f"{GIGABYTES:.0f} GB", GIGABYTES / largest, 1.0),
        *((f"{study}, CPU seconds", rule, seconds, "", None, None) for rule, seconds in rules.items()),
    ]
    if name == "standard":
        share = rules[[*MEASURING]].sum() / rules.sum()
        table.append((study, "share of CPU time that measures", share, "", share, SHARE))
    return pd.DataFrame(table, columns=["work", "contender", "seconds", "against", "ratio", "target"])


if __name__ == "__main__":
    print(run().round(3).to_markdown(index=False))
