"""What CONTRIBUTING says of a new cell: one file and its line in the table, and no other edit."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.checkouts import ROOT, copied, snakemake_in

pytestmark = pytest.mark.slow

LEAKY = '''"""A leaky unit (Jaeger et al. 2007): h_t = (h_{t-1} + tanh(W x_t + R h_{t-1} + b)) / 2."""

import math

from carousel.cells.cell import Cell


def _forward(ops, p, wx, rh, state):
    (z,) = ops.gates(wx + rh)
    z, dz = ops.tanh(z)
    return ((state[0] + z) / 2,), (dz,)


def _backward(ops, p, saved, d_state):
    (dz,), (d_h,) = saved, d_state
    d_net = ops.stack((d_h * dz / 2,))
    return {}, d_net, d_net, (d_h / 2,)


def _log_factor(ops, p, wx, rh, state):
    return ops.zeros(state[0]) - math.log(2)


LEAKY = Cell(("h",), ("z",), "z", _forward, _backward, _log_factor)
'''


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with a new cell, a study of it and another, and one of every cell there is."""
    folder = copied(tmp_path_factory.mktemp("leaky"))
    shutil.copytree(ROOT / "tests", folder / "tests")
    shutil.copy(ROOT / "pyproject.toml", folder)
    add(folder, "leaky", LEAKY)
    study = yaml.safe_load((folder / "config" / "smoke.yaml").read_text())
    short = {"backends": ["numpy"], "repetitions": 1, "checked": 1, "hidden": [4], "forget_biases": [1.0]}
    study["decay"] = [study["decay"][0] | short | {"cells": ["rnn_tanh", "leaky"], "lengths": [20]}]
    study["search"] = [study["search"][0] | {"grid": 5, "generations": 1}]
    study["dynamics"] = [study["dynamics"][0] | short | {"cells": ["leaky"], "exponents": 4}]
    study["training"] = [study["training"][0] | short | {"cells": ["leaky"], "steps": 20, "snapshots": [0]}]
    (folder / "config" / "few.yaml").write_text(json.dumps(study))  # yaml would give shared lists anchors
    study["decay"][0]["cells"] = "all"
    (folder / "config" / "every.yaml").write_text(json.dumps(study))
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{folder / 'src'}"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True
    )


def add(folder: Path, name: str, source: str) -> None:
    """A cell's file and its line in the table, first of all."""
    cells = folder / "src" / "carousel" / "cells"
    (cells / f"{name}.py").write_text(source)
    table = (cells / "__init__.py").read_text()
    imported = f"\nfrom carousel.cells.{name} import LEAKY as {name.upper()}\n\nCELLS:"
    table = table.replace("\n\nCELLS:", imported, 1)
    (cells / "__init__.py").write_text(
        table.replace("] = {\n", f'] = {{\n    "{name}": {name.upper()},\n', 1)
    )


@pytest.mark.campaign
def test_the_conformance_tests_take_a_new_cell_up_and_notice_a_wrong_adjoint(
    checkout: Path, tmp_path: Path
) -> None:
    both = shutil.copytree(checkout, tmp_path / "both")
    add(both, "wrong", LEAKY.replace("d_h * dz / 2", "d_h * dz"))
    options = "-q", "-rfp", "-k", "leaky or wrong", "-p", "no:cacheprovider", "-n", "0"
    done = run(both, "pytest", *options, "tests/cells/test_cells.py")
    assert done.returncode == 1, done.stdout
    found = re.findall(r"^(PASSED|FAILED) \S+\[\S*(leaky|wrong)", done.stdout, re.MULTILINE)
    assert found.count(("PASSED", "leaky")) >= 15
    assert {cell for outcome, cell in found if outcome == "FAILED"} == {"wrong"}, done.stdout


def test_the_plan_and_a_job_have_the_new_cell(checkout: Path, tmp_path: Path) -> None:
    planned = snakemake_in(checkout, "--dry-run", "--config", "study=every")
    assert "measuring decay: leaky on numpy" in planned.stdout
    job = "carousel decay --study config/few.yaml --backend numpy --cell leaky"
    measured = run(checkout, *job.split(), f"--cache={tmp_path}", f"--out={tmp_path}/decay.parquet")
    assert measured.returncode == 0, measured.stderr
    assert set(pd.read_parquet(tmp_path / "decay.parquet")["cell"]) == {"leaky"}


@pytest.mark.campaign
def test_the_study_the_tables_and_the_report_have_the_new_cell(checkout: Path) -> None:
    made = run(checkout, "snakemake", "--cores", "2", "--config", "study=few")
    assert made.returncode == 0, made.stderr
    results = checkout / "results" / "few"
    for table in ("decay", "dynamics", "accuracy", "summary"):
        assert "leaky" in set(pd.read_parquet(results / f"{table}.parquet")["cell"]), table
    assert "leaky" in (results / "report.html").read_text()
