"""The phase diagram: the rate of decay over the recurrent weights' gain and the forget bias, and theory's border."""

from collections.abc import Callable

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import SymLogNorm, to_hex
from matplotlib.figure import Figure

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, number
from carousel.analysis.theory import spectral
from carousel.report import names
from carousel.report.figures.dark import PAPER, ratio
from carousel.report.figures.data import sample
from carousel.report.figures.style import nothing, panels

SLICE = "phase"
FIRST = ("lstm",)  # cells that stand first
WIDEST = 0.5  # decades per step at the ends of the colours
DEEP = 3.5  # contrast with paper from which on a number in a field is white: readable on dark paper too
COLOURS = "PuOr_r"  # told apart by the colour-blind; in grey the numbers say it


def lstm_border(gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the forget bias at which the zero state of an LSTM ceases to attract, and the gains."""
    return np.array([spectral.lstm_critical_bias(gain) for gain in gains]), gains


def gru_border(gains: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return all biases and the gain at which a GRU's zero state ceases to attract: u + (1 - u) rho / 2 = 1."""
    return np.linspace(-1, 10, len(gains)), np.full_like(gains, 2.0)


BORDERS: dict[str, Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]] = {
    "lstm": lstm_border,
    "gru": gru_border,
}


def grids(summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return per cell the rates: a row per gain, a column per forget bias, both ascending."""
    rows = select(summary, slice=SLICE, quantity="loss_state", path="full", trained="no")
    rows = sample(rows)
    rows = rows.assign(bias=rows["forget_bias"].astype(str).map(as_number)).dropna(subset=["bias"])
    return {
        str(cell): part.pivot_table(index="gain", columns="bias", values="rate")
        for cell, part in rows.groupby("cell", observed=True, sort=False)
    }


def figure(summary: pd.DataFrame) -> Figure:
    """Draw a map per cell, in each field the steps in which the gradient halves or doubles, and theory's border."""
    found = grids(summary)
    if not found:
        return nothing("gain against forget bias")
    found = {cell: found[cell] for cell in sorted(found, key=lambda cell: (cell not in FIRST, cell))}
    titles = [f"{names.cell(cell)}: steps to halve (+: to double)" for cell in found]
    drawing, axes = panels(titles, "forget bias", 3.2)
    for ax, (cell, grid) in zip(axes, found.items(), strict=True):
        _map(ax, grid)
        if cell in BORDERS:
            _border(ax, grid, BORDERS[cell])
        ax.set_ylabel("gain of the recurrent weights")
    drawing.legend(*axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center")
    return drawing


def _map(ax: Axes, grid: pd.DataFrame) -> None:
    colours = mpl.colormaps[COLOURS]
    norm = SymLogNorm(linthresh=STEADY, vmin=-WIDEST, vmax=WIDEST)
    edges = [np.arange(size + 1) - 0.5 for size in (grid.shape[1], grid.shape[0])]
    ax.pcolormesh(
        *edges, grid.to_numpy(), norm=norm, cmap=colours
    )  # not an image, of which no colour is dark's
    ax.set_xticks(range(grid.shape[1]), [f"{bias:g}" for bias in grid.columns])
    ax.set_yticks(range(grid.shape[0]), [f"{gain:g}" for gain in grid.index])
    ax.grid(False)
    for y, row in enumerate(grid.to_numpy()):
        for x, rate in enumerate(row):
            field = to_hex(colours(norm(rate)))
            ink = "white" if ratio(field, PAPER) > DEEP else "black"
            under = {"facecolor": field, "edgecolor": "none", "pad": 0.6}
            ax.text(x, y, in_steps(rate), ha="center", va="center", color=ink, bbox=under, zorder=3)


def in_steps(rate: float) -> str:
    """Return in how many steps a gradient of so many decades per step halves, or with a plus sign doubles."""
    if rate == 0:
        return "∞"
    steps = np.log10(2) / abs(rate)
    return ("+" if rate > 0 else "") + (f"{steps:.2g}" if steps < 99 else f"{steps:.0f}")


def _border(
    ax: Axes, grid: pd.DataFrame, border: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
) -> None:
    """Draw theory's border in the fields' own coordinates."""
    limits = ax.get_xlim(), ax.get_ylim()
    bias, gain = border(np.linspace(grid.index.min(), min(grid.index.max(), 3.99), 200))
    x = np.interp(bias, grid.columns, range(grid.shape[1]), np.nan, np.nan)
    y = np.interp(gain, grid.index, range(grid.shape[0]), np.nan, np.nan)
    label = "theory: decays below, without input"
    ax.plot(x, y, color="black", linewidth=1.2, linestyle=(0, (4, 2)), label=label)
    ax.set(xlim=limits[0], ylim=limits[1])


def alt(summary: pd.DataFrame) -> str:
    """Return the picture in words: the slowest and the fastest decay of each cell, and where."""
    found = grids(summary)
    if not found:
        return "This study did not measure gain against forget bias."
    each = "; ".join(f"{names.cell(cell)} {_ends(grid)}" for cell, grid in found.items())
    what = "Maps of the decay rate over gain and forget bias, in decades per step"
    return f"{what}. {each}. A line marks theory's border."


def _ends(grid: pd.DataFrame) -> str:
    flat = grid.stack()
    ends = [(flat.idxmin(), flat.min()), (flat.idxmax(), flat.max())]
    return " to ".join(f"{number(rate)} at gain {gain:g} and bias {bias:g}" for (gain, bias), rate in ends)
