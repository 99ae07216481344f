"""The rows of a Jacobian, as few of them as it has directions left.

A long product of Jacobians loses rank: of 64 directions a dozen are left after a few hundred steps. The rows J of each
state's Jacobian [H SH] (of all states' at once where only the joint block is read) are carried as X = U^T J, where U
has orthonormal columns; from time to time U is rotated, so that directions of negligible norm can be dropped. Then
J = U X + Y with U^T Y = 0. So |J|^2 = |X|^2 + |Y|^2 in the Frobenius norm, for any block of columns, and the largest
singular value squared is low by |Y|^2 at most: if |Y| is a fraction d of a block's norm, both norms are too small by
0.72 d^2 bits or less. At most a fraction DROPPED of a block is dropped at a time.

What was dropped may grow again where a product is far from normal. So TEST_VECTORS Gaussian combinations z of each
state's rows are carried in full (the a posteriori estimate of Halko, Martinsson and Tropp 2011, section 4.3):
z^T J - z^T U X = z^T Y has the mean square |Y|^2. A norm of which more than TOLERATED is missing by them is not
trusted, nor is one near the end of the range of floats.
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
TEST_VECTORS = 4
TOLERATED = 3e-3
"""The fraction of a block's norm: 1e-3 bits are 0.037, and four test vectors all see less than a twelfth of that once
in 10^5."""
SEED = 20  # of the test vectors: it changes no norm, only which of the wrong ones are recognised
WIDTH = 1e-3  # of log2 of the largest singular value squared: half of it in bits of the value
WORTHWHILE = 0.9  # the fraction of the rows that a recompression may leave at most
REACH = {"float64": 2.0**300, "float32": 2.0**50}  # how far from 1 norms may be: squares are taken in float64

CompressedRows = Float[
    np.ndarray, "M B L P J"
]  # L groups, one per state or one in all: rows kept, then tests
InputRows = Float[np.ndarray, "M B P D"]  # rows of h by the input of a step


class Compressed(NamedTuple):
    """The compressed rows at one lag, for M models of B sequences: r rows kept and K test vectors per group."""

    rows: CompressedRows
    power: Int[np.ndarray, "M B"]  # of two, by which the rows are to be multiplied
    tests: Float[np.ndarray, "M B L K r"]  # z^T U
    lag: int = 0
    next_recompression: int = 0  # its lag


def uncompressed(M: int, B: int, N: int, L: int) -> Compressed:
    """All unit vectors of N numbers of state in L groups, and the test vectors."""
    z = np.random.default_rng(SEED).standard_normal((L, TEST_VECTORS, N // L)) / math.sqrt(TEST_VECTORS)
    rows = np.zeros((L, N // L + TEST_VECTORS, N))
    for s in range(L):
        rows[s, :, s * N // L : (s + 1) * N // L] = np.concatenate([np.eye(N // L), z[s]])
    many = (M, B, 1, 1, 1)
    return Compressed(np.tile(rows, many), np.zeros((M, B), int), np.tile(z, many))


def advanced(before: Compressed, rows: CompressedRows, lag: int) -> Compressed:
    """What comes after `before`: the `rows` of a later lag, scaled to near 1, and recompressed where that is due."""
    _, more = np.frexp(abs(rows).max((2, 3, 4)))
    rows = np.ldexp(1.0, -more)[..., None, None, None] * rows
    before = before._replace(rows=rows, power=before.power + more, lag=lag)
    return recompressed(before) if lag >= before.next_recompression else before


def recompressed(before: Compressed) -> Compressed:
    """`before` with orthonormal combinations in the place of its rows, without those negligible in every block."""
    r, lag = before.tests.shape[-1], before.lag
    before = before._replace(next_recompression=lag + max(8, lag // 6))
    kept = before.rows[:, :, :, :r]
    balanced = kept * weights(kept)
    gram = balanced @ balanced.swapaxes(3, 4)
    if not np.isfinite(gram).all():
        return before
    squares, rotation = np.linalg.eigh(gram)
    left_out = (np.cumsum(squares, axis=-1) <= DROPPED**2).sum(-1).min()
    if r - left_out > WORTHWHILE * r:
        return before
    rotation = rotation[..., left_out:]
    rows = np.concatenate([rotation.swapaxes(3, 4) @ kept, before.rows[:, :, :, r:]], axis=3)
    return before._replace(rows=rows, tests=before.tests @ rotation)


def weights(kept: Float[np.ndarray, "M B L r J"]) -> Float[np.ndarray, "M B L 1 J"]:
    """One over the norm of the block that a column belongs to: for h's and the last state's rows, their own columns."""
    L, J = kept.shape[2], kept.shape[4]
    square = np.square(kept).sum(3, keepdims=True)
    norm = np.broadcast_to(square.sum(4, keepdims=True), square.shape).copy()
    for s in (0, L - 1):
        own = slice(s * J // L, (s + 1) * J // L)
        norm[:, :, s, :, own] = square[:, :, s, :, own].sum(-1, keepdims=True)
    return 1 / np.sqrt(np.where(norm == 0, 1.0, norm))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def read(
    before: Compressed, rows: Sequence[CompressedRows], on_input: Sequence[InputRows], reach: float
) -> list[tuple[dict[Quantity, Logs], bool]]:
    """The norms at some lags after `before`, from the rows at each, and whether they are trusted."""
    if not rows:
        return []
    kept, dropped = (blocks_of(*arrays) for arrays in kept_and_dropped(before, rows, on_input))
    values, trusted_at = {}, np.ones(len(rows), bool)
    for suffix, block in kept.items():
        gram = smaller(block)
        fro, spec = np.einsum("...ii->...", gram), leading(gram, WIDTH)
        complete = np.square(dropped[suffix]).sum((-2, -1)) <= TOLERATED**2 * np.exp2(spec)
        trusted_at &= (complete & (fro > reach**-2) & (fro < reach**2)).all((1, 2))
        values[suffix] = [
            math.log10(2) * (log / 2 + before.power) for log in (np.log2(fro, dtype=float), spec)
        ]
    each = ({suffix: (fro[i], spec[i]) for suffix, (fro, spec) in values.items()} for i in range(len(rows)))
    return [
        (named(norms, "log10_norm"), bool(trusted)) for norms, trusted in zip(each, trusted_at, strict=True)
    ]


def within_reach(rows: CompressedRows, reach: float) -> bool:
    """Whether the largest numbers lie between 1 / `reach` and `reach`."""
    peak = abs(rows).max((2, 3, 4))
    return bool(((peak > 1 / reach) & (peak < reach)).all())


def kept_and_dropped(
    before: Compressed, rows: Sequence[CompressedRows], on_input: Sequence[InputRows]
) -> list[list[Array]]:
    """The rows kept at each lag, those of the states and on the input; and the test vectors' combinations of Y."""
    r, tests = before.tests.shape[-1], [before.tests, before.tests[:, :, 0]]
    pairs = [(at_lags, z) for at_lags, z in zip((rows, on_input), tests, strict=True) if at_lags]
    kept = [np.stack([each[..., :r, :] for each in at_lags]) for at_lags, _ in pairs]
    tested = [np.stack([each[..., r:, :] for each in at_lags]) for at_lags, _ in pairs]
    return [kept, [s - z @ k for s, k, (_, z) in zip(tested, kept, pairs, strict=True)]]


def blocks_of(rows: Array, on_input: Array | None = None) -> dict[str, Array]:
    """The joint block and the single ones by the suffix of their quantities, as in blocks.py."""
    *lead, L, P, J = rows.shape
    H = J // L
    found = {"": rows.reshape(*lead, L * P, J)}
    if L > 1:
        found |= {"_hh": rows[..., 0, :, :H], "_cc": rows[..., -1, :, -H:]}
    return found if on_input is None else found | {"_x": on_input}


def smaller(block: Float[np.ndarray, "*L P J"]) -> Float[np.ndarray, "*L k k"]:
    """The Gram matrix of the rows, or of the columns if they are fewer."""
    transposed = block.swapaxes(-1, -2)
    return block @ transposed if block.shape[-2] <= block.shape[-1] else transposed @ block
