"""Planted slopes, models, effects and censoring are found again; intervals cover what they say."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings, strategies as st
from scipy.stats import norm, t as student_t

from carousel.analysis.stats import crossing, curves, learning, resampling, slopes, tables, tested
from carousel.analysis.stats.slopes import STEADY


def table(
    lags: np.ndarray,
    y: np.ndarray,
    length: int | None = None,
    n_zero: np.ndarray | int = 0,
    **changes: object,
) -> pd.DataFrame:
    """Return the decay rows of one model."""
    model = dict.fromkeys(tables.MODEL, "x") | {
        "length": length or int(lags[-1]),
        "repetition": 0,
        "backend": "numpy",
    }
    rows = pd.DataFrame({"lag": lags, "log10_norm": y, "n_zero": n_zero, "n": 8})
    return rows.assign(quantity="loss_state", path="full", **(model | changes))


def rate_of(rows: pd.DataFrame) -> float:
    return float(slopes.rates(rows, "loss_state", "full")["rate"].iloc[0])


@settings(max_examples=30)
@given(st.floats(-10, 10), st.floats(-5, 5), st.integers(10, 10_000))
def test_planted_slopes_come_back_to_rounding(rate: float, intercept: float, length: int) -> None:
    lags = np.unique(np.rint(np.geomspace(1, length, 60)))
    fitted = slopes.rates(table(lags, rate * lags + intercept), "loss_state", "full").iloc[0]
    assert fitted["rate"] == pytest.approx(rate, rel=1e-10, abs=1e-12)
    assert fitted["intercept"] == pytest.approx(intercept, rel=1e-8, abs=1e-8)


def test_models_are_fitted_apart_and_in_one_pass() -> None:
    lags = np.arange(101.0)
    rows = pd.concat([table(lags, -0.01 * i * lags, repetition=i) for i in range(50)], ignore_index=True)
    fitted = slopes.rates(rows.sample(frac=1, random_state=0), "loss_state", "full").sort_values("repetition")
    assert fitted["rate"].to_numpy() == pytest.approx(-0.01 * np.arange(50), abs=1e-14)


def test_lags_outside_the_window_do_not_count() -> None:
    lags = np.arange(101.0)
    y = np.where((lags < 10) | (lags > 90), 1e3, -0.1 * lags)
    assert rate_of(table(lags, y)) == pytest.approx(-0.1)


def test_both_edges_of_the_window_are_in_it() -> None:
    fitted = slopes.rates(table(np.arange(101.0), np.zeros(101)), "loss_state", "full").iloc[0]
    assert fitted["points"] == 81
    assert slopes.in_window(table(np.arange(101.0), np.zeros(101)))["lag"].iloc[[0, -1]].tolist() == [10, 90]


def test_a_gradient_of_which_half_is_zero_is_fitted() -> None:
    lags = np.arange(101.0)
    half = slopes.rates(
        table(lags, -0.1 * lags, n_zero=np.where(lags > 50, 4, 0)), "loss_state", "full"
    ).iloc[0]
    assert (half["rate"], half["zero_share"]) == (pytest.approx(-0.1), 0.5)


def test_a_gradient_that_is_mostly_zero_has_rate_minus_infinity() -> None:
    lags = np.arange(101.0)
    dead = np.where(lags > 50, 5, 0)
    assert rate_of(table(lags, -0.1 * lags, n_zero=dead)) == -np.inf
    assert (
        rate_of(table(lags, np.where(lags > 50, -np.inf, 0.0), n_zero=np.where(lags > 50, 8, 0))) == -np.inf
    )


def test_a_few_zeros_are_counted_and_the_living_fitted() -> None:
    lags = np.arange(101.0)
    fitted = slopes.rates(
        table(lags, -0.1 * lags, n_zero=np.where(lags > 50, 2, 0)), "loss_state", "full"
    ).iloc[0]
    assert (fitted["rate"], fitted["zero_share"]) == (pytest.approx(-0.1), 0.25)


def test_one_lag_has_no_slope_and_nan_stays_nan() -> None:
    assert np.isnan(rate_of(table(np.array([50.0]), np.array([-1.0]), length=100)))
    assert np.isnan(rate_of(table(np.arange(101.0), np.full(101, np.nan))))


def test_no_rows_give_no_rates() -> None:
    assert slopes.rates(table(np.arange(11.0), np.zeros(11)), "cec", "cell").empty


def test_half_life() -> None:
    given_rates = [-np.log10(2) / 7, 0.0, 1.0, -np.inf, np.nan]
    assert slopes.half_life(given_rates) == pytest.approx([7, np.inf, np.inf, 0, np.nan], nan_ok=True)


@given(st.floats(-2, 2))
def test_regimes_by_the_margin(rate: float) -> None:
    expected = "vanishing" if rate < -STEADY else "exploding" if rate > STEADY else "steady"
    assert slopes.regime(rate) == expected


@pytest.mark.parametrize(
    ("model", "curve"),
    [
        ("exponential", lambda k: -0.05 * k),
        ("power", lambda k: -2 * np.log10(k)),
        ("constant", lambda k: 0 * k - 0.3),
    ],
)
@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_best_model_is_the_planted_one(model: str, curve: object, noise: float) -> None:
    lags = np.arange(1.0, 301)
    y = curve(lags) + noise * np.random.default_rng(0).standard_normal(len(lags))
    best = curves.best_model(table(lags, y), "loss_state", "full").iloc[0]
    assert best["best"] == model
    assert best[model] == pytest.approx(noise, rel=0.5, abs=1e-9)


def test_no_model_of_an_exact_zero() -> None:
    lags = np.arange(1.0, 101)
    assert (
        curves.best_model(table(lags, np.full(100, -np.inf)), "loss_state", "full")["best"].iloc[0] == "none"
    )


def test_no_model_from_one_lag_on_either_side() -> None:
    rows = table(np.array([0.0, 20, 80]), np.array([0.0, -2, -8]), length=100)
    assert curves.best_model(rows, "loss_state", "full")["best"].iloc[0] == "none"


@pytest.mark.parametrize("repetitions", [10, 30])
def test_intervals_cover_what_they_say(repetitions: int) -> None:
    samples = 0.3 + np.random.default_rng(7).standard_normal((800, repetitions))
    ends = np.array([resampling.interval(sample)[1:] for sample in samples])
    covered = np.mean((ends[:, 0] <= 0.3) & (ends[:, 1] >= 0.3))
    assert 0.93 <= covered <= 0.97


def test_interval_of_no_spread_one_value_and_infinities() -> None:
    assert resampling.interval([0.5] * 10) == (0.5, 0.5, 0.5)
    assert np.isnan(resampling.interval([0.5])[1])
    assert resampling.interval([-np.inf] * 9 + [1.0]) == (-np.inf, -np.inf, -np.inf)
    assert np.isnan(resampling.interval([])[0])


def by_quantile(sample: np.ndarray) -> tuple[float, ...]:
    """Return an interval one sample at a time, its ends by numpy's quantile at the levels of Hesterberg (2015)."""
    n = len(sample)
    if n == 0 or np.isnan(sample).any():
        return (np.nan,) * 3
    infinite = partial(np.quantile, q=0.5, method="inverted_cdf")
    centre = np.mean if np.isfinite(sample).all() else infinite
    index = np.random.default_rng(resampling.SEED).integers(n, size=(resampling.DRAWS, n))
    level = norm.cdf(student_t.ppf(0.025, n - 1) * np.sqrt(n / (n - 1))) if n > 1 else np.nan
    draws = centre(sample[index], axis=-1)
    ends = np.quantile(draws, [level, 1 - level], method="inverted_cdf") if n > 1 else (np.nan, np.nan)
    return float(centre(sample)), *ends


