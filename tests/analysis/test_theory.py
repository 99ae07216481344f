"""Closed forms against mpmath, explicit matrices and simulation, and the laws they obey."""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from scipy.special import expit

from carousel.analysis.theory import (
    forget as forget_theory,
    gaussian,
    mean_field,
    products,
    scalar as scalar_theory,
    spectral as spectral_theory,
)
from carousel.cells import CELLS, Params
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, unroll

mpmath.mp.dps = 50
WEIGHTS = st.floats(-20, 20).filter(lambda w: abs(w) > 1e-3)
BOUNDED = st.sampled_from(["sigmoid", "tanh"])
ALARM = (
    5.0  # standard errors: a simulation from a fixed seed that a right formula would miss once in a million
)


def exact_log10_derivative(phi: str, w: float, b: float, h0: float, steps: int) -> float:
    """Return log10 of the chain's derivative in fifty digits."""
    h, total = mpmath.mpf(h0), mpmath.mpf(0)
    for _ in range(steps):
        net = mpmath.mpf(w) * h + mpmath.mpf(b)
        h = 1 / (1 + mpmath.exp(-net)) if phi == "sigmoid" else mpmath.tanh(net)
        slope = h * (1 - h) if phi == "sigmoid" else 1 - h * h
        total += mpmath.log10(abs(mpmath.mpf(w) * slope))
    return float(total)


# the scalar chain


@given(st.floats(-1e4, 1e4))
def test_log10_sigmoid_in_the_far_tails(v: float) -> None:
    exact = -mpmath.log1p(mpmath.exp(-mpmath.mpf(v))) / mpmath.log(10)
    assert float(scalar_theory.log10_sigmoid(v)) == pytest.approx(float(exact), rel=1e-13, abs=1e-320)


@settings(max_examples=40)
@given(BOUNDED, WEIGHTS, st.floats(-6, 6), st.floats(-2, 2))
def test_derivative_of_the_chain(activation: str, w: float, b: float, h0: float) -> None:
    exact = exact_log10_derivative(activation, w, b, h0, 60)
    assert scalar_theory.log10_derivative(activation, w, b, h0, 60) == pytest.approx(
        exact, rel=1e-7, abs=1e-7
    )


