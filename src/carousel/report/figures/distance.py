"""The figure of the truncated gradient against the total, by lag and forget bias."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.left import KEPT
from carousel.analysis.text import bias_order
from carousel.claims import a4f_distance_inside as a4f
from carousel.claims.claim import Tables
from carousel.claims.rules import LAG as CHANGED
from carousel.report import names
from carousel.report.figures.data import curves, jitter, settings
from carousel.report.figures.labels import end_label
from carousel.report.figures.paths import SHOWN, gradients
from carousel.report.figures.style import (
    LAG,
    band,
    bias_axis,
    bias_looks,
    bias_places,
    legend,
    look,
    nothing,
    panels,
    powers,
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
    """Draw the truncated gradient beside the total against lag, and how both change up to LAG, by forget bias."""
    table = curves(gradients(tables, *TRUNCATED), ["path", "cell", "forget_bias"])
    if table.empty:
        return nothing("the truncated gradient of an LSTM")
    titles = ["norm of the gradient", f"change from lag {a4f.ENTERED} to lag {CHANGED}, decades"]
    figure, (ax, below) = panels(titles, LAG, 3.6)
    _truncated(ax, table)
    ax.set_xlabel(LAG)
    _changes(below, a4f.changes(a4f.rows(tables)))
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
        x, y = rows["lag"], rows["log10_norm"]
        ax.plot(x, y, color=colour, linestyle=(0, ()) if path == "full" else (0, (4, 2)))
        if path == "full":
            end_label(ax, x.iloc[-1], y.iloc[-1], names.cell("lstm97") if old else f"bias {bias}", colour)
    powers(ax)


def _changes(ax: Axes, table: pd.DataFrame) -> None:
    """Draw one dot per setting above its forget bias or library, the truncated gradient to the left of the total."""
    table = table[table["lag"] == CHANGED].assign(forget_bias=table["gate"]) if len(table) else table
    order = bias_order(table["forget_bias"]) if len(table) else []
    for path, marks in TRUNCATED.items() if order else ():
        own = settings(table[table["path"] == path], ["decades"])
        x = own["forget_bias"].map(bias_places(order)).to_numpy(float)
        side = 0.2 if path == "full" else -0.2
        ax.plot(x + side + 0.4 * jitter(len(own)), own["decades"], "o", markersize=4, **marks)
    band(ax, KEPT, -KEPT, "flat: within a factor of 2")
    ax.set_yscale("symlog", linthresh=-KEPT)
    ticks = [tick for tick in (-100, -10, -1, 0, 1, 10) if ax.get_ylim()[0] <= tick <= ax.get_ylim()[1]]
    ax.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.minorticks_off()
    bias_axis(ax, order)
    ax.set_xlabel("forget bias (chrono: the steps that it is drawn for)")
