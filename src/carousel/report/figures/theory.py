"""Theory against measurement: the rates of the settings that a closed form covers, a panel for each law."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.text import number
from carousel.report import names
from carousel.report.figures.data import sample
from carousel.report.figures.style import RATE, legend, look, marker, nothing, width

COLUMNS = 2
PANEL = 2.3  # inches


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
    """Draw the measured rate with its interval against the predicted, and the diagonal."""
    rows = covered(summary)
    shown = rows[rows["finite"]]
    if shown.empty:
        return nothing("a rate that a closed form predicts")
    labels = list(dict.fromkeys(shown["law"]))
    lines = -(-len(labels) // COLUMNS)
    drawing = Figure(figsize=(width(), PANEL * lines + 1.1))
    axes = drawing.subplots(lines, COLUMNS, squeeze=False).ravel().tolist()
    for ax in axes[::COLUMNS]:
        ax.set_ylabel("measured")
    for ax, law in zip(axes, labels, strict=False):
        ax.set(title=law, xlabel="predicted")
        _law(ax, shown[shown["law"] == law])
    for ax in axes[len(labels) :]:
        ax.remove()
    title = f"rate by setting, {RATE}{_left_out(len(rows) - len(shown))}"
    drawing.suptitle(title, fontsize="medium", x=0.01, ha="left")
    legend(drawing, 3)
    return drawing


def _left_out(count: int) -> str:
    return f"\n(not drawn: {count} settings without a finite rate)" if count else ""


def _law(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the settings of one law on equal axes, a marker per cell."""
    ax.axline((0, 0), slope=1, color="black", linewidth=1)
    for cell, own in rows.groupby("cell", observed=True):
        colour = look(str(cell))["color"]
        x = own["theory"].to_numpy()
        ax.vlines(x, *own[["low", "high"]].replace(-np.inf, np.nan).to_numpy().T, color=colour, linewidth=1)
        ax.plot(x, own["rate"], marker(str(cell)), color=colour, markersize=4.5, alpha=0.8,
                label=names.cell(str(cell)))  # fmt: skip
    values = rows[["rate", "theory", "low", "high"]].to_numpy()
    values = values[np.isfinite(values)]
    space = 0.06 * max(float(np.ptp(values)), 0.1)
    ends = values.min() - space, values.max() + space
    ax.set(xlim=ends, ylim=ends)
    ax.locator_params(nbins=4)


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
        f"Measured against predicted rate in decades per step, with the line where both are equal: {each}. "
        f"Not drawn: {found['left_out'].sum()} settings without a finite rate."
    )
