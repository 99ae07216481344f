"""What the claims along the cell look at: what is left at a lag, thresholds along the forget bias, learned gates."""

from collections.abc import Callable, Iterator

import numpy as np
from support.planting import Rows, Truth, curve, model

INITS = ("torch", "orthogonal")
HELD = -0.05  # decades per step along the cell after training with a budget that lets a bias move by ten
STEPS = 300


def jitter(repetition: int) -> float:
    """Return the factor on a repetition's rates."""
    return float(1 + 0.02 * np.random.default_rng(repetition).standard_normal())


def held(truth: Truth) -> Iterator[Rows]:
    """Yield the derivative along the cell before and after training, in the mean and in the slowest units."""
    after = truth.extra.get("held", {"0": HELD, "1": HELD, "3": HELD})
    for repetition in range(truth.repetitions):
        for bias, rate in after.items():
            for step, slope in ((0, -0.14), (STEPS, rate)):
                which = model("lstm", 60, repetition, slice="held", init="orthogonal", forget_bias=bias,
                              trained="adding", step=step, gradient="full", dtype="float32")  # fmt: skip
                yield curve(which, "cec", "cell", slope)
                yield curve(which, "loss_state", "cell", truth.extra.get("slowest", slope) if step else slope)


def gates(truth: Truth) -> Iterator[Rows]:
    """Yield the derivative along the cell at the start, trained within a small budget, and `held`."""
    for repetition in range(truth.repetitions):
        for bias, rate in truth.forget.items():
            yield curve(model("lstm", truth.length, repetition, forget_bias=bias), "cec", "cell", rate)
            which = model("lstm", 40, repetition, slice="adding", forget_bias=bias, trained="adding", step=STEPS,
                          gradient="full", dtype="float32")  # fmt: skip
            yield curve(which, "cec", "cell", truth.learned)
            yield curve(which, "loss_state", "cell", truth.learned)
    yield from held(truth)


def distance(truth: Truth) -> Iterator[Rows]:
    """Yield the state's gradient, truncated and total, of the 1997 cell and of LSTMs: the first lag is the entry's."""
    for repetition in range(truth.repetitions):
        for init in INITS:
            total, along = truth.loop97, truth.extra.get("along97", truth.loop97)
            yield from _both(truth, model("lstm97", truth.length, repetition, init=init), total, along)
            for bias, rate in (truth.total or truth.forget).items():
                which = model("lstm", truth.length, repetition, init=init, forget_bias=bias)
                yield from _both(truth, which, rate, truth.extra.get("along", truth.forget)[bias])


def _both(truth: Truth, which: dict, total: float, along: float) -> Iterator[Rows]:
    """Yield both paths of one model; ``shift`` moves the rates of one init apart."""
    more = truth.extra.get("shift", {}).get(which["init"], 1.0) * jitter(which["repetition"])
    for path, rate in (("full", total), ("truncated", along)):
        lags, *line = curve(which, "loss_state", path, rate * more)[3:]
        entry = np.where(lags > 0, truth.extra.get("enters", -1.0), 0.0)
        yield which, "loss_state", path, lags, line[0] + entry


def lines(truth: Truth) -> Iterator[Rows]:
    """Yield the derivative along the cell over a ladder of forget biases, as the law has it: shifted by init."""
    for repetition in range(truth.repetitions):
        for init, off in truth.extra.get("lines", dict.fromkeys(INITS, 0.0)).items():
            yield curve(model("lstm97", truth.length, repetition, init=init), "cec", "cell", 0.0)
            for bias in range(8):
                rate = -np.logaddexp(0.0, off - bias) / np.log(10) * jitter(repetition)
                which = model("lstm", truth.length, repetition, init=init, forget_bias=str(bias))
                yield curve(which, "cec", "cell", rate)
                yield curve(which, "factor_product", "formula", rate)


def defaults(truth: Truth) -> Iterator[Rows]:
    """Yield the lines, and beside them what libraries draw by default: the slice that is the headline.

    The part along the cell falls less than the product: a norm is ruled by the slowest units.
    """
    yield from lines(truth)
    for repetition in range(truth.repetitions):
        for init, bias in (("torch", "0"), ("keras", "1"), ("flax", "0")):
            which = model("lstm", truth.length, repetition, slice="libraries", init=init, forget_bias=bias)
            for quantity, path in (("cec", "cell"), ("factor_product", "formula")):
                yield curve(which, quantity, path, -0.25 * jitter(repetition))
            for path, rate in (("full", -0.05), ("cell", -0.15)):
                yield curve(which, "loss_state", path, rate * jitter(repetition))


DECAY: tuple[Callable[[Truth], Iterator[Rows]], ...] = (held,)
NEEDS: dict[str, tuple[Callable[[Truth], Iterator[Rows]], ...]] = {
    "A2c": (gates,), "A4f": (distance,), "lines": (lines,), "defaults": (defaults,),
}  # fmt: skip
