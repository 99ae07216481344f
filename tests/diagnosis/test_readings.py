"""Modules in the shapes in which people write them, against autograd of their own unrolled steps; or refused."""

from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from support.unrolled_steps import log_norms
from torch import nn

import carousel
from carousel.diagnosis import ModuleError
from carousel.diagnosis.structure import leaves, rebuilt

T, B, D, H = 24, 2, 3, 4
LAGS = (1, 5, 24)
Pair = namedtuple("Pair", ["hidden", "carry"])


@dataclass
class Memory:
    """A state as a data class."""

    hidden: torch.Tensor
    carry: torch.Tensor


def noise(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def made(kind, *args, **options):
    torch.manual_seed(5)
    return kind(*args, **options).double()


def measured(module, xs, state=None, **options):
    rows = carousel.diagnose(module, xs, state, lags=LAGS, exponents=0, higher=(), **options).decay
    rows = rows[(rows["quantity"] == "jacobian_fro") & rows["lag"].isin(LAGS)]
    return dict(zip(rows["lag"], rows["log10_norm"], strict=True))


def expect(found, step, xs, state):
    assert found == pytest.approx(log_norms(step, xs, state, LAGS), rel=0, abs=1e-9)


class Step(nn.Module):
    """An LSTM cell whose state goes in and out in another structure."""

    def __init__(self, inward, outward, hidden_size=H):
        super().__init__()
        self.cell, self.inward, self.outward, self.hidden_size = (
            nn.LSTMCell(D, H),
            inward,
            outward,
            hidden_size,
        )

    def forward(self, x, state):
        return self.outward(*self.cell(x, self.inward(state)))


STRUCTURES = {  # how the state is read, how the step returns it, what is given; None: nothing
    "pair alone": (tuple, lambda h, c: (h, c), None),
    "out and pair": (tuple, lambda h, c: (h.sum(1), (h, c)), None),
    "list": (tuple, lambda h, c: (h, [h, c]), None),
    "list alone": (lambda s: (s.pop(0), s.pop(0)), lambda h, c: [h, c], list),
    "named": (lambda s: (s.hidden, s.carry), lambda h, c: (h, Pair(h, c)), lambda p: Pair(*p)),
    "named alone": (lambda s: (s.hidden, s.carry), lambda h, c: Pair(h, c), lambda p: Pair(*p)),
    "dictionary": (
        lambda s: (s["h"], s["c"]),
        lambda h, c: (h, {"h": h, "c": c}),
        lambda p: {"c": p[1], "h": p[0]},
    ),
    "data class": (lambda s: (s.hidden, s.carry), lambda h, c: (h, Memory(h, c)), lambda p: Memory(*p)),
    "nested": (lambda s: (s[0], s[1]["c"]), lambda h, c: (h, (h, {"c": c})), lambda p: (p[0], {"c": p[1]})),
    "joined": (lambda s: s.chunk(2, 1), lambda h, c: (h, torch.cat([h, c], 1)), lambda p: torch.cat(p, 1)),
    "with nothing": (lambda s: (s[0], s[2]), lambda h, c: (h, (h, None, c)), lambda p: (p[0], None, p[1])),
}


@pytest.mark.parametrize("batch", [1, 2, 3])
@pytest.mark.parametrize("name", STRUCTURES)
def test_a_state_of_any_structure(name, batch):
    inward, outward, given = STRUCTURES[name]
    module, xs = made(Step, inward, outward), noise(T, batch, D)
    start = (noise(batch, H, seed=2), noise(batch, H, seed=3)) if given else (xs.new_zeros(batch, H),) * 2
    found = measured(module, xs, given([*start]) if given else None)
    expect(found, module.cell, xs, start)


def test_a_dictionary_is_a_state_in_any_order_of_its_keys():
    one = {"b": torch.ones(1), "a": torch.zeros(2)}
    other = {"a": torch.zeros(2), "b": torch.ones(1)}
    assert [each.shape for each in leaves(one)] == [each.shape for each in leaves(other)] == [(2,), (1,)]
    again = rebuilt(one, iter(leaves(other)))
    assert list(again) == ["b", "a"] and again["a"].shape == (2,)


class Optional(nn.Module):
    """A step that starts by itself: from zeros, or from a state that it has learned."""

    def __init__(self, learned):
        super().__init__()
        self.cell, self.start = nn.GRUCell(D, H), nn.Parameter(torch.ones(H) * learned)

    def forward(self, x, state=None):
        state = self.cell(x, self.start.expand(len(x), H) if state is None else state)
        return state, state


def test_a_step_says_its_state_by_what_it_returns_without_one():
    module, xs = made(Optional, 0.0), noise(T, B, D)
    expect(
        measured(module, xs),
        lambda x, s: (module.cell(x, *s),),
        xs,
        (torch.zeros_like(xs[0, :, :1].expand(B, H)),),
    )


def test_a_learned_first_state_is_not_taken_for_zeros():
    with pytest.raises(ModuleError, match=r"^state: not given, and the module does not start from zeros"):
        carousel.diagnose(made(Optional, 0.5), noise(T, B, D))


class Layer(nn.Module):
    """Sequences in, outputs and the last state out, as layers are written."""

    def __init__(self, batch_first, layers=1):
        super().__init__()
        self.net = nn.GRU(D, H, layers, batch_first=batch_first)

    def forward(self, xs, state=None):
        out, state = self.net(xs, state)
        return out.relu(), state


@pytest.mark.parametrize("batch", [1, 2, T])
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_a_layer_is_read_step_by_step(batch_first, layers, batch):
    if batch == T and layers == 2:
        batch = 3
    module, xs = made(Layer, batch_first, layers), noise(T, batch, D)
    module.net.batch_first = False

    def step(x, state):
        return (module.net(x[None], state[0].transpose(0, 1).contiguous())[1].transpose(0, 1),)

    start = noise(batch, layers, H, seed=4)
    wanted = log_norms(step, xs, (start,), LAGS)
    module.net.batch_first = batch_first
    given = xs.transpose(0, 1) if batch_first else xs
    found = measured(module, given, start.transpose(0, 1).contiguous())
    assert found == pytest.approx(wanted, rel=0, abs=1e-9)


class Whole(nn.Module):
    """What cannot be run step by step: two directions, or a memory that the state leaves out."""

    def __init__(self, change):
        super().__init__()
        self.net, self.change = nn.RNN(D, H), change

    def forward(self, xs, state=None):
        return self.net(self.change(xs), state)


@pytest.mark.parametrize(
    "change",
    [
        lambda xs: xs.flip(0),
        lambda xs: xs - xs.mean(0),
        lambda xs: xs + torch.cat([torch.zeros_like(xs[:3]), xs[:-3]]) if len(xs) > 3 else xs,
    ],
    ids=["backwards", "normalised over time", "delayed"],
)
def test_a_layer_that_needs_all_steps_at_once_is_refused(change):
    with pytest.raises(ModuleError, match="another state of all steps at once than step by step"):
        carousel.diagnose(made(Whole, change), noise(T, B, D))


class Mixing(nn.Module):
    """A step whose batch is mixed in some way."""

    def __init__(self, mix):
        super().__init__()
        self.hidden_size, self.cell, self.mix = H, nn.RNNCell(D, H), mix

    def forward(self, x, h):
        h = self.mix(self.cell(x, h))
        return h, h


MIXES = {
    "norm": lambda h: h / h.norm(),
    "standardised": lambda h: (h - h.mean()) / (h.std() + 1e-3),
    "batch attention": lambda h: (h @ h.T).softmax(1) @ h,
    "largest": lambda h: h / h.abs().max(),
    "viewed as one": lambda h: h.view(1, -1)[:, :H] * h,
}


@pytest.mark.parametrize("name", MIXES)
def test_a_step_that_mixes_its_batch_is_right_for_one_sequence_and_refused_for_more(name):
    module, xs = made(Mixing, MIXES[name]), noise(T, 1, D)
    start = noise(1, H, seed=6)
    expect(measured(module, xs, start), lambda x, s: (module(x, *s)[1],), xs, (start,))
    with pytest.raises(ModuleError, match="mixes the sequences of a batch"):
        carousel.diagnose(module, noise(T, 3, D), noise(3, H, seed=6))


@pytest.mark.parametrize(
    "mix", [lambda h: h + 0.1 * h.roll(1, 0), lambda h: h.cumsum(0)], ids=["neighbour", "those before"]
)
def test_a_step_that_mixes_some_of_its_batch_is_refused(mix):
    with pytest.raises(ModuleError, match="mixes the sequences of a batch"):
        carousel.diagnose(made(Mixing, mix), noise(T, 4, D))


class OneWord(nn.Module):
    """A step that reads one sequence at a time and no more."""

    def __init__(self):
        super().__init__()
        self.embedding, self.rnn = nn.Embedding(9, D), nn.RNN(D, H)

    def forward(self, word, state):
        return self.rnn(self.embedding(word).reshape(1, 1, -1), state)


def test_a_step_that_takes_one_sequence_runs_one_at_a_time():
    module = made(OneWord)
    words = torch.randint(9, (T, 1), generator=torch.Generator().manual_seed(7))
    start = noise(1, 1, H, seed=8)
    expect(measured(module, words, start), lambda x, s: (module(x, *s)[1],), words, (start,))


class Counting(nn.Module):
    """A step that depends on what was called before."""

    def __init__(self, way):
        super().__init__()
        self.hidden_size, self.cell, self.way, self.calls = H, nn.GRUCell(D, H), way, 0
        self.register_buffer("seen", torch.zeros(H))
        self.last = None

    def forward(self, x, h):
        self.calls += 1
        match self.way:
            case "every third":
                h = self.cell(x, h) if self.calls % 3 == 1 else h
            case "every fiftieth":
                h = self.cell(x, h) * (0.5 if self.calls % 50 == 1 else 1.0)
            case "fades":
                h = self.cell(x, h) * (1 + 1 / self.calls)
            case "running mean":
                self.seen = 0.9 * self.seen + 0.1 * h.detach().mean(0)
                h = self.cell(x, h - self.seen)
            case "own state":
                self.last = self.cell(x, h if self.last is None or len(self.last) != len(x) else self.last)
                h = 0.5 * h + self.last.detach()
        return h, h


@pytest.mark.parametrize("way", ["every third", "every fiftieth", "fades", "running mean", "own state"])
@pytest.mark.parametrize("batch", [1, 3])
def test_a_step_that_depends_on_earlier_calls_is_refused(way, batch):
    with pytest.raises(ModuleError, match="earlier calls|another state each time"):
        carousel.diagnose(made(Counting, way), noise(T, batch, D))


class Late(nn.Module):
    """A step that changes after so many calls that only the measurement makes."""

    hidden_size = H

    def __init__(self):
        super().__init__()
        self.calls = 0

    def forward(self, x, h):
        self.calls += 1
        return x, (0.9 if self.calls < 60 else 0.8) * h + x.mean(1, keepdim=True)


def test_a_step_that_changes_while_it_is_measured_is_refused():
    with pytest.raises(ModuleError, match="earlier calls|another state each time"):
        carousel.diagnose(Late(), noise(10, 1, D), exponents=0)


class Harmless(nn.Module):
    """A step that counts, keeps and writes what its answer does not depend on, and writes into its arguments."""

    def __init__(self):
        super().__init__()
        self.hidden_size, self.cell, self.calls, self.kept = H, nn.GRUCell(D, H), 0, []

    def forward(self, x, h):
        self.calls += 1
        self.kept.append(h)
        h.mul_(0.9)
        x += 1.0
        h = self.cell(x, h)
        return h, h


def test_what_a_step_keeps_and_writes_does_not_matter_where_its_answer_does_not():
    module, xs = made(Harmless), noise(T, B, D)
    expect(measured(module, xs), lambda x, s: (module.cell(x + 1, 0.9 * s[0]),), xs, (xs.new_zeros(B, H),))
    assert module.calls == 0 and module.kept == []


def test_a_step_through_which_no_gradient_passes_has_a_gradient_of_exactly_zero():
    class Detached(nn.Module):
        hidden_size = H

        def forward(self, x, h):
            return x, h.detach() * 0.5

    rows = carousel.diagnose(Detached(), noise(5, 1, D), exponents=0, higher=()).decay
    rows = rows[(rows["quantity"] == "jacobian_fro") & (rows["lag"] > 0)]
    assert np.isneginf(rows["log10_norm"]).all() and (rows["n_zero"] == 1).all()
