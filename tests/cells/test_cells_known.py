"""Closed forms of the cells that have them: independent, linear, stabilised, antisymmetric and orthogonal ones."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from support.problems import B, D, H, M, T, random_problem

from carousel.cells import CELLS, Params
from carousel.cells.antisymmetric import DIFFUSION, STEP
from carousel.cells.lru import MAX_PHASE, R_MAX, R_MIN, draw_nu, draw_theta, eigenvalue
from carousel.cells.orthogonal import cayley, d_cayley
from carousel.engine.backends.numpy import FORWARD
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, effective, unroll
from carousel.measures.adjoint import Quantity, gradient_by_lag
from carousel.measures.training.train import Adam

NUMPY, TORCH = load("numpy", "cpu", "float64"), load("torch", "cpu", "float64")
both = pytest.mark.parametrize("backend", [NUMPY, TORCH], ids=["numpy", "torch"])
FULL, FORMULA = Quantity("loss_state", "full"), Quantity("factor_product", "formula")


def run(p, backend=NUMPY, path="full"):
    """The last state, the steps, and the adjoint of the first state from the covector on the last."""
    on, everything = p.on(backend), PATHS["full"](p.cell)
    ops = backend.ops(p.cell, everything)
    params = effective(ops, p.cell, on.params)
    steps, last = unroll(ops, p.cell, params, on.xs, on.state)
    d_state = on.covector
    for step in reversed(steps):
        d_state = backend.vjp(p.cell, params, step, d_state, PATHS[path](p.cell))
    return tuple(map(backend.numpy, last)), steps, tuple(map(backend.numpy, d_state))


def at_lags(p, backend, *lags):
    return dict(gradient_by_lag(p.system(backend), p.on(backend).covector[0], set(lags)))


def with_rows(p, **nets):
    """The problem with the net inputs of the named gates held at a constant, H numbers or one."""
    W, R, b = (a.copy() for a in p.params[:3])
    for gate, value in nets.items():
        rows = slice(p.cell.gates.index(gate) * H, (p.cell.gates.index(gate) + 1) * H)
        W[:, rows], R[:, rows], b[:, rows, 0] = 0, 0, value
    return p._replace(params=Params(W, R, b, p.params.p))


def rows(p, gate, array):
    k = p.cell.gates.index(gate)
    return array[:, k * H : (k + 1) * H]


def close(a, b, rtol=1e-12, atol=1e-14):
    np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# indrnn


def test_indrnn_is_the_relu_network_with_a_diagonal_matrix():
    p = random_problem("indrnn", seed=30)
    R = np.stack([np.diag(u) for u in p.params.p["u"][:, :, 0]])
    twin = p._replace(cell=CELLS["rnn_relu"], params=p.params._replace(R=R, p={}))
    for mine, theirs in zip(run(p), run(twin), strict=True):
        if isinstance(mine, tuple):
            close(mine, theirs)


@both
def test_an_active_unit_of_indrnn_hands_back_its_weight_to_the_power_of_the_lag(backend):
    p = with_rows(random_problem("indrnn", seed=31), z=np.array([30.0, 30, 30, 30, -30]))
    p = p._replace(state=(abs(p.state[0]),))
    _, _, (found,) = run(p, backend)
    expected = p.params.p["u"] ** T * p.covector[0]
    expected[:, 4] = 0
    close(found, expected)
    assert not np.any(run(p, backend, "cell")[2][0])


# mingru, minlstm


@pytest.mark.parametrize("name", ["mingru", "minlstm"])
def test_constant_gates_make_a_running_mean(name):
    p = random_problem(name, seed=32)
    nets = {"mingru": {"u": 1.3}, "minlstm": {"f": 1.3, "i": -0.4}}[name]
    keep = sigmoid(1.3) if name == "mingru" else sigmoid(1.3) / (sigmoid(1.3) + sigmoid(-0.4))
    p = with_rows(p, z=np.arange(H) - 1.5, **nets)
    (h,), _, (d_h,) = run(p)
    z = (np.arange(H) - 1.5)[None, :, None]
    close(h, keep**T * p.state[0] + (1 - keep**T) * z)
    close(d_h, keep**T * p.covector[0])


@both
@pytest.mark.parametrize("name", ["mingru", "minlstm"])
@pytest.mark.parametrize("net", [-690.0, -20.0, 3.0, 40.0])
def test_the_product_of_keep_gates_is_the_gradient_however_saturated(name, net, backend):
    """minLSTM with an open input gate: f' = sigma(log sigma(net)) = 1 / (2 + exp(-net))."""
    p = random_problem(name, seed=33, length=25)
    p = with_rows(p, **({"u": net} if name == "mingru" else {"f": net, "i": 800.0}))
    log_keep = -np.logaddexp(0, -net) if name == "mingru" else -np.logaddexp(np.log(2), -net)
    start = np.log10(np.linalg.norm(p.covector[0], axis=1))
    for lag, logs in at_lags(p, backend, 1, 7, 25).items():
        close(logs[FORMULA], lag * log_keep / np.log(10), rtol=1e-12, atol=0)
        close(logs[FULL] - start, lag * log_keep / np.log(10), rtol=1e-12, atol=1e-13)
        for path in ("candidate", "cell", "truncated"):
            np.testing.assert_array_equal(logs[Quantity("loss_state", path)], logs[FULL])


