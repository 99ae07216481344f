"""Three cells with one gate u, which keeps where it is 1: a positive forget bias keeps in all of them.

``janet`` (van der Westhuizen and Lasenby 2018, their equations for s, c and h; beta = 1, as there):

    u_t = sigma(W_u x_t + R_u h_{t-1} + b_u)                    the LSTM's forget gate
    i_t = 1 - sigma(W_u x_t + R_u h_{t-1} + b_u - beta)         lets in more than 1 - u
    z_t = tanh (W_z x_t + R_z h_{t-1} + b_z)                    candidate
    h_t = u_t * h_{t-1} + i_t * z_t                             the carousel is the first term

``mgu`` (Zhou et al. 2016), where u is 1 - f of the paper, whose gate is 1 where the state is replaced:

    u_t = sigma(W_u x_t + R_u h_{t-1} + b_u)
    v_t = (1 - u_t) * h_{t-1}                                   the intermediate input: the gate is the reset gate too
    z_t = tanh (W_z x_t + R_z v_t + b_z)
    h_t = u_t * h_{t-1} + (1 - u_t) * z_t

``minimal_rnn`` (Chen 2017, with one tanh layer for the paper's Phi): the candidate does not depend on the
state, and the gate depends on the candidate instead of x:

    z_t = tanh (W_z x_t + b_z)
    u_t = sigma(R_u h_{t-1} + R'_u z_t + b_u)
    h_t = u_t * h_{t-1} + (1 - u_t) * z_t
"""

from carousel.axes import Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, IntermediateInput, Ops, Pointwise, Saved

BETA = 1.0  # of JANET


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    u, _ = ops.gates(wx + rh)
    return ops.log_sigmoid(u)


def _forward_janet(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    (h_prev,) = state
    s, z = ops.gates(wx + rh)
    (u, du), (i, di), (z, dz) = ops.sigmoid(s), ops.sigmoid(BETA - s), ops.tanh(z)
    return (u * h_prev + i * z,), (u, du, i, di, z, dz, h_prev)


def _backward_janet(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    u, du, i, di, z, dz, h_prev = saved
    (d_h,) = d_state
    d_net = ops.stack((d_h * (h_prev * du - z * di), d_h * i * dz))
    dh_prev = d_h * u
    return {}, d_net, d_net, (dh_prev,)


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    """h = u h + (1 - u) z, of `mgu` and `minimal_rnn`, which differ in their intermediate input and masked blocks."""
    (h_prev,) = state
    u, z = ops.gates(wx + rh)
    (u, du), (z, dz) = ops.sigmoid(u), ops.tanh(z)
    return (u * h_prev + (1 - u) * z,), (u, du, z, dz, h_prev)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    u, du, z, dz, h_prev = saved
    (d_h,) = d_state
    d_net = ops.stack((d_h * (h_prev - z) * du, d_h * (1 - u) * dz))
    dh_prev = d_h * u
    return {}, d_net, d_net, (dh_prev,)


def _reset(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[Units, Saved]:
    (h_prev,) = state
    u, _ = ops.gates(wx + rh)
    u, du = ops.sigmoid(u)
    return (1 - u) * h_prev, (u, du, h_prev)


def _reset_back(ops: Ops, p: Pointwise, saved: Saved, d_v: Units) -> Adjoints:
    u, du, h_prev = saved
    d_net = ops.stack((-d_v * h_prev * du, ops.zeros(d_v)))
    return {}, d_net, d_net, (d_v * (1 - u),)


def _encoded(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[Units, Saved]:
    _, z = ops.gates(wx)
    z, dz = ops.tanh(z)
    return z, (dz,)


def _encoded_back(ops: Ops, p: Pointwise, saved: Saved, d_v: Units) -> Adjoints:
    (dz,) = saved
    zero = ops.zeros(d_v)
    return {}, ops.stack((zero, d_v * dz)), ops.stack((zero, zero)), (0.0,)


JANET = Cell(
    states=("h",),
    gates=("u", "z"),
    candidate="z",
    forget="u",
    forward=_forward_janet,
    backward=_backward_janet,
    log_factor=_log_factor,
    saves="u du i di z dz h_prev",
)
MGU = Cell(
    states=("h",),
    gates=("u", "z"),
    candidate="z",
    forget="u",
    intermediate=IntermediateInput("v", _reset, _reset_back),
    masked_blocks=frozenset({("u", "v"), ("z", "h")}),
    saves="u du z dz h_prev v u du h_prev",
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
)
MINIMAL_RNN = Cell(
    states=("h",),
    gates=("u", "z"),
    candidate="z",
    forget="u",
    intermediate=IntermediateInput("z", _encoded, _encoded_back),
    masked_blocks=frozenset({("u", "x"), ("z", "h"), ("z", "z")}),
    saves="u du z dz h_prev z dz",
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
)
