"""Figures of rates: one dot per setting, against what is varied."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.text import as_number, bias_order
from carousel.analysis.theory import scalar
from carousel.claims import (
    a1e_no_decaying_factor as a1e,
    a2c_learned_gate as a2c,
    k1_not_vulnerable as k1,
    rnn_trends,
)
from carousel.claims.claim import Tables
from carousel.claims.evidence import planned
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.figures.data import either, jitter, settings
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import RATE, band, legend, look, marker, nothing, panels, rate_axis

BIAS = "forget bias"
CONSTANT = "constant: within a factor of 2 in 100 steps"
CLAIMED = "#D55E00"
LOWEST = -20  # decades left: what K1 shows
CROWDED = 8  # forget biases: the names of more than so many stand upright
SEEN = "#0072B2"


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
    ax.set_xticks(range(len(order)), ["no forget\ngate" if bias == "none" else bias for bias in order])
    if len(order) > CROWDED:
        ax.tick_params(axis="x", labelrotation=90)


def k1_figure(tables: Tables) -> Figure:
    """Draw what is left of every LSTM's total gradient at lag LAG by forget bias, before and after training."""
    space = planned(k1.measure(tables, k1.LOST.value))
    table = settings(either(space), ["value"]).dropna(subset=["value"])
    if table.empty:
        return nothing("the total gradient of LSTMs")
    figure, (ax,) = panels([f"left of an LSTM's gradient at lag {LAG}, decades"], BIAS)
    _by_bias(ax, table.assign(value=table["value"].clip(lower=LOWEST)), "value", table["step"] == 0)
    ax.axhline(-k1.LOST.value, color=CLAIMED, linestyle=(0, (4, 2)))
    ax.annotate("a tenth left", (0, -k1.LOST.value), (4, 4), xycoords=("axes fraction", "data"),
                textcoords="offset points", color="#a84a00")  # fmt: skip
    legend(figure, 2)
    return figure


def a1e_figure(tables: Tables) -> Figure:
    """Draw the rate of the product of forget gates by forget bias, on the curve log10 sigma(bias)."""
    table = a1e.slopes(tables.decay)
    if table.empty:
        return nothing("the product of forget gates")
    table = settings(table, ["rate"])
    figure, (ax,) = panels([f"rate of the product of forget gates, {RATE}"], BIAS)
    _by_bias(ax, table, "rate", table["step"] == 0)
    order = bias_order(table["forget_bias"])
    places = [(i, as_number(bias)) for i, bias in enumerate(order) if not np.isnan(as_number(bias))]
    x, biases = zip(*places, strict=True) if places else ((), ())
    ax.plot(x, [float(scalar.log10_sigmoid(bias)) for bias in biases], "_", color=CLAIMED, markersize=24,
            markeredgewidth=2, label="log10 sigma(bias)")  # fmt: skip
    band(ax, -STEADY, STEADY, CONSTANT)
    rate_axis(ax, STEADY)
    legend(figure, 1)
    return figure


def a2c_figure(tables: Tables) -> Figure:
    """Draw how far the factor per step along the cell stays below one, by forget bias, and after training."""
    space = planned(a2c.mean(tables))
    table = settings(either(space), ["value"]).dropna(subset=["value"])
    if table.empty:
        return nothing("the derivative along the cell")
    figure, (ax,) = panels(["one less the factor per step along the cell"], f"{BIAS} at the start")
    short = -np.expm1(table["value"] * np.log(10))
    _by_bias(ax, table.assign(short=np.maximum(short, 1e-7)), "short", table["step"] == 0)
    ax.set_yscale("log")
    ax.axhline(1 - a2c.FACTOR, color=CLAIMED, linestyle=(0, (4, 2)))
    ax.annotate(f"{a2c.FACTOR} per step", (0, 1 - a2c.FACTOR), (4, 4), xycoords=("axes fraction", "data"),
                textcoords="offset points", color="#a84a00")  # fmt: skip
    legend(figure, 2)
    return figure


def a4g_figure(tables: Tables) -> Figure:
    """Draw the rate of vanilla RNNs against the gain of their recurrent weights, one line per cell and init."""
    table = rnn_trends.fixed(rnn_trends.slopes(tables.decay))
    if table.empty:
        return nothing("vanilla RNNs over the gain")
    figure, (ax,) = panels(
        [f"rate of the vanilla RNN's gradient, {RATE}"], "gain of the recurrent weights", height=4.4
    )
    keys = ["cell", "init", "gain"]
    medians = settings(table, ["rate"]).groupby(keys, observed=True)["rate"].median().reset_index()
    for (cell, init), rows in medians.groupby(["cell", "init"], observed=True):
        colour, y = look(str(cell))["color"], rows["rate"].clip(lower=-2)
        if len(rows) == 1:
            ax.plot(rows["gain"], y, marker(str(cell)), color=colour, markersize=5, markerfacecolor="white")
        else:
            ax.plot(rows["gain"], y, marker=marker(str(cell)), markersize=5, **look(str(cell)))
            end_label(ax, rows["gain"].iloc[-1], y.iloc[-1], names.cell(str(cell)), colour)
            ax.set_xlabel(f"gain of the recurrent weights\n(lines: {init} init; hollow: others at one gain)")
    band(ax, -STEADY, STEADY, CONSTANT)
    legend(figure, 1)
    return figure
