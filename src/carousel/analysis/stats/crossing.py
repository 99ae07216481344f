"""Where a rate crosses a level as an ordered factor rises: the forget bias or the gain at which a verdict changes."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import interval
from carousel.analysis.stats.tables import SETTING, by_repetition, grouped, numbered

LINE = ["backend", *SETTING, "task", "rival"]  # what one line of a rate against a factor has in common
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


def crossing(
    table: pd.DataFrame, factor: str, value: str = "rate", level: float = 0.0, log: bool = False
) -> Crossing:
    """Return where ``value`` first rises through ``level`` as the numeric column ``factor`` rises.

    table: one row per model. Each model is followed along the factor with everything else the same, seed included,
    on the lines that have most of its values; linear between two values, of the factor's logarithm if ``log``. A
    repetition's crossing is the median over its lines; repetitions are resampled. Values that are no number, and
    those without a logarithm, are left out.
    """
    rows = table[np.isfinite(table[factor]) & table[value].notna()]
    rows = _fullest(rows[rows[factor] > 0] if log else rows, factor)
    if rows.empty:
        return Crossing(*NONE, 0, np.nan, np.nan)
    codes, lines = grouped(rows, [*_line(rows, factor), "repetition"])
    curves = rows[value].groupby([codes, rows[factor].to_numpy()]).median().unstack().dropna()
    x = curves.columns.to_numpy(float)
    at = first_rise(np.log(x) if log else x, curves.to_numpy(float), level)
    at = np.where(np.isneginf(at), at, np.exp(at)) if log else at
    each = by_repetition(lines.take(curves.index).assign(at=at), "at")
    return Crossing(*interval(each), len(each), float(x[0]), float(x[-1]))


def first_rise(x: np.ndarray, curves: np.ndarray, level: float) -> np.ndarray:
    """Return for each curve [curves, x] the x at which it first reaches ``level``; -inf before, inf after all x.

    Between two points linear, with x ascending; from a value of -inf it is the point behind.
    """
    above = curves >= level
    k = np.clip(above.argmax(axis=1), 1, None)
    before, after = (np.take_along_axis(curves, place[:, None], axis=1)[:, 0] for place in (k - 1, k))
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(np.isneginf(before), 1.0, (level - before) / (after - before))
    inside = x[k - 1] + np.where(np.isinf(after), 0.0, share) * (x[k] - x[k - 1])
    return np.where(above[:, 0], -np.inf, np.where(above.any(axis=1), inside, np.inf))


def _line(rows: pd.DataFrame, factor: str) -> list[str]:
    return [name for name in LINE if name in rows and name not in (factor, "slice")]


def _fullest(rows: pd.DataFrame, factor: str) -> pd.DataFrame:
    """Return the rows of the lines with most values of the factor, if that is at least two."""
    if rows.empty:
        return rows
    values = rows[factor].groupby(numbered(rows, _line(rows, factor))).transform("nunique")
    return rows[values == max(values.max(), 2)]
