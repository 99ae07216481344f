"""The gated recurrent unit (Cho et al. 2014) in the form of torch.nn.GRU and cuDNN.

    r_t = sigma(W_r x_t + R_r h_{t-1} + b_r)                    reset gate
    u_t = sigma(W_u x_t + R_u h_{t-1} + b_u)                    update gate; 1 keeps the state
    z_t = tanh (W_z x_t + b_z + r_t * (R_z h_{t-1} + p_z))      candidate
    h_t = (1 - u_t) * z_t + u_t * h_{t-1}                       the carousel is the last term

The reset gate acts *after* the product with R ("reset after"); Cho et al. reset h before it. p_z is the
candidate's second bias, which only this form has. The forget bias acts on the update gate.
"""

from carousel.axes import Array, Net, State, Units
from carousel.cells.cell import Cell, Ops, Pointwise, Saved


def _forward(ops: Ops, p: Pointwise, wx: Net, rh: Net, state: State) -> tuple[State, Saved]:
    (h_prev,) = state
    r, u, z = ops.gates(wx)
    r_h, u_h, z_h = ops.gates(rh)
    (r, dr), (u, du) = ops.sigmoid(r + r_h), ops.sigmoid(u + u_h)
    reset = z_h + p["p_z"]
    z, dz = ops.tanh(z + r * reset)
    return ((1 - u) * z + u * h_prev,), (r, dr, u, du, z, dz, reset, h_prev)


def _backward(
    ops: Ops, p: Pointwise, saved: Saved, d_state: State
) -> tuple[dict[str, Units], Net, Net, tuple[Array, ...]]:
    r, dr, u, du, z, dz, reset, h_prev = saved
    (d_h,) = d_state
    d_z = d_h * (1 - u) * dz
    d_u = d_h * (h_prev - z) * du
    d_r = d_z * reset * dr
    dh_prev = d_h * u
    return {"p_z": d_z * r}, ops.stack((d_r, d_u, d_z)), ops.stack((d_r, d_u, d_z * r)), (dh_prev,)


def _log_factor(ops: Ops, p: Pointwise, wx: Net, rh: Net, state: State) -> Units:
    _, u, _ = ops.gates(wx + rh)
    return ops.log_sigmoid(u)


GRU = Cell(
    states=("h",),
    gates=("r", "u", "z"),
    candidate="z",
    forget="u",
    pointwise={"p_z": "bias"},
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
)
