"""Figures over the gain of the recurrent weights: what slopes and weights cost, ReLU, and how far an LSTM moves."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from carousel.analysis.stats.left import VANISHED
from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order, fixed
from carousel.axes import STANDARD_DRIVE
from carousel.claims import (
    a1i_relu_weight_scale as a1i,
    a1j_recurrent_weights as a1j,
    a2f_relu_activation as a2f,
    rnn_trends,
    weights_and_slopes,
)
from carousel.claims.claim import Tables
from carousel.claims.evidence import ALONG_GAIN, reference
from carousel.claims.rules import LAG, VANILLA
from carousel.report import names
from carousel.report.figures.data import prefer, sample
from carousel.report.figures.labels import darker, end_label
from carousel.report.figures.style import GREY, RATE, bias_looks, look, marker, nothing, panels, powers

GAIN = f"gain of the weights, at drive {STANDARD_DRIVE}"
SHOWN = (0.25, 0.5, 1.0, 1.5, 2.0)  # gains with a number on the axis
WEIGHTS = {"color": GREY, "linestyle": (0, (6, 2))}
PARTS: Mapping[str, tuple[str, dict]] = {  # column -> words, look
    "rate": ("both", {"color": "#000000", "linestyle": (0, ())}),
    "weights": ("weights", WEIGHTS),
    "slopes": ("slopes", {"color": "#D55E00", "linestyle": (0, (1, 1))}),
}


def swept(table: pd.DataFrame) -> pd.DataFrame:
    """Return the models of the longest sweep over the gain at the standard drive, with orthogonal weights if any."""
    table = select(table, slice=ALONG_GAIN, drive=STANDARD_DRIVE)
    if table.empty:
        return table
    keys = ["cell", "init", "forget_bias", "hidden", "length"]
    gains = table.groupby(keys, observed=True)["gain"].transform("nunique")
    return prefer(table[gains == gains.max()], "init", "orthogonal")


def a1h_figure(tables: Tables) -> Figure:
    """Draw what the slopes cost by activation against the gain, beside what the weights do, and where they cross."""
    parts = weights_and_slopes.split(tables.decay)
    table = sample(swept(select(parts, kind=weights_and_slopes.NETWORKS)))
    if table.empty:
        return nothing("the parts of weights and slopes over the gain")
    figure, (ax,) = panels([f"change of the gradient by either part, {RATE}"], GAIN, height=3.4)
    table = table.assign(cost=-table["slopes"], size=table["weights"].abs())
    for cell in VANILLA:
        label = f"slopes, {names.cell(cell)}"
        against_gain(ax, select(table, cell=cell), "cost", label, look(cell) | {"marker": marker(cell)})
    against_gain(ax, table, "size", "weights", WEIGHTS)
    mark_crossings(
        ax, weights_and_slopes.along_gain(parts), lambda gain: abs(np.log10(gain)), above="rnn_tanh"
    )
    ax.set_ylim(0, None)
    scale(ax, table)
    return figure


def against_gain(ax: Axes, rows: pd.DataFrame, column: str, label: str, style: dict) -> None:
    """Draw the mean over the models of a column against the gain, with its label at the end."""
    middle = rows[np.isfinite(rows[column])].groupby("gain")[column].mean()
    if len(middle):
        ax.plot(middle.index, middle, markersize=5, **style)
        end_label(ax, middle.index[-1], middle.iloc[-1], label, style["color"])


def mark_crossings(ax: Axes, lines: pd.DataFrame, height: Callable[[float], float], above: str = "") -> None:
    """Mark the gains at which lines cross a level, with their 95 % intervals, at the ``height`` of a gain.

    Each number stands below its mark, on the side of gain 1 that it is on; those of the cell ``above`` that are larger
    than 1 on its upper left.
    """
    for row in reference(lines).itertuples() if len(lines) else ():
        if not np.isfinite([row.at, row.low, row.high]).all():
            continue
        y, colour = height(row.at), look(str(row.cell))["color"]
        ax.plot([row.low, row.high], [y, y], color=colour, linewidth=5, solid_capstyle="butt", alpha=0.5)
        ax.plot(row.at, y, "o", color=darker(colour), markerfacecolor="white", markersize=6, zorder=4)
        high = row.cell == above and row.at > 1
        left = high or row.at < 1
        ax.annotate(fixed(row.at, 2), (row.at, y), (-5 if left else 5, 5 if high else -5), textcoords="offset points",
                    ha="right" if left else "left", va="bottom" if high else "top", color=darker(colour))  # fmt: skip


def scale(ax: Axes, table: pd.DataFrame) -> None:
    """Scale the x axis by the logarithm of the gain, with a tick at most gains."""
    ax.set_xscale("log")
    gains = sorted(table["gain"].unique())
    ticks = [gain for gain in gains if gain in SHOWN] or gains
    ax.set_xticks(ticks, [f"{gain:g}" for gain in ticks])
    ax.xaxis.set_minor_locator(NullLocator())


def a1i_figure(tables: Tables) -> Figure:
    """Draw the ReLU network's rate against the gain with its intervals, its two parts, and the threshold."""
    table = select(weights_and_slopes.split(tables.decay), kind=weights_and_slopes.NETWORKS, cell=a1i.RELU)
    table = sample(swept(table))
    if table.empty:
        return nothing("a ReLU network over the gain")
    figure, (ax,) = panels([f"rate of a ReLU RNN’s gradient and its two parts, {RATE}"], GAIN, height=3.2)
    ax.axhline(0, color="black", linewidth=0.8)
    for column, (label, style) in PARTS.items():
        against_gain(ax, table, column, label, style)
    found = spread(table[np.isfinite(table["rate"])], ["gain"])
    bars = found[["effect", "low", "high"]].set_index(found["gain"]).dropna()
    ax.errorbar(bars.index, bars["effect"], [bars["effect"] - bars["low"], bars["high"] - bars["effect"]],
                fmt=marker(a1i.RELU), color="black", markersize=5, capsize=2)  # fmt: skip
    mark_crossings(
        ax, _ends(a1i.measure(a1i.models(tables), rnn_trends.LOST.value), (a1i.RELU,)), lambda _: 0.0
    )
    scale(ax, table)
    return figure


