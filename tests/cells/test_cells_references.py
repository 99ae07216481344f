"""mamba, rglru and cornn against their papers' equations, written otherwise and differentiated by autograd."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from mpmath import mp, mpf
from support.cell_checks import NUMPY, TORCH, back, both
from support.problems import B, D, H, M, T, random_problem

from carousel.cells import CELLS, Params
from carousel.cells.cornn import DAMPING, STEP, STIFFNESS, cornn
from carousel.cells.mamba import STATES, draw_log_A, hold
from carousel.cells.rglru import KEPT_MAX, KEPT_MIN, C, draw_Lambda, rate
from carousel.engine.backends.numpy import FORWARD
from carousel.engine.recurrence import PATHS, parameter_gradients, unroll
from carousel.measures.adjoint import Quantity, gradient_by_lag

FULL, FORMULA = Quantity("loss_state", "full"), Quantity("factor_product", "formula")
NETS = [-170.0, -20.0, -1.0, 3.0, 40.0, 690.0]  # a factor of a step is no smaller than the smallest float


def close(a, b, rtol=1e-12, atol=1e-14):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def log_sigmoid(x):
    return -np.logaddexp(0, -x)


def rows(p, gate, array):
    k = p.cell.gates.index(gate)
    return array[:, k * H : (k + 1) * H]


def with_rows(p, **nets):
    """The problem with the net inputs of the named gates held at a constant."""
    W, R, b = (a.copy() for a in p.params[:3])
    for gate, value in nets.items():
        rows(p, gate, W)[:], rows(p, gate, R)[:], rows(p, gate, b)[:] = 0, 0, value
    return p._replace(params=Params(W, R, b, p.params.p))


def by_hand(p):
    """The last state, the adjoint of the first from the covector, and the gradient of h's part of it by parameters."""
    steps, last = unroll(FORWARD, p.cell, p.params, p.xs, p.state)
    d = parameter_gradients(FORWARD, p.cell, p.params, steps, p.covector[0][:, None], PATHS["full"](p.cell))
    return [*last, *back(NUMPY, p), *d[:3], *d.p.values()]


def by_reference(reference, p):
    """What `by_hand` gives, by autograd through `reference`: (p, W, R, b, pointwise, xs, state) to the last state."""
    arrays = [*p.params[:3], *p.params.p.values(), *p.state]
    leaves = [torch.tensor(a, requires_grad=True) for a in arrays]
    weights, n = leaves[:3], len(p.state)
    pointwise = dict(zip(p.params.p, leaves[3:-n], strict=True))
    last = reference(p, *weights, pointwise, torch.tensor(p.xs), leaves[-n:])
    parts = [(torch.tensor(u) * s).sum() for u, s in zip(p.covector, last, strict=True)]
    by_state = torch.autograd.grad(sum(parts), leaves[-n:], retain_graph=True, materialize_grads=True)
    by_weights = torch.autograd.grad(parts[0], leaves[:-n], materialize_grads=True)
    return [a.detach().numpy() for a in (*last, *by_state, *by_weights)]


def nets(p, W, b, xs):
    """W x + b of all steps by gate, [T M H B]."""
    return dict(zip(p.cell.gates, (W @ xs + b).split(H, 2), strict=True))


def mamba_by_products(p, W, R, b, pointwise, xs, state):
    """The sum over k of the product of the exp(Delta A) after k times the held input of k; A is negative, as there."""
    net, A = nets(p, W, b, xs), -torch.exp(pointwise["log_A"])
    delta = torch.nn.functional.softplus(-net["f"])
    after = (delta * A).flip(0).cumsum(0).flip(0)  # sum from step k on
    held = torch.expm1(delta * A) / A * net["i"] * net["z"]
    c = torch.exp(after[0]) * state[1] + (torch.exp(after - delta * A) * held).sum(0)
    return net["o"][-1] * c, c


def rglru_by_the_paper(p, W, R, b, pointwise, xs, state):
    """Equations 1 to 4 of section 2.4."""
    net, a = nets(p, W, b, xs), torch.sigmoid(pointwise["Lambda"])
    (h,) = state
    for i, f, z in zip(net["i"], net["f"], net["z"], strict=True):
        a_t = a ** (8 * torch.sigmoid(-f))
        h = a_t * h + torch.sqrt(1 - a_t**2) * (torch.sigmoid(i) * z)
    return (h,)


