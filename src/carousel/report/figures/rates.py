"""Figures of rates: one dot per setting or chain, against what is varied, beside theory."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.text import as_number, bias_order
from carousel.analysis.theory import scalar
from carousel.claims import (
    a1c_scalar_exponential as a1c,
    a1e_no_decaying_factor as a1e,
    a2a_half_life_ratio as a2a,
    a2c_learned_gate as a2c,
    a2d_rnn_factor_near_one as a2d,
    a2e_largest_factor as a2e,
    a4g_rnn_distance as a4g,
    k1_not_vulnerable as k1,
    lstm_against_rnn,
)
from carousel.claims.evidence import planned
from carousel.claims.rules import VANILLA, Tables
from carousel.report import names
from carousel.report.figures.data import either, jitter, settings
from carousel.report.figures.style import (
    GREY,
    RATE,
    band,
    end_label,
    legend,
    look,
    marker,
    nothing,
    panels,
    rate_axis,
)

BIAS = "forget bias"
WEIGHT = "weight w of the scalar chain"
CONSTANT = "constant: within a factor of 2 in 100 steps"
CLAIMED = "#D55E00"
CROWDED = 8  # forget biases: the names of more than so many stand upright
SEEN = "#0072B2"
FLOOR = -4.0  # decades per step: the lowest rate that the figure of the scalar chains shows


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
    """Draw the rate of every LSTM's total gradient by forget bias, before and after training."""
    table = settings(either(planned(k1.measure(tables))), ["value"]).dropna(subset=["value"])
    if table.empty:
        return nothing("the total gradient of LSTMs")
    figure, (ax,) = panels([f"rate of an LSTM's total gradient, {RATE}"], BIAS)
    _by_bias(ax, table.assign(value=table["value"].clip(lower=-2)), "value", table["step"] == 0)
    band(ax, -STEADY, STEADY, CONSTANT)
    rate_axis(ax, STEADY)
    legend(figure, 2)
    return figure


def k2_figure(tables: Tables) -> Figure:
    """Draw each LSTM's rate against that of the vanilla RNN it is paired with."""
    both = lstm_against_rnn.pairs(tables.decay)
    if both.empty:
        return nothing("an LSTM beside a vanilla RNN")
    table = settings(both, ["rate", "rate_right"])
    low = float(
        np.quantile(table[["rate", "rate_right"]].replace(-np.inf, np.nan).min(axis=1).dropna(), 0.02)
    )
    figure, (ax,) = panels([f"LSTM's rate, {RATE}"], f"vanilla RNN's rate, {RATE}", height=4.2)
    for rival in VANILLA:
        rows = table[table["rival"] == rival]
        x, y = rows["rate_right"].clip(lower=low), rows["rate"].clip(lower=low)
        ax.plot(
            x, y, marker(rival), color=look(rival)["color"], label=names.cell(rival), markersize=5, alpha=0.8
        )
    top = float(max(table["rate"].max(), table["rate_right"].max(), 0.0))
    ax.plot([low, top], [low, top], color="black", linewidth=1)
    ax.set_ylim(table["rate"].clip(lower=low).min() - 0.02, max(float(table["rate"].max()), 0.0) + 0.12)
    ax.annotate(
        "the LSTM decays more slowly above the line", (0.02, 0.98), xycoords="axes fraction", va="top"
    )
    legend(figure, 3)
    return figure


