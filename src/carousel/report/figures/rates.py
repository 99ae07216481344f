"""Figures of rates: one dot per setting, against what is varied."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.left import KEPT, VANISHED
from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, bias_order
from carousel.analysis.theory import scalar
from carousel.axes import STANDARD_DRIVE
from carousel.claims import (
    a1e_no_decaying_factor as a1e,
    a2c_learned_gate as a2c,
    k1_not_vulnerable as k1,
    lines,
    rnn_trends,
)
from carousel.claims.claim import Tables
from carousel.claims.evidence import ALONG_GAIN, planned
from carousel.claims.half_left import judged
from carousel.claims.rules import LAG, VANILLA, WITH_FORGET_GATE
from carousel.report import names
from carousel.report.figures.data import comparable, jitter, sample, settings, valued, with_library
from carousel.report.figures.labels import darker, end_label
from carousel.report.figures.style import (
    GREY,
    bias_axis,
    bias_places,
    draw_settings,
    legend,
    look,
    narrow,
    nothing,
    panels,
    powers,
)

BIAS = "forget bias"
FEW = 10  # steps: what A4g shows is left after so many
SLOWEST = -1.5  # decades per step: what A4g shows
CLAIMED = "#D55E00"
LOWEST, HIGHEST = -20.0, 5.0  # decades left: what K1 shows
LONGEST = 1e5  # steps: what A1e shows
INK = "#1f2328"
SEEN = "#0072B2"
HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": "black"}


def k1_figure(tables: Tables) -> Figure:
    """Draw what is left of every LSTM's total gradient at lag LAG by forget bias, and the share that vanishes."""
    table = settings(valued(planned(k1.CLAIM.evidence(tables))), ["value"]).dropna(subset=["value"])
    if table.empty:
        return nothing("the total gradient of LSTMs")
    titles = [
        f"left of an LSTM’s gradient at lag {LAG}, a dot per setting",
        "share of the settings that vanish" + ("" if narrow() else ", and of how many"),
    ]
    figure, (ax, below) = panels(titles, BIAS, [2.3, 1.5], columns=1)
    order = bias_order(table["forget_bias"])
    table = table.assign(
        x=table["forget_bias"].astype(str).map(bias_places(order)), gone=table["value"] < VANISHED
    )
    _dots(ax, table.assign(value=table["value"].clip(LOWEST, HIGHEST)), "value")
    ax.axhline(VANISHED, color=GREY, linestyle=(0, (4, 2)), linewidth=1.2)
    ax.annotate("a tenth", (1, VANISHED), (3, 0), ("axes fraction", "data"), "offset points", va="center",
                color=GREY, annotation_clip=False)  # fmt: skip
    ax.set_ylim(LOWEST - 1, HIGHEST + 1)
    powers(ax)
    _shares(below, table[table["step"] == 0])
    bias_axis(below, order)
    ax.sharex(below)
    ax.tick_params(axis="x", labelbottom=False)
    legend(figure, 3)
    return figure


