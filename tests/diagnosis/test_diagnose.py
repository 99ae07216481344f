"""A user's module, measured: against autograd of the unrolled module, and against known answers."""

import random
import subprocess
import sys
import threading

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pack_sequence

import carousel
from carousel.diagnosis.layer import ModuleError
from carousel.engine.backends.table import DeviceError

D, H, B, T = 3, 4, 2, 100
LAGS = (0, 1, 2, 3, 5, 10, 20, 50, 100)
MODULES = {
    "tanh": lambda **options: nn.RNN(D, H, **options),
    "relu": lambda **options: nn.RNN(D, H, nonlinearity="relu", **options),
    "lstm": lambda **options: nn.LSTM(D, H, **options),
    "projected": lambda **options: nn.LSTM(D, H, proj_size=2, **options),
    "gru": lambda **options: nn.GRU(D, H, **options),
}
KINDS = [nn.RNN, nn.LSTM, nn.GRU]


def made(name, seed=0, **options):
    """A module with random weights, larger than torch's own, in float64."""
    return randomised(MODULES[name](**options).double(), seed)


def randomised(module, seed=0):
    rng = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.uniform_(-0.4, 0.6, generator=rng)
    return module


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def measured(module, xs, state=None, **options):
    """The decay table at those of LAGS that the longest sequence has."""
    length = len(xs.batch_sizes) if isinstance(xs, PackedSequence) else max(xs.shape[:2])
    lags = [lag for lag in LAGS if lag <= length]
    return carousel.diagnose(module, xs, state, lags=lags, exponents=0, higher=(), **options).decay


def unrolled(module, xs, state=None):
    """log10 of Frobenius and spectral norm, by lag, of autograd's Jacobian of a whole one-layer module.

    `xs` [T D] is one sequence. The state is followed from `state` to each lag before the end, and the last one
    differentiated by it.
    """
    sizes = (getattr(module, "proj_size", 0) or H, H) if isinstance(module, nn.LSTM) else (H,)

    def run(flat, xs):
        hx = tuple(s[None, None] for s in flat.split(sizes))
        _, last = module(xs[:, None], hx if len(hx) == 2 else hx[0])
        return torch.cat([s.flatten() for s in (last if isinstance(last, tuple) else (last,))])

    start = torch.zeros(sum(sizes), dtype=xs.dtype) if state is None else state
    norms = {}
    for lag in LAGS:
        if 0 < lag <= len(xs):
            border = len(xs) - lag
            before = run(start, xs[:border]).detach() if border else start
            J = torch.autograd.functional.jacobian(lambda s, t=border: run(s, xs[t:]), before)
            norms[lag] = [float(torch.linalg.matrix_norm(J, p).log10()) for p in ("fro", 2)]
    return norms


def expect(table, sequences, layer=1, direction="forward"):
    """The rows of a layer are the mean over these sequences, to 1e-8 relative."""
    rows = table[(table["layer"] == layer) & (table["direction"] == direction)]
    for lag in set().union(*sequences):
        there = np.array([norms[lag] for norms in sequences if lag in norms])
        for quantity, mean in zip(("jacobian_fro", "jacobian_spec"), there.mean(0), strict=True):
            (found,) = rows[(rows["lag"] == lag) & (rows["quantity"] == quantity)].itertuples()
            assert found.log10_norm == pytest.approx(mean, rel=0, abs=1e-8 / np.log(10))
            assert (found.n, found.n_zero) == (len(there), 0)


def each(module, xs, lengths=None):
    lengths = lengths or [len(xs)] * xs.shape[1]
    return [unrolled(module, xs[:length, b]) for b, length in enumerate(lengths)]


def layer_of(module, layer, suffix=""):
    """One layer and direction of a module, as a module of its own, by the names of its weights."""
    (kind,) = (kind for kind in KINDS if isinstance(module, kind))
    end = f"_l{layer}{suffix}"
    weights = {
        name.removesuffix(end) + "_l0": w for name, w in module.state_dict().items() if name.endswith(end)
    }
    one = kind(weights["weight_ih_l0"].shape[1], H, dtype=torch.float64)
    one.load_state_dict(weights)
    return one


