"""Lyapunov spectra: planted systems, determinants, random products, and directions that are lost."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from scipy.special import digamma, polygamma
from support.problems import Problem, random_problem, small

import carousel.engine.recurrence
import carousel.measures.lyapunov.qr
import carousel.measures.lyapunov.spectrum
from carousel.analysis.theory.scalar import rate
from carousel.cells import CELLS, Params
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, unroll
from carousel.measures.lyapunov.qr import dense, growth
from carousel.measures.lyapunov.spectrum import spectrum, summarised

BACKENDS = {name: load(name, "cpu", "float64") for name in ("numpy", "torch")}
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
every_cell = pytest.mark.parametrize("name", CELLS)


def measured(backend, p: Problem, warm_up=5, exponents=3, **options):
    return spectrum(p.system(backend), warm_up, exponents, **options)


def linear(R: list, length: int = 120) -> Problem:
    """Linear networks with the matrices `R`, driven by noise."""
    M, n = np.shape(R)[:2]
    rng, p = np.random.default_rng(0), random_problem("rnn_linear")
    W, R, b = rng.standard_normal((M, n, 1)), np.array(R, float), np.zeros((M, n, 1))
    xs, state = rng.standard_normal((length, M, 1, 2)), (rng.standard_normal((M, n, 2)),)
    return p._replace(params=Params(W, R, b, {}), xs=xs, state=state)


def orthogonal(n: int, seed: int = 0) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def stream(matrices) -> list:
    """Steps with the Jacobians `matrices` [T L n n]."""
    return [dense(np.asarray(J, float)) for J in matrices]


def units(L: int, n: int) -> np.ndarray:
    return np.broadcast_to(np.eye(n), (L, n, n))


TURN = 1.5 * np.array([[math.cos(1.0), -math.sin(1.0)], [math.sin(1.0), math.cos(1.0)]])
U = orthogonal(3)
PLANTED = {
    "diagonal": (np.diag([0.01, 1.2, 1e-3]), [1.2, 0.01, 1e-3]),
    "tiny": (np.diag([1e-30, 1.0, 1e-60]), [1.0, 1e-30, 1e-60]),
    "upper": ([[0.5, 30, 7], [0, 1.1, -20], [0, 0, 0.2]], [1.1, 0.5, 0.2]),
    "lower": ([[0.2, 0, 0], [9, 0.5, 0], [-5, 30, 1.1]], [1.1, 0.5, 0.2]),
    "turned": (U @ np.diag([2.0, 0.7, 0.1]) @ U.T, [2.0, 0.7, 0.1]),
    "rotation": (
        np.block([[TURN, np.ones((2, 1))], [np.zeros((1, 2)), np.full((1, 1), 0.3)]]),
        [1.5, 1.5, 0.3],
    ),
    "orthogonal": (0.9 * U, [0.9, 0.9, 0.9]),
    "huge": (1e80 * U, [1e80, 1e80, 1e80]),
}


@both
@pytest.mark.parametrize("name", PLANTED)
def test_spectrum_of_a_constant_linear_system(name, backend):
    """A rotation on a plane turns unevenly, so its errors are not zero; all else is exact step by step."""
    R, factors = PLANTED[name]
    found = measured(backend, linear([R, R]), warm_up=50)
    slack = 0.02 if name == "rotation" else 1e-9
    np.testing.assert_allclose(found.exponents, np.log10([factors] * 2), rtol=1e-9, atol=slack)
    np.testing.assert_allclose(found.total, np.log10(factors).sum(), rtol=1e-9)
    np.testing.assert_allclose(found.log_det, np.log10(factors).sum(), rtol=1e-9)
    if name != "rotation":
        np.testing.assert_allclose(found.errors, 0, atol=1e-9)


@both
@every_cell
def test_exponents_add_up_to_the_mean_log_determinant(name, backend):
    found = measured(backend, small(name, seed=3, length=40))
    np.testing.assert_array_equal(found.exponents, -np.sort(-found.exponents, axis=1))
    np.testing.assert_array_equal(np.isfinite(found.total), np.isfinite(found.exponents).all(1))
    np.testing.assert_allclose(found.total, found.log_det, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(np.isnan(found.errors), np.isneginf(found.exponents))


@both
def test_determinant_of_an_lstm_step(backend):
    """|det J| = prod f |tanh c| o (1 - o) |det R_o|: subtract o (1 - tanh^2 c) times c's rows from h's."""
    p, numpy = random_problem("lstm", seed=4, length=40), BACKENDS["numpy"]
    found = measured(backend, p, warm_up=4)
    steps, _ = unroll(numpy.ops(p.cell, PATHS["full"](p.cell)), p.cell, p.params, p.xs, p.state)
    f, do, y = (np.stack([step.saved[k] for step in steps[8:]]) for k in (2, 7, 8))
    R_o = np.split(p.params.R, 4, axis=1)[3]
    pointwise = np.log10(f * do * abs(y)).sum(2).mean((0, 2))
    np.testing.assert_allclose(
        found.log_det, pointwise + np.linalg.slogdet(R_o)[1] / math.log(10), rtol=1e-12
    )


@both
@pytest.mark.parametrize("w, b", [(1.5, 0.3), (0.5, -2.0), (-3.0, 0.2)])
def test_a_scalar_tanh_chain_has_the_exponent_of_theory(w, b, backend):
    """Fixed points and, for w = -3, a cycle of two."""
    p, one = random_problem("rnn_tanh"), np.ones((1, 1, 1))
    p = p._replace(
        params=Params(0 * one, w * one, b * one, {}), xs=np.zeros((232, 1, 1, 1)), state=(0.4 * one,)
    )
    found = measured(backend, p, warm_up=100)
    assert found.exponents.item() == pytest.approx(rate("tanh", np.array([w]), b, 0.4).item(), rel=1e-9)


@both
def test_a_driven_scalar_chain_is_the_mean_of_its_log_slopes(backend):
    p = random_problem("rnn_tanh", seed=6, length=80, hidden=1)
    h, logs = p.state[0], []
    for x in p.xs:
        h = np.tanh(p.params.W @ x + p.params.R @ h + p.params.b)
        logs.append(np.log10(abs(p.params.R) * (1 - h**2)))
    logs = np.stack(logs)[16:]
    found = measured(backend, p, warm_up=8)  # 64 steps count, and none are left over
    np.testing.assert_allclose(found.exponents[:, 0], logs.mean((0, 2, 3)), rtol=1e-10)
    means = logs.reshape(16, 4, *logs.shape[1:]).mean(1)
    error = means.transpose(1, 0, 2, 3).reshape(3, -1).std(1, ddof=1) / 8
    assert found.n == 64
    np.testing.assert_allclose(found.errors[:, 0], error, rtol=1e-9)


def test_gaussian_matrices_have_newman_s_exponents():
    """Products of independent Gaussian matrices (Newman 1986): mean and variance of every exponent, by digamma."""
    rng, n, T, L = np.random.default_rng(8), 6, 400, 60
    basis, *_ = growth(stream(rng.standard_normal((20, L, n, n))), units(L, n))
    _, logs, log_dets = growth(stream(rng.standard_normal((T, L, n, n))), basis)
    degrees = (n - np.arange(n)) / 2
    mean = (math.log(2) + digamma(degrees)) / 2 / math.log(10)
    variance = polygamma(1, degrees) / 4 / math.log(10) ** 2
    z = (logs / T - mean) / np.sqrt(variance / T)
    assert (abs(z.mean(0)) < 4 / math.sqrt(L)).all()
    assert (abs(z.std(0) - 1) < 4 / math.sqrt(2 * L)).all()
    np.testing.assert_allclose(logs.sum(1), log_dets, rtol=1e-9)


def test_block_errors_cover_newman_s_exponents():
    """The errors of `summarised` are those of independent blocks; the neighbours' correlation is small."""
    rng, n, N, T, L = np.random.default_rng(9), 4, 16, 20, 40
    basis, *_ = growth(stream(rng.standard_normal((20, L, n, n))), units(L, n))
    rates, log_dets = [], []
    for _ in range(N):
        basis, grown, log_det = growth(stream(rng.standard_normal((T, L, n, n))), basis)
        rates.append(grown / T)
        log_dets.append(log_det / T)
    found = summarised(np.stack(rates), np.stack(log_dets), L // 2)
    degrees = (n - np.arange(n)) / 2
    z = (found.exponents - (math.log(2) + digamma(degrees)) / 2 / math.log(10)) / found.errors
    assert found.n == 2 * N
    assert 0.75 < z.std() < 1.35
    assert abs(found.correlation.mean()) < 0.1
    np.testing.assert_allclose(found.total, found.log_det, rtol=1e-9)


def test_correlated_blocks_say_so():
    slow = np.sin(np.linspace(0, math.pi, 16))[:, None, None] * np.ones((1, 2, 1))
    assert summarised(slow, slow[..., 0], 1).correlation.item() > 0.7
    alternating = np.where(np.arange(16) % 2, 1.0, -1.0)[:, None, None] * np.ones((1, 2, 1))
    assert summarised(alternating, alternating[..., 0], 1).correlation.item() == pytest.approx(-1)


def test_sequences_that_lose_a_direction_in_different_places_have_lost_one_each():
    rates = np.tile([[[-np.inf, -1.0, -2.0], [-1.0, -2.0, -np.inf]]], (16, 1, 1))
    found = summarised(rates, rates.sum(2), 1)
    np.testing.assert_array_equal(found.exponents, [[-1, -2, -np.inf]])
    np.testing.assert_array_equal(found.errors, [[0, 0, np.nan]])


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), spread=st.floats(0, 12))
def test_saturated_units_keep_their_digits(seed, spread):
    """Rows of very different sizes, down to 1e-24 of the largest, as behind a tanh: all exponents, and their sum."""
    rng = np.random.default_rng(seed)
    slopes = 10.0 ** rng.uniform(-2 * spread, 0, (30, 2, 4, 1))
    _, logs, log_dets = growth(
        stream(slopes * (np.eye(4) + 0.3 * rng.standard_normal((30, 2, 4, 4)))), units(2, 4)
    )
    np.testing.assert_allclose(logs.sum(1), log_dets, rtol=1e-9)


