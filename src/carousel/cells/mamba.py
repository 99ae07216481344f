"""The selective recurrence of Mamba (Gu and Dao 2023, S6: equations 2 and 4, section 3.2), one state per unit.

    Delta_t = softplus(-(W_f x_t + b_f))                step size
    f_t = exp(-A Delta_t) = sigma(W_f x_t + b_f)^A      the discretised A: a forget gate to the power A
    i_t = (1 - f_t) / A * (W_i x_t + b_i)               the discretised B_t, by zero-order hold
    z_t = W_z x_t + b_z                                 candidate: the channel's input
    c_t = f_t * c_{t-1} + i_t * z_t                     the carousel
    o_t = W_o x_t + b_o                                 C_t
    h_t = o_t * c_t

The paper's layer has channels with N = 16 states each; a unit here is one state of one channel, with an A = exp(log_A)
of its own. Where the units of a channel share W_f and W_z, those of a number n share W_i and W_o, and the readout adds
up a channel, this is that layer. A starts as 1, 2, ..., N, channel by channel (S4D-Real). With A = 1 and i and o held
at one it is minGRU (theorem 1).

There is no R: no gate depends on the state, every path is the CEC, and the gradient over k steps is the product of the
f_t, unit by unit. A forget bias is minus the bias of the step size, so that a positive one keeps; the forget bias
``loguniform`` is the published start. W_i x and W_o x are factors of either sign, no gates: no scheme closes them.

What surrounds the recurrence in a block (convolution, SiLU, the term D x) is not here. The authors' code has
Delta_t for (1 - f_t) / A, its first order; W_i and W_o have no bias there, and W_f has a low rank.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Nets, PerUnit, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved

STATES = 16  # N, the states per channel


def draw_log_A(rng: np.random.Generator, H: int) -> Float[np.ndarray, " H"]:
    """The log of A = 1, 2, ..., STATES, over and over; nothing is drawn."""
    return np.log(1.0 + np.arange(H) % STATES)


class Held(NamedTuple):
    """The zero-order hold of one step."""

    A: PerUnit
    log_f: Units
    f: Units
    df: Units  # the slope of f by the net input of the forget gate
    weight: Units  # (1 - f) / A


def hold(ops: Ops, p: Pointwise, net: Units) -> Held:
    """1 - f = 2 t / (1 + t) with t = tanh(A Delta / 2): no digit is lost where f is near 1."""
    A, (closed, _) = ops.exp(p["log_A"]), ops.sigmoid(-net)
    log_f = A * ops.log_sigmoid(net)
    f, (t, _) = ops.exp(log_f), ops.tanh(-0.5 * log_f)
    return Held(A, log_f, f, A * closed * f, 2 * t / (A * (1 + t)))


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    c_prev = state[1]
    B, net, z, o = ops.gates(wx)
    A, log_f, f, df, weight = hold(ops, p, net)
    i = weight * B
    c = f * c_prev + i * z
    by_f = c_prev - B * z / A
    by_A = log_f * f * by_f - i * z  # the derivatives of c by f and by log_A
    return (o * c, c), (i, weight, f, df, z, o, by_f, by_A, c)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    i, weight, f, df, z, o, by_f, by_A, c = saved
    d_h, d_c = d_state
    dc = d_c + d_h * o
    d_net = ops.stack((dc * z * weight, dc * by_f * df, dc * i, d_h * c))
    dc_prev = dc * f
    return {"log_A": dc * by_A}, d_net, d_net, (0.0, dc_prev)


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    _, net, _, _ = ops.gates(wx)
    return ops.exp(p["log_A"]) * ops.log_sigmoid(net)


MAMBA = Cell(
    states=("h", "c"),
    gates=("i", "f", "z", "o"),
    candidate="z",
    forget="f",
    pointwise={"log_A": draw_log_A},
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
    recurrent_states=(),
    saves="i di f df z o by_f by_A c",
)