@pytest.mark.parametrize("name", MODULES)
def test_the_norms_are_those_of_autograd_on_the_unrolled_module(name):
    module, xs = made(name), noise(T, B, D)
    expect(measured(module, xs), each(module, xs))


@pytest.mark.parametrize("name", ["tanh", "lstm", "gru"])
def test_a_given_state_and_no_biases(name):
    module, xs = made(name, bias=False), noise(20, B, D)
    parts = 2 if name == "lstm" else 1
    state = noise(parts, 1, B, H, seed=2)
    sequences = [unrolled(module, xs[:, b], state[:, 0, b].flatten()) for b in range(B)]
    expect(measured(module, xs, tuple(state) if parts == 2 else state[0]), sequences)


@pytest.mark.parametrize("name", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "given"])
def test_each_layer_and_direction_reads_what_the_module_makes_of_the_one_before(name, given):
    module, xs = made(name, num_layers=2, bidirectional=True), noise(20, B, D)
    parts = 2 if name == "lstm" else 1
    state = noise(parts, 4, B, H, seed=2) * given
    handed = tuple(state) if parts == 2 else state[0]
    table = measured(module, xs, handed if given else None)
    for layer in range(2):
        outs = []
        for k, suffix in enumerate(("", "_reverse")):
            one, read, start = (
                layer_of(module, layer, suffix),
                xs.flip(0) if k else xs,
                state[:, 2 * layer + k],
            )
            expect(table, [unrolled(one, read[:, b], start[:, b].flatten()) for b in range(B)], layer + 1,
                   ("forward", "backward")[k])  # fmt: skip
            hx = start[:, None].contiguous()
            with torch.no_grad():
                out = one(read, tuple(hx) if parts == 2 else hx[0])[0]
            outs.append(out.flip(0) if k else out)
        xs = torch.cat(outs, 2)
    torch.testing.assert_close(xs, module(noise(20, B, D), handed)[0].detach(), rtol=1e-12, atol=0)


@pytest.mark.parametrize("name", MODULES)
def test_batch_first_and_one_sequence_alone_are_other_ways_to_say_the_same(name):
    module, turned, xs = made(name), made(name, batch_first=True), noise(10, 1, D)
    wanted = measured(module, xs)
    pd.testing.assert_frame_equal(measured(turned, xs.transpose(0, 1)), wanted)
    pd.testing.assert_frame_equal(measured(module, xs[:, 0]), wanted)
    pd.testing.assert_frame_equal(measured(turned, xs[:, 0]), wanted)


@pytest.mark.parametrize("name", ["tanh", "lstm", "gru"])
@pytest.mark.parametrize("lengths", [(20, 7, 20), (3, 20, 10)])
def test_a_packed_sequence_counts_back_from_its_own_last_step(name, lengths):
    module, xs = made(name, bidirectional=True), noise(20, 3, D)
    packed = pack_padded_sequence(xs, torch.tensor(lengths), enforce_sorted=False)
    table = measured(module, packed)
    expect(table, each(layer_of(module, 0), xs, lengths))
    flipped = torch.stack(
        [torch.cat([x[:n].flip(0), x[n:]]) for x, n in zip(xs.unbind(1), lengths, strict=True)], 1
    )
    expect(table, each(layer_of(module, 0, "_reverse"), flipped, lengths), direction="backward")


def test_the_second_layer_of_a_packed_batch_reads_no_padding():
    module, xs = made("lstm", num_layers=2, bidirectional=True), noise(20, 2, D)
    state = tuple(noise(2, 4, 2, H, seed=3))
    packed = measured(module, pack_padded_sequence(xs, torch.tensor([20, 8])), state)
    long, short = (
        measured(module, xs[:n, b : b + 1], tuple(s[:, b : b + 1] for s in state))
        for b, n in enumerate((20, 8))
    )
    keys = ["layer", "direction", "quantity", "lag"]
    both = packed.merge(long, on=keys, suffixes=("", "_long")).merge(short, on=keys, suffixes=("", "_short"))
    assert set(both["lag"]) == {0, 1, 2, 3, 5}
    np.testing.assert_allclose(both["log10_norm"], both[["log10_norm_long", "log10_norm_short"]].mean(axis=1))


