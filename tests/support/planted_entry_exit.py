"""What the claims on the carousel's doors look at: entry and exit factors of LSTMs, in the dynamics table."""

from collections.abc import Callable, Iterator
from itertools import product

import numpy as np
import pandas as pd
from support.planting import Rows, Truth, curve, model

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
LSTMS = (("lstm97", "none"), ("lstm", "0"), ("lstm", "1"), ("lstm_peephole", "1"))
GAINS = (0.5, 1.0, 2.0)
UNITS = np.array([-0.2, -0.05, 0.05, 0.2])  # how much wider than usual each unit's input gate is open
SPREAD = dict(zip(QUANTILES, (0.6, 0.9, 1.0, 1.1, 1.4), strict=True))
SLOPES = {"start": 0.5, "trained": 0.3}  # of the squashing, by stage of training or gain


def anything(truth: Truth) -> Iterator[Rows]:
    """One curve, for a decay table must have some."""
    yield curve(model("lstm", truth.length, 0, slice="doors"), "loss_h", "full", -0.1)


def models(truth: Truth) -> Iterator[tuple[dict, float]]:
    """Return each model's factors, and a relative error of its own repetition."""
    for repetition, (cell, bias) in product(range(truth.repetitions), LSTMS):
        off = 1 + 0.01 * np.random.default_rng(repetition).standard_normal()
        for gain in GAINS:
            yield model(cell, 100, repetition, slice="factors", gain=gain, forget_bias=bias), off
        trained = {
            "slice": "adding",
            "trained": "adding",
            "step": 300,
            "gradient": "full",
            "dtype": "float32",
        }
        yield model(cell, 40, repetition, forget_bias=bias, **trained), off


def factors(truth: Truth, which: dict, off: float) -> dict[str, float]:
    """Return the typical value of each quantity: ``slopes`` by stage or gain, ``affine`` the factor at gain 1."""
    slopes, extra = truth.extra.get("slopes", SLOPES), truth.extra
    slope = slopes.get(which["gain"], slopes["trained" if which["step"] else "start"]) * (1 + (off - 1) / 5)
    opening = extra.get("output", 0.6) * off
    gate, squash = extra.get("gate", 0.5), extra.get("squash", 0.9)
    affine = extra.get("affine", 1.0) * which["gain"] * off
    named = {"exit_gate": gate * off, "exit_squash": squash * off, "exit_affine": affine}
    inside = {"exit": float(np.prod(list(named.values())))}
    return named | inside | {"entry": slope * opening, "gate_o": opening}


def quantiles(truth: Truth, which: dict, off: float) -> Iterator[dict]:
    """Return the rows of one model: quantiles over all units, and each unit's median and mean."""
    turn = truth.extra.get("opening", 1.0)  # -1: the wider a gate is open, the less leaves
    for quantity, value in factors(truth, which, off).items():
        row = which | {"quantity": quantity, "error": np.nan, "n": 512}
        for quantile in QUANTILES:
            yield row | {"axis": "all", "index": 0, "quantile": quantile, "value": value * SPREAD[quantile]}
        wider = UNITS * (turn if quantity == "exit" else 1.0)
        for i, unit in enumerate(value * (1 + wider)):
            for quantile in (np.nan, 0.5):
                yield row | {"axis": "unit", "index": i + 1, "quantile": quantile, "value": unit}


def dynamics(truth: Truth) -> pd.DataFrame:
    """Return the entry and exit factors; torch differs from numpy by rounding."""
    rows = [row for which, off in models(truth) for row in quantiles(truth, which, off)]
    table = pd.DataFrame(rows)
    both = [
        table.assign(backend=name, value=table["value"] * (1 + 1e-14 * (name == "torch")))
        for name in truth.backends
    ]
    return pd.concat(both, ignore_index=True)


DECAY: tuple[Callable[[Truth], Iterator[Rows]], ...] = ()
NEEDS: dict[str, tuple[Callable[[Truth], Iterator[Rows]], ...]] = {"A4c": (anything,), "A4d": (anything,)}
