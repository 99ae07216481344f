"""The libraries' defaults: what is drawn here against what the installed library draws, parameter by parameter.

Keras and Flax need not be installed: `pip install keras flax` and a run of this file compares with them.
"""

import os
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import ks_2samp

from carousel.axes import LIBRARIES
from carousel.cells import CELLS
from carousel.inits import INITS, draw, library_forget_bias
from carousel.seeds import generator

H, D, N = 12, 5, 60
LAYERS = ["rnn_tanh", "lstm", "gru"]


class Drawn(NamedTuple):
    """N draws of one layer, gate by gate in the order of the cell here."""

    W: np.ndarray  # [N G H D]
    R: np.ndarray  # [N G H H]
    b: np.ndarray  # [N G H], the sum of both biases where they act as one
    second: np.ndarray  # [N H], the GRU's bias inside the reset, and empty for others


def ours(init: str, name: str) -> Drawn:
    cell, bias = CELLS[name], "none"
    if cell.forget:
        bias = library_forget_bias(init, name)
    options = {"gain": 1.0, "forget_bias": bias, "bias": 0.0, "length": 9}
    params = [
        draw(init, cell, lambda role, n=n: generator(3, init, n, role), H=H, D=D, **options) for n in range(N)
    ]
    W, R, b = (np.stack([p[k][0] for p in params]) for k in range(3))
    second = np.stack([p.p["p_z"].ravel() if name == "gru" else [] for p in params])
    G = len(cell.gates)
    return Drawn(W.reshape(N, G, H, D), R.reshape(N, G, H, H), b.reshape(N, G, H), second)


def gates(matrix: np.ndarray, order: str, cell: str) -> np.ndarray:
    """[G H, ...] with the gates in the library's `order` as [G, H, ...] in the order of the cell."""
    blocks = dict(zip(order, np.split(np.asarray(matrix, dtype=float), len(order)), strict=True))
    return np.stack([blocks[gate] for gate in CELLS[cell].gates])


def joined(name: str, order: str, W: np.ndarray, R: np.ndarray, b: np.ndarray, b_R: np.ndarray) -> Drawn:
    """One draw; `b_R` is added to R h, and apart from b in the GRU's candidate alone."""
    b, b_R = gates(b, order, name), gates(b_R, order, name)
    last = CELLS[name].gates.index(CELLS[name].candidate)
    second = b_R[last].copy() if name == "gru" else np.zeros(0)
    if name == "gru":
        b_R[last] = 0
    return Drawn(gates(W, order, name), gates(R, order, name), b + b_R, second)