class Wrapped(nn.Module):
    """A torch cell as a module whose step says something, too."""

    def __init__(self, cell):
        super().__init__()
        self.cell, self.hidden_size = cell, cell.hidden_size

    def forward(self, x, state):
        state = self.cell(x, state)
        return (state[0] if isinstance(state, tuple) else state).sum(1), state


@pytest.mark.parametrize("name", ["tanh", "relu", "lstm", "gru"])
def test_a_cell_a_module_around_it_and_the_layer_are_measured_alike(name):
    module, xs = made(name), noise(10, B, D)
    options = {"nonlinearity": name} if isinstance(module, nn.RNN) else {}
    kind = {"lstm": nn.LSTMCell, "gru": nn.GRUCell}.get(name, nn.RNNCell)
    cell = kind(D, H, dtype=torch.float64, **options)
    cell.load_state_dict({key.removesuffix("_l0"): w for key, w in module.state_dict().items()})
    state = tuple(noise(2, B, H, seed=4)) if name == "lstm" else noise(B, H, seed=4)
    stacked = tuple(s[None] for s in state) if name == "lstm" else state[None]
    for given, whole in ((None, None), (state, stacked)):
        wanted = measured(module, xs, whole)
        pd.testing.assert_frame_equal(measured(cell, xs, given), wanted)
        joint = wanted[wanted["quantity"].isin(["jacobian_fro", "jacobian_spec"])].reset_index(drop=True)
        found = measured(Wrapped(cell), xs, given)
        found = found[~found["quantity"].str.endswith("_x")].reset_index(drop=True)
        pd.testing.assert_frame_equal(found, joint, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("kind", [nn.RNNCell, nn.LSTMCell, nn.GRUCell])
def test_a_cell_without_biases_is_one_whose_biases_are_zero(kind):
    bare, zero = randomised(kind(D, H, bias=False).double()), kind(D, H).double()
    with torch.no_grad():
        zero.bias_ih.zero_(), zero.bias_hh.zero_()
    zero.load_state_dict(bare.state_dict(), strict=False)
    xs = noise(10, B, D)
    pd.testing.assert_frame_equal(measured(bare, xs), measured(zero, xs))


def test_a_parametrised_weight_is_measured_as_what_it_is():
    module, xs = made("lstm"), noise(10, B, D)
    wanted = measured(module, xs)
    found = measured(nn.utils.parametrizations.weight_norm(module, "weight_hh_l0"), xs)
    pd.testing.assert_frame_equal(found, wanted, rtol=1e-12, atol=1e-12)


class Doubled(nn.GRU):
    """Not what torch's own forward computes."""

    def forward(self, x, state):
        return x, 2.0 * state


def test_a_subclass_with_a_forward_of_its_own_is_measured_by_that():
    table = measured(Doubled(D, H), noise(10, B, D).float())
    rows = table[table["quantity"] == "jacobian_spec"]
    np.testing.assert_allclose(rows["log10_norm"], rows["lag"] * np.log10(2), rtol=1e-12)


class Leaky(nn.Module):
    """A leaky integrator: an input that fades by alpha a step, whatever else happens."""

    def __init__(self, alpha, shape=(H,)):
        super().__init__()
        self.alpha, self.shape = nn.Parameter(torch.tensor(alpha)), shape

    def forward(self, x, state):
        state = self.alpha * state + x.mean(-1).reshape(-1, *(1 for _ in self.shape))
        return state, state


@pytest.mark.parametrize("alpha", [0.25, 1.0, 1.5])
@pytest.mark.parametrize("shape", [(), (H,), (2, 3)])
def test_a_leaky_integrator_gives_its_own_rate_at_every_lag(alpha, shape):
    report = carousel.diagnose(Leaky(alpha, shape), noise(60, B, D).float(), torch.zeros(B, *shape))
    table, size = report.decay, int(np.prod(shape))
    for quantity, start in (("jacobian_fro", np.log10(size) / 2), ("jacobian_spec", 0.0)):
        rows = table[table["quantity"] == quantity]
        np.testing.assert_allclose(
            rows["log10_norm"], start + rows["lag"] * np.log10(alpha), rtol=1e-12, atol=1e-12
        )
        assert rows["lag"].max() == 60
    np.testing.assert_allclose(report.exponents["value"], np.log10(alpha), rtol=0, atol=1e-12)
    assert len(report.exponents) == size
    assert report.exponents["error"].max() < 1e-12


@pytest.mark.parametrize(
    ("alpha", "said"),
    [
        (
            0.5,
            "halves every 1 steps; in float32 nothing is left beyond lag 149, in float64 beyond 1,074 (extrapolated).",
        ),
        (1.0, "changes by less than a factor of 2 in 100 steps."),
        (2.0, "doubles every 1 steps; float32 overflows at lag 128, float64 at 1,024 (extrapolated)."),
        (0.0, "of most sequences is exactly zero from lag 1 on, at any precision."),
    ],
)
def test_the_sentence_says_how_far_the_gradient_reaches(alpha, said):
    report = carousel.diagnose(Leaky(alpha), noise(200, 1, D).float(), torch.zeros(1, H), exponents=0)
    assert report.sentence == f"Layer 1 (Leaky, state of {H}): the gradient {said}"
    assert str(report).splitlines()[0] == report.sentence


def test_dropout_is_off_and_the_mode_stays():
    module, plain = made("lstm", num_layers=2, dropout=0.5), made("lstm", num_layers=2)
    module.train()
    xs = noise(20, B, D)
    pd.testing.assert_frame_equal(measured(module, xs), measured(plain, xs))
    assert module.training


def test_a_float32_module_runs_in_float32_and_is_measured_in_float64():
    module, xs = made("lstm", num_layers=2).float(), noise(30, B, D).float()
    table = measured(module, xs)
    with torch.no_grad():  # autograd chooses another kernel
        middle = layer_of(module.double(), 0).float()(xs)[0].double()
    one = layer_of(module, 1)
    wanted = [unrolled(one, middle[:, b]) for b in range(B)]
    expect(table, wanted, layer=2)
    rough = measured(module.float(), xs, dtype="float32")
    np.testing.assert_allclose(rough["log10_norm"], table["log10_norm"], rtol=0, atol=1e-4)
    assert not np.array_equal(rough["log10_norm"], table["log10_norm"])


class Tokens(nn.Module):
    """A GRU that reads words, and says what it likes."""

    def __init__(self):
        super().__init__()
        self.embedding, self.cell, self.hidden_size = nn.Embedding(7, D), nn.GRUCell(D, H), H

    def forward(self, token, state):
        state = self.cell(self.embedding(token), state)
        return {"anything": state}, state


def test_a_module_that_reads_words_is_measured_as_one_that_reads_their_vectors():
    module = randomised(Tokens().double())
    words = torch.randint(7, (30, B), generator=torch.Generator().manual_seed(5))
    found, wanted = measured(module, words), measured(module.cell, module.embedding(words))
    state = wanted[~wanted["quantity"].str.endswith("_x")].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, state, rtol=1e-9, atol=1e-10)


