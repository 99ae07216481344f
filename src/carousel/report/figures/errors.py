"""Relative errors against lag, with the tolerance that decides."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from carousel.analysis.text import power
from carousel.claims.rules import TOLERANCE
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import GREY, PATHS

FLOOR = 1e-17  # what is exactly zero stands at the foot of a log axis
ERROR = "largest relative error on either backend (log axis)"
HUES = ("#0072B2", "#000000", PATHS["cell"][1]["color"])
DASHES = ("-", (0, (5, 2)), (0, (1, 1)))


def worst_by_lag(table: pd.DataFrame) -> pd.Series:
    """Return the largest error by lag."""
    if table.empty:
        return pd.Series(dtype=float)
    return table[table["lag"] > 0].groupby("lag")["error"].max().rename("error")


def draw_errors(ax: Axes, series: Sequence[pd.Series], labels: Sequence[str]) -> None:
    """Draw errors against lag on a log axis with the tolerance that decides; zeros stand at its foot."""
    right = max((rows.index.max() for rows in series if len(rows)), default=1)
    for i, (rows, name) in enumerate(zip(series, labels, strict=True)):
        y = np.maximum(rows.to_numpy(float), FLOOR)
        if len(rows):
            ax.loglog(rows.index, y, color=HUES[i % 3], linestyle=DASHES[i % 3])
            end_label(ax, right, y[-1], name, HUES[i % 3])
    draw_tolerance(ax)
    ax.set_ylim(FLOOR / 3, 1e-7)


def draw_tolerance(ax: Axes) -> None:
    """Mark the tolerance of a relative error."""
    ax.axhline(TOLERANCE, color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.annotate(
        f"tolerance {power(np.log10(TOLERANCE))}",
        (0.01, TOLERANCE),
        (0, 3),
        ("axes fraction", "data"),
        "offset points",
    )
