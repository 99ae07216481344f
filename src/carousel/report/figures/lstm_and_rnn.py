"""Figures of an LSTM against a vanilla RNN, paired by seed, at the standard drive and as libraries start them."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.text import bias_order
from carousel.claims import a2a_half_life_ratio as a2a, lstm_against_rnn
from carousel.claims.claim import Tables
from carousel.claims.rules import LAG, VANILLA
from carousel.report import names
from carousel.report.figures.data import comparable, jitter, settings
from carousel.report.figures.rates import BIAS
from carousel.report.figures.style import (
    GREY,
    bias_axis,
    bias_places,
    draw_settings,
    narrow,
    nothing,
    panels,
    powers,
)

MORE = (-20.0, 40.0)  # decades more left: what K2 shows
RATIOS = (-2.0, 4.0)  # log10 of the ratio: what A2a shows


def k2_figure(tables: Tables) -> Figure:
    """Draw how many times as much is left of each LSTM's gradient as of its rival's, by forget bias, rival by rival."""
    title = f"left at lag {LAG}: LSTM’s over the {{}}’s"
    figure, axes = _by_rival(tables, "more", title, MORE)
    for ax in axes:
        powers(ax)
    return figure


def a2a_figure(tables: Tables) -> Figure:
    """Draw the ratio of half-lives, LSTM over vanilla RNN, by forget bias, rival by rival."""
    figure, axes = _by_rival(tables, "ratio", "half-life: LSTM’s over the {}’s", RATIOS)
    for ax in axes:
        ax.set_yticks(range(-2, 5, 2), ["0.01", "1", "100", "10,000"])
        ax.axhline(a2a.MUCH.value, color=GREY, linestyle=(0, (4, 2)), linewidth=1)
        ax.annotate("3 times", (1, a2a.MUCH.value), (-2, 2), ("axes fraction", "data"), "offset points", ha="right",
                    color=GREY)  # fmt: skip
    return figure


def _by_rival(
    tables: Tables, column: str, title: str, ends: tuple[float, float]
) -> tuple[Figure, list[Axes]]:
    """Return a panel per rival with a mark per setting at the log10 of a ratio; without any, that there is none."""
    both = lstm_against_rnn.pairs(tables.decay)
    table = comparable(settings(both, [column]).dropna(subset=[column])) if len(both) else both
    rivals = [rival for rival in VANILLA if len(table) and (table["rival"] == rival).any()]
    if not rivals:
        return nothing("an LSTM beside a vanilla RNN"), []
    figure, axes = panels(
        [title.format(names.cell(rival)) for rival in rivals],
        f"LSTM’s {BIAS}",
        2.3 if narrow() else 3.0,
        columns=3,
    )
    order = bias_order(table["forget_bias"])
    x = table["forget_bias"].astype(str).map(bias_places(order)) + 0.5 * jitter(len(table))
    table = table.assign(x=x, **{column: table[column].clip(*ends)})
    for ax, rival in zip(axes, rivals, strict=True):
        _pairs(ax, table[table["rival"] == rival], column, rival, ends)
        bias_axis(ax, order)
    return figure, axes


def _pairs(ax: Axes, table: pd.DataFrame, column: str, rival: str, ends: tuple[float, float]) -> None:
    """Draw the settings beside one rival, and the line where both are alike."""
    draw_settings(ax, table, "x", column, rival)
    ax.axhline(0, color="black", linewidth=1)
    ax.set_ylim(ends[0] - 0.08 * float(np.ptp(ends)), ends[1] + 0.05 * float(np.ptp(ends)))
    ax.annotate("RNN ahead", (1, 0), (-2, 3), "axes fraction", "offset points", ha="right", color=GREY)