def test_many_intervals_at_once_are_each_its_own() -> None:
    rng = np.random.default_rng(2)
    samples = [rng.standard_normal(size) for size in (10, 2, 1, 0, 30, *[10] * 70)]
    samples += [np.array([-np.inf] * 9 + [1.0]), np.array([np.nan, 1.0]), np.full(4, np.inf)]
    found = resampling.intervals(samples)
    np.testing.assert_array_equal(found, [resampling.interval(sample) for sample in samples])
    np.testing.assert_array_equal(found, [by_quantile(sample) for sample in samples])
    assert resampling.intervals([]).shape == (0, 3)


def test_centres_are_those_of_the_intervals() -> None:
    rng = np.random.default_rng(4)
    samples = [
        rng.standard_normal(7),
        np.array([-np.inf, 3.0, 2.0, 1.0]),
        np.array([np.nan, np.inf]),
        np.zeros(1),
    ]
    groups = np.repeat(range(4), [len(sample) for sample in samples])
    order = rng.permutation(len(groups))
    found = resampling.centres(groups[order], np.concatenate(samples)[order], 5)
    effects = [resampling.interval(sample)[0] for sample in samples]
    np.testing.assert_allclose(found, [*effects, np.nan], rtol=1e-13)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(5, 12))
def test_signed_rank_is_wilcoxons_exact_test(seed: int, repetitions: int) -> None:
    from scipy.stats import wilcoxon

    values = np.random.default_rng(seed).standard_normal(repetitions) + 0.4
    assert tested.signed_rank(values, 0.1) == pytest.approx(wilcoxon(values - 0.1, method="exact").pvalue)


