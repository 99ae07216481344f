"""Planted decays come back on one line each; intervals cover; what may not matter does not."""

import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st

from carousel.analysis.stats import slopes as slopes_theory, tables
from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.summary import KEYS, PRECISIONS, SUMMARISED, _shapes, summarise
from carousel.tables.schemas import names

LAGS = np.arange(101)
LOST = {"float32": -37.9297794536, "float64": -307.6526555685}  # log10 of 2^-126 and of 2^-1022
LARGEST = {"float32": 38.5318394451, "float64": 308.2547155600}  # log10 of 2^128 and of 2^1024


def planted(
    y: np.ndarray, lags: np.ndarray = LAGS, n_zero: np.ndarray | int = 0, **changes: object
) -> pd.DataFrame:
    """Return the decay rows of curves y [settings, repetitions, lags]; a setting's number is its gain."""
    y = np.asarray(y, float)
    many, repetitions, points = y.shape
    number, repetition, place = (axis.ravel() for axis in np.indices(y.shape))
    factors = dict.fromkeys(tables.MODEL, "x") | {"length": int(lags[-1]), "backend": "numpy"}
    factors |= {"quantity": "loss_state", "path": "full", "gain": number, "repetition": repetition}
    zeros = np.broadcast_to(n_zero, y.shape).ravel()
    rows = pd.DataFrame({"lag": np.asarray(lags)[place], "log10_norm": y.ravel(), "n_zero": zeros, "n": 8})
    return rows.assign(**(factors | changes))


def setting(curves: list[np.ndarray], lags: np.ndarray = LAGS, **changes: object) -> pd.DataFrame:
    """Return the decay rows of one setting: a repetition per curve."""
    return planted(np.array(curves)[None], lags, **changes)


def only(rows: pd.DataFrame) -> pd.Series:
    """Return the one line of the summary."""
    table = summarise(rows)
    assert list(table.columns) == names("summary")
    assert len(table) == 1
    return table.iloc[0]


def straight(rates: np.ndarray, lags: np.ndarray = LAGS) -> pd.DataFrame:
    """Return the summary of one setting per rate, of three repetitions on one straight line."""
    return summarise(planted(np.asarray(rates)[:, None, None] * lags + np.zeros((3, 1)), lags))


@pytest.mark.parametrize("length", [20, 301, 5000])
def test_an_exponential_decay_comes_back(length: int) -> None:
    rates = -np.geomspace(0.01, 3, 40)
    lags = np.concatenate([[0], np.unique(np.rint(np.geomspace(1, length, 60)).astype(int))])
    table = straight(rates, lags)
    assert table["rate"].to_numpy() == pytest.approx(rates, rel=1e-10)
    assert (table["high"] - table["low"]).to_numpy() == pytest.approx(0, abs=1e-14)
    assert table["half_life"].to_numpy() == pytest.approx(np.log10(0.5) / rates, rel=1e-10)
    for name, lowest in LOST.items():
        assert table[f"{name}_lag"].to_numpy() == pytest.approx(lowest / rates, rel=1e-9)
        assert set(table[f"{name}_end"]) == {"underflow"}
        assert table[f"{name}_extrapolated"].tolist() == (rates * length > lowest).tolist()
    assert set(table["regime"]) == {"vanishing"}
    assert set(table["best"]) == {"exponential"}
    assert table["margin"].to_numpy() == pytest.approx(-rates - STEADY, rel=1e-9)


@pytest.mark.parametrize(("name", "kind"), [("float32", np.float32), ("float64", np.float64)])
@pytest.mark.parametrize("halvings", [2, 5, 9])
def test_the_lag_at_which_a_plain_program_leaves_the_normal_numbers(
    name: str, kind: type, halvings: int
) -> None:
    value, steps = kind(1), 0
    while value >= np.finfo(kind).tiny:
        value, steps = value * kind(0.5**halvings), steps + 1
    lags = np.arange(600)
    found = only(setting([-halvings * np.log10(2) * lags] * 2, lags))
    assert np.floor(found[f"{name}_lag"] + 1e-9) + 1 == steps


