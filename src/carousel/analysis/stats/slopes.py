"""The rate at which a gradient decays: slopes against lag, half-lives, and what they are called.

A rate is the slope of log10 of a norm against lag, in decades per step: negative = the gradient decays on its
way back. -inf = exactly zero. Tables of rates have one row per model (the columns MODEL).
"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL, grouped, select

FIT_WINDOW = (0.1, 0.9)  # of the length: before it the readout's transient, after it the initial state's
STEADY = float(np.log10(2) / 100)  # decades per step: less than a factor of 2 in 100 steps is "constant"


def rates(decay: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return one row per model with ``rate`` (decades per step), ``intercept``, ``points`` and ``zero_share``.

    Least squares over the lags in FIT_WINDOW. Where more than half of the sequences are exactly zero at some
    lag of the window, the typical gradient is zero and the rate is -inf; otherwise the slope is that of the
    sequences still alive and ``zero_share`` tells how many were not.
    """
    rows = in_window(select(decay, quantity=quantity, path=path))
    codes, models = grouped(rows, MODEL)
    zero = (rows["n_zero"] / rows["n"]).to_numpy(float)
    zero_share = _extreme(codes, zero, len(models))
    y = np.where(zero > 0.5, 0.0, rows["log10_norm"].to_numpy(float))
    slope, intercept = least_squares(codes, rows["lag"].to_numpy(float), y, len(models))
    dead, points = zero_share > 0.5, np.bincount(codes, minlength=len(models))
    return models.assign(
        rate=np.where(dead, -np.inf, np.where(points < 2, np.nan, slope)),
        intercept=np.where(dead, -np.inf, intercept),
        points=points,
        zero_share=zero_share,
    )


def in_window(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose lags lie in FIT_WINDOW of their length."""
    low, high = FIT_WINDOW
    return rows[(rows["lag"] >= low * rows["length"]) & (rows["lag"] <= high * rows["length"])]


def _extreme(codes: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    largest = np.zeros(size)
    np.maximum.at(largest, codes, values)
    return largest


def least_squares(
    codes: np.ndarray, x: np.ndarray, y: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and intercept per group by centred sums; the slope is 0 where x does not vary."""
    with np.errstate(invalid="ignore", divide="ignore"):
        n = np.bincount(codes, minlength=size)
        x_mean = np.bincount(codes, x, size) / n
        y_mean = np.bincount(codes, y, size) / n
        dx = x - x_mean[codes]
        dx2 = np.bincount(codes, dx * dx, size)
        slope = np.where(dx2 > 0, np.bincount(codes, dx * (y - y_mean[codes]), size) / dx2, 0.0)
        return slope, y_mean - slope * x_mean


def half_life(rate: np.ndarray | pd.Series | float) -> np.ndarray:
    """Return the steps in which the gradient halves; 0 for a rate of -inf, inf where it does not decay."""
    rate = np.asarray(rate, float)
    with np.errstate(divide="ignore"):
        return np.where(rate < 0, np.log10(2) / np.abs(rate), np.where(np.isnan(rate), np.nan, np.inf))


def regime(rate: np.ndarray | pd.Series | float) -> np.ndarray:
    """Return "vanishing", "steady" or "exploding" by the margin STEADY ("unknown" for NaN)."""
    rate = np.asarray(rate, float)
    return np.select(
        [rate < -STEADY, rate > STEADY, np.isnan(rate)], ["vanishing", "exploding", "unknown"], "steady"
    )


def regime_between(low: np.ndarray | pd.Series | float, high: np.ndarray | pd.Series | float) -> np.ndarray:
    """Return the regime of the whole interval; "unclear" where it straddles a margin, "unknown" for NaN."""
    return np.where(regime(low) == regime(high), regime(low), "unclear")


def margin(low: np.ndarray | pd.Series | float, high: np.ndarray | pd.Series | float) -> np.ndarray:
    """Return how far the interval is from the nearer of -STEADY and STEADY, in decades per step; 0 if it straddles."""
    low, high = np.asarray(low, float), np.asarray(high, float)
    gaps = [np.maximum(np.maximum(low - edge, edge - high), 0.0) for edge in (-STEADY, STEADY)]
    return np.minimum(*gaps)
