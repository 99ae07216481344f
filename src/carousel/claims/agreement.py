"""The backends against each other: they share no derivative code, so where they agree none is at fault."""

from itertools import combinations

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import PAIR, difference, numbered
from carousel.axes import BACKENDS
from carousel.claims.settings_text import named
from carousel.tables.schemas import names

MEASURED = [*PAIR, "quantity", "path"]  # with the lag: the same row on every backend
CANCELLED = "loss_m"  # sLSTM's stabiliser: zero by cancellation where the memory is empty, and all rounding
UNGATED = (
    "mlstm"  # without recurrent weights nothing passes its gates: zero by cancellation, and all rounding
)
CLOSE = 1e-8  # decades: rounding level for float64; what exceeds it is an error or a chaotic network


def agreement(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the largest disagreement of two backends, with where: measure, value, unit, n, where.

    Before training in float64 rounding alone separates them, unless the network is chaotic and grows it: hence
    one line per slice. After training small differences have grown. Exact zeros (-inf) must match row by row;
    those that do not are counted, and so are rows that one backend alone measured. CANCELLED is left out, and what
    passes the gates of UNGATED.
    """
    cancelled = (decay["quantity"] == CANCELLED) | ((decay["cell"] == UNGATED) & (decay["path"] == "gates"))
    counted = ~cancelled.to_numpy()
    start, exact = (decay["step"] == 0).to_numpy(), (decay["dtype"] == "float64").to_numpy()
    both, first = pairs(decay), counted & start & exact
    table = _rows("before training, float64", decay, first, both)
    for name in sorted(decay["slice"][first].unique()):
        here = first & (decay["slice"] == name).to_numpy()
        table += _rows(f"before training, float64, slice {name}", decay, here, both)[:1]
    table += _rows("before training, float32", decay, counted & start & ~exact, both)
    table += _rows("after training", decay, counted & ~start, both)
    return pd.DataFrame(table, columns=names("agreement"))


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


def _rows(name: str, decay: pd.DataFrame, counted: np.ndarray, both: pd.DataFrame) -> list[dict]:
    """Return the measures of the rows that are ``counted``."""
    alone = counted.copy()
    alone[both["left"]] = alone[both["right"]] = False
    both = both[counted[both["left"]]]
    apart = both["difference"].to_numpy()
    measures = [
        ("largest difference of log10 norms", *_largest(decay, both)),
        (f"differences above {CLOSE:g} decades", float((apart > CLOSE).sum()), "rows", ""),
        ("exact zeros that differ", float(np.isinf(apart).sum()), "rows", ""),
        ("not a number on any backend", float(np.isnan(apart).sum()), "rows", ""),
        ("measured by one backend alone", float(alone.sum()), "rows", ""),
    ]
    return [
        {"measure": f"{measure}, {name}", "value": value, "unit": unit, "n": len(both), "where": where}
        for measure, value, unit, where in measures
    ]


def _largest(decay: pd.DataFrame, both: pd.DataFrame) -> tuple[float, str, str]:
    """Return the largest finite difference, its unit, and where it is: the first by cell and quantity."""
    if both.empty:
        return np.nan, "decades", ""
    finite = both["difference"].where(np.isfinite(both["difference"]), 0.0)
    found = decay.iloc[both["left"][finite == finite.max()]].sort_values(["cell", "quantity"], kind="stable")
    return float(finite.max()), "decades", _where(found.iloc[0])


def _where(row: pd.Series) -> str:
    return f"slice {row['slice']}: {named(row)}; {row['quantity']}, path {row['path']}, lag {row['lag']}"
