"""The decay table: what was measured of a batch of models, as rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity
from carousel.study.models import Setting
from carousel.tables.layout import laid_out

Values: TypeAlias = Sequence[Any] | np.ndarray
Column: TypeAlias = np.ndarray | pd.Categorical


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
    quantities = dict.fromkeys(q for k in sorted(by_lag) for q in by_lag[k] if q.column == "log10_norm")
    lags = {q: [k for k in sorted(by_lag) if q in by_lag[k]] for q in quantities}
    found = (summaries([by_lag[k] for k in lags[q]], q) for q in quantities)
    mean, zeros, lost, n, cosine, error = np.concatenate([*found], axis=1).swapaxes(1, 2).reshape(6, -1)
    index = zip(*((q.name, q.path, k) for q in quantities for k in lags[q]), strict=True)
    columns = labels(
        backend, name, settings, dict(zip(("quantity", "path", "lag"), index, strict=True)), **trained
    )
    return laid_out(
        columns
        | {
            "log10_norm": mean,
            "n_zero": zeros.astype(int),
            "n_overflow": lost.astype(int),
            "n": n.astype(int),
            "cosine": cosine,
            "error": error,
        },
        "decay",
    )


def labels(
    backend: Backend, name: str, settings: Sequence[Setting], index: Mapping[str, Values], **trained: Any
) -> dict[str, Column]:
    """The columns that say what was measured: the rows of `index` for each of `settings`, one after the other."""
    of_all = trained | {
        "backend": backend.name,
        "device": backend.device,
        "dtype": backend.dtype,
        "slice": name,
    }
    models = {column: [value] * len(settings) for column, value in of_all.items()}
    models |= {column: [vars(setting)[column] for setting in settings] for column in vars(settings[0])}
    count = len(next(iter(index.values())))
    model, row = np.repeat(np.arange(len(settings)), count), np.tile(np.arange(count), len(settings))
    return {c: at_rows(v, model) for c, v in models.items()} | {c: at_rows(v, row) for c, v in index.items()}


def at_rows(values: Values, rows: Int[np.ndarray, " N"]) -> Column:
    """The value at each of `rows`; texts as categories in sorted order, found while each stands there once."""
    values = np.asarray(values)
    if values.dtype.kind != "U":
        return values[rows]
    texts, places = np.unique(values, return_inverse=True)
    return pd.Categorical.from_codes(places[rows], texts)


def summaries(logs: Sequence[dict[Quantity, Logs]], quantity: Quantity) -> Float[np.ndarray, "6 K M"]:
    """The numbers of a quantity's rows at each of K lags, the shortest first.

    They are those of `tally`, the mean cosine, and the standard error.
    """
    values = known(np.stack([each[quantity] for each in logs]))
    cosine, error = (along(logs, quantity._replace(column=name)) for name in ("cosine", "error"))
    return np.stack(
        [
            *tally(values),
            np.full(values.shape[:2], np.nan) if cosine is None else mean_of(cosine),
            np.zeros(values.shape[:2]) if error is None else mean_error(error, ~np.isneginf(values)),
        ]
    )


def along(logs: Sequence[dict[Quantity, Logs]], quantity: Quantity) -> Float[np.ndarray, "K M N"] | None:
    """The values of a quantity at each of K lags; None where it is not measured."""
    return np.stack([each[quantity] for each in logs]) if quantity in logs[0] else None


def known(values: Float[np.ndarray, "K M N"]) -> Float[np.ndarray, "K M N"]:
    """`values`, NaN for sequences that are NaN at a shorter lag: autograd makes zeros of it at dead units."""
    lost = np.isnan(values)
    return np.where(np.logical_or.accumulate(lost, axis=0), np.nan, values) if lost.any() else values


def tally(logs: Float[np.ndarray, "*K M N"]) -> tuple[np.ndarray, ...]:
    """Per model: mean and zeros as in `summary`, the number of logs that are NaN, and that of all."""
    mean, zeros, n = summary(logs)
    return mean, zeros, np.count_nonzero(np.isnan(logs), axis=-1), n


def mean_of(values: Float[np.ndarray, "*K M N"]) -> Float[np.ndarray, "*K M"]:
    """Per model: the mean of the values that are not NaN; NaN where all are."""
    there = ~np.isnan(values)
    total, count = np.where(there, values, 0.0).sum(-1), there.sum(-1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def mean_error(
    errors: Float[np.ndarray, "*K M N"], counted: Bool[np.ndarray, "*K M N"]
) -> Float[np.ndarray, "*K M"]:
    """Per model: the standard error of the mean of independent estimates, of those that are counted."""
    return np.sqrt(np.where(counted, np.square(errors), 0.0).sum(-1)) / np.maximum(counted.sum(-1), 1)


def summary(logs: Float[np.ndarray, "*K M N"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Per model: the mean of the logs that are not of an exact zero, the number of zeros, and of all.

    A log that is NaN makes the mean NaN: those that are left would be the ones that explode least.
    """
    zero = logs == -np.inf
    zeros = np.count_nonzero(zero, axis=-1)
    count, total = zero.shape[-1] - zeros, np.where(zero, 0.0, logs).sum(-1)
    mean = np.where(count > 0, total / np.maximum(count, 1), -np.inf)
    return mean, zeros, np.full(zero.shape[:-1], zero.shape[-1])
