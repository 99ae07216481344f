"""Mean-field theory of a driven random network, h_t = phi(R h_{t-1} + W x_t + b), in the limit of many units.

R has independent Gaussian entries of variance gain^2 / H; the input is new at every step and gives the net input
the variance sigma^2 (1 for unit noise and W of variance 1 / D). The net input of a unit is then Gaussian with a
variance q that settles at

    q = gain^2 E[phi(b + sqrt(q) z)^2] + sigma^2
    chi = gain^2 E[phi'(b + sqrt(q) z)^2]

and a small perturbation, or a gradient on its way back, grows by sqrt(chi) per step: 0.5 log10 chi is the largest
Lyapunov exponent in decades. chi = 1 is the edge of chaos (Sompolinsky, Crisanti and Sommers 1988 without input;
Molgedey, Schuchhardt and Schuster 1992 with noise; Poole et al. 2016 and Schoenholz et al. 2017 in depth; Chen,
Pennington and Schoenholz 2018 for recurrent networks). A random variance of the biases adds to sigma^2 in q.

The input must have many numbers per step. With D of them the variance of W x changes from step to step as chi^2_D / D
does, and the exponent is a mean over those steps, not that of the mean variance.

For R = gain Q, Q a random orthogonal matrix, q and chi are the same: the largest exponent needs a vector's mean
square alone. What differs is the rest of the spectrum: the norm of R is the gain in every direction, so its mean
is log10 gain + E[log10 phi'], where the Gaussian's is log10 sqrt(e) less.
"""

from collections.abc import Callable

import numpy as np

from carousel.analysis.theory.gaussian import gaussian_mean
from carousel.analysis.theory.scalar import ACTIVATIONS, LN10, PRECISION, Number

UNBOUNDED = 1e12  # a variance beyond this has no fixed point
REST = 1e-12  # where the search starts from a network at rest
LARGEST = 1e4  # gain up to which an edge is searched for
ROUNDING = 1e-13
STEEPEST = {"tanh": 1.0, "sigmoid": 0.25, "relu": 1.0, "linear": 1.0}  # the largest phi'

Moment = Callable[[float, float], float]


def _square(activation: str) -> Moment:
    """Return (b, q) -> E[phi^2] of a smooth activation."""
    phi = ACTIVATIONS[activation][0]
    return lambda b, q: gaussian_mean(lambda v: phi(b + v) ** 2, np.sqrt(q))


def _square_slope(activation: str) -> Moment:
    """Return (b, q) -> E[phi'^2] of a smooth activation."""
    log_slope = ACTIVATIONS[activation][1]
    return lambda b, q: gaussian_mean(lambda v: 10 ** (2 * log_slope(b + v)), np.sqrt(q))


def _alive(b: Number, q: Number) -> float:
    """Return the share of ReLUs that are on; half of them for q and b both zero, the limit from above."""
    from scipy.special import ndtr

    return float(ndtr(b / max(np.sqrt(q), np.finfo(float).tiny)))


def _square_relu(b: Number, q: Number) -> float:
    """Return E[max(v, 0)^2] for v of mean b and variance q: (b^2 + q) Phi(b / s) + b s density(b / s)."""
    s = np.sqrt(q)
    density = np.exp(-((b / max(s, np.finfo(float).tiny)) ** 2) / 2) / np.sqrt(2 * np.pi)
    return float((b * b + q) * _alive(b, q) + b * s * density)


# activation -> E[phi^2], E[phi'^2] at the bias b and the variance q
MOMENTS: dict[str, tuple[Moment, Moment]] = {
    "tanh": (_square("tanh"), _square_slope("tanh")),
    "sigmoid": (_square("sigmoid"), _square_slope("sigmoid")),
    "relu": (_square_relu, _alive),
    "linear": (lambda b, q: b * b + q, lambda b, q: 1.0),
}


def variance(activation: str, gain: Number, input_variance: Number, bias: Number = 0.0) -> float:
    """Return q, the variance at which the net input of a network that starts at rest settles; inf if nowhere.

    It is the smallest fixed point that attracts. ReLU and linear run off from gain^2 = 2 and 1.
    """

    from scipy.optimize import brentq

    def growth(q: Number) -> float:
        return gain**2 * MOMENTS[activation][0](bias, q) + input_variance - q

    low = high = max(input_variance, REST)
    if growth(low) <= 0:  # without any input and with a gain so small that rest attracts
        return float(input_variance)
    while growth(high) > 0:
        if high > UNBOUNDED:
            return np.inf
        low, high = high, 2 * high
    return float(brentq(growth, low, high, **PRECISION))


def chi(activation: str, gain: Number, input_variance: Number, bias: Number = 0.0) -> float:
    """Return the factor by which the square of a small perturbation grows in a step."""
    q = variance(activation, gain, input_variance, bias)
    return gain**2 * MOMENTS[activation][1](bias, q)


def exponent(activation: str, gain: Number, input_variance: Number, bias: Number = 0.0) -> float:
    """Return the largest Lyapunov exponent, 0.5 log10 chi, in decades per step; -inf where the gain is 0."""
    with np.errstate(divide="ignore"):
        return float(np.log10(chi(activation, gain, input_variance, bias)) / 2)


def critical_gain(activation: str, input_variance: Number, bias: Number = 0.0) -> float:
    """Return the gain at the edge of chaos, where chi = 1; inf where none up to LARGEST does it.

    Without bias: 1 for tanh without input, more with it; sqrt(2) for ReLU and 1 for linear whatever the input.
    """

    from scipy.optimize import brentq

    def excess(gain: Number) -> float:
        return chi(activation, gain, input_variance, bias) - 1

    low = high = 1 / STEEPEST[activation]  # where chi is at most 1
    if excess(low) > -ROUNDING:
        return low
    while excess(high) < 0:
        if high > LARGEST:
            return np.inf
        low, high = high, 2 * high
    return float(brentq(excess, low, high, **PRECISION))


def mean_exponent(
    activation: str, gain: Number, input_variance: Number, bias: Number = 0.0, *, orthogonal: bool = False
) -> float:
    """Return the mean of all Lyapunov exponents, E[log10 |det J|] / H, in decades per step.

    log10 gain + E[log10 phi'], and -1/2 nat for a Gaussian R of many units (see products.gaussian_exponents).
    -inf for ReLU, which has dead units.
    """
    if activation == "relu":
        return -np.inf
    s = np.sqrt(variance(activation, gain, input_variance, bias))
    slope = gaussian_mean(lambda v: ACTIVATIONS[activation][1](bias + v), s)
    return float(np.log10(gain) + slope - (0.0 if orthogonal else 0.5 / LN10))
