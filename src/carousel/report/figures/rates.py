"""Figures of rates: one dot per setting, against what is varied."""

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
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    RATE,
    band,
    bias_axis,
    draw_settings,
    legend,
    look,
    nothing,
    panels,
)

BIAS = "forget bias"
CONSTANT = "constant: within a factor of 2 in 100 steps"
CLAIMED = "#D55E00"
LOWEST = -20  # decades left: what K1 shows
LEAST = 1e-4  # decades lost: what A1e shows
SEEN = "#0072B2"
HOLLOW: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": "black"}


def _by_bias(ax: Axes, table: pd.DataFrame, column: str, at_start: pd.Series) -> None:
    """Draw one dot per setting above its forget bias: filled before training, hollow after."""
    order = bias_order(table["forget_bias"])
    place = table["forget_bias"].astype(str).map({bias: i for i, bias in enumerate(order)}).to_numpy(float)
    x = place + jitter(len(table))
    first = at_start.to_numpy()
    ax.plot(
        x[first], table.loc[first, column], "o", color=SEEN, markersize=4, alpha=0.7, label="at the start"
    )
    if (~first).any():
        ax.plot(x[~first], table.loc[~first, column], "o", markerfacecolor="white", markeredgecolor="black",
                markersize=5, label="after training")  # fmt: skip
    bias_axis(ax, order)


def k1_figure(tables: Tables) -> Figure:
    """Draw what is left of every LSTM's total gradient at lag LAG by forget bias, before and after training."""
    space = planned(k1.models(tables))
    table = settings(valued(space), ["value"]).dropna(subset=["value"])
    if table.empty:
        return nothing("the total gradient of LSTMs")
    figure, (ax,) = panels([f"left of an LSTM's gradient at lag {LAG}, decades"], BIAS, height=3.4)
    _by_bias(ax, table.assign(value=table["value"].clip(lower=LOWEST)), "value", table["step"] == 0)
    ax.axhline(-k1.LOST.value, color=CLAIMED, linestyle=(0, (4, 2)))
    ax.annotate("a tenth left", (0, -k1.LOST.value), (4, 4), xycoords=("axes fraction", "data"),
                textcoords="offset points", color="#a84a00")  # fmt: skip
    legend(figure, 2)
    return figure


def a1e_figure(tables: Tables) -> Figure:
    """Draw how many decades the product of forget gates loses, by forget bias, on what gates of the bias alone lose."""
    each = judged(a1e.rows(tables), "factor_product", "formula")
    table = with_library(settings(each, ["left"])) if len(each) else each
    if table.empty:
        return nothing("the product of forget gates")
    title = f"decades that the forget gates lose over {LAG} steps\n(log axis; chrono: over the steps it is drawn for)"
    figure, (ax,) = panels([title], f"{BIAS}\n(black edge: as libraries start them)", height=3.6)
    order = bias_order(table["forget_bias"])
    x = table["forget_bias"].astype(str).map({bias: i for i, bias in enumerate(order)}).to_numpy(float)
    table = table.assign(x=x + jitter(len(table)), lost=(-table["left"]).clip(LEAST))
    for cell in [name for name in WITH_FORGET_GATE if (table["cell"] == name).any()]:
        draw_settings(ax, table[table["cell"] == cell], "x", "lost", cell)
    _law(ax, order)
    ax.axhline(-KEPT, color=GREY, linewidth=1, linestyle=(0, (4, 2)), label="half left")
    ax.set_yscale("log")
    bias_axis(ax, order)
    legend(figure, 2)
    return figure


def _law(ax: Axes, order: list[str]) -> None:
    """Mark what gates lose whose net input is the bias alone: LAG times -log10 sigma(bias)."""
    biases = [(i, as_number(bias)) for i, bias in enumerate(order) if not np.isnan(as_number(bias))]
    y = [max(-LAG * float(scalar.log10_sigmoid(bias)), LEAST) for _, bias in biases]
    ax.plot([i for i, _ in biases], y, "_", color=CLAIMED, markersize=24, markeredgewidth=2,
            label=f"{LAG} steps of sigma(bias)")  # fmt: skip


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
