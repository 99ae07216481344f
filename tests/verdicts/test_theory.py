"""Closed forms against mpmath, and the laws they obey."""

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carousel import theory

mpmath.mp.dps = 50
WEIGHTS = st.floats(-20, 20).filter(lambda w: abs(w) > 1e-3)


def exact_log10_derivative(phi: str, w: float, b: float, h0: float, steps: int) -> float:
    """Return log10 of the chain's derivative in fifty digits."""
    h, total = mpmath.mpf(h0), mpmath.mpf(0)
    for _ in range(steps):
        net = mpmath.mpf(w) * h + mpmath.mpf(b)
        h = 1 / (1 + mpmath.exp(-net)) if phi == "sigmoid" else mpmath.tanh(net)
        slope = h * (1 - h) if phi == "sigmoid" else 1 - h * h
        total += mpmath.log10(abs(mpmath.mpf(w) * slope))
    return float(total)


@given(st.floats(-1e4, 1e4))
def test_log10_sigmoid_in_the_far_tails(v: float) -> None:
    exact = -mpmath.log1p(mpmath.exp(-mpmath.mpf(v))) / mpmath.log(10)
    assert float(theory.log10_sigmoid(v)) == pytest.approx(float(exact), rel=1e-13, abs=1e-320)


@settings(max_examples=40)
@given(st.sampled_from(["sigmoid", "tanh"]), WEIGHTS, st.floats(-6, 6), st.floats(-2, 2))
def test_derivative_of_the_chain(activation: str, w: float, b: float, h0: float) -> None:
    exact = exact_log10_derivative(activation, w, b, h0, 60)
    assert theory.log10_derivative(activation, w, b, h0, 60) == pytest.approx(exact, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("w", [-6.0, 0.9, 1.5434, 12.0])
def test_ten_thousand_steps_far_below_the_smallest_float(w: float) -> None:
    exact = exact_log10_derivative("sigmoid", w, 0.0, 0.3, 10_000)
    assert exact < -100
    assert theory.log10_derivative("sigmoid", w, 0.0, 0.3, 10_000) == pytest.approx(exact, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(WEIGHTS, st.floats(-6, 6))
def test_sigmoid_chains_decay_at_least_by_a_quarter_of_the_weight(w: float, b: float) -> None:
    assert theory.rate("sigmoid", w, b, 0.3) <= np.log10(abs(w) / 4) + 1e-12


@pytest.mark.parametrize(
    ("activation", "w", "b"), [("sigmoid", 3.0, 0.0), ("sigmoid", -2.0, 1.0), ("tanh", 0.7, 0.2)]
)
def test_rate_is_the_multiplier_of_the_fixed_point(activation: str, w: float, b: float) -> None:
    (h,) = theory.fixed_points(activation, w, b)
    assert theory.rate(activation, w, b, 0.3) == pytest.approx(
        np.log10(abs(theory.multiplier(activation, w, b, h))), abs=1e-9
    )


def test_rate_of_a_cycle_is_its_mean() -> None:
    h = theory.trajectory("sigmoid", -12.0, 0.0, 0.3, 5000)[-2:]
    assert abs(h[0] - h[1]) > 0.4
    cycle = np.log10(np.abs(theory.multiplier("sigmoid", -12.0, 0.0, h))).mean()
    assert theory.rate("sigmoid", -12.0, 0.0, 0.3) == pytest.approx(cycle, abs=1e-9)


@pytest.mark.parametrize(
    ("activation", "w", "expected"),
    [("linear", -1.0, 0.0), ("linear", 2.0, np.log10(2)), ("relu", 0.5, np.log10(0.5)), ("relu", -1.0, -np.inf),
     ("relu", 2.0, np.log10(2)), ("linear", 0.0, -np.inf)],
)  # fmt: skip
def test_rates_that_are_known(activation: str, w: float, expected: float) -> None:
    assert theory.rate(activation, w, 0.0, 0.3) == pytest.approx(expected)


@settings(max_examples=30)
@given(st.sampled_from(["sigmoid", "tanh"]), WEIGHTS, st.floats(-6, 6))
def test_fixed_points_are_fixed(activation: str, w: float, b: float) -> None:
    points = theory.fixed_points(activation, w, b)
    assert len(points) >= 1
    assert theory.ACTIVATIONS[activation][0](w * points + b) == pytest.approx(points, abs=1e-10)


def test_three_fixed_points_of_a_bistable_unit() -> None:
    assert len(theory.fixed_points("tanh", 2.0, 0.0)) == 3


def test_fixed_points_refuse_an_unbounded_activation() -> None:
    with pytest.raises(ValueError, match="relu"):
        theory.fixed_points("relu", 2.0, 0.0)


def test_largest_factor_is_the_maximum_the_answer_prints() -> None:
    def curve(w: mpmath.mpf) -> mpmath.mpf:
        return w * mpmath.exp(-w) / (1 + mpmath.exp(-w)) ** 2

    peak = mpmath.findroot(lambda w: mpmath.diff(curve, w), 1.5)
    w, factor = theory.largest_factor(1.0)
    assert (w, factor) == pytest.approx((float(peak), float(curve(peak))), rel=1e-12)
    assert (round(w, 4), round(factor, 3)) == (1.5434, 0.224)


def test_largest_multiplier_is_the_largest_over_a_fine_grid() -> None:
    w = np.linspace(0.1, 10, 1981)
    factors = 10 ** theory.rate("sigmoid", w, 0.0, 0.3)
    best, factor = theory.largest_multiplier()
    assert factor == pytest.approx(float(mpmath.lambertw(mpmath.exp(-1))), rel=1e-12)
    assert factors.max() == pytest.approx(factor, abs=1e-6)
    assert w[factors.argmax()] == pytest.approx(best, abs=0.01)


def test_flip_weight_has_the_multiplier_minus_one() -> None:
    w = theory.flip_weight()
    (h,) = theory.fixed_points("sigmoid", w, 0.0)
    assert theory.multiplier("sigmoid", w, 0.0, h) == pytest.approx(-1, abs=1e-9)


@given(st.floats(-30, 30), st.integers(0, 10_000))
def test_forget_product_against_mpmath(bias: float, lag: int) -> None:
    exact = -lag * mpmath.log1p(mpmath.exp(-mpmath.mpf(bias))) / mpmath.log(10)
    assert float(theory.forget_product(bias, lag)) == pytest.approx(float(exact), rel=1e-13)


def test_the_gate_of_the_answer() -> None:
    assert round(float(10 ** theory.log10_sigmoid(10)), 5) == 0.99995
