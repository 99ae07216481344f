"""A table kept as runs gives the rows that the whole table gives, to the bit, whatever is selected."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carousel.analysis.stats.tables import heads, select
from carousel.claims.agreement import agreement
from carousel.tables import parquet, runs, schemas
from carousel.tables.layout import laid_out

SELECTIONS = [
    {},
    {"cell": "lstm"},
    {"cell": ("lstm", "gru"), "gain": 1.5},
    {"path": "full", "lag": 0},
    {"quantity": "loss_h", "lag": [1, 3], "n_zero": 0},
    {"cell": "no such cell"},
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A decay table of curves of random lengths, in random order, with texts and numbers that repeat."""
    rng = np.random.default_rng(7)
    curves = [curve(rng) for _ in range(60)]
    parquet.write(laid_out(pd.concat(curves, ignore_index=True), "decay"), tmp_path / "decay.parquet", {})
    return tmp_path / "decay.parquet"


def curve(rng: np.random.Generator) -> pd.DataFrame:
    size = int(rng.integers(1, 9))
    text = {name: rng.choice(["a", "b"]) for name in schemas.categories("decay")}
    text |= {"cell": rng.choice(["lstm", "gru", "rnn_tanh"]), "path": rng.choice(["full", "cell"])}
    text |= {"quantity": rng.choice(["loss_h", "loss_state"]), "backend": rng.choice(["numpy", "torch"])}
    numbers = {
        name: rng.choice([1.0, 1.5]) if kind == "float" else int(rng.integers(3))
        for name, kind in schemas.types("decay").items()
        if name not in text
    }
    norms = {"lag": np.arange(size), "log10_norm": rng.standard_normal(size), "cosine": np.nan}
    zeros = {"n_zero": rng.integers(0, 2, size) * 2**33}  # wider than the whole numbers that are kept small
    return pd.DataFrame(text | numbers | norms | zeros)


@pytest.mark.parametrize("rows", [3, 64, 2**18])
@pytest.mark.parametrize("wanted", SELECTIONS, ids=str)
def test_a_selection_of_runs_is_that_of_the_table(
    path: Path, wanted: dict, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "ROWS", rows)
    whole, kept = parquet.read(path), runs.read(path, "decay")
    pd.testing.assert_frame_equal(
        select(kept, **wanted), select(whole, **wanted), check_index_type=False, check_exact=True
    )
    assert len(kept) == len(whole)


def test_columns_are_those_that_are_read(path: Path) -> None:
    names = ["backend", "gain", "lag", "log10_norm"]
    assert [*select(runs.read(path, "decay", names))] == names
    assert [*heads(runs.read(path, "decay", names))] == names[:2]


def test_runs_are_fewer_than_rows(path: Path) -> None:
    kept = runs.read(path, "decay")
    assert len(kept.heads) <= 60 < len(kept)


def test_backends_agree_on_runs_as_on_the_table(path: Path) -> None:
    pd.testing.assert_frame_equal(agreement(runs.read(path, "decay")), agreement(parquet.read(path)))
