"""Figures of the mechanism: what is left with gates frozen, along the carousel alone, and beside a perfect one."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from carousel.analysis.stats.left import VANISHED
from carousel.analysis.stats.tables import PAIR, select
from carousel.analysis.text import as_number, fixed
from carousel.claims import m1_gates_frozen as m1, m2_along_the_carousel as m2, m3_perfect_carousel as m3
from carousel.claims.claim import Tables
from carousel.claims.evidence import reference
from carousel.claims.lines import FEWEST
from carousel.claims.routes import ALONG, LAG, ROUTES, along_bias
from carousel.report import names
from carousel.report.figures.data import curves, sample, settings, valued
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    LAG as LAG_AXIS,
    LOOKS,
    PATHS,
    as_power,
    band,
    draw_curve,
    legend,
    marker,
    nothing,
    panels,
    powers,
)

LINE = ["length", "drive", "hidden"]  # what the models along one line have in common, beside the init
SHOWN = ("torch", "orthogonal", "keras")  # inits whose lines are drawn: the first PANELS that are there
PANELS = 2
ON_THE_WAY: Mapping[bool, str] = {False: "at the start", True: "after training"}


def m1_figure(tables: Tables) -> Figure:
    """Draw by how much more is left with frozen gates against what is left, a dot per setting."""
    each = m1.frozen(tables)
    if each.empty:
        return nothing("an LSTM with its gates frozen")
    trained = each["trained"].astype(str) != "no"
    each = each[each["lag"] == np.where(trained, m1.TRAINED_LAG, LAG)]
    table = settings(each, ["total", "gap"])
    title = f"left with every gate frozen, over what is left (lag {LAG}; after training {m1.TRAINED_LAG})"
    figure, (ax,) = panels([title], "left by all routes")
    trained = table["trained"].astype(str) != "no"
    for cell in m1.CELLS:
        for after, words in ON_THE_WAY.items():
            own = table[(table["cell"].astype(str) == cell) & (trained == after)]
            colour = LOOKS[cell][0]
            ax.plot(own["total"], own["gap"], marker(cell), color=colour, markerfacecolor="white" if after else colour,
                    linestyle="", markersize=5, label=f"{names.cell(cell)}, {words}")  # fmt: skip
    band(ax, -m1.SAME.value, m1.SAME.value, "within a factor of two")
    powers(ax)
    ax.xaxis.set_major_formatter(as_power)
    legend(figure, 2)
    return figure


def m2_figure(tables: Tables) -> Figure:
    """Draw what is left at LAG by route against the forget bias, and from which on the carousel leaves a tenth."""
    each = m2.beside(tables)
    each = select(sample(each), slice=ALONG) if len(each) else each
    lines = [line for init in SHOWN for line in _by_bias(each, init)][:PANELS]
    if not lines:
        return nothing("an LSTM along the forget bias by route")
    figure, axes = panels([f"left at lag {LAG}: {title}" for title, _ in lines], "forget bias", 3.2)
    for ax, (_, models) in zip(axes, lines, strict=True):
        _by_route(ax, models.groupby("at")[list(ROUTES)].median())
        _mark_tenth(ax, models)
        powers(ax)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _by_route(ax: Axes, table: pd.DataFrame) -> None:
    """Draw a line per route against the forget bias, the index of the table."""
    for route, path in ROUTES.items():
        label, look = PATHS[path]
        ax.plot(table.index, table[route], marker=".", **look)
        end_label(ax, table.index[-1], table[route].iloc[-1], label, look["color"])


def _mark_tenth(ax: Axes, models: pd.DataFrame) -> None:
    """Mark the forget bias from which on the carousel leaves a tenth of the total, if it is one of those between."""
    found = reference(along_bias(models, "along", VANISHED))
    if len(found) and np.isfinite(found["at"].iloc[0]):
        at = found["at"].iloc[0]
        ax.axvline(at, color=GREY, linewidth=1, linestyle=(0, (2, 2)))
        ax.annotate(f"a tenth from {fixed(at, 1)} on", (at, 0.05), (4, 0), xycoords=("data", "axes fraction"),
                    textcoords="offset points", color=GREY)  # fmt: skip


def _by_bias(each: pd.DataFrame, init: str) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the init's line of most numeric forget biases: what it is of, and its models, ``at`` each of them."""
    own = each[each["init"].astype(str) == init] if len(each) else each
    own = (
        own.assign(at=own["forget_bias"].astype(str).map(as_number), drive=own["drive"].astype(str))
        if len(own)
        else own
    )
    own = own[own["at"].notna()] if len(own) else own
    if own.empty:
        return
    biases = own.groupby(LINE, observed=True)["at"].nunique()
    length, drive, hidden = biases.idxmax()
    if biases.max() >= FEWEST:
        yield f"{names.init(init)} init", select(own, length=length, drive=drive, hidden=hidden)


def m3_figure(tables: Tables) -> Figure:
    """Draw the gradient by route in the LSTM of 1997, and the total over the part of every perfect carousel."""
    space = m3.measure(tables)
    space = valued(space).dropna(subset=["value"]) if len(space) else space
    if space.empty:
        return nothing("a perfect carousel beside the total")
    titles = ["the worst case, an LSTM of 1997: gradient", "all routes over the carousel’s part"]
    figure, (ax, right) = panels(titles, "longest lag, steps", 3.2)
    _old(ax, space, m3.rows(tables))
    ax.set_xlabel(LAG_AXIS)
    right.plot(space["lag"], space["value"], "o", color=LOOKS["lstm97"][0], markersize=4, alpha=0.6)
    right.set_xscale("log")
    lags = sorted(space["lag"].unique())
    right.set_xticks(lags, [f"{lag:g}" for lag in lags])
    right.minorticks_off()
    right.axhline(VANISHED, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    right.annotate("a tenth", (1, VANISHED), (2, 0), xycoords=("axes fraction", "data"), va="center", color=GREY,
                   textcoords="offset points", annotation_clip=False)  # fmt: skip
    powers(right)
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
