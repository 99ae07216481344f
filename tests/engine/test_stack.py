"""Stacks: equal to torch.nn's, forward and backward; the two backends; closed forms of linear ones."""

from math import comb

import numpy as np
import pytest
import torch
from support.cell_checks import NUMPY, TORCH, both, every_cell
from support.problems import B, D, H, M, random_problem

from carousel.cells import CELLS, Params
from carousel.engine import plain, recurrence
from carousel.engine.adjoint import path
from carousel.engine.backends.table import load
from carousel.engine.log_space import log_norm
from carousel.engine.stack import Stack, adjoints, run
from carousel.engine.system import System
from carousel.study.models import on_backend

T = 11  # steps: a segment, and some that are left
EXACT = [load(name, "cpu", "float64", exact=True) for name in ("numpy", "torch")]
TWINS = {
    "rnn_tanh": torch.nn.RNN,
    "rnn_relu": lambda *sizes, **options: torch.nn.RNN(*sizes, nonlinearity="relu", **options),
    "lstm": torch.nn.LSTM,
    "gru": torch.nn.GRU,
}
twins = pytest.mark.parametrize("name", TWINS)
residual = pytest.mark.parametrize("residual", [False, True], ids=["plain", "residual"])


def random_stack(name, layers, residual=False, seed=0, length=T):
    """A stack on NumPy whose weights and states are all random, and a covector on its last output."""
    rng = np.random.default_rng(seed)
    parts = [random_problem(name, seed=seed + layer, length=length) for layer in range(layers)]
    wider = [p.params.W.shape[:2] + (H,) for p in parts[1:]]
    Ws = [parts[0].params.W, *(rng.normal(0, 0.7, shape) for shape in wider)]
    params = tuple(p.params._replace(W=W) for p, W in zip(parts, Ws, strict=True))
    states = tuple(p.state for p in parts)
    return Stack(NUMPY, CELLS[name], params, parts[0].xs, states, residual), parts[0].covector[0]


def on(backend, stack):
    """The stack on another backend."""
    params = tuple(on_backend(backend, each) for each in stack.params)
    states = tuple(tuple(map(backend.array, state)) for state in stack.states)
    moved = stack._replace(backend=backend, params=params, xs=backend.array(stack.xs), states=states)
    return moved.effective()


def back(stack, covector, backend=NUMPY):
    """By lag: the adjoints of each layer's states, [M _ B], and that of the input [M D B], without powers."""
    moved, lags = on(backend, stack), {*range(len(stack.xs) + 1)}

    def plain_numbers(scaled):
        return [backend.numpy(backend.scale(d, scaled[1])) for d in scaled[0]]

    return {
        lag: ([plain_numbers(each) for each in layers], x and plain_numbers(x)[0])
        for lag, layers, x in adjoints(moved, backend.array(covector), lags)
    }


def flattened(layers):
    """The adjoints of all layers' states, one below the other [M _ B]."""
    return np.concatenate([d for d_state in layers for d in d_state], axis=1)


def weights_of(params, m, layer, gru):
    """The weights of a layer of model m under torch's names."""
    b = params.b[m, :, 0]
    b_hh = np.zeros(b.shape)
    if gru:
        b_hh[2 * H :] = params.p["p_z"][m, :, 0]
    values = {"weight_ih": params.W[m], "weight_hh": params.R[m], "bias_ih": b, "bias_hh": b_hh}
    return {f"{key}_l{layer}": torch.as_tensor(value) for key, value in values.items()}


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@twins
@pytest.mark.parametrize("layers", [2, 4])
@pytest.mark.parametrize("backend", [*EXACT, NUMPY, TORCH], ids=lambda b: f"{b.name}-{b.engine.name}")
def test_a_stack_equals_that_of_torch_nn_forward_and_backward(name, layers, backend):
    stack, covector = random_stack(name, layers, seed=40)
    forward, found = (
        run(on(backend, stack), backend.array(stack.xs), on(backend, stack).states),
        back(stack, covector, backend),
    )
    for m in range(M):
        module = TWINS[name](D, H, num_layers=layers).double()
        weights = [weights_of(p, m, layer, name == "gru") for layer, p in enumerate(stack.params)]
        module.load_state_dict({key: value for each in weights for key, value in each.items()})
        x = torch.as_tensor(stack.xs[:, m].swapaxes(1, 2).copy()).requires_grad_()
        start = [
            torch.as_tensor(np.stack([state[s][m].T for state in stack.states])).requires_grad_()
            for s in range(len(stack.cell.states))
        ]
        out, last = module(x, tuple(start) if len(start) > 1 else start[0])
        last = last if isinstance(last, tuple) else (last,)
        close(backend.numpy(forward.outputs)[:, m], out.detach().swapaxes(1, 2))
        for s, final in enumerate(last):
            close(np.stack([backend.numpy(state[s])[m].T for state in forward.states]), final.detach())
        (out[-1] * torch.as_tensor(covector[m].T)).sum().backward()
        for s, first in enumerate(start):
            close(np.stack([layer[s][m].T for layer in found[T][0]]), first.grad)
        for lag in range(1, T + 1):
            close(found[lag][1][m].T, x.grad[T - lag])


