"""Thresholds line by line: planted crossings and the law of the forget gate come back; intervals cover."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings, strategies as st

from carousel.analysis.stats import tables
from carousel.analysis.stats.crossing import Crossing, crossings, first_rise, pooled
from carousel.analysis.stats.resampling import interval
from carousel.analysis.theory.forget import bias_for
from carousel.analysis.theory.scalar import log10_sigmoid

HALF = float(np.log10(0.5))
BIASES = np.arange(0.0, 9.0)


def line(curves: np.ndarray, x: np.ndarray, **changes: object) -> pd.DataFrame:
    """Return the models of one line: a value for each curve [repetitions, x]."""
    curves = np.asarray(curves, float)
    repetition, place = (axis.ravel() for axis in np.indices(curves.shape))
    factors = dict.fromkeys(tables.MODEL, "x") | {"repetition": repetition} | changes
    return pd.DataFrame({"factor": np.asarray(x)[place], "rate": curves.ravel()}).assign(**factors)


def gates(places: np.ndarray, x: np.ndarray, level: float, **changes: object) -> pd.DataFrame:
    """Return a line of forget gates: each repetition's log10 sigma(b) reaches the level at its place."""
    off = np.asarray(places)[:, None] - bias_for(1, 10**level)
    return line(log10_sigmoid(np.asarray(x) - off), x, **changes)


@pytest.mark.parametrize(("lag", "share"), [(100, 0.5), (100, 0.1), (1000, 0.5), (30, 0.5)])
@pytest.mark.parametrize(("spacing", "error"), [(1, 1.5e-3), (2, 5e-3)])
def test_the_threshold_of_a_gate_comes_back_between_coarse_biases(
    lag: int, share: float, spacing: int, error: float
) -> None:
    x, true, level = np.arange(0, 11, spacing), float(bias_for(lag, share)), np.log10(share) / lag
    table = line(log10_sigmoid(x)[None], x)
    (at,) = crossings(table, "factor", level=level, smooth="log_loss")["at"]
    assert at == pytest.approx(true, abs=error)
    (straight,) = crossings(table, "factor", level=level)["at"]
    assert straight - true > 10 * abs(at - true)
    left = line(lag * log10_sigmoid(x)[None], x)
    (same,) = crossings(left, "factor", level=np.log10(share), smooth="log_loss")["at"]
    assert same == pytest.approx(at, rel=1e-12)


@given(st.floats(0.2, 3), st.floats(0.01, 0.99), st.floats(-9, -0.01), st.integers(2, 9))
def test_where_the_log_of_the_loss_is_straight_the_crossing_is_exact(
    slope: float, share: float, level: float, points: int
) -> None:
    x = np.linspace(-3, 5, points)
    at = x[0] + share * (x[-1] - x[0])
    y = level * np.exp(-slope * (x - at))
    assert first_rise(x, y[None], level, "log_loss").item() == pytest.approx(at, abs=1e-9)


@given(st.floats(0.1, 5), st.floats(0.01, 0.99), st.floats(-5, 5))
@example(1.0, 0.5, 2.225073858507e-311)
@example(1.0, 0.5, -2.225073858507e-311)
def test_through_zero_it_is_a_straight_line_whatever_is_asked(
    slope: float, share: float, level: float
) -> None:
    x = np.linspace(0, 4, 5)
    y = level + slope * (x - 4 * share)
    assert first_rise(x, y[None], level).item() == pytest.approx(4 * share)
    crossed = [[-1.0, 1.0], [-np.inf, -0.1], [-1.0, -0.5], [-0.1, -0.1]]
    assert first_rise(np.arange(2), np.array(crossed), -0.25, "log_loss").tolist() == [
        0.375,
        1,
        np.inf,
        -np.inf,
    ]


def test_each_line_has_its_own_crossing_and_interval() -> None:
    first, second = np.linspace(2.8, 3.9, 10), np.linspace(1.9, 2.2, 10)
    short = gates(first, BIASES[:2], HALF / 100, init="c")
    table = pd.concat(
        [gates(first, BIASES, HALF / 100, init="b"), gates(second, BIASES, HALF / 100, init="a"), short]
    )
    found = crossings(table, "factor", level=HALF / 100, smooth="log_loss")
    assert found["init"].tolist() == ["a", "b", "c"]
    for row, places in zip(found.itertuples(), (second, first), strict=False):
        assert [*row.each.values()] == pytest.approx(list(places), abs=0.02)
        assert (row.at, row.low, row.high) == interval(list(row.each.values()))
        assert (row.repetitions, row.first, row.last) == (10, 0.0, 8.0)
    assert found.iloc[2][["at", "low", "high", "first", "last"]].tolist() == [np.inf, np.inf, np.inf, 0, 1]
    alone = crossings(table[table["init"] == "a"], "factor", level=HALF / 100, smooth="log_loss")
    pd.testing.assert_frame_equal(alone, found.head(1))
    assert crossings(table, "factor", level=HALF / 100, smooth="log_loss", fewest=3)["init"].tolist() == [
        "a",
        "b",
    ]


def test_what_is_no_line_is_left_out_and_texts_are_read_as_numbers() -> None:
    table = gates(np.full(4, 5.0), BIASES, HALF / 100)
    named = table.assign(factor=table["factor"].map("{:g}".format).astype("category"))
    scheme = table[table["factor"] == 1].assign(factor="chrono", rate=9.0)
    lonely = table[table["factor"] == 1].assign(init="lonely")
    gone = table.assign(init="gone", rate=np.nan)
    found = crossings(pd.concat([named, scheme, lonely, gone]), "factor", level=HALF / 100)
    pd.testing.assert_frame_equal(found, crossings(table, "factor", level=HALF / 100))
    assert crossings(table.head(0), "factor").empty


