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
from carousel.report.figures.style import GREY, legend, look, narrow, nothing, panels

FEWEST = 5  # rows that a panel has room for: what stands around them needs as much
ROW, HEAD, KEY = 0.2, 1.2, 1.3  # inches: a row, what stands above and below the rows of a panel, the legend
DOT, LIFT = (
    0.19,
    0.17,
)  # octaves and rows between the seeds of a setting that learned as long, two above each other
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
    tasks = sorted(found["task"].astype(str).unique())
    titles = [_title(task, *(said.get((task, kind), "") for kind in (LONGER, RANKS))) for task in tasks]
    settings = ordered(found)
    height = ROW * max(len(settings), FEWEST) + HEAD
    figure, axes = panels(titles, LONGEST, height if narrow() else height + KEY, columns=3)
    for ax, task in zip(axes, tasks, strict=True):
        _draw(ax, select(found, task=task), settings)
        _octaves(ax, found)
        for label in ax.get_yticklabels():
            label.set_visible(narrow() or ax is axes[0])
    _explain(axes[0])
    legend(figure, 4)
    return figure


def ordered(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the settings, most of the gradient left first: ``left`` is the median over the seeds and the tasks."""
    table = runs.groupby(PLACE, sort=False)["left"].median().reset_index()
    return table.sort_values("left", ascending=False, kind="stable", na_position="last", ignore_index=True)


def _title(task: str, longer: str, order: str) -> str:
    """Return what stands above the panel of a task: its name, and what was found."""
    return "\n".join(filter(None, [names.task(task), longer, order]))


def _draw(ax: Axes, runs: pd.DataFrame, settings: pd.DataFrame) -> None:
    """Draw the settings of one task, with what is left of the gradient of each at the right."""
    place: dict[str, Any] = {"textcoords": "offset points", "va": "center", "annotation_clip": False}
    for i, (cell, init, bias, _) in enumerate(settings.itertuples(index=False)):
        own = select(runs, cell=cell, init=init, forget_bias=bias)
        if len(own):
            _row(ax, own, -i, (cell, init) == (RIVAL["cell"], RIVAL["init"]))
            ax.annotate(share(own["left"].median()), (1, -i), (4, 0), ("axes fraction", "data"), **place)
    ax.annotate("left", (1, 0), (4, -9), "axes fraction", color=GREY, **place)
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
        place = np.arange(len(own))
        x = float(octaves) + DOT * (place // 2 - (len(own) - 1) // 2 / 2)
        ax.plot(x, y + LIFT * (1 - 2 * (place % 2)) * (len(own) > 1), shape, color=colour, markersize=2.6,
                markeredgewidth=0.7, markerfacecolor=colour if filled else "white")  # fmt: skip
    ax.plot(mean, y, "|", **MEAN)


def _octaves(ax: Axes, runs: pd.DataFrame) -> None:
    """Label an axis of log2 of the length by the lengths themselves; one octave below the shortest: none learned."""
    low, high = np.log2(runs["shortest_tried"].min()) - 1, np.log2(runs["longest_tried"].max())
    places = np.arange(low, high + 0.01)
    ax.set_xlim(low - 0.5, high + 0.5)
    ax.set_xticks(places, ["none", *(f"{2**place:g}" for place in places[1:])])
    ax.tick_params(axis="x", labelrotation=0 if narrow() else 90)


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
