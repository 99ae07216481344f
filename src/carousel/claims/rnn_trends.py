"""The gradient of vanilla RNNs by init, gain and width, and as libraries start them: what A4g, A2f and A1i share."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import repeated, select
from carousel.analysis.text import as_number, listed, number
from carousel.axes import STANDARD_DRIVE
from carousel.claims import defaults
from carousel.claims.claim import Boundary, Margin, Tables
from carousel.claims.evidence import ALONG_GAIN, means, planned, reference, stack, trends, with_left
from carousel.claims.lines import along, boundary, evidence_of, in_words
from carousel.claims.rule_text import CONFIRMED, FEWER
from carousel.claims.rules import ALPHA, LAG, LONG, MIN_REPETITIONS, VANILLA

BY = ["cell", "init", "gain", "hidden"]  # what one part has in common, beside the drive
WELL = "orthogonal"  # the init of the boundary in the table of verdicts
VARIED = {"hidden": "width", "drive": "drive"}  # what rates and orders might move with, in words
CROSSES = ", across the margin"
MEANT = {"left": f"decades left at lag {LAG}", "rate": "decades per step"}  # what is said of a column
LEAST_VALUES = 3  # of a factor: fewer are no sweep
ALONG = ["init", "gain", "bias", "drive", "hidden", "length"]
BY_DEFAULT = {
    "left": f"Left at lag {LAG} by default, in decades",
    "rate": "Rate by default, in decades per step",
}
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


def models(tables: Tables) -> pd.DataFrame:
    """Return the `slopes` of the settings that were measured often enough."""
    return repeated(slopes(tables.decay), MIN_REPETITIONS)


def measure(table: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    """Return the evidence on ``column`` of `models` against a loss of the margin, a part per group of BY.

    At the standard drive and, with the ``library``, as libraries start it. ``rate_mean`` and ``left_mean`` beside it;
    per cell ``moved`` in words, and the lines along the gain at which a loss ends.
    """
    kinds = {"": fixed(table)} | dict(defaults.by_library(table))
    evidence = stack([_parts(rows, library, column, margin) for library, rows in kinds.items() if len(rows)])
    return _with_words(evidence, table, column, margin) if len(evidence) else evidence


def _parts(table: pd.DataFrame, library: str, column: str, margin: float) -> pd.DataFrame:
    found = trends(table, BY, margin, column).assign(library=library)
    own = reference(table)
    for name in ("rate", "left"):
        mean = means(own, name, BY).to_dict()
        found[f"{name}_mean"] = [mean.get(tuple(key), np.nan) for key in found[BY].to_numpy()]
    return found.assign(part=[part(row) for row in found.itertuples()])


def part(row: Any) -> str:
    """Return the name of the part in a row of evidence."""
    if row.library:
        return f"{names.default(row.library, row.cell)}"
    return f"{names.cell(row.cell)}, {names.init(str(row.init))} init, gain {row.gain:g}, {row.hidden} units"


def _with_words(evidence: pd.DataFrame, table: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    """Return the evidence with the lines along which a loss ends, and in words what width and drive move."""
    own = defaults.without(reference(table))
    moves = {
        cell: f"{MEANT[column]} {text}"
        for cell, rows_ in _by_cell(own)
        if (text := moved(rows_, column, margin))
    }
    evidence = evidence.assign(moved=[moves.get(cell, "") for cell in evidence["cell"].astype(str)])
    swept = select(fixed(table), slice=ALONG_GAIN)
    return stack([evidence, *(_ends(cell, rows_, column, margin) for cell, rows_ in _by_cell(swept))])


def _ends(cell: str, swept: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    found = along(swept, "gain", column, -margin, fewest=2, log=True)
    return evidence_of(found, f"a loss ends, {names.cell(cell)}").assign(cell=cell)


def _by_cell(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    yield from ((str(cell), own.astype({"init": str})) for cell, own in table.groupby("cell", observed=True))


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
    first, last = number(row.iloc[0]), number(row.iloc[-1])
    ends = f"{first} throughout" if first == last else f"{first} to {last}"
    crosses = margin is not None and row.lt(-margin).nunique() > 1
    span = f"{with_unit(row.index[0], unit)} to {number(row.index[-1])}"
    return f"{ends} from {span} ({names.init(init)} init{CROSSES if crosses else ''})"


def with_unit(value: float, unit: str) -> str:
    """Return a value of one of VARIED in words."""
    return f"{unit} {number(value)}"


def threshold(lines: pd.DataFrame, cell: str) -> Boundary | None:
    """Return the gain at which a cell's loss ends, if it does within the sweep."""
    return boundary(select(lines, cell=cell), "gain", WELL) if len(lines) else None


def headline(evidence: pd.DataFrame, cell: str) -> pd.DataFrame:
    """Return the rows that stand for a claim on a cell: PyTorch's default, or WELL at gain 1, or the first part."""
    usual = select(evidence, library="torch", cell=cell)
    usual = usual if len(usual) else select(evidence, library="", cell=cell, init=WELL, gain=1.0)
    usual = usual if len(usual) else evidence
    return evidence[evidence["part"] == usual["part"].iloc[0]]


def said_of_libraries(evidence: pd.DataFrame, column: str = "left") -> str:
    """Return in words the ``column`` of each library's RNNs by default: what is ``left``, or the ``rate``."""
    usual = reference(evidence)
    usual = usual[usual["library"] != ""]
    words = [
        f"{row.part.replace('default ', '')} {number(getattr(row, f'{column}_mean'))}"
        for row in usual.itertuples()
    ]
    return f"{BY_DEFAULT[column]}: {listed(words)}." if words else ""


def said_of_lines(evidence: pd.DataFrame, lines: pd.DataFrame, ends: str) -> str:
    """Return in words at which gain a loss ``ends``, cell by cell."""
    cells = reference(evidence)["cell"].astype(str).unique() if len(lines) else []
    at = {cell: _end(select(lines, cell=cell)) for cell in cells}
    said = [f"{names.cell(cell)} {text}" for cell, text in at.items() if text]
    return f"As the gain alone rises, {ends}: {'; '.join(said)}." if said else ""


def _end(lines: pd.DataFrame) -> str:
    """Return in words where the lines cross, or that none does up to the highest gain tried."""
    own = reference(lines) if len(lines) else lines
    if len(own) and (own["at"] == np.inf).all():
        return f"not up to gain {number(own['last'].min())} ({listed(sorted(own['line']))})"
    return in_words(lines, "gain")


def said_of_moves(evidence: pd.DataFrame) -> str:
    """Return in words how a loss moves with width and drive, cell by cell, and whether across its margin."""
    each = reference(evidence).drop_duplicates("cell")
    moves = [f"{names.cell(row.cell)}, {row.moved}" for row in each.itertuples() if row.moved]
    side = "" if any(CROSSES in text for text in moves) else ", always on one side of the margin"
    return f"With width and drive{side}: {'. '.join(moves)}." if moves else ""


def words_of_vanishing(margin: Margin) -> str:
    """Return the rule on what is left at LAG in words."""
    return (
        f"A part is an init, gain and width (drive {STANDARD_DRIVE}), or a library's default. It vanishes (does not) "
        f"where the 95 % interval over repetitions of what is left at lag {LAG} lies below (above) a loss of "
        f"{margin.value:g} {margin.unit.split()[0]} and Holm's p over the parts of the claim is at most {ALPHA:g}. "
        f"{FEWER} {CONFIRMED}"
    )
