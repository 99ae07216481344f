"""The two backends against each other: they share no derivative code, so where they agree neither is at fault."""

import numpy as np
import pandas as pd

from carousel.claims.claim import BACKENDS
from carousel.claims.table import named
from carousel.stats import PAIR, difference, select

ROW = [*PAIR, "quantity", "path", "lag"]
CANCELLED = "loss_m"  # sLSTM's stabiliser: zero by cancellation where the memory is empty, and all rounding
CLOSE = 1e-8  # decades: rounding level for float64; what exceeds it is a fault or a chaotic network


def agreement(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the largest disagreement of the two backends, with where: measure, value, unit, n, where.

    Before training in float64 rounding alone separates them, unless the network is chaotic and grows it: hence
    one line per slice. After training small differences have grown. Exact zeros (-inf) must match row by row;
    those that do not are counted, and so are rows that one backend alone measured. CANCELLED is left out.
    """
    decay = decay[decay["quantity"] != CANCELLED]
    start, exact = decay["step"] == 0, decay["dtype"] == "float64"
    first = decay[start & exact]
    table = _rows("before training, float64", first)
    for name, rows in first.groupby("slice", observed=True):
        table += _rows(f"before training, float64, slice {name}", rows)[:1]
    table += _rows("before training, float32", decay[start & ~exact])
    table += _rows("after training", decay[~start])
    return pd.DataFrame(table)


def _rows(name: str, rows: pd.DataFrame) -> list[dict]:
    # one cell and quantity at a time: the join of all rows at once would need several times the table's memory
    chunks = [_chunk(group) for _, group in rows.groupby(["cell", "quantity"], observed=True)]
    worst = max(chunks, key=lambda chunk: chunk["value"], default={"value": np.nan, "where": ""})
    total = {
        count: sum(chunk[count] for chunk in chunks) for count in ("n", "far", "zeros", "unknown", "alone")
    }
    measures = [
        (
            "largest difference of log10 norms",
            worst["value"] if total["n"] else np.nan,
            "decades",
            worst["where"],
        ),
        (f"differences above {CLOSE:g} decades", float(total["far"]), "rows", ""),
        ("exact zeros that differ", float(total["zeros"]), "rows", ""),
        ("not a number on either backend", float(total["unknown"]), "rows", ""),
        ("measured by one backend alone", float(total["alone"]), "rows", ""),
    ]
    return [
        {"measure": f"{measure}, {name}", "value": value, "unit": unit, "n": total["n"], "where": where}
        for measure, value, unit, where in measures
    ]


def _chunk(group: pd.DataFrame) -> dict:
    """Return for one cell and quantity: n rows compared, far, zeros unmatched, unknown, alone, largest value, where."""
    left, right = (select(group, backend=name)[[*ROW, "log10_norm"]] for name in BACKENDS)
    both = left.merge(right, on=ROW, suffixes=("", "_torch"))
    apart = np.abs(difference(both["log10_norm"], both["log10_norm_torch"]))
    unknown = both["log10_norm"].isna() | both["log10_norm_torch"].isna()
    finite = np.where(np.isfinite(apart), apart, 0.0)
    place = int(finite.argmax()) if len(both) else None
    return {
        "n": len(both),
        "far": int((apart > CLOSE).sum()),
        "zeros": int(np.isinf(apart).sum()),
        "unknown": int(unknown.sum()),
        "alone": len(left) + len(right) - 2 * len(both),
        "value": float(finite[place]) if place is not None else 0.0,
        "where": _where(both.iloc[place]) if place is not None else "",
    }


def _where(row: pd.Series) -> str:
    return f"slice {row['slice']}: {named(row)}; {row['quantity']}, path {row['path']}, lag {row['lag']}"
