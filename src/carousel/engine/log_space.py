"""Vectors in log space: the largest entry lies in [1/2, 1), and a power of two multiplies all entries.

Every few steps are followed by an exact division by a power of two, so 0.25^10000 is a number like any other and no
rounding is added to the steps' own. A zero is then a zero of the mathematics, with one exception: the entries of one
vector share a power, so an entry far below the largest (1e-245 in float64, 1e-26 in float32) may be lost.
"""

import math
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Int

from carousel.axes import Array, State
from carousel.engine.backends.backend import Backend

# bits that an adjoint may grow or shrink by between two divisions: its square, and that of a square, stay in range
FREE = {"float64": 200, "float32": 40, "bfloat16": 40}
SAFE = 1e-140  # a norm above this, and below its inverse, lost nothing when entries were squared
NOWHERE = 2**30  # minus this is the power of a zero vector: below all others
Scaled = tuple[State, Int[Array, "M _ B"]]
Logs = Float[np.ndarray, "M N"]  # log10, one per sequence, or per unit and sequence; -inf for an exact zero


def rescale(backend: Backend, d: State, power: Array, per_unit: bool = False) -> Scaled:
    """`d` times two to `power`, with its largest entry in [1/2, 1): of a sequence, or of each unit by itself."""
    d, more = backend.rescale(d, per_unit)
    return d, power + more


def lost_precision(before: Scaled, after: Scaled) -> bool:
    """Whether digits may have been lost between two divisions: by too large a factor, or a new zero."""
    (d, power), (d_after, power_after) = before, after
    each_sequence = power.shape[1] == 1
    peak, peak_after = (
        sum(abs(part).sum(1, keepdims=True) if each_sequence else abs(part) for part in each)
        for each in (d, d_after)
    )
    bits = FREE[str(peak.dtype).rpartition(".")[2]]
    lost = (peak_after == 0) & (peak > 0) | ~(peak_after < np.inf) & (peak < np.inf)
    return bool((lost | (abs(power_after - power) > bits)).any())


def zero(scaled: Scaled) -> Scaled:
    """An adjoint of the same shape that is exactly zero."""
    d_state, power = scaled
    return tuple(0.0 * d for d in d_state), 0 * power


def log_norm(backend: Backend, scaled: Scaled) -> Logs:
    """log10 of the norm of all the parts of a scaled vector together."""
    d, power = scaled
    return log10(size(backend, d), backend.numpy(power)[:, 0])


def log_size(backend: Backend, d: State, power: Array) -> Logs:
    """log10 of the norm of `d` times two to `power`, whatever its largest entry; rescaled only where it has to be.

    The norm's own power of two is taken out first, so that it makes no bit of difference whether it was.
    """
    with np.errstate(over="ignore"):  # then it is not safe
        norm = size(backend, d)
    if not ((norm > SAFE) & (norm < 1 / SAFE)).all():
        d, power = rescale(backend, d, power)
        norm = size(backend, d)
    mantissa, exponent = np.frexp(norm)
    return log10(mantissa, backend.numpy(power)[:, 0] + exponent)


def size(backend: Backend, d: State) -> Float[np.ndarray, "M B"]:
    """The norm of all the parts of a vector together."""
    return np.sqrt(sum(np.square(backend.norm(part)) for part in d))


def difference(scale: Callable[[Array, Array], Array], a: Scaled, b: Scaled) -> Scaled:
    """a - b at the larger of the two scales; a zero vector has none. `scale` is that of a backend's arrays."""
    (d_a, power_a), (d_b, power_b) = a, b
    scale_a, scale_b = (p * some(d) - NOWHERE * ~some(d) for d, p in (a, b))
    power = scale_a * (scale_a >= scale_b) + scale_b * (scale_a < scale_b)
    down_a, down_b = power_a - power, power_b - power
    return tuple(scale(x, down_a) - scale(y, down_b) for x, y in zip(d_a, d_b, strict=True)), power


def some(d_state: State) -> Bool[Array, "M 1 B"]:
    """Where an adjoint is not zero."""
    return sum(abs(d).sum(1, keepdims=True) for d in d_state) > 0


def log10(x: np.ndarray, power: np.ndarray) -> np.ndarray:
    """log10(x 2^power); -inf where x is zero."""
    with np.errstate(divide="ignore"):
        return np.log10(x.astype(float)) + power * math.log10(2)
