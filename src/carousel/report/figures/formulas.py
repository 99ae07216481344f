"""Figures of a formula against what was measured: the factor per step, and the 1997 cell with a forget gate added."""

from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, bias_order
from carousel.claims import a2b_factor_per_step as a2b, a4a_vanilla_from_1997 as a4a
from carousel.claims.claim import Tables
from carousel.claims.rules import TOLERANCE, WITH_FORGET_GATE
from carousel.report import names
from carousel.report.figures.data import jitter, sample
from carousel.report.figures.errors import ERROR, FLOOR, draw_errors, worst_by_lag
from carousel.report.figures.style import GREY, LAG, look, marker, nothing, panels


def a4a_figure(tables: Tables) -> Figure:
    """Draw how far LSTMs' gradients are at most from that of the 1997 cell with the same draws, a row per setting."""
    table = a4a.pairs(sample(a4a.rows(tables)))
    if table.empty:
        return nothing("an LSTM beside a 1997 cell of the same draws")
    table = select(table[table["lag"] > 0], quantity="loss_state")
    table = table.assign(cell=table["cell"].astype(str), forget_bias=table["forget_bias"].astype(str))
    most = table.groupby(["cell", "forget_bias", "repetition"])["error"].max().rename("error").reset_index()
    rows = [(cell, bias) for cell in WITH_FORGET_GATE for bias in bias_order(most["forget_bias"])]
    figure, (ax,) = panels(["difference from the cell of 1997"], "|ln ratio|, largest over lags", 2.8)
    for place, (cell, bias) in enumerate(rows):
        own = select(most, cell=cell, forget_bias=bias)["error"].clip(lower=FLOOR)
        ax.plot(
            own,
            -place + 0.6 * jitter(len(own)),
            marker(cell),
            color=look(cell)["color"],
            markersize=5,
            alpha=0.7,
        )
    ax.axvline(TOLERANCE, color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.annotate("rounding", (TOLERANCE, 1), (-4, -4), xycoords=("data", "axes fraction"), ha="right", va="top",
                textcoords="offset points", color=GREY)  # fmt: skip
    ax.set_xscale("log")
    ax.set_xlim(FLOOR / 10, 1e3)
    ax.set_yticks([-place for place in range(len(rows))], [_row(*row) for row in rows])
    return figure


def _row(cell: str, bias: str) -> str:
    name = names.cell(cell).removesuffix(" LSTM")
    return f"{name}, gate open" if as_number(bias) > a4a.OPEN else f"{name}, bias {bias}"


def a2b_figure(tables: Tables) -> Figure:
    """Draw the largest relative error of the formulas for the factor per step against lag."""
    found = a2b.rows(tables)
    table = a2b.factors(found) if len(found) else found
    if table.empty:
        return nothing("the factor per step")
    table = table.assign(error=a2b.errors(table))
    figure, (ax,) = panels([ERROR], LAG)
    kinds = {"chains": a2b.CHAINS, "LSTMs": WITH_FORGET_GATE}
    drawn = {name: select(table, cell=cells) for name, cells in kinds.items()}
    draw_errors(ax, [worst_by_lag(rows) for rows in drawn.values()], list(drawn))
    return figure
