"""Figures against lag: how the gradient, or one path of it, shrinks on its way back."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import MODEL, difference, joined, select
from carousel.analysis.text import bias_order, number
from carousel.axes import REFERENCE
from carousel.claims import a1d_forget_gate_product, q2_must_vanish as q2_claim
from carousel.claims.a1a_chain_derivative import errors, terms
from carousel.claims.claim import Tables
from carousel.claims.routes import by_route
from carousel.claims.rules import LAG as SHOWN_LAG, TOLERANCE
from carousel.report.figures.data import curves, jitter, longest, sample, settings, usual
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    LAG,
    LAG_BY_BACKEND,
    PATHS,
    bias_axis,
    bias_looks,
    bias_places,
    draw_curve,
    in_tens,
    legend,
    look,
    nothing,
    panels,
    powers,
)

LOWEST = -30.0  # decades: what Q2 shows


def _by_bias(ax: Axes, table: pd.DataFrame) -> None:
    """Draw one curve per cell and forget bias: LSTMs by bias, the 1997 cell in black."""
    biases = bias_order(table.loc[table["cell"] != "lstm97", "forget_bias"])
    looks = bias_looks(biases)
    for (cell, bias), rows in table.groupby(["cell", "forget_bias"], observed=True):
        old = cell == "lstm97"
        draw_curve(
            ax, rows, "no forget gate" if old else f"bias {bias}", look("lstm97") if old else looks[str(bias)]
        )


def q1(tables: Tables) -> Figure:
    """Draw the derivative along the cell's loop against lag, 1997 cell and LSTM by forget bias."""
    rows = select(tables.decay, quantity="cec", path="cell", cell=("lstm97", "lstm"))
    table = curves(usual(rows), ["cell", "forget_bias"])
    if table.empty:
        return nothing("the derivative along the cell")
    figure, (ax,) = panels(["derivative along the cell's loop"], LAG)
    _by_bias(ax, table)
    powers(ax)
    return figure


def q2(tables: Tables) -> Figure:
    """Draw what is left at LAG of what was at INSIDE, by all routes and of what passed a gate, by forget bias."""
    judged = q2_claim.models(tables)  # of a small study none; then all that was measured
    lags = q2_claim.INSIDE, SHOWN_LAG
    both = judged if len(judged) else by_route(q2_claim.rows(tables), lags, tuple(q2_claim.PARTS))
    if both.empty:
        return nothing("the part of the gradient that passes the gates")
    table = settings(_since_inside(both), [*q2_claim.PARTS])
    order = bias_order(table["forget_bias"])
    place = table["forget_bias"].astype(str).map(bias_places(order))
    title = f"left at lag {SHOWN_LAG} of what was left at lag {q2_claim.INSIDE}, a mark per setting"
    figure, (ax,) = panels([title], "forget bias", height=3.2)
    for side, (part, path) in ((-0.2, ("total", "full")), (0.2, ("through", "gates"))):
        words, looks = PATHS[path]
        y = table[part].clip(lower=LOWEST)
        ax.plot(
            place + side + 0.2 * jitter(len(table)), y, "o", color=looks["color"], markersize=3, alpha=0.5
        )
        middle = y.groupby(place).median()
        ax.plot(
            middle.index + side,
            middle,
            "_",
            color=looks["color"],
            markersize=11,
            markeredgewidth=2.5,
            label=words,
        )
    ax.axhline(-q2_claim.TENTH.value, color=GREY, linewidth=1, linestyle=(0, (4, 2)))
    ax.annotate("a tenth", (1, -q2_claim.TENTH.value), (3, 0), ("axes fraction", "data"), "offset points", va="center",
                color=GREY, annotation_clip=False)  # fmt: skip
    powers(ax)
    bias_axis(ax, order)
    legend(figure, 2)
    return figure


def _since_inside(both: pd.DataFrame) -> pd.DataFrame:
    """Return the models with what each part has left at SHOWN_LAG over what it had at INSIDE, in decades."""
    near, far = (both[both["lag"] == lag] for lag in (q2_claim.INSIDE, SHOWN_LAG))
    found = joined(far, near[[*MODEL, *q2_claim.PARTS]], MODEL, "_right")
    return found.assign(**{part: difference(found[part], found[f"{part}_right"]) for part in q2_claim.PARTS})