def from_torch(name: str, n: int) -> Drawn:
    torch.manual_seed(n)
    kind, order = {"rnn_tanh": ("RNN", "z"), "lstm": ("LSTM", "ifzo"), "gru": ("GRU", "ruz")}[name]
    p = {key: value.detach().numpy() for key, value in getattr(torch.nn, kind)(D, H).named_parameters()}
    return joined(name, order, *(p[f"{key}_l0"] for key in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")))


def from_keras(name: str, n: int) -> Drawn:
    keras = pytest.importorskip("keras")
    keras.utils.set_random_seed(n)
    kinds = {"rnn_tanh": ("SimpleRNN", "z"), "lstm": ("LSTM", "ifzo"), "gru": ("GRU", "urz")}
    kind, order = kinds[name]
    layer = getattr(keras.layers, kind)(H)
    layer.build((None, None, D))
    W, R, b = layer.get_weights()
    b, b_R = b if b.ndim == 2 else (b, 0 * b)
    return joined(name, order, W.T, R.T, b, b_R)


def from_linen(name: str, n: int) -> Drawn:
    jax, linen = pytest.importorskip("jax"), pytest.importorskip("flax.linen")
    kinds = {"rnn_tanh": "SimpleCell", "lstm": "OptimizedLSTMCell", "gru": "GRUCell"}
    layer = getattr(linen, kinds[name])(H)
    carry, x = layer.initialize_carry(jax.random.key(0), (D,)), np.zeros(D)
    return from_flax(name, layer.init(jax.random.key(n), carry, x)["params"])


def from_nnx(name: str, n: int) -> Drawn:
    nnx = pytest.importorskip("flax.nnx")
    kinds = {"rnn_tanh": "SimpleCell", "lstm": "LSTMCell"}
    layer = getattr(nnx, kinds[name])(D, H, rngs=nnx.Rngs(n))
    names = {"if_": "if", "dense_i": "i", "dense_h": "h"}
    dense = {key: value for key, value in vars(layer).items() if isinstance(value, nnx.Linear)}
    return from_flax(
        name,
        {
            names.get(key, key): {
                k: p[...] for k in ("kernel", "bias") if (p := getattr(value, k)) is not None
            }
            for key, value in dense.items()
        },
    )


def from_flax(name: str, p: dict[str, dict[str, np.ndarray]]) -> Drawn:
    """Kernels by name: i and h before the gate, which Flax calls g or n (candidate) and z (the update gate)."""
    order, letters = {"rnn_tanh": ("z", [""]), "lstm": ("ifzo", "ifgo"), "gru": ("ruz", "rzn")}[name]
    W, R = (np.concatenate([np.asarray(p[side + g]["kernel"]).T for g in letters]) for side in "ih")
    b, b_R = (np.concatenate([p[side + g].get("bias", np.zeros(H)) for g in letters]) for side in "ih")
    return joined(name, order, W, R, b, b_R)


LIBRARY: list[tuple[str, str, Callable[[str, int], Drawn]]] = [
    *(("torch", name, from_torch) for name in LAYERS),
    *(("keras", name, from_keras) for name in LAYERS),
    *(("flax", name, from_linen) for name in LAYERS),
    *(("flax", name, from_nnx) for name in ("rnn_tanh", "lstm")),
]


def theirs(name: str, one: Callable[[str, int], Drawn]) -> Drawn:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return Drawn(*map(np.stack, zip(*(one(name, n) for n in range(N)), strict=True)))


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("init", "name", "one"), LIBRARY)
def test_every_parameter_is_drawn_as_the_library_draws_it(init, name, one):
    """Range, spread and distribution of each gate's W, R and biases, and the products of the columns of R."""
    library, here = theirs(name, one), ours(init, name)
    for gate in range(len(CELLS[name].gates)):
        for a, b in zip(library[:3], here[:3], strict=True):
            assert_same_distribution(a[:, gate], b[:, gate])
    assert_same_distribution(library.second, here.second)
    for a, b in zip(columns(library.R), columns(here.R), strict=True):
        np.testing.assert_allclose(a.mean(0), b.mean(0), atol=6 * (a.std() + 1e-6) * N**-0.5)
        assert a.std(0).mean() == pytest.approx(b.std(0).mean(), rel=0.1, abs=1e-6)


def assert_same_distribution(a: np.ndarray, b: np.ndarray) -> None:
    """Of two samples of one shape; constants are equal."""
    assert a.shape == b.shape
    if not a.size or not a.std():
        np.testing.assert_array_equal(a, b)
        return
    assert a.var() == pytest.approx(b.var(), rel=0.15)
    assert abs(a).max() == pytest.approx(abs(b).max(), rel=0.15)
    assert ks_2samp(a.ravel(), b.ravel()).pvalue > 1e-3


def columns(R: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The products of R's columns: all gates' as one matrix [N H H], and each gate's own [N G H H]."""
    each = np.einsum("ngij,ngik->ngjk", R, R)
    return each.sum(1), each


@pytest.mark.parametrize("name", LAYERS)
def test_keras_s_columns_are_orthonormal_over_all_gates_and_not_within_one(name):
    G = len(CELLS[name].gates)
    whole, each = columns(ours("keras", name).R)
    np.testing.assert_allclose(whole, np.broadcast_to(np.eye(H), whole.shape), atol=1e-13)
    np.testing.assert_allclose(
        each.mean((0, 1)), np.eye(H) / G, atol=6 * (each.std() + 1e-14) * (N * G) ** -0.5
    )
    assert ours("keras", name).R.var() == pytest.approx(1 / (G * H), rel=0.01)
    assert (abs(each - np.eye(H) / G).max() > 0.1) == (G > 1)


@pytest.mark.parametrize("name", LAYERS)
def test_flax_s_matrices_are_orthogonal_gate_by_gate_and_its_w_is_cut_off(name):
    here, (_, each) = ours("flax", name), columns(ours("flax", name).R)
    np.testing.assert_allclose(each, np.broadcast_to(np.eye(H), each.shape), atol=1e-13)
    assert here.W.var() == pytest.approx(1 / D, rel=0.05)
    kurtosis = (here.W**4).mean() / here.W.var() ** 2  # 3 of a Gaussian; 2.37 of one cut off at 2 deviations
    assert kurtosis == pytest.approx(2.37, abs=0.1)


def test_keras_s_w_shrinks_with_the_number_of_gates():
    variances = [ours("keras", name).W.var() for name in LAYERS]
    np.testing.assert_allclose(variances, [2 / (D + G * H) for G in (1, 4, 3)], rtol=0.05)


def test_the_libraries_are_inits():
    assert set(LIBRARIES) == {init for init, _, _ in LIBRARY} <= set(INITS)