def test_minlstm_with_coupled_gates_is_mingru():
    """f + i = 1 when the net inputs are each other's negative, as chrono's biases are."""
    p = random_problem("minlstm", seed=34)
    W, R, b = (a.copy() for a in p.params[:3])
    for a in (W, b):
        a[:, :H] = -a[:, H : 2 * H]
    coupled = p._replace(params=Params(W, R, b, {}))
    gru = p._replace(cell=CELLS["mingru"], params=Params(W[:, H:], R[:, H:], b[:, H:], {}))
    close(run(coupled)[0], run(gru)[0])
    close(run(coupled)[2], run(gru)[2])


@settings(deadline=None)
@given(st.floats(-2000, 2000), st.floats(-2000, 2000))
def test_gates_keep_their_digits_however_far_both_are_closed_or_open(f, i):
    """One step from h_0 = 1 with z = 0 gives the keep gate, from h_0 = 0 with z = 1 what it leaves to the candidate."""
    one = np.ones((1, 1, 1))
    log_ratio = np.logaddexp(0, -i) - np.logaddexp(0, -f)
    for name, nets, net in (("minlstm", (i, f), log_ratio), ("mingru", (f,), f)):
        cell, log_keep, log_take = CELLS[name], -np.logaddexp(0, -net), -np.logaddexp(0, net)
        closed, open_ = (np.array([*nets, z]).reshape(1, -1, 1, 1) for z in (0.0, 1.0))
        (kept,), saved = cell.forward(FORWARD, {}, closed, 0 * closed, (one,))
        (taken,), _ = cell.forward(FORWARD, {}, open_, 0 * open_, (0 * one,))
        close(kept, np.exp(log_keep), rtol=1e-11, atol=1e-300)
        close(taken, np.exp(log_take), rtol=1e-11, atol=1e-300)
        close(cell.log_factor(FORWARD, {}, closed, 0 * closed, (one,)), log_keep, rtol=1e-12, atol=0)
        np.testing.assert_array_equal(cell.backward(FORWARD, {}, saved, (one,))[3][0], kept)


@pytest.mark.parametrize("name", ["mingru", "minlstm", "slstm", "mlstm"])
def test_a_positive_forget_bias_keeps(name):
    p = random_problem(name, seed=35)
    closed, opened = (np.linalg.norm(run(with_rows(p, **{p.cell.forget: net}))[2][-1]) for net in (-4.0, 4.0))
    assert closed < 0.1 * opened


# lru


def lru_by_the_paper(p, state, xs, turn=1.0):
    """The complex recursion, with B turned by a phase."""
    nu, theta = p.params.p["nu"], p.params.p["theta"]
    eigen = np.exp(-np.exp(nu) + 1j * np.exp(theta))
    gamma = np.sqrt(1 - abs(eigen) ** 2)
    W, b = (rows(p, "z", a) + 1j * rows(p, "y", a) for a in (p.params.W, p.params.b))
    s = state[0] + 1j * state[1]
    for x in xs:
        s = eigen * s + gamma * turn * (W @ x + b)
    return s, eigen


