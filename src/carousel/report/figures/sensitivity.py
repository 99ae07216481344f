"""The figure of what weights and slopes do to the gradient of a plain network."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.axes import STANDARD_DRIVE
from carousel.claims import a1b_weight_factor as a1b
from carousel.claims.claim import Tables
from carousel.claims.rules import VANILLA
from carousel.report.figures.data import comparable, settings
from carousel.report.figures.style import GREY, RATE, draw_settings, legend, nothing, panels

FLOOR = -2.4  # decades per step: the lowest slopes' part that is shown of chains, and twice that of networks


def a1b_figure(tables: Tables) -> Figure:
    """Draw each setting's slopes' part against its weights' part: networks, and chains."""
    table = a1b.rows(tables)
    if table.empty:
        return nothing("the parts of weights and slopes")
    table = settings(table, ["weights", "slopes"])
    titles = [f"slopes’ part: networks at drive {STANDARD_DRIVE}", "slopes’ part: chains, h′ = φ(w h)"]
    figure, axes = panels(titles, f"weights’ part, {RATE}", height=3.4)
    networks, chains = table[table["hidden"] > 1], table[table["hidden"] == 1]
    _plane(axes[0], comparable(networks), FLOOR / 2)
    _plane(axes[1], chains.assign(library=""), FLOOR)
    legend(figure, 3)
    return figure


def _plane(ax: Axes, table: pd.DataFrame, floor: float) -> None:
    """Draw one mark per setting, and the lines on which both parts are of one size."""
    for cell in VANILLA:
        rows = select(table, cell=cell)
        x, y = rows["weights"].clip(floor / 2, -floor / 2), rows["slopes"].clip(lower=floor)
        draw_settings(ax, rows.assign(weights=x, slopes=y), "weights", "slopes", cell)
    ax.plot([floor, 0, -floor], [floor, 0, floor], color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.set_xlim(0.54 * floor, -0.54 * floor)
    ax.set_ylim(1.08 * floor, -0.06 * floor)
    for x, y, lead in (
        (0.2, 0.25, "slopes lead"),
        (0.01, 0.62, "weights\nlead"),
        (0.99, 0.62, "weights\nlead"),
    ):
        side = "left" if x < 0.5 else "right"
        ax.annotate(lead, (x, y), xycoords="axes fraction", ha=side, va="center", color=GREY)
