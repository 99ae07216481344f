"""Small tables that several claims need, and the words for them."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
import pandas as pd

from carousel.analysis.stats.left import left
from carousel.analysis.stats.resampling import interval
from carousel.analysis.stats.tables import (
    MODEL,
    PAIR,
    centre_by_repetition,
    complete,
    difference,
    joined,
    numbered,
    sample,
)
from carousel.analysis.stats.tested import equivalent, student
from carousel.analysis.text import listed
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims import defaults
from carousel.claims.rules import FAILS, HOLDS, LAG, MIXED, UNCLEAR

LN10 = float(np.log(10))
DEFAULTS = defaults.SLICE
ALONG_BIAS = ("grid", "bias")  # the slices that differ in the forget bias alone, and
ALONG_GAIN = ("grid", "gain")  # in the gain alone: a curve along either is made of them
DECIDED = {HOLDS: "Holds", FAILS: "Fails", MIXED: "Depends on the setting", UNCLEAR: "Undecided"}


def wide(table: pd.DataFrame, value: str = "rate") -> pd.DataFrame:
    """Return one row per model with its ``value`` on each backend in a column of its name (NaN: missing)."""
    each = (
        table.loc[table["backend"] == backend, [*PAIR, value]].rename(columns={value: backend})
        for backend in BACKENDS
    )
    return reduce(lambda left, right: left.merge(right, on=PAIR, how="outer"), each)


def relative_error(measured: np.ndarray, formula: np.ndarray) -> np.ndarray:
    """Return the relative error of a derivative whose log10 is given twice; equal infinities agree."""
    return LN10 * np.abs(difference(measured, formula))


def compare(table: pd.DataFrame, column: str, part: str, margin: float, how: str = "median") -> pd.DataFrame:
    """Return one row of evidence per backend: the effect ``column``, held against ``margin``.

    effect, low, high: over repetitions, each the median (or mean) over its settings. share (reverse): the
    settings of which every repetition is on the upper (lower) side of the margin. p: Student's. shared: the effect over
    the repetitions that every backend measured. edge: the value at which the effect would change sides.
    """
    return _evidence(table, [], column, part, margin, how, student).assign(edge=margin)


def within(table: pd.DataFrame, column: str, part: str, margin: float, how: str = "median") -> pd.DataFrame:
    """Return one row of evidence per backend, as `compare` does, with p for `rules.equivalence`."""
    return _at_nearer(_evidence(table, [], column, part, margin, how, equivalence_p))


def trends(table: pd.DataFrame, by: Sequence[str], margin: float, column: str = "rate") -> pd.DataFrame:
    """Return the evidence of each group: its rate against minus the ``margin``, the columns ``by`` beside it.

    share (reverse): the settings of which every repetition is above (below) minus the margin.
    """
    found = _evidence(table, by, column, "", -margin, "median", student)
    return found.assign(edge=-margin, margin=margin)


def levels(table: pd.DataFrame, by: Sequence[str], margin: float, column: str = "rate") -> pd.DataFrame:
    """Return the evidence of each group for `rules.equivalence`: its rate within the ``margin`` of zero."""
    return _at_nearer(_evidence(table, by, column, "", margin, "median", equivalence_p))


def _at_nearer(found: pd.DataFrame) -> pd.DataFrame:
    """Return evidence of an equivalence with the nearer of its two margins as the edge."""
    return found.assign(edge=np.copysign(found["margin"], found["effect"])) if len(found) else found


def equivalence_p(values: np.ndarray, margin: float) -> float:
    """Return the p that a mean is within the margins (two one-sided tests), or else outside the nearer one."""
    found = equivalent(values, -margin, margin)
    outside = abs(found.effect) > margin
    return student(values, float(np.copysign(margin, found.effect))) if outside else found.p


def _evidence(
    table: pd.DataFrame,
    by: Sequence[str],
    column: str,
    part: str,
    margin: float,
    how: str,
    test: Callable[[np.ndarray, float], float],
) -> pd.DataFrame:
    """Return the evidence of each group, one row per backend, the columns ``by`` beside it.

    `labelled` or the caller names the parts.
    """
    if table.empty:
        return pd.DataFrame()
    rows = sample(table, column)
    keys = [table.loc[rows.index, name] for name in by]
    groups = rows.groupby(keys, observed=True) if by else [((), rows)]
    return pd.DataFrame([
        _compared(own, margin, how, test)
        | {"part": part, "backend": str(backend), "margin": margin}
        | dict(zip(by, key, strict=True))
        for key, group in groups
        for backend, own in group.assign(everywhere=on_every_backend(group)).groupby("backend", observed=True)
    ])  # fmt: skip


def on_every_backend(rows: pd.DataFrame) -> pd.Series:
    """Return which rows, of a table or of a `sample` of it, are of a model that every backend measured."""
    model = numbered(rows, [name for name in [*PAIR, "task", "rival", "setting"] if name in rows])
    return rows["backend"].groupby(model, observed=True).transform("nunique") == len(BACKENDS)


def _centre(rows: pd.DataFrame, how: str) -> float:
    """Return the effect over repetitions, without an interval; NaN where there are none."""
    values = _by_repetition(rows, how)
    if len(values) == 0:
        return np.nan
    return float(
        np.mean(values) if np.isfinite(values).all() else np.quantile(values, 0.5, method="inverted_cdf")
    )


def _by_repetition(rows: pd.DataFrame, how: str) -> np.ndarray:
    repetition, values = rows["repetition"].to_numpy(), rows["value"].to_numpy()
    keep = complete(rows["setting"].to_numpy(), repetition)
    return centre_by_repetition(repetition[keep], values[keep], how)


def _compared(
    rows: pd.DataFrame, margin: float, how: str, test: Callable[[np.ndarray, float], float]
) -> dict:
    values = _by_repetition(rows, how)
    effect, low, high = interval(values)
    each = rows["value"].groupby(rows["setting"].to_numpy())
    least, middle, most = each.min(), each.median(), each.max()
    up, down = (least >= margin) & (middle > margin), (most <= margin) & (middle < margin)
    return {
        "effect": effect, "low": low, "high": high, "p": test(values, margin),
        "share": up.mean(), "reverse": down.mean(),
        "shared": effect if rows["everywhere"].all() else _centre(rows[rows["everywhere"]], how),
        "repetitions": len(values), "settings": len(least), "n": len(rows), "informative": True,
    }  # fmt: skip


def with_left(table: pd.DataFrame, decay: pd.DataFrame, quantity: str, path: str = "full") -> pd.DataFrame:
    """Return the models with ``left``: decades of the quantity at LAG, relative to the last state's gradient."""
    found = left(decay, quantity, path, (LAG,))
    return joined(table, found[[*MODEL, "left"]], MODEL)


