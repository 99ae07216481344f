"""A new factor of the decay table: one line in columns.py and one where it is measured, and no other edit."""

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

COLUMN = """    Column("area", "int", "factor", "1", "numbers in one gate's R", words="area of R"),\n"""
MEASURED = """        "area": settings[0].hidden ** 2,\n"""
DESCRIBED = """
from pathlib import Path
from carousel.pipeline.machines.matching import KINDS, described
print(described(Path("results/few/decay.parquet"), KINDS["decay"].factors, [0])[0])
"""


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository with the two lines, and a tiny study."""
    folder = copied(tmp_path_factory.mktemp("column"))
    source = folder / "src" / "carousel"
    insert(source / "tables" / "columns.py", '    Column("repetition",', COLUMN)
    insert(source / "measures" / "rows.py", '        "backend": backend.name,', MEASURED)
    (folder / "config" / "few.yaml").write_text(json.dumps(few()))
    return folder


@pytest.fixture(scope="module")
def checkout(edited: Path) -> Path:
    """The copy with the results of the study."""
    made = run(edited, "-m", "snakemake", "--cores", "2", "--config", "study=few")
    assert made.returncode == 0, made.stderr
    return edited


def insert(file: Path, before: str, line: str) -> None:
    """Put a line before the one place in a file that starts so."""
    text = file.read_text()
    assert text.count(before) == 1
    file.write_text(text.replace(before, line + before))


def few() -> dict:
    """Smoke, cut down to two cells of two sizes on one backend."""
    study = yaml.safe_load((ROOT / "config" / "smoke.yaml").read_text())
    short = {"backends": ["numpy"], "repetitions": 1, "checked": 1, "hidden": [4], "forget_biases": [1.0]}
    decay = short | {"cells": ["rnn_tanh", "lstm"], "hidden": [4, 6], "lengths": [20]}
    return study | {
        "decay": [study["decay"][0] | decay],
        "search": [study["search"][0] | {"grid": 5, "generations": 1}],
        "dynamics": [study["dynamics"][0] | short | {"cells": ["lstm"], "exponents": 4}],
        "training": [study["training"][0] | short | {"cells": ["lstm"], "steps": 20, "snapshots": [0]}],
    }


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{folder / 'src'}"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True
    )


def test_a_job_measures_the_factor(edited: Path, tmp_path: Path) -> None:
    job = "-m carousel decay --study config/few.yaml --backend numpy --cell lstm"
    made = run(edited, *job.split(), f"--cache={tmp_path}", f"--out={tmp_path}/decay.parquet")
    assert made.returncode == 0, made.stderr
    found = pd.read_parquet(tmp_path / "decay.parquet")
    assert sorted(set(found["area"])) == [16, 36] and found["area"].equals(found["hidden"] ** 2)


@pytest.mark.parametrize("table", ["decay", "dynamics", "summary"])
@pytest.mark.campaign
def test_the_tables_of_models_have_the_factor(table: str, checkout: Path) -> None:
    found = pd.read_parquet(checkout / "results" / "few" / f"{table}.parquet")
    assert found["area"].equals(found["hidden"] ** 2)


@pytest.mark.campaign
def test_the_settings_of_the_claims_say_where_it_varies(checkout: Path) -> None:
    claims = pd.read_parquet(checkout / "results" / "few" / "claims.parquet").set_index("id")
    assert "area of R 16 and 36" in claims.loc["Q1", "settings"]


@pytest.mark.campaign
def test_rows_of_two_result_sets_are_matched_by_it_and_named_with_it(checkout: Path) -> None:
    said = run(checkout, "-c", DESCRIBED)
    assert ", area 16, " in said.stdout, said.stderr
    shutil.copytree(checkout / "results" / "few", checkout / "results" / "moved")
    compared = run(checkout, "-m", "carousel", "compare", "results/few", "results/moved", "--fail")
    assert compared.returncode == 0, compared.stderr


@pytest.mark.campaign
def test_the_page_and_the_readme_show_it(checkout: Path) -> None:
    assert "<em>area of R</em> 16, 36" in (checkout / "results" / "few" / "report.html").read_text()
    shutil.copy(ROOT / "results" / "README.md", checkout / "README.md")
    assert run(checkout, "-m", "carousel.tables.document", "README.md").returncode == 0
    assert "| `area` | int | factor | 1 | numbers in one gate's R |" in (checkout / "README.md").read_text()
