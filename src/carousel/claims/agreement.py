"""The two backends against each other: they share no derivative code, so where they agree neither is at fault."""

import numpy as np
import pandas as pd

from carousel.claims.claim import BACKENDS
from carousel.claims.table import named
from carousel.stats import PAIR, difference, select

ROW = [*PAIR, "quantity", "path", "lag"]


def agreement(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the largest disagreement of the two backends, with where: measure, value, unit, n, where.

    Before training in float64 rounding alone separates them; after training small differences have grown.
    Exact zeros (-inf) must match row by row; those that do not are counted, and so are rows that one backend
    alone measured.
    """
    start = decay["step"] == 0
    parts = {
        "before training, float64": decay[start & (decay["dtype"] == "float64")],
        "before training, float32": decay[start & (decay["dtype"] == "float32")],
        "after training": decay[~start],
    }
    return pd.DataFrame([row for name, rows in parts.items() for row in _rows(name, rows)])


def _rows(name: str, rows: pd.DataFrame) -> list[dict]:
    # one cell and quantity at a time: the join of all rows at once would need several times the table's memory
    chunks = [_chunk(group) for _, group in rows.groupby(["cell", "quantity"], observed=True)]
    worst = max(chunks, key=lambda chunk: chunk["value"], default={"value": np.nan, "where": ""})
    n = sum(chunk["n"] for chunk in chunks)
    measures = [
        ("largest difference of log10 norms", worst["value"] if n else np.nan, "decades", worst["where"]),
        ("exact zeros that differ", float(sum(chunk["zeros"] for chunk in chunks)), "rows", ""),
        ("measured by one backend alone", float(sum(chunk["alone"] for chunk in chunks)), "rows", ""),
    ]
    return [
        {"measure": f"{measure}, {name}", "value": value, "unit": unit, "n": n, "where": where}
        for measure, value, unit, where in measures
    ]


def _chunk(group: pd.DataFrame) -> dict:
    """Return for one cell and quantity: n rows compared, zeros unmatched, rows alone, largest value, where."""
    left, right = (select(group, backend=name)[[*ROW, "log10_norm"]].dropna() for name in BACKENDS)
    both = left.merge(right, on=ROW, suffixes=("", "_torch"))
    apart = np.abs(difference(both["log10_norm"], both["log10_norm_torch"]))
    finite = np.where(np.isfinite(apart), apart, 0.0)
    place = int(finite.argmax()) if len(both) else None
    return {
        "n": len(both),
        "zeros": int(np.isinf(apart).sum()),
        "alone": len(left) + len(right) - 2 * len(both),
        "value": float(finite[place]) if place is not None else 0.0,
        "where": _where(both.iloc[place]) if place is not None else "",
    }


def _where(row: pd.Series) -> str:
    return f"slice {row['slice']}: {named(row)}; {row['quantity']}, path {row['path']}, lag {row['lag']}"
