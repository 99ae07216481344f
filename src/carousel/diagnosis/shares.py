"""What share of the gradient at the last state arrives at a state some steps before it.

The share at a lag is the Frobenius norm of the Jacobian there relative to that at lag 0: the root mean square of the
gradient over losses of any direction; of several sequences the geometric mean. Its interval of 95 % is that of the
sequences (Student's t of their logs) or, if wider, that of an estimate from random vectors; one sequence whose norm is
exact has none. Beyond the last lag it follows from the rate, where that holds for longer sequences, with the rate's
interval.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import t as student

from carousel.diagnosis.rates import LEVEL, Rate
from carousel.measures.adjoint import Quantity

LAGS = (10, 100, 1000)
NORMAL = 1.96  # standard errors of an estimate that its interval of 95 % has each way
Norms = list[dict[int, dict[Quantity, np.ndarray]]]  # of sequences of one length each, by lag: [1 B]


class Share(NamedTuple):
    """log10 of the share that arrives at a lag, with the ends of its interval; NaN where one sequence has none.

    -inf where most of the n sequences, n_zero of them, are exactly zero there.
    """

    lag: int
    log10_share: float
    low: float
    high: float
    n: int
    n_zero: int
    extrapolated: bool


def shares(norms: Norms, rate: Rate) -> pd.DataFrame:
    """A row, see Share, for each of LAGS that was recorded, or that the rate reaches."""
    recorded = sorted(set().union(*norms))
    rows = [share_at(norms, lag) for lag in LAGS if lag in recorded]
    last = share_at(norms, recorded[-1])
    rows += [beyond(last, rate, lag) for lag in LAGS if lag > last.lag and rate.holds]
    return pd.DataFrame(rows, columns=Share._fields)


def share_at(norms: Norms, lag: int) -> Share:
    """The share at a lag that was recorded."""
    there = [found for found in norms if lag in found]
    logs = np.concatenate([norm_of(found[lag]) - norm_of(found[0]) for found in there])
    alive, n = logs[np.isfinite(logs)], len(logs)
    if 2 * len(alive) < n:
        return Share(lag, -math.inf, -math.inf, -math.inf, n, n - len(alive), False)
    mean, errors = float(alive.mean()), np.concatenate([norm_of(found[lag], "error") for found in there])
    estimate = NORMAL * float(np.linalg.norm(errors)) / n
    margins = [estimate] if estimate > 0 else []
    margin = max([*margins, spread(alive)] if len(alive) > 1 else margins, default=math.nan)
    return Share(lag, mean, mean - margin, mean + margin, n, n - len(alive), False)


def norm_of(logs: dict[Quantity, np.ndarray], column: str = "log10_norm") -> Float[np.ndarray, " B"]:
    """log10 of the Frobenius norm of each sequence, or its standard error, which is 0 where it is exact."""
    found = [value[0] for name, value in logs.items() if (name.name, name.column) == ("jacobian_fro", column)]
    return found[0] if found else np.zeros(1)


def spread(values: Float[np.ndarray, " n"]) -> float:
    """Half of the interval of the mean of two or more independent values."""
    n = len(values)
    return float(student.ppf((1 + LEVEL) / 2, n - 1) * values.std(ddof=1)) / math.sqrt(n)


def beyond(last: Share, rate: Rate, lag: int) -> Share:
    """The share at a lag beyond the last one, by the rate; its interval adds that of the rate to that at the last."""
    steps = lag - last.lag
    low, high = (last.log10_share if math.isnan(end) else end for end in (last.low, last.high))
    ends = low + rate.low * steps, high + rate.high * steps
    return last._replace(
        lag=lag,
        log10_share=last.log10_share + rate.value * steps,
        low=ends[0],
        high=ends[1],
        extrapolated=True,
    )
