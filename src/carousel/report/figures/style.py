"""One look for all figures: their two widths, and a line style for every cell, route and forget bias."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from carousel.analysis.text import as_number, power
from carousel.axes import BACKENDS, REFERENCE
from carousel.report import names
from carousel.report.figures.labels import LETTER, TEXT, end_label

LAG = "lag: steps back from the loss"
DOTTED = " and ".join(entry.label for name, entry in BACKENDS.items() if name != REFERENCE)
LAG_BY_BACKEND = f"{LAG}\n(lines: {BACKENDS[REFERENCE].label}, dots: {DOTTED})"
RATE = "decades per step"
NUMBERS = (-1.0, 10.0)  # forget biases that stand on an axis at their value
APART = 1.4  # between those that do not
KEY = 8  # letters that the key of a line in a legend is wide
WIDE, NARROW = 7.4, 3.8  # inches: shown 720 and 400 pixels wide, text of TEXT points has 13 and 14 pixels
HEIGHT = 3.0  # inches of a row of panels
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
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.8,
    "figure.constrained_layout.use": True,
}
# cell -> colour (after Okabe and Ito 2008: distinct for the colour-blind), dashes (distinct in grey), marker
LOOKS: dict[str, tuple[str, tuple, str]] = {
    "rnn_sigmoid": ("#D55E00", (0, (1, 1)), "v"),
    "rnn_tanh": ("#C27A00", (0, (5, 1)), "s"),
    "rnn_relu": ("#C0609A", (0, (3, 1, 1, 1)), "^"),
    "rnn_linear": ("#777777", (0, (1, 3)), "D"),
    "lstm97": ("#000000", (0, ()), "*"),
    "lstm": ("#0072B2", (0, ()), "o"),
    "lstm_peephole": ("#3E97CF", (0, (6, 2)), "P"),
    "gru": ("#008F68", (0, (8, 2, 1, 2)), "X"),
}
# route -> words, look: the colours are the page's, in the drawing of the cell and in its first figure
PATHS: Mapping[str, tuple[str, dict]] = {
    "full": ("all routes", {"color": "#0b5394", "linestyle": (0, ())}),
    "cell": ("carousel alone", {"color": "#b3550a", "linestyle": (0, (6, 2))}),
    "candidate": ("gates frozen", {"color": "#0b6b3a", "linestyle": (0, (3, 1, 1, 1))}),
    "gates": ("through the gates’ slopes", {"color": "#a3262b", "linestyle": (0, (1, 1))}),
}
BLUES = "#4292c6", "#08306b"  # of an LSTM by forget bias
DASHES = [(0, (1, 1)), (0, (3, 1, 1, 1)), (0, (4, 1.5)), (0, (8, 2)), (0, (8, 2, 1, 2)), (0, ())]


@contextmanager
def style(width: float = WIDE) -> Iterator[None]:
    """Apply the look to the figures made inside, which are ``width`` inches wide: WIDE, or NARROW for a phone."""
    with mpl.rc_context(RC | {"figure.figsize": (width, HEIGHT)}):
        yield


def width() -> float:
    """Return the width in inches of the figures made here."""
    return float(mpl.rcParams["figure.figsize"][0])


def narrow() -> bool:
    """Are the figures made here for a phone?"""
    return width() < WIDE


def look(cell: str) -> dict:
    """Return colour and dashes of a cell's line."""
    colour, dashes, _ = LOOKS.get(cell, (GREY, (0, (2, 2)), "."))
    return {"color": colour, "linestyle": dashes}


def marker(cell: str) -> str:
    """Return a cell's marker."""
    return LOOKS[cell][2] if cell in LOOKS else "."


def bias_looks(biases: Sequence[str]) -> dict[str, dict]:
    """Return colour and dashes per forget bias, light and broken to dark and whole."""
    steps = np.linspace(0, 1, max(len(biases), 2))
    colours = mpl.colors.LinearSegmentedColormap.from_list("biases", BLUES)(steps)
    dashes = [DASHES[round(i)] for i in steps * (len(DASHES) - 1)]
    return {
        bias: {"color": mpl.colors.to_hex(colours[i]), "linestyle": dashes[i]}
        for i, bias in enumerate(biases)
    }


