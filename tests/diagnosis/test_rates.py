"""Rates of decay: known ones, their intervals, and what is said of them."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import carousel
from carousel.diagnosis.rates import block_slopes, correlated_error, drifts, inflation, rate_of, unsettled
from carousel.diagnosis.sentence import decay_text

SETTLED = np.zeros(100)


def autoregression(rng, c, *shape):
    """Stationary noise of variance 1 along the last axis, whose neighbours have the correlation c."""
    x = rng.standard_normal(shape)
    for t in range(1, shape[-1]):
        x[..., t] = c * x[..., t - 1] + np.sqrt(1 - c * c) * x[..., t]
    return x


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def test_a_straight_line_has_its_own_rate_and_no_error():
    lags = np.array([0, 1, 2, 3, 5, 8, 13, 20, 30, 44, 60, 80, 100])
    rate = rate_of([(lags, -0.03 * lags), (lags, 2 - 0.03 * lags)], SETTLED)
    assert rate[:3] == pytest.approx((-0.03, -0.03, -0.03), abs=1e-12)
    assert not rate.changes
    assert rate.sequences == pytest.approx((-0.03, -0.03))


@pytest.mark.parametrize("c", [0.0, 0.5, 0.8])
def test_an_interval_holds_the_truth_about_as_often_as_it_says_whatever_the_correlation(c):
    rng, lags = np.random.default_rng(3), np.arange(401)
    held = []
    for _ in range(300):
        steps = -0.02 + 0.1 * autoregression(rng, c, 401)
        rate = rate_of([(lags, np.cumsum(steps))], SETTLED)
        held.append(rate.low < -0.02 < rate.high)
    assert np.mean(held) > 0.92
    width = rate.high - rate.low
    assert width < 0.2  # an interval that says nothing always holds


def test_errors_of_correlated_neighbours_are_those_of_their_mean():
    rng, n = np.random.default_rng(4), 400
    for c in (0.0, 0.6):
        x = autoregression(rng, c, 200, n)
        scatter = x.mean(1).std(ddof=1)
        assert np.mean([correlated_error(row) for row in x]) == pytest.approx(scatter, rel=0.15)
    assert inflation(-0.7, 16) == inflation(0.0 - 1 / 16, 16) == 1.0


def test_sequences_that_differ_widen_the_interval():
    lags = np.arange(101)
    curves = [(lags, slope * lags) for slope in (-0.1, 0.02)]
    rate = rate_of(curves, SETTLED)
    assert rate.value == pytest.approx(-0.04)
    assert rate.low < -0.1 < 0.02 < rate.high
    assert rate.sequences == pytest.approx((-0.1, 0.02))


def test_sequences_of_several_lengths_have_each_their_own_window():
    long, short = np.arange(201), np.arange(41)
    rate = rate_of([(long, -0.05 * long), (short, 7 - 0.05 * short)], np.zeros(200))
    assert rate[:3] == pytest.approx((-0.05,) * 3)
    assert not rate.changes


@pytest.mark.parametrize(
    "curve", [lambda k: np.log10(1 + k), lambda k: -np.log10(1 + k), lambda k: -1e-3 * k**2]
)
def test_a_power_law_is_no_rate(curve):
    lags = np.arange(201)
    assert rate_of([(lags, curve(lags))], SETTLED).changes


def test_noise_does_not_drift_and_a_trend_does():
    rng = np.random.default_rng(5)
    rows = rng.standard_normal((400, 8))
    assert np.mean([drifts(row) for row in rows]) < 0.05
    assert all(drifts(0.1 * row + np.arange(8)) for row in rows)


def test_a_state_is_settled_where_it_stays_or_grows_steadily_with_the_gradient():
    t = np.arange(1, 101)
    assert not unsettled(0.01 * np.sin(t), 0.02)
    assert not unsettled(0.02 * t, 0.02)
    assert unsettled(np.log10(t), 0.02)
    assert unsettled(0.5 * np.log10(t), 0.02)
    assert unsettled(-0.02 * t, 0.02)


def test_blocks_of_too_few_lags_say_nothing():
    assert len(block_slopes(np.array([0, 50, 100]), np.zeros(3))) == 0
    rate = rate_of([(np.arange(4), np.arange(4.0))], SETTLED)
    assert np.isnan(rate.value)
    assert np.isnan(rate_of([], SETTLED).value)


def row(low, value, high, changes=False):
    frame = pd.DataFrame([(low, value, high, changes)], columns=["low", "value", "high", "changes"])
    (each,) = frame.itertuples()
    return each


@pytest.mark.parametrize(
    ("rate", "said"),
    [
        (
            row(-0.35, -0.3, -0.25),
            "halves every 1 (0.86 to 1.2) steps; in float32 nothing is left beyond lag 142 to 159 (extrapolated), "
            "in float64 beyond 938 to 1,273 (extrapolated)",
        ),
        (
            row(0.2, 0.3, 0.4),
            "doubles every 1 (0.753 to 1.51) steps; float32 overflows at lag 122 to 143 (extrapolated), "
            "float64 at 796 to 1,492 (extrapolated)",
        ),
        (row(-0.001, 0.0, 0.001), "changes by less than a factor of 2 in 100 steps"),
        (
            row(-0.01, 0.0, 0.01),
            "changes by a factor of 0.16 to 6.3 (95 %) from lag 10 to 90: "
            "take longer sequences, or more, to tell its rate",
        ),
        (
            row(0.01, 0.02, 0.03, True),
            "grows by a factor of 40 from lag 10 to 90, at a rate that is not yet that of longer sequences",
        ),
        (
            row(-0.7, -0.5, -0.3, True),
            "falls by a factor of 1e+40 from lag 10 to 90, at a rate that is not yet that of longer sequences; "
            "nothing is left in float32 beyond lag 89",
        ),
    ],
)
def test_what_is_said_of_a_rate(rate, said):
    lag = np.arange(101.0)
    assert decay_text(lag, rate.value * lag, rate) == said


def biased(kind, bias, hidden=16, scale=1.0, seed=0):
    """An LSTM with a forget bias and recurrent weights `scale` times torch's."""
    torch.manual_seed(seed)
    module = kind(3, hidden)
    with torch.no_grad():
        module.weight_hh_l0.mul_(scale)
        if kind is nn.LSTM:
            module.bias_ih_l0[hidden : 2 * hidden], module.bias_hh_l0[hidden : 2 * hidden] = bias, 0.0
    return module