def test_slices_are_one_line_and_lags_are_not() -> None:
    table = gates(np.linspace(4, 6, 5), BIASES, HALF / 100)
    parts = table.assign(slice=np.where(table["factor"] > 4, "high", "low"))
    again = pd.concat([parts, parts[parts["factor"] == 4].assign(slice="high")])
    whole = crossings(table, "factor", level=HALF / 100)
    pd.testing.assert_frame_equal(crossings(again, "factor", level=HALF / 100), whole)
    lags = pd.concat([table.assign(lag=lag, rate=lag * table["rate"]) for lag in (10, 100)])
    found = crossings(lags, "factor", level=HALF, smooth="log_loss")
    assert found["lag"].tolist() == [10, 100]
    assert found["at"].diff().iloc[1] == pytest.approx(float(bias_for(100) - bias_for(10)), abs=0.05)


def test_a_repetition_counts_that_has_all_values() -> None:
    table = gates(np.linspace(4, 6, 6), BIASES, HALF / 100)
    some = table[(table["repetition"] < 4) | (table["factor"] < 8)]
    (row,) = crossings(some, "factor", level=HALF / 100).itertuples()
    assert (row.repetitions, list(row.each), row.last) == (4, [0, 1, 2, 3], 8)


@settings(max_examples=20)
@given(st.integers(0, 2**31))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    table = pd.concat([gates(np.linspace(4, 6, 5), BIASES, HALF / 100, init=init) for init in "ba"])
    options = {"factor": "factor", "level": HALF / 100, "smooth": "log_loss"}
    found = crossings(table.sample(frac=1, random_state=seed), **options)
    pd.testing.assert_frame_equal(found, crossings(table, **options))


def test_lines_are_pooled_where_one_value_lies_in_all_their_intervals() -> None:
    places = np.linspace(4, 6, 10)
    table = pd.concat(
        [gates(places + off, BIASES, HALF / 100, init=init) for init, off in (("a", 0), ("b", 0.3))]
    )
    rows = crossings(table, "factor", level=HALF / 100, smooth="log_loss")
    found = pooled(rows)
    each = np.mean([list(each.values()) for each in rows["each"]], axis=0)
    assert found == Crossing(*interval(each), 10, 0.0, 8.0)
    assert found.at == pytest.approx(5.15, abs=0.02)
    assert pooled(rows.head(1)) == Crossing(*rows.iloc[0][list(Crossing._fields)])
    further = gates(places + 1.5, BIASES[1:], HALF / 100, init="c")
    three = crossings(pd.concat([table, further]), "factor", level=HALF / 100, smooth="log_loss")
    assert pooled(three) is None
    assert pooled(three.iloc[[0, 2]]) is None
    assert pooled(three.head(0)) is None


def test_pooling_takes_the_repetitions_and_values_that_all_lines_have() -> None:
    places = np.linspace(4, 6, 10)
    rows = crossings(pd.concat([gates(places, BIASES, HALF / 100, init="a"),
                                gates(places[:4] + 0.5, BIASES[2:8], HALF / 100, init="b")]),
                     "factor", level=HALF / 100)  # fmt: skip
    found = pooled(rows)
    assert found is not None
    assert (found.repetitions, found.first, found.last) == (4, 2.0, 7.0)


def test_lines_that_never_cross_agree_and_one_without_an_interval_does_not() -> None:
    tried = {"a": BIASES, "b": BIASES[:4]}
    table = pd.concat([gates(np.full(5, 20.0), x, HALF / 100, init=init) for init, x in tried.items()])
    assert pooled(crossings(table, "factor", level=HALF / 100)) == (np.inf, np.inf, np.inf, 5, 0.0, 3.0)
    crossed = crossings(gates(np.full(5, 5.0), BIASES, HALF / 100), "factor", level=HALF / 100)
    assert pooled(pd.concat([crossed, crossings(table, "factor", level=HALF / 100)])) is None
    single = crossings(gates(np.array([5.0]), BIASES, HALF / 100), "factor", level=HALF / 100)
    assert np.isnan(single["low"].item()) and pooled(single) is None


@pytest.mark.campaign
@pytest.mark.parametrize("repetitions", [5, 10])
def test_intervals_of_crossings_cover(repetitions: int) -> None:
    """One line's threshold, of gates that differ by repetition, lies in its interval in 95 % of studies."""
    rng, many, true = np.random.default_rng(8), 1000, 4.9
    places = true + 0.3 * rng.standard_normal((many, repetitions))
    level, x = HALF / 100, np.arange(0.0, 11.0)
    table = pd.concat([gates(row, x, level, gain=study) for study, row in enumerate(places)])
    found = crossings(table, "factor", level=level, smooth="log_loss")
    assert len(found) == many
    assert 0.92 <= np.mean((found["low"] <= true) & (found["high"] >= true)) <= 0.97


def test_a_curve_that_reaches_its_level_and_stays_there_has_crossed_it() -> None:
    curves = np.array(
        [[-1.0, 0.0, 0.0], [-2.0, -1.0, 0.0], [0.0, 1.0, 2.0], [-1.0, -1.0, -1e-12], [-np.inf, 0.0, 1.0]]
    )
    assert first_rise(np.arange(3.0), curves, 0.0).tolist() == [1.0, 2.0, -np.inf, np.inf, 1.0]
