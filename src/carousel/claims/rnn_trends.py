"""The gradient of vanilla RNNs by init, gain and width, and as libraries start them: what A4g, A2f and A1i share."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis.stats.crossing import crossings
from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import by_repetition, repeated, select
from carousel.analysis.text import as_number, listed, number, with_interval
from carousel.axes import LIBRARIES, STANDARD_DRIVE
from carousel.claims.evidence import ALONG_GAIN, DEFAULTS, planned, reference, stack, trends, with_left
from carousel.claims.rules import (
    ALPHA,
    CONFIRMED,
    LAG,
    LONG,
    MIN_REPETITIONS,
    RNNS,
    VANILLA,
    Boundary,
    Margin,
    Tables,
)

BY = ["cell", "init", "gain", "hidden"]  # what one part has in common, beside the drive
WELL = "orthogonal"  # the init of the boundary in the table of verdicts
VARIED = {"hidden": "units", "drive": "drive"}  # what rates and orders might move with, and its unit
LEAST_VALUES = 3  # of a factor: fewer are no sweep
ALONG = ["init", "gain", "bias", "drive", "hidden", "length"]
LOST = Margin(
    1.0, f"decade at lag {LAG}", "less than a tenth left is called vanished, more than ten times exploded"
)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the gradient of every vanilla RNN at initialisation, driven by noise over LONG steps or more."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell=VANILLA, trained="no", quantity="loss_state", path="full")
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def slopes(decay: pd.DataFrame) -> pd.DataFrame:
    """Return every vanilla RNN with its ``rate`` and what is ``left`` at LAG, in decades, one row per model."""
    used = _rows(decay)
    return with_left(rates(used, "loss_state", "full").dropna(subset=["rate"]), used, "loss_state")


def fixed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the models at the standard drive, at which weights are compared."""
    return select(table, drive=STANDARD_DRIVE)


def measure(tables: Tables, column: str, margin: float) -> pd.DataFrame:
    """Return the evidence on ``column`` of `slopes` against a loss of the margin, a part per group of BY.

    At the standard drive and, with the ``library``, as libraries start it. ``rate_mean`` and ``left_mean`` beside it;
    per cell the ``lines`` and ``moved`` in words, and at, at_low, at_high: the gain at which a loss ends with WELL.
    """
    table = repeated(slopes(tables.decay), MIN_REPETITIONS)
    kinds = {"": fixed(table)} | {name: select(table, slice=DEFAULTS, init=name) for name in LIBRARIES}
    evidence = stack([_parts(rows, library, column, margin) for library, rows in kinds.items() if len(rows)])
    return _with_words(evidence, reference(table), column, margin) if len(evidence) else evidence


def _parts(table: pd.DataFrame, library: str, column: str, margin: float) -> pd.DataFrame:
    found = trends(table, BY, margin, column).assign(library=library)
    means = {key: _means(reference(group)) for key, group in table.groupby(BY, observed=True)}
    each = pd.DataFrame([means[tuple(row)] for row in found[BY].to_numpy()], found.index)
    return found.assign(part=[_part(row) for row in found.itertuples()], **each)


def _means(rows: pd.DataFrame) -> dict[str, float]:
    """Return the mean over repetitions of the rate and of what is left."""
    return {
        f"{name}_mean": float(np.mean(by_repetition(rows, name))) if len(rows) else np.nan
        for name in ("rate", "left")
    }


def _part(row: Any) -> str:
    if row.library:
        return f"{LIBRARIES[row.library]}'s default {RNNS[row.cell]}"
    return f"{RNNS[row.cell]}, {row.init} init, gain {row.gain:g}, {row.hidden} units"


