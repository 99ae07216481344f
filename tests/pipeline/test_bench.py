"""A run of the benchmarks that was stopped has written its rows, and goes on where it was."""

import subprocess
import sys
from pathlib import Path

import pandas as pd

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RUN = """
import os, sys
os.sched_setaffinity = lambda *_: None
sys.path.insert(0, {benchmarks!r})
import bench, pandas as pd, pathlib, types
bench.HERE = pathlib.Path({folder!r})
bench.yardstick = lambda: pd.DataFrame({{"contender": ["loop"], "work": "yardstick", "seconds": 2.0}})
bench.commit, fails = lambda: {commit!r}, {fails!r}
def run(cell):
    print("measured", cell)
    if cell == fails:
        raise KeyboardInterrupt
    row = {{"work": cell, "contender": "x", "seconds": 1.0, "against": "", "ratio": 3.0, "target": 2.0}}
    return pd.DataFrame([row])
bench.script = lambda name: types.SimpleNamespace(run=run, PARTS=[{{"cell": cell}} for cell in "abc"])
bench.measure(["decay"])
"""


def measured(folder: Path, commit: str = "1", fails: str = "") -> list[str]:
    code = RUN.format(benchmarks=str(BENCHMARKS), folder=str(folder), commit=commit, fails=fails)
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=not fails)
    return [line.split()[1] for line in run.stdout.splitlines() if line.startswith("measured")]


def works(folder: Path) -> list[str]:
    return pd.read_csv(folder / "bench.csv")["work"].tolist()


def test_a_run_that_was_stopped_goes_on(tmp_path: Path) -> None:
    assert measured(tmp_path, fails="b") == ["a", "b"]
    assert works(tmp_path) == ["yardstick", "a"]
    assert "| a " in (tmp_path / "bench.md").read_text()
    assert measured(tmp_path) == ["b", "c"]
    assert works(tmp_path) == ["yardstick", "a", "b", "c"]
    assert measured(tmp_path) == ["a", "b", "c"]  # that run was finished: this is another


def test_at_another_commit_all_is_measured_again(tmp_path: Path) -> None:
    measured(tmp_path, fails="c")
    assert measured(tmp_path, commit="2") == ["a", "b", "c"]
    assert works(tmp_path) == ["yardstick", "a", "b", "c"]
