"""Norms of matrices whose rows stand at powers of two of their own, known row by row or by random combinations.

A row is a vector and an integer power, as an adjoint in log space is (adjoint.py); so are the norms read, in log10.
"""

import math
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from carousel.engine.log_space import NOWHERE, Logs, log10

Rows = Float[np.ndarray, "M _ P J"]  # P vectors of J numbers, for each sequence
Powers = Int[np.ndarray, "M _ P"]
PerSequence = Float[np.ndarray, "M B"]  # a number per model and sequence
HALF = 0.5 / math.log(10)  # from the log of a square to decades


class Block(NamedTuple):
    """Rows of a matrix, or random combinations of them, each times two to its power."""

    rows: Rows
    power: Powers
    rank: int  # the largest that the matrix can have


def aligned(rows: Rows, power: Powers) -> tuple[Rows, Int[np.ndarray, "M _"]]:
    """`rows` at one power of two per sequence, that of the largest entry, and the power.

    A row more than the float range below the largest becomes zero; it is lost from no norm.
    """
    peak = abs(rows).max(-1)
    height = np.where(peak > 0, power + np.frexp(peak)[1], -NOWHERE)
    top = height.max(-1) * (peak > 0).any(-1)
    return np.ldexp(rows, (power - top[..., None])[..., None]), top


def norms(block: Block) -> tuple[Logs, Logs]:
    """log10 of the Frobenius and the spectral norm; -inf for a block that is exactly zero."""
    rows, top = aligned(block.rows, block.power)
    return log10(np.sqrt(np.square(rows).sum((2, 3))), top), log10(largest(rows), top)


def largest(rows: Rows) -> PerSequence:
    """The largest singular value; NaN where an entry is not finite."""
    finite = np.isfinite(rows).all((2, 3))
    values = np.linalg.svd(np.where(finite[..., None, None], rows, 0.0), compute_uv=False)
    return np.where(finite, values[..., 0], np.nan)


def estimate(block: Block) -> tuple[tuple[Logs, Logs], tuple[Logs, Logs]]:
    """log10 of the Frobenius norm and of a lower bound of the spectral norm; the standard errors of both, in decades.

    The rows are y_i = z_i J with z_i Gaussian, i = 1 .. k. With G = J J^T, |y_i|^2 has mean tr G = |J|_F^2 and
    (y_i y_j)^2 has mean tr G^2 for i, j different (the second of the moments of Kong and Valiant 2017). The sum of
    |y_i|^2 is nearly tr G / r times a chi squared variable of k r degrees, r = (tr G)^2 / tr G^2 (Satterthwaite 1946;
    exactly so for r = 1, one direction left, and for an isometry); its log has the mean and variance that are used.
    The bound is sqrt(tr G^2 / tr G). It equals the norm for r = 1, and misses it by a factor r^(1/4) at most. Its error
    is that of the bound: it adds the one of r, by the jackknife over the k vectors.
    """
    from scipy.special import polygamma, psi

    rows, top = aligned(block.rows, block.power)
    gram = rows @ rows.swapaxes(2, 3)
    k = gram.shape[-1]
    zero = np.trace(gram, axis1=2, axis2=3) == 0
    gram = np.where(zero[..., None, None], 1.0, gram)
    log_r, doubt = effective_rank(gram, block.rank)
    degrees = k * np.exp(log_r) / 2
    square = np.log(np.trace(gram, axis1=2, axis2=3) / k) - psi(degrees) + np.log(degrees)
    error = np.sqrt(polygamma(1, degrees))
    fro, spec = (np.where(zero, -np.inf, HALF * x + top * math.log10(2)) for x in (square, square - log_r))
    return (fro, spec), (HALF * error * ~zero, HALF * np.hypot(error, doubt) * ~zero)


def effective_rank(gram: Float[np.ndarray, "M B k k"], rank: int) -> tuple[PerSequence, PerSequence]:
    """log of (tr G)^2 / tr G^2, from 0 to log `rank`, and its jackknife error."""
    k = gram.shape[-1]
    off, norm = 1 - np.eye(k), np.diagonal(gram, axis1=2, axis2=3)
    pairs = np.stack([norm[..., :, None] * norm[..., None, :] * off, np.square(gram) * off])
    total = pairs.sum((3, 4))
    all_in, one_out = np.log(total), np.log(total[..., None] - 2 * pairs.sum(4))
    error = np.sqrt((k - 1) * np.var(one_out[0] - one_out[1], axis=-1))
    return np.clip(all_in[0] - all_in[1], 0.0, math.log(rank)), error


def leading(gram: Float[np.ndarray, "*L k k"], width: float) -> Float[np.ndarray, "*L"]:
    """log2 of the largest eigenvalue of positive semidefinite matrices, to `width`; -inf for a zero matrix.

    Matrices of trace 1 are squared, again and again, and each time divided by their trace t, which is the sum of the
    squared eigenvalues l: it bounds the largest of them, and each squaring halves what that leaves open of log l, or
    does better where one eigenvalue leads. In float32: its errors, 10^-7 or so, are halved with it.
    """
    shape, trace = gram.shape[:-2], np.einsum("...ii->...", gram).ravel()
    with np.errstate(divide="ignore"):
        found, power = np.log2(trace, dtype=float), 1
    unsure = np.flatnonzero(trace > 0)
    gram = (gram.reshape(-1, *gram.shape[-2:])[unsure] / trace[unsure, None, None]).astype(np.float32)
    while len(unsure):
        t = np.einsum("nij,nij->n", gram, gram)
        low, high = between(np.clip(t, 1 / gram.shape[-1], 1.0, dtype=float))
        going = high - low > 2 * width * power
        found[unsure] += np.where(going, np.log2(t) / 2, (low + high) / 2) / power
        unsure, gram, t, power = unsure[going], gram[going], t[going], 2 * power
        gram = gram @ gram / t[:, None, None]
    return found.reshape(shape)


def between(t: Float[np.ndarray, " n"]) -> tuple[Float[np.ndarray, " n"], Float[np.ndarray, " n"]]:
    """Bounds of log2 of the largest of numbers l >= 0 with sum l = 1 and sum l^2 = t.

    It is least for as many equal ones as there is room for, m = floor(1 / t), and one that is the rest.
    """
    m = np.floor(1 / t)
    least = (1 + np.sqrt(np.maximum(((m + 1) * t - 1) / m, 0.0))) / (m + 1)
    return np.log2(least), np.log2(t) / 2
