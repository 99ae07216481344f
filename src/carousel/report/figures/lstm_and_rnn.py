"""Figures of an LSTM against a vanilla RNN, paired by seed."""

import numpy as np
from matplotlib.figure import Figure

from carousel.analysis.text import bias_order
from carousel.claims import a2a_half_life_ratio as a2a, lstm_against_rnn
from carousel.claims.claim import Tables
from carousel.claims.rules import VANILLA
from carousel.report import names
from carousel.report.figures.data import jitter, settings
from carousel.report.figures.rates import BIAS
from carousel.report.figures.style import GREY, RATE, legend, look, marker, nothing, panels


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
    ax.axhline(a2a.MUCH.value, color=GREY, linestyle=(0, (4, 2)))
    ax.annotate("three times", (1, a2a.MUCH.value), (4, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="center", annotation_clip=False)  # fmt: skip
    ax.set_xticks(range(len(order)), order)
    ax.set_yticks(range(-2, 5), ["1/100 or less", "1/10", "1", "10", "100", "1,000", "10,000 or more"])
    legend(figure, 3)
    return figure
