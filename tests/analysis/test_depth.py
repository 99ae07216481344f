"""What a stack brings to its lowest layer against a single one, on tables whose numbers are known."""

import numpy as np
import pandas as pd
import pytest
from support.report_results import depth_table as both_backends

from carousel.analysis.depth import CHANGES, against_one, change, lowest

HALF = np.log10(2)


def depth_table() -> pd.DataFrame:
    table = both_backends()
    return table[table["backend"] == "numpy"]


def gained(found: pd.DataFrame) -> dict[tuple[int, bool, int], float]:
    return {(row.layers, row.residual, row.lag): row.gained for row in found.itertuples()}


def test_gains_are_those_of_the_lines() -> None:
    found = against_one(depth_table())
    expected = {(2, False, 10): -1.0, (2, False, 30): 0.0, (2, True, 10): 0.6, (2, True, 30): 1.6}
    expected |= {(1, False, lag): 0.0 for lag in (10, 30)}
    assert gained(found) == pytest.approx(expected)
    changes = {(row.layers, row.residual, row.lag): row.change for row in found.itertuples()}
    assert [changes[key] for key in expected] == ["less", "the same", "more", "more", "the same", "the same"]


def test_the_initial_state_is_left_out() -> None:
    assert 60 in depth_table()["lag"].tolist() and lowest(depth_table())["lag"].max() == 30


def test_repetitions_are_paired() -> None:
    table = depth_table()
    bent = table.assign(log10_norm=table["log10_norm"] + 5.0 * table["repetition"])
    found = against_one(bent)
    assert gained(found) == pytest.approx(gained(against_one(table)))
    np.testing.assert_allclose(found["high"] - found["low"], 0, atol=1e-12)


def test_exact_zeros_of_both_are_no_change_and_what_is_not_known_is_undecided() -> None:
    zero = depth_table().assign(log10_norm=-np.inf, n_zero=2)
    assert set(against_one(zero)["gained"]) == {0.0}
    unknown = depth_table().assign(log10_norm=np.nan)
    assert set(against_one(unknown)["change"]) == {"undecided"}


def test_settings_without_a_single_layer_are_left_out() -> None:
    table = depth_table()
    assert against_one(table[table["layers"] > 1]).empty


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (HALF + 0.01, 1.0, "more"),
        (HALF - 0.01, 1.0, "undecided"),
        (-1.0, -HALF - 0.01, "less"),
        (-1.0, 0.0, "undecided"),
        (-HALF + 0.01, HALF - 0.01, "the same"),
        (np.nan, np.nan, "undecided"),
    ],
)
def test_the_whole_interval_decides(low: float, high: float, said: str) -> None:
    assert change(low, high) == said and said in CHANGES
