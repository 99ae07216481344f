"""A study of thousands of settings from one end to the other, and what the obvious pipeline would take for it.

The obvious pipeline (baseline/) is run on a sample and scaled: its cost is a job a setting. Wall seconds on the cores
given, from the start of Snakemake to the gathered table.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml
from cores import all_cores

ROOT = Path(__file__).parents[1]
SAMPLE, SETTINGS, TARGET = 12, 2000, 100.0
GROWTH = 10, 200


def study(settings: int) -> dict:
    """A study of `settings` models of the first slice's LSTM, on NumPy: ten gains, and repetitions."""
    content = yaml.safe_load((ROOT / "config" / "standard.yaml").read_text())
    part = content["decay"][0] | {
        "slice": "many",
        "backends": ["numpy"],
        "cells": ["lstm"],
        "inits": ["torch"],
        "gains": [0.2 * (k + 1) for k in range(10)],
        "forget_biases": [1.0],
        "lengths": [100],
        "repetitions": settings // 10,
        "checked": settings // 10,
    }
    return content | {"title": "Many settings", "decay": [part]}


def ours(settings: int, cores: int) -> float:
    """Wall seconds of carousel, to the table of all settings."""
    with tempfile.TemporaryDirectory() as folder:
        copied(folder)
        path = Path(folder) / "many.yaml"
        path.write_text(yaml.safe_dump(study(settings)))
        seconds = timed(
            f"--cores {cores} --config study=many.yaml -- results/many/decay/numpy/lstm.parquet", folder
        )
        table = pd.read_parquet(Path(folder) / "results/many/decay/numpy/lstm.parquet", columns=["lag"])
        assert (table.lag == 100).sum() % settings == 0 < (table.lag == 100).sum()
        return seconds


def baseline(settings: int, cores: int) -> float:
    """Wall seconds of the obvious pipeline."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(__file__).parent / "baseline" / "Snakefile"
        seconds = timed(f"--snakefile {source} --cores {cores} --config settings={settings}", folder)
        assert len((Path(folder) / "decay.csv").read_text().splitlines()) == 101 * settings
        return seconds


def copied(folder: str) -> None:
    """The repository in `folder`, without results."""
    shutil.copytree(ROOT, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*", "results"))


def timed(arguments: str, folder: str) -> float:
    """Wall seconds of one call of Snakemake."""
    return measured(arguments, folder)[0]


WATCH = """
import os, subprocess, sys
run = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
_, status, used = os.wait4(run.pid, 0)  # of the processes that it waited for, too
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
"""Runs a command and prints the KB of its largest process. A small one, as a program inherits its starter's peak."""


def measured(arguments: str, folder: str) -> tuple[float, float]:
    """Wall seconds of one call of Snakemake, and the GB of its largest process."""
    start = time.perf_counter()
    command = [sys.executable, "-m", "snakemake", "--quiet", "all", *arguments.split()]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    with all_cores():
        said = subprocess.run(
            [sys.executable, "-c", WATCH, *command],
            cwd=folder,
            env=os.environ | {"PATH": path},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    return time.perf_counter() - start, int(said) / 2**20


def run(cores: int = 2) -> pd.DataFrame:
    """The table of this work: the baseline scaled from its sample, and carousel at several sizes."""
    empty, sample = baseline(1, cores), baseline(SAMPLE, cores)
    scaled = empty + (sample - empty) * (SETTINGS - 1) / (SAMPLE - 1)
    mine = ours(SETTINGS, cores)
    rows = [
        (
            f"{SETTINGS} settings, end to end",
            f"a job a setting (scaled from {SAMPLE})",
            scaled,
            "",
            None,
            None,
        ),
        (f"{SETTINGS} settings, end to end", "carousel", mine, "a job a setting", scaled / mine, TARGET),
    ]
    rows += [(f"{n} settings, end to end", "carousel", ours(n, cores), "", None, None) for n in GROWTH]
    return pd.DataFrame(rows, columns=["work", "contender", "seconds", "against", "ratio", "target"])


if __name__ == "__main__":
    print(run().round(3).to_markdown(index=False))
