"""One look for all figures: a line style for every cell and forget bias, and the same bytes each time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from carousel.axes import BACKENDS, REFERENCE
from carousel.report import names
from carousel.report.figures.labels import TEXT, end_label, spread_labels

LAG = "lag: steps back from the loss"
DOTTED = " and ".join(entry.label for name, entry in BACKENDS.items() if name != REFERENCE)
LAG_BY_BACKEND = f"{LAG}\n(lines: {BACKENDS[REFERENCE].label}, dots: {DOTTED})"
RATE = "decades per step"
CROWDED = 8  # forget biases: the names of more than so many stand upright
WIDTH, HEIGHT = 5.6, 3.6  # inches: 403 by 259 px, so that text of 11 px stays 11 px on a screen of 400
GREY = "#6b6b6b"
RC: dict[Any, Any] = {
    "svg.hashsalt": "carousel",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Verdana", "sans-serif"],
    "font.size": TEXT,
    "axes.titlesize": TEXT,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
    "savefig.facecolor": "white",
}
# cell -> colour (Okabe and Ito 2008, distinct for the colour-blind), dashes (distinct in grey), marker
LOOKS: dict[str, tuple[str, tuple, str]] = {
    "rnn_sigmoid": ("#D55E00", (0, (1, 1)), "v"),
    "rnn_tanh": ("#E69F00", (0, (5, 1)), "s"),
    "rnn_relu": ("#CC79A7", (0, (3, 1, 1, 1)), "^"),
    "rnn_linear": ("#777777", (0, (1, 3)), "D"),
    "lstm97": ("#000000", (0, ()), "*"),
    "lstm": ("#0072B2", (0, ()), "o"),
    "lstm_peephole": ("#56B4E9", (0, (6, 2)), "P"),
    "gru": ("#009E73", (0, (8, 2, 1, 2)), "X"),
}
DASHES = [(0, (1, 1)), (0, (3, 1, 1, 1)), (0, (4, 1.5)), (0, (8, 2)), (0, (8, 2, 1, 2)), (0, ())]


@contextmanager
def style() -> Iterator[None]:
    """Apply the look to the figures made and saved inside."""
    with mpl.rc_context(RC):
        yield


def look(cell: str) -> dict:
    """Return colour and dashes of a cell's line."""
    colour, dashes, _ = LOOKS.get(cell, (GREY, (0, (2, 2)), "."))
    return {"color": colour, "linestyle": dashes}


def marker(cell: str) -> str:
    """Return a cell's marker."""
    return LOOKS[cell][2] if cell in LOOKS else "."


def bias_looks(biases: Sequence[str]) -> dict[str, dict]:
    """Return colour and dashes per forget bias, light and broken to dark and whole."""
    colours = sns.color_palette("crest", max(len(biases), 2))
    dashes = [DASHES[round(i)] for i in np.linspace(0, len(DASHES) - 1, max(len(biases), 2))]
    return {
        bias: {"color": mpl.colors.to_hex(colours[i]), "linestyle": dashes[i]}
        for i, bias in enumerate(biases)
    }


def panels(
    titles: Sequence[str], xlabel: str, height: float = HEIGHT, stacked: bool = True
) -> tuple[Figure, list]:
    """Return a figure with one axes per title (what y is, and its unit), one above the other or side by side."""
    shape = (len(titles), 1) if stacked else (1, len(titles))
    figure = Figure(figsize=(WIDTH, height))
    axes = figure.subplots(*shape, squeeze=False).ravel().tolist()
    for ax, title in zip(axes, titles, strict=True):
        ax.set_title(title)
    for ax in axes[-1:] if stacked else axes:
        ax.set_xlabel(xlabel)
    return figure, axes


def nothing(what: str) -> Figure:
    """Return a figure that says that the study holds nothing to draw."""
    figure, (ax,) = panels([""], "", height=1.2)
    ax.axis("off")
    ax.text(0.5, 0.5, f"This study did not measure {what}.", ha="center", va="center", transform=ax.transAxes)
    return figure


def powers(ax: Axes) -> None:
    """Write an axis of log10 values as powers of ten, and 1 for 10^0."""
    ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: "1" if y == 0 else f"1e{y:g}"))


def draw_curve(ax: Axes, table: pd.DataFrame, label: str, look: dict) -> None:
    """Draw log10 norm against lag as a line, with its label at the end."""
    rows = table[np.isfinite(table["log10_norm"])]
    if len(rows):
        ax.plot(rows["lag"], rows["log10_norm"], **look)
        end_label(ax, rows["lag"].iloc[-1], rows["log10_norm"].iloc[-1], label, look["color"])


def evenly(lags: np.ndarray, count: int = 9) -> np.ndarray:
    """Return the positions, in ascending lags, of those nearest to ``count`` evenly spaced ones."""
    wanted = np.linspace(lags[0], lags[-1], count)
    return np.unique(np.abs(lags[None] - wanted[:, None]).argmin(axis=1))


def draw_settings(ax: Axes, table: pd.DataFrame, x: str, y: str, cell: str, label: str = "") -> None:
    """Draw the cell's mark per setting; those of a ``library``'s defaults larger, on top and with a black edge."""
    colour, shape = look(cell)["color"], marker(cell)
    usual, own = table["library"] != "", table["library"] == ""
    ax.plot(table.loc[own, x], table.loc[own, y], shape, color=colour, markersize=5, alpha=0.7,
            label=label or names.cell(cell))  # fmt: skip
    ax.plot(table.loc[usual, x], table.loc[usual, y], shape, color=colour, markersize=8, markeredgecolor="black",
            zorder=3)  # fmt: skip


def band(ax: Axes, low: float, high: float, label: str) -> None:
    """Shade the values that count as ``label``, which the legend explains."""
    ax.axhspan(low, high, color="#cfcfcf", zorder=0, linewidth=0, label=label)


def legend(figure: Figure, columns: int) -> None:
    """Write one legend below all axes, where it covers no data."""
    handles = {
        label: handle
        for ax in figure.axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    figure.legend(handles.values(), handles, frameon=False, loc="outside lower center", ncols=columns)


def bias_axis(ax: Axes, order: Sequence[str]) -> None:
    """Name the forget biases along the x axis, upright where they are many; of chrono biases the steps alone."""
    short = [
        names.forget_bias(bias).replace("chrono for ", "chrono ").removesuffix(" steps") for bias in order
    ]
    ax.set_xticks(range(len(order)), ["no forget\ngate" if bias == "none" else bias for bias in short])
    if len(order) > CROWDED:
        ax.tick_params(axis="x", labelrotation=90)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG: text as text, no date, same figure same bytes."""
    canvas, dpi = FigureCanvasSVG(figure), figure.dpi
    spread_labels(figure)  # with the text sizes of SVG, so that once is enough to lay it out
    figure.set_layout_engine("none")
    figure.dpi = dpi
    canvas.print_svg(path, metadata={"Date": None, "Creator": None})  # type: ignore[no-untyped-call]
