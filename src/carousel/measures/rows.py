"""The decay table: what was measured of a batch of models, as rows."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity
from carousel.study.models import Setting
from carousel.tables.layout import laid_out


def rows(
    backend: Backend,
    name: str,
    settings: Sequence[Setting],
    logs: Iterator[tuple[int, dict[Quantity, Logs]]],
    **trained: Any,
) -> pd.DataFrame:
    """The decay table of a batch of models: per model, quantity, path and lag the mean over sequences of log10.

    ``error`` is the standard error of that mean where the logs are estimates, and 0 where they are exact.
    ``cosine`` is NaN but for the joint state's gradient: the mean cosine with the full one. ``n_overflow`` counts
    sequences whose gradient is not known, for its forward pass left the range of floats; where there is one, the mean
    is NaN.
    """
    by_lag = dict(logs)
    lags = sorted(by_lag)
    quantities = dict.fromkeys(q for k in lags for q in by_lag[k] if q.column == "log10_norm")
    keys = [(q, k) for q in quantities for k in lags if q in by_lag[k]]
    summaries = np.array([summaries_of(by_lag[k], q) for q, k in keys])  # [K 6 M]
    if np.isnan(summaries[:, 0]).any():
        by_lag = {k: unknown_from(by_lag, k) for k in lags}
        summaries = np.array([summaries_of(by_lag[k], q) for q, k in keys])
    mean, zeros, lost, n, cosine, error = summaries.transpose(1, 2, 0).reshape(6, -1)
    row = np.tile(np.arange(len(keys)), len(settings))
    frame = labels(backend, name, settings, np.repeat(np.arange(len(settings)), len(keys))).assign(
        quantity=np.array([q.name for q, _ in keys])[row],
        path=np.array([q.path for q, _ in keys])[row],
        lag=np.array([k for _, k in keys])[row],
        log10_norm=mean,
        n_zero=zeros.astype(int),
        n_overflow=lost.astype(int),
        n=n.astype(int),
        cosine=cosine,
        error=error,
        **trained,
    )
    return laid_out(frame, "decay")


def labels(backend: Backend, name: str, settings: Sequence[Setting], model: np.ndarray) -> pd.DataFrame:
    """The columns that say what was measured, a row per entry of `model`, which is a place in `settings`."""
    frame = pd.DataFrame([asdict(setting) for setting in settings]).iloc[model].reset_index(drop=True)
    return frame.assign(
        backend=backend.name,
        device=backend.device,
        dtype=backend.dtype,
        slice=name,
    )


def summaries_of(logs: dict[Quantity, Logs], quantity: Quantity) -> list[np.ndarray]:
    """The numbers of one row, per model: those of `tally`, the mean cosine, and the standard error."""
    values, models = logs[quantity], len(logs[quantity])
    cosine, error = (logs.get(quantity._replace(column=name)) for name in ("cosine", "error"))
    return [
        *tally(values),
        np.full(models, np.nan) if cosine is None else mean_of(cosine),
        np.zeros(models) if error is None else mean_error(error, ~np.isneginf(values)),
    ]


def unknown_from(by_lag: dict[int, dict[Quantity, Logs]], lag: int) -> dict[Quantity, Logs]:
    """The logs at `lag`, NaN for sequences that are NaN at a shorter one: autograd makes zeros of it at dead units."""
    shorter = [logs for k, logs in by_lag.items() if k <= lag]
    return {
        q: values + 0.0 * sum(np.where(np.isnan(logs[q]), np.nan, 0.0) for logs in shorter if q in logs)
        if q.column == "log10_norm"
        else values
        for q, values in by_lag[lag].items()
    }


def tally(logs: Logs) -> tuple[np.ndarray, ...]:
    """Per model: mean and zeros as in `summary`, the number of logs that are NaN, and that of all."""
    mean, zeros, n = summary(logs)
    return mean, zeros, np.isnan(logs).sum(1), n


def mean_of(values: Logs) -> np.ndarray:
    """Per model: the mean of the values that are not NaN; NaN where all are."""
    there = ~np.isnan(values)
    total, count = np.where(there, values, 0.0).sum(1), there.sum(1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_error(errors: Logs, counted: np.ndarray) -> np.ndarray:
    """Per model: the standard error of the mean of independent estimates, of those that are counted."""
    return np.sqrt(np.where(counted, np.square(errors), 0.0).sum(1)) / np.maximum(counted.sum(1), 1)


def summary(logs: Logs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per model: the mean of the logs that are not of an exact zero, the number of zeros, and of all.

    A log that is NaN makes the mean NaN: those that are left would be the ones that explode least.
    """
    zero = np.isneginf(logs)
    count = (~zero).sum(1)
    total = np.where(zero, 0.0, logs).sum(1)
    mean = np.where(count > 0, total / np.maximum(count, 1), -np.inf)
    return mean, zero.sum(1), np.full(len(logs), logs.shape[1])
