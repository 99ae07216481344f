"""Tests of one value per repetition, and their correction for being many."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import SEED, interval

EXACT = 12  # repetitions up to which the signed-rank test runs through every flip of sign
TOST = 0.05  # level of each of the two one-sided tests of an equivalence (Schuirmann 1987)


class Equivalence(NamedTuple):
    """Whether something is the same within a margin: its effect, 95 % interval, and the p of both one-sided tests."""

    effect: float
    low: float
    high: float
    p: float
    same: bool  # shown to lie within the margin
    apart: bool  # shown to lie outside


def student(values: np.ndarray | Sequence[float], margin: float) -> float:
    """Return Student's two-sided p for the mean of one value per repetition against ``margin``.

    Unlike a rank test it has no least p, which at ten repetitions is 0.002 and does not survive Holm over more than
    25 parts. Where a value is infinite there is no mean, and the p is that of `signed_rank`.
    """
    values = np.asarray(values, float)
    if not np.isfinite(values).all():
        return signed_rank(values, margin)
    below, above = _sides(values, margin)
    return min(2 * min(below, above), 1.0)


def equivalent(values: np.ndarray | Sequence[float], low: float, high: float) -> Equivalence:
    """Return whether the mean of one value per repetition lies between the margins ``low`` and ``high``.

    Two one-sided Student's tests at the level TOST, with p the larger of theirs (Schuirmann 1987); ``same`` asks
    besides that the 95 % interval lies within the margins, ``apart`` that it lies wholly outside.
    """
    values = np.asarray(values, float)
    found, p = interval(values), two_one_sided(values, low, high)
    same = p <= TOST and bool(low <= found[1] and found[2] <= high)
    return Equivalence(*found, p, same, bool(found[2] < low or found[1] > high))


def two_one_sided(values: np.ndarray, low: float, high: float) -> float:
    """Return the larger p of the two one-sided Student's tests that the mean lies between the margins.

    1 where a value is infinite, or there is but one.
    """
    if len(values) < 2 or not np.isfinite(values).all():
        return 1.0
    return max(_sides(values, low)[1], _sides(values, high)[0])


def _sides(values: np.ndarray, margin: float) -> tuple[float, float]:
    """Return Student's two one-sided p: small if the mean is below the margin, small if it is above."""
    from scipy.special import stdtr

    n = len(values)
    if n < 2:
        return 1.0, 1.0
    off, error = values.mean() - margin, values.std(ddof=1) / np.sqrt(n)
    if error == 0:
        return float(off >= 0), float(off <= 0)
    return float(stdtr(n - 1, off / error)), float(stdtr(n - 1, -off / error))


def signed_rank(values: np.ndarray | Sequence[float], margin: float) -> float:
    """Return Wilcoxon's two-sided signed-rank p for one value per repetition against ``margin``.

    Exact over all flips of sign up to EXACT repetitions, ties and infinities ranked; beyond, a random sample
    of flips. Zeros stay in with no sign (Pratt 1959).
    """
    values = np.asarray(values, float) - margin
    if len(values) == 0 or np.isnan(values).any() or not values.any():
        return 1.0
    ranks = pd.Series(np.abs(values)).rank().to_numpy() * (values != 0)
    if len(values) <= EXACT:
        flips = 1 - 2 * (np.arange(2 ** len(values))[:, None] >> np.arange(len(values)) & 1)
    else:
        flips = np.random.default_rng(SEED).choice([-1, 1], size=(2**EXACT, len(values)))
        flips[0] = np.sign(values)  # what was seen counts as one of the flips: p is never zero
    extreme = np.abs(flips @ ranks) >= np.abs(np.sign(values) @ ranks) - 1e-9
    return float(extreme.mean())


def holm(p: np.ndarray | Sequence[float]) -> np.ndarray:
    """Return Holm's adjusted p values over a family of comparisons (empty in, empty out)."""
    p = np.asarray(p, float)
    order = np.argsort(p)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return adjusted