@both
def test_a_saturated_network_loses_nothing(backend):
    """Net inputs up to 50 and slopes down to 1e-40 or so."""
    p = small("rnn_tanh", seed=12, length=40)
    p.params.R[:] *= 10
    p.params.W[:] *= 20
    found = measured(backend, p)
    assert found.exponents.min() < -8
    np.testing.assert_allclose(found.total, found.log_det, rtol=1e-9)


@both
def test_a_dead_relu_is_lost_and_the_others_are_not(backend):
    p = small("rnn_relu", seed=2, length=40)
    p.params.R[:] = 0.5 * np.eye(3)
    p.params.W[:] = 0
    p.params.b[:, :, 0] = [[1, -1, 1], [1, 1, 1]]
    found = measured(backend, p)
    half = math.log10(0.5)
    np.testing.assert_allclose(found.exponents, [[half, half, -np.inf], [half] * 3], rtol=1e-9)
    np.testing.assert_allclose(found.log_det, [-np.inf, 3 * half], rtol=1e-9)


@both
def test_without_an_output_gate_half_the_directions_are_lost(backend):
    """h = tanh(c): (h, c) has H degrees of freedom, though rounding says otherwise."""
    found = measured(backend, random_problem("lstm_nog", seed=5, length=40))
    assert np.isfinite(found.exponents[:, :5]).all()
    assert np.isneginf(found.exponents[:, 5:]).all()
    assert np.isneginf(found.log_det).all()
    assert np.isnan(found.errors[:, 5:]).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), rank=st.integers(1, 4))
