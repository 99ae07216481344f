"""The decay of a layer in one sentence.

The Frobenius norm relative to lag 0 is the root mean square of the gradient at the state, over losses whose gradient
by the last state has norm 1 and any direction.
"""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import FIT_WINDOW, half_life, regime
from carousel.analysis.stats.tables import select

SMALLEST = {name: math.log10(np.finfo(name).smallest_subnormal) for name in ("float32", "float64")}
LARGEST = {name: math.log10(np.finfo(name).max) for name in ("float32", "float64")}
ROUNDING = 1e-6  # of a lag: the error by which a norm on the edge may miss it


def sentence(decay: pd.DataFrame, key: tuple[int, str], words: str, two_ways: bool) -> str:
    """The decay of one layer and direction, by the rows of the decay table."""
    rows = select(decay, layer=key[0], direction=key[1], quantity="jacobian_fro").sort_values("lag")
    subject = f"Layer {key[0]}{f' {key[1]}' if two_ways else ''} ({words}): the gradient"
    dead = rows.loc[rows["n_zero"] > rows["n"] / 2, "lag"]
    if len(dead):
        return f"{subject} of most sequences is exactly zero from lag {dead.iloc[0]:,} on, at any precision."
    lag, y = rows["lag"].to_numpy(float), rows["log10_norm"].to_numpy(float)
    return f"{subject} {decay_text(lag, y - y[0])}."


def decay_text(lag: np.ndarray, y: np.ndarray) -> str:
    """How log10 of a norm changes with the lag, from 0 at lag 0, in words."""
    slope = rate(lag, y)
    match str(regime(slope)):
        case "vanishing":
            steps = f"halves every {half_life(slope):.3g} steps"
            low, high = (lag_text(*crossing(lag, y, slope, edge), math.floor) for edge in SMALLEST.values())
            return f"{steps}; in float32 nothing is left beyond lag {low}, in float64 beyond {high}"
        case "exploding":
            steps = f"doubles every {half_life(-slope):.3g} steps"
            low, high = (lag_text(*crossing(lag, y, slope, edge), math.ceil) for edge in LARGEST.values())
            return f"{steps}; float32 overflows at lag {low}, float64 at {high}"
        case "steady":
            return "neither halves nor doubles within 100 steps"
    return f"was followed for too few steps ({lag[-1]:.0f}) to tell its rate"


def rate(lag: np.ndarray, y: np.ndarray) -> float:
    """Decades per step: the slope of least squares over FIT_WINDOW of the lags; NaN for fewer than two there."""
    low, high = (share * lag[-1] for share in FIT_WINDOW)
    inside = (lag >= low) & (lag <= high)
    return float(np.polyfit(lag[inside], y[inside], 1)[0]) if inside.sum() > 1 else math.nan


def crossing(lag: np.ndarray, y: np.ndarray, slope: float, edge: float) -> tuple[float, bool]:
    """The lag at which y crosses `edge`, and whether that was reached; if not, it follows from the slope."""
    past = np.flatnonzero(y < edge if edge < 0 else y > edge)
    if len(past) == 0:
        return float(lag[-1] + (edge - y[-1]) / slope), False
    k = past[0]
    share = (edge - y[k - 1]) / (y[k] - y[k - 1])
    return float(lag[k - 1] + share * (lag[k] - lag[k - 1])), True


def lag_text(lag: float, reached: bool, rounded: Callable[[float], int]) -> str:
    """A whole lag in words, `rounded` where it is not one up to rounding errors."""
    near = round(lag) if abs(lag - round(lag)) < ROUNDING else rounded(lag)
    return f"{near:,}{'' if reached else ' (extrapolated)'}"
