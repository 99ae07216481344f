"""How fast tangent vectors grow under a stream of linear maps, direction by direction.

Vectors turn towards the fastest direction. QR makes them orthonormal again, and the logs of R's diagonal add up to
what each adds to the growth of volume (Benettin et al. 1980, part 2). QR is due before rounding costs the logs more
than CONDITION EPS: the steps between two are doubled while this allows it, and a segment of steps that proves too long
is taken again in halves.

A direction that a map takes to zero, or below what rounding leaves of its image, is lost. Its vector is zero from then
on and its log -inf; the others go on as if it had been the last. A direction that would have outgrown them comes back
out of rounding, in the place of the slowest, once it has gained 16 decades on it.
"""

from collections.abc import Callable, Iterable
from itertools import islice
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

LONGEST = 16  # steps between two QRs at most: the maps of so many are held
REACH = 100.0  # decades that a vector may grow or shrink between two QRs: its square stays a float64
EPS = float(np.finfo(float).eps)
CONDITION = 1e5  # at which QR is due: the log of a vector's growth is then wrong by 1e5 EPS, 2e-11
LOST = 0.1 / EPS  # the condition at which what is left of a vector is rounding and nothing else

Basis = Float[np.ndarray, "L k n"]  # k vectors of n numbers, for each of L systems
PerVector = Float[np.ndarray, "L k"]  # a number per vector


class Tangent(NamedTuple):
    """What one step does to tangent vectors.

    `size` bounds the terms that each number of `apply` is the sum of, whose rounding is a few EPS of that; zeros where
    it is not known.
    """

    apply: Callable[[Basis], Basis]
    size: Callable[[Basis], Basis]
    log_det: Float[np.ndarray, " L"]  # log10 |det|, NaN where it is not known


def dense(J: Float[np.ndarray, "L n n"]) -> Tangent:
    """The step whose Jacobian is `J`."""
    transposed = J.swapaxes(1, 2)
    return Tangent(lambda basis: basis @ transposed, lambda basis: abs(basis) @ abs(transposed), log_det(J))


def log_det(J: Float[np.ndarray, "L n n"]) -> Float[np.ndarray, " L"]:
    """log10 |det J|; -inf where J has no full rank, to rounding.

    The pivots of J transposed do not depend on the scale of J's rows: the slopes of saturated units keep their digits.
    A pivot is lost within the error of the elimination, n eps |L||U| (Higham 2002, theorem 9.3).
    """
    from scipy.linalg import lu

    _, lower, upper = lu(J.swapaxes(1, 2), p_indices=True, check_finite=False)
    pivots = abs(np.diagonal(upper, axis1=1, axis2=2))
    lost = pivots <= J.shape[-1] * EPS * np.einsum("lkj, ljk -> lk", abs(lower), abs(upper))
    with np.errstate(divide="ignore"):
        return np.log10(np.where(lost, 0.0, pivots)).sum(1)


def growth(steps: Iterable[Tangent], basis: Basis) -> tuple[Basis, PerVector, Float[np.ndarray, " L"]]:
    """The basis after `steps`, log10 of how much each vector has grown, and log10 |det| of all steps together."""
    logs, log_dets, interval = np.zeros(basis.shape[:2]), np.zeros(len(basis)), 1
    steps = iter(steps)
    while segment := list(islice(steps, interval)):
        basis, grown, imprecision = advance(segment, basis)
        logs, log_dets = logs + grown, log_dets + sum(step.log_det for step in segment)
        interval = next_interval(len(segment), imprecision)
    return basis, logs, log_dets


