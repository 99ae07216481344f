"""What the tests here share: random small problems, and what the plain path makes of them."""

import math
import os
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from carousel.cells import Params
from carousel.engine.backends.backend import Model, Readout, Targets
from carousel.engine.backends.table import load
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity, gradient_by_lag

M, H, D, B, T, OUTPUTS = 2, 5, 3, 3, 2, 2
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
EXACT = load("numpy", "cpu", "float64")
BENCHMARKS = Path(__file__).parents[1]
APART = {  # for what a test starts: the packages' folders, and no word to Triton to interpret
    **{name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"},
    "PYTHONPATH": os.pathsep.join(map(str, (BENCHMARKS.parent / "src", BENCHMARKS))),
}
NO_TRITON = "Triton is not installed: pip install triton"
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason=NO_TRITON)


def problem(cell, length=T, hidden=H, sequences=B, gain=1.0, bias=0.0, seed=7):
    """Random parameters, inputs, state and covector, as NumPy's."""
    rng = np.random.default_rng(seed)
    GH, V = len(cell.gates) * hidden, len(cell.columns)
    R = gain * rng.normal(size=(M, GH, V * hidden)) / math.sqrt(hidden)
    p = {name: rng.normal(size=(M, hidden, 1)) for name in cell.pointwise}
    params = Params(rng.normal(size=(M, GH, D)), R, bias + rng.normal(size=(M, GH, 1)), p)
    draws = rng.normal(size=(len(cell.states) + 1, M, hidden, sequences))
    state = tuple(abs(s) if name in cell.positive else s for name, s in zip(cell.states, draws, strict=False))
    return params, rng.normal(size=(length, M, D, sequences)), state, draws[-1]


def batch(cell, length=T, answers=T):
    """A problem with a random readout, whose loss is of the last `answers` outputs."""
    rng = np.random.default_rng(8)
    params, xs, state, _ = problem(cell, length)
    readout = Readout(rng.normal(size=(M, OUTPUTS, H)), rng.normal(size=(M, OUTPUTS, 1)))
    targets = Targets(
        rng.normal(size=(M, answers, OUTPUTS, B)), rng.random(size=(M, answers, B)), "squared_error"
    )
    return Model(params, readout), xs, state, targets


def on(backend, thing):
    """Arrays, however they are packed, on a backend."""
    if isinstance(thing, dict):
        return {name: on(backend, value) for name, value in thing.items()}
    if isinstance(thing, tuple):
        values = [on(backend, value) for value in thing]
        return type(thing)(*values) if hasattr(thing, "_fields") else tuple(values)
    return thing if isinstance(thing, str) else backend.array(thing)


def plain(cell, drawn):
    """The norms of the adjoint by the hand-derived path in float64, lag by lag."""
    lags = range(len(drawn[1]) + 1)
    *system, covector = on(EXACT, drawn)
    found = dict(gradient_by_lag(System(EXACT, cell, *system), covector, set(lags)))
    names = (*cell.states, "state")
    return {name: np.stack([found[lag][Quantity(f"loss_{name}", "full")] for lag in lags]) for name in names}


def assert_close(found, expected, tolerance):
    """Norms of the adjoint are within `tolerance` decades of the expected ones."""
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(found[name].cpu().numpy(), values, rtol=0, atol=tolerance, err_msg=name)