@example(seed=176, rank=4)  # one column is small beside the others
def test_what_is_left_of_a_singular_stream_is_that_of_the_smaller_one(seed, rank):
    """Random matrices of a few dimensions inside five, in a basis where no entry is zero."""
    rng, V = np.random.default_rng(seed), orthogonal(5, seed)[:, :rank]
    intermediate = rng.standard_normal((40, 2, rank, rank))
    basis, *_ = growth(stream(V @ intermediate[:10] @ V.T), units(2, 5))
    _, logs, log_dets = growth(stream(V @ intermediate[10:] @ V.T), basis)
    alive = np.isfinite(logs)
    assert (alive.sum(1) == rank).all()
    expected = np.linalg.slogdet(intermediate[10:])[1].sum(0) / math.log(10)
    np.testing.assert_allclose(np.where(alive, logs, 0).sum(1), expected, rtol=1e-8, atol=1e-8)
    assert np.isneginf(log_dets).all()


def test_a_direction_lost_on_the_way_leaves_the_others_in_their_places():
    """One step takes the fastest direction to zero: those behind it keep their rates, before and after."""
    V = orthogonal(3, 7)
    steady, loss = (V @ np.diag(factors) @ V.T for factors in ([1.0, 0.5, 0.25], [0.0, 0.5, 0.25]))
    basis, *_ = growth(stream([[steady]] * 60), units(1, 3))
    basis, before, _ = growth(stream([[steady]] * 30), basis)
    basis, _, _ = growth(stream([[loss]]), basis)
    _, after, _ = growth(stream([[steady]] * 6), basis)
    np.testing.assert_allclose(before, 30 * np.log10([[1.0, 0.5, 0.25]]), atol=1e-9)
    np.testing.assert_allclose(after, [[-np.inf, 6 * math.log10(0.5), 6 * math.log10(0.25)]], rtol=1e-9)


