"""A small study whose curves are straight lines of known slope: what the report's tables and explorer are made of."""

from collections.abc import Iterator
from itertools import product

import numpy as np
import pandas as pd

RATES = {  # cell, forget bias -> decades per step, with torch's init; orthogonal has half of it
    ("rnn_tanh", "none"): -0.2,
    ("lstm", "0"): -0.3,
    ("lstm", "1"): -0.08,
    ("lstm", "3"): -0.002,
}
SHARE = {"full": 1.0, "cell": 0.75, "candidate": 0.875, "gates": 1.125, "truncated": 0.5}  # of the full rate
STAGES = {("no", 0): 1.0, ("adding", 0): 1.0, ("adding", 30): 0.25}  # of the rate before training
LENGTHS, REPETITIONS, STEP = (40, 120), 3, 0.0005  # a repetition's rate is so much above the one before it
INPUT = {
    "torch": -1.0,
    "orthogonal": -1.5,
}  # decades: the input's gradient beside the state's, see `with_input`
APART = 1e-9  # decades between the backends
FIXED = {"device": "cpu", "dtype": "float64", "gain": 1.0, "bias": 0.0, "hidden": 16, "input_size": 4, "n": 2,
         "quantity": "loss_state", "cosine": 1.0, "error": 0.0}  # fmt: skip


def rate(cell: str, bias: str, init: str, path: str = "full", stage: tuple[str, int] = ("no", 0)) -> float:
    """The planted rate, mean over repetitions."""
    return RATES[cell, bias] * (0.5 if init == "orthogonal" else 1.0) * SHARE[path] * STAGES[stage]


def decay() -> pd.DataFrame:
    """The decay table."""
    models, curves = zip(*labelled(), strict=True)
    lag, y, n_zero = np.concatenate(curves, axis=1)
    sizes = [curve.shape[1] for curve in curves]
    values = {"lag": lag.astype(int), "log10_norm": y, "n_zero": n_zero.astype(int)}
    factors = pd.DataFrame(models).loc[np.repeat(np.arange(len(models)), sizes)].reset_index(drop=True)
    return pd.concat([pd.DataFrame(values), factors], axis=1)


def with_input(decay: pd.DataFrame) -> pd.DataFrame:
    """The table with the lags 10, 30 and 100 and, from lag 1 on, the input's gradient: the state's less INPUT."""
    own = decay[decay["path"] == "full"]
    last = own[own["lag"] == own["length"]]
    asked = [last.assign(lag=lag, log10_norm=last["log10_norm"] * lag / last["lag"]) for lag in (10, 30, 100)]
    keys = [name for name in decay if name not in ("log10_norm", "n_zero")]
    table = pd.concat([decay, *(part[part["lag"] < part["length"]] for part in asked)]).drop_duplicates(keys)
    state = table[(table["path"] == "full") & (table["lag"] > 0)]
    smaller = state["log10_norm"] + state["init"].map(INPUT)
    return pd.concat([table, state.assign(quantity="loss_x", log10_norm=smaller)], ignore_index=True)


def labelled() -> Iterator[tuple[dict, np.ndarray]]:
    """The curves with their factors; a vanilla network has no cell, and nothing but its candidate."""
    factors = product(
        RATES, ("orthogonal", "torch"), LENGTHS, STAGES, range(REPETITIONS), ("numpy", "torch"), SHARE
    )
    for (cell, bias), init, length, stage, repetition, backend, path in factors:
        own = "full" if cell == "rnn_tanh" and path == "candidate" else path
        slope = rate(cell, bias, init, own, stage) + STEP * (repetition - (REPETITIONS - 1) / 2)
        dead = cell == "rnn_tanh" and path in ("cell", "gates", "truncated")
        untrained = stage[0] == "no"
        yield {
            "length": length, "cell": cell, "forget_bias": bias, "init": init, "repetition": repetition,
            "backend": backend, "path": path, "trained": stage[0], "step": stage[1],
            "slice": "grid" if untrained else stage[0], "gradient": "none" if untrained else "full",
            "drive": "unit" if untrained else "task", **FIXED,
        }, curve(slope, length, dead, APART if backend == "torch" else 0.0)  # fmt: skip


def curve(slope: float, length: int, dead: bool, off: float) -> np.ndarray:
    """Lag, log10 of the norm and number of zeros at every tenth of the lags; `off` from the line beyond lag 0."""
    lag = np.unique(np.linspace(0, length, 11).astype(int))
    later = lag > 0
    return np.stack([lag, np.where(later & dead, -np.inf, slope * lag + off * later), 2 * (later & dead)])


def accuracy() -> pd.DataFrame:
    """The accuracy table: a seed solves what its setting keeps, and one seed fails on one backend."""
    factors = product(RATES, LENGTHS, range(REPETITIONS), ("numpy", "torch"), (0, 30))
    rows = [
        {"backend": backend, "device": "cpu", "dtype": "float32", "slice": "adding", "cell": cell, "init": "orthogonal",
         "gain": 1.0, "forget_bias": bias, "hidden": 16, "task": "adding", "length": length, "repetition": repetition,
         "gradient": "full", "step": step, "learning_rate": 0.01,
         "loss": 0.1, "accuracy": 0.5, "gradient_norm": 1.0, "baseline_loss": 1 / 6,
         "baseline_accuracy": 0.03, "solved": step > 0 and solves(cell, bias, length, repetition, backend)}
        for (cell, bias), length, repetition, backend, step in factors
    ]  # fmt: skip
    return pd.DataFrame(rows)


def advised() -> pd.DataFrame:
    """Runs at a lag of the advice that end where they are solved: the first after 20 steps, the second after 40."""
    run = accuracy().query("cell == 'lstm' and forget_bias == '3' and length == 40 and step == 0")
    run = run.assign(slice="advised", length=10)
    ends = {0: 20, 1: 40, 2: 40}
    steps = [run[run["repetition"].map(ends) >= step].assign(step=step) for step in (0, 20, 40)]
    table = pd.concat(steps, ignore_index=True)
    return table.assign(solved=(table["step"] == table["repetition"].map(ends)) & (table["repetition"] < 2))


def solves(cell: str, bias: str, length: int, repetition: int, backend: str) -> bool:
    """Does this run solve its task?"""
    lost = rate(cell, bias, "orthogonal") * length
    return lost > -2 and (length, repetition, backend) != (120, 0, "torch")