@pytest.mark.parametrize("w", [-6.0, 0.9, 1.5434, 12.0])
def test_ten_thousand_steps_far_below_the_smallest_float(w: float) -> None:
    exact = exact_log10_derivative("sigmoid", w, 0.0, 0.3, 10_000)
    assert exact < -100
    assert scalar_theory.log10_derivative("sigmoid", w, 0.0, 0.3, 10_000) == pytest.approx(exact, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(WEIGHTS, st.floats(-6, 6))
def test_sigmoid_chains_decay_at_least_by_a_quarter_of_the_weight(w: float, b: float) -> None:
    assert scalar_theory.rate("sigmoid", w, b, 0.3) <= np.log10(abs(w) / 4) + 1e-12


@settings(max_examples=25, deadline=None)
@given(BOUNDED, WEIGHTS, st.floats(-6, 6), st.floats(-1, 1))
def test_the_chain_settles_on_an_orbit_that_attracts(activation: str, w: float, b: float, h0: float) -> None:
    found = scalar_theory.orbits(activation, w, b)
    assume(all(abs(orbit.exponent) > 0.01 for orbit in found))
    assume(
        all(abs(state - h0) > 1e-6 for orbit in found for state in orbit.states)
    )  # leaving takes long from nearer
    rate = float(scalar_theory.rate(activation, w, b, h0))
    assert min(abs(orbit.exponent - rate) for orbit in found if orbit.stable) < 1e-9


@settings(max_examples=200)
@given(BOUNDED, st.floats(-200, 200), st.floats(-50, 50))
def test_orbits_return_and_alternate_between_stable_and_not(activation: str, w: float, b: float) -> None:
    phi, found = scalar_theory.ACTIVATIONS[activation][0], scalar_theory.orbits(activation, w, b)
    for orbit in found:
        states = np.array(orbit.states)
        assert phi(w * states + b) == pytest.approx(np.roll(states, -1), rel=1e-11, abs=1e-297)
    assume(all(abs(orbit.exponent) > 1e-4 for orbit in found))
    stable = [orbit.stable for orbit in found]
    assert stable in ([True], [True, False, True]) if w > 0 else stable in ([True], [False, True])
    assert len(found[-1].states) == 1 + (w < 0 and len(found) == 2)


@pytest.mark.parametrize(
    ("activation", "w", "b", "states", "exponents"),
    [
        ("linear", 0.5, 1.0, [2.0], [np.log10(0.5)]),
        ("linear", -3.0, 1.0, [0.25], [np.log10(3)]),
        ("linear", 1.0, 1.0, [], []),
        ("relu", 0.5, 1.0, [2.0], [np.log10(0.5)]),
        ("relu", 3.0, -1.0, [0.0, 0.5], [-np.inf, np.log10(3)]),
        ("relu", 0.5, -1.0, [0.0], [-np.inf]),
        ("relu", -3.0, 1.0, [0.25, 0.0, 1.0], [np.log10(3), -np.inf]),
        ("relu", -0.5, 3.0, [2.0], [np.log10(0.5)]),
        ("relu", 1.0, 2.0, [], []),
        ("tanh", 1.0, 0.0, [0.0], [0.0]),
        ("tanh", 0.0, 0.5, [np.tanh(0.5)], [-np.inf]),
    ],
)
def test_orbits_that_are_known(activation, w, b, states, exponents) -> None:
    found = scalar_theory.orbits(activation, w, b)
    assert [h for orbit in found for h in orbit.states] == pytest.approx(states, rel=1e-14)
    assert [orbit.exponent for orbit in found] == pytest.approx(exponents, abs=1e-14)


@pytest.mark.parametrize(
    ("activation", "w", "b"), [("relu", 1.0, 0.0), ("linear", 1.0, 0.0), ("linear", -1.0, 3.0), ("relu", -1.0, 3.0)]
)  # fmt: skip
def test_a_whole_range_of_orbits_is_refused(activation: str, w: float, b: float) -> None:
    with pytest.raises(ValueError, match=activation):
        scalar_theory.orbits(activation, w, b)


def test_rate_of_a_cycle_is_its_mean() -> None:
    *_, last = scalar_theory.orbits("sigmoid", -12.0, 0.0)
    assert abs(last.states[0] - last.states[1]) > 0.4
    assert last.exponent == pytest.approx(float(np.log10(abs(last.multiplier)) / 2), rel=1e-12)
    assert scalar_theory.rate("sigmoid", -12.0, 0.0, 0.3) == pytest.approx(last.exponent, abs=1e-9)


@pytest.mark.parametrize("beyond", [1e-6, 1e-4, 1e-2])
def test_a_cycle_is_born_at_the_flip_as_the_square_root(beyond: float) -> None:
    w = scalar_theory.flip_weight()
    assert len(scalar_theory.cycle("sigmoid", w * (1 - beyond), 0.0)) == 0
    small, large = (np.ptp(scalar_theory.cycle("sigmoid", w * (1 + x), 0.0)) for x in (beyond, 4 * beyond))
    assert large / small == pytest.approx(2, rel=0.001 + 4 * beyond)


@pytest.mark.parametrize(
    ("activation", "w", "expected"),
    [("linear", -1.0, 0.0), ("linear", 2.0, np.log10(2)), ("relu", 0.5, np.log10(0.5)), ("relu", -1.0, -np.inf),
     ("relu", 2.0, np.log10(2)), ("linear", 0.0, -np.inf)],
)  # fmt: skip
def test_rates_that_are_known(activation: str, w: float, expected: float) -> None:
    assert scalar_theory.rate(activation, w, 0.0, 0.3) == pytest.approx(expected)


def test_three_fixed_points_of_a_bistable_unit() -> None:
    assert len(scalar_theory.fixed_points("tanh", 2.0, 0.0)) == 3
    assert len(scalar_theory.fixed_points("tanh", 1.0 + 1e-6, 0.0)) == 3
    assert len(scalar_theory.fixed_points("sigmoid", 400.0, -200.0)) == 3


def test_a_fixed_point_in_the_far_tail_keeps_its_digits() -> None:
    (h,) = scalar_theory.fixed_points("sigmoid", -20.0, -60.0)
    assert h == pytest.approx(np.exp(-60), rel=1e-13)


def test_decay_at_criticality_is_a_power_of_the_lag() -> None:
    far, near = (scalar_theory.log10_derivative("tanh", 1.0, 0.0, 0.5, n) for n in (100_000, 10_000))
    assert far - near == pytest.approx(scalar_theory.CRITICAL_POWER, rel=1e-3)


def test_largest_factor_is_the_maximum_the_answer_prints() -> None:
    def curve(w: mpmath.mpf) -> mpmath.mpf:
        return w * mpmath.exp(-w) / (1 + mpmath.exp(-w)) ** 2

    peak = mpmath.findroot(lambda w: mpmath.diff(curve, w), 1.5)
    w, factor = scalar_theory.largest_factor(1.0)
    assert (w, factor) == pytest.approx((float(peak), float(curve(peak))), rel=1e-12)
    assert (round(w, 4), round(factor, 3)) == (1.5434, 0.224)


def test_largest_multiplier_is_the_largest_over_a_fine_grid() -> None:
    w = np.linspace(0.1, 10, 1981)
    factors = 10 ** scalar_theory.rate("sigmoid", w, 0.0, 0.3)
    best, factor = scalar_theory.largest_multiplier()
    assert factor == pytest.approx(float(mpmath.lambertw(mpmath.exp(-1))), rel=1e-12)
    assert factors.max() == pytest.approx(factor, abs=1e-6)
    assert w[factors.argmax()] == pytest.approx(best, abs=0.01)


def test_flip_weight_has_the_multiplier_minus_one() -> None:
    w = scalar_theory.flip_weight()
    (h,) = scalar_theory.fixed_points("sigmoid", w, 0.0)
    assert scalar_theory.multiplier("sigmoid", w, 0.0, h) == pytest.approx(-1, abs=1e-12)


# means over a Gaussian, and products of forget gates


@pytest.mark.parametrize("scale", [0.0, 1e-3, 0.7, 3.0, 20.0])
@pytest.mark.parametrize("name", ["tanh", "sigmoid"])
def test_gaussian_mean_against_mpmath(name: str, scale: float) -> None:
    """E[phi^2] of a shifted argument: neither odd nor even."""
    exact = {"tanh": mpmath.tanh, "sigmoid": lambda v: 1 / (1 + mpmath.exp(-v))}[name]
    with mpmath.workdps(25):
        mean = mpmath.quad(
            lambda z: exact(scale * z + 0.3) ** 2 * mpmath.npdf(z), [-12, *np.linspace(-3, 3, 25).tolist(), 12]
        )  # fmt: skip
    phi = scalar_theory.ACTIVATIONS[name][0]
    assert gaussian.gaussian_mean(lambda v: phi(v + 0.3) ** 2, scale) == pytest.approx(float(mean), rel=1e-14)


@given(st.floats(-30, 30), st.integers(0, 10_000))
def test_forget_product_against_mpmath(bias: float, lag: int) -> None:
    exact = -lag * mpmath.log1p(mpmath.exp(-mpmath.mpf(bias))) / mpmath.log(10)
    assert float(forget_theory.forget_product(bias, lag)) == pytest.approx(float(exact), rel=1e-13)


@pytest.mark.parametrize(("lag", "left", "bias"), [(100, 0.5, 4.97), (100, 0.1, 3.76), (1000, 0.5, 7.27)])
def test_the_bias_that_a_share_over_a_lag_asks_for(lag: int, left: float, bias: float) -> None:
    assert float(forget_theory.bias_for(lag, left)) == pytest.approx(bias, abs=0.005)
    assert float(forget_theory.bias_for(lag, left)) == pytest.approx(
        -np.log(left ** (-1 / lag) - 1), rel=1e-9
    )


@given(st.integers(1, 100_000), st.floats(1e-9, 0.999))
def test_that_share_is_left_over_that_lag(lag: int, left: float) -> None:
    bias = float(forget_theory.bias_for(lag, left))
    assert float(forget_theory.forget_product(bias, lag)) == pytest.approx(np.log10(left), rel=1e-9)


@given(st.integers(1, 100_000), st.floats(1e-3, 0.999))
def test_at_long_lags_the_bias_is_the_log_of_the_lag(lag: int, left: float) -> None:
    """The gap is x / 2 + x^2 / 24 - ..., x = log(1 / left) / lag."""
    x = -np.log(left) / lag
    gap = float(forget_theory.bias_for_long(lag, left) - forget_theory.bias_for(lag, left))
    assert x / 2 - 1e-12 <= gap <= x / 2 + x**2 / 24 + 1e-12
    assert float(forget_theory.bias_for_long(lag)) == pytest.approx(np.log(lag / np.log(2)))


def test_the_gate_of_the_answer() -> None:
    assert round(float(10 ** scalar_theory.log10_sigmoid(10)), 5) == 0.99995


@pytest.mark.parametrize(("bias", "s"), [(0.0, 1.0), (-3.0, 2.0), (5.0, 0.3), (1.0, 8.0)])
def test_moments_of_a_gaussian_gate_against_mpmath(bias: float, s: float) -> None:
    def moment(power: int) -> mpmath.mpf:
        cuts = sorted({-12.0, 12.0, *np.linspace(-bias / s - 6, -bias / s + 6, 25).clip(-12, 12).tolist()})
        return mpmath.quad(
            lambda z: (-mpmath.log1p(mpmath.exp(-bias - s * z)) / mpmath.log(10)) ** power * mpmath.npdf(z), cuts
        )  # fmt: skip

    with mpmath.workdps(25):
        mean, square = moment(1), moment(2)
    found = forget_theory.gaussian_gate(bias, s)
    assert found.mean == pytest.approx(float(mean), rel=1e-12)
    assert found.variance == pytest.approx(float(square - mean**2), rel=1e-12)


@given(st.floats(-10, 10), st.floats(0.01, 10))
def test_noise_in_the_gate_shortens_memory(bias: float, s: float) -> None:
    """Jensen; and the even part: log sigma(v) - log sigma(-v) = v."""
    gate = forget_theory.gaussian_gate(bias, s)
    assert gate.mean < scalar_theory.log10_sigmoid(bias)
    assert gate.mean - forget_theory.gaussian_gate(-bias, s).mean == pytest.approx(
        bias / scalar_theory.LN10, abs=1e-12
    )


def test_a_gate_without_noise_is_the_constant_one() -> None:
    constant = forget_theory.gaussian_product(1.0, 0.0, 50)
    assert constant.mean == pytest.approx(float(forget_theory.forget_product(1.0, 50)), rel=1e-14)
    assert constant.deviation < 1e-14


def test_products_of_gaussian_gates_by_simulation() -> None:
    lag, n = 200, 4000
    v = 0.5 + 1.5 * np.random.default_rng(1).standard_normal((n, lag))
    logs, expected = scalar_theory.log10_sigmoid(v).sum(1), forget_theory.gaussian_product(0.5, 1.5, lag)
    assert abs(logs.mean() - expected.mean) < ALARM * expected.deviation / np.sqrt(n)
    assert logs.std() == pytest.approx(expected.deviation, rel=ALARM / np.sqrt(2 * n))


@pytest.mark.parametrize("length", [3, 10.5, 1000])
def test_chrono_rate_and_norm_are_integrals(length: float) -> None:
    """The norm by another substitution than the code's: y = f^(2n + 1), smooth however large n is."""
    T = mpmath.mpf(length)
    rate = mpmath.quad(lambda u: mpmath.log10(u / (1 + u)), [1, 2, (T - 1) / 3 + 1, T - 1]) / (T - 2)
    assert forget_theory.chrono_rate(length) == pytest.approx(float(rate), rel=1e-12)
    for lag in (0, 1, 100, 30_000):
        power = 2 * lag + 1
        last = (1 - 1 / T) ** power
        first = mpmath.mpf(0.5) ** power
        ends = [first, *(y for y in (last / 1000, last / 2) if y > first), last]
        area = mpmath.quad(lambda y, power=power: (1 - y ** (mpmath.mpf(1) / power)) ** -2, ends) / power
        exact = float(mpmath.log10(area / (T - 2)) / 2)
        assert forget_theory.chrono_norm(length, lag) == pytest.approx(exact, rel=1e-11, abs=1e-13)


def test_chrono_norm_beside_and_beyond_the_longest_time_scale() -> None:
    T, n = 50, 1e7
    expected = n * np.log10((T - 1) / T) + np.log10(T / (2 * n)) / 2
    assert forget_theory.chrono_norm(T, n) - expected == pytest.approx(0, abs=0.02)
    assert forget_theory.chrono_norm(1000, 1000) == pytest.approx(np.log10(0.2), abs=0.05)
    mean = -(np.log(1000) + 1 - 2 * np.log(2)) / scalar_theory.LN10
    assert 1000 * forget_theory.chrono_rate(1000) == pytest.approx(mean, rel=0.01)


@given(st.floats(3, 1e5), st.integers(1, 10_000))
def test_a_norm_over_units_is_above_the_mean_of_logs_and_below_the_slowest_unit(
    length: float, lag: int
) -> None:
    """Jensen on one side; on the other, that no unit is slower than u = T - 1."""
    norm, slowest = forget_theory.chrono_norm(length, lag), float(forget_theory.chrono_gate(length - 1))
    assert lag * forget_theory.chrono_rate(length) - 1e-12 < norm < lag * slowest + 1e-12


def test_chrono_by_simulation() -> None:
    u = np.random.default_rng(2).uniform(1, 99, 100_000)
    f = expit(np.log(u))
    shares = np.array([0.05, 0.25, 0.5, 0.95])
    np.testing.assert_allclose(
        np.quantile(1 / (1 - f), shares), forget_theory.chrono_time(100, shares), rtol=0.02
    )
    assert abs(np.log10(f).mean() - forget_theory.chrono_rate(100)) < ALARM * np.log10(f).std() / np.sqrt(
        len(u)
    )
    assert np.log10(np.sqrt(np.mean(f**80))) == pytest.approx(forget_theory.chrono_norm(100, 40), abs=0.005)


def test_chrono_needs_a_range() -> None:
    with pytest.raises(ValueError, match="T = 2"):
        forget_theory.chrono_rate(2)


# mean field


def network(gain: float, orthogonal: bool, H: int, rng: np.random.Generator) -> np.ndarray:
    """Return a Gaussian R, or one with Haar's measure on the orthogonal matrices."""
    R = rng.standard_normal((H, H)) / np.sqrt(H)
    if orthogonal:
        Q, upper = np.linalg.qr(R)
        R = Q * np.sign(np.diag(upper))
    return gain * R


def driven(R: np.ndarray, activation: str, noise: float, bias: float, rng) -> tuple[float, float]:
    """Return the variance of the net input and the largest exponent of one driven network, by a tangent vector."""
    phi, log_slope = scalar_theory.ACTIVATIONS[activation]
    h, v, logs, squares = np.zeros(len(R)), rng.standard_normal(len(R)), [], []
    for t in range(200):
        net = R @ h + noise * rng.standard_normal(len(R)) + bias
        h, v = phi(net), 10 ** log_slope(net) * (R @ v)
        if t >= 50:
            logs.append(np.log10(np.linalg.norm(v)))
            squares.append(np.mean((net - bias) ** 2))
        v /= np.linalg.norm(v)
    return float(np.mean(squares)), float(np.mean(logs))


@pytest.mark.parametrize("orthogonal", [False, True])
@pytest.mark.parametrize(
    ("activation", "gain", "noise", "bias"),
    [("tanh", 1.5, 0.5, 0.0), ("tanh", 0.8, 1.0, 0.3), ("sigmoid", 6.0, 1.0, -1.0), ("relu", 1.1, 1.0, 0.0)],
)
def test_mean_field_against_wide_networks(activation, gain, noise, bias, orthogonal) -> None:
    """The mean of twelve networks of 400 units, to 6 % in the variance and 1.5 % a step in the gradient."""
    rng = np.random.default_rng(3)
    found = [driven(network(gain, orthogonal, 400, rng), activation, noise, bias, rng) for _ in range(12)]
    q, exponent = np.mean(found, axis=0)
    assert q == pytest.approx(mean_field.variance(activation, gain, noise**2, bias), rel=0.06)
    assert exponent == pytest.approx(
        mean_field.exponent(activation, gain, noise**2, bias), abs=np.log10(1.015)
    )


@pytest.mark.parametrize("orthogonal", [False, True])
def test_the_mean_exponent_is_the_determinant_s(orthogonal: bool) -> None:
    H, gain, noise, rng = 300, 1.2, 0.6, np.random.default_rng(4)
    R = network(gain, orthogonal, H, rng)
    h, logs = np.zeros(H), []
    for t in range(60):
        net = R @ h + noise * rng.standard_normal(H)
        h = np.tanh(net)
        if t >= 10:
            logs.append(scalar_theory.ACTIVATIONS["tanh"][1](net).mean())
    measured = np.linalg.slogdet(R)[1] / scalar_theory.LN10 / H + np.mean(logs)
    expected = mean_field.mean_exponent("tanh", gain, noise**2, orthogonal=orthogonal)
    assert measured == pytest.approx(expected, abs=0.01)
    assert expected < mean_field.exponent("tanh", gain, noise**2)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["tanh", "sigmoid"]), st.floats(0.01, 30), st.floats(1e-6, 5), st.floats(-2, 2))