def test_the_norms_by_the_input_are_those_of_autograd():
    module, xs = made("lstm"), noise(30, 1, D)
    table = measured(module, xs)
    for lag in (1, 2, 10):
        before, x, after = xs[:-lag], xs[30 - lag], xs[31 - lag :]
        J = torch.autograd.functional.jacobian(
            lambda x, b=before, a=after: module(torch.cat([b, x[None], a]))[0][-1], x
        )
        here = (table["quantity"] == "jacobian_fro_x") & (table["lag"] == lag)
        (found,) = table.loc[here, "log10_norm"]
        assert 10**found == pytest.approx(float(torch.linalg.vector_norm(J)), rel=1e-9)


class Untidy(nn.Module):
    """A step that draws random numbers, changes its weight and its mode, and may fail."""

    hidden_size = H

    def __init__(self, fails):
        super().__init__()
        self.weight, self.fails = nn.Parameter(torch.ones(())), fails

    def forward(self, x, state):
        torch.rand(1), np.random.rand(), random.random()
        self.weight.data += 1e-9
        self.train()
        if self.fails:
            raise RuntimeError("no\nsecond line")
        return x, 0.5 * state * self.weight.detach().round()


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_nothing_is_left_changed(fails, training):
    module = Untidy(fails).train(training)
    module.weight.grad = kept = torch.tensor(3.0)
    states = torch.get_rng_state(), np.random.get_state()[1]
    flags = torch.backends.cudnn.enabled, torch.backends.cudnn.allow_tf32, torch.is_grad_enabled()
    try:
        carousel.diagnose(module, noise(10, B, D).float(), torch.ones(B, H))
        assert not fails
    except ModuleError as error:
        assert fails
        assert str(error).endswith("evaluation mode: no")
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])
    assert module.training == training
    assert module.weight.item() == 1.0
    assert module.weight.requires_grad
    assert module.weight.grad is kept
    assert kept.item() == 3.0
    assert flags == (torch.backends.cudnn.enabled, torch.backends.cudnn.allow_tf32, torch.is_grad_enabled())