@pytest.mark.parametrize("factor", [1e-140, 1e140])
def test_a_sudden_change_of_scale_is_not_lost(factor):
    """After many quiet steps the interval is long; sixteen such steps are far out of range."""
    V = orthogonal(3, 1)
    quiet, sudden = stream([[V]] * 64), stream([[factor * V]] * 20)
    _, logs, _ = growth([*quiet, *sudden, *quiet], units(1, 3))
    np.testing.assert_allclose(logs, 20 * math.log10(factor), rtol=1e-12)


@pytest.mark.parametrize("factor", [1e-20, 1e20])
def test_a_steady_change_of_scale_keeps_its_digits(factor):
    """Sixteen of these steps together reach the subnormal numbers, or infinity."""
    _, logs, _ = growth(stream([[factor * orthogonal(3, 1)]] * 63), units(1, 3))
    np.testing.assert_allclose(logs, 63 * math.log10(factor), rtol=1e-12)


def test_a_vector_that_is_rounding_behind_an_ill_conditioned_one_is_lost():
    """Columns y, y + 1e-9 u and u: the rounding of the second, 1e-16, is 1e-7 of what it tells apart."""
    y, u = orthogonal(3, 2)[:2]
    J = np.stack([y + u / 3, y + u / 3 + 1e-9 * u, u], axis=1)
    _, logs, _ = growth(stream([[J]]), units(1, 3))
    assert np.isneginf(logs[0, 2])
    np.testing.assert_allclose(logs[0, :2], [math.log10(10 / 9) / 2, -9 - math.log10(10 / 9) / 2], atol=1e-6)


def test_many_directions_are_lost_at_once(monkeypatch):
    calls, orthonormal = [], carousel.measures.lyapunov.qr.orthonormal
    monkeypatch.setattr(
        carousel.measures.lyapunov.qr, "orthonormal", lambda *a: calls.append(1) or orthonormal(*a)
    )
    V = orthogonal(40)[:, :5]
    _, logs, _ = growth(stream([[V @ V.T]]), units(1, 40))
    assert np.isneginf(logs).sum() == 35
    assert len(calls) < 5


@pytest.mark.parametrize("longest", [1, 4, 64])
def test_the_interval_between_two_qrs_changes_nothing(longest, monkeypatch):
    rng = np.random.default_rng(3)
    matrices = np.eye(5) + 0.4 * rng.standard_normal((200, 3, 5, 5))
    _, expected, _ = growth(stream(matrices), units(3, 5))
    monkeypatch.setattr(carousel.measures.lyapunov.qr, "LONGEST", longest)
    _, logs, _ = growth(stream(matrices), units(3, 5))
    np.testing.assert_allclose(logs, expected, atol=1e-8)


