"""The gated recurrent unit (Cho et al. 2014) in both its forms. ``gru`` is that of torch.nn.GRU and cuDNN:

    r_t = sigma(W_r x_t + R_r h_{t-1} + b_r)                    reset gate
    u_t = sigma(W_u x_t + R_u h_{t-1} + b_u)                    update gate; 1 keeps the state
    z_t = tanh (W_z x_t + b_z + r_t * (R_z h_{t-1} + p_z))      candidate
    h_t = (1 - u_t) * z_t + u_t * h_{t-1}                       the carousel is the last term

Its reset gate acts *after* the product with R. p_z is the candidate's second bias, which only this form has.
``gru_v1`` is that of Cho et al., where the reset gate acts *before* the product:

    v_t = r_t * h_{t-1}                                         the intermediate input, of the candidate alone
    z_t = tanh (W_z x_t + R_z v_t + b_z)                        candidate

The forget bias acts on the update gate, in the sign of the paper: 1 keeps.
"""

from carousel.axes import Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, IntermediateInput, Ops, Pointwise, Saved


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    (h_prev,) = state
    r, u, z = ops.gates(wx)
    r_h, u_h, z_h = ops.gates(rh)
    (r, dr), (u, du) = ops.sigmoid(r + r_h), ops.sigmoid(u + u_h)
    reset = z_h + p["p_z"]
    z, dz = ops.tanh(z + r * reset)
    return ((1 - u) * z + u * h_prev,), (r, dr, u, du, z, dz, reset, h_prev)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    r, dr, u, du, z, dz, reset, h_prev = saved
    (d_h,) = d_state
    d_z = d_h * (1 - u) * dz
    d_u = d_h * (h_prev - z) * du
    d_r = d_z * reset * dr
    dh_prev = d_h * u
    return {"p_z": d_z * r}, ops.stack((d_r, d_u, d_z)), ops.stack((d_r, d_u, d_z * r)), (dh_prev,)


def _reset(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[Units, Saved]:
    (h_prev,) = state
    r, _, _ = ops.gates(wx + rh)
    r, dr = ops.sigmoid(r)
    return r * h_prev, (r, dr, h_prev)


def _reset_back(ops: Ops, p: Pointwise, saved: Saved, d_v: Units) -> Adjoints:
    r, dr, h_prev = saved
    zero = ops.zeros(d_v)
    d_net = ops.stack((d_v * h_prev * dr, zero, zero))
    return {}, d_net, d_net, (d_v * r,)


def _forward_v1(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    (h_prev,) = state
    _, u, z = ops.gates(wx + rh)
    (u, du), (z, dz) = ops.sigmoid(u), ops.tanh(z)
    return ((1 - u) * z + u * h_prev,), (u, du, z, dz, h_prev)


def _backward_v1(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    u, du, z, dz, h_prev = saved
    (d_h,) = d_state
    d_net = ops.stack((ops.zeros(d_h), d_h * (h_prev - z) * du, d_h * (1 - u) * dz))
    dh_prev = d_h * u
    return {}, d_net, d_net, (dh_prev,)


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    _, u, _ = ops.gates(wx + rh)
    return ops.log_sigmoid(u)


GRU = Cell(
    states=("h",),
    gates=("r", "u", "z"),
    candidate="z",
    forget="u",
    pointwise={"p_z": "bias"},
    saves="r dr u du z dz reset h_prev",
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
)
GRU_V1 = Cell(
    states=("h",),
    gates=("r", "u", "z"),
    candidate="z",
    forget="u",
    intermediate=IntermediateInput("v", _reset, _reset_back),
    masked_blocks=frozenset({("r", "v"), ("u", "v"), ("z", "h")}),
    saves="u du z dz h_prev v r dr h_prev",
    forward=_forward_v1,
    backward=_backward_v1,
    log_factor=_log_factor,
)