@twins
@residual
def test_every_layers_state_at_every_lag_has_the_gradient_that_torch_nn_gives_step_by_step(name, residual):
    stack, covector = random_stack(name, 3, residual, seed=41)
    found = back(stack, covector)
    for m in range(M):
        modules = [TWINS[name](D if layer == 0 else H, H).double() for layer in range(3)]
        for module, params in zip(modules, stack.params, strict=True):
            module.load_state_dict(weights_of(params, m, 0, name == "gru"))
        states = [
            tuple(torch.as_tensor(s[m].T.copy())[None].requires_grad_() for s in state)
            for state in stack.states
        ]
        by_step = [states]
        for x in stack.xs[:, m]:
            below, after = torch.as_tensor(x.T.copy())[None], []
            for layer, (module, state) in enumerate(zip(modules, by_step[-1], strict=True)):
                _, new = module(below, state if len(state) > 1 else state[0])
                new = new if isinstance(new, tuple) else (new,)
                for s in new:
                    s.retain_grad()
                below = new[0] + below if residual and layer else new[0]
                after.append(new)
            by_step.append(after)
        (below[0] * torch.as_tensor(covector[m].T)).sum().backward()
        for lag in range(T + 1):
            for layer, state in enumerate(by_step[T - lag]):
                for s, each in enumerate(state):
                    expected = np.zeros((H, B)) if each.grad is None else each.grad[0].T.numpy()
                    close(found[lag][0][layer][s][m], expected)


@every_cell
@pytest.mark.parametrize("backend", [TORCH, EXACT[1]], ids=["segments", "steps"])
def test_the_backends_agree(name, backend):
    stack, covector = random_stack(name, 3, residual=True, seed=42)
    by_hand, by_autograd = back(stack, covector), back(stack, covector, backend)
    for lag, (layers, x) in by_hand.items():
        ours, theirs = flattened(layers), flattened(by_autograd[lag][0])
        np.testing.assert_allclose(theirs, ours, rtol=1e-10, atol=1e-10 * abs(ours).max())
        if lag:
            np.testing.assert_allclose(by_autograd[lag][1], x, rtol=1e-10, atol=1e-10 * abs(x).max())


@every_cell
@both
def test_one_layer_is_the_recurrence_itself(name, backend):
    stack, covector = random_stack(name, 1, residual=True, seed=43)  # which only further layers have
    moved, on_it = on(backend, stack), backend.array(covector)
    system = System(backend, stack.cell, moved.params[0], moved.xs, moved.states[0])
    lags = {*range(T + 1)}
    expected = dict(plain.adjoints(system, on_it, lags))
    for lag, (layer,), x in adjoints(moved, on_it, lags):
        full = expected[lag].adjoints[path(stack.cell, "full")]
        np.testing.assert_allclose(log_norm(backend, layer), log_norm(backend, full), rtol=1e-12, atol=1e-12)
        if lag:
            (d_net,), power = expected[lag].net
            d_x = (moved.params[0].W.swapaxes(1, 2) @ d_net,), power
            np.testing.assert_allclose(log_norm(backend, x), log_norm(backend, d_x), rtol=1e-12, atol=1e-12)