def test_lru_is_the_complex_recursion():
    p = random_problem("lru", seed=36)
    (h, s), _, (d_h, d_s) = run(p)
    expected, eigen = lru_by_the_paper(p, p.state, p.xs)
    close(h + 1j * s, expected)
    close(d_h + 1j * d_s, eigen.conj() ** T * (p.covector[0] + 1j * p.covector[1]))


@both
def test_lru_loses_the_modulus_of_lambda_a_step_and_nothing_else(backend):
    p = random_problem("lru", seed=37, length=25)
    log_modulus = np.log10([0.5, 0.99, 0.9999])[:, None]
    p.params.p["nu"] = np.log(-np.log(10.0) * log_modulus)[:, None] + np.zeros((M, H, 1))
    start = np.log10(np.linalg.norm(p.covector[0], axis=1))
    for lag, logs in at_lags(p, backend, 1, 25).items():
        close(logs[FULL], lag * log_modulus + start, rtol=1e-11, atol=1e-12)
        close(logs[FORMULA], lag * log_modulus + np.zeros((M, H * B)), rtol=1e-11, atol=0)


def test_the_phase_of_an_output_is_the_phase_of_b():
    """Re(C s) of the paper's complex readout is the real part of the state that B turned by C's phase makes."""
    p, C = random_problem("lru", seed=38), np.exp(0.7j)
    expected = C * lru_by_the_paper(p, p.state, p.xs)[0]
    turned = C * (p.state[0] + 1j * p.state[1])
    found, _ = lru_by_the_paper(p, (turned.real, turned.imag), p.xs, turn=C)
    close(found.real, expected.real)
    W, b = (
        np.concatenate([(C * a).real, (C * a).imag], axis=1)
        for a in (rows(p, "z", a) + 1j * rows(p, "y", a) for a in (p.params.W, p.params.b))
    )
    ours = p._replace(params=p.params._replace(W=W, b=b), state=(turned.real, turned.imag))
    close(run(ours)[0][0], expected.real)


@settings(deadline=None)
@given(st.floats(-34, 2))
def test_lru_keeps_the_variance_of_its_input(nu):
    """gamma^2 = 1 - |lambda|^2, to rounding also where |lambda| rounds to 1."""
    p = {"nu": np.full((1, 1, 1), nu), "theta": np.zeros((1, 1, 1))}
    close(eigenvalue(FORWARD, p).gamma ** 2, -np.expm1(-2 * np.exp(nu)), rtol=1e-14, atol=0)


def test_lru_starts_uniform_on_the_paper_s_ring():
    n, rng = 20000, np.random.default_rng(39)
    for share in (
        (np.exp(-2 * np.exp(draw_nu(rng, n))) - R_MIN**2) / (R_MAX**2 - R_MIN**2),
        np.exp(draw_theta(rng, n)) / MAX_PHASE,
    ):
        assert np.all((share >= 0) & (share <= 1))
        assert abs(np.sort(share) - (np.arange(n) + 0.5) / n).max() < 1.95 / n**0.5  # Kolmogorov, 1 in 1000


# slstm


def slstm_by_the_paper(p, state):
    """Equations 8 to 14, without the stabiliser."""
    h, n, m, c = state
    n, c = n * np.exp(m), c * np.exp(m)
    for x in p.xs:
        net = p.params.W @ x + p.params.b + p.params.R @ h
        i, f, z, o = (rows(p, gate, net) for gate in "ifzo")
        n = sigmoid(f) * n + np.exp(i)
        c = sigmoid(f) * c + np.exp(i) * np.tanh(z)
        h = sigmoid(o) * c / n
    return h, n, c


def test_slstm_is_its_own_recursion_without_the_stabiliser():
    p = random_problem("slstm", seed=40)
    (h, n, m, c), _, _ = run(p)
    for found, expected in zip(
        (h, n * np.exp(m), c * np.exp(m)), slstm_by_the_paper(p, p.state), strict=True
    ):
        close(found, expected)
    assert np.ptp(m) > 0.1


