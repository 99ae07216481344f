"""The figure of learning: the longest sequence that each seed learned, by setting, in the order of what is left."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.axes import LIBRARIES
from carousel.claims import k3_longer_dependencies as k3
from carousel.claims.claim import Tables
from carousel.claims.longest_learned import PLACE, RIVAL, seeds
from carousel.claims.longest_learned_text import LONGER, RANKS, in_short
from carousel.report import names
from carousel.report.figures.data import sample
from carousel.report.figures.labels import TEXT
from carousel.report.figures.style import GREY, legend, look, nothing, panels

ROW, HEAD = 0.2, 0.62  # inches: a row, and what stands above and below the rows of a panel
DOT = 0.075  # octaves from one seed of a setting to the next that learned as long
LEAST = -4.0  # decades: of less is only said that it is less
LONGEST = "longest sequence learned, steps"
SEEDS = {  # censored: marker, whether it is filled, and what the legend says
    "": ("o", True, "a seed, at the longest it learned"),
    "above": (">", False, "learned the longest tried"),
    "below": ("<", False, "learned none"),
}
MEAN: dict[str, Any] = {"color": "black", "markersize": 9, "markeredgewidth": 1.2}


def k3_figure(tables: Tables) -> Figure:
    """Draw a panel per task: a row per setting, that with most of its gradient left above, and a dot per seed."""
    if k3.rows(tables).empty:
        return nothing("how long a sequence the cells learn")
    found = sample(seeds(tables.accuracy, tables.decay))
    said = in_short(k3.CLAIM.evidence(tables))
    parts = {str(task): (part, ordered(part)) for task, part in found.groupby("task")}
    heights = [ROW * (len(settings) + 0.5) + HEAD for _, settings in parts.values()]
    figure, axes = panels([" \n "] * len(parts), LONGEST, heights, columns=1)
    for ax, (task, (runs, settings)) in zip(axes, parts.items(), strict=True):
        longer, order = (said.get((task, kind), "") for kind in (LONGER, RANKS))
        _head(ax, f"{names.task(task)}: {longer or LONGEST}", order)
        _draw(ax, runs, settings)
        _octaves(ax, found)
    _explain(axes[0])
    legend(figure, 2)
    return figure


def ordered(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of one task, most of the gradient left first: ``left`` is the median over the seeds."""
    table = runs.groupby(PLACE, sort=False)["left"].median().reset_index()
    return table.sort_values("left", ascending=False, kind="stable", na_position="last", ignore_index=True)


def _head(ax: Axes, first: str, second: str) -> None:
    """Write two lines above a panel from the figure's left edge on, and what stands in the column at its right."""
    place: dict[str, Any] = {"textcoords": "offset points", "fontsize": TEXT, "in_layout": False}
    edge = ("figure fraction", "axes fraction")
    ax.annotate(first, (0, 1), (3, 16), xycoords=edge, fontweight="bold", **place)
    ax.annotate(second, (0, 1), (3, 4), xycoords=edge, **place)
    ax.annotate("gradient left", (1, 1), (-3, 4), xycoords=edge, ha="right", **place)


def _draw(ax: Axes, runs: pd.DataFrame, settings: pd.DataFrame) -> None:
    place = ("axes fraction", "data")
    for i, (cell, init, bias, left) in enumerate(settings.itertuples(index=False)):
        own = select(runs, cell=cell, init=init, forget_bias=bias)
        _row(ax, own, -i, (cell, init) == (RIVAL["cell"], RIVAL["init"]))
        ax.annotate(share(left), (1, -i), (4, 0), xycoords=place, textcoords="offset points", va="center")
    ax.set_yticks(-np.arange(len(settings)), [named(*row[:3]) for row in settings.itertuples(index=False)])
    ax.set_ylim(0.4 - len(settings), 0.6)


def _row(ax: Axes, runs: pd.DataFrame, y: int, rival: bool) -> None:
    """Draw the seeds of one setting side by side at the length they learned; of the tanh RNN the mean as a line."""
    colour, mean = look(str(runs["cell"].iloc[0]))["color"], runs["octaves"].mean()
    if rival:
        ax.axvline(
            mean, color=colour, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1, label="mean of the tanh RNN"
        )
    for (octaves, censored), own in runs.groupby(["octaves", "censored"]):
        shape, filled, _ = SEEDS[str(censored)]
        x = float(octaves) + DOT * (np.arange(len(own)) - (len(own) - 1) / 2)
        ax.plot(x, np.full(len(own), y), shape, color=colour, markersize=3.4, markeredgewidth=0.8,
                markerfacecolor=colour if filled else "white")  # fmt: skip
    ax.plot(mean, y, "|", **MEAN)


def _octaves(ax: Axes, runs: pd.DataFrame) -> None:
    """Label an axis of log2 of the length by the lengths themselves; one octave below the shortest: none learned."""
    low, high = np.log2(runs["shortest_tried"].min()) - 1, np.log2(runs["longest_tried"].max())
    places = np.arange(low, high + 0.01)
    ax.set_xlim(low - 0.5, high + 0.5)
    ax.set_xticks(places, ["none", *(f"{2**place:g}" for place in places[1:])])


def _explain(ax: Axes) -> None:
    """Put the marks into the legend, in grey."""
    for shape, filled, label in SEEDS.values():
        ax.plot(
            [], [], shape, color=GREY, markersize=5, markerfacecolor=GREY if filled else "white", label=label
        )
    ax.plot([], [], "|", label="mean of a setting", **MEAN)


def named(cell: str, init: str, bias: str) -> str:
    """Return a setting, short enough for a label: cell and library, or cell, forget bias and init."""
    if init in LIBRARIES:
        return f"{names.cell(cell)}, {LIBRARIES[init]}"
    return names.setting(cell, bias) + ("" if init == RIVAL["init"] else f", {names.init(init)}")


def share(left: float) -> str:
    """Return what is left in percent; an em dash where it was not measured."""
    if np.isnan(left):
        return "\N{EM DASH}"
    return "< 0.01 %" if left < LEAST else f"{100 * 10.0**left:.2g} %"