def cornn_by_positions(p, W, R, b, pointwise, xs, state):
    """The second difference of the positions is the force, its stiffness and its damping; no velocity is kept."""
    h, v = state
    before = h - STEP * v
    for x in xs:
        v = (h - before) / STEP
        force = torch.tanh(W @ x + R @ torch.cat([h, v], 1) + b)
        before, h = h, 2 * h - before + STEP**2 * (force - STIFFNESS * h - DAMPING * v)
    return h, (h - before) / STEP


@pytest.mark.parametrize("seed", [60, 61, 62])
@pytest.mark.parametrize(
    ("name", "reference"),
    [("mamba", mamba_by_products), ("rglru", rglru_by_the_paper), ("cornn", cornn_by_positions)],
)
def test_states_and_gradients_are_those_of_the_paper_s_equations(name, reference, seed):
    p = random_problem(name, seed=seed)
    for found, expected in zip(by_hand(p), by_reference(reference, p), strict=True):
        close(found, expected, rtol=1e-12, atol=1e-13)


# mamba


def test_units_that_share_their_rows_are_a_layer_of_channels_with_several_states():
    """Algorithm 2 with 3 channels of 2 states: Delta and x by channel, B and C by state number, y their sum."""
    rng, channels, N = np.random.default_rng(63), 3, 2
    by_channel, by_number = rng.standard_normal((2, M, channels, D)), rng.standard_normal((2, M, N, D))
    log_A, bias = rng.standard_normal((M, channels, N)), rng.standard_normal((M, channels, 1))
    xs = rng.standard_normal((T, M, D, B))
    delta, x = np.logaddexp(0, by_channel[0] @ xs - bias), by_channel[1] @ xs
    A, s = -np.exp(log_A)[..., None], np.zeros((M, channels, N, B))
    for d, u, b, c in zip(delta, x, by_number[0] @ xs, by_number[1] @ xs, strict=True):
        d, u, b, c = d[:, :, None], u[:, :, None], b[:, None], c[:, None]
        s = np.exp(d * A) * s + (np.exp(d * A) - 1) / (d * A) * d * b * u
        y = (c * s).sum(2)
    spread, over = (lambda a: np.repeat(a, N, axis=1)), (lambda a: np.tile(a, (1, channels, 1)))
    W = np.concatenate(
        [over(by_number[0]), spread(-by_channel[0]), spread(by_channel[1]), over(by_number[1])], 1
    )
    b = np.zeros((M, 4, channels * N, 1))
    b[:, 1] = spread(bias)
    params = Params(W, np.zeros((M, len(W[0]), 0)), b.reshape(M, -1, 1), {"log_A": log_A.reshape(M, -1, 1)})
    zero = (np.zeros((M, channels * N, B)),) * 2
    h = unroll(FORWARD, CELLS["mamba"], params, xs, zero)[1][0]
    close(h.reshape(M, channels, N, B).sum(2), y)


def test_one_state_with_fixed_factors_is_mingru():
    """Theorem 1: A = 1 and B = C = 1 give h = (1 - g) h + g x."""
    p = with_rows(random_problem("mamba", seed=64), i=1.0, o=1.0)
    W, b = (a[:, H : 3 * H] for a in (p.params.W, p.params.b))
    ours = p._replace(params=p.params._replace(p={"log_A": np.zeros((M, H, 1))}))
    gru = p._replace(cell=CELLS["mingru"], params=Params(W, p.params.R[:, : 2 * H], b, {}), state=p.state[1:])
    close(unroll(FORWARD, *ours[:4])[1][0], unroll(FORWARD, *gru[:4])[1][0])


@both
def test_the_gradient_along_the_carousel_of_mamba_is_the_product_of_its_gates(backend):
    p = random_problem("mamba", seed=65)
    net = p.params.W @ p.xs + p.params.b
    log_f = np.exp(p.params.p["log_A"]) * log_sigmoid(np.stack([rows(p, "f", n) for n in net]))
    entered = p.covector[1] + rows(p, "o", net[-1]) * p.covector[0]
    for path in PATHS:
        d_h, d_c = back(backend, p, path)
        close(d_c, np.exp(log_f.sum(0)) * entered)
        assert not d_h.any()


