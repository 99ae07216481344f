"""The scalar chain of the Q&A, h_t = phi(w h_{t-1} + b).

Its derivative over n steps is the product of w phi'(w h_{t-k} + b) (Pascanu, Mikolov and Bengio 2013, section 2, in
one dimension). Where the chain settles on a fixed point or a cycle, the mean of log10 |w phi'| over it is the
Lyapunov exponent (Strogatz 2015, section 10.5), here in decades per step: negative = the gradient decays.

All four activations rise monotonically, which leaves no room for more: with w >= 0 the map rises and every orbit
moves one way, so there are fixed points only; with w < 0 the map applied twice rises, so there are cycles of two at
most, and one fixed point. Sigmoid and tanh have a negative Schwarzian derivative: that cycle is then unique and
attracts, and it is there exactly where the fixed point repels (Singer 1978).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Number = float | int
Real = np.ndarray | Number  # a number, or an array of them
LN10 = float(np.log(10))
WARM_UP = 4000  # steps before averaging: near-critical chains settle as 1/sqrt(t)
AVERAGE = 2000  # steps averaged: even, so that a cycle of two is weighed fairly
TINY = 1e-300  # a ReLU's state may fall for ever: it stays positive here, where a float would round it to a dead unit
FLIPPED = 1e-8  # how far beyond -1 a factor must be for a cycle to be told from its fixed point
PRECISION = {"xtol": 1e-300, "rtol": 1e-15, "maxiter": 3000}  # of roots: relative, since they may be tiny
CRITICAL_POWER = -1.5
"""The tanh chain with w = 1, b = 0: h falls as sqrt(3 / 2t), so the derivative over n steps as n^(-3/2)."""


def log10_sigmoid(v: Real) -> np.ndarray:
    """Return log10 sigma(v), exact in the far negative tail where log(sigma(v)) is not."""
    return np.asarray(-np.logaddexp(0.0, -np.asarray(v, float)) / LN10)


def sigmoid(v: Real) -> np.ndarray:
    """Return 1 / (1 + exp(-v)) without overflow, exact in the far negative tail."""
    return np.asarray(np.exp(-np.logaddexp(0.0, -np.asarray(v, float))))


def _log10_slope_sigmoid(v: Real) -> np.ndarray:
    return np.asarray(log10_sigmoid(v) + log10_sigmoid(-v))


def _log10_slope_tanh(v: Real) -> np.ndarray:
    return np.asarray(np.log10(4) + _log10_slope_sigmoid(2 * v))


def _log10_slope_relu(v: Real) -> np.ndarray:
    return np.where(v > 0, 0.0, -np.inf)


# name -> (phi, log10 phi'); the slope in logs, since phi' itself underflows when a unit saturates
ACTIVATIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], np.ndarray]]] = {
    "sigmoid": (sigmoid, _log10_slope_sigmoid),
    "tanh": (np.tanh, _log10_slope_tanh),
    "relu": (lambda v: np.maximum(v, 0.0), _log10_slope_relu),
    "linear": (lambda v: v, np.zeros_like),
}


class Orbit(NamedTuple):
    """A fixed point (one state) or a cycle of two: its factor for one round, and its decades per step."""

    states: tuple[float, ...]
    multiplier: float
    exponent: float

    @property
    def stable(self) -> bool:
        """Return whether nearby states are drawn in."""
        return self.exponent < 0


def trajectory(activation: str, w: Number, b: Number, h0: Number, steps: int) -> np.ndarray:
    """Return h_0 .. h_steps of the scalar chain, shape (steps + 1,)."""
    phi = ACTIVATIONS[activation][0]
    h = np.empty(steps + 1)
    h[0] = h0
    for t in range(steps):
        h[t + 1] = phi(w * h[t] + b)
    return h


def log10_derivative(activation: str, w: Number, b: Number, h0: Number, steps: int) -> float:
    """Return log10 |d h_steps / d h_0|: the sum over the trajectory of log10 |w phi'(w h + b)|."""
    h = trajectory(activation, w, b, h0, steps)[:-1]
    with np.errstate(divide="ignore"):
        return float(np.sum(np.log10(abs(w)) + ACTIVATIONS[activation][1](w * h + b)))


def rate(activation: str, w: Real, b: Number, h0: Number) -> np.ndarray:
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
        return np.asarray(np.log10(np.abs(w)) + total / AVERAGE)


def multiplier(activation: str, w: Real, b: Number, h: Real) -> np.ndarray:
    """Return w phi'(w h + b), the factor by which one step scales the derivative at ``h``."""
    return np.asarray(w * 10 ** ACTIVATIONS[activation][1](w * np.asarray(h, float) + b))


