"""Lyapunov exponents: the whole spectrum, by cell and forget bias, and its sum beside the determinant's."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from carousel.analysis.stats.tables import MODEL, select
from carousel.analysis.text import bias_order, number
from carousel.report import names
from carousel.report.figures.data import sample, usual
from carousel.report.figures.labels import end_label
from carousel.report.figures.story import MAIN, STORY
from carousel.report.figures.style import GREY, RATE, bias_looks, legend, look, nothing, panels
from carousel.tables.runs import Runs

SHOWN = ("rnn_tanh", "lstm97", "lstm")


def main_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the story's cells (of the first four where there are none) at the main forget biases."""
    seen = list(dict.fromkeys(rows["cell"].astype(str)))
    wanted = [cell for cell in seen if cell in STORY] or seen[:4]
    return rows[rows["cell"].isin(wanted) & rows["forget_bias"].isin(["none", *MAIN])]


def spectra(dynamics: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return cell, forget_bias, index, value and error before training: medians over the repetitions."""
    rows = main_cells(sample(usual(select(dynamics, quantity="lyapunov"))))
    keys = ["cell", "forget_bias", "index"]
    return (
        rows.astype({"cell": str, "forget_bias": str})
        .groupby(keys)[["value", "error"]]
        .median()
        .reset_index()
    )


def figure(dynamics: pd.DataFrame | Runs) -> Figure:
    """Draw the exponents against their number, with bands of two standard errors; lost directions end a line."""
    table = spectra(dynamics)
    shown = table[table["cell"].isin(SHOWN) & np.isfinite(table["value"])]
    shown = shown if len(shown) else table[np.isfinite(table["value"])]
    if shown.empty:
        return nothing("Lyapunov exponents")
    drawing, (ax,) = panels([f"Lyapunov exponent, {RATE}"], "number of the exponent, the largest first", 3.6)
    looks = bias_looks(bias_order(shown.loc[shown["cell"] == "lstm", "forget_bias"]))
    for (cell, bias), rows in shown.groupby(["cell", "forget_bias"]):
        _spectrum(ax, rows, names.setting(cell, bias), looks[bias] if cell == "lstm" else look(cell))
    ax.axhline(0, color="black", linewidth=0.8)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    old = table.loc[table["cell"] == "lstm97", "index"]
    _memory(ax, int(old.max()) // 2 if len(old) else 0)
    if len(old):
        legend(drawing, 1)
    return drawing


def _spectrum(ax: Axes, rows: pd.DataFrame, label: str, style: dict) -> None:
    """Draw the exponents of one setting, with its label at the end."""
    ax.plot(rows["index"], rows["value"], **style, marker=".", markersize=4)
    low, high = (rows["value"] + side * rows["error"] for side in (-2, 2))
    ax.fill_between(rows["index"], low, high, color=style["color"], alpha=0.25, linewidth=0)
    end_label(ax, rows["index"].iloc[-1], rows["value"].iloc[-1], label, style["color"])


def _memory(ax: Axes, cells: int) -> None:
    """Mark where an LSTM has had one exponent per memory cell."""
    if cells:
        said = f"{cells} memory cells"
        ax.axvline(cells + 0.5, color=GREY, linewidth=1, linestyle=(0, (2, 2)), label=said)


def alt(dynamics: pd.DataFrame | Runs) -> str:
    """Return the picture in words: the largest and the smallest exponent of each setting."""
    table = spectra(dynamics)
    if table.empty:
        return "This study did not measure Lyapunov exponents."
    each = "; ".join(_ends(cell, bias, rows) for (cell, bias), rows in table.groupby(["cell", "forget_bias"]))
    return f"Lyapunov exponents in decades per step against their number, largest and smallest finite one: {each}."


def _ends(cell: str, bias: str, rows: pd.DataFrame) -> str:
    finite = rows.loc[np.isfinite(rows["value"]), "value"]
    name = names.setting(cell, bias)
    lost = f", lost directions: {len(rows) - len(finite)}" if len(finite) < len(rows) else ""
    return (
        f"{name} {number(finite.max())} and {number(finite.min())}{lost}"
        if len(finite)
        else f"{name}: all lost"
    )


class Determinants(NamedTuple):
    """Two readings of the mean log10 |det J| of the joint state's step, compared over `models` models.

    `largest`: the largest difference where both are finite (NaN: nowhere), in decades. `lost`: models for which both
    are -inf. `apart`: models for which only one is.
    """

    models: int
    largest: float
    lost: int
    apart: int


def determinants(dynamics: pd.DataFrame | Runs) -> Determinants:
    """Return how far the sum of all exponents is from the mean of log10 |det J|."""
    total, log_det = (
        select(dynamics, quantity=name).set_index(MODEL)["value"] for name in ("lyapunov_sum", "log_det")
    )
    both = pd.concat([total, log_det], axis=1, keys=["total", "log_det"]).dropna()
    finite = np.isfinite(both)
    gap = (both["total"] - both["log_det"])[finite.all(axis=1)].abs()
    none = (~finite).all(axis=1).sum()
    return Determinants(len(both), float(gap.max()), int(none), int(len(both) - len(gap) - none))
