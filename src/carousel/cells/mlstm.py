"""mLSTM, the matrix memory cell of xLSTM (Beck et al. 2024, equations 19 to 27), in the letters of Greff et al.

    q_t = W_q x_t + b_q                              query
    k_t = (W_k x_t + b_k) / sqrt(H)                  key
    z_t = W_z x_t + b_z                              candidate, the paper's value v
    i_t = exp  (mean of W_i x_t + b_i)               input gate, exponential, one number
    f_t = sigma(mean of W_f x_t + b_f)               forget gate, one number; the paper allows exp as well
    o_t = sigma(W_o x_t + b_o)                       output gate
    n_t = f_t n_{t-1} + i_t k_t                      normaliser
    C_t = f_t C_{t-1} + i_t z_t k_t^T                the carousel, H x H
    h_t = o_t * C_t q_t / max(|n_t . q_t|, 1)

One head of H units. Nothing depends on h_{t-1}: there is no R, and every path is the CEC. C is kept row by row.

The paper's gates i and f have one row of weights per head. Here a gate has one per unit, as in all cells, and the mean
of their net inputs is the head's: the same functions of x, and a forget bias that all units share is the head's own. A
scheme that draws a bias for each unit (chrono) gives the head their mean.

The paper's stabiliser m, which multiplies n and C by exp(-m) so that no exponential overflows, is no state here. It
changes no h, but it would multiply the gradient by n and C by exp(m), and f by exp(m_{t-1} - m_t): no error would seem
to be lost while the forget gate sets m. The gradient of the equations themselves depends on no m; a step multiplies it
by f, and the log-factor is log f. In exchange log i has to stay below 700 in float64, and below 85 in float32 and
bfloat16; beyond, h is not finite.

The normaliser makes up for f: where |n . q| > 1, C q / |n . q| loses nothing as both are multiplied by f.

The gradient has a jump where |n . q| = 1.
"""

from jaxtyping import Float

from carousel.axes import Array, Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved, is_positive

Matrix = Float[Array, "M H H B"]
OfHead = Float[Array, "M 1 B"]  # one number per sequence


def _mean(net: Units) -> OfHead:
    return net.mean(1, keepdims=True)


def _at_least_one(ops: Ops, x: OfHead) -> tuple[OfHead, OfHead]:
    """max(|x|, 1), and its slope."""
    size, over = ops.relu(abs(x) - 1.0)[0] + 1.0, is_positive(ops, abs(x) - 1.0)
    return size, over * (2.0 * is_positive(ops, x) - 1.0)


def _outer(a: Units, b: Units) -> Matrix:
    """a b^T."""
    return a[:, :, None] * b[:, None]


def _times(C: Matrix, b: Units) -> Units:
    """C b."""
    return (C * b[:, None]).sum(2)


def _transposed_times(C: Matrix, a: Units) -> Units:
    """C^T a."""
    return (C * a[:, :, None]).sum(1)


def _dot(a: Units, b: Units) -> OfHead:
    """a . b."""
    return (a * b).sum(1, keepdims=True)


def _matrix(C: Float[Array, "M HH B"], like: Units) -> Matrix:
    """The numbers of a state as a matrix."""
    M, H, B = like.shape
    return C.reshape(M, H, H, B)


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    h_prev, n_prev, C_prev = state
    i, f, q, k, z, o = ops.gates(wx)
    k = k / h_prev.shape[1] ** 0.5
    i, (f, df), (o, do) = ops.exp(_mean(i)), ops.sigmoid(_mean(f)), ops.sigmoid(o)
    n = f * n_prev + i * k
    C = f[:, :, None] * _matrix(C_prev, h_prev) + _outer(i * z, k)
    size, slope = _at_least_one(ops, _dot(n, q))
    y = _times(C, q) / size
    saved = (i, f, df, q, k, z, o, do, n, C, size, slope, y, n_prev, C_prev)
    return (o * y, n, C.reshape(C_prev.shape)), saved


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    i, f, df, q, k, z, o, do, n, C, size, slope, y, n_prev, C_prev = saved
    d_h, d_n, d_C = d_state
    d_y = d_h * o / size
    d_read = -_dot(d_y, y) * slope
    dn, dC = d_n + d_read * q, _matrix(d_C, d_h) + _outer(d_y, q)
    d_q = _transposed_times(C, d_y) + d_read * n
    by_z, by_k = _times(dC, k), _transposed_times(dC, z) + dn
    d_i = _dot(by_k, k)
    d_f = _dot(dn, n_prev) + _dot(dC.reshape(C_prev.shape), C_prev)
    share = ops.zeros(d_h) + 1.0 / d_h.shape[1]
    d_net = ops.stack(
        (
            share * i * d_i,
            share * df * d_f,
            d_q,
            i * by_k / d_h.shape[1] ** 0.5,
            i * by_z,
            d_h * y * do,
        )
    )
    dC_prev = f[:, :, None] * dC
    return {}, d_net, d_net, (0.0, f * dn, dC_prev.reshape(C_prev.shape))


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Array:
    _, f, *_ = ops.gates(wx)
    return ops.zeros(state[2]) + ops.log_sigmoid(_mean(f))


MLSTM = Cell(
    states=("h", "n", "C"),
    gates=("i", "f", "q", "k", "z", "o"),
    candidate="z",
    forget="f",
    input="i",
    output="o",
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
    saves="i f df q k z o do n C size slope y n_prev C_prev",
    recurrent_states=(),
    mixes=True,
    sizes={"C": lambda H: H * H},
    kinked=True,
)
