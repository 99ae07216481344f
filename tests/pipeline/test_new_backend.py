"""A new backend is one file and its line in axes.BACKENDS: jobs, tables, claims, figures and page take it up."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from support.checkouts import copied, snakemake_in

from carousel.report.page import markup

MIRROR = '''"""A backend for tests: the sums of NumPy, under a name of its own."""

from dataclasses import dataclass

from carousel.engine.backends.numpy import NumpyBackend


@dataclass(frozen=True)
class MirrorBackend(NumpyBackend):
    """The NumPy backend once more, as a third one."""

    name: str = "mirror"
'''
ENTRY = (
    '    "mirror": BackendEntry("Mirror", "carousel.engine.backends.mirror:MirrorBackend", "numpy", ("cpu",),'
    ' ("float32", "float64")),\n'
)
SMALL = {
    "backends": ["numpy", "torch", "mirror"],
    "repetitions": 2,
    "checked": 2,
    "hidden": [4],
    "forget_biases": [1.0],
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with a third backend, and a study of little that all three measure."""
    folder = copied(tmp_path_factory.mktemp("mirror"))
    package = folder / "src" / "carousel"
    (package / "engine" / "backends" / "mirror.py").write_text(MIRROR)
    table = (package / "axes.py").read_text()
    before, after = table.split("BACKENDS: dict[str, BackendEntry] = {\n")
    start, end = after.split("\n}\n", 1)
    (package / "axes.py").write_text(
        f"{before}BACKENDS: dict[str, BackendEntry] = {{\n{start}\n{ENTRY}}}\n{end}"
    )
    (folder / "config" / "three.yaml").write_text(json.dumps(small(folder / "config" / "smoke.yaml")))
    return folder


def small(smoke: Path) -> dict:
    """The smoke study with a slice of each kind."""
    study = yaml.safe_load(smoke.read_text())
    decay = next(part for part in study["decay"] if "jacobian" in part["measures"])
    study["decay"] = [
        study["decay"][0] | SMALL | {"cells": ["rnn_tanh", "lstm97", "lstm"], "lengths": [100]},
        decay | SMALL | {"cells": ["lstm"], "lengths": [20]},
    ]
    study["search"] = [study["search"][0] | {"grid": 5, "generations": 1}]
    study["dynamics"] = [study["dynamics"][0] | SMALL | {"cells": ["lstm"], "exponents": 4}]
    study["training"] = [study["training"][0] | SMALL | {"cells": ["lstm"], "steps": 20, "snapshots": [0]}]
    return study


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{folder / 'src'}"}
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_the_plan_and_a_job_have_the_new_backend(checkout: Path, tmp_path: Path) -> None:
    planned = snakemake_in(checkout, "--dry-run", "--config", "study=three")
    assert "measuring decay: lstm on mirror" in planned.stdout, planned.stderr
    job = "carousel decay --study config/three.yaml --backend mirror --cell lstm"
    measured = run(checkout, *job.split(), f"--cache={tmp_path}", f"--out={tmp_path}/decay.parquet")
    assert measured.returncode == 0, measured.stderr
    assert set(pd.read_parquet(tmp_path / "decay.parquet")["backend"]) == {"mirror"}


@pytest.mark.campaign
def test_a_study_on_three_backends_goes_to_the_page(checkout: Path) -> None:
    made = run(checkout, "snakemake", "--cores", "2", "--config", "study=three")
    assert made.returncode == 0, made.stderr
    results = checkout / "results" / "three"
    for name in ("decay", "dynamics", "accuracy"):
        table = pd.read_parquet(results / f"{name}.parquet")
        own, other, third = (table[table["backend"] == name] for name in ("mirror", "numpy", "torch"))
        assert len(own) == len(third) == len(table) / 3, name
        pd.testing.assert_frame_equal(
            *(rows.drop(columns="backend").reset_index(drop=True) for rows in (own, other))
        )
    claim = pd.read_parquet(results / "claims.parquet").set_index("id").loc["K1"]
    assert claim["verdict"] == "refuted"
    assert claim["mirror"] == claim["numpy"] == pytest.approx(claim["torch"])
    agreement = pd.read_parquet(results / "agreement.parquet").set_index("measure")
    alone = agreement.filter(like="measured by one backend alone", axis=0)
    assert (alone["value"] == 0).all()
    assert alone["n"].sum() == len(
        pd.read_parquet(results / "decay.parquet")
    )  # three pairs of three equal parts
    assert f"Mirror {markup.number(claim['mirror'])}" in (results / "report.html").read_text()
