"""Layers that look like those of Keras, which need not be installed: against its equations, in its own letters."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from support.unrolled_steps import log_norms

import carousel
from carousel.diagnosis import ModuleError

B, T, D, H = 2, 20, 3, 4
LAGS = (1, 2, 7, 20)
GATES = {"LSTM": "ifco", "GRU": "zrh", "SimpleRNN": "h"}
PHI = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "linear": lambda x: x}


def lstm(cell, x, h, c):
    i, f, c_in, o = (x @ cell.kernel + h @ cell.recurrent_kernel + cell.bias).chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(c_in)
    return torch.sigmoid(o) * torch.tanh(c), c


def gru(cell, x, h):
    x_z, x_r, x_h = (x @ cell.kernel).chunk(3, 1)
    k_z, k_r, k_h = cell.recurrent_kernel.chunk(3, 1)
    b, b_hh = cell.bias if cell.reset_after else (cell.bias, torch.zeros(3 * H).double())
    z = torch.sigmoid(x_z + h @ k_z + b[:H] + b_hh[:H])
    r = torch.sigmoid(x_r + h @ k_r + b[H : 2 * H] + b_hh[H : 2 * H])
    inner = r * (h @ k_h + b_hh[2 * H :]) if cell.reset_after else (r * h) @ k_h
    return (z * h + (1 - z) * torch.tanh(x_h + b[2 * H :] + inner),)


def simple(cell, x, h):
    return (PHI[cell.activation.__name__](x @ cell.kernel + cell.bias + h @ cell.recurrent_kernel),)


STEPS = {"LSTM": lstm, "GRU": gru, "SimpleRNN": simple}


def named(name):
    """A function that looks like one of keras.activations."""
    return SimpleNamespace(__name__=name, __module__="keras.src.activations.activations")


def kind(name, *bases, **own):
    return type(name, bases, {"__module__": "keras.src.layers", "__qualname__": name, **own})


LAYER = kind("Layer")
RNN = kind("RNN", LAYER)
BIDIRECTIONAL = kind("Bidirectional", LAYER)


def weights(seed, *shape):
    return torch.as_tensor(np.random.default_rng(seed).uniform(-0.5, 0.7, shape))


def made(name, seed=0, **options):
    """A layer of Keras in all that is read of it, in float64."""
    G = len(GATES[name])
    cell = kind(f"{name}Cell", LAYER)()
    cell.units, cell.reset_after = H, options.pop("reset_after", True)
    cell.kernel, cell.recurrent_kernel = weights(seed, D, G * H), weights(seed + 1, H, G * H)
    cell.bias = weights(seed + 2, *([2] if name == "GRU" and cell.reset_after else []), G * H)
    cell.activation = named(options.pop("activation", "tanh"))
    cell.bias += cell.activation.__name__ == "relu"  # none of its units is dead
    cell.recurrent_activation = named(options.pop("recurrent_activation", "sigmoid"))
    layer = kind(name, RNN, __call__=called)()
    plain = {"stateful": False, "go_backwards": False, "return_sequences": False, "compute_dtype": "float64"}
    vars(layer).update({"name": "mine", "cell": cell, "step": STEPS[name]} | plain | options)
    return layer


def called(layer, inputs, initial_state, training):
    """The output as Keras gives it: the last, or all of them."""
    assert not training
    xs = torch.as_tensor(inputs)
    state, out = [torch.as_tensor(part) for part in initial_state], []
    for x in xs.unbind(1)[::-1] if layer.go_backwards else xs.unbind(1):
        state = layer.step(layer.cell, x, *state)
        out.append(state[0])
    return torch.stack(out, 1) if layer.return_sequences else out[-1]


def inputs(seed=5):
    return np.random.default_rng(seed).normal(size=(B, T, D))


def first(seed, parts):
    return [np.random.default_rng(seed + k).normal(size=(B, H)) for k in range(parts)]


CASES = [
    ("LSTM", {}),
    ("LSTM", {"go_backwards": True, "return_sequences": True}),
    ("GRU", {}),
    ("GRU", {"reset_after": False}),
    ("SimpleRNN", {}),
    *(("SimpleRNN", {"activation": name}) for name in ("relu", "sigmoid", "linear")),
]


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize("given", [False, True])
def test_a_layer_is_measured_as_its_own_equations_say(name, options, given):
    layer, xs = made(name, **options), inputs()
    parts = 2 if name == "LSTM" else 1
    state = first(9, parts) if given else [np.zeros((B, H))] * parts
    found = carousel.diagnose(layer, xs, state if given else None, lags=LAGS, exponents=0).decay
    expect(found, layer, xs, state)


def expect(found, layer, xs, state, direction=None):
    series = torch.as_tensor(xs).transpose(0, 1)
    series = series.flip(0) if layer.go_backwards else series
    start = tuple(torch.as_tensor(part) for part in state)
    wanted = log_norms(lambda x, parts: layer.step(layer.cell, x, *parts), series, start, LAGS)
    rows = found[(found.quantity == "jacobian_fro") & (found.lag > 0)].set_index("lag")
    assert set(rows.direction) == {direction or ("backward" if layer.go_backwards else "forward")}
    assert rows.log10_norm.to_dict() == pytest.approx(wanted, abs=1e-10)


def test_both_directions_are_read_and_given_their_own_states():
    both = BIDIRECTIONAL()
    both.forward_layer, both.backward_layer = made("LSTM"), made("GRU", seed=3, go_backwards=True)
    states, xs = first(9, 3), inputs()
    found = carousel.diagnose(both, xs, states, lags=LAGS, exponents=0).decay
    expect(found[found.direction == "forward"], both.forward_layer, xs, states[:2])
    expect(found[found.direction == "backward"], both.backward_layer, xs, states[2:])


def test_a_layer_without_biases_is_one_with_zeros():
    layer, other = made("GRU"), made("GRU")
    layer.cell.bias, other.cell.bias = None, torch.zeros(2, 3 * H).double()
    layer.step = lambda cell, x, h: gru(other.cell, x, h)
    norms = [carousel.diagnose(each, inputs(), exponents=0).decay.log10_norm for each in (layer, other)]
    assert (norms[0] == norms[1]).all()


def test_gates_and_exponents_are_those_of_the_same_lstm_of_torch():
    layer = made("LSTM")
    twin = torch.nn.LSTM(D, H, batch_first=True).double()
    with torch.no_grad():
        twin.weight_ih_l0.copy_(layer.cell.kernel.T)
        twin.weight_hh_l0.copy_(layer.cell.recurrent_kernel.T)
        twin.bias_ih_l0.copy_(layer.cell.bias)
        twin.bias_hh_l0.zero_()
    ours, theirs = (carousel.diagnose(each, torch.as_tensor(inputs())) for each in (layer, twin))
    assert ours.sentence == theirs.sentence
    for name in ("exponents", "gates"):
        mine, his = (getattr(each, name).select_dtypes("number") for each in (ours, theirs))
        np.testing.assert_allclose(mine, his, rtol=1e-9, atol=1e-12)


def wrong(layer, **attributes):
    vars(layer).update(attributes)
    return layer


def with_cell(layer, **attributes):
    vars(layer.cell).update(attributes)
    return layer


MASKED = torch.as_tensor(inputs())
MASKED._keras_mask = torch.ones(B, T, dtype=torch.bool).tril()
REFUSED = {
    "stateful=True": (lambda: made("LSTM", stateful=True), None, None),
    "activation=relu; allowed: tanh": (lambda: made("GRU", activation="relu"), None, None),
    "recurrent_activation=hard_sigmoid; allowed: sigmoid": (
        lambda: made("LSTM", recurrent_activation="hard_sigmoid"),
        None,
        None,
    ),
    "activation=<function": (lambda: with_cell(made("LSTM"), activation=inputs), None, None),
    "no weights yet": (lambda: with_cell(made("LSTM"), kernel=None), None, None),
    "found NaN or infinity; allowed: finite weights": (
        lambda: with_cell(made("LSTM"), bias=np.full(4 * H, np.nan)),
        None,
        None,
    ),
    "something else than its weights say": (
        lambda: wrong(made("LSTM"), step=lambda cell, x, h, c: lstm(cell, x, 2 * h, c)),
        None,
        None,
    ),
    "does not run on its inputs": (lambda: wrong(made("LSTM"), step=lambda cell, x: x), None, None),
    "found Keras's Layer": (LAYER, None, None),
    "LSTM of StackedRNNCells": (
        lambda: wrong(made("LSTM"), cell=kind("StackedRNNCells", LAYER)()),
        None,
        None,
    ),
    "have a mask": (lambda: made("LSTM"), MASKED, None),
    "inputs: found (2, 20)": (lambda: made("LSTM"), inputs()[..., 0], None),
    "inputs: found 2 per step; the layer reads 3": (lambda: made("LSTM"), inputs()[..., :2], None),
    "allowed: finite numbers": (lambda: made("LSTM"), inputs() + np.inf, None),
    "state: found 1 arrays; allowed: 2": (lambda: made("LSTM"), None, first(0, 1)),
    "state: found (2, 3) of float64": (lambda: made("GRU"), None, [np.zeros((B, 3))]),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_measured_is_refused_in_a_line_that_names_the_cause(line):
    layer, xs, state = REFUSED[line]
    with pytest.raises(ModuleError) as refused:
        carousel.diagnose(layer(), inputs() if xs is None else xs, state)
    assert line in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_layer_inside_a_model_is_named_among_those_that_are_there():
    model = LAYER()
    model.layers = [made("LSTM")]
    with pytest.raises(ModuleError, match="found 'other'; allowed: mine"):
        carousel.diagnose(model, inputs(), layer="other")


def test_no_import_of_keras_is_tried():
    code = (
        "import carousel.diagnosis.diagnose, sys; assert not any(n.startswith('keras.') for n in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