def test_another_stabiliser_changes_no_h():
    p = random_problem("slstm", seed=41)
    h, n, m, c = p.state
    shift = 3 * np.random.default_rng(42).standard_normal(m.shape)
    moved = p._replace(state=(h, n * np.exp(-shift), m + shift, c * np.exp(-shift)))
    for t in (1, 2, T):
        ours, theirs = (run(q._replace(xs=p.xs[:t]))[0][0] for q in (p, moved))
        close(ours, theirs)


@both
@pytest.mark.parametrize("path", PATHS)
def test_no_error_of_h_points_along_the_stabiliser_s_direction(path, backend):
    """The direction (n, c, m) -> (-n, -c, 1) is neutral: d_m = n d_n + c d_c."""
    p = random_problem("slstm", seed=43)
    p = p._replace(covector=(p.covector[0], *(0 * v for v in p.covector[1:])))
    _, d_n, d_m, d_c = run(p, backend, path)[2]
    close(d_m, p.state[1] * d_n + p.state[3] * d_c, rtol=1e-11)
    assert np.any(d_c) and np.any(d_n)


def extreme():
    """Input gates of exp(+-500) that follow the first input alone; the third step is the last that opens."""
    p = with_rows(random_problem("slstm", seed=44), f=800.0, i=0.0)
    p.params.W[:, :H, 0], p.params.W[:, H:, 0] = 500, 0
    p.xs[:, :, 0] = np.where(np.arange(T) <= 2, 1.0, -1.0)[:, None, None]
    return p._replace(state=tuple(0 * s for s in p.state))


def test_slstm_survives_input_gates_of_500():
    """With f = 1 what the carousel holds is the mean of the candidates of the three open steps."""
    p = extreme()
    (_, n, m, c), steps, _ = run(p)
    z = [step.saved[2] for step in steps]
    close(c / n, np.mean(z[:3], axis=0))
    close(n, 3.0)
    close(m, 500.0)
    for q in (p, p._replace(xs=-p.xs)):  # the second opens from an empty carousel with exp(-500)
        by_hand, by_autograd = ([*last, *adjoint] for last, _, adjoint in (run(q, NUMPY), run(q, TORCH)))
        for nothing in (by_hand.pop(6), by_autograd.pop(6)):  # m multiplies an empty carousel
            close(nothing, 0.0)
        for mine, theirs in zip(by_hand, by_autograd, strict=True):
            assert np.all(np.isfinite(mine))
            close(mine, theirs, rtol=1e-9, atol=0)


def test_slstm_with_constant_gates_is_a_mean():
    """f = 1 and a constant input gate: h = o times the mean of all candidates, from an empty carousel."""
    p = with_rows(random_problem("slstm", seed=45), f=800.0, i=-2.5, o=0.3)
    p = p._replace(state=tuple(0 * s for s in p.state))
    (h, *_), steps, _ = run(p)
    close(h, sigmoid(0.3) * np.mean([step.saved[2] for step in steps], axis=0))


# antisymmetric_rnn


def test_the_antisymmetric_matrix_is_one_but_for_its_diffusion():
    p = random_problem("antisymmetric_rnn", seed=46)
    R = effective(FORWARD, p.cell, p.params).R
    close(R + R.swapaxes(1, 2), -2 * DIFFUSION * np.eye(H)[None] + 0 * R)
    close(np.linalg.eigvals(R).real, -DIFFUSION)