def a1a(tables: Tables) -> Figure:
    """Draw the scalar chain's measured derivative on the formula's line, and the error below."""
    both = terms(tables.decay)
    if both.empty:
        return nothing("the bias-free sigmoid chain")
    both = longest(both.assign(error=errors(both)))
    figure, (ax, below) = panels(
        ["derivative of the scalar sigmoid chain", "largest relative error on either backend (log axis)"],
        LAG_BY_BACKEND,
    )
    weights = sorted(both["gain"].unique())
    for w in [weights[i] for i in np.unique(np.linspace(0, len(weights) - 1, 5).round().astype(int))]:
        _formula(ax, both[(both["gain"] == w) & (both["repetition"] == both["repetition"].min())], w)
    powers(ax)
    worst = both[both["lag"] > 0].groupby("lag")["error"].max()
    below.semilogy(worst.index, np.maximum(worst, 1e-17), ".-", color=GREY)
    below.axhline(TOLERANCE, color="black", linestyle=(0, (4, 2)), linewidth=1)
    below.annotate(
        f"tolerance {in_tens(np.log10(TOLERANCE))}", (0, TOLERANCE), (2, 3), textcoords="offset points"
    )
    below.set_ylim(1e-17, 1e-7)
    return figure


def _formula(ax: Axes, rows: pd.DataFrame, w: float) -> None:
    shade = "#0072B2" if w > 0 else "#D55E00"
    rows = rows.sort_values("lag")
    one = rows[rows["backend"] == rows["backend"].iloc[0]]
    ax.plot(one["lag"], one["formula"], color=shade, linestyle=(0, ()) if w > 0 else (0, (4, 2)))
    dots = rows[rows["backend"] != REFERENCE].iloc[::6]
    ax.plot(dots["lag"], dots["measured"], ".", color=shade, markersize=6)
    end_label(ax, one["lag"].iloc[-1], one["formula"].iloc[-1], f"w = {number(w)}", shade)


def a1d(tables: Tables) -> Figure:
    """Draw the derivative along the cell, the product of forget gates, and the full gradient against lag."""
    both, _ = a1d_forget_gate_product.CLAIM.models(tables)
    cell = sample(usual(select(both, cell="lstm")))
    if cell.empty:
        return nothing("the derivative along the cell")
    figure, (ax,) = panels(["derivative along the cell (dots), on the product of forget gates (lines)"], LAG)
    biases = bias_order(cell["forget_bias"])
    looks = bias_looks(biases)
    full = sample(usual(select(tables.decay, quantity="loss_state", path="full", cell="lstm")))
    for bias in biases:
        colour = looks[bias]["color"]
        rows = cell[cell["forget_bias"] == bias].groupby("lag")[["measured", "formula"]].median()
        ax.plot(rows.index, rows["formula"], color=colour)
        ax.plot(rows.index[::5], rows["measured"].iloc[::5], "o", color=colour, markersize=4)
        total = full[full["forget_bias"] == bias].groupby("lag")["log10_norm"].median()
        ax.plot(total.index, total, color=colour, linestyle=(0, (3, 2)), linewidth=1.2)
        if len(total):
            end_label(ax, total.index[-1], total.iloc[-1], f"bias {bias}, full gradient", colour)
        end_label(ax, rows.index[-1], rows["formula"].iloc[-1], f"bias {bias}", colour)
    powers(ax)
    return figure


def a4b(tables: Tables) -> Figure:
    """Draw the derivative of the 1997 cell's state by an earlier state, beside the zero that is claimed."""
    rows = usual(select(tables.decay, quantity="cec", path="cell", cell="lstm97"))
    table = curves(rows, ["cell"])
    if table.empty:
        return nothing("the 1997 cell")
    figure, (ax,) = panels(["derivative of the cell’s state by an earlier state"], LAG, height=2.0)
    draw_curve(ax, table.assign(log10_norm=10.0 ** table["log10_norm"]), "measured", look("lstm97"))
    ax.plot([0, table["lag"].max()], [0, 0], color="#D55E00", linestyle=(0, (4, 2)))
    end_label(ax, table["lag"].max(), 0.0, "claimed", "#D55E00")
    ax.set_ylim(-0.1, 1.2)
    return figure
