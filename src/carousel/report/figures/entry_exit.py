"""Where error enters the carousel and where it leaves: the factors that it meets there."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order
from carousel.claims import a4c_entry_factor as a4c, a4d_exit_factor as a4d
from carousel.claims.claim import Tables
from carousel.claims.rules import LSTMS
from carousel.report import names
from carousel.report.figures.data import longest, prefer, sample
from carousel.report.figures.gates import QUANTILES, ROW, draw_bands
from carousel.report.figures.labels import darker, end_label
from carousel.report.figures.style import DASHES, legend, look, nothing, panels

SHOWN = ("lstm97", "lstm")  # whose entry is drawn
BIASES = ("none", "0", "1", "chrono")
STAGE = {0: "at the start", 1: "after training"}
INITS = ("torch", "orthogonal", "gaussian")
COLOURS = ("#0072B2", "#D55E00", "#009E73")
MARKERS = ("^", "o", "s")


def a4c_figure(tables: Tables) -> Figure:
    """Draw the slope of each LSTM's squashing, before training and after: spread over units, a row per setting."""
    table = entries(tables)
    if table.empty:
        return nothing("entry factors")
    labels = {
        (cell, bias, step): STAGE[1] if step else names.setting(cell, bias)
        for cell, bias, step in table[["cell", "forget_bias", "step"]].itertuples(index=False, name=None)
    }
    title = "slope of tanh, unit by unit"
    drawing, (ax,) = panels([title], "", ROW * len(labels) + 1.3)
    draw_bands([ax], table, {("squash",): title}, labels)
    ax.plot(table["gate"], [-i for i in range(len(table))], "|", color="black", markersize=9)
    ax.set_xlabel("share that tanh lets through\n(|: output gate)")
    ax.axvspan(
        1 - a4c.LITTLE.value, 1, color="#e0e0e0", zorder=0, linewidth=0, label="less than a tenth is lost"
    )
    legend(drawing, 1)
    ax.set_xlim(-0.03, 1.03)
    return drawing


def entries(tables: Tables) -> pd.DataFrame:
    """Return a row per cell, forget bias and stage of training: quantiles of the slope over units; ``gate``."""
    units = sample(a4c.units(a4c.rows(tables)))
    units = select(units, cell=SHOWN, forget_bias=BIASES).assign(quantity="squash")
    units = units.assign(step=(units["step"] > 0).astype(int)).astype({"cell": str, "forget_bias": str})
    groups = units.groupby(["cell", "forget_bias", "step", "quantity"])
    table = (
        groups["squash"]
        .quantile(list(QUANTILES))
        .unstack()
        .assign(gate=groups["gate"].median())
        .reset_index()
    )
    order = bias_order(table["forget_bias"])
    row = [
        (LSTMS.index(cell), order.index(bias), step)
        for cell, bias, step in table[["cell", "forget_bias", "step"]].itertuples(index=False, name=None)
    ]
    return table.iloc[sorted(range(len(row)), key=row.__getitem__)].reset_index(drop=True)


def a4d_figure(tables: Tables) -> Figure:
    """Draw the exit factor of single units against the opening of their input gate, and the affine map's by gain."""
    found = a4d.rows(tables)
    if found.empty:
        return nothing("exit factors")
    drawing, axes = panels(["what leaves a unit, as a share", "what the recurrent weights do"], "", 3.6)
    _exits(axes[0], a4d.units(found))
    _affine(axes[1], a4d.factors(select(found, quantity="exit_affine")))
    legend(drawing, 2)
    return drawing


def _exits(ax: Axes, units: pd.DataFrame) -> None:
    """Draw a dot per unit, hollow after training, and the line on which the gate alone shrinks."""
    units = sample(units)
    for i, cell in enumerate(LSTMS[:2]):
        for stage, rows in _stages(units[units["cell"] == cell]).items():
            colour, whole = look(cell)["color"], stage == STAGE[0]
            ax.plot(
                rows["opening"], rows["exit"], MARKERS[i], color=colour, markersize=4.5, alpha=0.7, linestyle="none",
                markerfacecolor=colour if whole else "white", label=f"{names.cell(cell)}, {stage}",
            )  # fmt: skip
    ax.plot([0, 1], [0, 1], color="black", linewidth=1, linestyle=(0, (4, 2)), label="the gate alone")
    ax.set_xlim(0, 1)
    ax.set_ylim(0, None)
    ax.set_xlabel("opening of the unit’s input gate")


def _stages(units: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the units of one network size, init and forget bias: at the start, and after the last of training."""
    plain = units[units["trained"] == "no"]
    taught = prefer(units[units["step"] > 0], "trained", "adding")
    found = {STAGE[0]: plain, STAGE[1]: taught[taught["step"] == taught["step"].max()]}
    return {stage: _one(rows) for stage, rows in found.items() if len(rows)}


def _one(rows: pd.DataFrame) -> pd.DataFrame:
    for column, value in {"slice": "spectrum", "init": "orthogonal", "gain": 1.0, "forget_bias": "1"}.items():
        rows = prefer(rows, column, value)
    rows = longest(rows)
    return rows[rows["repetition"] < 5]


def _affine(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the factor against the gain, a line per init, with the level above which nothing is shrunk."""
    rows = sample(table[table["trained"] == "no"])
    for i, init in enumerate(name for name in INITS if name in set(rows["init"])):
        line = rows[rows["init"] == init].groupby("gain")["factor"].median()
        ax.plot(line.index, line, color=COLOURS[i], linestyle=DASHES[-1 - i], marker=MARKERS[i], markersize=5)
        end_label(ax, line.index[-1], line.iloc[-1], names.init(init), darker(COLOURS[i]))
    ax.axhline(1, color="black", linewidth=0.8)
    ax.set_ylim(0, None)
    ax.set_xlabel("gain of the recurrent weights")
