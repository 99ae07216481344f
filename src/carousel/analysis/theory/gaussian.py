"""Means over a standard Gaussian, to rounding."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from carousel.analysis.theory.scalar import Number

Values = Float[np.ndarray, " Z"]
REACH = 10.0  # standard deviations: beyond them is less than 1e-22
FINEST = 0.1  # spacing of the nodes for a function that is smooth on the Gaussian's own scale,
SHARP = 0.25  # and times the width of the function's own features where they are narrower


def gaussian_mean(f: Callable[[Values], Values], scale: Number) -> float:
    """Return E[f(scale z)] for a standard Gaussian z, where `f` is smooth on scales of 1.

    The trapezoidal rule: for a function that is analytic in a strip of half-width a around the real line, its error
    is of order exp(-2 pi a / spacing) (Trefethen and Weideman 2014, theorem 5.1). Sigmoid, its log and tanh have
    their nearest singularity at pi / 2 or beyond, so a = pi / (2 scale) and the error is below 1e-16.
    """
    spacing = min(FINEST, SHARP / max(scale, 1e-300))
    z = spacing * np.arange(-int(REACH / spacing), int(REACH / spacing) + 1)
    weight = np.exp(-(z**2) / 2)
    return float(np.sum(weight * f(scale * z)) / np.sum(weight))