@both
@residual
@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize("w", [0.9, -1.1, 1e-30], ids=["decays", "grows", "vanishes"])
def test_linear_units_have_the_gradient_of_their_paths(backend, residual, layers, w):
    # a path climbs once through each layer, at n + L - 1 over L - 1 choices of steps, or skips it by the residual way
    u, length = 0.7, 60
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    params = tuple(Params((0.3 if layer == 0 else u) * one, w * one, zero, {}) for layer in range(layers))
    states, xs = (
        tuple((zero,) for _ in range(layers)),
        np.random.default_rng(1).normal(size=(length, 1, 1, 1)),
    )
    stack = on(backend, Stack(NUMPY, CELLS["rnn_linear"], params, xs, states, residual))

    def climbed(above, n):
        """log10 of the gradient by a state with so many layers above it, n steps back."""
        passing = range(above + 1) if residual else [above]
        terms = [comb(above, j) * u**j * comb(n + j, j) for j in passing]
        return np.log10(sum(terms)) + n * np.log10(abs(w))

    for lag, found, _ in adjoints(stack, backend.array(one), {*range(length)}):
        expected = [climbed(layers - 1 - layer, lag) for layer in range(layers)]
        measured = [log_norm(backend, each)[0, 0] for each in found]
        np.testing.assert_allclose(measured, expected, rtol=1e-12, atol=1e-12)


@both
def test_a_layer_that_forgets_far_sooner_than_another_keeps_its_digits(backend):
    slow, fast, u, length = 0.99, 1e-3, 0.7, 300  # 900 decades apart: no power of two holds both
    one, zero = np.ones((1, 1, 1)), np.zeros((1, 1, 1))
    params = tuple(Params(u * one, w * one, zero, {}) for w in (slow, fast))
    xs = np.random.default_rng(2).normal(size=(length, 1, 1, 1))
    stack = on(backend, Stack(NUMPY, CELLS["rnn_linear"], params, xs, ((zero,), (zero,)), False))
    for lag, found, _ in adjoints(stack, backend.array(one), {0, 1, 9, 120, length - 1}):
        lowest = np.log10(u * (slow ** (lag + 1) - fast ** (lag + 1)) / (slow - fast))
        measured = [log_norm(backend, each)[0, 0] for each in found]
        np.testing.assert_allclose(measured, [lowest, -3 * lag], rtol=1e-12, atol=1e-12)


@both
@residual
def test_gradients_far_below_the_smallest_float_are_numbers(backend, residual):
    stack, covector = random_stack("rnn_tanh", 4, residual, seed=44, length=400)
    small = tuple(p._replace(R=1e-3 * p.R, W=1e-3 * p.W) for p in stack.params)
    moved = on(backend, stack._replace(params=small))
    by_lag = adjoints(moved, backend.array(covector), {100, 400})
    found = {lag: [log_norm(backend, each) for each in layers] for lag, layers, _ in by_lag}
    norms = np.array([found[100], found[400]])
    assert np.isfinite(norms).all() and (norms[1] < -900).all()
    np.testing.assert_allclose(norms[1] / norms[0], 4, atol=0.2)


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_orthogonal", "slstm"])
@residual
def test_a_model_does_not_depend_on_its_batch_nor_on_how_many_steps_are_stored(name, residual, monkeypatch):
    stack, covector = random_stack(name, 3, residual, seed=45)
    whole = back(stack, covector)
    alone = Stack(
        NUMPY, stack.cell, tuple(Params(*(a[1:2] for a in p[:3]), {k: v[1:2] for k, v in p.p.items()})
        for p in stack.params), stack.xs[:, 1:2], tuple(tuple(s[1:2] for s in state) for state in stack.states),
        residual)  # fmt: skip
    for lag, (layers, x) in back(alone, covector[1:2]).items():
        np.testing.assert_array_equal(flattened(layers)[0], flattened(whole[lag][0])[1])
        assert lag == 0 or np.array_equal(x[0], whole[lag][1][1])
    monkeypatch.setattr(recurrence, "MEMORY", 0)  # eight steps at a time
    for lag, (layers, _) in back(stack, covector).items():
        np.testing.assert_array_equal(flattened(layers), flattened(whole[lag][0]))
