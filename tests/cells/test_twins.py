"""The cells that torch.nn has too: same outputs, same gradients."""

import numpy as np
import pytest
import torch
from support.problems import B, D, H, M, T, random_problem

from carousel.cells import CELLS
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, parameter_gradients, unroll

NUMPY = load("numpy", "cpu", "float64")
TWINS = {
    "rnn_tanh": (lambda: torch.nn.RNN(D, H), ("z",)),
    "rnn_relu": (lambda: torch.nn.RNN(D, H, nonlinearity="relu"), ("z",)),
    "lstm": (lambda: torch.nn.LSTM(D, H), ("i", "f", "z", "o")),
    "gru": (lambda: torch.nn.GRU(D, H), ("r", "u", "z")),
}


def twin(name, p, m):
    """torch's module with the weights of model m, gate by gate in torch's order, which is ours."""
    module = TWINS[name][0]().double()
    b_hh = np.zeros(p.params.b[m, :, 0].shape)
    if name == "gru":
        b_hh[2 * H :] = p.params.p["p_z"][m, :, 0]
    values = {
        "weight_ih_l0": p.params.W[m],
        "weight_hh_l0": p.params.R[m],
        "bias_ih_l0": p.params.b[m, :, 0],
        "bias_hh_l0": b_hh,
    }
    module.load_state_dict({key: torch.as_tensor(value) for key, value in values.items()})
    return module


@pytest.mark.parametrize("name", TWINS)
def test_gates_stand_in_torchs_order(name):
    assert CELLS[name].gates == TWINS[name][1]


@pytest.mark.parametrize("name", TWINS)
def test_forward_and_gradients_equal_torch_nn(name):
    p = random_problem(name, seed=20)
    steps, last = unroll(NUMPY.ops(p.cell, PATHS["full"](p.cell)), p.cell, p.params, p.xs, p.state)
    v = np.random.default_rng(22).standard_normal((M, T, H, B))  # a covector on every output
    gates = PATHS["full"](p.cell)
    ours = parameter_gradients(NUMPY.ops(p.cell, gates), p.cell, p.params, steps, v, gates)
    for m in range(M):
        module = twin(name, p, m)
        x = torch.as_tensor(p.xs[:, m].swapaxes(1, 2).copy())
        state = tuple(torch.as_tensor(s[m].T.copy())[None] for s in p.state)
        out, final = module(x, state if len(state) > 1 else state[0])
        final = final if isinstance(final, tuple) else (final,)
        assert out.shape == (T, B, H)
        for mine, theirs in zip(last, final, strict=True):
            np.testing.assert_allclose(mine[m].T, theirs[0].detach(), rtol=1e-12, atol=1e-15)
        (out * torch.as_tensor(v[m]).swapaxes(1, 2)).sum().backward()
        for mine, theirs in (
            (ours.W[m], module.weight_ih_l0.grad),
            (ours.R[m], module.weight_hh_l0.grad),
            (ours.b[m, :, 0], module.bias_ih_l0.grad),
        ):
            np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-13)
        if name == "gru":
            np.testing.assert_allclose(ours.p["p_z"][m, :, 0], module.bias_hh_l0.grad[2 * H :], rtol=1e-12)


def test_the_vanilla_lstm_is_the_1997_one_with_its_forget_gate_open_and_no_peepholes():
    p = random_problem("lstm_peephole", seed=21)
    rows = {g: slice(k * H, (k + 1) * H) for k, g in enumerate(p.cell.gates)}
    b = p.params.b.copy()
    b[:, rows["f"]] = 800.0  # sigma(800) is 1 in float64
    none = {name: 0 * value for name, value in p.params.p.items()}
    closed = p._replace(params=p.params._replace(b=b, p=none))
    kept = np.r_[rows["i"], rows["z"], rows["o"]]
    short = p.params._replace(W=p.params.W[:, kept], R=p.params.R[:, kept], b=p.params.b[:, kept], p={})
    old = p._replace(cell=CELLS["lstm97"], params=short)
    ops = NUMPY.ops(p.cell, PATHS["full"](p.cell))
    for changed in (closed, old):
        _, changed_last = unroll(ops, changed.cell, changed.params, changed.xs, changed.state)
        if changed is closed:
            expected = changed_last
    for a, b in zip(expected, changed_last, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-13, atol=1e-15)
    _, vanilla = unroll(ops, p.cell, p.params, p.xs, p.state)
    assert not np.allclose(vanilla[1], expected[1])
