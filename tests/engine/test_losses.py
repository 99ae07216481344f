"""The log of the softmax is that of scipy, bit for bit, whatever the numbers."""

import numpy as np
import pytest
from scipy import special

from carousel.engine.losses import log_softmax

SPECIAL = {"none": [], "nan": [np.nan], "inf": [np.inf], "-inf": [-np.inf], "both": [np.inf, -np.inf]}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(3, 1, 10, 32), (2, 9, 4, 7), (2, 5, 3), (1, 4, 1)])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
@pytest.mark.parametrize("values", SPECIAL.values(), ids=SPECIAL)
def test_log_softmax_has_the_bits_of_scipys(
    dtype: type, shape: tuple[int, ...], scale: float, values: list[float]
) -> None:
    y = (np.random.default_rng(1).standard_normal(shape) * scale).astype(dtype)
    for k, value in enumerate(values):
        y[..., k, 0] = value
    with np.errstate(all="ignore"):
        found, expected = log_softmax(y), special.log_softmax(y, axis=-2)
    assert found.dtype == dtype and np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_outputs_that_are_all_infinite_have_no_nan_where_scipy_has_none(value: float) -> None:
    y = np.full((2, 3, 1), value)
    with np.errstate(all="ignore"):
        assert np.array_equal(log_softmax(y), special.log_softmax(y, axis=-2), equal_nan=True)
