"""Intervals cover what they say, and nothing planted gives no verdict: simulations with fixed seeds.

The distributions are those of the rates that the standard study measures: over ten repetitions of a setting their
skewness has a quarter to three quarters of its values within +-0.8, as a log-normal variable of shape 0.35 (skewness
1.1) has; the errors of settings that share seeds go together, from not at all to entirely. With skewness 2 (an
exponential variable) ten repetitions would cover 90 %.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from carousel.analysis.stats import resampling, tables, tested
from carousel.analysis.stats.slopes import STEADY
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.claim import corrected
from carousel.claims.evidence import compare, within
from carousel.claims.rules import (
    ALPHA,
    FAILS,
    HOLDS,
    MIN_REPETITIONS,
    UNCLEAR,
    comparison,
    equivalence,
    trend,
)

pytestmark = pytest.mark.campaign  # simulations

SHAPE = 0.35  # of the log-normal variable
NOISE: dict[str, Callable[[np.random.Generator, tuple], np.ndarray]] = {
    "normal": lambda rng, size: rng.standard_normal(size),
    "skewed up": lambda rng, size: _skewed(rng, size),
    "skewed down": lambda rng, size: -_skewed(rng, size),
}
SAMPLES = 3000
SETTINGS = 6
LEVELS = np.array(
    [-0.4, -0.1, 0.0, 0.1, 0.5, 3.0]
)  # what each setting adds, in standard deviations of the noise
SHARED = {
    "apart": 0.0,
    "half shared": 0.5,
    "nearly all shared": 0.95,
}  # of the variance, by a repetition's settings


def _skewed(rng: np.random.Generator, size: tuple) -> np.ndarray:
    """Return log-normal noise of mean zero and standard deviation one."""
    mean, spread = np.exp(SHAPE**2 / 2), np.sqrt(np.exp(SHAPE**2) * np.expm1(SHAPE**2))
    return (np.exp(SHAPE * rng.standard_normal(size)) - mean) / spread


def measured(
    noise: str, shared: float, samples: int, repetitions: int, rng: np.random.Generator
) -> np.ndarray:
    """Return values [samples, settings, repetitions]: the setting's level, the repetition's error and its own."""
    common = NOISE[noise](rng, (samples, 1, repetitions))
    own = NOISE[noise](rng, (samples, SETTINGS, repetitions))
    return LEVELS[:, None] + np.sqrt(shared) * common + np.sqrt(1 - shared) * own


def covered(found: np.ndarray, truth: float) -> float:
    """Return the share of intervals [samples, 3] that hold the truth."""
    return float(np.mean((found[:, 1] <= truth) & (truth <= found[:, 2])))


@pytest.mark.parametrize("repetitions", [10, 20])
@pytest.mark.parametrize("noise", NOISE)
def test_intervals_of_one_setting_cover(noise: str, repetitions: int) -> None:
    samples = NOISE[noise](np.random.default_rng(1), (SAMPLES, repetitions))
    assert 0.93 <= covered(resampling.intervals(list(samples)), 0.0) <= 0.97


@pytest.mark.parametrize("how", ["median", "mean"])
@pytest.mark.parametrize("shared", SHARED)
@pytest.mark.parametrize("noise", NOISE)
def test_intervals_over_settings_that_share_seeds_cover(noise: str, shared: str, how: str) -> None:
    rng, centre = np.random.default_rng(2), {"median": np.median, "mean": np.mean}[how]
    values = centre(measured(noise, SHARED[shared], SAMPLES, 10, rng), axis=1)
    truth = float(centre(measured(noise, SHARED[shared], 20 * SAMPLES, 10, rng), axis=1).mean())
    assert 0.93 <= covered(resampling.intervals(list(values)), truth) <= 0.97


def test_repetitions_drawn_apart_in_every_setting_would_not_cover() -> None:
    rng = np.random.default_rng(3)
    samples = measured("normal", SHARED["nearly all shared"], 300, 10, rng)
    draws = rng.integers(10, size=(400, SETTINGS, 10))
    apart = np.array([sample[np.arange(SETTINGS)[:, None], draws].mean(axis=(1, 2)) for sample in samples])
    low, high = np.quantile(apart, [0.025, 0.975], axis=1)
    assert np.mean((low <= LEVELS.mean()) & (LEVELS.mean() <= high)) < 0.7


def rows(values: np.ndarray, **columns: object) -> pd.DataFrame:
    """Return one row per setting and repetition of values [settings, repetitions]."""
    setting, repetition = np.indices(values.shape)
    table = {"value": values.ravel(), "length": setting.ravel(), "repetition": repetition.ravel()}
    return pd.DataFrame(table | {"backend": "numpy"} | columns)


def on_both(values: np.ndarray) -> pd.DataFrame:
    """Return the rows of every backend: they share their seeds."""
    return pd.concat([rows(values, backend=name) for name in BACKENDS], ignore_index=True)


@pytest.mark.parametrize("how", ["median", "mean"])
def test_tables_have_the_intervals_that_are_simulated(how: str) -> None:
    values = measured("skewed up", 0.5, 1, 10, np.random.default_rng(4))[0]
    *found, each = resampling.hierarchical(rows(values), "value", how)
    centre = getattr(np, how)(values, axis=0)
    assert each == pytest.approx(centre)
    assert found == pytest.approx(resampling.interval(centre))


def test_settings_measured_more_or_less_often_do_not_shift_the_repetitions() -> None:
    values = np.arange(4.0)[:, None] * 10 + np.random.default_rng(5).standard_normal((4, 30))
    table = rows(values)
    often, seldom = table["repetition"] < 10, (table["length"] < 3) & (table["repetition"] < 4)
    *found, each = resampling.hierarchical(table[(table["length"] == 3) | often], "value", "mean")
    assert each == pytest.approx(values[:, :10].mean(axis=0))
    few = table[((table["length"] == 0) & seldom) | ((table["length"] > 0) & often)]
    assert tables.by_repetition(few, "value", "mean") == pytest.approx(values[1:, :10].mean(axis=0))
    assert found[1] < 15 < found[2]


def family(noise: str, tries: int, seed: int, paired: bool = False) -> pd.DataFrame:
    """Return the evidence of ``tries`` parts without an effect, each on both backends."""
    rng = np.random.default_rng(seed)
    values = measured(noise, 0.5, tries, 10, rng) - LEVELS[:, None]
    values = values - (measured(noise, 0.5, tries, 10, rng) - LEVELS[:, None]) if paired else values
    parts = [compare(on_both(sample), "value", f"part {i}", 0.0, "mean") for i, sample in enumerate(values)]
    return pd.concat(parts, ignore_index=True)


def states(evidence: pd.DataFrame, size: int) -> np.ndarray:
    """Return the states of parts [claims, size], each claim of ``size`` parts, over which its p are corrected."""
    parts = dict(list(evidence.groupby("part", sort=False)))
    names = list(parts)
    claims = [names[start : start + size] for start in range(0, len(names), size)]
    return np.array([comparison(corrected(pd.concat([parts[name] for name in claim]))) for claim in claims])


@pytest.mark.parametrize("noise", NOISE)
def test_without_an_effect_no_more_than_one_part_in_twenty_is_decided(noise: str) -> None:
    evidence = family(noise, 80, 6)
    assert np.mean(states(evidence, 8) != UNCLEAR) <= ALPHA
    assert np.mean(states(evidence, 1) != UNCLEAR) <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / 80)


def test_without_an_effect_one_claim_in_twenty_has_a_decided_part() -> None:
    found = states(family("skewed up", 240, 7, paired=True), 8)
    wrong = (found != UNCLEAR).any(axis=1).mean()
    assert wrong <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / len(found))


def test_a_claim_of_fifty_parts_leaves_a_clear_effect_standing() -> None:
    evidence = family("normal", 49, 8)
    values = 5 + np.random.default_rng(10).standard_normal((SETTINGS, 10))
    clear = compare(on_both(values), "value", "clear", 0.0, "mean")
    assert states(pd.concat([clear, evidence]), 50)[0, 0] == HOLDS


def test_a_claim_s_parts_are_corrected_together_and_over_the_reference_alone() -> None:
    """By hand: of p = 0.01, 0.02 and 0.04 Holm makes 0.03, 0.04 and 0.04, whatever another backend's p are."""
    own = pd.DataFrame({"part": ["a", "b", "c"], "p": [0.01, 0.04, 0.02], "backend": REFERENCE})
    other = own.assign(p=0.9, backend=[*BACKENDS][1])
    found = corrected(pd.concat([own, other], ignore_index=True))
    assert found["p_holm"].tolist() == pytest.approx([0.03, 0.04, 0.04] * 2)


