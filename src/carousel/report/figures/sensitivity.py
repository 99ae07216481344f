"""Figures of what the recurrent weights do: the split into weights and slopes, ReLU, and the scale of the weights."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order
from carousel.axes import STANDARD_DRIVE
from carousel.claims import (
    a1b_weight_factor as a1b,
    a1i_relu_weight_scale as a1i,
    a1j_recurrent_weights as a1j,
    a2f_relu_activation as a2f,
    rnn_trends,
    weights_and_slopes,
)
from carousel.claims.claim import Tables
from carousel.claims.evidence import ALONG_GAIN
from carousel.claims.rules import VANILLA
from carousel.report import names
from carousel.report.figures.data import comparable, curves, prefer, sample, settings
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    LAG,
    RATE,
    band,
    bias_looks,
    draw_curve,
    draw_settings,
    legend,
    look,
    marker,
    nothing,
    panels,
    powers,
)

GAIN = f"gain of the recurrent weights, at drive {STANDARD_DRIVE}"
CONSTANT = "constant: within a factor of 2 in 100 steps"
FLOOR = -2.4  # decades per step: the lowest slopes' part that A1b shows of chains, and twice that of networks
SHOWN_GAINS = (0.25, 0.5, 1.0, 1.5, 2.0)  # of A2f: more lines than these hide each other
PARTS: Mapping[str, tuple[str, dict]] = {  # column -> words, look
    "rate": ("total", {"color": "#000000", "linestyle": (0, ())}),
    "weights": ("weights", {"color": "#0072B2", "linestyle": (0, (6, 2))}),
    "slopes": ("slopes", {"color": "#D55E00", "linestyle": (0, (1, 1))}),
}


def a1b_figure(tables: Tables) -> Figure:
    """Draw each setting's slopes' part against its weights' part: chains above, networks below."""
    table = a1b.rows(tables)
    if table.empty:
        return nothing("the parts of weights and slopes")
    table = settings(table, ["weights", "slopes"])
    titles = [
        f"slopes' part, {RATE}: chains h' = phi(w h)",
        f"slopes' part: networks at drive {STANDARD_DRIVE}",
    ]
    below = "(black edge: as libraries start them)"
    figure, axes = panels(titles, f"weights' part, {RATE}\n{below}", height=3.4)
    chains, networks = table[table["hidden"] == 1], table[table["hidden"] > 1]
    for ax, own, floor in zip(
        axes, (chains.assign(library=""), comparable(networks)), (FLOOR, FLOOR / 2), strict=True
    ):
        _plane(ax, own, floor)
    legend(figure, 3)
    return figure


