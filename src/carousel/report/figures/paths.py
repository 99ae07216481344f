"""Figures of the paths that gradient takes through time: by path, by the carousel, and without one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.left import KEPT
from carousel.analysis.stats.tables import MODEL, numbered, select
from carousel.analysis.text import as_number, bias_order
from carousel.claims import a1f_surviving_path as a1f, a1g_only_route as a1g, a4e_only_unchanged_flow as a4e
from carousel.claims.claim import Tables
from carousel.claims.evidence import planned, searched
from carousel.claims.routes import full_and_carousel, kept_by_the_carousel
from carousel.report import names
from carousel.report.figures.data import jitter, sample, settings, usual, valued
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    LAG as LAG_AXIS,
    bias_looks,
    in_tens,
    legend,
    look,
    nothing,
    panels,
)

SHOWN = ("0", "1", "10", "chrono")  # forget biases whose curves are drawn, if there
PLACES: Mapping[str, dict] = {
    a4e.INSIDE: {"color": "#000000", "alpha": 0.7, "label": "in an LSTM, beside the carousel"},
    a4e.BEYOND: {"markerfacecolor": "white", "markeredgecolor": "#0072B2", "label": "without a carousel"},
}
CLOUDS: tuple[dict[str, Any], ...] = (  # LSTM, LSTM of 1997, of a search
    {"marker": "o", "color": "#0072B2", "alpha": 0.5},
    {"marker": "*", "color": "#000000"},
    {"marker": "o", "color": "#a3262b", "markerfacecolor": "none"},
)
EXACT = 1e-16  # decades: rounding; no change at all stands at the end of the axis
MOST = 1e3


def gradients(tables: Tables, *paths: str) -> pd.DataFrame:
    """Return the rows that figures show of the state's gradient in the 1997 cell and the LSTM, on these paths."""
    return usual(select(tables.decay, quantity="loss_state", path=paths, cell=("lstm97", "lstm")))


def a1f_figure(tables: Tables) -> Figure:
    """Draw what all routes leave against what the carousel leaves, a dot per setting and per model of a search."""
    rows = sample(a1f.rows(tables))
    both = full_and_carousel(rows) if len(rows) else rows
    if both.empty:
        return nothing("an LSTM’s gradient along its carousel beside the whole")
    both = both[both["lag"] == both.groupby(numbered(both, MODEL))["lag"].transform("max")]
    kept = kept_by_the_carousel(rows, KEPT)
    table = settings(planned(both), ["along", "full"])
    old = table["cell"].astype(str) == "lstm97"
    dots = {"LSTM": table[~old], "LSTM of 1997": table[old],
            "found by a search": kept[searched(kept)]}  # fmt: skip
    figure, (ax,) = panels(
        ["gradient by all routes, at the longest lag"], "gradient along the carousel alone", 4.2
    )
    for (label, part), style in zip(dots.items(), CLOUDS, strict=True):
        ax.plot(part["along"], part["full"], linestyle="", markersize=4, label=label, **style)
    _from_none_to_all(ax, both)
    for words, place, side in (
        ("other routes add", (0.02, 0.97), "left"),
        ("they cancel", (0.98, 0.06), "right"),
    ):
        ax.annotate(words, place, xycoords="axes fraction", ha=side, va="center", color=GREY)
    legend(figure, 3)
    return figure


def _from_none_to_all(ax: Axes, both: pd.DataFrame) -> None:
    """Scale both axes alike, from next to nothing to more than all, and draw the line on which both are the same."""
    low = float(both[["along", "full"]].replace(-np.inf, np.nan).min().min())
    high = max(float(both["along"].max()), 1.0)
    ax.plot([low, high], [low, high], color="black", linewidth=1, zorder=0)
    ax.set_xscale("symlog", linthresh=1)
    ax.set_yscale("symlog", linthresh=1)
    for set_ticks, highest in ((ax.set_xticks, high), (ax.set_yticks, float(both["full"].max()))):
        ticks = [tick for tick in (-1000, -100, -10, -1, 0, 1, 10) if low <= tick <= highest]
        set_ticks(ticks, [in_tens(tick) for tick in ticks])
    ax.minorticks_off()


