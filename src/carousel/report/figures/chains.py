"""Figures of the scalar chains: rate or factor per step against the weight, dots on theory's lines."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.text import listed, number
from carousel.analysis.theory import scalar
from carousel.claims import (
    a1c_scalar_exponential as a1c,
    a2d_rnn_factor_near_one as a2d,
    a2e_largest_factor as a2e,
)
from carousel.claims.claim import Tables
from carousel.claims.evidence import planned
from carousel.report import names
from carousel.report.figures.data import sample, valued
from carousel.report.figures.labels import end_label
from carousel.report.figures.rates import CLAIMED, SEEN
from carousel.report.figures.style import GREY, legend, look, marker, nothing, panels, powers

WEIGHT = "weight w of the scalar chain"
FLOOR = -3.0  # decades per step: the lowest rate that the figure of the scalar chains shows


def a1c_figure(tables: Tables) -> Figure:
    """Draw the scalar chain's rate against its weight: theory's line per activation, dots for what was measured."""
    space = planned(valued(a1c.models(tables)))
    if space.empty:
        return nothing("the scalar chains")
    figure, (ax,) = panels(["factor of the chain’s gradient per step"], WEIGHT, height=3.2)
    low, high = space["gain"].min(), space["gain"].max()
    ax.axhspan(0, 2, color="#f4efe6", zorder=0, linewidth=0)
    ax.annotate("grows", (0, 1), (4, -4), "axes fraction", "offset points", va="top", color=GREY)
    ax.annotate("decays", (0, 0), (4, 4), "axes fraction", "offset points", color=GREY)
    ax.axhline(0, color="black", linewidth=1.2)
    for cell in sorted(space["cell"].astype(str).unique()):
        _chain(ax, space[space["cell"] == cell], cell, np.linspace(low, high, 401))
    _neither(ax, space)
    ax.set_ylim(FLOOR, 1.6)
    powers(ax)
    legend(figure, 2)
    return figure


def _chain(ax: Axes, rows: pd.DataFrame, cell: str, w: np.ndarray) -> None:
    """Draw one activation, named where its line ends or leaves the axes; weights at which it is dead have no mark."""
    line = scalar.rate(cell.removeprefix("rnn_"), w, 0.0, 0.3)
    last = np.flatnonzero(line >= FLOOR)[-1]
    own = rows.groupby("gain")["value"].median()
    own = own[own >= FLOOR]
    ax.plot(w, line, **look(cell), linewidth=1.3)
    ax.plot(own.index, own, marker(cell), color=look(cell)["color"], markersize=4)
    end_label(ax, w[last], line[last], names.cell(cell).removesuffix(" RNN"), look(cell)["color"])


def _neither(ax: Axes, space: pd.DataFrame) -> None:
    """Ring the chains whose gradient neither decays nor grows although w is not one; the legend names them."""
    still = space[(space["value"].abs() <= STEADY) & (space["gain"] != 1)]
    for w, own in still.groupby("gain"):
        cells = list(dict.fromkeys(own["cell"].astype(str)))
        said = listed(names.cell(cell).removesuffix(" RNN") for cell in cells)
        ax.plot(w, own["value"].median(), "o", markersize=11, markerfacecolor="none",
                markeredgecolor=look(cells[-1])["color"], label=f"w = {number(w)}: {said}")  # fmt: skip


def a2d_figure(tables: Tables) -> Figure:
    """Draw the sigmoid chain's factor per step against its weight, without bias and with bias -2."""
    space = planned(valued(a2d.models(tables)))
    chains = space[space["hidden"] == 1]
    if chains.empty:
        return nothing("the sigmoid chains")
    figure, (ax,) = panels(["factor per step where the sigmoid chain settles, |w σ′|"], WEIGHT)
    ax.axhspan(1 - a2d.NEAR.value, 1 + a2d.NEAR.value, color="#cfcfcf", zorder=0)
    ax.annotate(
        "one", (0, 1), (2, 4), xycoords=("axes fraction", "data"), textcoords="offset points", color=GREY
    )
    w = np.linspace(chains["gain"].min(), chains["gain"].max(), 401)
    for bias, colour, dashes, dot in ((0.0, SEEN, (0, ()), "o"), (-2.0, CLAIMED, (0, (4, 2)), "s")):
        line = 10 ** scalar.rate("sigmoid", w, bias, 0.3)
        rows = chains[chains["bias"] == bias]
        if len(rows):
            ax.plot(w, line, color=colour, linestyle=dashes, linewidth=1.3)
            ax.plot(rows["gain"], rows["value"], dot, color=colour, markersize=5)
            end_label(ax, w[-1], line[-1], f"bias {number(bias)}", colour)
    ax.set_ylim(-0.05, 1.15)
    return figure


def a2e_figure(tables: Tables) -> Figure:
    """Draw w sigma'(w) at a state held at one, and the factor where the chain really settles."""
    figure, (ax,) = panels(["factor per step"], WEIGHT)
    w = np.linspace(0.01, 6, 300)
    held = scalar.multiplier("sigmoid", w, 0.0, 1.0)
    real = 10 ** scalar.rate("sigmoid", w, 0.0, 0.3)
    ax.plot(w, held, color=CLAIMED, linestyle=(0, (4, 2)))
    ax.plot(w, real, color=SEEN)
    end_label(ax, w[-1], held[-1], "held at 1", CLAIMED)
    end_label(ax, w[-1], real[-1], "settled", SEEN)
    best, factor = scalar.largest_factor(a2e.STATE)
    ax.plot(best, factor, "s", color=CLAIMED)
    ax.annotate(f"claimed: {factor:.3f}", (best, factor), (14, -80), textcoords="offset points", ha="center",
                arrowprops={"arrowstyle": "-", "color": CLAIMED, "linewidth": 0.6})  # fmt: skip
    seen = a2e.measure(tables)
    seen = sample(seen[seen["part"] == a2e.RATE]) if len(seen) else seen
    if len(seen):
        ax.plot(a2e.WEIGHT, seen["effect"].mean(), "o", color=SEEN, markersize=7)
        ax.annotate(f"measured: {seen['effect'].mean():.3f}", (a2e.WEIGHT, seen["effect"].mean()), (8, 4),
                    textcoords="offset points")  # fmt: skip
    ax.set_ylim(0, 0.33)
    return figure
