"""The figure of the truncated gradient against the total, by lag and forget bias."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, bias_order
from carousel.claims import a4f_distance_inside as a4f
from carousel.claims.claim import Tables
from carousel.report import names
from carousel.report.figures.data import curves, jitter, settings
from carousel.report.figures.labels import end_label
from carousel.report.figures.paths import SHOWN, gradients
from carousel.report.figures.style import (
    LAG,
    RATE,
    band,
    bias_looks,
    legend,
    look,
    nothing,
    panels,
    powers,
    rate_axis,
)

TRUNCATED: Mapping[str, dict] = {
    "truncated": {
        "markerfacecolor": "white",
        "markeredgecolor": "black",
        "label": "truncated (dashed above)",
    },
    "full": {"color": "#0072B2", "alpha": 0.7, "label": "total (solid above)"},
}


def a4f_figure(tables: Tables) -> Figure:
    """Draw the truncated gradient beside the total: against lag, and the rate of both by forget bias."""
    table = curves(gradients(tables, *TRUNCATED), ["path", "cell", "forget_bias"])
    if table.empty:
        return nothing("the truncated gradient of an LSTM")
    figure, (ax, below) = panels(["norm of the gradient", f"rate of the gradient, {RATE}"], LAG, 6.6)
    _truncated(ax, table)
    ax.set_xlabel(LAG)
    rows = a4f.rows(tables)
    biases = bias_order(rows["forget_bias"])
    biases = [bias for bias in biases if bias in ("none", "chrono") or not np.isnan(as_number(bias))]
    for path, marks in TRUNCATED.items():
        found = rates(select(rows, forget_bias=biases), "loss_state", path).dropna(subset=["rate"])
        _rates(below, settings(found, ["rate"]), biases, marks)
    band(below, -STEADY, STEADY, "flat: within a factor of 2 in 100 steps")
    rate_axis(below, STEADY)
    legend(figure, 1)
    return figure


def _truncated(ax: Axes, table: pd.DataFrame) -> None:
    """Draw both paths in one colour per forget bias, the total solid and labelled, the truncated gradient dashed."""
    table = table[table["lag"] > 0].assign(forget_bias=table["forget_bias"].astype(str))
    looks = bias_looks(bias_order(table.loc[table["cell"] == "lstm", "forget_bias"]))
    for (cell, bias, path), rows in table.groupby(["cell", "forget_bias", "path"], observed=True):
        old = cell == "lstm97"
        if not (old or bias in SHOWN):
            continue
        colour = look("lstm97")["color"] if old else looks[bias]["color"]
        line = rows.groupby("lag")["log10_norm"].median()
        ax.plot(line.index, line, color=colour, linestyle=(0, ()) if path == "full" else (0, (4, 2)))
        if path == "full":
            end_label(
                ax, line.index[-1], line.iloc[-1], names.cell("lstm97") if old else f"bias {bias}", colour
            )
    powers(ax)


def _rates(ax: Axes, table: pd.DataFrame, biases: list[str], marks: dict) -> None:
    """Draw one dot per setting above its forget bias, the truncated gradient to the left of the total."""
    x = table["forget_bias"].astype(str).map({bias: i for i, bias in enumerate(biases)}).to_numpy(float)
    side = 0.2 if marks is TRUNCATED["full"] else -0.2
    ax.plot(x + side + 0.4 * jitter(len(table)), table["rate"], "o", markersize=4, **marks)
    ax.set_xticks(range(len(biases)), [f"\n{bias}" if bias == "chrono" else bias for bias in biases])
    ax.set_xlabel("forget bias (none: LSTM of 1997)")
