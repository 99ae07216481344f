"""One study under several master seeds: nothing but the seed differs, and a verdict that turns is found."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from support.checkouts import copied, snakemake_in

from carousel.__main__ import main
from carousel.axes import BACKENDS
from carousel.pipeline.seed_stability import compared, others, reseeded
from carousel.study import files
from carousel.tables.parquet import provenance, read, write
from carousel.tables.schemas import schema as columns


def verdicts(*words: str) -> pd.DataFrame:
    """A table of claims, one per verdict; all else in it is missing."""
    missing = {"float": np.nan, "int": 0}
    rest = {name: missing.get(column.type, "") for name, column in columns("claims", BACKENDS).items()}
    return pd.DataFrame(rest | {"id": ["Q1", "K1", "A1a"][: len(words)], "verdict": words})


@pytest.mark.parametrize("name", ["standard", "smoke", "full"])
def test_a_reseeded_study_is_the_study_but_for_its_seed(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{name}-9.yaml"
    path.write_text(reseeded(files.find(name), 9))
    before, after = files.load(files.find(name)), files.load(path)
    assert after.seed == 9
    assert after.model_copy(update={"seed": before.seed}) == before


def test_the_other_seeds_are_others() -> None:
    assert others(1) == [2, 3, 4]


def test_a_verdict_that_turns_is_found() -> None:
    tables = {
        2: verdicts("depends", "refuted"),
        1: verdicts("supported", "refuted"),
        3: verdicts("supported", "refuted"),
    }
    found = compared(tables, 1)
    assert found["seed"].tolist() == [1, 1, 2, 2, 3, 3]
    assert found.loc[~found["same"], ["id", "seed", "verdict"]].values.tolist() == [["Q1", 2, "depends"]]


def test_tables_of_other_claims_are_refused() -> None:
    with pytest.raises(ValueError, match="seed 2: not the claims of seed 1"):
        compared({1: verdicts("supported", "refuted"), 2: verdicts("supported")}, 1)


def test_the_verb_reads_the_seeds_from_the_tables(tmp_path: Path) -> None:
    for seed, word in ((1, "supported"), (2, "refuted")):
        write(verdicts(word), tmp_path / f"{seed}.parquet", {"seed": seed, "commit": "x"})
    paths = [str(tmp_path / f"{seed}.parquet") for seed in (1, 2)]
    assert main(["stability", "--claims", paths[0], "--out", str(tmp_path / "out.parquet"), paths[1]]) == 0
    found = read(tmp_path / "out.parquet")
    assert found["same"].tolist() == [True, False]
    assert provenance(tmp_path / "out.parquet")["seed"] == [1, 2]


@pytest.mark.slow
def test_the_target_runs_the_study_again_under_each_seed(tmp_path: Path) -> None:
    """As far as the study file and the nested run's plan; the run itself is the study's own."""
    folder = copied(tmp_path)
    made = snakemake_in(folder, "--config", "study=smoke", "--", "results/smoke/stability/smoke-2.yaml")
    assert made.returncode == 0, made.stderr
    again = files.load(folder / "results/smoke/stability/smoke-2.yaml")
    assert again.seed == 2
    nested = "study=results/smoke/stability/smoke-2.yaml"
    plan = snakemake_in(folder, "--dry-run", "--config", nested, "--", "results/smoke-2/claims.parquet")
    assert plan.returncode == 0, plan.stderr
    assert "judge" in plan.stdout + plan.stderr
