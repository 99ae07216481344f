"""The real-gated linear recurrent unit (De et al. 2024, Griffin, section 2.4).

    r_t = sigma(-(W_f x_t + b_f))                           recurrence gate
    f_t = a^(C r_t),  a = sigma(Lambda),  C = 8             the forget gate
    i_t = sqrt(1 - f_t^2) * sigma(W_i x_t + b_i)            input gate
    z_t = W_z x_t + b_z                                     candidate
    h_t = f_t * h_{t-1} + i_t * z_t                         the carousel is the first term

There is no R: no gate depends on the state, every path is the CEC, and the gradient over k steps is the product of the
f_t, unit by unit. The forget bias acts on the recurrence gate, whose sign is not the paper's, so that a positive one
keeps. A unit keeps at least a^C of its state, whatever the gate; a^C starts uniform in area on a ring from 0.9 to
0.999, as in the authors' code. The root keeps the variance of the state that of the gated input, so that no scheme
closes the input gate as it opens the other. What surrounds the unit in a block (layers, convolution) is not here.

The rate C r softplus(-Lambda) = -log f is computed as the square of its root, which is exp of half its log. The
root of 1 - f^2 is this root times one that is never zero, and has a derivative wherever a gate is: the slope of
sqrt(1 - f^2) by f has none at f = 1. Lambda is to stay below 700 in float64 and below 80 in float32, where a is 1.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved

C = 8.0
KEPT_MIN, KEPT_MAX = 0.9, 0.999  # a^C at the start
TINY = 1e-30  # makes tanh(x) / x one at x = 0 and changes no digit of it above


def draw_Lambda(rng: np.random.Generator, H: int) -> Float[np.ndarray, " H"]:
    """The logit of a, where (a^C)^2 is uniform on [KEPT_MIN^2, KEPT_MAX^2]."""
    log_a = np.log(rng.uniform(KEPT_MIN**2, KEPT_MAX**2, H)) / (2 * C)
    return log_a - np.log(-np.expm1(log_a))


class Rate(NamedTuple):
    """-log f of one step, and the root of 1 - f^2."""

    rate: Units
    root: Units  # of the rate
    ratio: Units  # of the root of 1 - f^2 to that root


def rate(ops: Ops, p: Pointwise, net: Units) -> Rate:
    """1 - f^2 = 2 t / (1 + t) with t = tanh(rate): no digit is lost where f is near 1."""
    log_rate = ops.log(-C * ops.log_sigmoid(p["Lambda"])) + ops.log_sigmoid(-net)
    root = ops.exp(0.5 * log_rate)
    found = root * root
    t, _ = ops.tanh(found)
    return Rate(found, root, (2 * (t + TINY) / ((found + TINY) * (1 + t))) ** 0.5)


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    (h_prev,) = state
    i, net, z = ops.gates(wx)
    (gate, slope), (opened, _) = ops.sigmoid(i), ops.sigmoid(net)
    rate_, root, ratio = rate(ops, p, net)
    f, weight = ops.exp(-rate_), root * ratio
    i = weight * gate
    by_rate = f * (f * gate * z * root / ratio - rate_ * h_prev)  # the derivative of h by the log of the rate
    return (f * h_prev + i * z,), (i, weight, slope, f, opened * rate_ * f, z, opened, by_rate)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    i, weight, slope, f, df, z, opened, by_rate = saved
    (d_h,) = d_state
    d_rate = d_h * by_rate
    d_net = ops.stack((d_h * (z * weight * slope), -d_rate * opened, d_h * i))
    by_Lambda = ops.sigmoid(-p["Lambda"])[0] / ops.log_sigmoid(p["Lambda"])  # of the log of the rate
    dh_prev = d_h * f
    return {"Lambda": d_rate * by_Lambda}, d_net, d_net, (dh_prev,)


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    _, net, _ = ops.gates(wx)
    return ops.log_sigmoid(p["Lambda"]) * ops.exp(ops.log_sigmoid(-net) + math.log(C))


RGLRU = Cell(
    states=("h",),
    gates=("i", "f", "z"),
    candidate="z",
    forget="f",
    pointwise={"Lambda": draw_Lambda},
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
    recurrent_states=(),
    saves="i weight slope f df z opened by_rate",
)
