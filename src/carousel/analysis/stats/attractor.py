"""The dimension of an attractor, from Lyapunov exponents."""

from collections.abc import Sequence

import numpy as np


def kaplan_yorke(exponents: np.ndarray | Sequence[float]) -> float:
    """Return k + (sum of the k largest exponents) / |the next|, k the last with a sum that is not negative.

    ``exponents`` begin with the largest (Frederickson et al. 1983, J. Differ. Equ. 49, 185). 0 where all are
    negative; NaN where the sum of all that are given is not negative, so that more of them are needed.
    """
    values = np.asarray(exponents, float)
    sums = np.cumsum(values)
    negative = np.flatnonzero(sums < 0)
    if not len(negative):
        return np.nan
    k = int(negative[0])
    return k + float(sums[k - 1] / -values[k]) if k else 0.0