@pytest.mark.parametrize("bias", [3.0, 6.0, 9.0])
@pytest.mark.parametrize("length", [30, 80])
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("scale", [1.0, 2.5])
def test_the_transient_of_a_high_forget_bias_foretells_no_growth(bias, length, batch, scale):
    report = carousel.diagnose(
        biased(nn.LSTM, bias, scale=scale), noise(length, batch, 3, seed=length), exponents=0
    )
    assert "doubles" not in report.sentence and "overflow" not in report.sentence


@pytest.mark.parametrize("gain", [2.0, 4.0])
@pytest.mark.parametrize("batch", [1, 4])
def test_chaos_doubles_at_a_rate_whose_interval_holds_the_exponent(gain, batch):
    torch.manual_seed(1)
    module = nn.RNN(3, 40)
    nn.init.normal_(module.weight_hh_l0, std=gain / 40**0.5)
    report = carousel.diagnose(module, noise(150, batch, 3), exponents=0, higher=())
    truth = carousel.diagnose(module, noise(1200, 1, 3, seed=9), lags=[1], warm_up=200).exponents
    assert "doubles every" in report.sentence and "overflows" in report.sentence
    (rate,) = report.rates.itertuples()
    assert rate.low < truth["value"][0] < rate.high


def test_exponents_of_a_slow_state_have_wider_errors_than_blocks_taken_for_independent():
    module = biased(nn.LSTM, 5.0)
    short, far = (carousel.diagnose(module, noise(n, 2, 3), lags=[1]).exponents for n in (100, 1500))
    off = abs(short["value"] - far["value"][0])[0]
    assert off < 3 * (short["error"][0] + far["error"][0])
