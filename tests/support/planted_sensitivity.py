"""What the claims on the recurrent weights look at: networks and chains, split into weights and slopes, by gain."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from support.planting import Rows, Truth, curve, model

GAINS = (0.25, 0.5, 1.0, 2.0, 4.0)
SLOPES = {
    "rnn_sigmoid": -0.7,
    "rnn_tanh": -0.4,
    "rnn_relu": -0.15,
}  # what a step's slopes cost a network, decades
CHAIN_SLOPES = {"rnn_sigmoid": -1.2, "rnn_tanh": -0.5, "rnn_relu": 0.0}
POSITIVE = tuple(float(w) for w in np.geomspace(0.1, 10, 25) if abs(w - 1) > 0.01)
MOVED = {"loss_state": 0.2, "cec": 0.05}  # decades a step of an LSTM's rate, for each tenfold of its weights
LSTM = {"0": -0.3, "1": -0.14}  # at gain 1


def _jitter(repetition: int) -> float:
    return 1 + 0.02 * float(np.random.default_rng(repetition).standard_normal())


def _swept(truth: Truth, cell: str, repetition: int, **changes: object) -> Iterator[tuple[dict, float]]:
    """Yield a network at every gain, with the log10 of it."""
    length = changes.pop("length", 100)
    for gain in truth.extra.get("gains", GAINS):
        name = "grid" if gain == 1 else "gain"
        which = model(
            cell, length, repetition, slice=name, init="orthogonal", gain=gain, hidden=16, **changes
        )
        yield which, float(np.log10(gain))


def _networks(truth: Truth) -> Iterator[Rows]:
    pull = truth.extra.get(
        "pull", 1.0
    )  # decades by which a tenfold of the weights moves the weights' part, by length
    pulls = pull if isinstance(pull, dict) else {100: pull}
    for repetition, (length, pull) in product(range(truth.repetitions), pulls.items()):
        for cell, slopes in truth.extra.get("network_slopes", SLOPES).items():
            cost = slopes * _jitter(repetition)
            for which, size in _swept(truth, cell, repetition, length=length):
                yield curve(which, "slopes", "full", cost)
                for quantity in ("loss_h", "loss_state"):
                    yield curve(which, quantity, "full", cost + pull * size)


def _libraries(truth: Truth) -> Iterator[Rows]:
    """Yield what PyTorch starts with: the tanh and the ReLU RNN at gain 1, whose weights' part is one."""
    for repetition in range(truth.repetitions):
        for cell in ("rnn_tanh", "rnn_relu"):
            which = model(cell, 100, repetition, slice="libraries", drive="unit", hidden=16)
            cost = truth.extra.get("network_slopes", SLOPES)[cell] * _jitter(repetition)
            yield curve(which, "loss_state", "full", cost)


def _chains(truth: Truth) -> Iterator[Rows]:
    """Yield chains of every activation; those of ReLU die at weights below zero, and where their start is dead."""
    extra = truth.extra
    weights = [sign * w for w in extra.get("positive", POSITIVE) for sign in (1, -1)]
    for repetition in range(2):
        for cell, slopes in extra.get("chain_slopes", CHAIN_SLOPES).items():
            for w in weights:
                which = model(
                    cell, 1000, repetition, slice="chain", init="identity", hidden=1, gain=w, drive="0"
                )
                relu = cell == "rnn_relu"
                dead = relu and (extra.get("dies", w < 0) or repetition == extra.get("dead_start"))
                cost = -np.inf if dead else slopes
                yield curve(which, "slopes", "full", cost)
                for quantity in ("loss_h", "loss_state"):
                    yield curve(which, quantity, "full", cost + np.log10(abs(w)))


def _lstms(truth: Truth) -> Iterator[Rows]:
    for repetition in range(truth.repetitions):
        for bias, rate in truth.extra.get("lstm", LSTM).items():
            for quantity, moved in truth.extra.get("moved", MOVED).items():
                moved = moved[bias] if isinstance(moved, dict) else moved
                path = "cell" if quantity == "cec" else "full"
                for which, size in _swept(truth, "lstm", repetition, forget_bias=bias):
                    yield curve(which, quantity, path, rate * _jitter(repetition) + moved * size)


DECAY: tuple[Callable[[Truth], Iterator[Rows]], ...] = (_networks, _libraries, _chains, _lstms)
NEEDS: dict[str, tuple[Callable[[Truth], Iterator[Rows]], ...]] = {
    "A1b": (_networks, _chains), "A1h": (_networks, _chains), "A1i": (_networks,), "A1j": (_networks, _lstms),
    "A2f": (_networks, _libraries),
}  # fmt: skip