def test_the_variance_is_a_fixed_point(activation: str, gain: float, noise: float, bias: float) -> None:
    q = mean_field.variance(activation, gain, noise, bias)
    assert gain**2 * mean_field.MOMENTS[activation][0](bias, q) + noise == pytest.approx(q, rel=1e-11)


@settings(max_examples=25, deadline=None)
@given(st.floats(0.01, 1.35), st.floats(0.01, 5))
def test_relu_and_linear_in_closed_form(gain: float, noise: float) -> None:
    """q = sigma^2 / (1 - g^2 / 2) and chi = g^2 / 2; the same with g^2 for linear."""
    assert mean_field.variance("relu", gain, noise) == pytest.approx(noise / (1 - gain**2 / 2), rel=1e-11)
    assert mean_field.chi("relu", gain, noise) == pytest.approx(gain**2 / 2, rel=1e-14)
    small = gain / 2
    assert mean_field.variance("linear", small, noise) == pytest.approx(noise / (1 - small**2), rel=1e-11)
    assert mean_field.exponent("linear", small, noise) == pytest.approx(np.log10(small), rel=1e-12)


@pytest.mark.parametrize("q", [0.3, 4.0])
@pytest.mark.parametrize("bias", [-1.2, 0.0, 0.8])
def test_relu_moments_are_integrals(q: float, bias: float) -> None:
    square = mpmath.quad(lambda v: v**2 * mpmath.npdf(v, bias, np.sqrt(q)), [0, 1, 3, bias + 12 * np.sqrt(q)])
    assert mean_field.MOMENTS["relu"][0](bias, q) == pytest.approx(float(square), rel=1e-12)
    assert mean_field.MOMENTS["relu"][1](bias, q) == pytest.approx(
        float(mpmath.ncdf(bias / np.sqrt(q))), rel=1e-14
    )