def a2a_figure(tables: Tables) -> Figure:
    """Draw the ratio of half-lives, LSTM over vanilla RNN, by forget bias and rival."""
    both = lstm_against_rnn.pairs(tables.decay)
    table = settings(both, ["ratio"]).dropna(subset=["ratio"]) if len(both) else both
    if table.empty:
        return nothing("an LSTM beside a vanilla RNN")
    figure, (ax,) = panels(["half-life of the LSTM's gradient over the RNN's"], f"LSTM's {BIAS}", height=4.2)
    order = bias_order(table["forget_bias"])
    finite = table["ratio"].clip(-2, 4)
    for i, rival in enumerate(VANILLA):
        own = (table["rival"] == rival).to_numpy()
        place = table.loc[own, "forget_bias"].astype(str).map({bias: k for k, bias in enumerate(order)})
        x = place.to_numpy(float) + (i - 1) * 0.25 + 0.3 * jitter(int(own.sum()))
        ax.plot(
            x,
            finite[own],
            marker(rival),
            color=look(rival)["color"],
            markersize=5,
            label=names.cell(rival),
        )
    ax.axhline(0, color="black", linewidth=1)
    ax.axhline(a2a.MUCH, color=GREY, linestyle=(0, (4, 2)))
    ax.annotate("three times", (1, a2a.MUCH), (4, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="center", annotation_clip=False)  # fmt: skip
    ax.set_xticks(range(len(order)), order)
    ax.set_yticks(range(-2, 5), ["1/100 or less", "1/10", "1", "10", "100", "1,000", "10,000 or more"])
    legend(figure, 3)
    return figure


def a1c_figure(tables: Tables) -> Figure:
    """Draw the scalar chain's rate against its weight: four activations, dots on theory's lines."""
    space = either(a1c.measure(tables))
    if space.empty:
        return nothing("the scalar chains")
    figure, (ax,) = panels([f"rate of the scalar chain's gradient, {RATE}"], WEIGHT, height=4.4)
    w = np.linspace(space["gain"].min(), space["gain"].max(), 401)
    for cell in sorted(space["cell"].astype(str).unique()):
        rows = space[space["cell"] == cell]
        line = scalar.rate(cell.removeprefix("rnn_"), w, 0.0, 0.3)
        last = np.flatnonzero(line >= FLOOR)[-1]
        ax.plot(w, line, **look(cell), linewidth=1.3)
        ax.plot(rows["gain"], rows["value"], marker(cell), color=look(cell)["color"], markersize=5)
        end_label(ax, w[last], line[last], names.cell(cell).removesuffix(" RNN"), look(cell)["color"])
    band(ax, -STEADY, STEADY, "neither decays nor grows")
    ax.set_ylim(FLOOR, None)
    legend(figure, 1)
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
    space = planned(a2c.measure(tables))
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


def a2d_figure(tables: Tables) -> Figure:
    """Draw the sigmoid chain's factor per step against its weight, without bias and with bias -2."""
    space = either(a2d.measure(tables))
    chains = space[space["hidden"] == 1]
    if chains.empty:
        return nothing("the sigmoid chains")
    figure, (ax,) = panels(["factor per step, |w sigma'|, where the chain settles"], WEIGHT)
    ax.axhspan(1 - a2d.NEAR, 1 + a2d.NEAR, color="#cfcfcf", zorder=0)
    ax.annotate(
        "one", (0, 1), (2, 4), xycoords=("axes fraction", "data"), textcoords="offset points", color=GREY
    )
    w = np.linspace(chains["gain"].min(), chains["gain"].max(), 401)
    for bias, colour, dashes, dot in ((0.0, SEEN, (0, ()), "o"), (-2.0, CLAIMED, (0, (4, 2)), "s")):
        line = 10 ** scalar.rate("sigmoid", w, bias, 0.3)
        rows = chains[chains["bias"] == bias]
        if len(rows):
            ax.plot(w, line, color=colour, linestyle=dashes, linewidth=1.3)
            ax.plot(rows["gain"], rows["value"], dot, color=colour, markersize=5)
            end_label(ax, w[-1], line[-1], f"b = {bias:g}", colour)
    ax.set_ylim(-0.05, 1.15)
    return figure


def a2e_figure(tables: Tables) -> Figure:
    """Draw w sigma'(w) at a state held at one, and the factor where the chain really settles."""
    figure, (ax,) = panels(["factor per step"], WEIGHT)
    w = np.linspace(0.01, 6, 300)
    held = scalar.multiplier("sigmoid", w, 0.0, 1.0)
    real = 10 ** scalar.rate("sigmoid", w, 0.0, 0.3)
    ax.plot(w, held, color=CLAIMED, linestyle=(0, (4, 2)))
    ax.plot(w, real, color=SEEN)
    end_label(ax, w[-1], held[-1], "held at 1", CLAIMED)
    end_label(ax, w[-1], real[-1], "settled", SEEN)
    best, factor = scalar.largest_factor(a2e.STATE)
    ax.plot(best, factor, "s", color=CLAIMED)
    ax.annotate(f"claimed: {factor:.3f}", (best, factor), (14, -80), textcoords="offset points", ha="center",
                arrowprops={"arrowstyle": "-", "color": CLAIMED, "linewidth": 0.6})  # fmt: skip
    seen = a2e.measure(tables)
    if len(seen):
        ax.plot(a2e.WEIGHT, seen["effect"].mean(), "o", color=SEEN, markersize=7)
        ax.annotate(f"measured: {seen['effect'].mean():.3f}", (a2e.WEIGHT, seen["effect"].mean()), (8, 4),
                    textcoords="offset points")  # fmt: skip
    ax.set_ylim(0, 0.33)
    return figure


def a4g_figure(tables: Tables) -> Figure:
    """Draw the rate of vanilla RNNs against the gain of their recurrent weights, one line per cell and init."""
    table = a4g.slopes(tables.decay)
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
