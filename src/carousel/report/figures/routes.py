"""Figures of the mechanism: what is left with frozen gates, along the carousel alone, and beside a perfect one."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.left import VANISHED
from carousel.analysis.stats.tables import PAIR, select
from carousel.analysis.text import as_number
from carousel.claims import m1_gates_frozen as m1, m2_along_the_carousel as m2, m3_perfect_carousel as m3
from carousel.claims.claim import Tables
from carousel.claims.lines import FEWEST
from carousel.claims.routes import ALONG, LAG, ROUTES
from carousel.report import names
from carousel.report.figures.data import curves, sample, settings, valued
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    LAG as LAG_AXIS,
    LOOKS,
    PATHS,
    band,
    draw_curve,
    legend,
    marker,
    nothing,
    panels,
    powers,
)

LINE = ["length", "drive", "hidden"]  # what the models along one line have in common, beside the init
SHOWN = ("torch", "keras", "orthogonal")  # inits whose lines are drawn, those that are there
ON_THE_WAY: Mapping[bool, str] = {False: "at the start", True: "after training"}


def m1_figure(tables: Tables) -> Figure:
    """Draw by how much more is left with frozen gates against what is left, a dot per setting."""
    each = m1.frozen(tables)
    if each.empty:
        return nothing("an LSTM with its gates frozen")
    trained = each["trained"].astype(str) != "no"
    each = each[each["lag"] == np.where(trained, m1.TRAINED_LAG, LAG)]
    table = settings(each, ["total", "gap"])
    figure, (ax,) = panels(
        ["left with every gate frozen, over what is left, decades"], "decades left by all routes"
    )
    trained = table["trained"].astype(str) != "no"
    for cell in m1.CELLS:
        for after, words in ON_THE_WAY.items():
            own = table[(table["cell"].astype(str) == cell) & (trained == after)]
            colour = LOOKS[cell][0]
            ax.plot(own["total"], own["gap"], marker(cell), color=colour, markerfacecolor="white" if after else colour,
                    linestyle="", markersize=5, label=f"{names.cell(cell)}, {words}")  # fmt: skip
    band(ax, -m1.SAME.value, m1.SAME.value, "within a factor of two")
    legend(figure, 2)
    return figure


def m2_figure(tables: Tables) -> Figure:
    """Draw what is left at LAG by route against the forget bias, a panel per init."""
    each = m2.beside(tables)
    each = select(sample(each), slice=ALONG) if len(each) else each
    lines = dict(line for init in SHOWN for line in _by_bias(each, init))
    if not lines:
        return nothing("an LSTM along the forget bias by route")
    figure, axes = panels(list(lines), "forget bias", 2.6)
    figure.supylabel(f"left of the state's gradient at lag {LAG}", fontsize="medium")
    for ax, table in zip(axes, lines.values(), strict=True):
        for route, path in ROUTES.items():
            label, look = PATHS[path]
            ax.plot(table.index, table[route], marker=".", **look)
            end_label(ax, table.index[-1], table[route].iloc[-1], label, look["color"])
        powers(ax)
    return figure


def _by_bias(each: pd.DataFrame, init: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the init's line of most numeric forget biases: what it is of, and medians by route at each of them."""
    own = each[each["init"].astype(str) == init] if len(each) else each
    if own.empty:
        return
    own = own.assign(at=own["forget_bias"].astype(str).map(as_number), drive=own["drive"].astype(str))
    biases = own.groupby(LINE, observed=True)["at"].nunique()
    length, drive, hidden = biases.idxmax()
    own = select(own, length=length, drive=drive, hidden=hidden).groupby("at")[list(ROUTES)].median()
    if len(own) >= FEWEST:
        yield f"{names.init(init)} init, {hidden} units, {length} steps, drive {drive}", own


def m3_figure(tables: Tables) -> Figure:
    """Draw the gradient by route in the LSTM of 1997, and the total over the part of every perfect carousel."""
    space = m3.measure(tables)
    space = valued(space).dropna(subset=["value"]) if len(space) else space
    if space.empty:
        return nothing("a perfect carousel beside the total")
    figure, (ax, below) = panels(
        ["LSTM of 1997: norm of the gradient", "total over the carousel's part, decades"],
        "longest lag of the window, steps (log axis; a dot per model)",
        3.2,
    )
    _old(ax, space, m3.rows(tables))
    ax.set_xlabel(LAG_AXIS)
    below.plot(space["lag"], space["value"], "o", color=LOOKS["lstm97"][0], markersize=4, alpha=0.6)
    below.set_xscale("log")
    lags = sorted(space["lag"].unique())
    below.set_xticks(lags, [f"{lag:g}" for lag in lags])
    below.minorticks_off()
    below.axhline(VANISHED, color=GREY, linewidth=1, linestyle=(0, (4, 2)), label="a tenth of it")
    legend(figure, 1)
    return figure


def _old(ax: Axes, space: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Draw by route the gradient of the 1997 cell whose total is the least of its carousel's part."""
    own = space[(space["cell"].astype(str) == "lstm97") & space["through"].notna()]
    if own.empty:
        return
    worst = own.loc[own["value"].idxmin(), [name for name in PAIR if name in rows]]
    rows = select(rows[rows["lag"] > 0], path=tuple(ROUTES.values()), **worst.to_dict())
    for path, found in curves(rows, ["path"]).groupby("path", observed=True):
        draw_curve(ax, found, *PATHS[str(path)])
    powers(ax)