def _with_words(evidence: pd.DataFrame, table: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    """Return the evidence with what is said of each cell: where a loss ends, and what width and drive move."""
    swept = select(fixed(table), slice=ALONG_GAIN)
    lines = {cell: crossings(own, "gain", column, -margin, log=True) for cell, own in _by_cell(swept)}
    words = {cell: listed([_line(row) for row in found.itertuples()]) for cell, found in lines.items()}
    along = {cell: moved(own, column, margin) for cell, own in _by_cell(table[table["slice"] != DEFAULTS])}
    well = {cell: select(found, init=WELL) for cell, found in lines.items()}
    ends = {cell: found.iloc[0][["at", "low", "high"]].tolist() for cell, found in well.items() if len(found)}
    cells = evidence["cell"].astype(str)
    at = np.array([ends.get(cell, [np.nan] * 3) for cell in cells], float).reshape(-1, 3)
    columns = dict(zip(("at", "at_low", "at_high"), at.T, strict=True))
    return evidence.assign(lines=cells.map(words).fillna(""), moved=cells.map(along).fillna(""), **columns)


def _by_cell(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from ((str(cell), own.astype({"init": str})) for cell, own in table.groupby("cell", observed=True))


def _line(row: Any) -> str:
    """Return in words the gain at which a loss ends, of one init and width."""
    if np.isneginf(row.at):
        return f"below gain {number(row.first)} ({row.init} init)"
    if np.isposinf(row.at):
        return f"above gain {number(row.last)} ({row.init} init)"
    return f"at {_factor(row.init)} {with_interval(row.at, row.low, row.high)}"


def _factor(init: str) -> str:
    return f"gain with {init} init"


def moved(own: pd.DataFrame, column: str, margin: float | None = None) -> str:
    """Return in words how ``column`` moves with width and drive, all else equal, and whether across the margin.

    Of the models of one cell at gain 1; nothing if that was not measured. margin: of a loss, positive.
    """
    return "; ".join(
        text for factor, unit in VARIED.items() if (text := _along(own, factor, unit, column, margin))
    )


def _along(own: pd.DataFrame, factor: str, unit: str, column: str, margin: float | None) -> str:
    table = own.assign(value=own[factor].astype(str).map(as_number))
    table = table[table["value"].notna() & (table["gain"] == 1)]
    keys = [name for name in ALONG if name != factor]
    curves = table.groupby([*keys, "value"], observed=True)[column].median().unstack()
    curves = curves[curves.notna().sum(axis=1) >= LEAST_VALUES]
    return listed([_curve(init, row.dropna(), unit, margin) for init, row in _named(curves)])


def _named(curves: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    inits = curves.index.get_level_values("init").astype(str) if len(curves) else []
    yield from zip(inits, (row for _, row in curves.iterrows()), strict=True)


def _curve(init: str, row: pd.Series, unit: str, margin: float | None) -> str:
    ends = f"{number(row.iloc[0])} to {number(row.iloc[-1])}"
    one_side = margin is None or row.lt(-margin).nunique() == 1
    side = "" if margin is None else f", {'' if one_side else 'not '}on one side of the margin"
    return (
        f"{ends} from {with_unit(row.index[0], unit)} to {with_unit(row.index[-1], unit)} ({init} init{side})"
    )


def with_unit(value: float, unit: str) -> str:
    """Return a value of one of VARIED in words."""
    return f"drive {number(value)}" if unit == "drive" else f"{number(value)} {unit}"


def threshold(evidence: pd.DataFrame, cell: str) -> Boundary | None:
    """Return the gain at which a cell's loss ends with weights of WELL, if it does within the sweep."""
    own = reference(evidence)
    own = own[own["cell"] == cell][["at", "at_low", "at_high"]]
    return (
        Boundary(_factor(WELL), *own.iloc[0].astype(float))
        if len(own) and np.isfinite(own).all(axis=None)
        else None
    )


def headline(evidence: pd.DataFrame, cell: str) -> pd.DataFrame:
    """Return the rows that stand for a claim on a cell: PyTorch's default, or WELL at gain 1, or the first part."""
    usual = select(evidence, library="torch", cell=cell)
    usual = usual if len(usual) else select(evidence, library="", cell=cell, init=WELL, gain=1.0)
    usual = usual if len(usual) else evidence
    return evidence[evidence["part"] == usual["part"].iloc[0]]


def said_of_libraries(evidence: pd.DataFrame) -> str:
    """Return in words what is left by default of each library's RNNs, with their rates."""
    usual = reference(evidence)
    usual = usual[usual["library"] != ""]
    words = [
        f"{row.part.replace('default ', '')} {number(row.left_mean)} ({number(row.rate_mean)} per step)"
        for row in usual.itertuples()
    ]
    return f"Left at lag {LAG} by default, in decades: {listed(words)}." if words else ""


def said_of_lines(evidence: pd.DataFrame, ends: str) -> str:
    """Return in words at which gain a loss ``ends``, cell by cell, and how it moves with width and drive."""
    each = reference(evidence).drop_duplicates("cell")
    lines = [f"{RNNS[row.cell]} {row.lines}" for row in each.itertuples() if row.lines]
    along = [f"{RNNS[row.cell]}: {row.moved}." for row in each.itertuples() if row.moved]
    begins = [f"As the gain alone rises, {ends}: {'; '.join(lines)}."] if lines else []
    return " ".join(begins + along)


def words_of_vanishing(margin: Margin) -> str:
    """Return the rule on what is left at LAG in words."""
    return (
        f"An init, gain and width (drive {STANDARD_DRIVE}), or a library's default, vanishes (does not) where the 95 % "
        f"interval over repetitions of what is left at lag {LAG} lies below (above) a loss of {margin.value:g} "
        f"{margin.unit.split()[0]} and Holm's p over the parts of the claim is at most {ALPHA:g}. {CONFIRMED}"
    )
