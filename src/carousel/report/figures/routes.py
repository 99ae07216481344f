"""Figures of the mechanism: what is left with frozen gates, along the carousel alone, and beside a perfect one."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import PAIR, select
from carousel.analysis.text import as_number
from carousel.axes import REFERENCE
from carousel.claims import m1_gates_frozen as m1, m2_along_the_carousel as m2, m3_perfect_carousel as m3
from carousel.claims.claim import Tables
from carousel.claims.lines import FEWEST
from carousel.claims.routes import ALONG, LAG, ROUTES
from carousel.report import names
from carousel.report.figures.data import curves, either, prefer, settings
from carousel.report.figures.labels import end_label
from carousel.report.figures.paths import PATHS
from carousel.report.figures.style import (
    GREY,
    LAG_BY_BACKEND,
    LOOKS,
    band,
    draw_curve,
    legend,
    marker,
    nothing,
    panels,
    powers,
)

SHOWN = ("torch", "keras", "orthogonal")  # inits whose lines are drawn, those that are there
FROZEN = "gates frozen"  # what the path candidate is called here
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
    each = select(prefer(each, "backend", REFERENCE), slice=ALONG) if len(each) else each
    lines = {init: rows for init in SHOWN if len(rows := _by_bias(each, init)) >= FEWEST}
    if not lines:
        return nothing("an LSTM along the forget bias by route")
    titles = [f"{names.init(init)} init: left at lag {LAG}" for init in lines]
    figure, axes = panels(titles, "forget bias", 2.1 * len(lines) + 0.7)
    for ax, table in zip(axes, lines.values(), strict=True):
        for route, path in ROUTES.items():
            label, look = _look(path)
            ax.plot(table.index, table[route], marker=".", **look)
            end_label(ax, table.index[-1], table[route].iloc[-1], label, look["color"])
        powers(ax)
    return figure


def _by_bias(each: pd.DataFrame, init: str) -> pd.DataFrame:
    """Return what is left by route at each numeric forget bias: medians over an init's models of one length."""
    own = each[each["init"].astype(str) == init] if len(each) else each
    if own.empty:
        return own
    own = own.assign(at=own["forget_bias"].astype(str).map(as_number)).dropna(subset=["at"])
    many = own.groupby("length")["at"].nunique()
    own = own[own["length"] == many.idxmax()]
    return own.groupby("at")[list(ROUTES)].median()


def m3_figure(tables: Tables) -> Figure:
    """Draw the gradient by route in the LSTM of 1997, and the total over the part of every perfect carousel."""
    space = m3.measure(tables)
    space = either(space).dropna(subset=["value"]) if len(space) else space
    if space.empty:
        return nothing("a perfect carousel beside the total")
    figure, (ax, below) = panels(
        ["LSTM of 1997: norm of the gradient", "total over the carousel's part, decades"], LAG_BY_BACKEND, 6.0
    )
    _old(ax, space, m3.rows(tables))
    below.plot(space["lag"], space["value"], "o", color=LOOKS["lstm97"][0], markersize=4, alpha=0.6)
    below.axhline(0, color=GREY, linewidth=1)
    return figure


def _look(path: str) -> tuple[str, dict]:
    """Return the words and the look of a path."""
    label, look = PATHS[path]
    return (FROZEN if path == "candidate" else label), look


def _old(ax: Axes, space: pd.DataFrame, rows: pd.DataFrame) -> None:
    """Draw by route the gradient of the 1997 cell whose total is the least of its carousel's part."""
    own = space[(space["cell"].astype(str) == "lstm97") & space["through"].notna()]
    if own.empty:
        return
    worst = own.loc[own["value"].idxmin(), [name for name in PAIR if name in rows]]
    rows = select(rows[rows["lag"] > 0], path=tuple(ROUTES.values()), **worst.to_dict())
    for path, found in curves(rows, ["path"]).groupby("path", observed=True):
        draw_curve(ax, found, *_look(str(path)))
    powers(ax)
