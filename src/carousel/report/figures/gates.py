"""Gates and factors: bands of quantiles over units, steps and sequences, a row for each setting."""

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import heads, select
from carousel.analysis.text import bias_order, number
from carousel.report import names
from carousel.report.figures.data import longest, prefer, sample, usual
from carousel.report.figures.exponents import main_cells
from carousel.report.figures.style import GREY, look, narrow, nothing, width
from carousel.tables.quantities import EXIT_PARTS
from carousel.tables.runs import Runs

Quantities = Mapping[tuple[str, ...], str]

GATES: Quantities = {  # quantities -> title; a cell has one of each at most
    ("gate_f", "gate_u"): "forget gate",
    ("gate_i",): "input gate",
    ("gate_o",): "output gate",
}
DRAWN: Quantities = {several: title for several, title in GATES.items() if several != ("gate_o",)}
WITH_GATES = ("lstm", "lstm97")  # whose gates are drawn, where they were measured
FACTORS: Quantities = {
    ("entry",): "into the cell",
    ("exit",): "out of the cell",
    ("exit_gate",): "input gate",
    ("exit_squash",): "tanh",
    ("exit_affine",): "weights",
}
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
ROW = 0.23  # inches
FLOOR = 1e-3  # the factors' logarithmic axis ends here; what is smaller stands at its end


def bands(rows: pd.DataFrame, quantities: Quantities) -> pd.DataFrame:
    """Return a row per cell, forget bias, step and quantity, with the quantiles as columns.

    Medians over repetitions, of quantiles over all units, steps and sequences; the first row is the first to draw.
    """
    wanted = [name for several in quantities for name in several]
    rows = rows[rows["quantity"].isin(wanted) & (rows["axis"] == "all") & rows["quantile"].notna()]
    rows = main_cells(rows).astype({"cell": str, "forget_bias": str, "quantity": str})
    keys = ["cell", "forget_bias", "step", "quantity", "quantile"]
    table = rows.groupby(keys)["value"].median().unstack("quantile").reset_index()
    order = {bias: i for i, bias in enumerate(bias_order(table["forget_bias"]))}
    at = table["forget_bias"].map(order)
    return table.assign(at=at).sort_values(["cell", "at", "step"], ignore_index=True).drop(columns="at")


