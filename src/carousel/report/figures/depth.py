"""The gradient in stacks of layers: what arrives at each layer, by lag, with residual connections and without."""

from collections.abc import Iterator
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.depth import against_one
from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order, counted, listed, number
from carousel.axes import NOISE
from carousel.report import names
from carousel.report.figures.data import curves, longest, prefer, sample
from carousel.report.figures.labels import TEXT
from carousel.report.figures.style import legend, nothing, powers, width

NOTHING = "the gradient in stacks of layers"
LOWEST = -6  # decades: what is less is not drawn
PANEL = 1.5  # inches
COLOURS = ("#000000", "#0072B2", "#D55E00", "#009E73", "#CC79A7")  # by how many layers, the fewest first


def shown(depth: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that are drawn: one slice, init and size, the longest sequences, without their initial states."""
    table = prefer(prefer(sample(depth), "slice"), "init", "orthogonal")
    table = prefer(prefer(prefer(table, "drive", *NOISE), "gain", 1.0), "bias", 0.0)
    table = prefer(longest(table), "hidden", 32)
    return table[(table["layer"] > 0) & (table["lag"] < table["length"])]


def settings(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the cells and forget biases in the order in which they are drawn."""
    order = bias_order(table["forget_bias"])
    found = {(str(c), str(b)) for c, b in zip(table["cell"], table["forget_bias"], strict=True)}
    return sorted(found, key=lambda setting: (setting[0], order.index(setting[1])))


def figure(depth: pd.DataFrame) -> Figure:
    """Draw a row of panels per setting, plain stacks on the left: a line per layer, the lowest one's thick."""
    table = shown(depth)
    if table.empty:
        return nothing(NOTHING)
    rows, kinds = settings(table), sorted(table["residual"].unique())
    drawing = Figure(figsize=(width(), 1.2 + PANEL * len(rows)))
    drawing.suptitle(
        f"norm of the gradient by a layer's state, {names.init(table['init'].iloc[0])} init", size=TEXT
    )
    axes = drawing.subplots(len(rows), len(kinds), squeeze=False, sharex=True, sharey=True)
    for line, (cell, bias) in zip(axes, rows, strict=True):
        own = select(table, cell=cell, forget_bias=bias)
        for ax, residual in zip(line, kinds, strict=True):
            ax.set_title(f"{names.setting(cell, bias)}: {'residual' if residual else 'plain'}")
            draw(ax, own if residual else select(own, residual=False))
    for ax in axes[-1]:
        ax.set_xlabel("lag: steps back")
    legend(drawing, 2)
    return drawing


def draw(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the layers of the stacks of one setting, of further layers those of the deepest alone."""
    depths = sorted(table["layers"].unique())
    for place, layers in enumerate(depths):
        colour = COLOURS[place % len(COLOURS)]
        for layer, line in by_layer(select(table, layers=layers)):
            if layer == 1:
                ax.plot(line["lag"], line["log10_norm"], color=colour, label=legend_text(layers))
            elif layers == depths[-1]:
                ax.plot(
                    line["lag"], line["log10_norm"], color=colour, linewidth=0.8, linestyle=(0, (2, 1)),
                    label=f"its layers 2 to {layers}",
                )  # fmt: skip
    ax.set_ylim(LOWEST, 0.8)
    ax.set_yticks(range(LOWEST, 1, 2))
    powers(ax)


def by_layer(table: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    """Yield each layer's curve of one stack; where it was measured both ways, with residual connections."""
    own = table[table["residual"] == table["residual"].max()]
    yield from curves(own, ["layer"]).groupby("layer")


def legend_text(layers: int) -> str:
    """Return what a stack's line is called."""
    return "one layer" if layers == 1 else f"lowest of {layers} layers"


def alt(depth: pd.DataFrame) -> str:
    """Return the picture in words: what arrives at the lowest layer at the longest lag, by stack."""
    table = shown(depth)
    if table.empty:
        return f"This study did not measure {NOTHING}."
    found = against_one(table)
    found = found[found["lag"] == found["lag"].max()]
    parts = [
        f"{names.setting(str(cell), str(bias))}: {listed(map(said, part.itertuples()))}"
        for (cell, bias), part in found.groupby(["cell", "forget_bias"], observed=True)
    ]
    lag = f" {found['lag'].iloc[0]} steps back" if len(found) else ""
    return f"What arrives of the gradient at the lowest layer{lag}, in decades. {'; '.join(parts)}."


def said(row: Any) -> str:
    """Return what arrives at the lowest layer of one stack in words."""
    kind = ", residual" if row.residual else ""
    return f"{number(row.left)} with {counted(row.layers, 'layer')}{kind}"
