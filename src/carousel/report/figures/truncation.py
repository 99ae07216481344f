"""Figures of one way to carry error back beside another: truncated and full, old cell and new, formula and measured."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.resampling import interval
from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, bias_order
from carousel.claims import (
    a2b_factor_per_step as a2b,
    a2g_lag_alone as a2g,
    a3a_truncated_error as a3a,
    a3b_truncation_cost as a3b,
    a4a_vanilla_from_1997 as a4a,
    truncated_gradient,
)
from carousel.claims.evidence import labelled
from carousel.claims.rules import TOLERANCE, WITH_FORGET_GATE, Tables
from carousel.report import names
from carousel.report.figures.data import curves, prefer, usual
from carousel.report.figures.style import (
    GREY,
    LAG,
    LAG_BY_BACKEND,
    RATE,
    bias_looks,
    draw_curve,
    end_label,
    evenly,
    legend,
    look,
    marker,
    nothing,
    panels,
    powers,
)

FLOOR = 1e-17  # what is exactly zero stands at the foot of a log axis
ERROR = "relative error (log axis)"
DOTS = 300  # of a cell: more would cover each other
ROW = 0.3  # inches
HUES = ("#0072B2", "#D55E00", "#000000")
DASHES = ("-", (0, (5, 2)), (0, (1, 1)))


def a3a_figure(tables: Tables) -> Figure:
    """Draw the truncated gradient at the cell on the line of the carousel's factors, and the three errors below."""
    found = a3a.rows(tables)
    if found.empty:
        return nothing("the truncated gradient")
    parts = [a3a.agreement(found), a3a.escaped(found), a3a.carried(found)]
    figure, (ax, below) = panels(["truncated gradient at the cell, since lag 1", ERROR], LAG, height=6.2)
    _factors(ax, parts[2])
    worst = [_worst(part) for part in parts]
    _errors(below, worst, ("two derivations", "back in h", "carousel"))
    return figure