def _plane(ax: Axes, table: pd.DataFrame, floor: float) -> None:
    """Draw one mark per setting, and the lines on which both parts are of one size."""
    for cell in VANILLA:
        rows = select(table, cell=cell)
        x, y = rows["weights"].clip(floor / 2, -floor / 2), rows["slopes"].clip(lower=floor)
        draw_settings(ax, rows.assign(weights=x, slopes=y), "weights", "slopes", cell)
    ax.plot([floor, 0, -floor], [floor, 0, floor], color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.set_xlim(0.54 * floor, -0.54 * floor)
    ax.set_ylim(1.08 * floor, -0.06 * floor)
    for x, y, lead in (
        (0.2, 0.25, "slopes lead"),
        (0.01, 0.62, "weights\nlead"),
        (0.99, 0.62, "weights\nlead"),
    ):
        side = "left" if x < 0.5 else "right"
        ax.annotate(lead, (x, y), xycoords="axes fraction", ha=side, va="center", color=GREY)


def swept(table: pd.DataFrame) -> pd.DataFrame:
    """Return the models of the longest sweep over the gain at the standard drive, with orthogonal weights if any."""
    table = select(table, slice=ALONG_GAIN, drive=STANDARD_DRIVE)
    if table.empty:
        return table
    keys = ["cell", "init", "forget_bias", "hidden", "length"]
    gains = table.groupby(keys, observed=True)["gain"].transform("nunique")
    return prefer(table[gains == gains.max()], "init", "orthogonal")


def a1h_figure(tables: Tables) -> Figure:
    """Draw what the slopes cost by activation against the gain, and the weights' part beside it."""
    table = sample(swept(select(weights_and_slopes.split(tables.decay), kind=weights_and_slopes.NETWORKS)))
    if table.empty:
        return nothing("the parts of weights and slopes over the gain")
    figure, (ax,) = panels([f"slopes' part of the gradient's rate, {RATE}"], GAIN, height=3.2)
    for cell in VANILLA:
        rows = select(table, cell=cell)
        if len(rows):
            _against_gain(ax, rows, "slopes", names.cell(cell), look(cell) | {"marker": marker(cell)})
    _against_gain(ax, table, "weights", "weights' part", {"color": GREY, "linestyle": (0, (6, 2))})
    _gains(ax, table)
    return figure


def _against_gain(ax: Axes, rows: pd.DataFrame, column: str, label: str, style: dict) -> None:
    """Draw the mean over the models of a column against the gain, with its label at the end."""
    middle = rows[np.isfinite(rows[column])].groupby("gain")[column].mean()
    if len(middle):
        ax.plot(middle.index, middle, markersize=5, **style)
        end_label(ax, middle.index[-1], middle.iloc[-1], label, style["color"])


def _gains(ax: Axes, table: pd.DataFrame) -> None:
    """Scale the x axis by the logarithm of the gain, with a tick at most gains."""
    ax.set_xscale("log")
    gains = sorted(table["gain"].unique())
    ticks = [gain for gain in gains if gain in SHOWN_GAINS] or gains
    ax.set_xticks(ticks, [f"{gain:g}" for gain in ticks])
    ax.xaxis.set_minor_locator(NullLocator())


def a1i_figure(tables: Tables) -> Figure:
    """Draw the ReLU network's rate against the gain with its intervals, its two parts, and the threshold."""
    table = select(weights_and_slopes.split(tables.decay), kind=weights_and_slopes.NETWORKS, cell=a1i.RELU)
    table = sample(swept(table))
    if table.empty:
        return nothing("a ReLU network over the gain")
    figure, (ax,) = panels([f"ReLU RNN: rate and its two parts, {RATE}"], GAIN, height=3.2)
    for column, (label, style) in PARTS.items():
        _against_gain(ax, table, column, label, style)
    found = spread(table[np.isfinite(table["rate"])], ["gain"])
    bars = found[["effect", "low", "high"]].set_index(found["gain"]).dropna()
    ax.errorbar(bars.index, bars["effect"], [bars["effect"] - bars["low"], bars["high"] - bars["effect"]],
                fmt=marker(a1i.RELU), color="black", markersize=5, capsize=2)  # fmt: skip
    at = a1i.threshold_gain(a1i.measure(a1i.models(tables), rnn_trends.LOST.value))
    if at:
        ax.axvspan(
            at.low,
            at.high,
            color="#56B4E9",
            alpha=0.35,
            linewidth=0,
            label="vanishing ends (95 % interval)",
        )
    band(ax, -STEADY, STEADY, CONSTANT)
    _gains(ax, table)
    legend(figure, 1)
    return figure


def a1j_figure(tables: Tables) -> Figure:
    """Draw the rate of the LSTM, in total and along its cell, and of the tanh RNN against the gain."""
    table = sample(swept(a1j.rows(tables)))
    if table.empty:
        return nothing("an LSTM over the gain")
    title = f"rate of the gradient, {RATE}\n(solid: total; dashed: along the cell, gates held)"
    figure, (ax,) = panels([title], GAIN, height=3.2)
    rival, lstm = select(table, cell=a1j.RIVAL), select(table, cell="lstm")
    _against_gain(ax, rival, "rate", names.cell(a1j.RIVAL), look(a1j.RIVAL) | {"marker": marker(a1j.RIVAL)})
    looks = bias_looks(bias_order(lstm["forget_bias"]))
    for bias, style in looks.items():
        own, dashed = select(lstm, forget_bias=bias), {"color": style["color"], "linestyle": (0, (2, 2))}
        total = {"color": style["color"], "marker": marker("lstm")}
        _against_gain(ax, select(own, quantity="loss_state"), "rate", f"LSTM, bias {bias}", total)
        _against_gain(ax, select(own, quantity="cec"), "rate", f"cell, bias {bias}", dashed)
    band(ax, -STEADY, STEADY, CONSTANT)
    _gains(ax, table)
    legend(figure, 1)
    return figure


def a2f_figure(tables: Tables) -> Figure:
    """Draw the gradient's norm against lag by gain, one panel per activation: ReLU, tanh and sigmoid."""
    table = swept(rnn_trends.rows(tables))
    cells = [cell for cell in (a2f.RELU, *a2f.SATURATING) if (table["cell"] == cell).any()]
    if not cells:
        return nothing("vanilla RNNs over the gain")
    titles = [f"{names.cell(cell)}: norm of the gradient" for cell in cells]
    figure, axes = panels(titles, LAG, height=2.6)
    gains = [gain for gain in sorted(table["gain"].unique()) if gain in SHOWN_GAINS]
    looks = bias_looks([f"{gain:g}" for gain in gains])
    for ax, cell in zip(axes, cells, strict=True):
        for gain, rows in curves(select(table, cell=cell, gain=gains), ["gain"]).groupby("gain"):
            draw_curve(ax, rows, f"gain {gain:g}", looks[f"{gain:g}"])
        powers(ax)
    _same_height(axes)
    return figure


def _same_height(axes: list[Axes]) -> None:
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())
