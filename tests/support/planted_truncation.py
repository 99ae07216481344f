"""What the claims on truncation, on the 1997 cell, on the factor per step and on the place of the loss look at."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from support.planting import Rows, Truth, curve, model

from carousel.claims.evidence import LN10

LSTMS = (("lstm97", "none"), ("lstm", "0"), ("lstm", "1"), ("lstm_peephole", "0"))
TRAINED = LSTMS[:3]
CHAINS = ("rnn_sigmoid", "rnn_tanh", "rnn_relu", "rnn_linear")
COSINES = {"none": 0.98, "0": 0.3, "1": 0.97}  # of truncated and full gradient of the state, by forget bias
DRIFT = {25: 0.05, 100: 0.0}  # of the rate from that at the end, decades per step, by the step of the loss
FLOWS = {"none": 0.0, "0": -0.2, "1": -0.05}  # rate of the flow along the gates, by forget bias
STEPS, BUDGET = 25, 300


def rate(truth: Truth, bias: str) -> float:
    """Return the rate along the cell."""
    return truth.loop97 if bias == "none" else truth.forget.get(bias, 0.0)


def truncation(truth: Truth) -> Iterator[Rows]:
    """The truncated gradient of one unit and of eight, in h and in c, and the carousel beside it."""
    leak, error = truth.extra.get("leak", -np.inf), truth.extra.get("cut_error", 0.0)
    for repetition in range(truth.repetitions):
        for cell, bias in LSTMS:
            for hidden in (1, 8):
                which = model(cell, 100, repetition, slice="unit", hidden=hidden, forget_bias=bias)
                along = curve(which, "cec", "cell", rate(truth, bias))
                lags = along[3]
                yield along
                yield which, "loss_h", "truncated", lags, np.where(lags > 0, leak, 0.0)
                for quantity in ("loss_c", "loss_state"):
                    yield which, quantity, "truncated", lags, (rate(truth, bias) + error) * lags


def cost(truth: Truth) -> Iterator[Rows]:
    """The truncated gradient of the state beside the full one, a cosine and a ratio of norms."""
    cosines, ratio = truth.extra.get("cosines", COSINES), truth.extra.get("ratio", 0.05)
    for repetition in range(truth.repetitions):
        off = 0.005 * np.random.default_rng(repetition).standard_normal()
        for cell, bias in TRAINED:
            which = model(cell, truth.length, repetition, slice="cut", forget_bias=bias)
            yield curve(which, "loss_state", "full", rate(truth, bias))
            cut = which | {"cosine": cosines[bias] + off}
            yield curve(cut, "loss_state", "truncated", rate(truth, bias), (ratio + off) * LN10)


def flow(truth: Truth) -> Iterator[Rows]:
    """The flow along the gates, which planted networks have too."""
    flows = truth.extra.get("flows", FLOWS)
    for repetition in range(truth.repetitions):
        off = 0.005 * np.random.default_rng(repetition).standard_normal()
        for cell, bias in TRAINED:
            which = model(cell, truth.length, repetition, forget_bias=bias)
            yield curve(which, "loss_state", "gates", flows[bias] + off / 100)


def same(truth: Truth) -> Iterator[Rows]:
    """The 1997 cell, an LSTM at several forget biases, and one with peepholes, of the same draws."""
    off, peep = truth.extra.get("same_error", 0.0), truth.extra.get("peep_error", 0.5)
    for repetition in range(truth.repetitions):
        for cell, bias, error in (
            ("lstm97", "none", 0.0), ("lstm", "100", off), ("lstm", "0", 0.0), ("lstm", "1", 0.0),
            ("lstm_peephole", "100", peep),
        ):  # fmt: skip
            which = model(cell, 100, repetition, slice="same", forget_bias=bias, drive="unit")
            along = rate(truth, bias) if bias in truth.forget else truth.loop97
            yield curve(which, "loss_state", "full", along, error)


def when(truth: Truth) -> Iterator[Rows]:
    """The same weights read at three steps of the sequence."""
    drift, scatter = truth.extra.get("drift", DRIFT), truth.extra.get("scatter", 0.001)
    for repetition in range(truth.repetitions):
        for length in (25, 100, 400):
            rng = np.random.default_rng([repetition, length, truth.extra.get("study", 0)])
            noise = scatter * rng.standard_normal()
            for cell, bias in (("lstm", "0"), ("lstm", "1"), ("gru", "1")):
                which = model(cell, length, repetition, slice="when", forget_bias=bias)
                yield curve(which, "loss_state", "full", rate(truth, bias) + drift.get(length, 0.0) + noise)


def factors(truth: Truth) -> Iterator[Rows]:
    """Scalar chains and LSTMs: the derivative, and the factors of the formula, off by a relative error a step."""
    errors = truth.extra.get("factor_error", {})
    for cell in CHAINS:
        for w in (-2.0, -0.5, 0.5, 0.9, 2.0, 4.0):
            which = model(cell, 1000, 0, slice="scalar", init="identity", hidden=1, gain=w)
            yield curve(which, "loss_h", "full", -0.3)
            yield curve(
                which, "factor_product", "formula", -0.3 - np.log10(abs(w)) + errors.get(cell, 0.0) / LN10
            )
    for repetition in range(truth.repetitions):
        for bias in ("0", "1"):
            which = model("lstm", truth.length, repetition, forget_bias=bias)
            yield curve(which, "cec", "cell", rate(truth, bias))
            yield curve(
                which, "factor_product", "formula", rate(truth, bias) + errors.get("lstm", 0.0) / LN10
            )
            yield curve(which, "loss_state", "full", rate(truth, bias) + 0.02)


def dynamics(truth: Truth) -> pd.DataFrame:
    """Return the cosine and the ratio of norms of all weights' gradients, before and after training."""
    cosine, ratio = truth.extra.get("weights_cosine", 0.97), truth.extra.get("weights_norm", 0.05)
    values = {"truncated_cosine": cosine, "truncated_norm": ratio}
    rows = []
    for backend in truth.backends:
        for repetition in range(truth.repetitions):
            off = 0.005 * np.random.default_rng(repetition).standard_normal()
            for cell, bias in TRAINED:
                for step in (0, BUDGET):
                    which = model(cell, 25, repetition, slice="truncated", forget_bias=bias, dtype="float32",
                                  trained="adding", step=step, gradient="full", backend=backend)  # fmt: skip
                    one = {"axis": "all", "index": 0, "quantile": np.nan, "error": np.nan, "n": 1}
                    rows += [
                        which | one | {"quantity": name, "value": value + off}
                        for name, value in values.items()
                    ]
    return pd.DataFrame(rows)