def test_an_explosion_overflows() -> None:
    rates = np.geomspace(0.01, 5, 40)
    table = straight(rates)
    assert set(table["regime"]) == {"exploding"}
    assert set(table["half_life"]) == {np.inf}
    for name, highest in LARGEST.items():
        assert table[f"{name}_lag"].to_numpy() == pytest.approx(highest / rates, rel=1e-9)
        assert set(table[f"{name}_end"]) == {"overflow"}
        assert table[f"{name}_extrapolated"].tolist() == (rates * 100 < highest).tolist()


def test_a_constant_is_not_lost() -> None:
    found = only(setting([0 * LAGS - 0.3] * 2))
    assert (found["rate"], found["half_life"], found["regime"]) == (0, np.inf, "steady")
    assert found["best"] == "constant"
    assert found["margin"] == STEADY
    for name in PRECISIONS:
        assert (found[f"{name}_lag"], found[f"{name}_end"]) == (np.inf, "steady")
        assert not found[f"{name}_extrapolated"]


def test_a_power_law_is_told_from_an_exponential() -> None:
    lags = np.arange(1001)
    found = only(setting([-15 * np.log10(1 + lags)] * 2, lags))
    assert (found["best"], found["best_share"]) == ("power", 1)
    assert (found["window_low"], found["window_high"]) == (100, 900)
    assert found["float32_lag"] == pytest.approx(10 ** (-LOST["float32"] / 15) - 1, rel=1e-4)


def test_the_share_of_repetitions_that_one_shape_predicts_best() -> None:
    noise = 0.01 * np.random.default_rng(0).standard_normal((10, 101))
    curves = [-0.05 * LAGS] * 7 + [-2 * np.log10(1 + LAGS)] * 3
    found = only(setting(list(np.array(curves) + noise)))
    assert (found["best"], found["best_share"]) == ("exponential", 0.7)


def test_between_two_recorded_lags_the_curve_is_a_straight_line() -> None:
    lags = np.array([0, 10, 20, 30, 100])
    found = only(setting([np.array([0, -1, -30, -50, -60.0])] * 2, lags))
    assert found["float32_lag"] == pytest.approx(20 + 10 * (30 + LOST["float32"]) / (30 - 50))


@pytest.mark.parametrize("first", [0, 1, 7])
def test_an_exact_zero_is_lost_where_it_is_zero(first: int) -> None:
    dead = first <= LAGS
    found = only(setting([np.where(dead, -np.inf, 0.0)] * 2, n_zero=8 * dead))
    assert (found["rate"], found["half_life"], found["regime"], found["margin"]) == (
        -np.inf,
        0,
        "vanishing",
        np.inf,
    )
    assert (found["zero_share"], found["best"]) == (1, "none")
    for name in PRECISIONS:
        assert (found[f"{name}_lag"], found[f"{name}_end"]) == (first, "underflow")


def test_a_few_zeros_are_counted_and_the_living_summarised() -> None:
    found = only(setting([-0.1 * LAGS], n_zero=np.where(LAGS > 50, 2, 0)))
    assert (found["zero_share"], found["rate"]) == (0.25, pytest.approx(-0.1))
    one_dead = setting([-0.1 * LAGS] * 4 + [np.where(LAGS > 20, -np.inf, 0.0)])
    one_dead.loc[np.isneginf(one_dead["log10_norm"]), "n_zero"] = 8
    found = only(one_dead)
    assert (found["zero_share"], found["rate"]) == (0.2, pytest.approx(-0.1))
    assert found["float32_lag"] == pytest.approx(LOST["float32"] / -0.1)


