"""The figure of a monitor: reach, what is left at the lags, and gates, over training."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.report.figures.labels import end_label, spread_labels
from carousel.report.figures.style import DASHES, GREY, panels, powers, style

PANEL = 2.6  # inches
STEP = "step of the training"
LAYER = ["module", "layer", "direction"]


def draw(table: pd.DataFrame) -> Figure:
    """Draw the table of a Monitor: a colour per layer and direction, dashes per lag or gate."""
    gates = sorted(name for name in table["quantity"].unique() if name.startswith("gate_"))
    kinds = {
        "steps that the gradient reaches back; grey: the sequence's length": ["reach"],
        "what is left of it at a lag": ["log10_share"],
        "gates: mean opening": gates,
    }
    kinds = {title: names for title, names in kinds.items() if table["quantity"].isin(names).any()}
    with style():
        titles = list(kinds) or ["nothing measured yet"]
        figure, axes = panels(titles, "", height=PANEL, columns=1)
        for ax, names in zip(axes, kinds.values(), strict=False):
            draw_lines(ax, table[table["quantity"].isin(names)], table)
            ax.set_xlabel(STEP)
            if names == ["reach"]:
                lengths = table.groupby("step")["length"].max()
                ax.plot(lengths.index, lengths, color=GREY, linewidth=1)
            elif names == ["log10_share"]:
                powers(ax)
        spread_labels(figure)
    return figure


def draw_lines(ax: Axes, rows: pd.DataFrame, table: pd.DataFrame) -> None:
    """Draw a line per layer, quantity and lag of `rows`, as far as it is finite, with its label at the end."""
    layers = list(table[LAYER].drop_duplicates().itertuples(index=False, name=None))
    colours = sns.color_palette("colorblind", len(layers)).as_hex()
    finite = rows[np.isfinite(rows["value"])].assign(own=rows["quantity"].str.removeprefix("gate_"))
    finite["own"] = finite["own"].where(finite["lag"].isna(), "lag " + finite["lag"].map("{:.0f}".format))
    dashes = {own: DASHES[-1 - k % len(DASHES)] for k, own in enumerate(finite["own"].unique())}
    for (*layer, own), line in finite.groupby([*LAYER, "own"], sort=False):
        colour = colours[layers.index(tuple(layer))]
        ax.plot(line["step"], line["value"], color=colour, linestyle=dashes[own], marker=".", markersize=3)
        place = f"{layer[0]} {layer[1]} {layer[2]}" if len(layers) > 1 else ""
        label = " ".join(filter(None, [place, "" if own == "reach" else own]))
        end_label(ax, line["step"].iloc[-1], line["value"].iloc[-1], label, colour)
