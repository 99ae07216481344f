"""Figures of the truncated gradient: what it is, and what it costs."""

from collections.abc import Callable

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order
from carousel.claims import a3a_truncated_error as a3a, truncated_gradient
from carousel.claims.claim import Tables
from carousel.claims.settings_text import labelled
from carousel.report.figures.data import curves, prefer, sample, usual
from carousel.report.figures.errors import ERROR, draw_errors, worst_by_lag
from carousel.report.figures.labels import end_label
from carousel.report.figures.samples import draw_samples
from carousel.report.figures.style import (
    GREY,
    LAG,
    bias_looks,
    draw_curve,
    evenly,
    legend,
    look,
    nothing,
    panels,
    powers,
)


def a3a_figure(tables: Tables) -> Figure:
    """Draw the truncated gradient at the cell on the line of the carousel's factors, and the three errors below."""
    found = a3a.rows(tables)
    if found.empty:
        return nothing("the truncated gradient")
    parts = [a3a.agreement(found), a3a.escaped(found), a3a.carried(found)]
    figure, (ax, below) = panels(["truncated gradient at the cell, since lag 1", ERROR], LAG)
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
        label = f"bias {bias}" if bias else "no forget gate"
        end_label(ax, median.index[-1], median["since_cec"].iloc[-1], label, looks[name]["color"])
    powers(ax)


def a3b_figure(tables: Tables) -> Figure:
    """Draw the truncated gradient's cosine with the full one by lag and over training, and the time to solve."""
    found = [
        truncated_gradient.rows(tables),
        truncated_gradient.weights(tables.dynamics),
        truncated_gradient.runs(tables.accuracy),
    ]
    shown = [
        (title, draw, table) for (title, draw), table in zip(COSTS.items(), found, strict=True) if len(table)
    ]
    if not shown:
        return nothing("truncated gradients")
    figure, axes = panels([title for title, *_ in shown], "", height=2.8)
    for ax, (_, draw, table) in zip(axes, shown, strict=True):
        draw(ax, table)
    if len(shown) > 1 or not len(found[0]):
        legend(figure, 2)
    return figure


def _cosines(ax: Axes, rows: pd.DataFrame) -> None:
    """Draw the cosine against lag by forget bias, with the margin for "little"."""
    rows = usual(select(rows, path="truncated"))
    table = curves(rows.assign(log10_norm=rows["cosine"]), ["cell", "forget_bias"])
    looks = bias_looks(bias_order(select(table, cell="lstm")["forget_bias"]))
    for (cell, bias), group in table.groupby(["cell", "forget_bias"], observed=True):
        old = cell == "lstm97"
        drawn = look("lstm97") if old else looks[str(bias)]
        draw_curve(ax, group, "no forget gate" if old else f"bias {bias}", drawn)
    ax.axhline(
        truncated_gradient.least(truncated_gradient.STATE), color=GREY, linestyle=(0, (4, 2)), linewidth=1
    )
    ax.set_xlabel(LAG)


def _before_and_after(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the cosine of all weights' gradients per cell and forget bias, before and at the end of training."""
    table = sample(table.assign(label=labelled(table)))
    last = {"before training": table["step"] == 0, "after training": table["step"] == table["step"].max()}
    samples = {f"cosine: {name}": table[here].set_index("label")["cosine"] for name, here in last.items()}
    draw_samples(ax, samples, table)
    ax.axvline(
        truncated_gradient.least(truncated_gradient.WEIGHTS), color=GREY, linestyle=(0, (4, 2)), linewidth=1
    )
    ax.set_xlabel("cosine, mean with 95 % interval")


def _times(ax: Axes, pairs: pd.DataFrame) -> None:
    """Draw the mean time to solve with either gradient; a run that never did counts with all its steps."""
    table = sample(pairs.assign(label=labelled(pairs)))
    keys = ["label", "forget_bias", "repetition"]
    table = table.groupby(keys, observed=True)[["time_full", "time"]].mean().reset_index()
    named = {"steps: full gradient": "time_full", "steps: truncated": "time"}
    draw_samples(ax, {name: table.set_index("label")[column] for name, column in named.items()}, table)
    ax.set_xlabel(f"steps (unsolved: all {pairs['last'].max()}), mean with 95 % interval")


COSTS: dict[str, Callable[[Axes, pd.DataFrame], None]] = {
    "cosine, truncated with full gradient of the state": _cosines,
    "cosine, of all weights": _before_and_after,
    "steps to solve (mean up to the end of training)": _times,
}
