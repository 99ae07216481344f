"""The rows of a Jacobian, as few of them as it has directions left.

A long product of Jacobians loses rank: of 64 directions a dozen are left after a few hundred steps. The rows J of each
state's Jacobian [H SH] (of all states' at once where only the joint block is read) are carried as X = U^T J, where U
has orthonormal columns; now and then U is turned, so that directions with next to nothing in them can be dropped. Then
J = U X + Y with U^T Y = 0. So |J|^2 = |X|^2 + |Y|^2 in the Frobenius norm, for any block of columns, and the largest
singular value squared is low by |Y|^2 at most: if Y is a part d of a block, both norms are too small by 0.72 d^2 bits
or less. At most DROPPED of a block goes at a time.

What was dropped may grow again where a product is far from normal. So WITNESSES Gaussian combinations z of each
state's rows are carried in full: z^T J - z^T U X = z^T Y has the mean square |Y|^2. Where they find more than DOUBT
missing of a norm that is read, it is not to be trusted, nor is one that has left the range of floats.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from carousel.axes import Array
from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity
from carousel.measures.jacobian.blocks import named
from carousel.measures.jacobian.norms import leading

DROPPED = 1e-4  # of the norm of each block, at a time
WITNESSES = 4
DOUBT = (
    3e-3  # 1e-3 bits are a part of 0.037: four witnesses all find less than a twelfth of that once in 10^5
)
SEED = 20  # of the witnesses: it changes no norm, only by how much a wrong one is found out
WIDTH = 1e-3  # of log2 of the largest singular value squared: half of it in bits of the value
SPARED = 0.9  # what a turn is worth: it leaves at most so many of the rows
REACH = {"float64": 2.0**300, "float32": 2.0**50}  # how far from 1 norms may be: squares are taken in float64

Carried = Float[
    np.ndarray, "M B L P J"
]  # rows of L groups, one a state or one in all: those kept, then witnesses
Entered = Float[np.ndarray, "M B P D"]  # those of h by the input of a step


class Front(NamedTuple):
    """What is carried back in time, for M models of B sequences."""

    rows: Carried  # each times two to
    power: Int[np.ndarray, "M B"]
    known: Float[np.ndarray, "M B L K r"]  # z^T U
    lag: int = 0
    due: int = 0  # the lag of the next turn


def start(M: int, B: int, N: int, L: int) -> Front:
    """All unit vectors of N numbers of state in L groups, and the witnesses."""
    z = np.random.default_rng(SEED).standard_normal((L, WITNESSES, N // L)) / math.sqrt(WITNESSES)
    rows = np.zeros((L, N // L + WITNESSES, N))
    for s in range(L):
        rows[s, :, s * N // L : (s + 1) * N // L] = np.concatenate([np.eye(N // L), z[s]])
    many = (M, B, 1, 1, 1)
    return Front(np.tile(rows, many), np.zeros((M, B), int), np.tile(z, many))


def renewed(front: Front, rows: Carried, lag: int) -> Front:
    """`front` with the `rows` of a later lag, near 1 again, and turned where that is due and worth it."""
    _, more = np.frexp(abs(rows).max((2, 3, 4)))
    rows = np.ldexp(1.0, -more)[..., None, None, None] * rows
    front = front._replace(rows=rows, power=front.power + more, lag=lag)
    return turned(front) if lag >= front.due else front


def turned(front: Front) -> Front:
    """Orthonormal combinations of the rows instead of them, those left out that hold next to nothing of any block."""
    r, lag = front.known.shape[-1], front.lag
    front = front._replace(due=lag + max(8, lag // 6))
    kept = front.rows[:, :, :, :r]
    even = kept * weights(kept)
    gram = even @ even.swapaxes(3, 4)
    if not np.isfinite(gram).all():
        return front
    squares, turn = np.linalg.eigh(gram)
    left_out = (np.cumsum(squares, axis=-1) <= DROPPED**2).sum(-1).min()
    if r - left_out > SPARED * r:
        return front
    turn = turn[..., left_out:]
    rows = np.concatenate([turn.swapaxes(3, 4) @ kept, front.rows[:, :, :, r:]], axis=3)
    return front._replace(rows=rows, known=front.known @ turn)


def weights(kept: Float[np.ndarray, "M B L r J"]) -> Float[np.ndarray, "M B L 1 J"]:
    """One over the norm of the block that a column is read in; of h's and the last state's rows, their own columns."""
    L, J = kept.shape[2], kept.shape[4]
    square = np.square(kept).sum(3, keepdims=True)
    norm = np.broadcast_to(square.sum(4, keepdims=True), square.shape).copy()
    for s in (0, L - 1):
        own = slice(s * J // L, (s + 1) * J // L)
        norm[:, :, s, :, own] = square[:, :, s, :, own].sum(-1, keepdims=True)
    return 1 / np.sqrt(np.where(norm == 0, 1.0, norm))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def read(
    front: Front, rows: Sequence[Carried], entered: Sequence[Entered], reach: float
) -> list[tuple[dict[Quantity, Logs], bool]]:
    """The norms at some lags since `front`, from the rows at each, and whether they are to be trusted."""
    if not rows:
        return []
    kept, lost = (blocks(*part) for part in split(front, rows, entered))
    values, sound = {}, np.ones(len(rows), bool)
    for suffix, block in kept.items():
        gram = smaller(block)
        fro, spec = np.einsum("...ii->...", gram), leading(gram, WIDTH)
        whole = np.square(lost[suffix]).sum((-2, -1)) <= DOUBT**2 * np.exp2(spec)
        sound &= (whole & (fro > reach**-2) & (fro < reach**2)).all((1, 2))
        values[suffix] = [
            math.log10(2) * (log / 2 + front.power) for log in (np.log2(fro, dtype=float), spec)
        ]
    each = ({suffix: (fro[i], spec[i]) for suffix, (fro, spec) in values.items()} for i in range(len(rows)))
    return [(named(norms, "log10_norm"), bool(trusted)) for norms, trusted in zip(each, sound, strict=True)]


def fits(rows: Carried, reach: float) -> bool:
    """Whether the largest numbers are still within `reach`."""
    peak = abs(rows).max((2, 3, 4))
    return bool(((peak > 1 / reach) & (peak < reach)).all())


def split(front: Front, rows: Sequence[Carried], entered: Sequence[Entered]) -> list[list[Array]]:
    """What is carried at each lag: the rows kept, and what the witnesses know beside them."""
    r, known = front.known.shape[-1], [front.known, front.known[:, :, 0]]
    pairs = [(parts, z) for parts, z in zip((rows, entered), known, strict=True) if parts]
    kept = [np.stack([part[..., :r, :] for part in parts]) for parts, _ in pairs]
    seen = [np.stack([part[..., r:, :] for part in parts]) for parts, _ in pairs]
    return [kept, [s - z @ k for s, k, (_, z) in zip(seen, kept, pairs, strict=True)]]


def blocks(rows: Array, entered: Array | None = None) -> dict[str, Array]:
    """The joint block and those beside it; see blocks.py."""
    *lead, L, P, J = rows.shape
    H = J // L
    found = {"": rows.reshape(*lead, L * P, J)}
    if L > 1:
        found |= {"_hh": rows[..., 0, :, :H], "_cc": rows[..., -1, :, -H:]}
    return found if entered is None else found | {"_x": entered}


def smaller(block: Float[np.ndarray, "*L P J"]) -> Float[np.ndarray, "*L k k"]:
    """The Gram matrix of the rows, or of the columns if they are fewer."""
    turned = block.swapaxes(-1, -2)
    return block @ turned if block.shape[-2] <= block.shape[-1] else turned @ block
