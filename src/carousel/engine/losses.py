"""The losses that a network is trained on: what each is, its derivative by hand, and which answers are right."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float

from carousel.axes import Array

Outputs = Float[Array, "*M O B"]
OfEach = Float[Array, "*M B"]
LogSoftmax = Callable[[Array], Array]


def log_softmax(y: Outputs) -> Outputs:
    """The log of the softmax over the O outputs, of NumPy's arrays."""
    peak = y.max(-2, keepdims=True)
    peak[~np.isfinite(peak)] = 0
    shifted = y - peak
    with np.errstate(divide="ignore"):
        return shifted - np.log(np.exp(shifted).sum(-2, keepdims=True))


class Loss(NamedTuple):
    """A loss of outputs y [.. O B] and targets of the same shape, answer by answer.

    `value` takes arrays of any library, with its own `log_softmax`. `derivative`, by y, is for the hand adjoint and
    takes NumPy's: a library that differentiates by itself never calls it. `right` says which answers are right.
    """

    value: Callable[[Outputs, Outputs, LogSoftmax], OfEach]
    derivative: Callable[[Outputs, Outputs], Outputs]
    right: Callable[[Outputs, Outputs, float], Bool[np.ndarray, "*M B"]]


def squared_error(y: Outputs, target: Outputs, _: LogSoftmax = log_softmax) -> OfEach:
    """The sum over outputs of the squared error."""
    return ((y - target) ** 2).sum(-2)


def d_squared_error(y: Outputs, target: Outputs) -> Outputs:
    """The derivative of the squared error by y."""
    return 2 * (y - target)


def within(y: Outputs, target: Outputs, tolerance: float) -> Bool[np.ndarray, "*M B"]:
    """Whether every output is closer to its target than `tolerance`."""
    return (abs(y - target) < tolerance).all(-2)


def cross_entropy(y: Outputs, target: Outputs, log_softmax: LogSoftmax = log_softmax) -> OfEach:
    """The cross-entropy with the one-hot `target`, in nats."""
    return -(target * log_softmax(y)).sum(-2)


def d_cross_entropy(y: Outputs, target: Outputs) -> Outputs:
    """The derivative of the cross-entropy by y."""
    return np.exp(log_softmax(y)) - target


def same_class(y: Outputs, target: Outputs, tolerance: float) -> Bool[np.ndarray, "*M B"]:
    """Whether the largest output is that of the target's class; no tolerance enters."""
    return y.argmax(-2) == target.argmax(-2)


LOSSES: dict[str, Loss] = {
    "squared_error": Loss(squared_error, d_squared_error, within),
    "cross_entropy": Loss(cross_entropy, d_cross_entropy, same_class),
}