def fixed_points(activation: str, w: Number, b: Number) -> np.ndarray:
    """Return every h with h = phi(w h + b), ascending, to rounding.

    Sigmoid and tanh: the gap phi(w h + b) - h is monotone between the states where its slope w phi' - 1 is zero, so
    each stretch between them is searched once. ReLU and linear: in closed form. Raises ValueError where a whole
    range of h is fixed (w = 1, b = 0 of those two).
    """
    from scipy.optimize import brentq

    if activation not in ("sigmoid", "tanh"):
        return _fixed_affine(activation, w, b)
    phi = ACTIVATIONS[activation][0]
    borders = np.array([-1.0, *np.clip(_turns(activation, w, b), -1.0, 1.0), 1.0])
    above = np.sign(phi(w * borders + b) - borders)
    starts = np.flatnonzero(above[:-1] != above[1:])
    found = [brentq(lambda h: float(phi(w * h + b)) - h, *borders[i : i + 2], **PRECISION) for i in starts]
    return np.unique(found)


def _turns(activation: str, w: Number, b: Number) -> np.ndarray:
    """Return the h at which w phi'(w h + b) = 1, ascending: cosh^2 v = w for tanh, cosh^2(v / 2) = w / 4 else."""
    least, scale = (1.0, 1.0) if activation == "tanh" else (4.0, 2.0)
    if w <= least:
        return np.empty(0)
    v = scale * np.arccosh(np.sqrt(w / least))
    return (np.array([-v, v]) - b) / w


def _fixed_affine(activation: str, w: Number, b: Number) -> np.ndarray:
    """Return the fixed points of the ReLU and of the linear chain: b / (1 - w), and a ReLU's 0 where b <= 0."""
    if w == 1 and b == 0:
        raise ValueError(f"the {activation} chain with w = 1, b = 0 stays wherever it is")
    root = np.empty(0) if w == 1 else np.array([b / (1 - w) + 0.0])
    if activation == "linear":
        return root
    return np.concatenate([np.zeros(int(b <= 0)), root[root > 0]])


def cycle(activation: str, w: Number, b: Number) -> np.ndarray:
    """Return the two states of the chain's cycle, ascending; empty where there is none.

    Raises ValueError where a whole range of h is on cycles (w = -1 of ReLU and linear). A cycle whose fixed point
    has a factor within FLIPPED of -1 counts as that point.
    """
    from scipy.optimize import brentq

    if activation not in ("sigmoid", "tanh"):
        return _cycle_affine(activation, w, b)
    if w >= 0:
        return np.empty(0)
    phi = ACTIVATIONS[activation][0]
    (centre,) = fixed_points(activation, w, b)
    beyond = float(multiplier(activation, w, b, centre)) ** 2 - 1
    if beyond < FLIPPED:
        return np.empty(0)
    inside = centre - 1e-3 * min(1.0, np.sqrt(beyond)) / abs(w)  # the cycle's own width is that root over |w|
    low = brentq(lambda h: float(phi(w * phi(w * h + b) + b)) - h, -1.0, inside, **PRECISION)
    return np.array([low, float(phi(w * low + b))])


def _cycle_affine(activation: str, w: Number, b: Number) -> np.ndarray:
    """Return a ReLU's cycle between 0 and b where w < -1; a linear chain has none."""
    if w == -1 and (activation == "linear" or b > 0):
        raise ValueError(f"the {activation} chain with w = -1 returns after two steps from wherever it is")
    return np.array([0.0, b]) if activation == "relu" and w < -1 and b > 0 else np.empty(0)


def orbits(activation: str, w: Number, b: Number) -> list[Orbit]:
    """Return the chain's fixed points, ascending, and its cycle of two where there is one.

    There are no others (see the module's head). Raises ValueError where fixed_points or cycle does.
    """
    rings = [*fixed_points(activation, w, b)[:, None], cycle(activation, w, b)]
    return [_orbit(activation, w, b, ring) for ring in rings if len(ring)]


def _orbit(activation: str, w: Number, b: Number, states: np.ndarray) -> Orbit:
    with np.errstate(divide="ignore"):
        logs = np.log10(abs(w)) + ACTIVATIONS[activation][1](w * states + b)
    factor = float(np.prod(multiplier(activation, w, b, states)))
    return Orbit(tuple(states.tolist()), factor, float(np.mean(logs)))


def largest_factor(h: Number) -> tuple[float, float]:
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