def before(dynamics: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return the rows over all units, steps and sequences that were measured before training."""
    return sample(usual(select(dynamics, axis="all")))


def first_and_last(dynamics: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return the rows before and after training on one task; a study without training: those before alone."""
    told = heads(dynamics)["trained"]
    rows = select(dynamics, axis="all", trained=[*told[told != "no"].unique()])
    if rows.empty:
        return before(dynamics)
    choices = {"trained": "adding", "gradient": "full", "init": "orthogonal", "gain": 1.0}
    for column, value in choices.items():
        rows = prefer(rows, column, value)
    rows = sample(prefer(longest(rows), "hidden", 32))
    return rows[rows["step"].isin([0, rows["step"].max()])]


def gates(dynamics: pd.DataFrame | Runs) -> Figure:
    """Draw the openings of the gates before training and after the last snapshot."""
    table = bands(first_and_last(dynamics), GATES)
    table = select(table, cell=WITH_GATES) if table["cell"].isin(WITH_GATES).any() else table
    titles = present(table, DRAWN)
    if not titles:
        return nothing("gates")
    labels = row_names(table)
    drawing = Figure(figsize=(width(), ROW * len(labels) + 1.2))
    axes = drawing.subplots(1, len(titles), sharey=True, squeeze=False).ravel().tolist()
    draw_bands(axes, table, titles, labels)
    for ax in axes:
        ax.set_xticks([0, 0.5, 1], ["0", "½", "1"])
        ax.set_xlim(-0.03, 1.03)
    drawing.supxlabel("opening of the gate", fontsize="medium")
    return drawing


def factors(dynamics: pd.DataFrame | Runs) -> Figure:
    """Draw the entry and the exit factor, and below them the three parts that multiply to the exit."""
    table = bands(before(dynamics), FACTORS)
    titles = present(table, FACTORS)
    if not titles:
        return nothing("entry and exit factors")
    labels = row_names(table)
    floored = table.copy()
    floored[list(QUANTILES)] = floored[list(QUANTILES)].clip(lower=FLOOR)
    drawing = Figure(figsize=(width(), 2 * ROW * len(labels) + 2.0))
    upper, lower = drawing.subfigures(2, 1, squeeze=False, height_ratios=[1, 1.15]).ravel()
    parts = [{k: v for k, v in titles.items() if (k[0] in EXIT_PARTS) == below} for below in (False, True)]
    for part, own in ((upper, parts[0]), (lower, parts[1])):
        if own:
            axes = part.subplots(1, len(own), sharey=True, squeeze=False).ravel().tolist()
            draw_bands(axes, floored, own, labels)
            for ax in axes:
                _log_axis(ax)
    lower.suptitle("out of the cell: the product of these three", fontsize="medium")
    lower.supxlabel("factor (log axis)", fontsize="medium")
    return drawing


def _log_axis(ax: Axes) -> None:
    ax.set_xscale("log")
    ax.set_xlim(0.7 * FLOOR, 3)
    ticks = {FLOOR: "≤10⁻³"} | ({} if narrow() else {0.1: "0.1"}) | {1: "1"}
    ax.set_xticks([*ticks], [*ticks.values()])
    ax.minorticks_off()


def present(table: pd.DataFrame, quantities: Quantities) -> dict[tuple[str, ...], str]:
    """Return those of the quantities that the table has."""
    seen = set(table["quantity"])
    return {several: title for several, title in quantities.items() if seen & set(several)}


def row_names(table: pd.DataFrame) -> dict[tuple[str, str, int], str]:
    """Return what is written beside the row of each cell, forget bias and step, from the top down."""
    keys = table[["cell", "forget_bias", "step"]].drop_duplicates().itertuples(index=False, name=None)
    return {
        (cell, bias, step): f"after {step} steps" if step else names.setting(cell, bias)
        for cell, bias, step in keys
    }


def draw_bands(
    axes: Sequence[Axes], table: pd.DataFrame, titles: Quantities, labels: Mapping[tuple[str, str, int], str]
) -> None:
    """Draw a row of quantiles for each of ``labels``, in an axes for each of ``titles``: hollow after training."""
    place = {key: -i for i, key in enumerate(labels)}
    for ax, (quantities, title) in zip(axes, titles.items(), strict=True):
        ax.set_title(title)
        for row in table[table["quantity"].isin(quantities)].to_dict("records"):
            y = place[row["cell"], row["forget_bias"], row["step"]]
            colour = look(row["cell"])["color"]
            ax.plot([row[0.05], row[0.95]], [y, y], color=GREY, linewidth=1)
            ax.plot(
                [row[0.25], row[0.75]], [y, y], color=colour, linewidth=5, solid_capstyle="butt", alpha=0.55
            )
            ax.plot(
                row[0.5],
                y,
                "o",
                color=colour,
                markersize=5,
                markerfacecolor="white" if row["step"] else colour,
            )
        ax.set_ylim(-len(labels) + 0.4, 0.6)
    axes[0].set_yticks(list(place.values()), list(labels.values()))


def gates_alt(dynamics: pd.DataFrame | Runs) -> str:
    """Return the gates in words: their medians, setting by setting."""
    table = bands(first_and_last(dynamics), GATES)
    return _medians(table, "Quantiles of the gates, before and after training. Medians: ", "gates")


def factors_alt(dynamics: pd.DataFrame | Runs) -> str:
    """Return the factors in words: their medians, setting by setting."""
    table = bands(before(dynamics), FACTORS)
    return _medians(
        table, "Quantiles of the entry and exit factors and of the exit's parts. Medians: ", "factors"
    )


def _medians(table: pd.DataFrame, start: str, what: str) -> str:
    if table.empty:
        return f"This study did not measure {what}."
    return (
        start
        + "; ".join(
            f"{names.setting(cell, bias)}{f' after {step} steps' if step else ''}: "
            + ", ".join(
                f"{row['quantity'].replace('_', ' ')} {number(row[0.5])}" for row in rows.to_dict("records")
            )
            for (cell, bias, step), rows in table.groupby(["cell", "forget_bias", "step"], sort=False)
        )
        + "."
    )
