"""Figures against lag: how the gradient, or one path of it, shrinks on its way back."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order, number
from carousel.axes import REFERENCE
from carousel.claims.a1a_chain_derivative import errors, terms
from carousel.claims.a1d_forget_gate_product import products
from carousel.claims.rules import TOLERANCE, Tables
from carousel.report import names
from carousel.report.figures.data import curves, longest, prefer, usual
from carousel.report.figures.style import (
    GREY,
    LAG,
    LAG_BY_BACKEND,
    bias_looks,
    draw_curve,
    end_label,
    look,
    nothing,
    panels,
    powers,
)

DEEPEST = -400.0  # decades: the story's axis ends below what float64 can hold
FLOATS = {name: float(np.log10(np.finfo(name).smallest_subnormal)) for name in ("float32", "float64")}
MAIN = ("0", "1", "10", "chrono")  # forget biases that the story shows, if there
GATED = ("lstm", "gru")
STORY = ("rnn_sigmoid", "rnn_tanh", "rnn_relu", "gru", "lstm97", "lstm")


def story_curves(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the curves of the one picture: total gradient of the main cells, by forget bias, with ``label``."""
    rows = usual(select(decay, quantity="loss_state", path="full", cell=STORY))
    rows = pd.concat(
        [rows[~rows["cell"].isin(GATED)], *(_main_biases(rows[rows["cell"] == cell]) for cell in GATED)]
    )
    table = curves(rows, ["cell", "forget_bias"])
    biases = table["forget_bias"].astype(str)
    at = np.where(table["cell"] == "lstm", ", bias " + biases, "")
    return table.assign(label=table["cell"].astype(str).map(names.cell) + at)


def _main_biases(rows: pd.DataFrame) -> pd.DataFrame:
    """Return an LSTM's rows at the main forget biases, a GRU's at the lowest."""
    seen = bias_order(rows["forget_bias"])
    wanted = [bias for bias in seen if bias in MAIN] or seen
    return select(rows, forget_bias=wanted if (rows["cell"] == "lstm").any() else seen[:1])


def story(tables: Tables) -> Figure:
    """Draw the answer: gradient norm against lag for the main cells, far below what a float holds."""
    table = story_curves(tables.decay)
    if table.empty:
        return nothing("the gradient of the main cells")
    figure, (ax,) = panels(["norm of the gradient at the state"], LAG_BY_BACKEND, height=5.0)
    ax.set_xlabel(f"{LAG_BY_BACKEND[:-1]}; bias: the forget gate's)")
    looks = bias_looks(bias_order(table.loc[table["cell"] == "lstm", "forget_bias"]))
    shown = table[table["log10_norm"] >= DEEPEST]
    for (cell, bias), rows in shown.groupby(["cell", "forget_bias"], observed=True):
        draw_curve(ax, rows, rows["label"].iloc[0], looks[str(bias)] if cell == "lstm" else look(str(cell)))
    ax.set_ylim(max(DEEPEST, shown["log10_norm"].min()) * 1.08, None)
    _floors(ax)
    powers(ax)
    return figure


def _floors(ax: Axes) -> None:
    """Mark where float32 and float64 lose a number, if the axis goes so far."""
    right = ax.get_xlim()[1]
    for name, floor in FLOATS.items():
        if floor > ax.get_ylim()[0]:
            ax.axhline(floor, color=GREY, linewidth=1, linestyle=(0, (2, 2)))
            end_label(ax, right, floor, f"{name} ends: 1e{floor:.0f}", GREY)
    ax.set_xlim(None, right)


def story_alt(decay: pd.DataFrame) -> str:
    """Return the story's alternative text, from the same numbers as its lines."""
    table = story_curves(decay)
    if table.empty:
        return "Nothing was measured."
    table = prefer(table, "backend", REFERENCE)
    ends = [_end(label, rows) for label, rows in table.groupby("label", sort=False)]
    return (
        "Gradient norm against lag on a logarithmic axis. "
        f"Powers of ten left after {table['lag'].max()} steps: {'; '.join(ends)}."
    )


