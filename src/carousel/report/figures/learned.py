"""Learning against decay: the share of seeds that solve a length, by what the gradient loses over that length."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.text import number
from carousel.report import names
from carousel.report.figures.style import legend, look, marker, nothing, panels, powers

LEFT = "left of the gradient over the sequence, before training"
MOST = 12.0  # decades: what loses more stands at the edge
HALF = 0.5  # of the seeds: what counts as solved in the words below


def lost(learned: pd.DataFrame) -> pd.DataFrame:
    """Return the settings with a finite rate, with ``lost``: decades that a gradient loses over the sequence.

    learned: as `recommendations.learned` makes it. A gradient that grows loses fewer than none.
    """
    rows = learned[np.isfinite(learned["rate"])]
    return rows.assign(lost=-rows["rate"] * rows["length"])


def figure(learned: pd.DataFrame) -> Figure:
    """Draw a panel per task, a mark per setting and length, with the interval of the share."""
    rows = lost(learned)
    if rows.empty:
        return nothing("how long a sequence the cells learn")
    tasks = sorted(rows["task"].astype(str).unique())
    titles = [f"share of the runs that solve it: {names.task(task)}" for task in tasks]
    drawing, axes = panels(titles, LEFT, height=2.0)
    for ax, task in zip(axes, tasks, strict=True):
        _shares(ax, rows[rows["task"] == task])
        ax.set_xlim(-MOST - 0.4, 2.4)
        powers(ax, axis="x")
    legend(drawing, 3)
    return drawing


def _shares(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the settings of one task against what is left over the length; the line stands where all is left."""
    ax.axvline(0, color="black", linewidth=0.8)
    for cell, own in rows.groupby("cell", observed=True):
        colour, left = look(str(cell))["color"], (-own["lost"]).clip(-MOST, 2)
        ax.vlines(left, own["low"], own["high"], color=colour, linewidth=0.7, alpha=0.4)
        ax.plot(
            left, own["share"], marker(str(cell)), color=colour, markersize=5.5, label=names.cell(str(cell))
        )
    ax.set_ylim(-0.06, 1.06)
    ax.set_yticks([0, 0.5, 1], ["none", "half", "all"])


def alt(learned: pd.DataFrame) -> str:
    """Return the picture in words: what was lost where a length was solved, and where it was not."""
    rows = lost(learned)
    if rows.empty:
        return "This study did not measure how long a sequence the cells learn."
    solved = rows["share"] >= HALF
    parts = [
        f"{len(rows)} settings and lengths by the decades that a gradient loses over the sequence before training.",
        _spread(rows[solved], "Half of the seeds or more solve"),
        _spread(rows[~solved], "Fewer than half solve"),
    ]
    if solved.any():
        beyond = int((rows["lost"] > rows.loc[solved, "lost"].max()).sum())
        parts.append(f"{beyond} lose more than any that is solved.")
    return " ".join(parts)


def _spread(rows: pd.DataFrame, what: str) -> str:
    if rows.empty:
        return f"{what} none."
    low, middle, high = (number(value) for value in rows["lost"].quantile([0, 0.5, 1]))
    return f"{what} {len(rows)}; these lose {low} to {high}, {middle} in the median."