def test_the_interval_grows_with_room_and_shrinks_without(monkeypatch):
    lengths, advance = [], carousel.measures.lyapunov.qr.advance
    monkeypatch.setattr(
        carousel.measures.lyapunov.qr, "advance", lambda s, b: lengths.append(len(s)) or advance(s, b)
    )
    growth(stream([[orthogonal(3)]] * 47), units(1, 3))
    assert lengths == [1, 2, 4, 8, 16, 16]
    lengths.clear()
    growth(stream([[np.array([[1.0, 300.0], [0.0, 1.0]])]] * 40), units(1, 2) @ orthogonal(2))
    assert max(lengths[5:]) <= 2


def test_what_is_not_a_number_stays_none():
    matrices = np.tile(orthogonal(3), (40, 2, 1, 1))
    matrices[20, 0, 1, 1] = np.nan
    basis, logs, log_dets = growth(stream(matrices), units(2, 3))
    assert np.isnan(logs[0]).all()
    assert np.isnan(log_dets[0])
    np.testing.assert_allclose(logs[1], 0, atol=1e-12)


@both
def test_leading_exponents_from_the_adjoint_are_those_of_a_linear_system(backend, monkeypatch):
    monkeypatch.setattr(carousel.measures.lyapunov.spectrum, "EXACT", 2)
    V = orthogonal(3, 4)
    p = linear([V @ np.diag([2.0, 0.7, 0.1]) @ V.T, np.diag([0.1, 0.2, 3.0])])
    found = measured(backend, p, 50, 2, rng=np.random.default_rng(1))
    np.testing.assert_allclose(found.exponents, np.log10([[2.0, 0.7], [3.0, 0.2]]), rtol=1e-9)
    assert np.isnan(found.total).all()
    assert np.isnan(found.log_det).all()


@pytest.mark.parametrize("backend, name", [(BACKENDS["numpy"], "lstm"), (BACKENDS["torch"], "rnn_tanh")])
def test_leading_exponents_from_the_adjoint_agree_with_the_forward_ones(backend, name, monkeypatch):
    """They differ by what a start and an end do, here within their errors; chunks change nothing."""
    p = small(name, seed=7, length=200)
    forward = measured(backend, p, 20)
    monkeypatch.setattr(carousel.measures.lyapunov.spectrum, "EXACT", 2)
    back = measured(backend, p, 20, 3, rng=np.random.default_rng(1))
    size = forward.exponents[:, :3] - back.exponents
    assert (abs(size) < 4 * np.hypot(forward.errors[:, :3], back.errors)).all()
    monkeypatch.setattr(carousel.engine.recurrence, "MEMORY", 1)
    chunked = measured(backend, p, 20, 3, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(chunked.exponents, back.exponents)


@pytest.mark.parametrize("name", BACKENDS)
def test_float32_weights_are_measured_in_float64(name):
    p = small("gru", seed=10, length=40)
    wide, narrow = (measured(load(name, "cpu", dtype), p) for dtype in ("float64", "float32"))
    np.testing.assert_allclose(narrow.exponents, wide.exponents, atol=1e-4)
    np.testing.assert_allclose(narrow.total, narrow.log_det, rtol=1e-9)
    assert (narrow.exponents != wide.exponents).any()


def test_backends_agree():
    p = small("lstm_peephole", seed=11, length=40)
    one, other = (measured(backend, p) for backend in BACKENDS.values())
    for here, there in zip(one[:-1], other[:-1], strict=True):
        np.testing.assert_allclose(here, there, rtol=1e-8, atol=1e-10)


def test_a_warm_up_that_leaves_nothing_is_refused():
    with pytest.raises(ValueError, match="warm_up: found 4; allowed: twice that leaves 2 or more of 9 steps"):
        measured(BACKENDS["numpy"], random_problem("gru"), 4)


def test_a_random_basis_needs_an_rng(monkeypatch):
    monkeypatch.setattr(carousel.measures.lyapunov.spectrum, "EXACT", 2)
    with pytest.raises(ValueError, match="5 numbers of state: above 2 an rng is needed"):
        measured(BACKENDS["numpy"], random_problem("gru"), 1)
