"""Closed forms that the measurements are held against.

The scalar chain of the Q&A is h_t = phi(w h_{t-1} + b); its derivative over n steps is the product of
w phi'(w h_{t-k} + b) (Pascanu, Mikolov and Bengio 2013, section 2, in one dimension). Where the chain settles
on a fixed point or a cycle, the mean of log10 |w phi'| over it is the Lyapunov exponent (Strogatz 2015,
section 10.5), here in decades per step: negative = the gradient decays.
"""

from collections.abc import Callable

import numpy as np

LN10 = float(np.log(10))
WARM_UP = 4000  # steps before averaging: near-critical chains settle as 1/sqrt(t)
AVERAGE = 2000  # steps averaged: even, so that a cycle of two is weighed fairly
TINY = 1e-300  # a ReLU's state may fall for ever: it stays positive here, where a float would round it to a dead unit
GRID = 4001  # starting brackets for fixed points


def log10_sigmoid(v: np.ndarray | float) -> np.ndarray:
    """Return log10 sigma(v), exact in the far negative tail where log(sigma(v)) is not."""
    return -np.logaddexp(0.0, -np.asarray(v, float)) / LN10


def sigmoid(v: np.ndarray | float) -> np.ndarray:
    """Return 1 / (1 + exp(-v)) without overflow."""
    return 0.5 * np.tanh(0.5 * np.asarray(v, float)) + 0.5


def _log10_slope_sigmoid(v: np.ndarray) -> np.ndarray:
    return log10_sigmoid(v) + log10_sigmoid(-v)


def _log10_slope_tanh(v: np.ndarray) -> np.ndarray:
    return np.log10(4) + _log10_slope_sigmoid(2 * v)


def _log10_slope_relu(v: np.ndarray) -> np.ndarray:
    return np.where(v > 0, 0.0, -np.inf)


# name -> (phi, log10 phi'); the slope in logs, since phi' itself underflows when a unit saturates
ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "sigmoid": (sigmoid, _log10_slope_sigmoid),
    "tanh": (np.tanh, _log10_slope_tanh),
    "relu": (lambda v: np.maximum(v, 0.0), _log10_slope_relu),
    "linear": (lambda v: v, np.zeros_like),
}


def trajectory(activation: str, w: float, b: float, h0: float, steps: int) -> np.ndarray:
    """Return h_0 .. h_steps of the scalar chain, shape (steps + 1,)."""
    phi = ACTIVATIONS[activation][0]
    h = np.empty(steps + 1)
    h[0] = h0
    for t in range(steps):
        h[t + 1] = phi(w * h[t] + b)
    return h


def log10_derivative(activation: str, w: float, b: float, h0: float, steps: int) -> float:
    """Return log10 |d h_steps / d h_0|: the sum over the trajectory of log10 |w phi'(w h + b)|."""
    h = trajectory(activation, w, b, h0, steps)[:-1]
    with np.errstate(divide="ignore"):
        return float(np.sum(np.log10(abs(w)) + ACTIVATIONS[activation][1](w * h + b)))


def rate(activation: str, w: np.ndarray | float, b: float, h0: float) -> np.ndarray:
    """Return the chain's Lyapunov exponent in decades per step, for each weight of ``w``, from ``h0``.

    -inf where the derivative is exactly zero (w = 0, or a ReLU that has died).
    """
    phi, log10_slope = ACTIVATIONS[activation]
    w = np.asarray(w, float)
    h, total = np.full_like(w, h0), np.zeros_like(w)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        for t in range(WARM_UP + AVERAGE):
            net = w * h + b
            if t >= WARM_UP:
                total += log10_slope(net)
            h = phi(net)
            h = np.where((h > 0) & (h < TINY), TINY, h)
        return np.log10(np.abs(w)) + total / AVERAGE


def fixed_points(activation: str, w: float, b: float) -> np.ndarray:
    """Return every h with h = phi(w h + b), ascending (bracketed, then Brent's method to rounding).

    Only for the bounded activations, whose fixed points all lie in [-1, 1]. Raises ValueError for others.
    """
    from scipy.optimize import brentq

    if activation not in ("sigmoid", "tanh"):
        raise ValueError(f"fixed points are searched for in [-1, 1]; {activation} is not bounded")
    phi = ACTIVATIONS[activation][0]
    grid = np.linspace(-1.0, 1.0, GRID)
    gap = phi(w * grid + b) - grid
    starts = np.flatnonzero(np.sign(gap[:-1]) != np.sign(gap[1:]))
    roots = [brentq(lambda h: float(phi(w * h + b)) - h, grid[i], grid[i + 1], xtol=1e-15) for i in starts]
    return np.unique(np.round(roots, 12))


def multiplier(activation: str, w: np.ndarray | float, b: float, h: np.ndarray | float) -> np.ndarray:
    """Return w phi'(w h + b), the factor by which one step scales the derivative at ``h``."""
    return w * 10 ** ACTIVATIONS[activation][1](w * np.asarray(h, float) + b)


def largest_factor(h: float) -> tuple[float, float]:
    """Return (w, w sigma'(w h)) at the largest value over w > 0, for a state ``h`` > 0 held fixed.

    With u = w h the stationary point is u tanh(u / 2) = 1, so u = 1.5434 whatever h is.
    """
    from scipy.optimize import brentq

    u = brentq(lambda x: x * np.tanh(x / 2) - 1, 1.0, 2.0, xtol=1e-15)
    return u / h, float(u / h * sigmoid(u) * sigmoid(-u))


def largest_multiplier() -> tuple[float, float]:
    """Return (w, factor) where the bias-free sigmoid chain with w > 0 decays most slowly at its fixed point.

    At the fixed point the factor is u sigma(-u) with u = w h; its maximum solves (u - 1) exp(u) = 1, so
    u = 1 + W(1/e), the factor is W(1/e) = 0.2785 and w = u / sigma(u) = u^2 (Corless et al. 1996 for W).
    """
    from scipy.special import lambertw

    omega = float(lambertw(np.exp(-1)).real)
    return (1 + omega) ** 2, omega


def flip_weight() -> float:
    """Return the negative weight at which the bias-free sigmoid chain's factor is -1 (period doubling).

    u sigma(-u) = -1 is v sigma(v) = 1 with v = -u = 1 + W(1/e), so w = -v (1 + exp(v)) = -5.8695.
    """
    v = 1 + largest_multiplier()[1]
    return float(-v * (1 + np.exp(v)))


def forget_product(bias: float, lag: np.ndarray | int) -> np.ndarray:
    """Return log10 of the product of ``lag`` forget gates whose net input is the constant ``bias``."""
    return np.asarray(lag) * log10_sigmoid(bias)
