"""The routes of planted decays: what is left along each, with an interval, one row per setting and lag."""

import numpy as np
import pandas as pd
import pytest
from support import planted

from carousel.analysis.routes import ROUTES, routes
from carousel.analysis.stats.left import KEPT, VANISHED
from carousel.analysis.stats.resampling import interval
from carousel.analysis.summary import KEYS
from carousel.axes import LAGS
from carousel.tables.schemas import names


@pytest.fixture(scope="module")
def decay() -> pd.DataFrame:
    return planted.decay()


@pytest.fixture(scope="module")
def found(decay) -> pd.DataFrame:
    return routes(decay)


def test_a_planted_rate_times_the_lag_is_left_along_each_route(found) -> None:
    assert list(found.columns) == names("routes")
    assert not found.duplicated([*KEYS, "quantity", "path", "lag"]).any()
    gated = found[(found["cell"] == "lstm") & (found["backend"] == "numpy")]
    assert set(gated["path"]) == {"full", "candidate", "cell"}
    for row in gated.itertuples():
        rate = planted.rate(row.cell, row.forget_bias, row.init, row.path, (row.trained, row.step))
        assert row.left == pytest.approx(rate * row.lag, abs=1e-9)


def test_lags_are_those_that_the_sequences_reach(found) -> None:
    for length, rows in found.groupby("length"):
        assert sorted(set(rows["lag"])) == [lag for lag in LAGS if lag <= length]


def test_the_interval_is_that_over_repetitions(decay, found) -> None:
    row = found[(found["cell"] == "lstm") & (found["path"] == "cell") & (found["lag"] == 30)].iloc[0]
    rate = planted.rate(row["cell"], row["forget_bias"], row["init"], "cell", (row["trained"], row["step"]))
    each = 30 * (rate + planted.STEP * (np.arange(planted.REPETITIONS) - 1))
    assert row[["left", "low", "high"]].tolist() == pytest.approx(interval(each))
    assert row["repetitions"] == planted.REPETITIONS


def test_states_by_their_intervals(found) -> None:
    alive = found[np.isfinite(found["left"])]
    kept, vanished = alive["low"] >= KEPT, alive["high"] < VANISHED
    between = (alive["low"] >= VANISHED) & (alive["high"] < KEPT)
    assert set(alive["state"][kept]) == {"kept"}
    assert set(alive["state"][vanished]) == {"vanished"}
    assert set(alive["state"][~kept & ~vanished]) == {"weakened", "unclear"}
    assert set(alive["state"][between]) == {"weakened"}


def test_a_route_that_carries_nothing_leaves_nothing(found) -> None:
    dead = found[(found["cell"] == "rnn_tanh") & (found["path"] == "cell")]
    assert len(dead) and np.isneginf(dead[["left", "low", "high"]]).all(axis=None)
    assert set(dead["state"]) == {"vanished"}


def test_the_carousel_from_cell_to_cell_and_the_input_are_routes_too(decay) -> None:
    own = decay[(decay["path"] == "full") & (decay["cell"] == "lstm") & (decay["lag"] > 0)]
    carousel = decay[(decay["path"] == "cell") & (decay["cell"] == "lstm")].assign(quantity="cec")
    all_ = pd.concat(
        [decay, carousel.assign(log10_norm=carousel["log10_norm"] - 2), own.assign(quantity="loss_x")]
    )
    table = routes(all_).set_index(["quantity", "path", *KEYS, "lag"])["left"]
    assert {(quantity, path) for quantity, path, *_ in table.index} == {*ROUTES}
    for other, name in (
        (("cec", "cell"), ("loss_state", "cell")),
        (("loss_x", "full"), ("loss_state", "full")),
    ):
        same = table.loc[other].align(table.loc[name], join="left")
        assert same[0].to_numpy() == pytest.approx(same[1].to_numpy())


def test_one_repetition_has_no_state_and_no_rows_leave_nothing(decay) -> None:
    one = routes(decay[decay["repetition"] == 0])
    assert one[["low", "high"]].isna().all(axis=None)
    assert set(one["state"]) == {"unclear"} and one["left"].notna().all()
    assert list(routes(decay.head(0)).columns) == names("routes")


def test_the_order_of_rows_does_not_matter(decay, found) -> None:
    pd.testing.assert_frame_equal(routes(decay.sample(frac=1, random_state=2)), found, rtol=1e-12)


def test_the_cosine_is_the_mean_over_repetitions_at_lags_between_those_recorded_too(decay) -> None:
    drawn = decay.assign(cosine=decay["repetition"].astype(float) - 0.01 * decay["lag"])
    found = routes(drawn)
    cosine = np.mean(np.arange(planted.REPETITIONS)) - 0.01 * found["lag"]
    np.testing.assert_allclose(found["cosine"], cosine, atol=1e-12)
    assert routes(drawn.assign(cosine=np.nan))["cosine"].isna().all()