def _ends(evidence: pd.DataFrame, cells: tuple[str, ...]) -> pd.DataFrame:
    """Return the lines at which a loss ends, of these cells."""
    return select(evidence[evidence["line"].notna()], cell=cells) if "line" in evidence else evidence.head(0)


def a1j_figure(tables: Tables) -> Figure:
    """Draw the rate of the LSTM, in total and along its cell, and of the tanh RNN against the gain."""
    table = sample(swept(a1j.rows(tables)))
    if table.empty:
        return nothing("an LSTM over the gain")
    figure, (ax,) = panels([f"rate of the gradient, {RATE}"], GAIN, height=3.4)
    ax.axhline(0, color="black", linewidth=0.8)
    rival, lstm = select(table, cell=a1j.RIVAL), select(table, cell="lstm")
    against_gain(ax, rival, "rate", names.cell(a1j.RIVAL), look(a1j.RIVAL) | {"marker": marker(a1j.RIVAL)})
    for bias, style in bias_looks(bias_order(lstm["forget_bias"])).items():
        own, dashed = select(lstm, forget_bias=bias), {"color": style["color"], "linestyle": (0, (2, 2))}
        total = {"color": style["color"], "marker": marker("lstm")}
        against_gain(ax, select(own, quantity="loss_state"), "rate", f"LSTM, bias {bias}", total)
        against_gain(ax, select(own, quantity="cec"), "rate", f"bias {bias}, carousel", dashed)
    scale(ax, table)
    return figure


def a2f_figure(tables: Tables) -> Figure:
    """Draw what is left of the gradient at LAG against the gain by activation, and where vanishing ends."""
    measured, judged = rnn_trends.slopes(tables.decay), rnn_trends.models(tables)
    table = sample(swept(measured)) if len(measured) else measured
    cells = [cell for cell in (a2f.RELU, *a2f.SATURATING) if (table["cell"] == cell).any()]
    if not cells:
        return nothing("vanilla RNNs over the gain")
    figure, (ax,) = panels([f"left of the gradient at lag {LAG}"], GAIN, height=3.4)
    for cell in cells:
        own = select(table, cell=cell)
        against_gain(ax, own, "left", names.cell(cell), look(cell) | {"marker": marker(cell)})
    ax.axhline(VANISHED, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    ends = rnn_trends.measure(judged, "left", rnn_trends.LOST.value) if len(judged) else judged
    mark_crossings(ax, _ends(ends, (a2f.RELU, *a2f.SATURATING)), lambda _: VANISHED, above=a2f.RELU)
    powers(ax)
    scale(ax, table)
    return figure