def accuracy(truth: Truth) -> pd.DataFrame:
    """Return runs with either gradient: the truncated one solves ``delay`` steps later and loses ``lost`` accuracy.

    Its loss is ``worse`` decades higher at every evaluation.
    """
    at, delay = truth.extra.get("solved_at", 150), truth.extra.get("delay", 0)
    lost, worse = truth.extra.get("lost", 0.0), truth.extra.get("worse", 0.0)
    rows = []
    for backend in truth.backends:
        for repetition in range(truth.repetitions):
            for cell, bias in TRAINED:
                for length in (10, 25):
                    for gradient, late, less, high in (
                        ("full", 0, 0.0, 0.0),
                        ("truncated", delay, lost, worse),
                    ):
                        which = model(cell, length, repetition, slice="truncated", dtype="float32", gradient=gradient,
                                      forget_bias=bias, backend=backend, task="adding")  # fmt: skip
                        shown = {"accuracy": 0.9 - less, "loss": 10 ** (high - 1)}
                        rows += [which | shown | {"step": step, "solved": step >= at + late}
                                 for step in range(0, BUDGET + 1, STEPS)]  # fmt: skip
    table = pd.DataFrame(rows).drop(columns=["bias", "trained"])
    return table.assign(learning_rate=0.01, gradient_norm=1.0, baseline_loss=1 / 6, baseline_accuracy=np.nan)


DECAY: tuple[Callable[[Truth], Iterator[Rows]], ...] = (truncation, cost, same, when)
NEEDS: dict[str, tuple[Callable[[Truth], Iterator[Rows]], ...]] = {
    "A2b": (factors,),
    "A2g": (when,),
    "A3a": (truncation,),
    "A3b": (cost, flow),
    "A4a": (same,),
}
