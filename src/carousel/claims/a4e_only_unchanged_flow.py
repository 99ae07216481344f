"""A4e: inside an LSTM, is the carousel the only place where error flows unchanged?"""

import re

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import KEPT
from carousel.analysis.stats.slopes import FIT_WINDOW
from carousel.analysis.stats.tables import MODEL, SETTING, grouped, heads, select
from carousel.analysis.text import number
from carousel.axes import BACKENDS
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import stack, unsearched, wide
from carousel.claims.longest_learned import CLIMBING
from carousel.claims.numbers import witnessed
from carousel.claims.routes import on_all
from carousel.claims.rule_text import words_of_universal
from carousel.claims.rules import (
    INCONCLUSIVE,
    LONG,
    LSTMS,
    MIN_SEARCHED,
    REFUTED,
    confirmed,
    settings,
    universal,
)
from carousel.claims.settings_text import named
from carousel.tables.runs import Runs

UNCHANGED = float(
    np.log10(1.01)
)  # decades over the whole way: a hundredth is what nobody would call a change
INSIDE, BEYOND = "inside", "beyond"
ROUTES = {  # quantity, path -> words, by place
    INSIDE: {
        ("loss_state", "gates"): "what passed a gate",
        ("loss_h", "candidate"): "what came to h by the candidate, the gates frozen",
        ("loss_h", "full"): "all that came to h",
    },
    BEYOND: {
        ("loss_state", "full"): "the total",
        ("loss_state", "cell"): "the leak past the recurrent weights",
    },
}
CAROUSELS = "lstm|janet"  # cells that have the LSTM's cell state, whatever gates they lack
FACTORS = {"entry": "into the cell", "exit": "out of it by the candidate"}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the gradients on every route but the carousel in LSTMs, and on all routes in cells without a carousel.

    Over at least LONG steps. Left out are one-unit chains and linear networks whose R is the identity, which are
    carousels by definition, networks without input, whose gates never move, and those that climb from length to length,
    of which only who learned is there.
    """
    decay = tables.decay
    return pd.concat(
        _driven(select(decay, cell=_cells(decay, place), quantity=name, path=path))
        for place, routes in ROUTES.items()
        for name, path in routes
    )


def _driven(found: pd.DataFrame) -> pd.DataFrame:
    copies = (found["cell"] == "rnn_linear") & (found["init"] == "identity")
    long = (found["length"] >= LONG) & (found["hidden"] > 1)
    climbs = found["slice"].astype(str).str.startswith(CLIMBING)
    return found[long & (found["drive"] != "0") & ~copies & ~climbs]


def _cells(found: pd.DataFrame | Runs, place: str) -> list[str]:
    """Return the cells of one place: LSTMs, or those without an LSTM's cell state."""
    return (
        list(LSTMS)
        if place == INSIDE
        else [c for c in heads(found)["cell"].unique() if not re.search(CAROUSELS, c)]
    )


