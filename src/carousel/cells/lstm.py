"""Long short-term memory, in the letters of Greff et al. (2017), equations of their section II.

    i_t = sigma(W_i x_t + R_i h_{t-1} + p_i * c_{t-1} + b_i)    input gate
    f_t = sigma(W_f x_t + R_f h_{t-1} + p_f * c_{t-1} + b_f)    forget gate
    z_t = tanh (W_z x_t + R_z h_{t-1} + b_z)                    candidate (block input)
    c_t = f_t * c_{t-1} + i_t * z_t                             the carousel
    o_t = sigma(W_o x_t + R_o h_{t-1} + p_o * c_t + b_o)        output gate
    h_t = o_t * tanh(c_t)

``lstm_peephole`` is all of it, the vanilla LSTM of Greff et al.; ``lstm`` has p = 0 and equals torch.nn.LSTM;
``lstm97`` (Hochreiter and Schmidhuber 1997) has p = 0 and f = 1. Its squashings are tanh here, where the paper has
scaled logistic functions with the ranges [-2, 2] and [-1, 1].
"""

from carousel.axes import Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    _, c_prev = state
    i, f, z, o = ops.gates(wx + rh)
    (i, di), (f, df), (z, dz), (o, do) = ops.sigmoid(i), ops.sigmoid(f), ops.tanh(z), ops.sigmoid(o)
    c = f * c_prev + i * z
    y, dy = ops.tanh(c)
    return (o * y, c), (i, di, f, df, z, dz, o, do, y, dy, c_prev)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    i, di, f, df, z, dz, o, do, y, dy, c_prev = saved
    d_h, d_c = d_state
    dc = d_c + d_h * o * dy
    d_net = ops.stack((dc * z * di, dc * c_prev * df, dc * i * dz, d_h * y * do))
    dc_prev = dc * f
    return {}, d_net, d_net, (0.0, dc_prev)


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    _, f, _, _ = ops.gates(wx + rh)
    return ops.log_sigmoid(f)


def _forward_97(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    _, c_prev = state
    i, z, o = ops.gates(wx + rh)
    (i, di), (z, dz), (o, do) = ops.sigmoid(i), ops.tanh(z), ops.sigmoid(o)
    c = c_prev + i * z
    y, dy = ops.tanh(c)
    return (o * y, c), (i, di, z, dz, o, do, y, dy)


def _backward_97(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    i, di, z, dz, o, do, y, dy = saved
    d_h, d_c = d_state
    dc = d_c + d_h * o * dy
    d_net = ops.stack((dc * z * di, dc * i * dz, d_h * y * do))
    dc_prev = dc
    return {}, d_net, d_net, (0.0, dc_prev)


def _log_factor_97(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    _, c_prev = state
    return ops.zeros(c_prev)


def _forward_peephole(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    _, c_prev = state
    i, f, z, o = ops.gates(wx + rh)
    peep = ops.stop_gradient(c_prev)
    (i, di), (f, df) = ops.sigmoid(i + p["p_i"] * peep), ops.sigmoid(f + p["p_f"] * peep)
    z, dz = ops.tanh(z)
    c = f * c_prev + i * z
    o, do = ops.sigmoid(o + p["p_o"] * ops.stop_gradient(c))
    y, dy = ops.tanh(c)
    return (o * y, c), (i, di, f, df, z, dz, o, do, y, dy, c_prev, c)


def _backward_peephole(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    i, di, f, df, z, dz, o, do, y, dy, c_prev, c = saved
    d_h, d_c = d_state
    d_o = d_h * y * do
    dc = d_c + d_h * o * dy + ops.stop_gradient(p["p_o"] * d_o)
    d_i, d_f, d_z = dc * z * di, dc * c_prev * df, dc * i * dz
    d_net = ops.stack((d_i, d_f, d_z, d_o))
    dc_prev = dc * f + ops.stop_gradient(p["p_i"] * d_i + p["p_f"] * d_f)
    return {"p_i": d_i * c_prev, "p_f": d_f * c_prev, "p_o": d_o * c}, d_net, d_net, (0.0, dc_prev)


def _log_factor_peephole(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    _, c_prev = state
    _, f, _, _ = ops.gates(wx + rh)
    return ops.log_sigmoid(f + p["p_f"] * c_prev)


LSTM = Cell(
    states=("h", "c"),
    gates=("i", "f", "z", "o"),
    candidate="z",
    forget="f",
    input="i",
    output="o",
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
    saves="i di f df z dz o do y dy c_prev",
)
LSTM_97 = Cell(
    states=("h", "c"),
    gates=("i", "z", "o"),
    candidate="z",
    input="i",
    output="o",
    forward=_forward_97,
    backward=_backward_97,
    log_factor=_log_factor_97,
    saves="i di z dz o do y dy",
)
LSTM_PEEPHOLE = Cell(
    states=("h", "c"),
    gates=("i", "f", "z", "o"),
    candidate="z",
    forget="f",
    input="i",
    output="o",
    pointwise={"p_i": "weight", "p_f": "weight", "p_o": "weight"},
    forward=_forward_peephole,
    backward=_backward_peephole,
    log_factor=_log_factor_peephole,
    saves="i di f df z dz o do y dy c_prev c",
)
