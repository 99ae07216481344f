"""The Snakefile, run for real in a copy of the repository."""

import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
import yaml
from support.checkouts import copied, snakemake_in

from carousel.axes import BACKENDS
from carousel.pipeline import rebuild
from carousel.report.page import sections
from carousel.study.files import load
from carousel.tables.machine_folders import FOLDER, TABLES

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with a study of two cells on one backend."""
    folder = copied(tmp_path_factory.mktemp("checkout"))
    tiny = yaml.safe_load((folder / "config" / "smoke.yaml").read_text())
    tiny["decay"] = [tiny["decay"][0] | {"backends": ["numpy"], "cells": ["rnn_tanh", "gru"], "lengths": [5]}]
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(tiny))
    return folder


def snakemake(folder: Path, *arguments: str, study: str = "tiny") -> subprocess.CompletedProcess[str]:
    return snakemake_in(folder, "--config", f"study={study}", *arguments)


def planned(folder: Path, *targets: str, study: str = "tiny") -> Counter[str]:
    """Jobs by rule, as a dry run counts them."""
    run = snakemake(folder, "--dry-run", "--", *targets, study=study)
    assert run.returncode == 0, run.stderr
    text = run.stdout + run.stderr
    return Counter({rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", text, re.MULTILINE)})


@pytest.mark.parametrize("study", ["smoke", "standard"])
def test_one_job_a_file_and_at_most_300(checkout: Path, study: str) -> None:
    jobs = planned(checkout, study=study)
    expected = "measure search tune accuracy calibrate gather summarise judge draw report"
    assert {*expected.split()} <= set(jobs)
    assert jobs["total"] <= 300
    content = load(checkout / "config" / f"{study}.yaml")
    assert jobs["search"] == len(content.search)
    measured = [
        {(b, c) for part in parts for b in part.backends for c in part.cells}
        for parts in (content.decay, content.dynamics, content.depth)
    ]
    assert jobs["measure"] == sum(map(len, measured))
    assert jobs["calibrate"] == len(BACKENDS)
    assert jobs["gather"] == len("decay dynamics depth accuracy tuning calibration".split())


MADE = [
    *sections.SHOWN, "claims.csv", "claims.json", "figures/A2d.svg", "report.html", "decay/numpy/gru.parquet",
    "dynamics/numpy/lstm.parquet", "depth/torch/lstm.parquet",
    "accuracy/torch/adding/lstm.parquet", "accuracy/numpy/adding/lstm.decay.parquet",
    "accuracy/numpy/adding/lstm.dynamics.parquet", "search/search_weight.parquet", "tuning.parquet",
    "tuning/temporal_order/lstm.parquet", "calibration/torch.parquet",
    "stability.parquet", "stability/2.parquet", f"{FOLDER}/a/claims.parquet", f"{FOLDER}/a/agreement.parquet",
]  # fmt: skip
"""A file of every kind that the workflow makes."""


def test_the_command_for_a_file_of_any_kind_is_one_that_snakemake_takes(checkout: Path) -> None:
    added = checkout / "results" / "tiny" / FOLDER / "a"
    added.mkdir(parents=True)
    for name in TABLES:
        (added / f"{name}.parquet").touch()
    targets = {rebuild.target(checkout / "results" / "tiny" / name) for name in MADE}
    assert len(targets) == len(MADE)
    jobs = planned(checkout, *targets)
    shutil.rmtree(added)
    assert {"judge_other_machine", "other_seed", "stability", "report", "gather", "measure"} <= set(jobs)


LEARNED = [f"accuracy/numpy/adding/lstm{name}.parquet" for name in ("", ".decay", ".dynamics")]


def test_what_was_made_is_not_made_again_and_an_edit_reaches_its_own_cell_alone(checkout: Path) -> None:
    tables = [f"results/tiny/decay/numpy/{cell}.parquet" for cell in ("rnn_tanh", "gru")]
    made = snakemake(checkout, "--", *tables)
    assert made.returncode == 0, made.stderr
    assert all((checkout / table).stat().st_size for table in tables)
    assert (checkout / "results/tiny/logs/decay/numpy/gru.log").exists()
    for file in (checkout / "src").rglob("*.py"):
        file.touch()
    learned = [f"results/tiny/{name}" for name in LEARNED]
    (checkout / learned[0]).parent.mkdir(parents=True)
    for table in learned:
        (checkout / table).touch()
    assert not planned(checkout, *tables, *learned)
    gru, optimizer = (
        checkout / "src" / "carousel" / name for name in ("cells/gru.py", "measures/training/optimizer.py")
    )
    text = gru.read_text()
    gru.write_text(text + "# edited\n")
    optimizer.write_text(optimizer.read_text() + "# edited\n")
    assert planned(checkout, *tables, *learned) == {"measure": 1, "accuracy": 1, "total": 2}
    assert "measuring decay: gru on numpy" in snakemake(checkout, "--dry-run", "--", *tables).stdout
    gru.write_text(text)
    for table in learned:
        (checkout / table).unlink()
    everything = checkout / "src" / "carousel" / "engine" / "recurrence.py"
    everything.write_text(everything.read_text() + "# edited\n")
    assert planned(checkout, *tables)["measure"] == 2


def test_a_failed_job_shows_its_log(checkout: Path) -> None:
    main = checkout / "src" / "carousel" / "__main__.py"
    original = main.read_text()
    main.write_text("raise SystemExit('the reason')\n")
    run = snakemake(checkout, "--forcerun", "measure", "--", "results/tiny/decay/numpy/rnn_tanh.parquet")
    main.write_text(original)
    assert run.returncode == 1
    assert "the reason" in run.stdout + run.stderr


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"cells": ["lstmm"]}, "config/bad.yaml: decay[0].cells[0]: found 'lstmm'; allowed: "),
        (
            {"slice": "mine", "device": "cuda:99", "backends": ["torch"]},
            "slice mine: device: found cuda:99, which this machine does not have; allowed: cpu",
        ),
    ],
)
def test_a_wrong_study_is_one_line_before_anything_starts(
    checkout: Path, change: dict, expected: str
) -> None:
    bad = yaml.safe_load((checkout / "config" / "smoke.yaml").read_text())
    bad["decay"][0].update(change)
    (checkout / "config" / "bad.yaml").write_text(yaml.safe_dump(bad))
    run = snakemake(checkout, study="bad")
    (checkout / "config" / "bad.yaml").unlink()
    assert run.returncode == 1
    lines = [line for line in run.stderr.splitlines() if not line.startswith("Using workflow")]
    assert len(lines) == 1
    assert lines[0].startswith(expected)
    assert not (checkout / "results" / "bad").exists()


def test_exact_reaches_every_measuring_job_and_takes_true_or_false(checkout: Path) -> None:
    options = "--dry-run", "--printshellcmds", "--config", "study=tiny"
    page, other = (f"results/tiny/{name}" for name in ("report.html", "stability/2.parquet"))
    for given, exact in (("true", True), ("false", False)):
        out = snakemake_in(checkout, *options, f"exact={given}", "--", page, other).stdout
        assert f" --config study=results/tiny/stability/tiny-2.yaml exact={given} -- " in out
        assert re.search("-m carousel gather .*--out results/tiny/tuning.parquet", out)  # the page shows them
        commands = "decay", "dynamics", "depth", "accuracy", "tune", "search", "calibrate"
        jobs = [line for line in out.splitlines() if re.search(rf"-m carousel ({'|'.join(commands)}) ", line)]
        assert {command for command in commands for job in jobs if f" {command} " in job} == set(commands)
        assert all((" --exact" in job) is exact for job in jobs)
    wrong = snakemake_in(checkout, *options, "exact=maybe")
    assert wrong.stderr.splitlines()[-1] == "--config: exact: found maybe; allowed: true, false"


def test_a_study_that_is_not_there_and_an_unknown_option(checkout: Path) -> None:
    assert "nearest: smoke" in snakemake(checkout, study="smok").stderr
    run = snakemake(checkout, "--config", "sudy=smoke")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1] == "--config: found sudy; allowed: study, exact"
