"""The vanilla recurrent network (Elman 1990), with four activations.

    h_t = phi(W x_t + R h_{t-1} + b)

The Q&A's scalar chain h_t = phi(w h_{t-1}) is the case H = 1, R = w, no input.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from carousel.axes import Array, Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved, is_positive


class Activation(NamedTuple):
    """phi with its slope, and the log of its slope, both as functions of the net input."""

    value: Callable[[Ops, Array], tuple[Array, Array]]
    log_slope: Callable[[Ops, Array], Array]
    kinked: bool = False


TANH = Activation(
    value=lambda ops, x: ops.tanh(x),
    log_slope=lambda ops, x: math.log(4) + ops.log_sigmoid(2 * x) + ops.log_sigmoid(-2 * x),
)
SIGMOID = Activation(
    value=lambda ops, x: ops.sigmoid(x),
    log_slope=lambda ops, x: ops.log_sigmoid(x) + ops.log_sigmoid(-x),
)
RELU = Activation(  # slope 0 at 0, as in torch, and NaN at NaN
    value=lambda ops, x: ops.relu(x),
    log_slope=lambda ops, x: ops.log(is_positive(ops, x)),
    kinked=True,
)
LINEAR = Activation(
    value=lambda ops, x: (x, 1.0),
    log_slope=lambda ops, x: ops.zeros(x),
)


def rnn(phi: Activation) -> Cell:
    """The vanilla network with activation `phi`."""

    def forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
        (net,) = ops.gates(wx + rh)
        h, slope = phi.value(ops, net)
        return (h,), (slope,)

    def backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
        (slope,) = saved
        (d_h,) = d_state
        d_net = ops.stack((d_h * slope,))
        return {}, d_net, d_net, (0.0,)

    def log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
        (net,) = ops.gates(wx + rh)
        return phi.log_slope(ops, net)

    return Cell(("h",), ("z",), "z", forward, backward, log_factor, carries=False, kinked=phi.kinked)


RNN_TANH = rnn(TANH)
RNN_SIGMOID = rnn(SIGMOID)
RNN_RELU = rnn(RELU)
RNN_LINEAR = rnn(LINEAR)
