"""The rate at which a gradient decays or grows, with an interval, and whether it holds.

A norm's log10 y(lag) is divided into blocks of lags, between the transient of the last steps and that of the first
state (FIT_WINDOW). The rate is the mean of the blocks' slopes over blocks and sequences. Neighbouring blocks resemble
each other, and sequences share the transient of a state that leaves zero: the error is that of correlated blocks
(an autoregression of first order) or, if larger, that of the sequences. A rate that changes from block to block in one
direction is that of a transient, or of a power law, and says nothing of longer sequences; nor does growth while the
state itself is on its way from where it started.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import t as student

from carousel.analysis.stats.slopes import FIT_WINDOW, regime

BLOCKS = 8
FEWEST = 3  # blocks, to tell an error
LEVEL = 0.95
LARGEST_CORRELATION = 0.9
DRIFT = 3.0  # standard errors of a trend over the blocks
SETTLED = 0.2  # decades: a state that changes by less over all steps is where it stays
SHARE = 0.2  # of the rate: a smaller trend changes nothing that is said


class Rate(NamedTuple):
    """Decades per step: an estimate, its interval of 95 %, and whether it changes with the lag.

    NaN where there are too few lags. `sequences`: that of each sequence.
    """

    value: float
    low: float
    high: float
    changes: bool
    sequences: tuple[float, ...]

    @property
    def regimes(self) -> set[str]:
        """What the interval may stand for, in the words of `regime`."""
        return {str(regime(self.low)), str(regime(self.value)), str(regime(self.high))}

    @property
    def holds(self) -> bool:
        """Whether it may be taken for that of longer sequences."""
        return not (math.isnan(self.value) or self.changes) and len(self.regimes) == 1


def rate_of(curves: Sequence[tuple[np.ndarray, np.ndarray]], sizes: np.ndarray) -> Rate:
    """The rate of sequences, each with its lags [L] and log10 norms [L]; those that are -inf do not count.

    `sizes`: log10 of the root mean square of the state by time, [T], of the longest.
    """
    found = [slopes for lags, y in curves if np.isfinite(y).all() and len(slopes := block_slopes(lags, y))]
    blocks = min(map(len, found), default=0)
    if blocks < FEWEST:
        return Rate(math.nan, math.nan, math.nan, False, ())
    slopes = np.array([each for each in found if len(each) == blocks])
    value, by_block = float(slopes.mean()), slopes.mean(0)
    between = float(slopes.mean(1).std(ddof=1)) / math.sqrt(len(slopes)) if len(slopes) > 1 else 0.0
    margin = max(
        student.ppf((1 + LEVEL) / 2, blocks - 1) * correlated_error(by_block),
        student.ppf((1 + LEVEL) / 2, max(len(slopes) - 1, 1)) * between,
    )
    changes = drifts(by_block) or (value > 0 and unsettled(sizes, value))
    return Rate(value, value - margin, value + margin, changes, tuple(slopes.mean(1).tolist()))


def block_slopes(lags: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The slopes of log10 norms y over up to BLOCKS blocks of the lags inside FIT_WINDOW, about equally long."""
    low, high = (share * lags[-1] for share in FIT_WINDOW)
    inside = np.flatnonzero((lags >= low) & (lags <= high))
    if len(inside) < 2:
        return np.zeros(0)
    wanted = np.linspace(lags[inside[0]], lags[inside[-1]], BLOCKS + 1)
    edges = np.unique(inside[abs(lags[inside][None] - wanted[:, None]).argmin(1)])
    return np.diff(y[edges]) / np.diff(lags[edges])


def correlated_error(values: np.ndarray) -> float:
    """The standard error of the mean of neighbours that resemble each other; 0 where all are the same."""
    n, off = len(values), values - values.mean()
    error = float(values.std(ddof=1)) / math.sqrt(n)
    return error * inflation(float((off[1:] * off[:-1]).sum()) / max(float(off @ off), 1e-300), n)


def inflation(correlation: float, n: int) -> float:
    """By how much the error of a mean of n neighbours exceeds that of independent ones.

    For their correlation as it is estimated, which is too small by (1 + 4 c) / n (Marriott and Pope 1954).
    """
    c = min(max((correlation * n + 1) / (n - 4) if n > 4 else correlation, 0.0), LARGEST_CORRELATION)
    return math.sqrt((1 + c) / (1 - c))


def drifts(values: np.ndarray) -> bool:
    """Whether values rise or fall from the first to the last, by more than their scatter and SHARE of their mean."""
    n, at = len(values), np.arange(len(values)) - (len(values) - 1) / 2
    trend = float(at @ values) / float(at @ at)
    left = values - values.mean() - trend * at
    error = math.sqrt(float(left @ left) / (n - 2) / float(at @ at))
    return abs(trend) > DRIFT * error and abs(trend) * (n - 1) > SHARE * abs(float(values.mean()))


def unsettled(sizes: np.ndarray, rate: float) -> bool:
    """Whether a state grows or shrinks within FIT_WINDOW, but not steadily and at the rate of the gradient."""
    slopes = block_slopes(np.arange(1, len(sizes) + 1), sizes)
    if len(slopes) < FEWEST or abs(slopes.mean()) * len(sizes) < SETTLED:
        return False
    return drifts(slopes) or abs(float(slopes.mean()) - rate) > SHARE * rate