@pytest.mark.parametrize("name", MODULES)
def test_torchs_own_modules_are_left_as_they_were(name):
    module, xs = made(name, num_layers=2, dropout=0.1).train(), noise(10, B, D).requires_grad_()
    module(xs)[0].sum().backward()
    weights = {key: w.clone() for key, w in module.state_dict().items()}
    grads, grad = [w.grad for w in module.parameters()], [w.grad.clone() for w in module.parameters()]
    random_state = torch.get_rng_state()
    carousel.diagnose(module, xs)
    assert torch.equal(random_state, torch.get_rng_state())
    assert all(torch.equal(w, weights[key]) for key, w in module.state_dict().items())
    assert all(
        w.grad is g and torch.equal(g, was)
        for w, g, was in zip(module.parameters(), grads, grad, strict=True)
    )
    assert module.training
    assert xs.is_leaf and xs.grad.shape == xs.shape


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, lambda: torch.autocast("cpu")])
@pytest.mark.parametrize("name", ["lstm", "cell"])
def test_the_caller_s_modes_change_nothing(mode, name):
    module = made("lstm") if name == "lstm" else Wrapped(randomised(nn.GRUCell(D, H)).double())
    wanted = measured(module, noise(20, B, D))
    with mode():
        pd.testing.assert_frame_equal(measured(module, noise(20, B, D)), wanted)


class Returns(nn.Module):
    """A module whose step returns what it is told."""

    def __init__(self, answer, hidden_size=H):
        super().__init__()
        self.answer, self.hidden_size = answer, hidden_size

    def forward(self, x, state):
        return self.answer(x, state)


