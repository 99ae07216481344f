"""Figures of what was learned: the longest sequence solved, and the rate before training that should foretell it."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure

from carousel.analysis.stats.learning import longest_solved
from carousel.analysis.stats.resampling import interval
from carousel.analysis.text import bias_order
from carousel.claims import k3_longer_dependencies as k3
from carousel.claims.claim import Tables
from carousel.report import names
from carousel.report.figures.data import sample
from carousel.report.figures.samples import ROW
from carousel.report.figures.style import RATE, legend, look, marker, nothing, panels


def k3_figure(tables: Tables) -> Figure:
    """Draw the longest length solved by cell and task, and against the rate before training."""
    runs = beside(sample(longest_solved(tables.accuracy) if len(tables.accuracy) else tables.accuracy))
    if runs.empty:
        return nothing("how long a sequence the cells learn")
    tasks = sorted(runs["task"].astype(str).unique())
    labels = [f"longest sequence solved, steps: {names.task(task)}" for task in tasks]
    last = "longest sequence solved, by rate before training"
    parts = [runs[runs["task"] == task] for task in tasks]
    heights = [0.6 + ROW * len(part[["cell", "forget_bias"]].drop_duplicates()) for part in parts] + [2.4]
    figure, axes = panels([*labels, last], f"rate before training, {RATE}", height=1.0 + sum(heights))
    axes[0].get_gridspec().set_height_ratios(heights)
    for ax, part in zip(axes, parts, strict=False):
        _lengths(ax, part)
    _starts(axes[-1], sample(k3.starts(tables)))
    legend(figure, 3)
    return figure


def beside(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs by the full gradient of slices in which a tanh RNN was trained, too: those that K3 compares."""
    slices = runs.loc[runs["cell"] == "rnn_tanh", "slice"].unique()
    return runs[runs["slice"].isin(slices) & (runs["gradient"] == "full")]


def _lengths(ax: Axes, runs: pd.DataFrame) -> None:
    """Draw per cell and forget bias the mean of log2 of the longest length, with its interval."""
    groups = runs.groupby(["cell", "forget_bias"], observed=True)["octaves"]
    values = {(str(cell), str(bias)): group.to_numpy() for (cell, bias), group in groups}
    keys = sorted(values, key=lambda key: (key[0], bias_order(runs["forget_bias"]).index(key[1])))
    for i, key in enumerate(keys):
        mean, low, high = interval(values[key])
        colour = look(key[0])["color"]
        ax.plot([low, high], [i, i], color=colour)
        ax.plot(mean, i, marker(key[0]), color=colour, markersize=7)
    ax.set_yticks(range(len(keys)), [names.setting(cell, bias) for cell, bias in keys])
    _octaves(ax.xaxis, runs)


def _octaves(axis: Axis, runs: pd.DataFrame) -> None:
    """Label an axis of log2 of the length by the lengths themselves; below the shortest: none solved."""
    low, high = np.log2(runs["shortest_tried"].min()), np.log2(runs["longest_tried"].max())
    places = np.arange(low - 1, high + 0.01)
    axis.set_ticks(places, ["none", *(f"{2**place:g}" for place in places[1:])])


def _starts(ax: Axes, table: pd.DataFrame) -> None:
    """Draw one dot per setting: longest length solved against the rate before training."""
    keys = [name for name in [*k3.PLACE] if name in table]
    medians = table.groupby(keys, observed=True)[["rate", "octaves"]].mean().reset_index()
    for cell, rows in medians.groupby("cell", observed=True):
        ax.plot(rows["rate"].clip(lower=-2), rows["octaves"], marker(str(cell)), color=look(str(cell))["color"],
                markersize=7, label=names.cell(str(cell)))  # fmt: skip
    if len(table):
        _octaves(ax.yaxis, table)