def test_signed_rank_with_ties_infinities_and_many() -> None:
    assert tested.signed_rank([np.inf] * 10, 0) == pytest.approx(2 / 1024)
    assert tested.signed_rank([0.0] * 10, 0) == 1
    assert tested.signed_rank(np.linspace(1, 2, 30), 0) < 1e-3
    assert tested.signed_rank(np.tile([1.0, -1.0], 15), 0) > 0.5


def test_student_is_the_test_of_that_name_and_ranks_infinities() -> None:
    from scipy.stats import ttest_1samp

    values = np.random.default_rng(3).standard_normal(10) + 0.5
    assert tested.student(values, 0.1) == pytest.approx(ttest_1samp(values, 0.1).pvalue)
    assert tested.student(10 + values, 0.0) < 2 / 1024
    assert tested.student([np.inf, *values], 0.1) == tested.signed_rank([np.inf, *values], 0.1)
    assert [tested.student([0.5] * 10, margin) for margin in (0.5, 0.4)] == [1, 0]
    assert tested.student([1.0], 0.0) == tested.student([], 0.0) == 1


def test_equivalence_is_two_tests_of_one_side() -> None:
    from scipy.stats import ttest_1samp

    values = 0.2 + 0.3 * np.random.default_rng(4).standard_normal(10)
    found = tested.equivalent(values, -1.0, 0.5)
    sides = [
        ttest_1samp(values, margin, alternative=side).pvalue
        for margin, side in ((-1.0, "greater"), (0.5, "less"))
    ]
    assert found.p == pytest.approx(max(sides))
    assert found[:3] == resampling.interval(values)
    assert (found.same, found.apart) == (True, False)
    assert tested.equivalent(values, -1.0, 0.25)[4:] == (False, False)
    assert tested.equivalent(values, -1.0, -0.5)[4:] == (False, True)
    assert tested.equivalent(values, 0.6, 1.0)[4:] == (False, True)
    assert tested.equivalent([*values, np.inf], -1.0, 0.5)[3:5] == (1.0, False)
    assert tested.equivalent([], -1.0, 1.0)[3:] == (1.0, False, False)


def along(at: dict[int, float], level: float = 0.0, **changes: object) -> pd.DataFrame:
    """Return rates of slope 1 along a factor from 0 to 4, that reach a level where planted, by repetition."""
    model = dict.fromkeys(tables.MODEL, "x") | changes
    rows = [
        model | {"repetition": r, "factor": x, "rate": x - place + level, "slice": f"part {x > 2}"}
        for r, place in at.items()
        for x in (0.0, 1.0, 2.0, 3.0, 4.0)
    ]
    return pd.DataFrame(rows)


def one(rows: pd.DataFrame, **options: object) -> crossing.Crossing:
    """Return the crossing of the one line that there is."""
    (found,) = crossing.crossings(rows, "factor", **options).itertuples()
    return crossing.Crossing(*(getattr(found, name) for name in crossing.Crossing._fields))