def test_a_network_without_input_rests_or_is_chaotic() -> None:
    """Sompolinsky et al.: nothing below gain 1; just above, q = (g^2 - 1) / 2 to first order."""
    assert mean_field.variance("tanh", 0.99, 0.0) == 0
    assert mean_field.exponent("tanh", 0.5, 0.0) == pytest.approx(np.log10(0.5), rel=1e-12)
    assert mean_field.variance("tanh", 1.001, 0.0) == pytest.approx(0.001, rel=0.01)
    assert mean_field.exponent("tanh", 1.5, 0.0) > 0
    assert mean_field.variance("relu", 1.5, 1.0) == np.inf
    assert mean_field.exponent("relu", 2.0, 1.0) == pytest.approx(np.log10(2) / 2, rel=1e-12)
    assert mean_field.exponent("tanh", 0.0, 1.0) == -np.inf


@pytest.mark.parametrize(
    ("activation", "noise", "expected"),
    [("tanh", 0.0, 1.0), ("relu", 0.0, np.sqrt(2)), ("relu", 3.0, np.sqrt(2)), ("linear", 2.0, 1.0)],
)
def test_edges_of_chaos_that_are_known(activation: str, noise: float, expected: float) -> None:
    assert mean_field.critical_gain(activation, noise) == pytest.approx(expected, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(BOUNDED, st.floats(0.01, 4))
def test_noise_moves_the_edge_of_chaos_up(activation: str, noise: float) -> None:
    """Molgedey et al.: input tames chaos."""
    edge = mean_field.critical_gain(activation, noise)
    assert mean_field.exponent(activation, edge, noise) == pytest.approx(0, abs=1e-10)
    assert mean_field.exponent(activation, 0.97 * edge, noise) < 0
    assert mean_field.exponent(activation, 1.03 * edge, noise) > 0
    assert mean_field.critical_gain(activation, noise / 2) < edge


# the zero state of gated cells


def planted(cell: str, R_z: np.ndarray, biases: dict[str, float]) -> Params:
    """Return a cell with random weights in all gates, R_z in the candidate, the biases given and no other."""
    H, rng, gates = len(R_z), np.random.default_rng(5), CELLS[cell].gates
    R = np.concatenate([R_z if g == CELLS[cell].candidate else rng.standard_normal((H, H)) for g in gates])
    b = np.concatenate([np.full(H, biases.get(g, 0.0)) for g in gates])
    p = {name: np.zeros((1, H, 1)) for name in CELLS[cell].pointwise}
    return Params(np.zeros((1, len(b), 1)), R[None], b[None, :, None], p)


def jacobian(cell: str, params: Params, H: int) -> np.ndarray:
    """Return the explicit Jacobian of two steps from the zero state, a column of its transpose per covector."""
    backend, names = load("numpy", "cpu", "float64"), CELLS[cell].states
    n = len(names) * H
    state = (np.zeros((1, H, n)),) * len(names)
    ops = backend.ops(CELLS[cell], PATHS["full"](CELLS[cell]))
    steps, after = unroll(ops, CELLS[cell], params, np.zeros((2, 1, 1, n)), state)
    assert not any(s.any() for s in after)
    d = tuple(np.eye(n)[None, k * H : (k + 1) * H] for k in range(len(names)))
    for step in reversed(steps):
        d = backend.vjp(CELLS[cell], params, step, d, PATHS["full"](CELLS[cell]))
    return np.concatenate([s[0] for s in d]).T


@settings(max_examples=20, deadline=None)
@given(st.floats(-3, 5), st.floats(-2, 2), st.floats(-2, 2), st.floats(0.1, 4), st.integers(0, 99))
def test_joint_jacobian_of_gated_cells_at_rest(
    forget: float, one: float, two: float, gain: float, seed: int
) -> None:
    """Two steps of the real cells: the squares of the closed form's eigenvalues, and zeros."""
    H = 4
    R_z = gain * np.random.default_rng(seed).standard_normal((H, H)) / 2
    rho = np.linalg.eigvals(R_z)
    for cell, biases, expected in (
        ("lstm", {"f": forget, "i": one, "o": two}, spectral_theory.lstm_eigenvalues(rho, forget, one, two)),
        ("lstm97", {"i": one, "o": two}, spectral_theory.lstm_eigenvalues(rho, np.inf, one, two)),
        ("gru", {"u": forget, "r": one}, spectral_theory.gru_eigenvalues(rho, forget, one)),
    ):
        J = jacobian(cell, planted(cell, R_z, biases), H)
        zeros = np.zeros(len(J) - H)
        for power in (1, 2, 3):  # sums of powers: eigenvalues without their order
            traces = np.sum(np.concatenate([expected, zeros]) ** (2 * power))
            assert np.trace(np.linalg.matrix_power(J, power)) == pytest.approx(traces.real, rel=1e-9)
        assert np.linalg.matrix_rank(J, tol=1e-9) <= H


@pytest.mark.parametrize("radius", [0.3, 1.0, 2.5])
def test_radii_of_the_identity_and_their_limits(radius: float) -> None:
    eye = radius * np.eye(3)
    for cell, gate, form in (
        ("lstm", "f", spectral_theory.lstm_radius),
        ("gru", "u", spectral_theory.gru_radius),
    ):
        J = jacobian(cell, planted(cell, eye, {gate: 0.7}), 3)
        assert abs(np.linalg.eigvals(J)).max() ** 0.5 == pytest.approx(form(radius, 0.7), rel=1e-12)
    assert spectral_theory.lstm_radius(radius, np.inf) == pytest.approx(1 + radius / 4, rel=1e-14)
    assert spectral_theory.gru_radius(radius, 40.0) == pytest.approx(1, abs=1e-14)
    assert spectral_theory.gru_radius(radius, -np.inf) == pytest.approx(radius / 2, rel=1e-14)
    assert (spectral_theory.gru_radius(radius, 3.0) > 1) == (radius / 2 > 1)


@given(st.floats(0, 3.9))
def test_the_bias_at_which_the_lstm_s_rest_turns_unstable(radius: float) -> None:
    bias = spectral_theory.lstm_critical_bias(radius)
    assert spectral_theory.lstm_radius(radius, bias) == pytest.approx(1, rel=1e-12)


def test_the_critical_bias_of_gain_one_is_log_three() -> None:
    assert spectral_theory.lstm_critical_bias(1.0) == pytest.approx(np.log(3), rel=1e-14)
    assert spectral_theory.lstm_critical_bias(5.0) == -np.inf


# products of matrices


def test_newmans_exponents_by_simulation() -> None:
    """Each of the exponents and their variances, by QR over 4000 independent matrices."""
    H, n, gain, rng = 5, 4000, 1.3, np.random.default_rng(6)
    Q, logs = np.eye(H), np.empty((n, H))
    for t in range(n):
        Q, upper = np.linalg.qr(gain * rng.standard_normal((H, H)) / np.sqrt(H) @ Q)
        logs[t] = np.log10(abs(np.diag(upper)))
    variances = products.gaussian_variances(H)
    errors = (logs.mean(0) - products.gaussian_exponents(H, gain)) / np.sqrt(variances / n)
    assert abs(errors).max() < ALARM
    np.testing.assert_allclose(logs.var(0), variances, rtol=0.2)


def test_newmans_sum_is_the_determinant_of_a_wishart_matrix() -> None:
    """E log |det|: for H = 1 the mean of log |z| is -(gamma + log 2) / 2 nats."""
    scalar = -(float(mpmath.euler) + np.log(2)) / 2 / scalar_theory.LN10
    assert products.gaussian_exponents(1, 1.0)[0] == pytest.approx(scalar, rel=1e-13)
    assert products.gaussian_variances(1)[0] == pytest.approx(np.pi**2 / 8 / scalar_theory.LN10**2, rel=1e-13)


def test_many_units_give_the_triangle_law() -> None:
    H = 20_000
    found = products.gaussian_exponents(H, 2.0)
    expected = np.log10(2.0) + np.log10(1 - np.arange(H) / H) / 2
    np.testing.assert_allclose(found[: H // 2], expected[: H // 2], atol=1e-4)
    assert found.mean() == pytest.approx(np.log10(2.0) - 0.5 / scalar_theory.LN10, abs=1e-3)
    assert found[0] == pytest.approx(np.log10(2.0) - 1 / (2 * H) / scalar_theory.LN10, abs=1e-9)


def test_norms_of_powers_of_one_gaussian_matrix() -> None:
    H, gain = 500, 0.9
    R = gain * np.random.default_rng(7).standard_normal((H, H)) / np.sqrt(H)
    for n in (1, 2, 3, 5):
        power = np.linalg.matrix_power(R, n)
        frobenius, spectral = products.gaussian_norms(H, gain, n)
        assert np.log10(np.linalg.norm(power)) == pytest.approx(float(frobenius), abs=0.02)
        assert np.log10(np.linalg.norm(power, 2)) == pytest.approx(float(spectral), abs=0.02)
    assert products.gaussian_norms(H, 1.0, 1e6)[1] == pytest.approx(np.log10(np.e * 1e6) / 2, abs=1e-6)


@pytest.mark.parametrize("matrix", ["identity", "orthogonal"])
def test_isometries(matrix: str) -> None:
    H, gain = 6, 0.8
    Q = network(1.0, True, H, np.random.default_rng(8)) if matrix == "orthogonal" else np.eye(H)
    power = np.linalg.matrix_power(gain * Q, 9)
    frobenius, spectral = products.isometry_norms(H, gain, 9)
    assert np.log10(np.linalg.norm(power)) == pytest.approx(float(frobenius), rel=1e-12)
    assert np.log10(np.linalg.norm(power, 2)) == pytest.approx(float(spectral), rel=1e-12)
    assert 9 * products.isometry_exponents(H, gain) == pytest.approx(
        np.log10(np.linalg.svd(power)[1]), rel=1e-12
    )


@given(st.floats(0.2, 2), st.integers(0, 40), st.integers(0, 3))
def test_powers_of_a_jordan_block(value: float, lag: int, above: int) -> None:
    block = value * np.eye(4) + np.eye(4, k=1)
    entry = np.linalg.matrix_power(block, lag)[0, above]
    if entry == 0:
        assert products.jordan_entry(value, lag, above) == -np.inf
    else:
        assert products.jordan_entry(value, lag, above) == pytest.approx(
            np.log10(entry), rel=1e-10, abs=1e-11
        )
