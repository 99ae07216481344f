"""Every cell of the table: hand adjoint = autograd = central difference, from random states."""

import numpy as np
import pytest
from problems import B, M, model_on, random_model, random_problem

from carousel.adjoint import Quantity, walk
from carousel.backends import Model, leaves, load, rebuild
from carousel.backends.numpy import FORWARD
from carousel.cells import CELLS, Params
from carousel.recurrence import PATHS, chunks, parameter_gradients, unroll

NUMPY, TORCH = load("numpy", "cpu", "float64"), load("torch", "cpu", "float64")


def slope(f, kinked):
    """df/ds at 0 by the seven-point stencil, whose error is of order h^6; short of any kink of a ReLU."""
    h = 1e-3 if kinked else 1e-2
    return sum(k * (f(s * h) - f(-s * h)) for s, k in ((1, 45), (2, -9), (3, 1))) / (60 * h)


def unit(arrays):
    """The arrays as one vector of norm 1."""
    norm = np.sqrt(sum(np.square(a).sum() for a in arrays))
    return [a / norm for a in arrays]


def back(backend, problem, path="full"):
    """The adjoint of the first state, from the covector on the last."""
    p = problem.on(backend)
    steps, _ = unroll(backend.ops(p.cell, PATHS["full"](p.cell)), p.cell, p.params, p.xs, p.state)
    d_state = p.covector
    for step in reversed(steps):
        d_state = backend.vjp(p.cell, p.params, step, d_state, PATHS[path](p.cell))
    return [backend.numpy(d) for d in d_state]


