"""The figure of a claim from a file: what decides each part, with its interval, against the threshold."""

import json

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from carousel.axes import BACKENDS, REFERENCE
from carousel.report.figures.style import GREY, LOOKS, legend, nothing, panels

ROW = 0.3  # inches per part
MARKS = "o", "x", "+", "d"  # per backend, the reference first


def figure(claim: pd.Series, evidence: pd.DataFrame) -> Figure:
    """Draw the effect of every part of ``claim``, a row of the claims table, with the interval of the reference.

    The effects of other backends are those over the repetitions that all measured. Lines are the claim's thresholds.
    """
    rows = evidence[np.isfinite(evidence["shared"].fillna(evidence["effect"]).astype(float))]
    if rows.empty:
        return nothing("what this claim is about")
    names = [*dict.fromkeys(rows["part"])]
    figure, (ax,) = panels([""], str(claim["unit"]).partition(" (")[0], height=1.3 + ROW * len(names))
    for mark, backend in zip(MARKS, BACKENDS, strict=False):
        _draw(ax, rows[rows["backend"].astype(str) == backend], names, backend, mark)
    for edge in edges(claim["thresholds"]):
        ax.axvline(edge, color="black", linewidth=0.8)
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(names) - 0.5, -0.5)
    legend(figure, len(BACKENDS))
    return figure


def _draw(ax: Axes, rows: pd.DataFrame, names: list[str], backend: str, mark: str) -> None:
    place = [names.index(part) for part in rows["part"]]
    colour = LOOKS["lstm"][0] if backend == REFERENCE else GREY
    own = rows["effect"] if backend == REFERENCE else rows["shared"].fillna(rows["effect"])
    ax.plot(own.to_numpy(float), place, mark, color=colour, markersize=6, label=BACKENDS[backend].label)
    if backend == REFERENCE and rows["repetitions"].notna().any():
        ax.hlines(
            place,
            rows["low"].to_numpy(float),
            rows["high"].to_numpy(float),
            color=colour,
            linewidth=3,
            alpha=0.5,
        )


def edges(thresholds: str) -> list[float]:
    """Return where the effects of a claim that is written as data are held against; nothing of another claim."""
    found = json.loads(thresholds or "{}")
    return [found[name] for name in ("above", "below", "within", "outside") if name in found] + [
        -found[name] for name in ("within", "outside") if name in found
    ]
