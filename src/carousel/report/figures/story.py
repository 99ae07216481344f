"""The one picture that carries the whole answer: the gradient of the main cells against lag, and its text."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order, listed, number, power
from carousel.claims import defaults
from carousel.claims.claim import Tables
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.figures.data import curves, longest, usual
from carousel.report.figures.labels import end_label
from carousel.report.figures.style import (
    GREY,
    LAG as LAG_AXIS,
    bias_looks,
    draw_curve,
    look,
    nothing,
    panels,
    powers,
)
from carousel.tables.runs import Runs

DEEPEST = -400.0  # decades: the story's axis ends below what float64 can hold
FLOATS = {name: float(np.log10(np.finfo(name).smallest_subnormal)) for name in ("float32", "float64")}
MAIN = ("0", "1", "10", "chrono")  # forget biases that the story shows, if there
WITH_FORGET_BIAS = ("lstm", "gru")
DEFAULT = f"{names.init(defaults.FIRST)} {names.cell('lstm')}"
STORY = ("rnn_sigmoid", "rnn_tanh", "rnn_relu", "gru", "lstm97", "lstm")


def story_curves(decay: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return the curves of the one picture: total gradient of the main cells, by forget bias, with ``label``.

    Beside them a library's default LSTM. Up to the last lag before the initial state, which no step has squashed.
    """
    rows = shown(decay)
    rows = pd.concat(
        [
            rows[~rows["cell"].isin(WITH_FORGET_BIAS)],
            *(_main_biases(rows[rows["cell"] == cell]) for cell in WITH_FORGET_BIAS),
        ]
    )
    table = curves(rows, ["cell", "forget_bias"])
    biases = table["forget_bias"].astype(str)
    at = np.where(table["cell"] == "lstm", ", bias " + biases, "")
    table = table.assign(label=table["cell"].astype(str).map(names.cell) + at)
    return pd.concat([table, curves(_default(decay), ["cell", "forget_bias"]).assign(label=DEFAULT)])


def shown(decay: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return the total gradient of the story's cells in the settings that figures show, before the initial state."""
    return _inside(usual(select(decay, quantity="loss_state", path="full", cell=STORY)))


def _where(decay: pd.DataFrame | Runs) -> str:
    """Return in words the init and the drive of the settings that the story shows."""
    row = shown(decay).iloc[0]
    return f"{names.init(row['init'])} init, drive {row['drive']}"


def _default(decay: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return the total gradient of PyTorch's default LSTM, over the longest sequences."""
    rows = select(
        decay, slice=defaults.SLICE, init=defaults.FIRST, cell="lstm", quantity="loss_state", path="full"
    )
    return _inside(longest(rows))


def _inside(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[rows["lag"] < rows["length"]]


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
    title = f"norm of the gradient at the state ({_where(tables.decay)})"
    figure, (ax,) = panels([title], f"{LAG_AXIS} (bias: the forget gate’s)", height=3.4)
    looks = bias_looks(bias_order(table.loc[table["cell"] == "lstm", "forget_bias"]))
    table = table[table["log10_norm"] >= DEEPEST]
    for (label, cell, bias), rows in table.groupby(["label", "cell", "forget_bias"], observed=True):
        biased = cell == "lstm" and label != DEFAULT
        draw_curve(ax, rows, label, looks[str(bias)] if biased else look(str(cell)))
    ax.set_ylim(max(DEEPEST, table["log10_norm"].min()) * 1.08, None)
    _floors(ax)
    powers(ax)
    return figure


def _floors(ax: Axes) -> None:
    """Mark where float32 and float64 lose a number, if the axis goes so far."""
    right = ax.get_xlim()[1]
    for name, floor in FLOATS.items():
        if floor > ax.get_ylim()[0]:
            ax.axhline(floor, color=GREY, linewidth=1, linestyle=(0, (2, 2)))
            end_label(ax, right, floor, f"{name} ends: {power(floor)}", GREY)
    ax.set_xlim(None, right)


def story_alt(decay: pd.DataFrame | Runs) -> str:
    """Return the story's alternative text, from the same numbers as its lines."""
    table = story_curves(decay)
    if table.empty:
        return "Nothing was measured."
    lag = table["lag"]
    lags = sorted({lag[lag <= LAG].max(), lag.max()})
    ends = [_left(label, rows, lags) for label, rows in table.groupby("label", sort=False)]
    return (
        f"Gradient norm against lag on a logarithmic axis, all routes together ({_where(decay)}). "
        f"Powers of ten left after {listed(map(str, lags))} steps: {'; '.join(ends)}."
    )


def _left(label: str, rows: pd.DataFrame, lags: list[int]) -> str:
    """Return in words what a curve has left at the lags, or at the last before that it has."""
    values = [rows.loc[rows["lag"] <= lag, "log10_norm"].iloc[-1] for lag in lags]
    lost = rows.loc[rows["log10_norm"] < FLOATS["float64"], "lag"]
    gone = f" (float64 loses it by lag {lost.iloc[0]})" if len(lost) else ""
    words = ["none, it is exactly zero" if np.isneginf(value) else number(value) for value in values]
    return f"{label} {listed(words)}{gone}"