def panels(
    titles: Sequence[str], xlabel: str, height: float | Sequence[float] = HEIGHT, columns: int = 2
) -> tuple[Figure, list[Axes]]:
    """Return a figure with one axes per title (what y is, and its unit), as its width allows.

    height: inches of a row of panels, with its titles and labels, or of each row. columns: panels in a row; one in a
    narrow figure. The label of the x axis stands below the lowest panel of each column.
    """
    columns = 1 if narrow() else min(columns, len(titles))
    rows = -(-len(titles) // columns)
    heights = [height] * rows if isinstance(height, int | float) else [*height]
    figure = Figure(figsize=(width(), sum(heights)))
    axes = figure.subplots(rows, columns, squeeze=False, height_ratios=heights).ravel().tolist()
    for ax, title in zip(axes, titles, strict=False):
        ax.set_title(title)
    for ax in axes[len(titles) :]:
        ax.remove()
    for ax in axes[max(len(titles) - columns, 0) : len(titles)]:
        ax.set_xlabel(xlabel)
    return figure, axes[: len(titles)]


def nothing(what: str) -> Figure:
    """Return a figure that says that the study holds nothing to draw."""
    figure, (ax,) = panels([""], "", height=0.7)
    ax.axis("off")
    said = textwrap.fill(f"This study did not measure {what}.", int(0.9 * width() / LETTER))
    ax.text(0.5, 0.5, said, ha="center", va="center", transform=ax.transAxes)
    return figure


def powers(ax: Axes, axis: str = "y") -> None:
    """Write an axis of log10 values as powers of ten, and 1 for 10^0."""
    written = ax.yaxis if axis == "y" else ax.xaxis
    written.set_major_formatter(FuncFormatter(as_power))
    low, high = sorted(written.get_view_interval())
    if high - low > 2:
        written.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 2.5, 3, 5, 10]))


def as_power(decades: float, _: float | None = None) -> str:
    """Write a place on an axis of log10 values; the data of a figure say by it that an axis is one."""
    return in_tens(decades)


def in_tens(decades: float) -> str:
    """Return 10^decades: a power of ten, or a number where it lies between two."""
    if round(decades, 6) == 1:
        return "10"
    return power(decades) if abs(decades - round(decades)) < 1e-6 else f"{10.0**decades:.2g}"


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
    """Write one legend below all axes, where it covers no data, in so many columns or as many as there is room for."""
    handles = {
        label: handle
        for ax in figure.axes
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
    }
    letters = max(map(len, handles), default=1) + KEY
    columns = max(min(columns, int(width() / (letters * LETTER))), 1)
    figure.legend(handles.values(), handles, frameon=False, loc="outside lower center", ncols=columns)


FLAT = 6  # names of schemes that fit side by side on a wide figure


def bias_places(order: Sequence[str]) -> dict[str, float]:
    """Return where each forget bias stands on an axis: a number at itself, none left of them, schemes right of them.

    A number outside NUMBERS stands on its side as a scheme does. order: as `bias_order` gives it.
    """
    numbers = {bias: as_number(bias) for bias in order}
    inside = {bias: number for bias, number in numbers.items() if NUMBERS[0] <= number <= NUMBERS[1]}
    left = [bias for bias in order if bias == "none" or numbers[bias] < NUMBERS[0]]
    right = [bias for bias in order if bias not in inside and bias not in left]
    first, last = min(inside.values(), default=0.0), max(inside.values(), default=0.0)
    lower = {bias: first - APART * (len(left) - k) for k, bias in enumerate(left)}
    return lower | inside | {bias: last + APART * (k + 1) for k, bias in enumerate(right)}


def bias_axis(ax: Axes, order: Sequence[str]) -> None:
    """Name the forget biases at their `bias_places` along the x axis, chrono biases by the steps they are drawn for."""
    places = bias_places(order)
    numbers = [place for bias, place in places.items() if place == as_number(bias)]
    for edge in {min(numbers, default=0.0) - APART / 2, max(numbers, default=0.0) + APART / 2}:
        if min(places.values()) < edge < max(places.values()):
            ax.axvline(edge, color="#cfcfcf", linewidth=0.8, zorder=0)
    drawn = [bias for bias in places if bias.startswith("chrono")]
    ax.set_xticks([*places.values()], [_short(bias, len(drawn) > 1) for bias in places])
    ax.set_xlim(min(places.values()) - APART / 2, max(places.values()) + APART / 2)
    crowded = len(places) - len(numbers) > FLAT or len(drawn) > 1
    if crowded or narrow() or ax.get_subplotspec().get_gridspec().ncols > 1:  # type: ignore[union-attr]
        for label, bias in zip(ax.get_xticklabels(), places, strict=True):
            upright = places[bias] in numbers and (len(bias) == 1 or not narrow())
            label.set_rotation(0 if upright else 90)
    if len(drawn) > 1 and ax.get_xlabel():
        ax.set_xlabel(f"{ax.get_xlabel()} (last: chrono for so many steps, T for the sequence’s length)")


def _short(bias: str, several: bool) -> str:
    """Return a forget bias, short enough for its place on an axis: of several chrono biases the steps."""
    scheme, _, steps = bias.partition(":")
    if scheme == "chrono" and several:
        return f"{int(steps):,}" if steps else "T"
    if as_number(bias) < NUMBERS[0] or as_number(bias) > NUMBERS[1]:
        return f"fixed {bias}"
    return names.forget_bias(bias).removesuffix(" steps")
