"""The angle between the adjoints of two paths, and the part that slopes and weights have in an adjoint's norm."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

Vectors = Float[np.ndarray, "M N B"]  # one vector per model and sequence
PerSequence = Float[np.ndarray, "M B"]


class Decomposition(NamedTuple):
    """log10 of the gain of the adjoint's norm since the loss, as a sum over slopes and over weights."""

    slopes: PerSequence
    weights: PerSequence
    norm: PerSequence  # log10 of the adjoint's norm, where the next step starts


def cosine(a: Vectors, b: Vectors) -> PerSequence:
    """The cosine of the angle between a and b, in [-1, 1]; NaN where either is exactly zero.

    Of vectors whose largest entry is near 1, as rescaled ones are: their squares neither overflow nor vanish.
    """
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        dot, a_a, b_b = (a * b).sum(1), (a * a).sum(1), (b * b).sum(1)
        return np.clip(dot / np.sqrt(a_a * b_b), -1.0, 1.0)


def initial(norm: PerSequence) -> Decomposition:
    """The decomposition at the loss, where the adjoint has `norm`, in log10."""
    return Decomposition(np.zeros_like(norm), np.zeros_like(norm), norm)


def advance(before: Decomposition, net: PerSequence, after: PerSequence) -> Decomposition:
    """`before` one step further back.

    ``net`` and ``after`` are log10 of the norms of phi' * u and of R^T (phi' * u), where u is the adjoint that the
    step starts from. What is zero passes nothing on: the part that made it so is -inf, the other stays as it is.
    """
    slopes, weights = before.slopes + gain(before.norm, net), before.weights + gain(net, after)
    return Decomposition(slopes, weights, after)


def gain(before: PerSequence, after: PerSequence) -> PerSequence:
    """The difference of two logs of norms; 0 where there was nothing before."""
    nothing = np.isneginf(before)
    return np.where(nothing, 0.0, after - np.where(nothing, 0.0, before))
