"""What the claims on routes look at: the gradient by path in LSTMs, and cells without a carousel."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
from support.planting import Rows, Truth, curve, model

ROUTES = ("full", "candidate", "gates", "cell")
PARTS = ("cell", "truncated", "candidate")  # what the planted networks do not have yet
INITS = ("torch", "orthogonal", "gaussian")
WITH_FORGET_GATE = ("lstm", "lstm_peephole")
OTHERS = {"rnn_orthogonal": 0.0, "minimal_rnn": -0.01, "lru": -0.02, "indrnn": -0.3}
GAINS = (0.5, 0.8, 1.0, 1.2, 1.5, 2.0)


def _beside(truth: Truth) -> Iterator[Rows]:
    """Yield the paths beside the total, of the models that the planted networks have."""
    yield from _paths(truth, PARTS, ("torch", "orthogonal"), WITH_FORGET_GATE)


def _cell(truth: Truth) -> Iterator[Rows]:
    """Yield the total and the carousel's part of one cell of each kind, in three inits."""
    yield from _paths(truth, truth.extra.get("paths", ("full", "cell")))


def _routes(truth: Truth) -> Iterator[Rows]:
    """Yield every route in the LSTM of 1997 and the LSTM, in three inits."""
    yield from _paths(truth, ROUTES)


def _family(truth: Truth) -> Iterator[Rows]:
    """Yield every route with peepholes too, and the carousel's derivative: enough settings for a search."""
    yield from _paths(truth, ROUTES, cells=WITH_FORGET_GATE)


def _gated(truth: Truth) -> Iterator[Rows]:
    """Yield what passed a gate in every LSTM."""
    yield from _inside(truth, ("loss_state", "gates"))


def _at_h(truth: Truth) -> Iterator[Rows]:
    """Yield the gradient by h in every LSTM, and its part with the gates frozen."""
    yield from _inside(truth, ("loss_h", "candidate"), ("loss_h", "full"))


def _inside(truth: Truth, *routes: tuple[str, str]) -> Iterator[Rows]:
    """Yield the gradients (quantity, path) in every LSTM, all of one rate."""
    rates = truth.extra.get("inside", -0.05)
    for which in _models(truth, WITH_FORGET_GATE):
        rate = rates.get(which["cell"], -0.05) if isinstance(rates, dict) else rates
        for quantity, path in routes:
            yield curve(which, quantity, path, rate)


def _models(truth: Truth, cells: tuple[str, ...]) -> Iterator[dict]:
    for repetition, init in product(range(truth.repetitions), INITS):
        yield model("lstm97", truth.length, repetition, init=init)
        for cell, bias in product(cells, truth.forget):
            yield model(cell, truth.length, repetition, init=init, forget_bias=bias)


def _paths(
    truth: Truth, paths: tuple[str, ...], inits: tuple[str, ...] = INITS, cells: tuple[str, ...] = ("lstm",)
) -> Iterator[Rows]:
    for repetition in range(truth.repetitions):
        jitter = 1 + 0.02 * np.random.default_rng(repetition).standard_normal()
        for init in inits:
            which = model("lstm97", truth.length, repetition, init=init)
            along = truth.extra.get("along97", truth.loop97) * jitter
            yield from _model(truth, which, paths, truth.loop97 * jitter, along)
            for bias, rate in (truth.total or truth.forget).items():
                along = truth.extra.get("along", truth.forget)[bias] * jitter
                for cell in cells:
                    which = model(cell, truth.length, repetition, init=init, forget_bias=bias)
                    yield from _model(truth, which, paths, rate * jitter, along)
                    if "gates" in paths:
                        yield curve(which, "cec", "cell", along)


def _model(truth: Truth, which: dict, paths: tuple[str, ...], total: float, along: float) -> Iterator[Rows]:
    """Yield one model's paths: ``over`` decades, by init, lie between the total and the carousel's part."""
    over = truth.extra.get("over", {}).get(which["init"], 0.0) * np.log(10)
    beside = {"cosine": truth.extra.get("cosine", 0.2)}
    frozen = over + truth.extra.get("frozen", {}).get(which["init"], 0.0) * np.log(10)
    gates = (truth.gates or {}).get(which["forget_bias"], total)
    for path in paths:
        rate, shift = {"full": (total, over), "gates": (gates, over), "candidate": (total, frozen)}.get(
            path, (along, 0.0)
        )
        cosine = {"cosine": 1.0} if path in ("full", "gates") else beside
        yield curve(which | cosine, "loss_state", path, rate, shift)


def _without(truth: Truth) -> Iterator[Rows]:
    """Yield the total of cells without a carousel."""
    for repetition in range(truth.repetitions):
        for cell, rate in truth.extra.get("others", OTHERS).items():
            for gain in GAINS:
                which = model(cell, truth.length, repetition, slice="without", init="orthogonal", gain=gain)
                yield curve(which, "loss_state", "full", rate)


DECAY: tuple[Callable[[Truth], Iterator[Rows]], ...] = (
    _beside,
    _at_h,
    _without,
)  # planted networks have the gated part
NEEDS: dict[str, tuple[Callable[[Truth], Iterator[Rows]], ...]] = {
    "A1f": (_family,), "A1g": (_family,), "A4e": (_gated, _at_h, _without), "Q2": (_routes,),
    "M1": (_routes,), "M2": (_routes,), "M3": (_family,), "paths": (_cell,),
}  # fmt: skip
