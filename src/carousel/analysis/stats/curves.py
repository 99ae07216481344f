"""The shape of a decay: which of constant, exponential and power law predicts lags that it has not seen."""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import FIT_WINDOW, in_window, least_squares
from carousel.analysis.stats.tables import MODEL, grouped, select

FITTED = 2 / 3  # of the window: models of decay are fitted on it and judged on the rest
PARSIMONY = 0.8  # a richer model must leave less than this share of the simpler one's held-out error ...
RESOLUTION = 1e-3  # ... and less than this many decades below it: smaller gains are rounding or noise


def best_model(decay: pd.DataFrame, quantity: str, path: str) -> pd.DataFrame:
    """Return one row per model with the held-out errors (decades, root mean square) and the ``best`` of them.

    Constant, exponential (log10 norm linear in lag) and power law (linear in log lag) are fitted on the first
    two thirds of FIT_WINDOW and judged on the last third. A slope must earn its place: see PARSIMONY. ``best``
    is "none" where fewer than two lags are left on either side, or the gradient is exactly zero there.
    """
    rows = in_window(select(decay, quantity=quantity, path=path))
    codes, models = grouped(rows, MODEL)
    x, y = rows["lag"].to_numpy(float), rows["log10_norm"].to_numpy(float)
    low, high = FIT_WINDOW
    early = x <= (low + FITTED * (high - low)) * rows["length"].to_numpy(float)
    flat = np.zeros_like(x)
    for name, column in (("constant", flat), ("exponential", x), ("power", np.log10(np.maximum(x, 1)))):
        models[name] = _held_out(codes, column, y, early, len(models))
    enough = np.minimum(_count(codes[early], len(models)), _count(codes[~early], len(models))) >= 2
    models["best"] = np.where(enough, _simplest(models), "none")
    return models


def _count(codes: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(codes, minlength=size)


def _held_out(codes: np.ndarray, x: np.ndarray, y: np.ndarray, early: np.ndarray, size: int) -> np.ndarray:
    slope, intercept = least_squares(codes[early], x[early], y[early], size)
    late = ~early
    with np.errstate(invalid="ignore", divide="ignore"):
        residual = y[late] - (intercept[codes[late]] + slope[codes[late]] * x[late])
        return np.sqrt(np.bincount(codes[late], residual**2, size) / _count(codes[late], size))


def _simplest(models: pd.DataFrame) -> np.ndarray:
    constant = models["constant"].to_numpy()
    sloped = models[["exponential", "power"]].to_numpy()
    name = np.where(sloped[:, 0] <= sloped[:, 1], "exponential", "power")
    least = sloped.min(axis=1)
    earned = (least < PARSIMONY * constant) & (least < constant - RESOLUTION)
    return np.where(np.isfinite(constant) & np.isfinite(least), np.where(earned, name, "constant"), "none")
