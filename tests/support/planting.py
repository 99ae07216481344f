"""What a planted study is made of: its truth, a model's factors, and a curve of known rate."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from carousel import axes
from carousel.analysis.theory import scalar

LAGS = np.union1d(np.rint(np.geomspace(1, 1000, 24)).astype(int), axes.LAGS)
TEXT = ["backend", "device", "dtype", "slice", "cell", "init", "forget_bias", "trained", "gradient"]
WEIGHTS = (-12.0, -6.0, -4.0, -2.0, -1.0, -0.5, 0.5, 0.9, 1.0, 1.1, 1.5434, 2.0, 4.0, 6.0, 12.0)
VANILLA = {"rnn_sigmoid": -0.7, "rnn_tanh": -0.25, "rnn_relu": -0.3}
FORGET = {"0": -0.31, "1": -0.14, "10": -1.98e-5, "chrono": -2e-3}


@dataclass(frozen=True)
class Truth:
    """Rates in decades per step, by cell or forget bias; every other number of the study is made from them."""

    backends: tuple[str, ...] = ("numpy", "torch")
    repetitions: int = 10
    length: int = 200
    vanilla: dict[str, float] = field(default_factory=lambda: dict(VANILLA))
    gains: tuple[float, ...] = (0.5, 2.0)
    loop97: float = 0.0  # along the cell of the 1997 LSTM
    loop97_error: float = 0.0  # of its derivative, at every lag
    forget: dict[str, float] = field(default_factory=lambda: dict(FORGET))  # along the cell, by forget bias
    total: dict[str, float] | None = None  # the full gradient's, by forget bias; None: as along the cell
    gates: dict[str, float] | None = None  # the gate-mediated part's; None: as the total
    product_error: dict[str, float] = field(
        default_factory=dict
    )  # relative, of the product of forget gates, by cell
    chain: Callable[..., np.ndarray] = scalar.rate
    chain_error: float = 0.0  # relative, of the scalar chain's derivative
    weights: tuple[float, ...] = WEIGHTS
    chain_length: int = 1000
    learned: float = -0.05  # along the cell, after training
    solves: dict[str, int] = field(
        default_factory=lambda: {"rnn_tanh": 10, "lstm/0": 20, "lstm/1": 40, "lstm97": 20}
    )
    starts: dict[str, float] = field(
        default_factory=lambda: {
            "rnn_tanh": -0.3,
            "lstm/0": -0.25,
            "lstm/1": -0.1,
            "lstm97": -0.2,
            "gru": -0.15,
        }
    )
    extra: dict[str, Any] = field(default_factory=dict)  # what the planted_*.py of a group of claims reads


def model(cell: str, length: int, repetition: int, **changes: object) -> dict:
    """Return the factors of one model."""
    usual = {
        "device": "cpu", "dtype": "float64", "slice": "grid", "cell": cell, "init": "torch", "gain": 1.0,
        "forget_bias": "none", "bias": 0.0, "drive": "0.25", "hidden": 8, "length": length, "repetition": repetition,
        "trained": "no", "step": 0, "gradient": "none",
    }  # fmt: skip
    return usual | changes


Rows = tuple[dict, str, str, np.ndarray, np.ndarray]


def curve(which: dict, quantity: str, path: str, rate: float, error: float = 0.0) -> Rows:
    """Return a straight line of the given rate, shifted from lag 1 on by a relative error."""
    lags = np.concatenate([[0], LAGS[which["length"] > LAGS], [which["length"]]])
    with np.errstate(invalid="ignore"):
        line = np.where(lags > 0, rate * lags + error / np.log(10), 0.0)
    return which, quantity, path, lags, line
