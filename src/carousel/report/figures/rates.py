"""Figures of rates: one dot per setting, against what is varied."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.left import KEPT
from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.text import as_number, bias_order
from carousel.analysis.theory import scalar
from carousel.axes import STANDARD_DRIVE
from carousel.claims import (
    a1e_no_decaying_factor as a1e,
    a2c_learned_gate as a2c,
    k1_not_vulnerable as k1,
    rnn_trends,
)
from carousel.claims.claim import Tables
from carousel.claims.evidence import ALONG_GAIN, planned
from carousel.claims.half_left import judged
from carousel.claims.rules import LAG, VANILLA, WITH_FORGET_GATE
from carousel.report import names
from carousel.report.figures.data import comparable, jitter, settings, valued, with_library
from carousel.report.figures.labels import darker, end_label
from carousel.report.figures.style import (
    GREY,
    RATE,
    band,
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
CONSTANT = "constant: within a factor of 2 in 100 steps"
CLAIMED = "#D55E00"
LOWEST, HIGHEST = -20.0, 5.0  # decades left: what K1 shows
LONGEST = 1e5  # steps: what A1e shows
INK = "#1f2328"
SEEN = "#0072B2"
HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": "black"}


def k1_figure(tables: Tables) -> Figure:
    """Draw what is left of every LSTM's total gradient at lag LAG by forget bias, and the share that vanishes."""
    table = settings(valued(planned(k1.models(tables))), ["value"]).dropna(subset=["value"])
    if table.empty:
        return nothing("the total gradient of LSTMs")
    titles = [
        f"left of an LSTM’s gradient at lag {LAG}, a dot per setting",
        "share of the settings that vanish",
    ]
    figure, (ax, below) = panels(titles, BIAS, [2.3, 1.5], columns=1)
    order = bias_order(table["forget_bias"])
    table = table.assign(
        x=table["forget_bias"].astype(str).map(bias_places(order)), gone=table["value"] < -k1.LOST.value
    )
    _dots(ax, table.assign(value=table["value"].clip(LOWEST, HIGHEST)), "value")
    ax.axhline(-k1.LOST.value, color=CLAIMED, linestyle=(0, (4, 2)), linewidth=1.2)
    ax.annotate("a tenth", (1, -k1.LOST.value), (3, 0), ("axes fraction", "data"), "offset points", va="center",
                color=darker(CLAIMED), annotation_clip=False)  # fmt: skip
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
    ax.annotate(f"loses less than half in {LAG} steps", (0, LAG), (4, 4), ("axes fraction", "data"),
                "offset points", color=GREY)  # fmt: skip
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
        ["one less the factor per step along the cell"], f"{BIAS} at the start", height=3.8
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
        x = rows["forget_bias"].astype(str).map({bias: i for i, bias in enumerate(order)}).to_numpy(float)
        short = np.maximum(-np.expm1(rows["value"] * np.log(10)), 1e-7)
        ax.plot(x + jitter(len(rows)), short, linestyle="", markersize=4, alpha=0.8, **marks)
    bias_axis(ax, order)
    ax.set_yscale("log")
    said = (a2c.FACTOR, f"{a2c.FACTOR} per step", -13), (a2c.NEAR, "half left over 1,000 steps", 4)
    for factor, words, above in said:
        ax.axhline(1 - factor, color=CLAIMED, linestyle=(0, (4, 2)), linewidth=1)
        ax.annotate(words, (0, 1 - factor), (4, above), xycoords=("axes fraction", "data"),
                    textcoords="offset points", color="#a84a00")  # fmt: skip
    legend(figure, 1)
    return figure


def a4g_figure(tables: Tables) -> Figure:
    """Draw the rate of vanilla RNNs against the gain of their recurrent weights, a mark per setting."""
    table = rnn_trends.slopes(tables.decay)
    table = comparable(settings(table, ["rate"])) if len(table) else table
    if table.empty:
        return nothing("vanilla RNNs over the gain")
    title = f"rate of the vanilla RNN's gradient, {RATE}"
    figure, (ax,) = panels([title], "gain of the recurrent weights", height=3.6)
    for cell in [name for name in VANILLA if (table["cell"] == name).any()]:
        own = table[table["cell"] == cell].assign(rate=lambda rows: rows["rate"].clip(lower=-2))
        draw_settings(ax, own, "gain", "rate", cell)
        _line(ax, own[own["slice"].isin(ALONG_GAIN)], cell)
    ax.set_xlabel(
        f"gain of the recurrent weights, at drive {STANDARD_DRIVE}\n(lines: the init that was swept; black edge: as "
        "libraries start them)"
    )
    band(ax, -STEADY, STEADY, CONSTANT)
    legend(figure, 2)
    return figure


def _line(ax: Axes, rows: pd.DataFrame, cell: str) -> None:
    """Draw the rate of the init of most gains against them, at its longest length."""
    gains = rows.groupby(["init", "length"], observed=True)["gain"].nunique()
    if gains.max() > 1:
        init, length = gains.idxmax()
        line = rows[(rows["init"] == init) & (rows["length"] == length)].sort_values("gain")
        ax.plot(line["gain"], line["rate"], **look(cell))
        end_label(ax, line["gain"].iloc[-1], line["rate"].iloc[-1], names.cell(cell), look(cell)["color"])