def a1g_figure(tables: Tables) -> Figure:
    """Draw in how many LSTMs half or more came by other routes, by forget bias, and how much did against lag."""
    rows = planned(a1g.rows(tables))
    if rows.empty:
        return nothing("the path along an LSTM’s cell beside the total")
    titles = ["LSTMs with half or more by other routes", "by other routes, relative to the total"]
    figure, (ax, right) = panels(titles, LAG_AXIS, 3.4)
    space = valued(a1g.measure(Tables(rows, tables.accuracy, tables.dynamics))).dropna(subset=["value"])
    _shares(ax, space[space["step"] == 0])
    _rests(right, a1g.rests(sample(gradients(tables, "full", "cell"))))
    return figure


def _shares(ax: Axes, space: pd.DataFrame) -> None:
    """Draw a bar per forget bias: the share of models whose least rest over the lags is half of the total or more."""
    kind = space["forget_bias"].astype(str).str.split(":").str[0]
    half = (space["value"] >= a1g.OTHER).groupby(kind)
    order = bias_order(kind)
    for place, bias in enumerate(order):
        share, count = half.mean()[bias], half.size()[bias]
        ax.barh(-place, share, color=look("lstm97" if bias == "none" else "lstm")["color"], height=0.7)
        ax.annotate(f"{100 * share:.0f} % of {count}", (share, -place), (3, 0), textcoords="offset points",
                    va="center")  # fmt: skip
    ax.set_yticks([-place for place in range(len(order))], [_row(bias) for bias in order])
    ax.set_xlim(0, 1)
    ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
    ax.set_xlabel("share of LSTMs before training")
    ax.grid(visible=False)


def _row(bias: str) -> str:
    return "no forget gate" if bias == "none" else (bias if np.isnan(as_number(bias)) else f"bias {bias}")


def _rests(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the rest against lag, one curve for the 1997 cell and each forget bias."""
    table = table.assign(forget_bias=table["forget_bias"].astype(str))
    looks = bias_looks(bias_order(table.loc[table["cell"] == "lstm", "forget_bias"]))
    for (cell, bias), rows in table.groupby(["cell", "forget_bias"], observed=True):
        if cell == "lstm97" or bias in SHOWN:
            line = rows.groupby("lag")["rest"].median()
            chosen = look("lstm97") if cell == "lstm97" else looks[bias]
            ax.plot(line.index, line, **chosen)
            label = "1997" if cell == "lstm97" else bias if np.isnan(as_number(bias)) else f"bias {bias}"
            end_label(ax, line.index[-1], line.iloc[-1], label, chosen["color"])
    ax.axhline(a1g.OTHER, color=GREY, linewidth=1, linestyle=(0, (2, 2)))
    ax.set_ylim(0, None)
    ax.set_yticks([0, 0.5, 1], ["0", "½", "1"])


def a4e_figure(tables: Tables) -> Figure:
    """Draw, cell by cell, by how much the gradient's norm changes at most on its way: one dot per setting."""
    space = valued(a4e.measure(tables)).dropna(subset=["value"])
    if space.empty:
        return nothing("routes beside the carousel")
    space = space.assign(cell=space["cell"].astype(str), value=space["value"].clip(EXACT, MOST))
    cells = _least_changed_above(space)
    figure, (ax,) = panels(
        ["largest change of the norm, decades"],
        "decades, up to nine tenths of the sequence (log axis)",
        0.2 * len(cells) + 1.3,
    )
    for place, marks in PLACES.items():
        rows = settings(space[space["place"] == place], ["value"])
        y = rows["cell"].map({cell: i for i, cell in enumerate(cells)}).to_numpy(float)
        ax.plot(rows["value"], y + 0.6 * jitter(len(rows)), "o", markersize=4, **marks)
    ax.axvline(a4e.UNCHANGED, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    ax.annotate("unchanged,\nto a hundredth", (a4e.UNCHANGED, 0), (-4, 4), xycoords=("data", "axes fraction"),
                ha="right", textcoords="offset points", color=GREY)  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(EXACT / 4, MOST * 4)
    ax.set_xticks([1e-16, 1e-12, 1e-8, 1e-4, 1], ["10⁻¹⁶\nor less", "10⁻¹²", "10⁻⁸", "10⁻⁴", "1"])
    ax.set_yticks(range(len(cells)), [names.cell(cell) for cell in cells])
    legend(figure, 2)
    return figure


def _least_changed_above(space: pd.DataFrame) -> list[str]:
    """Return the cells from below: LSTMs on top, then by the least change of any of their settings."""
    least = space.groupby("cell")["value"].min().sort_values(ascending=False)
    inside = set(space.loc[space["place"] == a4e.INSIDE, "cell"])
    return [
        *(cell for cell in least.index if cell not in inside),
        *(cell for cell in least.index if cell in inside),
    ]
