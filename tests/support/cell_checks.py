"""What the tests of cells share: both backends, and a slope held against a difference quotient."""

import numpy as np
import pytest

from carousel.cells import CELLS
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, effective, unroll

NUMPY, TORCH = load("numpy", "cpu", "float64"), load("torch", "cpu", "float64")


both = pytest.mark.parametrize("backend", [NUMPY, TORCH], ids=["numpy", "torch"])


every_cell = pytest.mark.parametrize("name", CELLS)


def assert_slope(f, expected, kinked):
    """df/ds at 0 by the seven-point stencil, whose error is of order h^6; a step short of any kink.

    The absolute tolerance is a few roundings of an f below 20, 2e-15 each, divided by h.
    """
    h, rounding = (3e-4, 1e-10) if kinked else (3e-3, 1e-11)
    slope = sum(k * (f(s * h) - f(-s * h)) for s, k in ((1, 45), (2, -9), (3, 1))) / (60 * h)
    np.testing.assert_allclose(slope, expected, rtol=1e-10, atol=rounding)


def unit(arrays):
    """The arrays as one vector of norm 1."""
    norm = np.sqrt(sum(np.square(a).sum() for a in arrays))
    return [a / norm for a in arrays]


def back(backend, problem, path="full"):
    """The adjoint of the first state, from the covector on the last."""
    p = problem.on(backend)
    ops = backend.ops(p.cell, PATHS["full"](p.cell))
    params, d_state = effective(ops, p.cell, p.params), p.covector
    for step in reversed(unroll(ops, p.cell, params, p.xs, p.state)[0]):
        d_state = backend.vjp(p.cell, params, step, d_state, PATHS[path](p.cell))
    return [backend.numpy(d) for d in d_state]