def edged(values: np.ndarray, margin: float) -> pd.DataFrame:
    """Return the evidence of claims of one part each, of values [parts, repetitions] against minus the margin."""
    found = pd.DataFrame(resampling.intervals(list(values)), columns=["effect", "low", "high"])
    p = [tested.student(sample, -margin) for sample in values]
    found = found.assign(
        part=np.arange(len(found)),
        p_holm=p,
        margin=margin,
        shared=found["effect"],
        share=0.0,
        reverse=0.0,
        repetitions=values.shape[1],
    )
    return pd.concat([found.assign(backend=name) for name in BACKENDS], ignore_index=True)


@pytest.mark.parametrize("noise", NOISE)
def test_a_rate_at_the_edge_of_steady_is_rarely_called(noise: str) -> None:
    values = -STEADY + 1e-3 * measured(noise, 0.5, SAMPLES, 10, np.random.default_rng(11)).mean(axis=1)
    evidence = edged(values - 1e-3 * LEVELS.mean(), STEADY)
    assert trend(evidence, decays=True).isin([HOLDS, FAILS]).mean() <= 0.07
    few = evidence.assign(repetitions=MIN_REPETITIONS - 1)
    assert (trend(few, decays=True) == UNCLEAR).all()


@pytest.mark.parametrize("noise", NOISE)
def test_an_effect_at_the_margin_is_rarely_the_same_or_another(noise: str) -> None:
    values = 1.0 + 0.2 * (measured(noise, 0.5, 100, 10, np.random.default_rng(14)) - LEVELS[:, None])
    parts = [within(on_both(sample), "value", f"{i}", 1.0, "mean") for i, sample in enumerate(values)]
    found = np.array([equivalence(corrected(part)).iloc[0] for part in parts])
    assert np.mean(found != UNCLEAR) <= ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / len(found))


@pytest.mark.parametrize("noise", NOISE)
def test_what_lies_at_the_margin_is_rarely_called_the_same(noise: str) -> None:
    samples = 1.0 + 0.2 * NOISE[noise](np.random.default_rng(12), (600, 10))
    assert np.mean([tested.equivalent(sample, -1.0, 1.0).same for sample in samples]) <= ALPHA


def test_what_is_the_same_is_usually_found_so() -> None:
    samples = 0.3 * np.random.default_rng(13).standard_normal((200, 10))
    assert np.mean([tested.equivalent(sample, -1.0, 1.0).same for sample in samples]) >= 0.99
