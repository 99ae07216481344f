"""What the tests of cells share: both backends, and a slope held against a difference quotient."""

import numpy as np
import pytest

from carousel.cells import CELLS
from carousel.engine.backends.table import load
from carousel.testing import STENCIL, adjoint, difference_quotient

NUMPY, TORCH = load("numpy", "cpu", "float64"), load("torch", "cpu", "float64")


both = pytest.mark.parametrize("backend", [NUMPY, TORCH], ids=["numpy", "torch"])


FLOOR = {"rglru": (0.9, 0.999)}
"""Between which numbers a forget gate lies that is closed as far as can be, by cell; else 0 and 1e-15."""


every_cell = pytest.mark.parametrize("name", CELLS)


POINTWISE = [name for name, cell in CELLS.items() if not cell.mixes]
every_pointwise_cell = pytest.mark.parametrize("name", POINTWISE)


def assert_slope(f, expected, kinked):
    """df/ds at 0, by a difference quotient, is as expected."""
    step, rounding = STENCIL[kinked]
    np.testing.assert_allclose(difference_quotient(f, step), expected, rtol=1e-10, atol=rounding)


def unit(arrays):
    """The arrays as one vector of norm 1."""
    norm = np.sqrt(sum(np.square(a).sum() for a in arrays))
    return [a / norm for a in arrays]


def back(backend, problem, path="full"):
    """The adjoint of the first state, from the covector on the last."""
    return adjoint(problem.system(backend), problem.on(backend).covector, path)
