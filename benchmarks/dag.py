"""What Snakemake does before the first job, for studies of up to so many settings: seconds, memory and jobs.

    python benchmarks/dag.py [SETTINGS ...]          1e4, 1e5 and 1e6 if none are given

Decay of every cell on both backends, beside the rest of the smoke study: a job is a cell on a backend. Settings
come from gains and repetitions; a setting of a cell on a backend is one model. Dry runs, one after the other.
"""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import yaml

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "src")]

from support.checkouts import copied  # noqa: E402

from carousel.cells import CELLS  # noqa: E402
from carousel.study.files import load  # noqa: E402
from carousel.study.jobs import decay_jobs  # noqa: E402

SETTINGS = 10_000, 100_000, 1_000_000
BACKENDS = 2
GAINS = 100
MEASURE = """
import resource, subprocess, sys
run = subprocess.run([sys.executable, "-m", "snakemake", *sys.argv[1:]], capture_output=True, text=True)
print(run.stdout, run.stderr, "status", run.returncode)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print("used", used.ru_utime + used.ru_stime, used.ru_maxrss)
"""


def study(settings: int, cells: int = len(CELLS)) -> dict:
    """A study of at least `settings` settings over the first `cells` cells: gains, and repetitions."""
    content = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text())
    each = -(-settings // (cells * BACKENDS * GAINS))
    part = content["decay"][0] | {
        "cells": list(CELLS)[:cells],
        "gains": [0.02 * (k + 1) for k in range(GAINS)],
        "forget_biases": [1.0],
        "repetitions": each,
        "checked": each,
    }
    return content | {"title": "Many settings", "decay": [part]}


def dry_run(folder: Path, many: dict) -> dict[str, float]:
    """Seconds, megabytes and jobs of a dry run of a study, and what it takes to load it."""
    path = folder / "many.yaml"
    path.write_text(yaml.safe_dump(many))
    start = time.process_time()
    content = load(path)
    loaded = time.process_time() - start
    command = [sys.executable, "-c", MEASURE, "--dry-run", "--cores", "1", "--config", f"study={path}"]
    start = time.perf_counter()
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert "status 0" in said, said
    cpu, peak = map(float, said.rsplit("used", 1)[1].split())
    part = content.decay[0]
    return {
        "settings": len(part.cells) * len(part.backends) * len(part.gains) * part.repetitions,
        "jobs": float(re.findall(r"^total +(\d+)$", said, re.MULTILINE)[0]),
        "decay jobs": float(len(decay_jobs(content))),
        "seconds": time.perf_counter() - start,
        "CPU seconds": cpu,
        "of which the study": loaded,
        "MB": peak / 1024,
    }


def run(settings: list[int]) -> pd.DataFrame:
    """One row a study: a few cells first, so that what a job costs can be told from what a setting costs."""
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name))
        small = [study(settings[0], cells) for cells in (1, 9)]
        return pd.DataFrame([dry_run(folder, content) for content in (*small, *map(study, settings))])


if __name__ == "__main__":
    table = run([int(float(each)) for each in sys.argv[1:]] or list(SETTINGS))
    print(table.round(2).to_markdown(index=False, floatfmt=".7g"))
