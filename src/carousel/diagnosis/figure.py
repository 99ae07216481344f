"""The figure of a diagnosis: decay by lag, Lyapunov exponents, gates."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from carousel.analysis.stats.tables import select
from carousel.diagnosis.sentence import SMALLEST
from carousel.report.figures.labels import end_label, spread_labels
from carousel.report.figures.style import DASHES, GREY, RATE, WIDE, panels, powers, style
from carousel.tables.quantities import member, of_kind

PANEL = 2.6  # inches
LAG = "lag: steps back from the last"
GATES = {
    "i": "input gate",
    "f": "forget gate",
    "o": "output gate",
    "r": "reset gate",
    "u": "update gate (1 keeps)",
}


def draw(
    decay: pd.DataFrame, exponents: pd.DataFrame, gates: pd.DataFrame, two_ways: bool, width: float = WIDE
) -> Figure:
    """Draw the tables of a Diagnosis, a line per layer and direction; `width` in inches, as `style` takes it."""
    titles = ["Jacobian of the last state by an earlier one, Frobenius norm", f"Lyapunov exponents, {RATE}"]
    gate_rows = gates[
        gates["quantity"].isin(of_kind(gates["quantity"].unique(), "gates")) & gates["quantile"].notna()
    ]
    titles += ["gates: median, middle half, middle nine tenths"] if len(gate_rows) else []
    with style(width):
        figure, axes = panels(titles, "", height=PANEL, columns=1)
        styles = line_styles(decay, two_ways)
        draw_decay(axes[0], select(decay, quantity="jacobian_fro"), styles)
        draw_exponents(axes[1], exponents, styles)
        if len(gate_rows):
            draw_gates(axes[2], gate_rows, styles, two_ways)
        spread_labels(figure)
    return figure


def line_styles(decay: pd.DataFrame, two_ways: bool) -> dict[tuple[int, str], tuple[str, dict]]:
    """The label and style of each layer and direction: a colour per layer, broken lines for backward ones."""
    keys = list(decay[["layer", "direction"]].drop_duplicates().itertuples(index=False, name=None))
    colours = sns.color_palette("colorblind", max(layer for layer, _ in keys)).as_hex()
    return {
        (layer, direction): (
            f"layer {layer}{f', {direction}' if two_ways else ''}",
            {"color": colours[layer - 1], "linestyle": DASHES[2 if direction == "backward" else -1]},
        )
        for layer, direction in keys
    }


def draw_decay(ax: Axes, table: pd.DataFrame, styles: dict) -> None:
    """Draw log10 norm against lag, and where a float ends if the axis goes so far."""
    draw_lines(ax, table, styles, "lag", "log10_norm")
    right = ax.get_xlim()[1]
    for name, floor in SMALLEST.items():
        if floor > ax.get_ylim()[0]:
            ax.axhline(floor, color=GREY, linewidth=1, linestyle=(0, (2, 2)))
            end_label(ax, right, floor, f"{name} ends", GREY)
    ax.set_xlim(None, right)
    ax.set_xlabel(LAG)
    powers(ax)


def draw_exponents(ax: Axes, table: pd.DataFrame, styles: dict) -> None:
    """Draw the exponents, the largest first, with two standard errors each way."""
    draw_lines(ax, table, styles, "index", "value")
    for (layer, direction), (_, line_style) in styles.items():
        rows = select(table, layer=layer, direction=direction)
        ax.errorbar(
            rows["index"], rows["value"], 2 * rows["error"], fmt=".", markersize=3, color=line_style["color"]
        )
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("number: the largest first; bars: two standard errors")


def draw_lines(ax: Axes, table: pd.DataFrame, styles: dict, x: str, y: str) -> None:
    """Draw a line per layer and direction, as far as it is finite, with its label at the end."""
    for (layer, direction), (label, line_style) in styles.items():
        rows = select(table, layer=layer, direction=direction)
        rows = rows[np.isfinite(rows[y].to_numpy(float))]
        if len(rows):
            ax.plot(rows[x], rows[y], **line_style)
            end_label(ax, rows[x].iloc[-1], rows[y].iloc[-1], label, line_style["color"])


def draw_gates(ax: Axes, table: pd.DataFrame, styles: dict, two_ways: bool) -> None:
    """Draw the quantiles of every gate, the layers side by side."""
    names = list(dict.fromkeys(table["quantity"]))
    width = 0.8 / len(styles)
    for k, ((layer, direction), (_, line_style)) in enumerate(styles.items()):
        for x, gate in enumerate(names):
            rows = select(table, layer=layer, direction=direction, quantity=gate).sort_values("quantile")
            if len(rows):
                at = x + (k - (len(styles) - 1) / 2) * width
                draw_range(ax, at, rows["value"].to_numpy(float), line_style["color"])
    gates = [member(name) for name in names]
    ax.set_xticks(range(len(names)), [GATES.get(gate, gate) for gate in gates])
    ax.set_xlim(-0.5, len(names) - 0.5)
    ax.set_ylim(-0.03, 1.03)
    ax.grid(visible=False, axis="x")
    order = "from left to right: by layer, forward before backward"
    ax.set_xlabel(order if two_ways else order.split(",")[0] if len(styles) > 1 else "")


def draw_range(ax: Axes, x: float, quantiles: np.ndarray, colour: str) -> None:
    """Draw five quantiles at x: a thin line, a thick one, and a dot."""
    low, lower, middle, upper, high = quantiles
    ax.plot([x, x], [low, high], color=colour, linewidth=1.2)
    ax.plot([x, x], [lower, upper], color=colour, linewidth=5, solid_capstyle="butt")
    ax.plot(x, middle, "o", markerfacecolor="white", markeredgecolor=colour)