@both
def test_the_antisymmetric_network_at_rest_turns_and_stretches_as_forward_euler(backend):
    """At h = 0 the Jacobian is I + eps R: its two singular values are |1 - eps gamma + i eps omega|."""
    omega, one = np.array([0.3, 2.0, 1.0])[:, None, None], np.zeros((M, 2, 2))
    one[:, 0, 1] = 1.0
    b, state = np.zeros((M, 2, 1)), (np.zeros((M, 2, B)),)
    p = random_problem("antisymmetric_rnn", seed=47, length=25)
    p = p._replace(
        params=Params(np.zeros((M, 2, D)), omega * one, b, {}),
        state=state,
        covector=(p.covector[0][:, :2],),
    )
    factor = np.log10(abs(1 - STEP * DIFFUSION + 1j * STEP * omega[:, 0]))
    start = np.log10(np.linalg.norm(p.covector[0], axis=1))
    for lag, logs in at_lags(p, backend, 1, 17, 25).items():
        close(logs[FULL] - start, lag * factor + 0 * start, rtol=1e-11, atol=1e-12)
        close(logs[Quantity("loss_state", "cell")], start)
        np.testing.assert_array_equal(logs[FORMULA], 0)


# rnn_orthogonal


def test_the_cayley_transform_of_a_plane_is_a_rotation_by_twice_the_arctangent():
    t = np.array([-3.0, 0.2, 50.0])[:, None, None]
    R, _ = cayley(FORWARD, t * np.array([[0.0, 1.0], [0.0, 0.0]]))
    angle = 2 * np.arctan(t[:, 0, 0])
    close(R, np.moveaxis([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], 2, 0))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(-3, 2.5), st.integers(1, 12))
def test_r_is_a_rotation_whatever_it_is_made_from(seed, decades, size):
    A = 10**decades * np.random.default_rng(seed).standard_normal((2, size, size))
    R, _ = cayley(FORWARD, A)
    close(R.swapaxes(1, 2) @ R, np.eye(size) + 0 * R, atol=1e-12)
    close(np.linalg.det(R), 1.0, rtol=1e-11)


def test_the_adjoint_of_the_cayley_transform_is_the_difference_quotient():
    rng = np.random.default_rng(48)
    A, d_R, V = (rng.standard_normal((M, H, H)) for _ in range(3))

    def along(s):
        return float((d_R * cayley(FORWARD, A + s * V)[0]).sum())

    quotient = sum(k * (along(s * 3e-3) - along(-s * 3e-3)) for s, k in ((1, 45), (2, -9), (3, 1))) / 0.18
    close((V * d_cayley(FORWARD, cayley(FORWARD, A)[1], d_R)).sum(), quotient, rtol=1e-10)


def test_r_stays_orthogonal_while_it_trains():
    """Adam turns R towards a rotation that it is far from; every R on the way is orthogonal."""
    rng = np.random.default_rng(49)
    A = rng.standard_normal((M, H, H))
    goal, _ = cayley(FORWARD, rng.standard_normal((M, H, H)))
    adam, distances = Adam([0 * A], [0 * A], load("numpy", "cpu", "float64"), np.full(M, 0.03)), []
    for _ in range(200):
        R, saved = cayley(FORWARD, A)
        close(R.swapaxes(1, 2) @ R, np.eye(H) + 0 * R, atol=1e-12)
        distances.append(np.linalg.norm(R - goal, axis=(1, 2)))
        (A,) = adam.step([A], [d_cayley(FORWARD, saved, R - goal)])
    assert np.all(distances[-1] < 0.5 * distances[0])


@both
def test_the_orthogonal_network_keeps_the_norm_while_its_units_are_on(backend):
    p = random_problem("rnn_orthogonal", seed=50, length=25)
    start = np.log10(np.linalg.norm(p.covector[0], axis=1))
    for bias, kept in ((0.01, True), (-1e6, False)):
        p.params.p["p_z"] = np.full((M, H, 1), bias)
        for logs in at_lags(p, backend, 1, 25).values():
            close(logs[FULL], start if kept else -np.inf + 0 * start, atol=1e-12)
            np.testing.assert_array_equal(logs[FORMULA], 0 if kept else -np.inf)


def test_modrelu_without_bias_is_the_linear_network():
    p = random_problem("rnn_orthogonal", seed=51)
    p.params.p["p_z"] = np.zeros((M, H, 1))
    linear = effective(FORWARD, p.cell, p.params)._replace(p={})
    twin = p._replace(cell=CELLS["rnn_linear"], params=linear)
    close(run(p)[0], run(twin)[0])
    close(run(p)[2], run(twin)[2])