@pytest.mark.parametrize("spread", [0.01, 0.2])
def test_intervals_of_rates_and_half_lives_cover_what_they_say(spread: float) -> None:
    rng, many, true = np.random.default_rng(11), 2000, -0.1
    lags = np.array([0, 10, 20, 50, 80, 90, 100])
    slopes = true * (1 + spread * rng.standard_normal((many, 10, 1)))
    noise = 0.01 * rng.standard_normal((many, 10, len(lags))) * (lags > 0)
    table = summarise(planted(slopes * lags + noise, lags))
    assert 0.93 <= np.mean((table["low"] <= true) & (table["high"] >= true)) <= 0.965
    life = slopes_theory.half_life(true)
    assert 0.93 <= np.mean((table["half_life_low"] <= life) & (table["half_life_high"] >= life)) <= 0.965


@settings(max_examples=50)
@given(st.floats(-1, 1), st.floats(0, 1))
def test_a_regime_holds_all_of_its_interval(low: float, width: float) -> None:
    high = low + width
    word, gap = str(slopes_theory.regime_between(low, high)), float(slopes_theory.margin(low, high))
    inside = {
        "vanishing": high < -STEADY,
        "exploding": low > STEADY,
        "steady": low >= -STEADY and high <= STEADY,
    }
    assert [name for name, holds in inside.items() if holds] == ([] if word == "unclear" else [word])
    moved = {
        slopes_theory.regime(rate).item() for rate in np.linspace(low - 0.999 * gap, high + 0.999 * gap, 101)
    }
    assert moved == {word} or gap == 0
    further = {
        slopes_theory.regime(rate).item() for rate in (low - 1.001 * gap - 1e-9, high + 1.001 * gap + 1e-9)
    }
    assert further != {word}


def test_an_interval_across_the_margin_is_unclear() -> None:
    rates = np.linspace(-2 * STEADY, 0, 10)
    found = only(setting([rate * LAGS for rate in rates]))
    assert (found["regime"], found["margin"]) == ("unclear", 0)
    assert (found["float32_end"], found["float64_end"]) == ("unclear", "unclear")
    assert np.isnan(found["float32_lag"])
    assert not found["float32_extrapolated"]
    assert found["half_life_low"] < found["half_life"] < found["half_life_high"]


def test_what_is_measured_counts_whatever_the_regime() -> None:
    found = only(setting([np.where(LAGS < 95, 0.0, -40.0)] * 2))
    assert (found["regime"], found["float32_end"], found["float64_end"]) == ("steady", "underflow", "steady")
    assert 94 < found["float32_lag"] < 95


def test_one_repetition_has_a_rate_and_no_regime() -> None:
    found = only(setting([-0.1 * LAGS]))
    assert (found["rate"], found["regime"], found["repetitions"]) == (pytest.approx(-0.1), "unknown", 1)
    assert np.isnan(found[["low", "high", "margin", "half_life_low", "half_life_high"]].astype(float)).all()


@pytest.mark.parametrize("lags", [[0, 1], [0, 1, 2]])
def test_too_short_a_sequence_keeps_its_line(lags: list[int]) -> None:
    short = setting([-0.1 * np.array(lags)] * 3, np.array(lags))
    table = summarise(pd.concat([short, setting([-0.1 * LAGS] * 3)]))
    assert table["length"].tolist() == [lags[-1], 100]
    assert table["repetitions"].tolist() == [3, 3]
    assert np.isnan(table["rate"].iloc[0])
    assert (table["regime"].iloc[0], table["best"].iloc[0], table["float32_end"].iloc[0]) == (
        "unknown",
        "none",
        "unclear",
    )
    assert table["rate"].iloc[1] == pytest.approx(-0.1)


def test_no_rows_give_an_empty_summary() -> None:
    assert list(summarise(setting([LAGS]).head(0)).columns) == names("summary")
    assert summarise(setting([LAGS], path="gates")).empty


