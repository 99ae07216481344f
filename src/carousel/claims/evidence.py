"""Small tables that several claims need, and the words for them."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce

import numpy as np
import pandas as pd

from carousel.analysis.stats.left import left
from carousel.analysis.stats.resampling import intervals
from carousel.analysis.stats.tables import (
    MODEL,
    PAIR,
    difference,
    joined,
    numbered,
    sample,
    samples,
)
from carousel.analysis.stats.tested import student, two_one_sided
from carousel.analysis.text import listed
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims import defaults
from carousel.claims.rules import FAILS, HOLDS, LAG, MIXED, UNCLEAR

LN10 = float(np.log(10))
DEFAULTS = defaults.SLICE
ALONG_BIAS = ("grid", "bias")  # the slices that differ in the forget bias alone, and
ALONG_GAIN = ("grid", "gain")  # in the gain alone: a curve along either is made of them
FEW_PARTS = 3  # of a sentence; more are set apart by semicolons
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


def with_margin(space: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return the space that was searched with the ``margin`` beside."""
    return space.assign(margin=margin)


def compare(
    table: pd.DataFrame, column: str, part: str, margin: float, how: str = "median", by: Sequence[str] = ()
) -> pd.DataFrame:
    """Return one row of evidence per group ``by`` and backend: the effect ``column``, held against ``margin``.

    effect, low, high: over repetitions, each the median (or mean) over its settings. share (reverse): the
    settings of which every repetition is on the upper (lower) side of the margin. p: Student's. shared: the effect over
    the repetitions that every backend measured. edge: the value at which the effect would change sides.
    """
    return _evidence(table, by, column, part, margin, how, student).assign(edge=margin)


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
    effect = _centre(values)
    if abs(effect) > margin:
        return student(values, float(np.copysign(margin, effect)))
    return two_one_sided(values, -margin, margin)


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
    rows = sample(table, column, by) if len(table) else table
    if rows.empty:
        return pd.DataFrame()
    groups = rows.groupby([*by, "backend"], observed=True)
    rows = rows.assign(group=groups.ngroup(), everywhere=on_every_backend(rows, by))
    first = rows.drop_duplicates("group").sort_values("group")
    values = _samples(rows, how, len(first))
    effect, low, high = intervals(values).T
    share, reverse, settings = _sides(rows, margin)
    return pd.DataFrame({
        "effect": effect, "low": low, "high": high, "p": [test(each, margin) for each in values],
        "share": share, "reverse": reverse,
        "shared": [_centre(each) for each in _samples(rows[rows["everywhere"]], how, len(first))],
        "repetitions": [len(each) for each in values], "settings": settings, "n": np.bincount(rows["group"]),
        "informative": True, "part": part, "backend": first["backend"].astype(str).tolist(), "margin": margin,
        **{name: first[name].tolist() for name in by},
    })  # fmt: skip


def means(table: pd.DataFrame, column: str, by: Sequence[str]) -> pd.Series:
    """Return the mean of ``column`` over the repetitions of each group, each the median over its settings."""
    rows = sample(table, column, by)
    groups = rows.groupby([*by], observed=True)
    if not groups.ngroups:
        return pd.Series(dtype=float)
    values = _samples(rows.assign(group=groups.ngroup()), "median", groups.ngroups)
    return pd.Series([float(np.mean(each)) for each in values], groups.size().index, dtype=float)


def on_every_backend(rows: pd.DataFrame, by: Sequence[str] = ()) -> pd.Series:
    """Return which rows, of a table or of a `sample` of it, are of a model that every backend measured."""
    names = [*by, *(name for name in [*PAIR, "task", "rival", "setting"] if name in rows and name not in by)]
    return rows["backend"].groupby(numbered(rows, names)).transform("nunique") == len(BACKENDS)


def _samples(rows: pd.DataFrame, how: str, size: int) -> list[np.ndarray]:
    group, setting, repetition, values = (
        rows[name].to_numpy() for name in ("group", "setting", "repetition", "value")
    )
    return samples(group, setting, repetition, values, how, size)


def _centre(values: np.ndarray) -> float:
    """Return the effect over repetitions, without an interval; NaN where there are none."""
    if len(values) == 0:
        return np.nan
    return float(
        np.mean(values) if np.isfinite(values).all() else np.quantile(values, 0.5, method="inverted_cdf")
    )


def _sides(rows: pd.DataFrame, margin: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the shares of each group's settings that are above and below the margin, and how many settings it has."""
    each = rows["value"].groupby([rows["group"].to_numpy(), rows["setting"].to_numpy()])
    least, middle, most = each.min(), each.median(), each.max()
    of = least.index.get_level_values(0)
    up, down = (least >= margin) & (middle > margin), (most <= margin) & (middle < margin)
    count = np.bincount(of)
    return np.bincount(of, up) / count, np.bincount(of, down) / count, count


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
    parts = {state: [str(part) for part in states.index[states == state]] for state in said}
    each = {
        state: "; ".join(names) if len(names) > FEW_PARTS else listed(names) for state, names in parts.items()
    }
    return [f"{said[state]}: {names}." for state, names in each.items() if names]