def test_planted_crossings_come_back() -> None:
    places = dict(enumerate(np.linspace(1.3, 1.7, 10)))
    found = one(along(places, -0.5).sample(frac=1, random_state=0), level=-0.5)
    assert found.at == pytest.approx(1.5)
    assert (found.low, found.high) == pytest.approx(resampling.interval(list(places.values()))[1:])
    assert found[3:] == (10, 0.0, 4.0)
    two = pd.concat([along(places), along(places | dict.fromkeys(range(10), 9.0), init="other")])
    three = pd.concat([two, along({r: place + 1 for r, place in places.items()}, init="third")])
    each = crossing.crossings(three, "factor").set_index("init")["at"]
    assert each[["x", "other", "third"]].tolist() == pytest.approx([1.5, np.inf, 2.5])


def test_a_crossing_that_is_never_seen_is_censored() -> None:
    assert one(along(dict.fromkeys(range(10), 7.0))).at == np.inf
    assert one(along(dict.fromkeys(range(10), -1.0))).at == -np.inf
    some = one(along({r: 1.5 if r < 7 else 7.0 for r in range(10)}))
    assert (some.at, some.low, some.high) == (1.5, 1.5, np.inf)


def test_crossings_of_a_logarithm_and_from_an_infinity() -> None:
    rows = along(dict.fromkeys(range(10), 2.0))
    rows = rows.assign(factor=10.0 ** (rows["factor"] - 1))
    rows = pd.concat([rows, rows[rows["factor"] == 1].assign(factor=-3.0)])
    assert one(rows, level=-0.5, log=True).at == pytest.approx(10**0.5)
    dead = rows.assign(rate=rows["rate"].where(rows["factor"] >= 10, -np.inf))
    assert one(dead, level=-0.5, log=True).at == pytest.approx(10.0)


def test_no_crossing_without_two_values_of_the_factor() -> None:
    rows = along(dict.fromkeys(range(10), 1.5))
    assert crossing.crossings(rows[rows["factor"] == 1], "factor").empty
    assert crossing.crossings(rows.head(0), "factor").empty
    short = rows[rows["factor"] < 2].assign(init="short", rate=9.0)
    both = pd.concat([rows, short])
    assert len(crossing.crossings(both, "factor")) == 2
    assert one(both, fewest=3).at == pytest.approx(1.5)


def test_holm_by_hand() -> None:
    assert tested.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert len(tested.holm([])) == 0


@settings(max_examples=20)
@given(st.lists(st.floats(1e-6, 1), min_size=1, max_size=12))
def test_holm_never_lowers_p_and_keeps_the_order(p: list[float]) -> None:
    adjusted = tested.holm(p)
    assert np.all(adjusted >= np.array(p) - 1e-15)
    assert np.all(np.diff(adjusted[np.argsort(p)]) >= -1e-12)


def test_pairs_share_everything_but_cell_and_forget_bias() -> None:
    lags = np.arange(101.0)
    rows = [table(lags, -0.1 * lags, cell="rnn_tanh", forget_bias="none", repetition=r) for r in range(3)]
    rows += [
        table(lags, -0.02 * lags, cell="lstm", forget_bias=b, repetition=r) for r in range(2) for b in "01"
    ]
    pairs = tables.paired(slopes.rates(pd.concat(rows), "loss_state", "full"), "lstm", "rnn_tanh")
    assert len(pairs) == 4
    assert (pairs["rate"] - pairs["rate_right"]).to_numpy() == pytest.approx([0.08] * 4)


def test_a_setting_has_as_many_repetitions_as_some_backend_measured_at_however_many_lags() -> None:
    """Three repetitions at five lags each, five of them at one, three on one backend and two on the other."""
    named = {"lags": (3, 5), "often": (5, 1), "backends": (3, 1)}
    rows = [
        table(np.arange(float(lags)), np.zeros(lags), length=9, init=init, repetition=r)
        for init, (repetitions, lags) in named.items()
        for r in range(repetitions)
    ]
    rows += [
        table(np.zeros(1), np.zeros(1), 9, init="backends", repetition=r, backend="torch") for r in (0, 1)
    ]
    both = pd.concat(rows)
    for minimum, kept in ((3, {*named}), (4, {"often"}), (5, {"often"}), (6, set())):
        assert {*tables.repeated(both, minimum)["init"]} == kept
    assert len(tables.repeated(both, 3)) == len(both)