@pytest.mark.parametrize("name", CELLS)
def test_state_adjoint_by_hand_is_autograd_is_the_difference_quotient(name):
    p = random_problem(name)
    by_hand, by_autograd = back(NUMPY, p), back(TORCH, p)
    rng = np.random.default_rng(5)
    direction = unit([rng.standard_normal(s.shape) for s in p.state])

    def loss(s):
        state = tuple(x + s * d for x, d in zip(p.state, direction, strict=True))
        _, last = unroll(FORWARD, p.cell, p.params, p.xs, state)
        return sum(float((u * x).sum()) for u, x in zip(p.covector, last, strict=True))

    along = sum(float((g * d).sum()) for g, d in zip(by_hand, direction, strict=True))
    np.testing.assert_allclose(along, slope(loss, name == "rnn_relu"), rtol=1e-10, atol=1e-13)
    for a, b in zip(by_hand, by_autograd, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", CELLS)
def test_paths_by_hand_are_autograd_with_the_paths_cut(name, path):
    p = random_problem(name, seed=1)
    for a, b in zip(back(NUMPY, p, path), back(TORCH, p, path), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("name", CELLS)
def test_a_path_that_is_cut_differs_from_the_full_one(name):
    p = random_problem(name, seed=2)
    full, candidate, cell = (np.stack(back(NUMPY, p, path)) for path in ("full", "candidate", "cell"))
    assert not np.allclose(full, cell)
    assert p.cell.gates == (p.cell.candidate,) or not np.allclose(full, candidate)
    assert p.cell.carries == bool(np.any(cell))


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_by_the_paper(p, wx, rh, state, held):
    """A step of Greff et al. (2017) or of the 1997 LSTM: state and gates; those in `held` are constants."""
    c, peep = state[1], {"p_i": 0.0, "p_f": 0.0, "p_o": 0.0} | p.params.p
    net = {gate: wx[gate] + rh[gate] for gate in wx}
    i = held.get("i", sigmoid(net["i"] + peep["p_i"] * c))
    f = held.get("f", sigmoid(net["f"] + peep["p_f"] * c) if "f" in net else 1.0)
    z = held.get("z", np.tanh(net["z"]))
    c = f * c + i * z
    o = held.get("o", sigmoid(net["o"] + peep["p_o"] * c))
    return (o * np.tanh(c), c), {"i": i, "f": f, "z": z, "o": o}


def gru_by_the_manual(p, wx, rh, state, held):
    """The same of torch.nn.GRU, as its manual has it."""
    r, u = (held.get(gate, sigmoid(wx[gate] + rh[gate])) for gate in "ru")
    z = held.get("z", np.tanh(wx["z"] + r * (rh["z"] + p.params.p["p_z"])))
    return ((1 - u) * z + u * state[0],), {"r": r, "u": u, "z": z}


def forward_by_the_equations(p, state, held):
    """The last state, and the gates step by step; `held` gives the gates of each step that are constants."""
    step, taken = gru_by_the_manual if "u" in p.cell.gates else lstm_by_the_paper, []
    W, R, b, _ = p.params
    for x, constants in zip(p.xs, held, strict=True):
        wx, rh = (
            dict(zip(p.cell.gates, np.split(net, len(p.cell.gates), axis=1), strict=True))
            for net in (W @ x + b, R @ state[0])
        )
        state, gates = step(p, wx, rh, state, constants)
        taken.append(gates)
    return state, taken


@pytest.mark.parametrize("free", ["z", ""], ids=["candidate", "cell"])
@pytest.mark.parametrize("name", ["lstm97", "lstm", "lstm_peephole", "gru"])
def test_frozen_paths_are_the_difference_quotient_with_the_gates_held(name, free):
    """What the paths mean: the gates are constants of the forward pass, for `cell` so is the candidate."""
    p = random_problem(name, seed=14)
    last, gates = forward_by_the_equations(p, p.state, [{}] * len(p.xs))
    for a, b in zip(last, unroll(FORWARD, p.cell, p.params, p.xs, p.state)[1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
    held = [{gate: value for gate, value in step.items() if gate != free} for step in gates]
    rng = np.random.default_rng(15)
    direction = unit([rng.standard_normal(s.shape) for s in p.state])

    def loss(s):
        state = tuple(x + s * d for x, d in zip(p.state, direction, strict=True))
        last, _ = forward_by_the_equations(p, state, held)
        return sum(float((u * x).sum()) for u, x in zip(p.covector, last, strict=True))

    for backend in (NUMPY, TORCH):
        found = back(backend, p, "candidate" if free else "cell")
        along = sum(float((g * d).sum()) for g, d in zip(found, direction, strict=True))
        np.testing.assert_allclose(along, slope(loss, False), rtol=1e-10, atol=1e-13)


def chain(name, w, b, h0, length):
    """h_t = phi(w h_{t-1} + b) for M models of one unit, without input."""
    state, zero = (h0,), np.zeros((M, 1, 1))
    p = random_problem(name, length=length)
    covector = (np.ones_like(h0),)
    return p._replace(
        params=Params(zero, w, b, {}), xs=np.zeros((length, M, 1, B)), state=state, covector=covector
    )


def walked(backend, p, lags):
    on = p.on(backend)
    return dict(walk(backend, p.cell, on.params, on.xs, on.state, on.covector[0], set(lags)))


both = pytest.mark.parametrize("backend", [NUMPY, TORCH], ids=["numpy", "torch"])
rnns = pytest.mark.parametrize("name", [name for name in CELLS if not CELLS[name].carries])


@both
@rnns
def test_slopes_times_weights_are_the_gradient_of_a_scalar_chain(name, backend):
    """The Q&A's product, for both signs of w; a bias of 2 or more keeps every unit of a ReLU alive."""
    rng = np.random.default_rng(40)
    w = rng.uniform(0.3, 0.9, (M, 1, 1)) * np.array([1, -1, 1])[:, None, None]
    b, h0 = rng.uniform(2, 3, (M, 1, 1)), rng.uniform(0, 1, (M, 1, B))
    for lag, logs in walked(backend, chain(name, w, b, h0, 60), [0, 1, 2, 17, 60]).items():
        product = logs[Quantity("factor_product", "formula")] + lag * np.log10(abs(w[:, 0]))
        np.testing.assert_allclose(product, logs[Quantity("loss_h", "full")], rtol=1e-12, atol=1e-12)


@both
@pytest.mark.parametrize("name", ["rnn_linear", "rnn_relu"])
def test_a_chain_whose_state_overflows_still_has_its_gradient(name, backend):
    """1e300 times 3^40 is infinite; its slopes are 1 and its gradient is 3^lag."""
    w = np.full((M, 1, 1), 3.0)
    p = chain(name, w, 0 * w, np.full((M, 1, B), 1e300), 40)
    for lag, logs in walked(backend, p, [1, 30, 40]).items():
        assert not any(np.isnan(values).any() for values in logs.values())
        np.testing.assert_array_equal(logs[Quantity("factor_product", "formula")], 0)
        np.testing.assert_allclose(logs[Quantity("loss_h", "full")], lag * np.log10(3), rtol=1e-12)


@pytest.mark.parametrize("path", ["full", "truncated"])
@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("name", CELLS)
def test_parameter_gradient_by_hand_is_autograd(name, loss, path):
    p, model = random_problem(name, seed=3), random_model(random_problem(name, seed=3))
    target = np.abs(np.random.default_rng(4).standard_normal((M, 2, B)))
    target /= target.sum(1, keepdims=True)
    taken = []
    for backend in (NUMPY, TORCH):
        on, there = p.on(backend), model_on(backend, model)
        gates = PATHS[path](p.cell)
        gradient = backend.gradient(p.cell, there, on.xs, on.state, backend.array(target), loss, gates)
        taken.append([backend.numpy(a) for a in (gradient.loss, *leaves(gradient.model))])
    for a, b in zip(*taken, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize("name", CELLS)
def test_parameter_gradient_is_the_difference_quotient(name):
    p, model = random_problem(name, seed=6), random_model(random_problem(name, seed=6))
    rng = np.random.default_rng(7)
    target = rng.standard_normal((M, 2, B))
    direction = unit([rng.standard_normal(a.shape) for a in leaves(model)])
    gates = PATHS["full"](p.cell)
    gradient = NUMPY.gradient(p.cell, model, p.xs, p.state, target, "squared_error", gates)

    def loss(s):
        moved = rebuild(model, [a + s * d for a, d in zip(leaves(model), direction, strict=True)])
        return NUMPY.gradient(p.cell, moved, p.xs, p.state, target, "squared_error", gates).loss

    along = sum((g * d).reshape(M, -1).sum(1) for g, d in zip(leaves(gradient.model), direction, strict=True))
    # atol: a few roundings of a loss below 20, 2e-15 each, divided by a step of 1e-2
    np.testing.assert_allclose(along, slope(loss, name == "rnn_relu"), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("backend", [NUMPY, TORCH], ids=["numpy", "torch"])
@pytest.mark.parametrize("name", CELLS)
def test_the_error_of_the_output_is_the_gradient_by_the_last_state(name, backend):
    p = random_problem(name, seed=8)
    model, on = model_on(backend, random_model(p)), p.on(backend)
    target = backend.array(np.random.default_rng(9).standard_normal((M, 2, B)))
    error = backend.output_error(p.cell, model, on.xs, on.state, target, "squared_error")
    y = backend.numpy(backend.run(p.cell, model, on.xs, on.state))
    V = backend.numpy(model.readout.V)
    np.testing.assert_allclose(error, 2 * V.swapaxes(1, 2) @ (y - backend.numpy(target)), rtol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_chunks_hold_the_same_steps_as_one_pass(name):
    p = random_problem(name, seed=10)
    steps, _ = unroll(FORWARD, p.cell, p.params, p.xs, p.state)
    for length in (1, 4, 9, 50):
        parts = list(chunks(FORWARD, p.cell, p.params, p.xs, p.state, length))
        again = [step for part in reversed(parts) for step in part]
        assert max(map(len, parts)) <= length
        for a, b in zip(steps, again, strict=True):
            for u, v in zip((a.x, a.wx, *a.before, *a.saved), (b.x, b.wx, *b.before, *b.saved), strict=True):
                np.testing.assert_array_equal(u, v)


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_float32_stays_float32(name, backend):
    there = load(backend, "cpu", "float32")
    p = random_problem(name, seed=11)
    on, model = p.on(there), model_on(there, random_model(p))
    gates = PATHS["full"](p.cell)
    target = there.array(np.ones((M, 2, B)))
    gradient = there.gradient(p.cell, model, on.xs, on.state, target, "squared_error", gates)
    assert {there.numpy(a).dtype for a in leaves(gradient.model)} == {np.dtype("float32")}
    steps, last = unroll(there.ops(p.cell, gates), p.cell, on.params, on.xs, on.state)
    d_state = there.vjp(p.cell, on.params, steps[-1], last, gates)
    assert {there.numpy(d).dtype for d in (*last, *d_state)} == {np.dtype("float32")}


@pytest.mark.parametrize("name", CELLS)
def test_models_of_a_batch_do_not_touch_each_other(name):
    p = random_problem(name, seed=12)
    alone = p._replace(
        params=Params(*(a[1:2] for a in p.params[:3]), {k: v[1:2] for k, v in p.params.p.items()}),
        xs=p.xs[:, 1:2],
        state=tuple(s[1:2] for s in p.state),
        covector=tuple(v[1:2] for v in p.covector),
    )
    for backend in (NUMPY, TORCH):
        for a, b in zip(back(backend, alone), back(backend, p), strict=True):
            np.testing.assert_allclose(a[0], b[1], rtol=1e-13, atol=1e-15)


def test_truncated_weights_gradient_keeps_the_errors_of_the_last_step():
    """One step long, nothing can be cut: truncated and full agree; over more steps they do not."""
    p = random_problem("lstm", seed=13)
    for length, same in ((1, True), (5, False)):
        steps, last = unroll(FORWARD, p.cell, p.params, p.xs[:length], p.state)
        full, truncated = (
            parameter_gradients(FORWARD, p.cell, p.params, steps, last, PATHS[path](p.cell))
            for path in ("full", "truncated")
        )
        assert np.allclose(full.R, truncated.R, rtol=1e-12) == same


def test_model_survives_being_taken_apart():
    model = random_model(random_problem("lstm_peephole"))
    again = rebuild(model, leaves(model))
    assert isinstance(again, Model)
    for name, value in model.params.p.items():
        np.testing.assert_array_equal(again.params.p[name], value)
    for a, b in zip(leaves(model), leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)
