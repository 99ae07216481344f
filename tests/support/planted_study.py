"""Synthetic tables with planted truths: what the verdicts must find, and turn with."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from support import (
    planted_carousel,
    planted_entry_exit,
    planted_learning,
    planted_paths,
    planted_sensitivity,
    planted_truncation,
)
from support.once import Once
from support.planting import TEXT, Rows, Truth, curve, model

from carousel.analysis.stats.tables import MODEL
from carousel.analysis.theory import scalar
from carousel.claims import CLAIMS
from carousel.claims.claim import READ, Tables
from carousel.claims.judge import judge


def _networks(truth: Truth) -> Iterator[Rows]:
    for repetition in range(truth.repetitions):
        jitter = 1 + 0.02 * np.random.default_rng(repetition).standard_normal()
        for init in ("torch", "orthogonal"):
            yield from _vanilla(truth, repetition, jitter, init)
            yield from _lstms(truth, repetition, jitter, init)


def _libraries(truth: Truth) -> Iterator[Rows]:
    """Yield what libraries start with: an LSTM with its own forget bias, tanh and ReLU RNN."""
    total = truth.total or truth.forget
    for repetition in range(truth.repetitions):
        jitter = 1 + 0.02 * np.random.default_rng(repetition).standard_normal()
        for init, bias in (("torch", "0"), ("keras", "1"), ("flax", "0")):
            usual = {"slice": "libraries", "init": init, "drive": "unit", "hidden": 16}
            rates = {cell: rate for cell, rate in truth.vanilla.items() if cell != "rnn_sigmoid"}
            for cell, rate in (rates | {"lstm": total.get(bias, total["0"])}).items():
                which = model(
                    cell, truth.length, repetition, forget_bias=bias if cell == "lstm" else "none", **usual
                )
                yield curve(which, "loss_state", "full", rate * jitter)


def _vanilla(truth: Truth, repetition: int, jitter: float, init: str) -> Iterator[Rows]:
    for cell, rate in truth.vanilla.items():
        for gain in (1.0, *truth.gains):
            name = "grid" if gain == 1 else "gain"
            which = model(cell, truth.length, repetition, init=init, gain=gain, slice=name)
            for quantity in ("loss_h", "loss_state"):
                yield curve(which, quantity, "full", rate * jitter + np.log10(gain))


def _lstms(truth: Truth, repetition: int, jitter: float, init: str) -> Iterator[Rows]:
    which = model("lstm97", truth.length, repetition, init=init)
    yield curve(which, "cec", "cell", truth.loop97, truth.loop97_error)
    yield curve(which, "loss_state", "full", truth.loop97 * jitter)
    yield curve(which, "loss_state", "gates", truth.loop97 * jitter)
    total = truth.total or truth.forget
    gates = truth.gates or total
    for bias, rate in truth.forget.items():
        for cell in ("lstm", "lstm_peephole"):
            which = model(cell, truth.length, repetition, init=init, forget_bias=bias)
            yield curve(which, "cec", "cell", rate * jitter)
            yield curve(which, "factor_product", "formula", rate * jitter, truth.product_error.get(cell, 0.0))
            yield curve(which, "loss_state", "full", total[bias] * jitter)
            yield curve(which, "loss_state", "gates", gates[bias] * jitter)


@cache
def _chain_rates(
    chain: Callable[..., np.ndarray], activation: str, weights: tuple, bias: float
) -> np.ndarray:
    return chain(activation, np.array(weights), bias, 0.3)


def _chains(truth: Truth) -> Iterator[Rows]:
    for activation in scalar.ACTIVATIONS:
        for bias in (0.0, -2.0):
            rates = _chain_rates(truth.chain, activation, truth.weights, bias)
            for w, rate in zip(truth.weights, rates, strict=True):
                which = model(
                    f"rnn_{activation}", truth.chain_length, 0, slice="scalar", init="identity", hidden=1,
                    gain=w, bias=bias, drive="0",
                )  # fmt: skip
                yield curve(which, "loss_h", "full", float(rate))
                yield curve(
                    which, "factor_product", "formula", float(rate - np.log10(abs(w))), truth.chain_error
                )


def _trained(truth: Truth) -> Iterator[Rows]:
    for repetition in range(truth.repetitions):
        jitter = 1 + 0.02 * np.random.default_rng(repetition).standard_normal()
        for name, rate in truth.starts.items():
            cell, _, bias = name.partition("/")
            for step in (0, 600):
                which = model(
                    cell, 40, repetition, slice="adding", forget_bias=bias or "none", trained="adding", step=step,
                    gradient="full", drive="task", dtype="float32",
                )  # fmt: skip
                yield curve(which, "loss_state", "full", rate * jitter)
                if cell == "lstm":
                    yield curve(which, "cec", "cell", truth.learned if step else rate)


GROUPS: tuple[ModuleType, ...] = (
    planted_entry_exit,
    planted_learning,
    planted_paths,
    planted_truncation,
    planted_sensitivity,
    planted_carousel,
    planted_learning,
)  # planted_*.py: each plants what one group of claims looks at
# what each claim looks at; the rest of the study is left out where one claim is tested
NEEDS: dict[str, tuple[Callable[[Truth], Iterator[Rows]], ...]] = {
    "A1a": (_chains,), "A1c": (_chains,), "A2d": (_chains, _trained), "A2e": (_chains,),
    "K1": (_networks, _libraries, _trained), "A2c": (_networks, _trained),
    "Q1": (_networks,), "A1d": (_networks,),
    "K2": (_networks, _libraries), "A2a": (_networks, _libraries),
    "A1e": (_networks,), "A4b": (_networks,), "A4g": (_networks, _libraries),
    **{name: needs for group in GROUPS for name, needs in group.NEEDS.items()},
    "all": (_networks, _libraries, _chains, _trained, *(plant for group in GROUPS for plant in group.DECAY)),
}  # fmt: skip


def decay_table(truth: Truth, need: str = "all") -> pd.DataFrame:
    """Return the decay table of the planted study; torch differs from numpy by rounding."""
    curves = [found for part in NEEDS.get(need, NEEDS["all"]) for found in part(truth)]
    sizes = [len(found[3]) for found in curves]
    models = pd.DataFrame([found[0] | {"quantity": found[1], "path": found[2]} for found in curves])
    table = models.loc[np.repeat(models.index, sizes)].reset_index(drop=True)
    table["lag"], y = (
        np.concatenate([found[3] for found in curves]),
        np.concatenate([found[4] for found in curves]),
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
                    which = model(cell, length, repetition, slice="adding", dtype="float32", gradient="full")
                    which |= {"backend": backend, "task": "adding", "forget_bias": bias or "none"}
                    rows += [
                        which | {"step": step, "solved": step >= 300 and length <= longest}
                        for step in (0, 300, 600)
                    ]
    table = pd.DataFrame(rows).drop(columns=["bias", "trained"])
    table = table.assign(
        learning_rate=0.01,
        loss=0.1,
        accuracy=0.9,
        gradient_norm=1.0,
        baseline_loss=1 / 6,
        baseline_accuracy=np.nan,
    )
    more = [group.accuracy(truth) for group in GROUPS if hasattr(group, "accuracy")]
    table = pd.concat([table, *more], ignore_index=True)
    return table.astype(dict.fromkeys([name for name in [*TEXT, "task"] if name in table], "category"))


def dynamics_table(truth: Truth) -> pd.DataFrame:
    """Return the dynamics table: what the groups plant."""
    names = (*MODEL, "quantity", "axis", "index", "quantile", "value", "error", "n")
    none = pd.DataFrame({name: [] for name in names})
    tables = [group.dynamics(truth) for group in GROUPS if hasattr(group, "dynamics")]
    return pd.concat(tables or [none]).astype(dict.fromkeys([*TEXT, "quantity", "axis"], "category"))


KEPT: dict[str, tuple[pd.DataFrame, pd.DataFrame]] = {}  # by the words of their truth


def beside(truth: Truth) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the accuracy and the dynamics table, which are made once per truth."""
    if repr(truth) not in KEPT:
        KEPT[repr(truth)] = accuracy_table(truth), dynamics_table(truth)
    accuracy, dynamics = KEPT[repr(truth)]
    return accuracy.copy(), dynamics.copy()


Plant = Callable[..., Tables]


@pytest.fixture(scope="session")
def plant() -> Plant:
    """Return a function of changed truths that gives the tables."""

    def make(need: str = "all", **changes: object) -> Tables:
        truth = replace(Truth(), **changes)
        return Tables(decay_table(truth, need), *beside(truth))

    return make


@pytest.fixture(scope="session")
def study(plant: Plant) -> Tables:
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


@pytest.fixture(scope="session")
def verdicts(once: Once, study: Tables, calibration: pd.DataFrame) -> pd.DataFrame:
    """Return the claims table of the planted study, over a calibration that passed, of the columns in READ alone."""
    read = study._replace(**{name: getattr(study, name)[columns] for name, columns in READ.items()})
    return once("planted verdicts", lambda _: judge(CLAIMS, read, calibration).claims)
