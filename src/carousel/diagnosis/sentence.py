"""The decay of a layer in one sentence.

The Frobenius norm relative to lag 0 is the root mean square of the gradient at the state, over losses whose gradient
by the last state has norm 1 and any direction. What lies beyond the last lag is said only of a rate whose whole
interval says the same, and that does not change with the lag.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import FIT_WINDOW, regime
from carousel.analysis.stats.tables import select

SMALLEST = {name: math.log10(np.finfo(name).smallest_subnormal) for name in ("float32", "float64")}
LARGEST = {name: math.log10(np.finfo(name).max) for name in ("float32", "float64")}
CLOSE = 0.05  # of a number: an interval that is not wider is not said
ROUNDING = 1e-6  # of a lag: the error by which a norm on the edge may miss it


def sentence(
    decay: pd.DataFrame, rates: pd.DataFrame, key: tuple[int, str], words: str, two_ways: bool
) -> str:
    """The decay of one layer and direction, by its rows of the tables of decay and rates."""
    rows = select(decay, layer=key[0], direction=key[1], quantity="jacobian_fro").sort_values("lag")
    subject = f"Layer {key[0]}{f' {key[1]}' if two_ways else ''} ({words}): the gradient"
    dead = rows.loc[rows["n_zero"] > rows["n"] / 2, "lag"]
    if len(dead):
        return f"{subject} of most sequences is exactly zero from lag {dead.iloc[0]:,} on, at any precision."
    lag, y = rows["lag"].to_numpy(float), rows["log10_norm"].to_numpy(float)
    (row,) = select(rates, layer=key[0], direction=key[1]).itertuples()
    return f"{subject} {decay_text(lag, y - y[0], row)}."


def decay_text(lag: np.ndarray, y: np.ndarray, rate: Any) -> str:
    """How log10 of a norm changes with the lag, from 0 at lag 0, in words; `rate`: a row of the table of rates."""
    if math.isnan(rate.value):
        few = f"for too few steps ({lag[-1]:.0f})" if len(lag) == lag[-1] + 1 else "at too few lags"
        return f"was followed {few} to tell its rate"
    told = {str(regime(each)) for each in (rate.low, rate.value, rate.high)}
    if rate.changes or len(told) > 1:
        return f"{unclear(lag, rate)}{ends(lag, y)}"
    if told == {"vanishing"}:
        steps = f"halves every {times(-rate.low, -rate.value, -rate.high)} steps"
        low, high = (edge_text(lag, y, rate, edge, math.floor) for edge in SMALLEST.values())
        return f"{steps}; in float32 nothing is left beyond lag {low}, in float64 beyond {high}"
    if told == {"exploding"}:
        steps = f"doubles every {times(rate.high, rate.value, rate.low)} steps"
        low, high = (edge_text(lag, y, rate, edge, math.ceil) for edge in LARGEST.values())
        return f"{steps}; float32 overflows at lag {low}, float64 at {high}"
    return "changes by less than a factor of 2 in 100 steps"


def unclear(lag: np.ndarray, rate: Any) -> str:
    """What the lags show of a rate that they do not settle."""
    first, last = (share * lag[-1] for share in FIT_WINDOW)
    between = f"from lag {first:.0f} to {last:.0f}"
    if rate.changes:
        way, by = "falls" if rate.value < 0 else "grows", power(abs(rate.value) * (last - first))
        return f"{way} by a factor of {by} {between}, at a rate that is not yet that of longer sequences"
    low, high = (power(each * (last - first)) for each in (rate.low, rate.high))
    return f"changes by a factor of {low} to {high} (95 %) {between}: take longer sequences, or more, to tell its rate"


def power(decades: float) -> str:
    """10 to the power of `decades`, which a float may not hold."""
    return f"{10**decades:.2g}" if abs(decades) < 4 else f"1e{decades:+.0f}"


def ends(lag: np.ndarray, y: np.ndarray) -> str:
    """Where a float ends, if the lags reach it."""
    found = [(name, *crossing(lag, y, math.nan, edge)) for name, edge in SMALLEST.items()]
    told = [f"{name} beyond lag {lag_text(at, True, math.floor)}" for name, at, reached in found if reached]
    return f"; nothing is left in {', in '.join(told)}" if told else ""


def times(fast: float, rate: float, slow: float) -> str:
    """The steps in which a rate halves or doubles, with the interval where it is wider than CLOSE."""
    low, middle, high = (f"{math.log10(2) / each:.3g}" for each in (fast, rate, slow))
    return middle if fast < (1 + CLOSE) * slow else f"{middle} ({low} to {high})"


def edge_text(lag: np.ndarray, y: np.ndarray, rate: Any, edge: float, rounded: Callable[[float], int]) -> str:
    """The lag at which y crosses `edge`; an interval where it is extrapolated from a rate that has one."""
    at, reached = crossing(lag, y, rate.value, edge)
    low, high = sorted(crossing(lag, y, slope, edge)[0] for slope in (rate.low, rate.high))
    if reached or high < (1 + CLOSE) * low:
        return lag_text(at, reached, rounded)
    return f"{lag_text(low, True, rounded)} to {lag_text(high, False, rounded)}"


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
