"""Theory against measurement: the rates of the settings that a closed form covers, a row for each law."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.text import number
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.figures.data import jitter, sample
from carousel.report.figures.style import GREY, RATE, legend, look, marker, nothing, panels

TITLE = f"measured and predicted rate: how far apart, {RATE} (and of how many settings)"
ROW = 0.34  # inches
LEAST = 1e-17  # decades per step: rounding; what is exact stands here
MOST = 40  # marks of one cell in a row


def covered(summary: pd.DataFrame) -> pd.DataFrame:
    """Return the settings before training that a law covers, on one backend, with ``finite`` and ``gap``.

    gap: |rate - theory|, decades per step. The law of the gates is held against their product alone, of which the
    derivative along the cell is a second reading.
    """
    rows = summary[(summary["law"] != "") & (summary["trained"] == "no") & (summary["quantity"] != "cec")]
    rows = sample(rows)
    finite = np.isfinite(rows["rate"]) & np.isfinite(rows["theory"])
    return rows.assign(finite=finite, gap=(rows["rate"] - rows["theory"]).abs().where(finite))


def gaps(summary: pd.DataFrame) -> pd.DataFrame:
    """Return a row per law: law, settings, median and largest gap, left_out (not finite), and alike.

    alike: of those left out, how many are infinite on both sides alike.
    """
    rows = covered(summary)
    rows = rows.assign(left_out=~rows["finite"], alike=~rows["finite"] & (rows["rate"] == rows["theory"]))
    return (
        rows.groupby("law", observed=True, sort=False)
        .agg(
            settings=("rate", "size"),
            median=("gap", "median"),
            largest=("gap", "max"),
            left_out=("left_out", "sum"),
            alike=("alike", "sum"),
        )
        .reset_index()
    )


def figure(summary: pd.DataFrame) -> Figure:
    """Draw a row per law: how far the measured rate of each setting is from the predicted one, and their median."""
    rows = covered(summary)
    shown = rows[rows["finite"]]
    if shown.empty:
        return nothing("a rate that a closed form predicts")
    labels = list(dict.fromkeys(shown["law"]))
    drawing, (ax,) = panels([TITLE], "", ROW * len(labels) + 1.2)
    for place, law in enumerate(labels):
        _law(ax, shown[shown["law"] == law], -place)
    ax.axvline(STEADY, color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.annotate(f"a factor of 2 in {LAG} steps", (STEADY, 1), (-3, -2), ("data", "axes fraction"), "offset points",
                ha="right", va="top", color=GREY)  # fmt: skip
    counts = shown["law"].value_counts()
    ax.set_yticks(-np.arange(len(labels)), [f"{law} ({counts[law]})" for law in labels])
    ax.set_ylim(0.4 - len(labels), 1.2)
    ax.set_xscale("log")
    legend(drawing, 4)
    return drawing


def _law(ax: Axes, rows: pd.DataFrame, y: int) -> None:
    """Draw the gaps of one law in a row, a marker per cell, no more than MOST of a cell, the largest among them."""
    for cell, own in rows.groupby("cell", observed=True):
        gaps = np.sort(own["gap"].clip(lower=LEAST).to_numpy())
        gaps = gaps[np.unique(np.linspace(0, len(gaps) - 1, MOST).round().astype(int))]
        colour = look(str(cell))["color"]
        ax.plot(gaps, y + 0.8 * jitter(len(gaps)), marker(str(cell)), color=colour, markersize=4, alpha=0.6,
                label=names.cell(str(cell)))  # fmt: skip
    ax.plot(
        max(rows["gap"].median(), LEAST),
        y,
        "|",
        color="black",
        markersize=16,
        markeredgewidth=2,
        label="median",
    )


def alt(summary: pd.DataFrame) -> str:
    """Return the picture in words: how far each law is from what was measured."""
    found = gaps(summary)
    if not len(found):
        return "No closed form covers a setting of this study."
    each = "; ".join(
        f"{row.law}, {row.settings - row.left_out} settings"
        + (
            f", gap {number(row.median)} in the median, {number(row.largest)} at most"
            if row.largest >= 0
            else ""
        )
        for row in found.itertuples()
    )
    return (
        f"How far the measured rate is from the predicted one, in decades per step, a row per law: {each}. "
        f"Not drawn: {found['left_out'].sum()} settings without a finite rate."
    )
