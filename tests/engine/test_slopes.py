"""What NumPy's and torch's functions give a cell: values and slopes to a few rounding units, far out as well."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from mpmath import mp, mpf

from carousel.engine.backends.numpy import NumpyOps
from carousel.engine.backends.torch import TorchOps

FAR = np.array([0.02, 0.4, 1.0, 1.45, 1.6, 1.99, 2.01, 3.0, 9.0, 18.0, 19.5, 40.0, 183.0, 340.0])
X = np.concatenate([FAR, -FAR])
FUNCTIONS = {
    "tanh": (mp.tanh, lambda x: mp.sech(x) ** 2),
    "sigmoid": (lambda x: 1 / (1 + mp.exp(-x)), lambda x: mp.sech(x / 2) ** 2 / 4),
}
FEW = 20 * np.finfo(float).eps  # the slope 1 - tanh^2 loses one digit before the other formula is taken


def by_numpy(name: str) -> tuple[np.ndarray, np.ndarray]:
    return getattr(NumpyOps(), name)(X.reshape(1, 1, -1).copy())


def by_torch(name: str) -> tuple[np.ndarray, np.ndarray]:
    x = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    y, _ = getattr(TorchOps(), name)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    return y.detach().numpy(), slope.numpy()


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("found", [by_numpy, by_torch])
def test_slopes_of_every_backend_keep_their_digits(found: Callable, name: str) -> None:
    with mp.workdps(400):
        for values, function in zip(found(name), FUNCTIONS[name], strict=True):
            right = [function(mpf(float(x))) for x in X]
            for x, value, answer in zip(X, values.ravel(), right, strict=True):
                assert abs(mpf(float(value)) / answer - 1) < FEW, (x, value)


def test_a_sigmoid_so_far_out_that_exp_of_minus_x_overflows_and_its_slope_are_exp_of_x() -> None:
    far, near = np.array([-710.0, -725.0, -740.0, -800.0]), np.array([-340.0, -1.0, 0.5, 30.0])
    found = NumpyOps().sigmoid(np.concatenate([far, near]).reshape(1, 1, -1))
    for values, beside in zip(found, NumpyOps().sigmoid(near), strict=True):
        np.testing.assert_array_equal(values[0, 0, len(far) :], beside)
        np.testing.assert_allclose(
            values[0, 0, : len(far)], [float(mp.exp(x)) for x in far], rtol=FEW, atol=5e-324
        )
        assert (values[0, 0, :3] > 0).all()
