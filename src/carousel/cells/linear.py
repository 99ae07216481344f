"""Gated cells that are linear in their state, minGRU and minLSTM (Feng et al. 2024, sections 3.1 and 3.2).

``mingru``
    u_t = sigma(W_u x_t + b_u)                  update gate; 1 keeps the state
    z_t = W_z x_t + b_z                         candidate
    h_t = u_t * h_{t-1} + (1 - u_t) * z_t       the carousel is the first term

``minlstm``
    i_t = sigma(W_i x_t + b_i)                  input gate
    f_t = sigma(W_f x_t + b_f)                  forget gate
    z_t = W_z x_t + b_z                         candidate
    f'_t = f_t / (f_t + i_t),  i'_t = 1 - f'_t
    h_t = f'_t * h_{t-1} + i'_t * z_t           the carousel is the first term

No gate depends on the state: there is no R, and every path is the CEC. The gradient over k steps is the product of k
keep gates, unit by unit, which is exactly the Q&A's product. This is the paper's vanilla form, step by step, with a
linear candidate; its log-space form for parallel training makes the candidate positive instead. The paper's
minGRU keeps with 1 - z_t; here the gate is the one that keeps, so that a positive forget bias keeps.

In minLSTM f' = sigma(log f - log i), computed in this form, which keeps all digits where both gates are closed. A large
forget bias alone keeps 1 / (1 + i) of the state and no more; chrono, whose biases are b and -b, makes f' = f.
"""

from carousel.axes import Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved


def _mix(ops: Ops, k: Units, z: Units, h_prev: Units) -> tuple[Units, Saved]:
    """sigma(k) * h_prev + sigma(-k) * z, and what the adjoint of that needs."""
    (keep, slope), (take, _) = ops.sigmoid(k), ops.sigmoid(-k)
    return keep * h_prev + take * z, (keep, take, slope, z, h_prev)


def _unmix(saved: Saved, d_h: Units) -> tuple[Units, Units, Units]:
    """The adjoints of the k, z and h_prev of `_mix`."""
    keep, take, slope, z, h_prev = saved
    return d_h * (h_prev - z) * slope, d_h * take, d_h * keep


def _forward_gru(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    u, z = ops.gates(wx)
    h, saved = _mix(ops, u, z, state[0])
    return (h,), saved


def _backward_gru(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    d_u, d_z, dh_prev = _unmix(saved, d_state[0])
    d_net = ops.stack((d_u, d_z))
    return {}, d_net, d_net, (dh_prev,)


def _log_factor_gru(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    u, _ = ops.gates(wx)
    return ops.log_sigmoid(u)


def _forward_lstm(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    i, f, z = ops.gates(wx)
    (slope_i, _), (slope_f, _) = ops.sigmoid(-i), ops.sigmoid(-f)  # the slopes of log sigma
    h, saved = _mix(ops, ops.log_sigmoid(f) - ops.log_sigmoid(i), z, state[0])
    return (h,), (slope_i, slope_f, *saved)


def _backward_lstm(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    slope_i, slope_f, *mixed = saved
    d_k, d_z, dh_prev = _unmix(tuple(mixed), d_state[0])
    d_net = ops.stack((-d_k * slope_i, d_k * slope_f, d_z))
    return {}, d_net, d_net, (dh_prev,)


def _log_factor_lstm(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    i, f, _ = ops.gates(wx)
    return ops.log_sigmoid(ops.log_sigmoid(f) - ops.log_sigmoid(i))


MINGRU = Cell(
    states=("h",),
    gates=("u", "z"),
    candidate="z",
    forget="u",
    forward=_forward_gru,
    backward=_backward_gru,
    log_factor=_log_factor_gru,
    saves="u i du z h_prev",
    recurrent_states=(),
)
MINLSTM = Cell(
    states=("h",),
    gates=("i", "f", "z"),
    candidate="z",
    forget="f",
    input="i",
    forward=_forward_lstm,
    backward=_backward_lstm,
    log_factor=_log_factor_lstm,
    saves="slope_i slope_f f i slope z h_prev",
    recurrent_states=(),
)
