"""What CONTRIBUTING says of a new cell: one file and its line in the table, and no other edit."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.checkouts import ROOT, copied

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
    cells = folder / "src" / "carousel" / "cells"
    (cells / "leaky.py").write_text(LEAKY)
    table = (cells / "__init__.py").read_text()
    table = table.replace("\nCELLS:", "\nfrom carousel.cells.leaky import LEAKY\n\nCELLS:")
    (cells / "__init__.py").write_text(table.replace("] = {\n", '] = {\n    "leaky": LEAKY,\n', 1))
    study = yaml.safe_load((folder / "config" / "smoke.yaml").read_text())
    short = {"backends": ["numpy"], "repetitions": 1, "hidden": [4], "forget_biases": [1.0]}
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


def conformance(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(
        folder, "pytest", "-q", "-x", "-k", "leaky", "-p", "no:cacheprovider", "tests/cells/test_cells.py"
    )


def test_the_conformance_tests_take_the_new_cell_up(checkout: Path) -> None:
    done = conformance(checkout)
    assert done.returncode == 0, done.stdout
    assert int(done.stdout.split(" passed")[0].split()[-1]) >= 15


def test_and_they_notice_a_wrong_adjoint(checkout: Path) -> None:
    file = checkout / "src" / "carousel" / "cells" / "leaky.py"
    file.write_text(LEAKY.replace("d_h * dz / 2", "d_h * dz"))
    assert conformance(checkout).returncode == 1
    file.write_text(LEAKY)


def test_the_study_the_tables_and_the_report_have_the_new_cell(checkout: Path) -> None:
    planned = run(checkout, "snakemake", "--dry-run", "--config", "study=every")
    assert "gradient decay: leaky on numpy" in planned.stdout
    made = run(checkout, "snakemake", "--cores", "2", "--config", "study=few")
    assert made.returncode == 0, made.stderr
    results = checkout / "results" / "few"
    for table in ("decay", "dynamics", "accuracy", "summary"):
        assert "leaky" in set(pd.read_parquet(results / f"{table}.parquet")["cell"]), table
    assert "leaky" in (results / "report.html").read_text()
