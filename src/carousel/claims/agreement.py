"""The backends against each other: they share no derivative code, so where they agree none is at fault."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis import names as words
from carousel.analysis.stats.tables import PAIR, difference, heads, numbered, select
from carousel.axes import BACKENDS
from carousel.claims.settings_text import named
from carousel.tables.runs import Runs
from carousel.tables.schemas import names

MEASURED = [*PAIR, "quantity", "path"]  # with the lag: the same row on every backend
CANCELLED = "loss_m"  # sLSTM's stabiliser: zero by cancellation where the memory is empty, and all rounding
UNGATED = (
    "mlstm"  # without recurrent weights nothing passes its gates: zero by cancellation, and all rounding
)
WHEN = "before training, float64", "before training, float32", "after training"
CLOSE = 1e-8  # decades: rounding level for float64; what exceeds it is an error or a chaotic network


def agreement(decay: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return the largest disagreement of two backends, with where: measure, value, unit, n, where.

    Before training in float64 rounding alone separates them, unless the network is chaotic and grows it: hence
    one line per slice. After training small differences have grown. Exact zeros (-inf) must match row by row;
    those that do not are counted, and so are rows that one backend alone measured. CANCELLED is left out, and what
    passes the gates of UNGATED.
    """
    names_of = sorted(heads(decay)["slice"].unique())
    each = {name: compared(select(decay, slice=name)) for name in names_of}  # one slice at a time in memory
    table = measures(WHEN[0], [found[WHEN[0]] for found in each.values()])
    for name, found in each.items():
        if found[WHEN[0]].rows:
            table += measures(f"{WHEN[0]}, slice {words.spelled(str(name))}", [found[WHEN[0]]])[:1]
    for when in WHEN[1:]:
        table += measures(when, [found[when] for found in each.values()])
    return pd.DataFrame(table, columns=names("agreement"))


class Compared(NamedTuple):
    """What the backends disagree on, among some of the rows of one slice."""

    rows: int  # that are counted
    pairs: int
    apart: tuple[int, ...]  # how many differ by more than CLOSE, by a zero, by what is no number
    alone: int  # rows of one backend alone
    largest: float  # decades
    place: tuple[str, str, int]  # of the largest: cell, quantity, row of the whole table
    where: str


def compared(decay: pd.DataFrame) -> dict[str, Compared]:
    """Return what is compared of the rows of one slice, by WHEN they were measured."""
    cancelled = (decay["quantity"] == CANCELLED) | ((decay["cell"] == UNGATED) & (decay["path"] == "gates"))
    counted = ~cancelled.to_numpy()
    start, exact = (decay["step"] == 0).to_numpy(), (decay["dtype"] == "float64").to_numpy()
    both = pairs(decay)
    among = counted & start & exact, counted & start & ~exact, counted & ~start
    return {when: _compared(decay, here, both) for when, here in zip(WHEN, among, strict=True)}


def pairs(decay: pd.DataFrame) -> pd.DataFrame:
    """Return each row that two of the ``BACKENDS`` measured, once per pair of them.

    Columns: ``left`` and ``right``, its places in the table; ``difference`` of its log10 norms, decades.
    """
    key = numbered(decay, MEASURED) * (decay["lag"].max() + 1) + decay["lag"].to_numpy()
    places = {name: np.flatnonzero(decay["backend"] == name) for name in BACKENDS}
    keyed = {name: pd.DataFrame({"key": key[at], "place": at}) for name, at in places.items()}
    each = [
        keyed[left].merge(keyed[right], on="key", suffixes=("_left", "_right"))
        for left, right in combinations(BACKENDS, 2)
    ]
    both = pd.concat(each, ignore_index=True)
    left, right = both["place_left"], both["place_right"]
    norm = decay["log10_norm"].to_numpy()
    return pd.DataFrame(
        {"left": left, "right": right, "difference": np.abs(difference(norm[left], norm[right]))}
    )


def _compared(decay: pd.DataFrame, counted: np.ndarray, both: pd.DataFrame) -> Compared:
    """Return what is compared of the rows that are ``counted``."""
    alone = counted.copy()
    alone[both["left"]] = alone[both["right"]] = False
    both = both[counted[both["left"]]]
    apart = both["difference"].to_numpy()
    many = int((apart > CLOSE).sum()), int(np.isinf(apart).sum()), int(np.isnan(apart).sum())
    return Compared(int(counted.sum()), len(both), many, int(alone.sum()), *_largest(decay, both))


def _largest(decay: pd.DataFrame, both: pd.DataFrame) -> tuple[float, tuple[str, str, int], str]:
    """Return the largest finite difference and where it is: the first by cell and quantity."""
    if both.empty:
        return np.nan, ("", "", 0), ""
    finite = both["difference"].where(np.isfinite(both["difference"]), 0.0)
    found = decay.iloc[both["left"][finite == finite.max()]].sort_values(["cell", "quantity"], kind="stable")
    row = found.iloc[0]
    return float(finite.max()), (str(row["cell"]), str(row["quantity"]), int(found.index[0])), _where(row)


def measures(name: str, parts: list[Compared]) -> list[dict]:
    """Return the rows of the table on some slices together."""
    there = [part for part in parts if part.pairs]
    first = min(there, key=lambda part: (-part.largest, part.place), default=None)
    n, alone = sum(part.pairs for part in parts), sum(part.alone for part in parts)
    close, zeros, unknown = (float(sum(part.apart[k] for part in parts)) for k in range(3))
    found = [
        (
            "largest difference of log10 norms",
            first.largest if first else np.nan,
            "decades",
            first.where if first else "",
        ),
        (f"differences above {CLOSE:g} decades", close, "rows", ""),
        ("exact zeros that differ", zeros, "rows", ""),
        ("not a number on any backend", unknown, "rows", ""),
        ("measured by one backend alone", float(alone), "rows", ""),
    ]
    return [
        {"measure": f"{measure}, {name}", "value": value, "unit": unit, "n": n, "where": where}
        for measure, value, unit, where in found
    ]


def _where(row: pd.Series) -> str:
    what = f"{words.quantity(str(row['quantity']))}, {words.path(str(row['path']))}, lag {row['lag']}"
    return f"slice {words.spelled(str(row['slice']))}: {named(row)}; {what}"
