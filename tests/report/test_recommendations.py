"""The advice and what was learned, against planted rates and seeds."""

import pandas as pd
import pytest
from support import planted

from carousel.analysis.summary import summarise
from carousel.report import recommendations


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return summarise(planted.decay())


@pytest.fixture(scope="module")
def recommended(summary) -> pd.DataFrame:
    return recommendations.recommend(summary, ["grid"]).set_index(["lag", "cell"])


@pytest.mark.parametrize(
    ("lag", "cell", "init", "bias", "kept", "n_kept"),
    [(10, "lstm", "torch", "1", True, 4),  # -0.8 decades; forget bias 0 loses three, and 1.5 with orthogonal
     (30, "lstm", "torch", "3", True, 2),  # orthogonal at 1 loses 1.2
     (100, "lstm", "torch", "3", True, 2),
     (10, "rnn_tanh", "orthogonal", "none", False, 0),  # -1 decade, and its interval goes beyond
     (30, "rnn_tanh", "orthogonal", "none", False, 0)],
)  # fmt: skip
def test_the_setting_closest_to_a_library_s_own_that_keeps_the_gradient(
    recommended, lag, cell, init, bias, kept, n_kept
):
    row = recommended.loc[(lag, cell)]
    assert (row["init"], row["forget_bias"], row["kept"], row["n_kept"]) == (init, bias, kept, n_kept)
    assert row["decades"] == pytest.approx(planted.rate(cell, bias, init) * lag, rel=1e-3)


def test_a_lag_beyond_what_was_measured_has_no_recommendation(recommended):
    assert set(recommended.index.get_level_values("lag")) == {10, 30, 100}
    assert recommended.loc[(10, "lstm")]["length"] == 40
    assert recommended.loc[(100, "lstm")]["length"] == 120


def test_no_advice_rests_on_one_backend_or_on_odd_input(summary):
    assert recommendations.recommend(summary[summary["backend"] == "numpy"], ["grid"]).empty
    assert recommendations.recommend(summary, ["other"]).empty


def test_half_lives_come_in_the_order_of_the_forget_bias(summary):
    table = recommendations.by_bias(summary, ["grid"])
    assert table["cell"].tolist() == ["lstm"] * 3
    assert table["forget_bias"].tolist() == ["0", "1", "3"]
    assert set(table["init"]) == {"torch"}
    assert set(table["length"]) == {120}
    assert table["half_life"].tolist() == pytest.approx([1.0034, 3.763, 150.5], rel=1e-3)


def test_a_seed_counts_where_both_backends_solved_it(summary):
    table = recommendations.learned(planted.accuracy(), summary).set_index(["cell", "forget_bias", "length"])
    assert table.loc[("lstm", "3", 40), "solved"] == 3
    assert table.loc[("lstm", "3", 120), "solved"] == 2
    assert table.loc[("lstm", "0", 40), "solved"] == 0
    low, high = table.loc[("lstm", "3", 40), ["low", "high"]]
    assert (low, high) == (pytest.approx(0.4385, abs=1e-4), 1.0)
    assert table.loc[("lstm", "1", 120), "half_life"] == pytest.approx(2 * 3.763, rel=1e-3)


def test_truncated_runs_are_not_among_them(summary):
    runs = planted.accuracy()
    assert recommendations.learned(runs.assign(gradient="truncated"), summary).empty