def next_interval(interval: int, imprecision: float) -> int:
    """The steps until the next QR: twice as many where that is still precise, half as many where this is not.

    An `imprecision` of 1 is the largest allowed: CONDITION, or REACH.
    """
    if imprecision <= 0.5:
        return min(2 * interval, LONGEST)
    return interval if imprecision <= 1 else max(1, interval // 2)


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def advance(segment: list[Tangent], basis: Basis) -> tuple[Basis, PerVector, float]:
    """The basis after `segment`, by one QR or, where one is too imprecise, by more; its growth; that imprecision."""
    moved, cancelled = after_steps(segment, basis)
    rotated, grown, imprecision = orthonormal(moved, cancelled)
    lost = np.isneginf(grown) & basis.any(2)
    if len(segment) > 1 and (imprecision > 1 or lost.any()):
        half = len(segment) // 2
        basis, first, _ = advance(segment[:half], basis)
        basis, second, _ = advance(segment[half:], basis)
        return basis, first + second, max(imprecision, 2.0)
    while (lost := np.isneginf(grown) & moved.any(2)).any():
        moved = np.where(lost[..., None], 0.0, moved)
        rotated, grown, imprecision = orthonormal(moved, cancelled)
    return rotated, grown, imprecision


def after_steps(segment: list[Tangent], basis: Basis) -> tuple[Basis, PerVector]:
    """The vectors after `segment`, and the largest ratio of a sum's terms to the sum, for what cancelled."""
    cancelled = np.ones(basis.shape[:2])
    for step in segment:
        size = np.linalg.norm(step.size(basis), axis=2)
        basis = step.apply(basis)
        cancelled = np.fmax(cancelled, size / np.linalg.norm(basis, axis=2))
    return basis, cancelled


def orthonormal(basis: Basis, cancelled: PerVector) -> tuple[Basis, PerVector, float]:
    """An orthonormal basis of the same nested spaces, log10 of what each vector adds to the volume; the imprecision.

    The coordinates are sorted by size first, so that the tiny ones of saturated units do not drown in the rounding of
    others (Cox and Higham 1998), and zero vectors come last. A vector is lost where it is zero, or only the rounding of
    its own image; so is the first that is below the rounding of those before it. An imprecision of 1 is CONDITION, or
    REACH.
    """
    zeros_last = np.argsort(~basis.any(2), axis=1, stable=True)
    columns = ordered(basis, zeros_last).swapaxes(1, 2)
    order = np.argsort(-np.linalg.norm(columns, axis=2), axis=1)
    columns = ordered(columns, order)
    Q, R = np.linalg.qr(columns)
    diagonal, lengths = abs(np.diagonal(R, axis1=1, axis2=2)), np.linalg.norm(R, axis=1)
    own, overall = conditions(columns, R, ordered(cancelled, zeros_last))
    below_rounding = overall > LOST
    lost = (diagonal == 0) | (own > LOST) | below_rounding & (below_rounding.cumsum(1) == 1)
    imprecision = np.maximum(np.log(overall) / np.log(CONDITION), abs(np.log10(lengths)) / REACH)
    grown = np.log10(np.where(lost, 0.0, diagonal))
    rotated = restored(Q, order).swapaxes(1, 2) * ~lost[..., None]
    worst = np.nan_to_num(np.where(lost, 0.0, imprecision), nan=np.inf).max()
    return restored(rotated, zeros_last), restored(grown, zeros_last), float(worst)


def conditions(
    columns: Float[np.ndarray, "L n k"], R: Float[np.ndarray, "L k k"], cancelled: PerVector
) -> tuple[PerVector, PerVector]:
    """How many EPS the log of each of R's diagonal may be wrong by: for its own column's rounding, and for all.

    To first order dR = triu(Q^T E R^-1) R for an error E of the columns (Stewart 1977), so that the log of R_ii
    changes by the sum over j of (Q^T E)_ij (R^-1)_ji. Column j is known to EPS times its length, or that of its
    coordinates that are not used up before i, times `cancelled`.
    """
    unused = np.sqrt(np.cumsum(np.square(columns).sum(2)[:, ::-1], axis=1))[:, ::-1][:, : R.shape[1]]
    rounding = cancelled[..., None] * np.minimum(np.linalg.norm(R, axis=1)[..., None], unused[:, None])
    zero = np.diagonal(R, axis1=1, axis2=2) == 0
    by_column = rounding * abs(np.linalg.inv(R + zero[..., None] * np.eye(R.shape[1])))
    return np.diagonal(by_column, axis1=1, axis2=2), by_column.sum(1)


def ordered(
    values: Float[np.ndarray, "L n *k"], order: Int[np.ndarray, "L n"]
) -> Float[np.ndarray, "L n *k"]:
    """The rows of each system in an order of its own."""
    return values[np.arange(len(order))[:, None], order]


def restored(
    values: Float[np.ndarray, "L n *k"], order: Int[np.ndarray, "L n"]
) -> Float[np.ndarray, "L n *k"]:
    """The array that `ordered` made `values` of."""
    result = np.empty_like(values)
    result[np.arange(len(order))[:, None], order] = values
    return result
