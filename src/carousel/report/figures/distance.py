"""The figure of the truncated gradient against the total, by lag and forget bias."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.left import KEPT
from carousel.analysis.text import as_number, bias_order
from carousel.claims import a4f_distance_inside as a4f
from carousel.claims.claim import Tables
from carousel.claims.rules import LAG as CHANGED
from carousel.report import names
from carousel.report.figures.data import curves, jitter, settings
from carousel.report.figures.labels import end_label
from carousel.report.figures.paths import SHOWN, gradients
from carousel.report.figures.style import (
    LAG,
    bias_looks,
    in_tens,
    legend,
    look,
    narrow,
    nothing,
    panels,
    powers,
)

TRUNCATED: Mapping[str, dict] = {
    "truncated": {
        "markerfacecolor": "white",
        "markeredgecolor": "black",
        "label": "truncated; as a line dashed",
    },
    "full": {"color": "#0072B2", "alpha": 0.7, "label": "all routes; as a line solid"},
}

TICKS = {False: (-100, -10, -1, 0, 1, 10), True: (-10, 0, 10)}  # decades, on a phone or not


def a4f_figure(tables: Tables) -> Figure:
    """Draw the truncated gradient beside the total against lag, and how both change up to CHANGED, by forget bias."""
    table = curves(gradients(tables, *TRUNCATED), ["path", "cell", "forget_bias"])
    if table.empty:
        return nothing("the truncated gradient of an LSTM")
    titles = ["norm of the gradient", f"left at lag {CHANGED} of that at lag\N{NO-BREAK SPACE}{a4f.ENTERED}"]
    figure, (ax, right) = panels(titles, LAG, 4.2)
    _truncated(ax, table)
    ax.set_xlabel(LAG)
    _changes(right, a4f.changes(a4f.rows(tables)))
    legend(figure, 2)
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
    """Draw a dot per setting in the row of its forget bias or library, the truncated gradient below the total."""
    table = table[table["lag"] == CHANGED].assign(forget_bias=table["gate"]) if len(table) else table
    order = bias_order(table["forget_bias"]) if len(table) else []
    rows = {gate: -place for place, gate in enumerate(order)}
    for path, marks in TRUNCATED.items() if order else ():
        own = settings(table[table["path"] == path], ["decades"])
        y = own["forget_bias"].map(rows).to_numpy(float) + (0.2 if path == "full" else -0.2)
        ax.plot(own["decades"], y + 0.3 * jitter(len(own)), "o", markersize=3.5, **marks)
    ax.axvspan(KEPT, -KEPT, color="#cfcfcf", zorder=0, linewidth=0, label="within a factor of 2")
    ax.set_xscale("symlog", linthresh=-KEPT)
    low, high = ax.get_xlim()
    ticks = [tick for tick in TICKS[narrow()] if low <= tick <= high]
    ax.set_xticks(ticks, [in_tens(tick) for tick in ticks])
    ax.minorticks_off()
    ax.set_xlabel("left, as a share (log axis)")
    ax.set_yticks([*rows.values()], [_row(gate) for gate in rows])
    ax.set_ylim(0.6 - len(rows), 0.6)


def _row(gate: str) -> str:
    """Return what a row is called: the forget bias, the steps that chrono biases are drawn for, or the library."""
    if gate == "none":
        return "no forget gate"
    short = names.forget_bias(gate).replace("chrono for ", "chrono ").removesuffix(" LSTM")
    return short if np.isnan(as_number(gate)) else f"bias {gate}"