@pytest.fixture(scope="module")
def noisy() -> pd.DataFrame:
    """Return twelve settings of five noisy repetitions, in categories as the tables have them."""
    rng = np.random.default_rng(3)
    parts = [
        setting(
            list(rate * LAGS * (1 + 0.1 * rng.standard_normal((5, 1)))), gain=rate, backend=backend, **named
        )
        for rate in (-0.9, -0.01, 0.0, 0.3)
        for backend in ("numpy", "torch")
        for named in [{"quantity": quantity, "path": path} for quantity, path in SUMMARISED]
    ]
    return pd.concat(parts, ignore_index=True).astype(
        dict.fromkeys(["backend", "quantity", "path"], "category")
    )


def test_the_order_of_rows_does_not_matter(noisy) -> None:
    table = summarise(noisy)
    assert len(table) == 24
    shuffled = summarise(noisy.sample(frac=1, random_state=1))
    pd.testing.assert_frame_equal(shuffled, table, rtol=1e-12)


def test_other_columns_quantities_and_the_scale_of_the_loss_do_not_matter(noisy) -> None:
    other = noisy.assign(log10_norm=99.0, path="gates")
    added = pd.concat([noisy.assign(log10_norm=noisy["log10_norm"] + 3.25), other], ignore_index=True)
    again = summarise(added.assign(cosine=0.5, error=0.1))
    pd.testing.assert_frame_equal(again, summarise(noisy), rtol=1e-9, atol=1e-12, check_categorical=False)


def test_a_setting_s_line_does_not_depend_on_the_others(noisy) -> None:
    whole, part = summarise(noisy), summarise(noisy[noisy["gain"] == 0.3])
    pd.testing.assert_frame_equal(whole[whole["gain"] == 0.3].reset_index(drop=True), part, rtol=1e-12)
    assert whole.groupby("gain")["regime"].agg(set).to_dict() == {
        -0.9: {"vanishing"}, -0.01: {"vanishing"}, 0.0: {"steady"}, 0.3: {"exploding"},
    }  # fmt: skip
    assert not whole.duplicated([*KEYS, "quantity", "path"]).any()


def test_twice_the_rate_is_half_the_half_life(noisy) -> None:
    once, twice = summarise(noisy), summarise(noisy.assign(log10_norm=2 * noisy["log10_norm"]))
    assert twice["rate"].to_numpy() == pytest.approx(2 * once["rate"].to_numpy())
    assert (twice["high"] - twice["low"]).to_numpy() == pytest.approx(
        2 * (once["high"] - once["low"]).to_numpy()
    )
    assert twice["half_life"].to_numpy() == pytest.approx(once["half_life"].to_numpy() / 2)


@pytest.mark.slow
def test_two_million_rows_take_seconds_only() -> None:
    lags = np.concatenate([[0], np.unique(np.rint(np.geomspace(1, 1000, 65)).astype(int))])
    rows = planted(np.broadcast_to(-0.1 * lags, (4000, 10, len(lags))), lags)
    assert len(rows) > 2_000_000
    rows = rows.astype(dict.fromkeys(("backend", "cell", "quantity", "path", "init"), "category"))
    start = time.perf_counter()
    table = summarise(rows)
    assert time.perf_counter() - start < 20
    assert table["rate"].to_numpy() == pytest.approx(np.full(4000, -0.1))


@pytest.mark.parametrize(("best", "found"), [
    (["power", "exponential"], ("exponential", 0.5)), (["exponential", "constant"], ("constant", 0.5)),
    (["power", "power", "constant"], ("power", 2 / 3)), ([None, "power"], ("power", 0.5)),
])  # fmt: skip
def test_of_two_shapes_alike_the_simpler_is_taken(best, found):
    shapes = _shapes(pd.Series(best, dtype=object), np.zeros(len(best), int), 1)
    assert (shapes["best"][0], shapes["best_share"][0]) == pytest.approx(found)
