"""What is left of a gradient after so many steps, and what that is called: kept, weakened or vanished."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL, grouped, select
from carousel.axes import LAGS
from carousel.tables.runs import Runs

KEPT = float(np.log10(1 / 2))  # decades: a gradient is kept while at least a half of it is left ...
VANISHED = float(
    np.log10(1 / 10)
)  # ... it has vanished where less than a tenth is left, and is weakened between
LOSS = "loss_state", "full"
OWN = "cec", "factor_product"  # derivatives, not gradients of the loss: relative to their own lag 0


def left(decay: pd.DataFrame | Runs, quantity: str, path: str, lags: Sequence[int] = LAGS) -> pd.DataFrame:
    """Return one row per model and lag of ``lags`` that it reaches: MODEL, ``lag`` and ``left``, in decades.

    left: log10 of the norm at that lag, relative to the gradient of the loss by the last state (LOSS at lag 0), for
    OWN relative to the quantity's own lag 0. As recorded where that lag was, else linear between the recorded lags
    around it. -inf where the typical gradient is exactly zero: in more than half of the sequences. NaN where the
    range of floats was left, or the model has no lag 0 to compare with.
    """
    rows = select(decay, quantity=quantity, path=path)
    codes, models = grouped(rows, MODEL)
    model, lag, y = at_lags(codes, rows["lag"].to_numpy(int), typical(rows), len(models), lags)
    start = _start(decay, models, *(LOSS if quantity not in OWN else (quantity, path)))
    with np.errstate(invalid="ignore"):
        return models.take(model).reset_index(drop=True).assign(lag=lag, left=y - start[model])


def typical(rows: pd.DataFrame) -> np.ndarray:
    """Return log10 of the norm of each row [rows]: -inf where more than half of its sequences are exactly zero."""
    return np.where(rows["n_zero"] > rows["n"] / 2, -np.inf, rows["log10_norm"])


def _start(decay: pd.DataFrame | Runs, models: pd.DataFrame, quantity: str, path: str) -> np.ndarray:
    """Return what each model has at lag 0 [models], NaN where it has none."""
    rows = select(decay, quantity=quantity, path=path, lag=0)
    known = rows[MODEL].assign(start=typical(rows))
    return models.merge(known, on=MODEL, how="left")["start"].to_numpy(float)


def at_lags(
    codes: np.ndarray, lag: np.ndarray, y: np.ndarray, size: int, lags: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return curve, lag and y, one each per curve and lag of ``lags`` between its first and last recorded lag.

    ``codes`` [points]: which of ``size`` curves a point (lag, y) belongs to. Between two points y is linear, and -inf
    beside a -inf.
    """
    order = np.lexsort([lag, codes])
    codes, lag, y = codes[order], lag[order], y[order]
    width = max([lag.max(initial=0), *lags]) + 1
    curve, wanted = (axis.ravel() for axis in np.meshgrid(np.arange(size), np.sort(lags), indexing="ij"))
    place = np.searchsorted(codes * width + lag, curve * width + wanted)
    after = np.minimum(place, len(lag) - 1)
    before = after - (lag[after] != wanted)
    inside = (place < len(lag)) & (before >= 0) & (codes[after] == curve) & (codes[before] == curve)
    curve, wanted, before, after = (each[inside] for each in (curve, wanted, before, after))
    return curve, wanted, _between(wanted, lag[before], lag[after], y[before], y[after])


def _between(x: np.ndarray, x0: np.ndarray, x1: np.ndarray, y0: np.ndarray, y1: np.ndarray) -> np.ndarray:
    """Return y at x on the line through (x0, y0) and (x1, y1); y1 where the two points are one."""
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (x - x0) / (x1 - x0)
        return np.where(x0 == x1, y1, np.where(np.isinf(y0), y0, (1 - share) * y0 + share * y1))


def state_of(left: np.ndarray | pd.Series | float) -> np.ndarray:
    """Return "kept", "weakened" or "vanished" by the margins KEPT and VANISHED ("unclear" for NaN)."""
    left = np.asarray(left, float)
    return np.select(
        [left >= KEPT, left < VANISHED, np.isnan(left)], ["kept", "vanished", "unclear"], "weakened"
    )


def state_between(low: np.ndarray | pd.Series | float, high: np.ndarray | pd.Series | float) -> np.ndarray:
    """Return the state of the whole interval; "unclear" where it straddles a margin, or there is none."""
    return np.where(state_of(low) == state_of(high), state_of(low), "unclear")
