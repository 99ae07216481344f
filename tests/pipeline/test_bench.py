"""A run of the benchmarks that was stopped has written its rows, and goes on where it was."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RULES = BENCHMARKS.parent / "workflow" / "rules" / "measure.smk"
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


PAGE = """
import os, sys
os.sched_setaffinity = lambda *_: None
sys.path.insert(0, {benchmarks!r})
import page, pandas as pd
"""


def said(code: str) -> str:
    """What code prints that has the benchmarks' modules at hand."""
    whole = PAGE.format(benchmarks=str(BENCHMARKS)) + code
    return subprocess.run([sys.executable, "-c", whole], capture_output=True, text=True, check=True).stdout


def test_each_figure_stands_beside_its_target_and_a_miss_says_what_limits_it() -> None:
    page = said("""
rows = [
    dict(script="yardstick", work="yardstick", contender=page.FLOPS, seconds=100.0),
    dict(script="yardstick", work="yardstick", contender=page.TANH, seconds=2.0),
    dict(script="decay", work="w", contender="fast", seconds=1.0, against="peer", ratio=6.0, target=5.0),
    dict(script="decay", work="w", contender="slow", seconds=2.0, against="peer", ratio=3.0, target=4.0,
         operations=9e10, values=2e8, longest="`run` 90%"),
    dict(script="python", work="import", contender="x", seconds=0.1, against="at most 0.05", ratio=0.5, target=1.0),
]
print(page.page(pd.DataFrame(rows, columns=["script", "work", "contender", "seconds", "against", "ratio", "target",
      "operations", "values", "products", "activations", "axis", "size", "megabytes", "longest"])))
""")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines() if "|" in line
    ]
    assert ["w", "fast", "peer", "6", "5", "met"] in rows
    assert ["w", "slow", "peer", "3", "4", "**missed by 25.0%**"] in rows
    assert ["import", "x", "0.1", "at most 0.05", "**missed by 50.0%**"] in rows
    (line,) = (line for line in page.splitlines() if line.startswith("- w, slow against peer"))
    # allowed: a quarter of the peer's 6 s; at the yardstick's speeds 0.9 and 0.1 s
    for words in (
        "takes 2,000 ms, and 1,500 ms are allowed",
        "take 900 ms",
        "100 ms: 50% of what it takes, 67% of",
    ):
        assert words in line
    assert "nearly free (peer reaches 17% of those speeds). Most time of their own: `run` 90%." in line
    assert "w, fast" not in line
    predicted = [line for line in page.splitlines() if "by the roofline, not measured" in line]
    assert [line.split("M=")[1].split()[0] for line in predicted] == 2 * ["1", "8", "32", "128", "512"]


def test_exponents_of_power_laws_are_found_from_the_largest_sizes() -> None:
    table = said("""
import growth
rows = [dict(work="decay", axis="units", contender=name, size=n, seconds=0.1 + 3e-6 * n**power, megabytes=7.0 * n)
        for name, power in (("a", 2), ("b", 3)) for n in (1, 1000, 10000, 100000)]
found = growth.exponents(pd.DataFrame(rows)).set_index("contender")
print(*found["exponent, time"], *found["exponent, memory"], *found["largest"])
""")
    *exponents, first, second = map(float, table.split())
    assert exponents == pytest.approx([2, 3, 1, 1], abs=0.02)
    assert first == second == 100000


def test_the_prediction_for_a_gpu_is_that_of_the_busy_part_of_it_or_of_its_memory() -> None:
    found = said("""
from gpu import bench, predict
works = [bench.Work("decay", "lstm", bench.DECAY._replace(M=M, B=16), {}) for M in (1, 132, 133)]
print(*map(predict.predicted, works), bench.cost(works[1])[1])
""")
    one, full, spilled, moved = map(float, found.split())
    launches, operations = (
        1e-5,
        2 * 4 * 64 * 16 * 512 * (2 * 64 + 2),
    )  # gates, units, sequences, steps; R twice and W
    assert one - launches == pytest.approx(operations / (67e12 / 132))
    assert full - launches == pytest.approx(max(132 * operations / 67e12, moved / 4.8e12))
    assert spilled - launches == pytest.approx(2 * (one - launches))  # a second round for one tile


@pytest.mark.parametrize("script", ["bench", "yardstick", "growth", "goom"])
def test_libraries_have_one_thread_as_they_are_loaded_after_that_is_said(script: str) -> None:
    code = f"""
import sys
sys.path.insert(0, {str(BENCHMARKS)!r})
import {script}
from threadpoolctl import threadpool_info
print(*[each["num_threads"] for each in threadpool_info()])
"""
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    run = subprocess.run([sys.executable, "-c", code], env=free, capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == {"1"}


def test_a_study_s_rows_say_what_share_measures_and_what_two_cores_allow() -> None:
    page = said("""
import study
rules = pd.Series({**dict.fromkeys(study.MEASURING, 10.0), "judge": 20.0, "draw": 10.0})
table = study.rows("standard", 240.0, 480.0, 0.5, rules).assign(script="study")
print(page.limits(table[table.target.notna()]))
print(page.studies(table))
""")
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in page.splitlines()]
    assert [
        "study standard",
        "to the page, wall seconds",
        "480",
        "at most 240",
        "**missed by 50.0%**",
    ] in rows
    assert [
        "study standard",
        "share of CPU time that measures",
        "0.7",
        "at least 0.9",
        "**missed by 22.2%**",
    ] in rows
    assert "- study standard: 100 CPU seconds, 50 s on two cores that are never idle; judge 20%," in page


def test_the_rules_that_measure_are_those_of_the_workflow() -> None:
    rules = set(re.findall(r"^rule (\w+):", RULES.read_text(), re.MULTILINE)) - {"gather", "measure"}
    named = said("import study; print(*study.MEASURING)").split()
    assert {*named} == rules | {
        "decay",
        "dynamics",
        "depth",
    }  # the tables of the rule measure, as logs name them


def test_what_a_run_writes_does_not_make_it_another_commit(tmp_path: Path) -> None:
    there = tmp_path / "benchmarks"
    there.mkdir()
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for name in ("bench.csv", "decay.py"):
        (there / name).write_text("1")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], check=True)
    code = f"""
import state
state.HERE, state.provenance.commit = state.Path({str(there)!r}), lambda: "abc-dirty"
for name in ("bench.csv", "decay.py"):
    (state.HERE / name).write_text("2")
    print(state.commit())
"""
    assert said(code).split() == ["abc", "abc-dirty"]
