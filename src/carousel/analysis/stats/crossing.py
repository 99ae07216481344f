"""Where a rate crosses a level as an ordered factor rises: the forget bias or the gain at which a verdict changes."""

from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import centres, interval, intervals
from carousel.analysis.stats.tables import SETTING, grouped, numbered

LINE = ["backend", *SETTING, "lag", "task", "rival"]  # what one line of a rate against a factor has in common
Smooth = Literal["value", "log_loss"]  # what is linear between two values of the factor
NONE = (np.nan, np.nan, np.nan)


class Crossing(NamedTuple):
    """The value of a factor at which a rate reaches a level, with its 95 % interval.

    -inf (inf): it is above (below) the level at every value tried, from ``first`` to ``last``; NaN: nothing to say.
    """

    at: float
    low: float
    high: float
    repetitions: int
    first: float
    last: float


def crossings(
    table: pd.DataFrame,
    factor: str,
    value: str = "rate",
    level: float = 0.0,
    log: bool = False,
    smooth: Smooth = "value",
    fewest: int = 2,
) -> pd.DataFrame:
    """Return where ``value`` first rises through ``level``: one row per line, with its own interval, sorted by line.

    table: one row per model. A line's models have everything but the factor, the slice and the repetition in common,
    at ``fewest`` values of the factor at least; between two values as `first_rise` does, of the factor's logarithm if
    ``log``. A repetition counts that has all of the line's values; repetitions are resampled. Values that are no
    number, and those without a logarithm, are left out. Columns: those of LINE, then those of Crossing, and ``each``,
    a dict of every repetition's crossing.
    """
    rows = _usable(table, factor, value, log)
    rows = rows[_tried(rows, factor) >= fewest]
    codes, lines = grouped(rows, _line(rows, factor))
    points = rows[value].groupby([codes, rows["repetition"].to_numpy(), rows[factor].to_numpy()]).median()
    curves = [points.loc[code].unstack().dropna() for code in range(len(lines))]
    each = [pd.Series(_rise(of, level, log, smooth), of.index) for of in curves]
    crossed = pd.DataFrame(intervals([at.to_numpy() for at in each]), columns=["at", "low", "high"])
    ends = {"first": [of.columns[0] for of in curves], "last": [of.columns[-1] for of in curves]}
    crossed = crossed.assign(repetitions=[*map(len, each)], **ends, each=[at.to_dict() for at in each])
    return lines.join(crossed).sort_values(list(lines), ignore_index=True)


def pooled(lines: pd.DataFrame) -> Crossing | None:
    """Return the one crossing of rows of `crossings`, or None where they do not agree.

    They agree where one value lies in the intervals of all. A repetition's crossing is then the mean over the lines
    (the lower median where one is infinite), of the repetitions that all of them have; first and last are the values
    that all of them tried.
    """
    if lines.empty or not lines["low"].max() <= lines["high"].min() or lines["low"].isna().any():
        return None
    each = pd.DataFrame(lines["each"].tolist()).dropna(axis="columns").to_numpy(float)
    repetition = np.broadcast_to(np.arange(each.shape[1]), each.shape)
    mean = centres(repetition.ravel(), each.ravel(), each.shape[1])
    return Crossing(*interval(mean), len(mean), float(lines["first"].max()), float(lines["last"].min()))


def first_rise(x: np.ndarray, curves: np.ndarray, level: float, smooth: Smooth = "value") -> np.ndarray:
    """Return for each curve [curves, x] the x at which it first reaches ``level``; -inf before, inf after all x.

    Between two points, with x ascending, ``smooth`` is linear: the value, or "log_loss", the log of minus the value,
    where level and both points are negative. What a forget gate of bias b loses per step is nearly e^-b, so that this
    is nearly straight in b. From a value of -inf it is the point behind.
    """
    above = curves >= level
    k = np.clip(above.argmax(axis=1), 1, None)
    before, after = (np.take_along_axis(curves, place[:, None], axis=1)[:, 0] for place in (k - 1, k))
    share = np.where(np.isneginf(before), 1.0, _share(before, after, level, smooth))
    inside = x[k - 1] + np.where(np.isinf(after), 0.0, share) * (x[k] - x[k - 1])
    return np.where(above[:, 0], -np.inf, np.where(above.any(axis=1), inside, np.inf))


def _share(before: np.ndarray, after: np.ndarray, level: float, smooth: Smooth) -> np.ndarray:
    """Return at which share of the way from before to after, each [curves], ``level`` is."""
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        linear = (level - before) / (after - before)
        logs = (np.log(-before) - np.log(-level)) / (np.log(-before) - np.log(-after))
    losses = (smooth == "log_loss") & (level < 0) & (before < 0) & (after < 0)
    return np.where(losses, logs, linear)


def _usable(table: pd.DataFrame, factor: str, value: str, log: bool) -> pd.DataFrame:
    """Return the rows whose value is known and whose factor is a number (with a logarithm, if ``log``)."""
    number = pd.to_numeric(table[factor].astype(str), errors="coerce").astype(float)
    keep = np.isfinite(number) & table[value].notna() & ((number > 0) | (not log))
    return table.assign(**{factor: number})[keep]


def _rise(curves: pd.DataFrame, level: float, log: bool, smooth: Smooth) -> np.ndarray:
    """Return `first_rise` of curves [curves, x], on the logarithm of x if ``log``."""
    x = curves.columns.to_numpy(float)
    at = first_rise(np.log(x) if log else x, curves.to_numpy(float), level, smooth)
    return np.where(np.isneginf(at), at, np.exp(at)) if log else at


def _line(rows: pd.DataFrame, factor: str) -> list[str]:
    return [name for name in LINE if name in rows and name not in (factor, "slice")]


def _tried(rows: pd.DataFrame, factor: str) -> pd.Series:
    """Return how many values of the factor each row's line has."""
    return rows[factor].groupby(numbered(rows, _line(rows, factor))).transform("nunique")