REFUSED = {
    "axes": (
        lambda: (made("lstm"), noise(5)),
        "inputs: found 1 axes; allowed: 3 ",
    ),
    "size": (
        lambda: (made("gru"), noise(5, B, D + 1)),
        "inputs: found 4 per step; the module reads 3",
    ),
    "dtype": (
        lambda: (made("gru"), noise(5, B, D).float()),
        "inputs: found torch.float32; the module computes in torch.float64",
    ),
    "empty": (
        lambda: (made("gru"), noise(0, B, D)),
        "inputs: found shape (0, 2, 3); allowed: ",
    ),
    "nan": (
        lambda: (made("gru"), noise(5, B, D) / 0),
        "inputs: found NaN or infinity; allowed: finite numbers",
    ),
    "complex": (
        lambda: (made("gru"), noise(5, B, D) * 1j),
        "module: found complex numbers; allowed: real ones",
    ),
    "one state": (
        lambda: (made("lstm"), noise(5, B, D), noise(1, B, H)),
        "state: found (1, 2, 4); allowed: (1, 2, 4), (1, 2, 4)",
    ),
    "state size": (
        lambda: (made("gru"), noise(5, B, D), noise(1, B, 5)),
        "state: found (1, 2, 5); allowed: (1, 2, 4)",
    ),
    "devices": (
        lambda: (made("gru").to("meta"), noise(5, B, D)),
        "module, inputs: found on cpu, meta; allowed: one device",
    ),
    "no size": (
        lambda: (Returns(lambda x, s: s, None), noise(5, B, D)),
        "state: not given, and Returns has no number hidden_size",
    ),
    "other size": (
        lambda: (Returns(lambda x, s: (s, s.sum())), noise(5, B, D)),
        "module: its step returned ((2, 4), ()); allowed: (out, state), state (2, 4)",
    ),
    "no state": (
        lambda: (Returns(lambda x, s: 3), noise(5, B, D), noise(B, H)),
        "module: its step returned 3; allowed: (out, state)",
    ),
    "other state": (
        lambda: (Returns(lambda x, s: (x, x)), noise(5, B, D), noise(B, H)),
        "module: its step returned ((2, 3), (2, 3)); allowed: (out, state)",
    ),
    "nested": (
        lambda: (Returns(lambda x, s: (x, s)), noise(5, B, D), [[noise(B, H), 3]]),
        "state: found (((2, 4), 3)); allowed: tensors, in tuples, lists or dictionaries",
    ),
    "batch": (
        lambda: (Returns(lambda x, s: (x, s)), noise(5, B, D), noise(H, B)),
        "state: found (4, 2) torch.float64; allowed: [batch, ...] of real numbers, batch 2",
    ),
    "noisy": (
        lambda: (Returns(lambda x, s: (x, s + torch.rand(1))), noise(5, B, D)),
        "module: its step gives another state each time; allowed: no noise in evaluation mode",
    ),
    "mixing": (
        lambda: (Returns(lambda x, s: (x, s + x.sum())), noise(5, B, D)),
        "module: its step mixes the sequences of a batch; allowed: each by itself",
    ),
    "fails": (
        lambda: (Returns(lambda x, s: (x, s @ x)), noise(5, B, D), noise(B, H)),
        "module: its step does not run on a copy in evaluation mode: mat1 and mat2",
    ),
    "overflow": (
        lambda: (Returns(lambda x, s: (x, 10.0 * s**2)), noise(20, B, D), noise(B, H)),
        "module: its state overflows at step 9; allowed: finite states",
    ),
    "layer overflows": (
        lambda: (
            randomised(nn.RNN(D, 64, nonlinearity="relu")),
            noise(3, B, D).float(),
            torch.full((1, B, 64), 3e38),
        ),
        "layer 1: its state overflows; allowed: finite states",
    ),
    "packed": (
        lambda: (Leaky(0.5), pack_sequence([noise(3, D)]), noise(1, H)),
        "inputs: found a packed sequence; allowed for torch.nn.RNN, LSTM, GRU, not for ",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_measured_is_refused_in_one_line(case):
    arguments, line = REFUSED[case]
    given = arguments()
    with pytest.raises(ModuleError) as caught:
        carousel.diagnose(*given)
    assert str(caught.value).startswith(line)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("option", "line"),
    [
        ({"dtype": "float16"}, "dtype: found 'float16'; allowed: float64, float32"),
        ({"lags": [11]}, "lags: found 11; allowed: 0 to 10, the longest sequence"),
        ({"warm_up": 5}, "warm_up: found 5; allowed: "),
    ],
)
def test_a_wrong_option_is_refused_in_one_line(option, line):
    with pytest.raises(ValueError, match="^" + line.replace("(", r"\(")) as caught:
        carousel.diagnose(made("gru"), noise(10, B, D), **option)
    assert "\n" not in str(caught.value)


AS_A_USER = """
import random
import carousel, torch
module, inputs = torch.nn.GRU(3, 4), torch.randn(6, 1, 3)
before = random.getstate()
for wrong in (7, inputs), (len, inputs), (module, [1.0]), (module, inputs, None, [0.5]):
    try:
        carousel.diagnose(*wrong[:3], lags=wrong[3] if len(wrong) > 3 else None)
    except ValueError as error:
        print(error)
class Draws(torch.nn.Module):
    def forward(self, x, state):
        return random.random(), state
carousel.diagnose(Draws(), inputs, torch.ones(1, 4))
print(random.getstate() == before, torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)
"""


@pytest.mark.campaign
def test_without_the_checks_of_types_that_only_tests_make():
    flags = "import torch; print(torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32)"
    told, plain = (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for code in (AS_A_USER, flags)
    )
    assert told[0].startswith("module: found 7; allowed: torch.nn.RNN, LSTM, GRU, or ")
    assert told[1].startswith("inputs: found tensor(")
    assert told[1].endswith("a NumPy array of real numbers [steps, ...]; for tensors: a torch.nn.Module")
    assert told[2:] == [
        "inputs: found [1.0]; allowed: a tensor or a packed sequence",
        "lags: found 0.5; allowed: 0 to 6, the longest sequence",
        f"True {plain[0]}",
    ]


def test_a_device_without_numbers_is_refused():
    with pytest.raises((DeviceError, ModuleError)) as caught:
        carousel.diagnose(made("gru").to("meta"), noise(5, B, D).to("meta"))
    assert str(caught.value).startswith("device: found meta")


def test_a_module_that_cannot_be_copied_is_refused():
    module = made("gru")
    module.lock = threading.Lock()
    with pytest.raises(ModuleError, match=r"^module: cannot be copied: "):
        carousel.diagnose(module, noise(5, B, D))


@pytest.mark.parametrize("name", ["tanh", "lstm", "gru"])
def test_gates_are_those_of_torch_s_own_equations(name):
    module, xs = made(name), noise(1, 50, D)
    gates = carousel.diagnose(module, xs, exponents=0, higher=()).gates
    medians = gates[gates["quantile"] == 0.5].set_index("quantity")["value"]
    W, b, b_hh = module.weight_ih_l0, module.bias_ih_l0, module.bias_hh_l0
    net = (xs[0] @ W.T + b + b_hh).detach().sigmoid().chunk(len(W) // H, 1)  # the state is zero
    wanted = {"tanh": {}, "lstm": {"i": 0, "f": 1, "o": 3}, "gru": {"r": 0, "u": 1}}[name]
    assert {q for q in medians.index if q.startswith("gate_")} == {f"gate_{gate}" for gate in wanted}
    for gate, k in wanted.items():
        assert medians[f"gate_{gate}"] == pytest.approx(float(net[k].quantile(0.5)), rel=1e-12)


@pytest.mark.parametrize("name", ["tanh", "gru"])
def test_the_figure_shows_the_tables(name):
    options = {"num_layers": 2, "bidirectional": True}
    report = carousel.diagnose(made(name, **options), noise(12, B, D), higher=())
    figure = report.figure()
    assert len(figure.axes) == (3 if name == "gru" else 2)
    for ax, table, x, y in (
        (figure.axes[0], report.decay[report.decay["quantity"] == "jacobian_fro"], "lag", "log10_norm"),
        (figure.axes[1], report.exponents, "index", "value"),
    ):
        drawn = [line.get_xydata() for line in ax.get_lines() if line.get_linestyle() != "None"]
        shown = [
            rows[[x, y]].to_numpy(float) for _, rows in table.groupby(["layer", "direction"], sort=False)
        ]
        assert len(shown) == 4
        assert all(any(np.array_equal(line, rows) for line in drawn) for rows in shown)
        assert {text.get_text() for text in ax.texts} >= {"layer 1, forward", "layer 2, backward"}
    bars = np.concatenate([bar.lines[2][0].get_segments() for bar in figure.axes[1].containers])
    two, own = 2 * report.exponents["error"].to_numpy(float), report.exponents["value"].to_numpy(float)
    np.testing.assert_allclose(np.sort(bars[..., 1].ravel()), np.sort([*(own - two), *(own + two)]))
    assert figure.axes[1].get_xlabel().endswith("bars: two standard errors") and two.any()


@pytest.mark.parametrize(("alpha", "length"), [(0.0, 20), (0.5, 1), (0.5, 2)])
def test_a_figure_and_a_sentence_of_little(alpha, length):
    report = carousel.diagnose(Leaky(alpha), noise(length, 1, D).float(), torch.zeros(1, H))
    assert len(report.figure().axes) == 2
    assert len(report.exponents) == (H if length > 1 else 0)
    if alpha:
        assert report.sentence.endswith(f"was followed for too few steps ({length}) to tell its rate.")


def test_a_large_state_is_estimated_with_an_error_that_holds():
    module, xs = nn.RNN(D, 300).double(), noise(5, 1, D)
    report = carousel.diagnose(module, xs, lags=[1, 3], exponents=4)
    assert len(report.exponents) == 4
    hs = [torch.zeros(300, dtype=torch.float64), *module(xs)[0][:, 0].detach()]
    slopes = [torch.diag(1 - h**2) @ module.weight_hh_l0.detach() for h in hs[1:]]
    for lag, J in ((1, slopes[4]), (3, slopes[4] @ slopes[3] @ slopes[2])):
        here = (report.decay["quantity"] == "jacobian_fro") & (report.decay["lag"] == lag)
        (found,) = report.decay[here].itertuples()
        assert 0 < found.error < 0.1
        assert abs(found.log10_norm - float(torch.linalg.matrix_norm(J).log10())) < 4 * found.error
