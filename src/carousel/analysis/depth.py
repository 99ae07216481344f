"""What depth does to the reach of the gradient: the lowest layer of a stack against a single layer, lag by lag."""

from typing import Any

import pandas as pd

from carousel.analysis.stats.left import KEPT, typical
from carousel.analysis.stats.resampling import interval
from carousel.analysis.stats.tables import difference, select
from carousel.axes import LAGS
from carousel.tables import schemas

STACK = ["layers", "residual"]
SETTING = [
    name
    for name in schemas.names("depth", "factor", "place")
    if name not in ("backend", "device", "repetition", *STACK)
]
CHANGES = "more", "less", "the same", "undecided"
"""What a stack brings to its lowest layer, against a single one: at least twice as much, at most half, between."""


def lowest(depth: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the lowest layer at LAGS with ``left``, in decades of the gradient by the last output.

    Without the initial states: they enter no layer above, those of all steps do.
    """
    rows = select(depth, layer=1, lag=LAGS)
    rows = rows[rows["lag"] < rows["length"]]
    return rows.assign(left=typical(rows))


def against_one(depth: pd.DataFrame) -> pd.DataFrame:
    """Return a row per setting, stack and lag of one backend's rows, with the means over repetitions, in decades.

    ``left`` is that of `lowest`; ``gained`` is what it has more than a single layer of the same seeds, with its 95 %
    interval ``low`` to ``high``; ``change`` is one of CHANGES, of the whole interval. Without the settings that were
    not measured with a single layer.
    """
    rows = lowest(depth)
    on = [*SETTING, "repetition", "lag"]
    both = rows.merge(select(rows, layers=1)[[*on, "left"]], on=on, suffixes=("", "_one"))
    both = both.assign(gained=difference(both["left"], both["left_one"]))
    keys = [*SETTING, *STACK, "lag"]
    lines = [
        dict(zip(keys, key, strict=True)) | means(part) for key, part in both.groupby(keys, observed=True)
    ]
    return pd.DataFrame(lines, columns=[*keys, "left", "gained", "low", "high", "change"])


def means(rows: pd.DataFrame) -> dict[str, Any]:
    """The numbers of one setting, stack and lag."""
    gained, low, high = interval(rows["gained"].to_numpy())
    left = interval(rows["left"].to_numpy())[0]
    return {"left": left, "gained": gained, "low": low, "high": high, "change": change(low, high)}


def change(low: float, high: float) -> str:
    """One of CHANGES for the whole interval, in decades."""
    if low > -KEPT:
        return "more"
    if high < KEPT:
        return "less"
    return "the same" if low >= KEPT and high <= -KEPT else "undecided"
