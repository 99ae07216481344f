"""A4e: is the carousel the only place where error flows unchanged?"""

import re

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import FIT_WINDOW, STEADY, rates
from carousel.analysis.stats.tables import MODEL, SETTING, grouped, select
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS
from carousel.claims.evidence import named, stack, unsearched, wide, witnessed
from carousel.claims.rules import (
    INCONCLUSIVE,
    LONG,
    MIN_SEARCHED,
    REFUTED,
    Claim,
    Tables,
    Verdict,
    confirmed,
    settings,
    universal,
)

UNCHANGED = float(
    np.log10(1.01)
)  # decades over the whole way: a hundredth is what nobody would call a change
PATHS = {"full": "the total", "cell": "the leak past the recurrent weights"}
CAROUSELS = "lstm|janet"  # cells that have the LSTM's cell state, whatever gates they lack


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient over at least LONG steps in every cell without an LSTM's cell state.

    One-unit chains are left out: a linear unit with the weight one to itself is the carousel by definition.
    """
    found = select(tables.decay, quantity="loss_state", path=tuple(PATHS))
    found = select(found, cell=[cell for cell in found["cell"].unique() if not re.search(CAROUSELS, cell)])
    return found[(found["length"] >= LONG) & (found["hidden"] > 1)]


def changes(found: pd.DataFrame, path: str) -> pd.DataFrame:
    """Return per model by how many decades the norm departs from its value at the first lag: ``change``, the largest.

    Over all lags from 1 to the end of FIT_WINDOW (beyond it the start of the sequence shows). Infinite where a
    sequence lost its gradient altogether.
    """
    way = select(found, path=path)
    way = way[(way["lag"] >= 1) & (way["lag"] <= FIT_WINDOW[1] * way["length"])].sort_values("lag")
    codes, models = grouped(way, MODEL)
    y = way["log10_norm"].where(way["n_zero"] == 0, -np.inf).to_numpy(float)
    _, start = np.unique(codes, return_index=True)
    with np.errstate(invalid="ignore"):
        moved = np.nan_to_num(np.abs(y - y[start][codes]), nan=np.inf, posinf=np.inf)
    largest = np.zeros(len(models))
    np.maximum.at(largest, codes, moved)
    return models.assign(change=largest)


def measure(tables: Tables) -> pd.DataFrame:
    """Return the space searched: the change on each ``path`` on every backend, and whether its rate is ``level``."""
    found = rows(tables)
    space = stack([_searched(found, path).assign(path=path) for path in PATHS])
    if space.empty:
        return _searched(found, "full").assign(path="full")
    alive = np.isfinite(space[list(BACKENDS)]).any(axis=1)
    return space[alive | (space["path"] == "full")].reset_index(drop=True)


def _searched(found: pd.DataFrame, path: str) -> pd.DataFrame:
    space = wide(changes(found, path), "change")
    rate = wide(rates(found, "loss_state", path))
    level = rate[list(BACKENDS)].abs().max(axis=1) <= STEADY
    keys = [name for name in rate.columns if name not in BACKENDS]
    return space.merge(rate[keys].assign(level=level), "left", keys)


def breaks(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the norm is the same at every lag, to a hundredth."""
    return space[list(BACKENDS)] <= UNCHANGED


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the path that changes least as its witness."""
    found, word = confirmed(evidence, breaks(evidence)), universal(evidence, breaks(evidence))
    if word == INCONCLUSIVE:
        what = f"a search of at least {MIN_SEARCHED} settings without a carousel on every backend"
        return Verdict(word, unsearched(evidence, what), _alt(evidence), n=settings(evidence))
    row = _witness(evidence)
    seen = "Unchanged too" if word == REFUTED else "Nearest"
    condition = (
        f"{seen}: {PATHS[row['path']]} in {named(row)}, by {number(_worst(row))} decades at most over "
        f"{FIT_WINDOW[1] * row['length']:.0f} steps. {_cells(evidence, found)}"
    )
    return Verdict(word, condition, _alt(evidence), n=settings(evidence), **witnessed(row))


def _worst(row: pd.Series) -> float:
    return float(row[list(BACKENDS)].max())


def _witness(space: pd.DataFrame) -> pd.Series:
    """Return the least change in the setting that changes least in all repetitions: of the total, if it breaks."""
    worst = space[list(BACKENDS)].max(axis=1)
    keys = [name for name in SETTING if name in space]
    table = space.assign(
        moved=worst, most=worst.groupby([space[name] for name in keys], observed=True).transform("max")
    )
    total = table[(table["path"] == "full") & (worst <= UNCHANGED)]
    return (total if len(total) else table).sort_values(["most", "moved"]).iloc[0]


def _cells(space: pd.DataFrame, found: pd.Series) -> str:
    """Return in words, path by path, which cells hold their gradient unchanged, and how many hold it nearly."""
    parts = []
    for path, name in PATHS.items():
        rows = space[space["path"] == path]
        if rows.empty:
            continue
        groups = found[rows.index].groupby(rows["cell"].astype(str))
        words = [f"{cell} {kept.sum()} of {len(kept)}" for cell, kept in groups if kept.any()]
        parts.append(
            f"{name[0].upper()}{name[1:]} is unchanged in {found[rows.index].sum()} of {len(rows)} models "
            f"({listed(words) or 'no cell'}), and within a factor of 2 in 100 steps in {rows['level'].sum()}."
        )
    return " ".join(parts)


def _alt(space: pd.DataFrame) -> str:
    if space.empty:
        return "No cell without a carousel was measured."
    worst = space[list(BACKENDS)].max(axis=1)
    nearest = worst.groupby(space["cell"].astype(str)).min().sort_values()
    words = [f"{cell} {number(value)}" for cell, value in nearest.items()]
    return (
        "Dots of the largest change of the gradient's norm on its way back, a row for each cell without a carousel, on "
        f"a logarithmic axis with a line at one hundredth. Least change in decades: {'; '.join(words)}."
    )


CLAIM = Claim(
    id="A4e",
    who="answer 4",
    kind="universal",
    statement="The CEC is the only place where error flows unchanged.",
    reading="In no cell without an LSTM's cell state does the norm of the state's gradient, in full or on the leak "
    "past the recurrent weights, stay the same at every lag of a sequence of at least 100 steps.",
    prediction="refuted: linear units with orthogonal recurrent weights keep the norm exactly, and so does any leak "
    "with its gate held open",
    unit="decades by which the norm changes at most (the witness)",
    rule="One path in a cell of more than one unit without an LSTM's cell state whose norm stays within one hundredth "
    "of its value at lag 1 up to nine tenths of the sequence (at least 100 steps) on every backend refutes it; none in "
    f"at least {MIN_SEARCHED} settings supports it. One-unit chains do not count: a linear unit with weight one is "
    "the carousel itself.",
    takeaway={
        "supported": "To pass an error back unchanged you need a carousel.",
        "refuted": "A carousel is one way to pass an error back unchanged; orthogonal linear units are another.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