def reference(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the reference backend: the sample."""
    return rows[rows["backend"].astype(str) == REFERENCE]


def searched(rows: pd.DataFrame) -> pd.Series:
    """Return which rows are of settings that a search went through."""
    return rows["slice"].isin([name for name in rows["slice"].unique() if name.startswith("search")])


def planned(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of settings planned beforehand, without those that a search went through."""
    return rows[~searched(rows)]


def stack(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the tables that have rows, one below the other (an empty frame if none has)."""
    tables = [table for table in tables if len(table)]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def missing(evidence: pd.DataFrame, what: str) -> str:
    """Return what has to be measured before a claim can be decided, the backend that is missing first."""
    have = set(evidence["backend"].astype(str)) if "backend" in evidence else set()
    absent = [backend for backend in BACKENDS if backend not in have]
    if have and absent:
        return f"Undecided: the {absent[0]} backend has not measured it."
    return f"Undecided: {what} would settle it."


def unsearched(space: pd.DataFrame, what: str) -> str:
    """Return what would settle an undecided claim over a `wide` table, the backend that is missing first."""
    have = [backend for backend in BACKENDS if space[backend].notna().any()]
    return missing(pd.DataFrame({"backend": have}), what)


def by_state(states: pd.Series, said: Mapping[str, str]) -> list[str]:
    """Return a sentence for each state that occurs, in the order of ``said``: its words and the parts in it."""
    parts = {state: listed([str(part) for part in states.index[states == state]]) for state in said}
    return [f"{said[state]}: {names}." for state, names in parts.items() if names]
