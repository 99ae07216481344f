"""A network whose R is orthogonal and stays so (Helfrich, Willmott and Ye 2018, scoRNN, without its signs D).

    S = A - A^T,  R = (I + S)^-1 (I - S)                the Cayley transform
    h_t = modrelu(W x_t + R h_{t-1} + b)
    modrelu(x) = sign(x) max(|x| + p_z, 0)

A is trained, R is not, and whatever A is, R is a rotation: it has no eigenvalue -1, which is what D is for. As R
keeps norms, a step shrinks the gradient by the units that are off (|x| + p_z <= 0) and by nothing else; with p_z > 0
its norm is constant, and h jumps by 2 p_z where x changes sign, which no derivative sees. A gain scales A and so the
angles, never the norm. b is not in the paper.

The adjoint of R: from (I + S) R = I - S follows dR = -(I + S)^-1 dS (I + R), and since (I + S)^T = I - S, the error
E of R gives S the error -(I - S)^-1 E (I + R)^T, and A its antisymmetric part twice.
"""

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, Nets, State, Units
from carousel.cells.cell import Adjoints, Cell, Ops, Pointwise, Saved, Weight, is_positive

SMALL = 0.01  # p_z starts uniform on [-SMALL, SMALL]: the authors' code


def draw_p(rng: np.random.Generator, H: int) -> Float[np.ndarray, " H"]:
    """modReLU's bias."""
    return rng.uniform(-SMALL, SMALL, H)


def cayley(ops: Ops, A: Array) -> tuple[Array, Saved]:
    """R, orthogonal to a rounding unit times the norm of S: I + S shrinks no vector, so its inverse stretches none."""
    S, identity = A - A.swapaxes(1, 2), ops.eye(A)
    R = ops.solve(identity + S, identity - S)
    return R, (S, R)


def d_cayley(ops: Ops, saved: Saved, d_R: Array) -> Array:
    """The adjoint of A."""
    S, R = saved
    identity = ops.eye(S)
    d_S = -ops.solve(identity - S, d_R) @ (identity + R).swapaxes(1, 2)
    return d_S - d_S.swapaxes(1, 2)


def _signed(ops: Ops, p: Pointwise, wx: Nets, rh: Nets) -> tuple[Array, Array]:
    """The sign of each net input, -1 at 0, and |x| + p."""
    (net,) = ops.gates(wx + rh)
    sign = 2 * ((net > 0) + ops.zeros(net)) - 1
    return sign, sign * net + p["p_z"]


def _forward(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> tuple[State, Saved]:
    sign, shifted = _signed(ops, p, wx, rh)
    size, on = ops.relu(shifted)
    return (sign * size,), (sign, on)


def _backward(ops: Ops, p: Pointwise, saved: Saved, d_state: State) -> Adjoints:
    sign, on = saved
    (d_h,) = d_state
    d_z = d_h * on
    d_net = ops.stack((d_z,))
    return {"p_z": sign * d_z}, d_net, d_net, (0.0,)


def _log_factor(ops: Ops, p: Pointwise, wx: Nets, rh: Nets, state: State) -> Units:
    _, shifted = _signed(ops, p, wx, rh)
    return ops.log(is_positive(ops, shifted))


RNN_ORTHOGONAL = Cell(
    states=("h",),
    gates=("z",),
    candidate="z",
    pointwise={"p_z": draw_p},
    forward=_forward,
    backward=_backward,
    log_factor=_log_factor,
    carries=False,
    weight=Weight(cayley, d_cayley),
    kinked=True,
)