def _end(label: str, rows: pd.DataFrame) -> str:
    last = rows["log10_norm"].iloc[-1]
    lost = rows.loc[rows["log10_norm"] < FLOATS["float64"], "lag"]
    gone = f" (float64 loses it by lag {lost.iloc[0]})" if len(lost) else ""
    return f"{label} {'none, it is exactly zero' if np.isneginf(last) else number(last)}{gone}"


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
    figure, (ax,) = panels(["derivative along the cell's loop"], LAG_BY_BACKEND)
    _by_bias(ax, table)
    powers(ax)
    return figure


def q2(tables: Tables) -> Figure:
    """Draw the gate-mediated part of the gradient and the total against lag, by forget bias."""
    rows = usual(select(tables.decay, quantity="loss_state", path=("gates", "full"), cell=("lstm97", "lstm")))
    table = curves(rows, ["path", "cell", "forget_bias"])
    if table.empty:
        return nothing("the part of the gradient that passes the gates")
    figure, axes = panels(
        ["gradient norm: through the gates", "gradient norm: total"], LAG_BY_BACKEND, height=5.6
    )
    for ax, path in zip(axes, ("gates", "full"), strict=True):
        _by_bias(ax, table[table["path"] == path])
        powers(ax)
    return figure


def a1a(tables: Tables) -> Figure:
    """Draw the scalar chain's measured derivative on the formula's line, and the error below."""
    both = terms(tables.decay)
    if both.empty:
        return nothing("the bias-free sigmoid chain")
    both = longest(both.assign(error=errors(both)))
    figure, (ax, below) = panels(
        ["derivative of the scalar sigmoid chain", "relative error (log axis)"], LAG_BY_BACKEND, height=5.6
    )
    weights = sorted(both["gain"].unique())
    for w in [weights[i] for i in np.unique(np.linspace(0, len(weights) - 1, 5).round().astype(int))]:
        _formula(ax, both[(both["gain"] == w) & (both["repetition"] == both["repetition"].min())], w)
    powers(ax)
    worst = both[both["lag"] > 0].groupby("lag")["error"].max()
    below.semilogy(worst.index, np.maximum(worst, 1e-17), ".-", color=GREY)
    below.axhline(TOLERANCE, color="black", linestyle=(0, (4, 2)), linewidth=1)
    below.annotate("tolerance 1e-9", (0, TOLERANCE), (2, 3), textcoords="offset points")
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
    cell = usual(select(products(tables.decay), cell="lstm"))
    if cell.empty:
        return nothing("the derivative along the cell")
    figure, (ax,) = panels(
        ["solid: product of forget gates; dots: derivative;\ndashed: full gradient"], LAG, 4.2
    )
    biases = bias_order(cell["forget_bias"])
    looks = bias_looks(biases)
    full = usual(select(tables.decay, quantity="loss_state", path="full", cell="lstm"))
    for bias in biases:
        colour = looks[bias]["color"]
        rows = cell[cell["forget_bias"] == bias].groupby("lag")[["measured", "formula"]].median()
        ax.plot(rows.index, rows["formula"], color=colour)
        ax.plot(rows.index[::5], rows["measured"].iloc[::5], "o", color=colour, markersize=4)
        total = full[full["forget_bias"] == bias].groupby("lag")["log10_norm"].median()
        ax.plot(total.index, total, color=colour, linestyle=(0, (3, 2)), linewidth=1.2)
        end_label(ax, rows.index[-1], rows["formula"].iloc[-1], f"bias {bias}", colour)
    powers(ax)
    return figure


def a4b(tables: Tables) -> Figure:
    """Draw the derivative of the 1997 cell's state by an earlier state, beside the zero that is claimed."""
    rows = usual(select(tables.decay, quantity="cec", path="cell", cell="lstm97"))
    table = curves(rows, ["cell"])
    if table.empty:
        return nothing("the 1997 cell")
    figure, (ax,) = panels(["derivative of the cell's state by an earlier state"], LAG_BY_BACKEND, height=3.0)
    draw_curve(ax, table.assign(log10_norm=10.0 ** table["log10_norm"]), "measured", look("lstm97"))
    ax.plot([0, table["lag"].max()], [0, 0], color="#D55E00", linestyle=(0, (4, 2)))
    end_label(ax, table["lag"].max(), 0.0, "claimed", "#D55E00")
    ax.set_ylim(-0.1, 1.2)
    return figure