def changes(found: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return per model by how many decades the norm departs from its value at the first lag: ``change``, the largest.

    Over all lags from 1 to the end of FIT_WINDOW (beyond it the start of the sequence shows). Infinite where a
    sequence lost its gradient altogether.
    """
    way = select(found, quantity=quantity, path=path)
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
    """Return the space searched: the change on every backend, by ``place`` and ``route``; ``factors`` in words."""
    found = rows(tables)
    parts = [
        wide(changes(select(found, cell=_cells(found, place)), *which), "change").assign(
            place=place, route=words
        )
        for place, routes in ROUTES.items()
        for which, words in routes.items()
    ]
    space = stack(parts)
    space = space if len(space) else parts[0]
    alive = np.isfinite(space[list(BACKENDS)]).any(axis=1) | (space["place"] == INSIDE)
    return space[alive].reset_index(drop=True).assign(factors=_factors(tables.dynamics))


def _factors(dynamics: pd.DataFrame | Runs) -> str:
    """Return in words the typical factor of a step into and out of an LSTM's cell, and its range over the networks."""
    found = select(dynamics, cell=LSTMS, quantity=tuple(FACTORS), axis="all", quantile=0.5)
    each = {words: select(found, quantity=name)["value"] for name, words in FACTORS.items()}
    said = [
        f"{number(values.median())} ({number(values.min())} to {number(values.max())}) {words}"
        for words, values in each.items()
        if len(values)
    ]
    return f"In one step a typical unit's error is multiplied by {' and '.join(said)}." if said else ""


def breaks(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the norm is the same at every lag, to a hundredth."""
    return space[list(BACKENDS)] <= UNCHANGED


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict on the routes inside an LSTM, with the one that changes least; the others are said apart."""
    inside = evidence[evidence["place"] == INSIDE]
    found, word = confirmed(evidence, breaks(evidence)), universal(inside, breaks(inside))
    if word == INCONCLUSIVE:
        what = f"a search of at least {MIN_SEARCHED} LSTMs at T of at least {LONG} on every backend"
        return Verdict(word, unsearched(inside, what), _alt(evidence), n=settings(inside))
    row = _witness(on_all(inside)) if word == REFUTED else _nearest(on_all(inside))
    seen = "Unchanged too" if word == REFUTED else "Nearest to unchanged"
    condition = (
        f"{seen}: {row['route']}, in {named(row)}, by {number(_worst(row))} decades at most over "
        f"{FIT_WINDOW[1] * row['length']:.0f} steps. {_counts(inside)} {evidence['factors'].iloc[0]} "
        f"{_beyond(evidence, found)}"
    )
    return Verdict(word, condition, _alt(evidence), n=settings(inside), **witnessed(row))


def _worst(row: pd.Series) -> float:
    return float(row[list(BACKENDS)].max())


def _witness(space: pd.DataFrame) -> pd.Series:
    """Return the least change in the setting that changes least in all repetitions."""
    worst = space[list(BACKENDS)].max(axis=1)
    keys = [space[name] for name in [*(name for name in SETTING if name in space), "route"]]
    table = space.assign(moved=worst, most=worst.groupby(keys, observed=True).transform("max"))
    return table.sort_values(["most", "moved"]).iloc[0]


def _nearest(space: pd.DataFrame) -> pd.Series:
    """Return the route that changes least, in one model."""
    return space.loc[space[list(BACKENDS)].max(axis=1).idxmin()]


def _counts(inside: pd.DataFrame) -> str:
    """Return in words, route by route, in how many LSTMs the norm stays within a hundredth, and a factor of two."""
    rows_ = on_all(inside)
    worst = rows_[list(BACKENDS)].max(axis=1)
    table = pd.DataFrame({"same": worst <= UNCHANGED, "kept": worst <= -KEPT}).groupby(rows_["route"])
    words = [
        f"{route} in {own['same'].sum()} of {len(own)} LSTMs ({own['kept'].sum()})" for route, own in table
    ]
    return f"Unchanged to a hundredth (within a factor of two) is: {'; '.join(words)}."


def _beyond(space: pd.DataFrame, found: pd.Series) -> str:
    """Return in words which cells without an LSTM's cell state hold their gradient unchanged."""
    rows_ = on_all(space[space["place"] == BEYOND])
    if rows_.empty:
        return ""
    groups = found[rows_.index].groupby([rows_["route"], rows_["cell"].astype(str)]).agg(["sum", "size"])
    words = [f"{names.cell(str(cell))} {row['sum']} of {row['size']}{'' if route == 'the total' else f' ({route})'}"
             for (route, cell), row in groups.iterrows() if row["sum"]]  # fmt: skip
    return f"Beyond LSTMs, and no part of the verdict, error flows unchanged in: {'; '.join(words) or 'no cell'}."


def _alt(space: pd.DataFrame) -> str:
    if space.empty:
        return "No route beside the carousel was measured."
    worst = space[list(BACKENDS)].max(axis=1)
    nearest = worst.groupby([space["place"], space["cell"].astype(str)]).min().sort_values()
    words = [f"{names.cell(str(cell))} {number(value)}" for (_, cell), value in nearest.items()]
    return (
        "Dots of the largest change of the gradient's norm on its way back, a row for each cell: in LSTMs on the "
        "routes "
        "beside the carousel, in cells without a carousel on all routes, on a logarithmic axis with a line at one "
        f"hundredth. Least change in decades: {'; '.join(words)}."
    )


CLAIM = Claim(
    id="A4e",
    who="answer 4",
    kind="universal",
    statement="The CEC is the only place (in an LSTM) where error flows unchanged.",
    reading="The answer speaks of an LSTM. On every route that leaves the carousel (what passed a gate, what came to h "
    f"by the candidate, all that came to h) the norm of the error changes within a sequence of at least {LONG} steps. "
    "That is so in every LSTM that is driven by an input, before and after training. The routes may go along the "
    "carousel for a part of the way. Other cells are shown apart.",
    prediction="supported: the other routes pass squashings, gates and weights at every step",
    unit="decades by which the norm changes at most (the route that changes least)",
    rule=words_of_universal(
        "One route that leaves the carousel in an LSTM of more than one unit whose norm stays within "
        f"{10**UNCHANGED - 1:.2g} of its "
        f"value at lag 1 up to {FIT_WINDOW[1]:g} of the sequence (at least {LONG} steps)"
    )
    + " Networks without input do not count, for their gates never move; in cells without an LSTM's cell state "
    "one-unit "
    "chains and linear networks whose recurrent weights are the identity do not, for they are carousels.",
    takeaway={
        "supported": "Inside an LSTM only the carousel passes an error back unchanged, and it only where no forget "
        "gate closes. Outside, orthogonal linear units and open update gates do, too.",
        "refuted": "The carousel is not the only place in an LSTM that passes an error back unchanged.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
