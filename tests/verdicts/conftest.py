"""Synthetic tables with planted truths: what the verdicts must find, and turn with."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from carousel import theory

LAGS = np.unique(np.rint(np.geomspace(1, 1000, 24)).astype(int))
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
    product_error: float = 0.0  # relative, of the product of forget gates against the derivative
    chain: Callable[..., np.ndarray] = theory.rate
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


def _model(cell: str, length: int, repetition: int, **changes: object) -> dict:
    model = {
        "device": "cpu", "dtype": "float64", "slice": "grid", "cell": cell, "init": "torch", "gain": 1.0,
        "forget_bias": "none", "bias": 0.0, "hidden": 8, "length": length, "repetition": repetition,
        "trained": "no", "step": 0, "gradient": "none",
    }  # fmt: skip
    return model | changes


Rows = tuple[dict, str, str, np.ndarray, np.ndarray]


def _curve(model: dict, quantity: str, path: str, rate: float, error: float = 0.0) -> Rows:
    """Return a straight line of the given rate, shifted from lag 1 on by a relative error."""
    lags = np.concatenate([[0], LAGS[model["length"] > LAGS], [model["length"]]])
    with np.errstate(invalid="ignore"):
        line = np.where(lags > 0, rate * lags + error / np.log(10), 0.0)
    return model, quantity, path, lags, line


def _networks(truth: Truth) -> Iterator[Rows]:
    for repetition in range(truth.repetitions):
        jitter = 1 + 0.02 * np.random.default_rng(repetition).standard_normal()
        for init in ("torch", "orthogonal"):
            yield from _vanilla(truth, repetition, jitter, init)
            yield from _lstms(truth, repetition, jitter, init)


def _vanilla(truth: Truth, repetition: int, jitter: float, init: str) -> Iterator[Rows]:
    for cell, rate in truth.vanilla.items():
        for gain in (1.0, *truth.gains):
            name = "grid" if gain == 1 else "gain"
            model = _model(cell, truth.length, repetition, init=init, gain=gain, slice=name)
            for quantity in ("loss_h", "loss_state"):
                yield _curve(model, quantity, "full", rate * jitter + np.log10(gain))


def _lstms(truth: Truth, repetition: int, jitter: float, init: str) -> Iterator[Rows]:
    model = _model("lstm97", truth.length, repetition, init=init)
    yield _curve(model, "cec", "cell", truth.loop97, truth.loop97_error)
    yield _curve(model, "loss_state", "full", truth.loop97 * jitter)
    yield _curve(model, "loss_state", "gates", truth.loop97 * jitter)
    total = truth.total or truth.forget
    gates = truth.gates or total
    for bias, rate in truth.forget.items():
        for cell in ("lstm", "lstm_peephole"):
            model = _model(cell, truth.length, repetition, init=init, forget_bias=bias)
            yield _curve(model, "cec", "cell", rate * jitter)
            yield _curve(model, "factor_product", "formula", rate * jitter, truth.product_error)
            yield _curve(model, "loss_state", "full", total[bias] * jitter)
            yield _curve(model, "loss_state", "gates", gates[bias] * jitter)


@cache
def _chain_rates(
    chain: Callable[..., np.ndarray], activation: str, weights: tuple, bias: float
) -> np.ndarray:
    return chain(activation, np.array(weights), bias, 0.3)


def _chains(truth: Truth) -> Iterator[Rows]:
    for activation in theory.ACTIVATIONS:
        for bias in (0.0, -2.0):
            rates = _chain_rates(truth.chain, activation, truth.weights, bias)
            for w, rate in zip(truth.weights, rates, strict=True):
                model = _model(
                    f"rnn_{activation}", truth.chain_length, 0, slice="scalar", init="identity", hidden=1,
                    gain=w, bias=bias,
                )  # fmt: skip
                yield _curve(model, "loss_h", "full", float(rate))
                yield _curve(
                    model, "factor_product", "formula", float(rate - np.log10(abs(w))), truth.chain_error
                )


def _trained(truth: Truth) -> Iterator[Rows]:
    for repetition in range(truth.repetitions):
        jitter = 1 + 0.02 * np.random.default_rng(repetition).standard_normal()
        for name, rate in truth.starts.items():
            cell, _, bias = name.partition("/")
            for step in (0, 600):
                model = _model(
                    cell, 40, repetition, slice="adding", forget_bias=bias or "none", trained="adding", step=step,
                    gradient="full", dtype="float32",
                )  # fmt: skip
                yield _curve(model, "loss_state", "full", rate * jitter)
                if cell == "lstm":
                    yield _curve(model, "cec", "cell", truth.learned if step else rate)


# what each claim looks at; the rest of the study is left out where one claim is tested
NEEDS = {
    "A1a": (_chains,), "A1c": (_chains,), "A2d": (_chains, _trained), "A2e": (_chains,),
    "K1": (_networks, _trained), "A2c": (_networks, _trained), "K3": (_trained,),
    "Q1": (_networks,), "Q2": (_networks,), "K2": (_networks,), "A2a": (_networks,), "A1d": (_networks,),
    "A1e": (_networks,), "A4b": (_networks,), "A4g": (_networks,),
    "all": (_networks, _chains, _trained),
}  # fmt: skip


def decay_table(truth: Truth, need: str = "all") -> pd.DataFrame:
    """Return the decay table of the planted study; torch differs from numpy by rounding."""
    curves = [curve for part in NEEDS[need] for curve in part(truth)]
    sizes = [len(curve[3]) for curve in curves]
    models = pd.DataFrame([curve[0] | {"quantity": curve[1], "path": curve[2]} for curve in curves])
    table = models.loc[np.repeat(models.index, sizes)].reset_index(drop=True)
    table["lag"], y = (
        np.concatenate([curve[3] for curve in curves]),
        np.concatenate([curve[4] for curve in curves]),
    )
    dead = np.isneginf(y)
    table = table.assign(log10_norm=y, n_zero=np.where(dead, 8, 0), n=8)
    both = [
        table.assign(backend=name, log10_norm=table["log10_norm"] * _off(name)) for name in truth.backends
    ]
    return pd.concat(both, ignore_index=True).astype(dict.fromkeys([*TEXT, "quantity", "path"], "category"))


def _off(backend: str) -> float:
    return 1 + 1e-14 * (backend == "torch")


def accuracy_table(truth: Truth) -> pd.DataFrame:
    """Return the accuracy table: each cell solves every length up to its own, from step 300 on."""
    rows = []
    for backend in truth.backends:
        for repetition in range(truth.repetitions):
            for name, longest in truth.solves.items():
                cell, _, bias = name.partition("/")
                for length in (10, 20, 40):
                    model = _model(cell, length, repetition, slice="adding", dtype="float32", gradient="full")
                    model |= {"backend": backend, "task": "adding", "forget_bias": bias or "none"}
                    rows += [
                        model | {"step": step, "solved": step >= 300 and length <= longest}
                        for step in (0, 300, 600)
                    ]
    table = pd.DataFrame(rows).drop(columns=["bias", "trained"])
    table = table.assign(
        loss=0.1, accuracy=0.9, gradient_norm=1.0, baseline_loss=1 / 6, baseline_accuracy=np.nan
    )
    return table.astype(dict.fromkeys([name for name in [*TEXT, "task"] if name in table], "category"))


Plant = Callable[..., tuple[pd.DataFrame, pd.DataFrame]]


@pytest.fixture(scope="session")
def plant() -> Plant:
    """Return a function of changed truths that gives (decay, accuracy)."""

    def make(need: str = "all", **changes: object) -> tuple[pd.DataFrame, pd.DataFrame]:
        truth = replace(Truth(), **changes)
        return decay_table(truth, need), accuracy_table(truth)

    return make


@pytest.fixture(scope="session")
def study(plant: Plant) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of the planted study as it stands."""
    return plant()


@pytest.fixture(scope="session")
def calibration() -> pd.DataFrame:
    """Return a calibration that passed: three systems on both backends."""
    rows = [
        {
            "backend": backend, "device": "cpu", "dtype": "float64", "system": system, "statement": "Known.",
            "quantity": "loss_state", "path": "full", "lag": 100, "predicted": -0.3, "measured": -0.3, "error": 1e-12,
            "tolerance": 1e-9, "in_standard_errors": np.nan, "passed": True, "n": 4,
        }
        for system in ("orthogonal linear", "dead ReLU", "non-normal") for backend in ("numpy", "torch")
    ]  # fmt: skip
    return pd.DataFrame(rows)
