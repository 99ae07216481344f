"""The workflow started from a folder that is not the checkout, and targets that it does not have."""

import re
from collections import Counter
from pathlib import Path

import pytest
from support.checkouts import copied, snakemake_in

pytestmark = pytest.mark.slow
SMOKE = "--config", "study=smoke"
MODULE = """
module gradients:
    snakefile: "{checkout}/Snakefile"
    config: {{"study": "smoke"}}

use rule * from gradients as gradients_*

rule own:
    default_target: True
    input: "results/smoke/decay.parquet"
    output: "own.txt"
    shell: "touch {{output}}"
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("checkout"))


def jobs(folder: Path, *arguments: str) -> Counter[str]:
    """Jobs by rule, as a dry run in `folder` counts them."""
    run = snakemake_in(folder, "--dry-run", *arguments)
    assert run.returncode == 0, run.stderr
    return Counter(
        {rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", run.stdout + run.stderr, re.MULTILINE)}
    )


def test_it_plans_the_same_from_any_folder(checkout: Path, tmp_path: Path) -> None:
    wanted, file = jobs(checkout, *SMOKE), f"{checkout}/Snakefile"
    assert wanted["report"] == 1
    (tmp_path / "own").mkdir()
    assert jobs(tmp_path / "own", "-s", file, *SMOKE) == wanted
    assert jobs(tmp_path, "-s", file, "--directory", "new/folder", *SMOKE) == wanted
    assert jobs(tmp_path, "-s", file, *SMOKE, "--", "stability")["other_seed"] > 1


def test_a_study_of_one_s_own_lies_in_the_working_folder(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text((checkout / "config" / "smoke.yaml").read_text())
    assert jobs(tmp_path, "-s", f"{checkout}/Snakefile", "--config", "study=mine.yaml")["report"] == 1


def test_a_workflow_of_one_s_own_uses_its_rules(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "Snakefile").write_text(MODULE.format(checkout=checkout))
    planned = jobs(tmp_path)
    assert planned["own"] == planned["gradients_gather"] == 1
    assert planned["gradients_measure"] > 1
    assert jobs(tmp_path, "gradients_all")["gradients_report"] == 1


@pytest.mark.campaign
def test_it_measures_the_same_from_any_folder(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "module").mkdir()
    (tmp_path / "module" / "Snakefile").write_text(MODULE.format(checkout=checkout))
    table, made = "results/smoke/decay/numpy/gru.parquet", []
    for folder, options in (
        (checkout, SMOKE),
        (tmp_path / "own", ("-s", f"{checkout}/Snakefile", *SMOKE)),
        (tmp_path / "module", ()),
    ):
        run = snakemake_in(folder, *options, "--", table)
        assert run.returncode == 0, run.stderr
        made.append((folder / table).read_bytes())
    assert made[0] == made[1] == made[2]


TARGETS = {
    "decay/numpy/lstmm.parquet": "nearest: lstm",
    "decay/numpy/rnn_linear.parquet": "allowed: ",  # a cell, but not of this study
    "dynamics/torch/LSTM.parquet": "nearest: lstm",
    "decay/jax/lstm.parquet": "allowed: ",
    "accuracy/numpy/addding/lstm.parquet": "nearest: accuracy/numpy/adding",
    "accuracy/numpy/adding/lstmm.parquet": "nearest: lstm",
    "accuracy/torch/adding/lstmm.decay.parquet": "nearest: lstm",
    "search/search_wieght.parquet": "nearest: search_weight",
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_the_study_does_not_have_is_one_line(checkout: Path, target: str) -> None:
    run = snakemake_in(checkout, "--dry-run", *SMOKE, "--", f"results/smoke/{target}")
    assert run.returncode == 1
    said = [line for line in run.stderr.splitlines() if line.startswith("results/smoke/")]
    assert len(said) == 1
    assert "the study has no such job; allowed: " in said[0] and TARGETS[target] in said[0]
    assert "Traceback" not in run.stderr and "Error" not in run.stderr
