"""Figures of the truncated gradient: what it is, and what it costs."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order
from carousel.claims import a3a_truncated_error as a3a, a3b_truncation_cost as a3b, truncated_gradient
from carousel.claims.claim import Tables
from carousel.claims.lines import tested_and_lines
from carousel.claims.rules import FAILS, HOLDS, MIXED, UNCLEAR, comparison
from carousel.claims.settings_text import labelled
from carousel.report.figures.data import curves, prefer, sample, usual
from carousel.report.figures.errors import ERROR, draw_errors, worst_by_lag
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    LAG,
    bias_looks,
    draw_curve,
    evenly,
    look,
    narrow,
    nothing,
    panels,
    powers,
)

COSTS: Mapping[str, tuple[str, dict[str, Any]]] = {  # state -> what truncation costs, look
    HOLDS: ("little", {"color": "#0b6b3a"}),
    FAILS: ("more", {"color": "#a3262b"}),
    MIXED: ("depends", {"color": "#000000"}),
    UNCLEAR: ("open", {"color": GREY}),
}

ROWS = {  # thing counted -> what its row is called
    truncated_gradient.STATE: "direction\nof the state’s",
    truncated_gradient.SIZE: "its size",
    truncated_gradient.WEIGHTS: "direction\nof the weights’",
    truncated_gradient.LENGTH: "its size ",
    truncated_gradient.LOSS: "loss",
}


def a3a_figure(tables: Tables) -> Figure:
    """Draw the truncated gradient at the cell on the line of the carousel's factors, and the three errors below."""
    found = a3a.rows(tables)
    if found.empty:
        return nothing("the truncated gradient")
    parts = [a3a.agreement(found), a3a.escaped(found), a3a.carried(found)]
    figure, (ax, below) = panels(["truncated gradient, since lag 1", ERROR], LAG)
    _factors(ax, parts[2])
    worst = [worst_by_lag(part) for part in parts]
    draw_errors(below, worst, ("two derivations", "back in h", "carousel"))
    return figure


def _factors(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the carousel's factors as lines and the truncated gradient as dots, by forget bias."""
    rows = sample(select(table, cell=("lstm97", "lstm")))
    rows = prefer(rows, "hidden", 1).assign(name=labelled)
    labels = sorted(rows["name"].unique())
    looks = bias_looks(labels)
    for name in labels:
        median = rows[rows["name"] == name].groupby("lag")[["since", "since_cec"]].median()
        ax.plot(median.index, median["since_cec"], **looks[name])
        dots = median.iloc[evenly(median.index.to_numpy())]
        ax.plot(dots.index, dots["since"], "o", color=looks[name]["color"], markersize=4)
        cell, _, bias = name.partition("/")
        label = f"bias {bias}" if bias else "no gate"
        end_label(ax, median.index[-1], median["since_cec"].iloc[-1], label, looks[name]["color"])
    powers(ax)


def a3b_figure(tables: Tables) -> Figure:
    """Draw the truncated gradient's cosine with the full one against lag, and in words what truncation costs little."""
    rows = truncated_gradient.rows(tables)
    evidence, _ = tested_and_lines(a3b.CLAIM.evidence(tables))
    if evidence.empty:
        return nothing("truncated gradients")
    figure, (ax, right) = panels(["cosine of truncated and full", "what truncation costs"], "", 3.6)
    _cosines(ax, rows)
    _costs(right, evidence)
    return figure


def _cosines(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the cosine against lag by forget bias, with the margin for "little"."""
    rows = usual(select(rows, path="truncated"))
    table = curves(rows.assign(log10_norm=rows["cosine"]), ["cell", "forget_bias"])
    looks = bias_looks(bias_order(select(table, cell="lstm")["forget_bias"]))
    for (cell, bias), group in table.groupby(["cell", "forget_bias"], observed=True):
        old = cell == "lstm97"
        drawn = look("lstm97") if old else looks[str(bias)]
        draw_curve(ax, group, "1997" if old else bias, drawn)
    ax.axhline(
        truncated_gradient.least(truncated_gradient.STATE), color=GREY, linestyle=(0, (4, 2)), linewidth=1
    )
    ax.set_xlabel(LAG)


def _costs(ax: Axes, evidence: pd.DataFrame) -> None:
    """Write in a row per thing counted and a column per LSTM that was trained whether truncation costs little of it."""
    own = evidence.assign(state=evidence["part"].map(comparison(evidence)))
    own = own[own["measure"] != truncated_gradient.GATES]
    states = own.groupby(["measure", "label"])["state"].first().to_dict()
    taught = own.loc[own["measure"].isin(truncated_gradient.LEARNING), "label"]
    columns = list(dict.fromkeys(taught if len(taught) else own["label"]))
    rows = list(dict.fromkeys(own["measure"]))
    for x, label in enumerate(columns):
        for y, measure in enumerate(rows):
            text, style = COSTS[states.get((measure, label), UNCLEAR)]
            ax.text(x, -y, text, ha="center", va="center", **style)
    ax.set_xticks(range(len(columns)), [_column(label) for label in columns])
    ax.set_yticks([-y for y in range(len(rows))], [ROWS.get(name, name) for name in rows])
    ax.set_xlabel("forget bias (1997: without a forget gate)")
    ax.set_xlim(-0.5, len(columns) - (1 if narrow() else 0.5))  # the last column may stand over the edge
    ax.set_ylim(0.5 - len(rows), 0.5)
    ax.grid(visible=False)


def _column(label: str) -> str:
    """Return what a column is called: the forget bias, or the year of the cell that has none."""
    cell, _, bias = label.partition("/")
    return "1997" if cell == "lstm97" else bias or label