@both
@pytest.mark.parametrize("net", NETS)
def test_a_held_step_size_loses_its_power_of_the_gate_a_step(net, backend):
    p = with_rows(random_problem("mamba", seed=66, length=25), f=net, o=1.5)
    p.params.p["log_A"][:] = np.log([0.3, 1.0, 4.0])[:, None, None]
    log_f = np.array([[0.3], [1.0], [4.0]]) * log_sigmoid(net) / np.log(10)
    start = np.log10(np.linalg.norm(1.5 * p.covector[0], axis=1))
    for lag, logs in dict(gradient_by_lag(p.system(backend), p.on(backend).covector[0], {1, 7, 25})).items():
        close(logs[FULL] - start, lag * log_f + 0 * start, rtol=1e-12, atol=1e-13)
        close(logs[FORMULA], lag * log_f + 0 * logs[FORMULA], rtol=1e-12, atol=0)


@settings(deadline=None)
@given(st.floats(-700, 700), st.floats(-6, 4))
def test_the_hold_keeps_its_digits_however_small_the_step(net, log_A):
    found = hold(FORWARD, {"log_A": np.full((1, 1, 1), log_A)}, np.full((1, 1, 1), net))
    x = np.exp(log_A) * log_sigmoid(net)
    close(found.weight, -np.expm1(x) / np.exp(log_A), rtol=1e-13, atol=1e-300)
    close(found.log_f, x, rtol=1e-13, atol=0)
    assert np.isfinite([*found]).all()


def test_the_rates_of_mamba_start_from_one_to_sixteen_channel_by_channel():
    A = np.exp(draw_log_A(np.random.default_rng(0), 2 * STATES + 3))
    close(A, [*range(1, STATES + 1)] * 2 + [1, 2, 3])


# rglru


@both
def test_the_gradient_along_the_carousel_of_rglru_is_the_product_of_its_gates(backend):
    p = random_problem("rglru", seed=67)
    r = np.exp(log_sigmoid(-np.stack([rows(p, "f", n) for n in p.params.W @ p.xs + p.params.b])))
    product = np.exp(C * r.sum(0) * log_sigmoid(p.params.p["Lambda"]))
    for path in PATHS:
        (d_h,) = back(backend, p, path)
        close(d_h, product * p.covector[0])


@both
@pytest.mark.parametrize("net", NETS)
def test_a_held_recurrence_gate_loses_its_power_of_a_step(net, backend):
    p = with_rows(random_problem("rglru", seed=68, length=25), f=net)
    a = np.array([0.5, 0.9, 0.9999])[:, None]
    p.params.p["Lambda"][:] = (np.log(a) - np.log1p(-a))[..., None]
    log_f = C * np.exp(log_sigmoid(-net)) * np.log10(a)
    start = np.log10(np.linalg.norm(p.covector[0], axis=1))
    for lag, logs in dict(gradient_by_lag(p.system(backend), p.on(backend).covector[0], {1, 7, 25})).items():
        close(logs[FULL] - start, lag * log_f + 0 * start, rtol=1e-12, atol=1e-13)
        close(logs[FORMULA], lag * log_f + 0 * logs[FORMULA], rtol=1e-11, atol=0)