def test_the_median_over_an_even_number_of_settings_is_not_biased() -> None:
    rows = pd.DataFrame({"value": [0.0, 1.0, 2.0, 9.0, -np.inf, np.inf], "repetition": [0, 0, 0, 0, 1, 1]})
    assert tables.by_repetition(rows, "value").tolist() == [1.5, -np.inf]


def test_difference_of_infinities() -> None:
    left, right = pd.Series([-np.inf, 1.0, -np.inf]), pd.Series([-np.inf, -np.inf, 0.0])
    assert tables.difference(left, right).tolist() == [0.0, np.inf, -np.inf]


def accuracy(solved: dict[int, list[bool]], **changes: object) -> pd.DataFrame:
    """Return the accuracy rows of one run per length: whether each evaluation was solved."""
    run = dict.fromkeys(tables.RUN, "x") | changes
    rows = [
        {"length": t, "step": i, "solved": s} | run for t, seen in solved.items() for i, s in enumerate(seen)
    ]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("solved", "longest", "censored", "octaves"),
    [
        ({10: [False, True], 20: [True, False], 40: [False, False]}, 20, "", np.log2(20)),
        ({10: [False], 20: [False], 40: [False]}, 0, "below", np.log2(5)),
        ({10: [True], 20: [True], 40: [True]}, 40, "above", np.log2(40)),
        ({10: [False, True], 20: [False, False]}, 10, "", np.log2(10)),  # climbed on to 20, and no further
        ({10: [False, True], 20: [True]}, 20, "above", np.log2(20)),
        ({10: [False]}, 0, "below", np.log2(5)),
    ],
)
def test_longest_length_solved(solved: dict, longest: int, censored: str, octaves: float) -> None:
    run = learning.longest_solved(accuracy(solved)).iloc[0]
    assert (run["longest"], run["censored"], run["octaves"]) == (longest, censored, pytest.approx(octaves))
    assert run["least"] == (-np.inf if censored == "below" else run["octaves"])
    assert run["most"] == (np.inf if censored == "above" else run["octaves"])


def test_a_million_rows_take_seconds_only() -> None:
    import time

    lags, models = np.unique(np.rint(np.geomspace(1, 1000, 50))), 20_000
    rows = table(np.tile(lags, models), np.tile(-0.1 * lags, models), length=1000)
    rows["repetition"] = np.repeat(np.arange(models), len(lags))
    rows = rows.astype(dict.fromkeys(("backend", "cell", "quantity", "path", "init"), "category"))
    start = time.perf_counter()
    assert slopes.rates(rows, "loss_state", "full")["rate"].to_numpy() == pytest.approx(-0.1)
    assert time.perf_counter() - start < 20


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 40))
def test_groups_and_joins_are_those_of_pandas(seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)

    def table(column: str) -> pd.DataFrame:
        texts = pd.Categorical.from_codes(rng.integers(-1, 3, n), ["a", "b", "c"])
        numbers = rng.choice([0.0, 1.5, np.nan], n)
        return pd.DataFrame(
            {"text": texts, "number": numbers, "lag": rng.integers(0, 4, n), column: np.arange(n)}
        )

    left, right, on = table("x"), table("y"), ["text", "number", "lag"]
    codes, groups = tables.grouped(left, on)
    wanted = left.groupby(on, observed=True, sort=False, dropna=False)
    assert codes.tolist() == wanted.ngroup().tolist()
    pd.testing.assert_frame_equal(groups, left[on].drop_duplicates(ignore_index=True))
    pd.testing.assert_frame_equal(tables.joined(left, right, on), left.merge(right, on=on))


def test_select_leaves_out_what_is_missing() -> None:
    table = pd.DataFrame({"text": pd.Categorical(["a", None, "b"]), "number": [1.0, np.nan, 2.0]})
    assert tables.select(table, text="b", number=[2.0, 3.0]).index.tolist() == [2]
    assert tables.select(table, text=["a", "z"]).index.tolist() == [0]
    assert tables.select(table, text="z").empty
    assert tables.select(table, number=[]).empty


def test_holm_is_that_of_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    p = np.random.default_rng(0).uniform(0, 0.2, 20)
    assert tested.holm(p).tolist() == multipletests(p, method="holm")[1].tolist()
    assert tested.holm([]).tolist() == []