def _factors(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the carousel's factors as lines and the truncated gradient as dots, by forget bias."""
    rows = select(table, cell=("lstm97", "lstm"))
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


def _worst(table: pd.DataFrame) -> pd.Series:
    """Return the largest error by lag."""
    if table.empty:
        return pd.Series(dtype=float)
    return table[table["lag"] > 0].groupby("lag")["error"].max().rename("error")


def _errors(ax: Axes, series: Sequence[pd.Series], labels: Sequence[str]) -> None:
    """Draw errors against lag on a log axis with the tolerance that decides; zeros stand at its foot."""
    right = max((rows.index.max() for rows in series if len(rows)), default=1)
    for i, (rows, name) in enumerate(zip(series, labels, strict=True)):
        y = np.maximum(rows.to_numpy(float), FLOOR)
        if len(rows):
            ax.loglog(rows.index, y, color=HUES[i % 3], linestyle=DASHES[i % 3])
            end_label(ax, right, y[-1], name, HUES[i % 3])
    _tolerance(ax)
    ax.set_ylim(FLOOR / 3, 1e-7)


def _tolerance(ax: Axes) -> None:
    ax.axhline(TOLERANCE, color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.annotate("tolerance 1e-9", (0.01, TOLERANCE), (0, 3), ("axes fraction", "data"), "offset points")


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
    figure, axes = panels([title for title, *_ in shown], "", height=1.0 + 2.3 * len(shown))
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
    ax.axhline(a3b.MARGINS[truncated_gradient.STATE], color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.set_xlabel(LAG_BY_BACKEND)


def _before_and_after(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the cosine of all weights' gradients per cell and forget bias, before and at the end of training."""
    table = table.assign(label=labelled(table))
    last = {"before training": table["step"] == 0, "after training": table["step"] == table["step"].max()}
    samples = {f"cosine: {name}": table[here].set_index("label")["cosine"] for name, here in last.items()}
    _rows(ax, samples, table)
    ax.axvline(a3b.MARGINS[truncated_gradient.WEIGHTS], color=GREY, linestyle=(0, (4, 2)), linewidth=1)
    ax.set_xlabel("cosine, mean with 95 % interval")


def _times(ax: Axes, pairs: pd.DataFrame) -> None:
    """Draw the mean time to solve with either gradient; a run that never did counts with all its steps."""
    table = pairs.assign(label=labelled(pairs))
    keys = ["label", "forget_bias", "repetition"]
    table = table.groupby(keys, observed=True)[["time_full", "time"]].mean().reset_index()
    named = {"steps: full gradient": "time_full", "steps: truncated": "time"}
    _rows(ax, {name: table.set_index("label")[column] for name, column in named.items()}, table)
    ax.set_xlabel(f"steps (unsolved: all {pairs['last'].max()}), mean with 95 % interval")


def _rows(ax: Axes, samples: dict[str, pd.Series], table: pd.DataFrame) -> None:
    """Draw one row per label with the mean and interval of each sample: the first filled, the second hollow."""
    labels = _ordered(table)
    for k, (name, values) in enumerate(samples.items()):
        face, shape = ("white", "s") if k else (HUES[k], "o")
        for i, label in enumerate(labels):
            here = values[values.index == label].to_numpy(float)
            mean, low, high = interval(here)
            y = -i - 0.15 + 0.3 * (1 - k)
            ax.plot([low, high], [y, y], color=HUES[k], linewidth=1.2)
            ax.plot(mean, y, shape, color=HUES[k], markerfacecolor=face, markersize=5, label=name)
    ax.set_ylim(0.6 - len(labels), 0.4)
    ax.set_yticks([-i for i in range(len(labels))], [_named(label) for label in labels])


def _ordered(table: pd.DataFrame) -> list[str]:
    """Return the labels by cell and forget bias."""
    biases = bias_order(table["forget_bias"])

    def place(label: str) -> tuple[str, int]:
        cell, _, bias = label.partition("/")
        return cell, biases.index(bias or "none")

    return sorted(set(table["label"]), key=place)


def _named(label: str) -> str:
    cell, _, bias = label.partition("/")
    return names.setting(cell, bias or "none")


def a4a_figure(tables: Tables) -> Figure:
    """Draw how far each LSTM's gradient is from that of the 1997 cell with the same draws, against lag."""
    table = a4a.pairs(a4a.rows(tables))
    if table.empty:
        return nothing("an LSTM beside a 1997 cell of the same draws")
    table = select(table[table["lag"] > 0], quantity="loss_state")
    title = "gradient against the 1997 cell's: |ln ratio|, log axis"
    figure, (ax,) = panels([title], f"{LAG}\n(solid: LSTM; dashed: with peepholes)", height=4.6)
    biases = bias_order(table["forget_bias"])
    for (cell, bias), rows in table.groupby(["cell", "forget_bias"], observed=True):
        if cell == "lstm" or as_number(str(bias)) > a4a.OPEN:
            _distance(ax, rows, str(cell), str(bias), biases)
    _tolerance(ax)
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
    figure, (ax, below) = panels(["log10 of the factor per step, measured", ERROR], "", height=6.6)
    finite = table[np.isfinite(table["formula"]) & np.isfinite(table["measured"])]
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
    _errors(below, [_worst(rows) for rows in drawn.values()], list(drawn))
    below.set_xlabel(LAG)
    legend(figure, 3)
    return figure


def a2g_figure(tables: Tables) -> Figure:
    """Draw how far the rate at each place of the sequence is from that at its end, by cell and forget bias."""
    found = a2g.rows(tables)
    table = a2g.pairs(found) if len(found) else found
    if table.empty:
        return nothing("the decay at several places of a sequence")
    labels = _ordered(table)
    title = f"rate over lags {a2g.LAGS[0]} to {a2g.LAGS[1]}, less that at the end"
    figure, (ax,) = panels([title], f"{RATE}, mean with 95 % interval", height=1.6 + ROW * len(labels))
    _rows(ax, _places(table), table)
    same = f"less than a factor of 2 over {a2g.LAGS[1]} steps"
    ax.axvspan(-a2g.ALIKE, a2g.ALIKE, color="#cfcfcf", zorder=0, linewidth=0, label=same)
    ax.axvline(0, color="black", linewidth=0.8)
    legend(figure, 1)
    return figure


def _places(table: pd.DataFrame) -> dict[str, pd.Series]:
    """Return per place its differences from the end, one per label and repetition: the mean over backends."""
    places = {}
    for at, rows in table.groupby("at"):
        name = f"loss {rows['place'].iloc[0]}, step {at} of {rows['end'].iloc[0]}"
        places[name] = rows.groupby(["label", "repetition"])["apart"].mean().droplevel("repetition")
    return places


COSTS: dict[str, Callable[[Axes, pd.DataFrame], None]] = {
    "cosine, truncated with full gradient of the state": _cosines,
    "cosine, of all weights": _before_and_after,
    "steps to solve (mean up to the end of training)": _times,
}
