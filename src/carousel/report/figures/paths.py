"""Figures of the paths that gradient takes through time: by path, by the carousel, and without one."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order
from carousel.claims import a1g_only_route as a1g, a4e_only_unchanged_flow as a4e
from carousel.claims.claim import Tables
from carousel.claims.evidence import planned
from carousel.report import names
from carousel.report.figures.data import curves, jitter, prefer, sample, settings, usual, valued
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    LAG,
    PATHS,
    bias_looks,
    draw_curve,
    legend,
    look,
    nothing,
    panels,
    powers,
)

KINDS = (
    ("lstm97", ("none",)),
    ("lstm", ("1", "0")),
    ("lstm", ("chrono", "10")),
)  # cell, forget biases to prefer
SHOWN = ("0", "1", "10", "chrono")  # forget biases whose curves are drawn, if there
PLACES: Mapping[str, dict] = {
    a4e.INSIDE: {"color": "#000000", "alpha": 0.7, "label": "in an LSTM, beside the carousel"},
    a4e.BEYOND: {"markerfacecolor": "white", "markeredgecolor": "#0072B2", "label": "without a carousel"},
}
EXACT = 1e-16  # decades: rounding; no change at all stands at the end of the axis
MOST = 1e3
MANY = 2.0  # times the total: what is more stands at the end of the axis


def gradients(tables: Tables, *paths: str) -> pd.DataFrame:
    """Return the rows that figures show of the state's gradient in the 1997 cell and the LSTM, on these paths."""
    return usual(select(tables.decay, quantity="loss_state", path=paths, cell=("lstm97", "lstm")))


def a1f_figure(tables: Tables) -> Figure:
    """Draw the gradient by path against lag: in the 1997 cell, behind a forget gate, and with chrono biases."""
    rows = gradients(tables, *PATHS)
    kinds: dict[tuple[str, str], pd.DataFrame] = {}
    for cell, biases in KINDS:
        found = prefer(rows[rows["cell"] == cell], "forget_bias", *biases)
        kinds |= {(cell, str(bias)): group for bias, group in found.groupby("forget_bias", observed=True)}
    if not kinds:
        return nothing("the paths of an LSTM's gradient")
    titles = [
        names.cell(cell) + ("" if cell == "lstm97" else f", forget bias {bias}") for cell, bias in kinds
    ]
    figure, axes = panels([f"{title}: norm of the gradient" for title in titles], LAG, 2.6)
    for ax, group in zip(axes, kinds.values(), strict=True):
        for path, found in curves(group, ["path"]).groupby("path", observed=True):
            draw_curve(ax, found[found["lag"] > 0], *PATHS[str(path)])
        powers(ax)
        ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return figure


def a1g_figure(tables: Tables) -> Figure:
    """Draw what did not go by the carousel, relative to the total: against lag by forget bias, and by gain."""
    rows = planned(a1g.rows(tables))
    if rows.empty:
        return nothing("the path along an LSTM's cell beside the total")
    figure, (ax, below) = panels(
        ["what did not go by the carousel, relative to the total", "the same, its least over the lags"],
        LAG,
        6.4,
    )
    _rests(ax, a1g.rests(sample(gradients(tables, "full", "cell"))))
    space = a1g.measure(Tables(rows, tables.accuracy, tables.dynamics))
    _least(below, settings(valued(space), ["value"]))
    for one in (ax, below):
        one.axhline(a1g.OTHER, color=GREY, linewidth=1, linestyle=(0, (2, 2)), label="half of the total")
    ax.set_xlabel(LAG)
    legend(figure, 2)
    return figure


def _rests(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the rest against lag, one curve for the 1997 cell and each forget bias."""
    table = table.assign(forget_bias=table["forget_bias"].astype(str))
    looks = bias_looks(bias_order(table.loc[table["cell"] == "lstm", "forget_bias"]))
    for (cell, bias), rows in table.groupby(["cell", "forget_bias"], observed=True):
        if cell == "lstm97" or bias in SHOWN:
            line = rows.groupby("lag")["rest"].median()
            chosen = look("lstm97") if cell == "lstm97" else looks[bias]
            ax.plot(line.index, line, **chosen)
            label = names.cell("lstm97") if cell == "lstm97" else f"bias {bias}"
            end_label(ax, line.index[-1], line.iloc[-1], label, chosen["color"])
    ax.set_ylim(0, None)


def _least(ax: Axes, table: pd.DataFrame) -> None:
    """Draw one dot per setting above the gain of its recurrent weights: filled before training, hollow after."""
    gains = sorted(table["gain"].unique())
    x = table["gain"].map({gain: i for i, gain in enumerate(gains)}).to_numpy(float) + jitter(len(table))
    start = (table["step"] == 0).to_numpy()
    y = table["value"].clip(upper=MANY)
    ax.plot(x[start], y[start], "o", color="#0072B2", markersize=4, alpha=0.7, label="at the start")
    if not start.all():
        ax.plot(x[~start], y[~start], "o", markerfacecolor="white", markeredgecolor="black", markersize=4,
                label="after training")  # fmt: skip
    ax.set_xticks(range(len(gains)), [f"{gain:g}" for gain in gains])
    ax.set_xlabel("gain of the recurrent weights")
    ax.set_ylim(0, 1.05 * MANY)
    ax.set_yticks([0, 0.5, 1, 1.5, MANY], ["0", "0.5", "1", "1.5", f"{MANY:g}+"])


def a4e_figure(tables: Tables) -> Figure:
    """Draw, cell by cell, by how much the gradient's norm changes at most on its way: one dot per setting."""
    space = valued(a4e.measure(tables)).dropna(subset=["value"])
    if space.empty:
        return nothing("routes beside the carousel")
    space = space.assign(cell=space["cell"].astype(str), value=space["value"].clip(EXACT, MOST))
    cells = list(space.groupby("cell")["value"].min().sort_values(ascending=False).index)
    figure, (ax,) = panels(
        ["largest change of the gradient's norm, decades"],
        "decades, up to nine tenths of the sequence (log axis)",
        0.25 * len(cells) + 1.7,
    )
    for place, marks in PLACES.items():
        rows = settings(space[space["place"] == place], ["value"])
        y = rows["cell"].map({cell: i for i, cell in enumerate(cells)}).to_numpy(float)
        ax.plot(rows["value"], y + 0.6 * jitter(len(rows)), "o", markersize=4, **marks)
    ax.axvline(a4e.UNCHANGED, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    ax.annotate("1 %", (a4e.UNCHANGED, 1), (-3, -2), xycoords=("data", "axes fraction"), ha="right", va="top",
                textcoords="offset points", color=GREY)  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(EXACT / 4, MOST * 4)
    ax.set_xticks([1e-16, 1e-12, 1e-8, 1e-4, 1], ["1e-16\nor less", "1e-12", "1e-8", "1e-4", "1"])
    ax.set_yticks(range(len(cells)), [names.cell(cell) for cell in cells])
    legend(figure, 2)
    return figure