def _shares(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the share of the settings at each ``x`` that are ``gone``, with their number above."""
    for x, own in table.groupby("x")["gone"]:
        ax.bar(x, 100 * own.mean(), width=0.6, color=SEEN)
        if not narrow():
            ax.annotate(f"{len(own)}", (x, 100 * own.mean()), (0, 2), textcoords="offset points", ha="center")
    ax.set_ylim(0, 125)
    ax.set_yticks([0, 50, 100], ["0 %", "50 %", "100 %"])


def _dots(ax: Axes, table: pd.DataFrame, column: str) -> None:
    """Draw one dot per setting at its ``x``: filled before training, hollow after, and a line of the medians before."""
    x, start = table["x"] + 0.5 * jitter(len(table)), table["step"] == 0
    ax.plot(
        x[start], table.loc[start, column], "o", color=SEEN, markersize=3.5, alpha=0.5, label="at the start"
    )
    middle = table[start].groupby("x")[column].median()
    ax.plot(middle.index, middle, "_", color=INK, markersize=14, markeredgewidth=2, label="their median")
    if (~start).any():
        ax.plot(x[~start], table.loc[~start, column], "o", markersize=4, label="after training", **HOLLOW)


def a1e_figure(tables: Tables) -> Figure:
    """Draw the half-life along the carousel by forget bias, on that of gates that the bias alone opens."""
    each = judged(a1e.rows(tables), "factor_product", "formula")
    table = with_library(settings(each, ["left", "lag"])) if len(each) else each
    if table.empty:
        return nothing("the product of forget gates")
    figure, (ax,) = panels(["half-life along the carousel, steps"], BIAS, height=3.3)
    order = bias_order(table["forget_bias"])
    places = bias_places(order)
    x = table["forget_bias"].astype(str).map(places) + 0.5 * jitter(len(table))
    table = table.assign(x=x, half_life=(table["lag"] * KEPT / table["left"]).clip(upper=LONGEST))
    for cell in [name for name in WITH_FORGET_GATE if (table["cell"] == name).any()]:
        draw_settings(ax, table[table["cell"] == cell], "x", "half_life", cell)
    _law(ax, places)
    ax.set_yscale("log")
    ax.axhspan(LAG, 1.5 * LONGEST, color="#eef2f6", zorder=0, linewidth=0)
    ax.annotate(f"loses less than half in {LAG} steps", (0, 1), (4, -4), "axes fraction", "offset points",
                va="top", color=GREY)  # fmt: skip
    ax.set_ylim(None, 1.5 * LONGEST)
    bias_axis(ax, order)
    legend(figure, 3)
    return figure


def _law(ax: Axes, places: Mapping[str, float]) -> None:
    """Draw the half-life of gates whose net input is the bias alone: log(1/2) over log sigma(bias)."""
    biases = [place for bias, place in places.items() if place == as_number(bias)]
    if biases:
        b = np.linspace(min(biases), max(biases), 60)
        steps = KEPT / np.array([float(scalar.log10_sigmoid(bias)) for bias in b])
        ax.plot(b, steps, color=CLAIMED, linewidth=1.2, label="gates that the bias alone opens, σ(bias)")


def a2c_figure(tables: Tables) -> Figure:
    """Draw how far the factor per step along the cell stays below one: the units' mean, and the best after training."""
    space = a2c.measure(tables)
    table = planned(valued(space)).dropna(subset=["value"]) if len(space) else space
    if table.empty:
        return nothing("the derivative along the cell")
    figure, (ax,) = panels(
        ["one minus the factor per step along the carousel"], f"{BIAS} at the start", height=3.8
    )
    mean, slowest = (settings(table[table["of"] == of], ["value"]) for of in (a2c.MEAN, a2c.SLOWEST))
    slowest = slowest[slowest["step"] > 0]
    order = bias_order(mean["forget_bias"])
    shown: tuple[tuple[pd.DataFrame, dict[str, Any]], ...] = (
        (mean[mean["step"] == 0], {"marker": "o", "color": SEEN, "label": "at the start, mean of the units"}),
        (mean[mean["step"] > 0], HOLLOW | {"marker": "o", "label": "after training, mean"}),
        (slowest, HOLLOW | {"marker": "^", "label": "after training, the unit that keeps most"}),
    )
    for rows, marks in shown:
        x = rows["forget_bias"].astype(str).map(bias_places(order)).to_numpy(float)
        short = np.maximum(-np.expm1(rows["value"] * np.log(10)), 1e-7)
        ax.plot(x + 0.5 * jitter(len(rows)), short, linestyle="", markersize=4, alpha=0.8, **marks)
    bias_axis(ax, order)
    ax.set_yscale("log")
    ax.set_ylim(min(ax.get_ylim()[0], (1 - a2c.FACTOR) / 10))  # room for the words below the lower line
    said = (a2c.FACTOR, f"{a2c.FACTOR} per step", -13), (a2c.NEAR, "half left over 1,000 steps", -13)
    for factor, words, above in said:
        ax.axhline(1 - factor, color=CLAIMED, linestyle=(0, (4, 2)), linewidth=1)
        ax.annotate(words, (0, 1 - factor), (4, above), xycoords=("axes fraction", "data"),
                    textcoords="offset points", color="#a84a00")  # fmt: skip
    legend(figure, 1)
    return figure


def a4g_figure(tables: Tables) -> Figure:
    """Draw what FEW steps leave of a vanilla RNN's gradient against the gain, and at which gain its decay ends."""
    models = rnn_trends.slopes(tables.decay)
    table = comparable(settings(models, ["rate"])) if len(models) else models
    if table.empty:
        return nothing("vanilla RNNs over the gain")
    figure, (ax,) = panels(
        [f"left after {FEW} steps, at drive {STANDARD_DRIVE}"], "gain of the recurrent weights"
    )
    ax.axhline(0, color="black", linewidth=0.8)
    swept = sample(select(rnn_trends.fixed(models), slice=ALONG_GAIN))
    for cell in [name for name in VANILLA if (table["cell"] == name).any()]:
        own = table[table["cell"] == cell]
        own = own.assign(left=(FEW * own["rate"]).clip(lower=FEW * SLOWEST))
        draw_settings(ax, own, "gain", "left", cell)
        _line(ax, own[own["slice"].isin(ALONG_GAIN)], cell)
        _ends(ax, swept[swept["cell"].astype(str) == cell], cell, -15 if cell == "rnn_tanh" else 6)
    powers(ax)
    return figure


def _line(ax: Axes, rows: pd.DataFrame, cell: str) -> None:
    """Draw the line of the init of most gains, at its longest length."""
    gains = rows.groupby(["init", "length"], observed=True)["gain"].nunique()
    if gains.max() > 1:
        init, length = gains.idxmax()
        line = rows[(rows["init"] == init) & (rows["length"] == length)].sort_values("gain")
        ax.plot(line["gain"], line["left"], **look(cell))
        end_label(ax, line["gain"].iloc[-1], line["left"].iloc[-1], names.cell(cell), look(cell)["color"])


def _ends(ax: Axes, swept: pd.DataFrame, cell: str, above: float) -> None:
    """Mark the gain at which the decay ends, with its interval, where one was found; its label so many points above."""
    found = lines.along(swept.astype({"init": str}), "gain", "rate", -STEADY, fewest=2, log=True)
    for row in found[np.isfinite(found["at"])].itertuples() if len(found) else ():
        colour = look(cell)["color"]
        ax.plot([row.low, row.high], [0, 0], color=colour, linewidth=4, alpha=0.6, solid_capstyle="butt")
        ax.annotate(f"{row.at:.2f}", (row.at, 0), (0, above), textcoords="offset points",
                    ha="center" if above < 0 else "right", color=darker(colour))  # fmt: skip
