"""The whole Jacobian: norms of the joint state's and of its blocks, against lag."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.analysis.stats.tables import heads, select
from carousel.analysis.text import bias_order, number
from carousel.report import names
from carousel.report.figures.data import curves, sample, usual
from carousel.report.figures.labels import end_label
from carousel.report.figures.story import MAIN
from carousel.report.figures.style import LAG, nothing, panels, powers
from carousel.tables.quantities import of_kind
from carousel.tables.runs import Runs

SHOWN = ("rnn_tanh", "lstm")
BLOCKS = {  # suffix of the quantity -> label and colour
    "": ("whole state", "#000000"),
    "_hh": ("h by h", "#D55E00"),
    "_cc": ("c by c", "#0072B2"),
    "_x": ("h by input", "#009E73"),
}
NORMS = {"spec": (0, ()), "fro": (0, (3, 2))}  # -> dashes


def settings(decay: pd.DataFrame | Runs) -> list[tuple[str, pd.DataFrame]]:
    """Return a title and the curves of each cell and forget bias that is shown."""
    rows = select(decay, quantity=of_kind(heads(decay)["quantity"].unique(), "jacobian"))
    rows = sample(usual(rows))
    seen = list(dict.fromkeys(rows["cell"].astype(str)))
    found = []
    for cell in [name for name in SHOWN if name in seen] or seen[:2]:
        own = rows[rows["cell"] == cell]
        biases = bias_order([b for b in own["forget_bias"].astype(str).unique() if b in ("none", *MAIN)])
        found += [
            (_title(cell, bias), curves(own[own["forget_bias"] == bias], ["quantity"])) for bias in biases
        ]
    return found


def _title(cell: str, bias: str) -> str:
    return names.cell(cell) + ("" if bias == "none" else f", forget bias {bias}")


def figure(decay: pd.DataFrame | Runs) -> Figure:
    """Draw both norms of every block against lag, a panel for each setting."""
    found = settings(decay)
    if not found:
        return nothing("the Jacobian")
    drawing, axes = panels([title for title, _ in found], LAG, height=2.6)
    for ax, (_, table) in zip(axes, found, strict=True):
        _norms(ax, table)
        ax.margins(y=0.12)
    low, high = zip(*(ax.get_ylim() for ax in axes), strict=True)
    for ax in axes:
        ax.set_ylim(min(low), max(high))
        powers(ax)
    return drawing


def _norms(ax: Axes, table: pd.DataFrame) -> None:
    """Draw a line per block and norm, the label at the end of the spectral one."""
    for suffix, (label, colour) in BLOCKS.items():
        for norm, dashes in NORMS.items():
            rows = _finite(table, f"jacobian_{norm}{suffix}")
            if len(rows):
                ax.plot(rows["lag"], rows["log10_norm"], color=colour, linestyle=dashes, linewidth=1.4)
            if len(rows) and norm == "spec":
                end_label(ax, rows["lag"].iloc[-1], rows["log10_norm"].iloc[-1], label, colour)


def _finite(table: pd.DataFrame, quantity: str) -> pd.DataFrame:
    return table[(table["quantity"] == quantity) & np.isfinite(table["log10_norm"])]


def alt(decay: pd.DataFrame | Runs) -> str:
    """Return the picture in words: the spectral norms at the longest lag of each setting."""
    found = settings(decay)
    if not found:
        return "This study did not measure the Jacobian."
    each = "; ".join(f"{title}: {_ends(table)}" for title, table in found)
    return (
        "Norms of the Jacobian against lag on a logarithmic axis. "
        f"Powers of ten of the spectral norm at the end: {each}."
    )


def _ends(table: pd.DataFrame) -> str:
    lines = {label: _finite(table, f"jacobian_spec{suffix}") for suffix, (label, _) in BLOCKS.items()}
    return ", ".join(
        f"{label} {number(rows['log10_norm'].iloc[-1])} at lag {rows['lag'].iloc[-1]}"
        for label, rows in lines.items()
        if len(rows)
    )
