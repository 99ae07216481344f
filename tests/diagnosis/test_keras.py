"""Keras's own layers, against its forward pass and, by its torch backend, autograd of its cells.

Keras is installed beside the project, never with it: in a virtual environment that sees the project's packages, by
`pip install keras==3.15.1`. KERAS_BACKEND=numpy, or any other, tests what needs no autograd.
"""

import os
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from support.unrolled_steps import log_norms

import carousel
from carousel.diagnosis import ModuleError
from carousel.diagnosis.keras_layers import layers_of_keras
from carousel.engine.backends.table import load
from carousel.engine.recurrence import unroll
from carousel.engine.system import System

if not find_spec("keras"):
    pytest.skip(
        "keras is not installed: pip install keras, in an environment of its own", allow_module_level=True
    )
os.environ.setdefault("KERAS_BACKEND", "torch")
keras = pytest.importorskip("keras")

pytestmark = [pytest.mark.campaign, pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")]
B, T, D, H = 3, 30, 3, 5
LAGS = (1, 2, 7, 30)
CASES = {
    "lstm": lambda **options: keras.layers.LSTM(H, **options),
    "lstm without a forget bias": lambda **options: keras.layers.LSTM(H, unit_forget_bias=False, **options),
    "lstm without biases": lambda **options: keras.layers.LSTM(H, use_bias=False, **options),
    "lstm with dropout": lambda **options: keras.layers.LSTM(
        H, dropout=0.5, recurrent_dropout=0.5, **options
    ),
    "gru": lambda **options: keras.layers.GRU(H, **options),
    "gru without biases": lambda **options: keras.layers.GRU(H, use_bias=False, **options),
    "gru of 2014": lambda **options: keras.layers.GRU(H, reset_after=False, **options),
    "gru of 2014 without biases": lambda **options: keras.layers.GRU(
        H, reset_after=False, use_bias=False, **options
    ),
    "tanh": lambda **options: keras.layers.SimpleRNN(H, **options),
    "relu": lambda **options: keras.layers.SimpleRNN(H, activation="relu", **options),
    "linear": lambda **options: keras.layers.SimpleRNN(H, activation=None, **options),
    "a cell in RNN": lambda **options: keras.layers.RNN(keras.layers.LSTMCell(H), **options),
}


def inputs():
    return np.random.default_rng(5).normal(size=(B, T, D)).astype("float32")


def built(make, **options):
    """A layer with random weights and biases, all of its states returned."""
    keras.utils.set_random_seed(1)
    layer, rng = make(**options), np.random.default_rng(2)
    layer(inputs())
    for weight in layer.weights:
        weight.assign(weight + rng.uniform(-0.1, 0.5, weight.shape) / H**0.5)
    return layer


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_the_states_are_those_of_keras_to_rounding(name, backwards):
    layer = built(CASES[name], return_sequences=True, go_backwards=backwards)
    wanted = keras.ops.convert_to_numpy(layer(inputs(), training=False))
    (found,) = layers_of_keras(layer, inputs(), None, torch.zeros((), dtype=torch.float64))
    system = System(load("torch", "cpu", "float64"), found.cell, found.params, *found.batches[0])
    steps, last = unroll(system.ops, found.cell, found.params, system.xs, system.state)
    ours = np.stack([h[0].T.numpy() for h in [*(step.before[0] for step in steps[1:]), last[0]]], 1)
    np.testing.assert_allclose(
        ours, wanted, rtol=0, atol=8 * np.finfo("float32").eps * abs(wanted).max() * T**0.5
    )


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="autograd is that of Keras's torch backend")
@pytest.mark.parametrize("name", CASES)
def test_the_gradient_is_that_of_autograd_through_keras_s_cell(name):
    layer, parts = built(CASES[name]), 2 if "lstm" in name or "RNN" in name else 1

    def step(x, state):
        return tuple(layer.cell(x, list(state), training=False)[1])

    start = tuple(torch.zeros(B, H, dtype=torch.float32) for _ in range(parts))
    wanted = log_norms(step, torch.as_tensor(inputs()).transpose(0, 1), start, LAGS)
    decay = carousel.diagnose(layer, inputs(), lags=LAGS, exponents=0).decay
    rows = decay[(decay.quantity == "jacobian_fro") & (decay.lag > 0)]
    assert rows.set_index("lag").log10_norm.to_dict() == pytest.approx(wanted, abs=1e-5)


def test_both_directions_inside_a_model_are_measured_on_what_they_read_there():
    model = keras.Sequential(
        [
            keras.layers.Input((T, D)),
            keras.layers.GRU(H, return_sequences=True, name="below"),
            keras.layers.Bidirectional(keras.layers.LSTM(H, return_sequences=True), name="both"),
            keras.layers.Dense(1),
        ]
    )
    x = inputs()
    found = carousel.diagnose(model, x, layer="both", lags=LAGS, exponents=0)
    alone = carousel.diagnose(model.get_layer("both"), model.get_layer("below")(x), lags=LAGS, exponents=0)
    assert list(found.descriptions) == [(1, "forward"), (1, "backward")]
    np.testing.assert_allclose(found.decay.log10_norm, alone.decay.log10_norm, atol=1e-6)


class Doubling(keras.layers.LSTM):
    def call(self, sequences, initial_state=None, mask=None, training=False):
        return 2 * super().call(sequences, initial_state, mask, training)


REFUSED = {
    "stateful=True": lambda: built(keras.layers.LSTM, units=H, stateful=True),
    "recurrent_activation=hard_sigmoid": lambda: built(
        keras.layers.GRU, units=H, recurrent_activation="hard_sigmoid"
    ),
    "activation=elu": lambda: built(keras.layers.LSTM, units=H, activation="elu"),
    "something else than its weights say": lambda: built(Doubling, units=H),
    "no weights yet": lambda: keras.layers.LSTM(H),
    "RNN of StackedRNNCells": lambda: keras.layers.RNN([keras.layers.LSTMCell(H), keras.layers.LSTMCell(H)]),
    "found Keras's Dense": lambda: built(keras.layers.Dense, units=H),
}


@pytest.mark.parametrize("line", REFUSED)
def test_other_layers_are_refused_in_a_line_that_names_the_cause(line):
    with pytest.raises(ModuleError, match=line):
        carousel.diagnose(REFUSED[line](), inputs())


def test_padding_is_refused_and_not_taken_for_steps():
    x = inputs()
    x[0, -5:] = 0
    model = keras.Sequential(
        [keras.layers.Input((T, D)), keras.layers.Masking(), keras.layers.LSTM(H, name="lstm")]
    )
    with pytest.raises(ModuleError, match="have a mask"):
        carousel.diagnose(model, x, layer="lstm")
