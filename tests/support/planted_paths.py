"""What the claims on routes look at: the gradient by path in LSTMs, and cells without a carousel."""

from collections.abc import Callable, Iterator

import numpy as np
from support.planting import Rows, Truth, curve, model

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


def _family(truth: Truth) -> Iterator[Rows]:
    """Yield the same with peepholes too: enough settings for a search."""
    yield from _paths(truth, ("full", "cell"), cells=WITH_FORGET_GATE)


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


def _model(truth: Truth, which: dict, paths: tuple[str, ...], total: float, along: float) -> Iterator[Rows]:
    """Yield one model's paths: ``over`` decades, by init, lie between the total and the carousel's part."""
    over = truth.extra.get("over", {}).get(which["init"], 0.0) * np.log(10)
    beside = {"cosine": truth.extra.get("cosine", 0.2)}
    for path in paths:
        if path in ("full", "gates"):
            yield curve(which | {"cosine": 1.0}, "loss_state", path, total, over)
        else:
            yield curve(which | beside, "loss_state", path, along if path != "candidate" else total)


def _without(truth: Truth) -> Iterator[Rows]:
    """Yield the total of cells without a carousel."""
    for repetition in range(truth.repetitions):
        for cell, rate in truth.extra.get("others", OTHERS).items():
            for gain in GAINS:
                which = model(cell, truth.length, repetition, slice="without", init="orthogonal", gain=gain)
                yield curve(which, "loss_state", "full", rate)


DECAY: tuple[Callable[[Truth], Iterator[Rows]], ...] = (_beside, _without)
NEEDS: dict[str, tuple[Callable[[Truth], Iterator[Rows]], ...]] = {
    "A1f": (_cell,), "A1g": (_family,), "A4e": (_without,),
}  # fmt: skip