@settings(deadline=None)
@given(st.floats(-700, 1400), st.floats(-30, 30))
def test_rglru_keeps_the_variance_of_its_gated_input_to_the_last_digit(net, Lambda):
    """root * ratio is sqrt(1 - f^2) also where the gate r itself is below the smallest float."""
    found = rate(FORWARD, {"Lambda": np.full((1, 1, 1), Lambda)}, np.full((1, 1, 1), net))
    with mp.workdps(700):
        log_f = -8 * mp.log1p(mp.exp(-mpf(Lambda))) / (1 + mp.exp(mpf(net)))
        expected, kept = mp.sqrt(-mp.expm1(2 * log_f)), mp.exp(log_f)
    close(found.root * found.ratio, float(expected), rtol=2e-13, atol=0)
    close(np.exp(-found.rate), float(kept), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("net", [-2000.0, -400.0, 100.0, 800.0, 1400.0, 2000.0])
@pytest.mark.parametrize("name", ["mamba", "rglru"])
def test_gates_far_out_are_finite_and_the_same_by_hand_by_autograd_and_compiled(name, net):
    p = with_rows(random_problem(name, seed=69), f=net)
    logs = [dict(gradient_by_lag(p.system(b), p.on(b).covector[0], {1, 3})) for b in (NUMPY, TORCH)]
    for lag in logs[0]:
        close(logs[0][lag][FULL], logs[1][lag][FULL])
    ours, theirs = back(NUMPY, p), back(TORCH, p)
    steps, _ = unroll(FORWARD, *p[:4])
    for step in steps:
        assert all(np.isfinite(a).all() for a in step.saved)
    for a, b in zip(ours, theirs, strict=True):
        assert np.isfinite(a).all()
        close(a, b)


@pytest.mark.parametrize("name", ["mamba", "rglru"])
def test_a_positive_forget_bias_keeps_more(name):
    p = random_problem(name, seed=70)
    norms = [np.linalg.norm(back(NUMPY, with_rows(p, f=net))[-1]) for net in (-4.0, -1.0, 1.0, 4.0, 40.0)]
    assert np.all(np.diff(norms) > 0)
    entered = p.covector[-1] + (
        rows(p, "o", p.params.W @ p.xs[-1] + p.params.b) * p.covector[0] if name == "mamba" else 0
    )
    assert norms[-1] == pytest.approx(np.linalg.norm(entered))


def test_rglru_starts_uniform_on_its_ring():
    n, rng = 20000, np.random.default_rng(71)
    kept = np.exp(C * log_sigmoid(draw_Lambda(rng, n)))
    share = (kept**2 - KEPT_MIN**2) / (KEPT_MAX**2 - KEPT_MIN**2)
    assert np.all((share >= 0) & (share <= 1))
    assert abs(np.sort(share) - (np.arange(n) + 0.5) / n).max() < 1.95 / n**0.5  # Kolmogorov, 1 in 1000


# cornn


def oscillator(dt, gamma, eps):
    """One step of a free oscillator: the velocity by the old position, then the position by the new velocity."""
    kick, drift = np.array([[1, 0], [-dt * gamma, 1 - dt * eps]]), np.array([[1, dt], [0, 1]])
    return drift @ kick


@both
@pytest.mark.parametrize("path", ["cell", "full"])
def test_oscillators_without_weights_hand_back_powers_of_one_matrix(path, backend):
    p = with_rows(random_problem("cornn", seed=72), z=0.7)
    J = np.linalg.matrix_power(oscillator(STEP, STIFFNESS, DAMPING), T)
    found = back(backend, p, path)
    close(np.stack(found), np.einsum("ij,imhb->jmhb", J, np.stack(p.covector)))


@pytest.mark.parametrize(
    ("dt", "gamma", "eps"), [(STEP, STIFFNESS, DAMPING), (0.016, 94.5, 9.5), (0.1, 2.0, 0.0)]
)
def test_the_log_factor_is_that_of_the_slower_mode(dt, gamma, eps):
    """Of l^2 - (2 - dt^2 gamma - dt eps) l + 1 - dt eps: its larger root, or where they are complex, their modulus."""
    cell, zero = cornn(dt, gamma, eps), np.zeros((1, 1, 1))
    half, product = 1 - (dt * dt * gamma + dt * eps) / 2, 1 - dt * eps
    swings = half**2 < product
    expected = product**0.5 if swings else half + (half**2 - product) ** 0.5
    found = cell.log_factor(FORWARD, {}, zero[None], zero[None], (zero, zero))
    close(np.exp(found), expected)
    assert swings == (dt != STEP)


def test_a_smaller_step_comes_nearer_to_the_equation_in_proportion():
    """h'' = F - gamma h - eps h' over one unit of time, from rest, by a constant force: the scheme is of order one."""
    gamma, eps, force = 3.0, 0.5, 0.6
    omega = np.sqrt(gamma - eps**2 / 4)
    exact = force / gamma * (1 - np.exp(-eps / 2) * (np.cos(omega) + eps / (2 * omega) * np.sin(omega)))
    errors = []
    for n in (200, 400, 800):
        b, zero = np.full((1, 1, 1), np.arctanh(force)), np.zeros((1, 1, 1))
        params = Params(zero, np.zeros((1, 1, 2)), b, {})
        (h, _) = unroll(FORWARD, cornn(1 / n, gamma, eps), params, np.zeros((n, 1, 1, 1)), (zero, zero))[1]
        errors.append(abs(h.item() - exact))
    close(np.log2(np.divide(errors[:-1], errors[1:])), 1.0, rtol=0.02)
