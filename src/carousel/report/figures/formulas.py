"""Figures of a formula against what was measured: the factor per step, and the 1997 cell with a forget gate added."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, bias_order
from carousel.claims import a2b_factor_per_step as a2b, a4a_vanilla_from_1997 as a4a
from carousel.claims.claim import Tables
from carousel.claims.rules import WITH_FORGET_GATE
from carousel.report import names
from carousel.report.figures.data import sample
from carousel.report.figures.errors import ERROR, FLOOR, draw_errors, draw_tolerance, worst_by_lag
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import LAG, bias_looks, legend, look, marker, nothing, panels

DOTS = 300  # of a cell: more would cover each other


def a4a_figure(tables: Tables) -> Figure:
    """Draw how far each LSTM's gradient is from that of the 1997 cell with the same draws, against lag."""
    table = a4a.pairs(sample(a4a.rows(tables)))
    if table.empty:
        return nothing("an LSTM beside a 1997 cell of the same draws")
    table = select(table[table["lag"] > 0], quantity="loss_state")
    title = "gradient against the 1997 cell's: |ln ratio|, log axis"
    figure, (ax,) = panels([title], f"{LAG}\n(solid: LSTM; dashed: with peepholes)", height=3.4)
    biases = bias_order(table["forget_bias"])
    for (cell, bias), rows in table.groupby(["cell", "forget_bias"], observed=True):
        if cell == "lstm" or as_number(str(bias)) > a4a.OPEN:
            _distance(ax, rows, str(cell), str(bias), biases)
    draw_tolerance(ax)
    ax.set_ylim(FLOOR / 10, 1e4)
    return figure


def _distance(ax: Axes, rows: pd.DataFrame, cell: str, bias: str, biases: list[str]) -> None:
    median = rows.groupby("lag")["error"].median()
    y = np.maximum(median.to_numpy(float), FLOOR)
    colour = look(cell)["color"] if cell != "lstm" else bias_looks(biases)[bias]["color"]
    ax.semilogy(median.index, y, color=colour, linestyle="-" if cell == "lstm" else (0, (4, 2)))
    none = "" if median.max() > 0 else ": zero"
    label = f"bias {bias}{none}" if cell == "lstm" else f"bias {bias}, peep."
    end_label(ax, median.index[-1], y[-1], label, colour)


def a2b_figure(tables: Tables) -> Figure:
    """Draw the factor per step as measured against the formula's, and the relative error against lag below."""
    found = a2b.rows(tables)
    table = a2b.factors(found) if len(found) else found
    if table.empty:
        return nothing("the factor per step")
    table = table.assign(error=a2b.errors(table))
    figure, (ax, below) = panels(["log10 of the factor per step, measured", ERROR], "", height=3.6)
    finite = sample(table)
    finite = finite[np.isfinite(finite["formula"]) & np.isfinite(finite["measured"])]
    for cell in (*a2b.CHAINS, *reversed(WITH_FORGET_GATE)):
        rows = select(finite, cell=cell)
        few = rows.iloc[:: len(rows) // DOTS + 1]
        style = {"color": look(cell)["color"], "markersize": 4, "alpha": 0.8, "label": names.cell(cell)}
        if len(few):
            ax.plot(few["formula"], few["measured"], marker(cell), linestyle="none", **style)
    ends = [finite["formula"].min(), finite["formula"].max()]
    ax.plot(ends, ends, color="black", linewidth=0.8, zorder=0)
    ax.set_xlabel("log10 of the factor per step, formula: w φ'(.) or σ(.)")
    kinds = {"chains": a2b.CHAINS, "LSTMs": WITH_FORGET_GATE}
    drawn = {name: select(table, cell=cells) for name, cells in kinds.items()}
    draw_errors(below, [worst_by_lag(rows) for rows in drawn.values()], list(drawn))
    below.set_xlabel(LAG)
    legend(figure, 3)
    return figure
