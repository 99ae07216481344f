"""sLSTM, the scalar memory cell of xLSTM (Beck et al. 2024, equations 8 to 17), in the letters of Greff et al.

    i_t = exp  (W_i x_t + R_i h_{t-1} + b_i)        input gate, exponential
    f_t = sigma(W_f x_t + R_f h_{t-1} + b_f)        forget gate; the paper allows exp as well
    z_t = tanh (W_z x_t + R_z h_{t-1} + b_z)        candidate
    o_t = sigma(W_o x_t + R_o h_{t-1} + b_o)        output gate
    m_t = max(log f_t + m_{t-1}, log i_t)           stabiliser
    f'_t = exp(log f_t + m_{t-1} - m_t)
    i'_t = exp(log i_t - m_t)
    n_t = f'_t * n_{t-1} + i'_t                     normaliser
    c_t = f'_t * c_{t-1} + i'_t * z_t               the carousel
    h_t = o_t * c_t / n_t

R has one head. One of f' and i' is always 1, so neither overflows; n is never negative. From an empty carousel
(n = 0) the first i' may be as small as the smallest float, so log i is to stay above -700 there in float64 and
above -87 in float32.

What the equations mean does not depend on m: the states (n, c, m) and (n / a, c / a, m + log a) give the same h for
ever. So one direction of every unit's state changes no later h, and no loss gradient points along it. The Jacobian of
the joint state keeps it where the forget gate sets m, and maps it to zero where the input gate does: a Lyapunov
spectrum has one exponent per unit from it, 0 or -inf.
Everything is differentiated, the max included. The log-factor is log f', the carousel's factor in these states.
"""

from carousel.axes import Array, Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved


def _stabilised(ops: Ops, log_i: Units, f: Units, m_prev: Units) -> tuple[Array, Array, Array, Array]:
    """i', f', m and, as 0 or 1, whether the input gate set m; a mask, so that nothing cancels in a derivative."""
    kept = ops.log_sigmoid(f) + m_prev
    gap = log_i - kept
    new = (gap > 0) + ops.zeros(gap)
    return ops.exp((1 - new) * gap), ops.exp(-new * gap), new * log_i + (1 - new) * kept, new


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    _, n_prev, m_prev, c_prev = state
    log_i, f_net, z, o = ops.gates(wx + rh)
    (z, dz), (o, do), (d_log_f, _) = ops.tanh(z), ops.sigmoid(o), ops.sigmoid(-f_net)
    i, f, m, new = _stabilised(ops, log_i, f_net, m_prev)
    n = f * n_prev + i
    c = f * c_prev + i * z
    y = c / n
    return (o * y, n, m, c), (i, f, z, dz, o, do, y, d_log_f, new, n, n_prev, c_prev)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    i, f, z, dz, o, do, y, d_log_f, new, n, n_prev, c_prev = saved
    d_h, d_n, d_m, d_c = d_state
    dc, dn = d_c + d_h * o / n, d_n - d_h * o * y / n
    by_f, by_i = f * (dc * c_prev + dn * n_prev), i * (dc * z + dn)
    d_i = new * (d_m - by_f) + (1 - new) * by_i
    d_kept = new * by_f + (1 - new) * (d_m - by_i)
    d_net = ops.stack((d_i, d_kept * d_log_f, dc * i * dz, d_h * y * do))
    dc_prev = dc * f
    return {}, d_net, d_net, (0.0, dn * f, d_kept, dc_prev)


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    log_i, f, _, _ = ops.gates(wx + rh)
    gap = log_i - (ops.log_sigmoid(f) + state[2])
    return -gap * ((gap > 0) + ops.zeros(gap))


SLSTM = Cell(
    states=("h", "n", "m", "c"),
    gates=("i", "f", "z", "o"),
    candidate="z",
    forget="f",
    input="i",
    output="o",
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
    saves="i f z dz o do y d_log_f new n n_prev c_prev",
    kinked=True,
    positive=("n",),
)
