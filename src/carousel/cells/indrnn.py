"""The independently recurrent network (Li et al. 2018, section 3): every unit is fed back to itself alone.

    h_t = relu(W x_t + u * h_{t-1} + b)

u is one weight per unit; there is no R. A unit's gradient over a step is u times the slope, so over k steps it is u^k
while the unit is active: the Q&A's scalar chain, H times. As h enters its own net input, and by no other way, the
path `cell` has zero gradient. The log-factor is the slope alone, without the weight, as in the vanilla network.
"""

from carousel.axes import Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved, is_positive


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    (h_prev,) = state
    (net,) = ops.gates(wx)
    h, slope = ops.relu(net + p["u"] * ops.stop_gradient(h_prev))
    return (h,), (slope, h_prev)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    slope, h_prev = saved
    (d_h,) = d_state
    d_z = d_h * slope
    d_net = ops.stack((d_z,))
    dh_prev = ops.stop_gradient(p["u"] * d_z)
    return {"u": d_z * h_prev}, d_net, d_net, (dh_prev,)


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    (h_prev,) = state
    (net,) = ops.gates(wx)
    return ops.log(is_positive(ops, net + p["u"] * h_prev))


INDRNN = Cell(
    states=("h",),
    gates=("z",),
    candidate="z",
    pointwise={"u": "recurrent"},
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
    carries=False,
    recurrent_states=(),
    kinked=True,
)
