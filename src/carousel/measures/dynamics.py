"""Lyapunov exponents, gates and factors: a batch of models in, rows of the dynamics table out."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from carousel.engine.backends.backend import Backend
from carousel.measures.gates import Summary, gate_statistics
from carousel.measures.lyapunov.spectrum import Spectrum, spectrum
from carousel.measures.rows import labels
from carousel.study.models import Setting, driven, model_streams
from carousel.study.slices import DynamicsSlice
from carousel.tables.layout import laid_out


def measure(backend: Backend, seed: int, settings: Sequence[Setting], slice_: DynamicsSlice) -> pd.DataFrame:
    """The dynamics rows of a batch of models of one cell, size and length."""
    system = driven(backend, seed, settings, slice_)
    rng = model_streams(seed, "tangent", settings)
    lyapunov = spectrum(system, slice_.warm_up, slice_.exponents, rng)
    summaries = [*exponents(lyapunov), *gate_statistics(system)]
    return rows(backend, slice_.slice, settings, summaries, trained="no", step=0, gradient="none")


def exponents(lyapunov: Spectrum) -> list[Summary]:
    """The spectrum as rows: each exponent, their sum, and the mean of log10 |det| that it is to equal."""
    k = lyapunov.exponents.shape[1]
    return [
        single("lyapunov", "exponent", np.arange(1, k + 1), lyapunov.exponents, lyapunov.errors, lyapunov.n),
        *(
            single(
                name, "all", np.zeros(1, int), value[:, None], np.full((len(value), 1), np.nan), lyapunov.n
            )
            for name, value in (("lyapunov_sum", lyapunov.total), ("log_det", lyapunov.log_det))
        ),
    ]


def single(
    quantity: str, axis: str, index: np.ndarray, value: np.ndarray, error: np.ndarray, n: int
) -> Summary:
    """A quantity with one number per index, and no quantiles."""
    return Summary(quantity, axis, index, np.full(len(index), np.nan), value, error, np.full(value.shape, n))


def nothing(models: int) -> Summary:
    """A summary of no numbers."""
    none = np.zeros((models, 0))
    return single("", "all", np.zeros(0, int), none, none, 0)


def rows(
    backend: Backend, name: str, settings: Sequence[Setting], summaries: Iterable[Summary], **trained: Any
) -> pd.DataFrame:
    """The dynamics table of a batch of models; without rows where a cell has neither gates nor factors."""
    summaries = list(summaries) or [nothing(len(settings))]
    sizes = [len(each.at) for each in summaries]
    value, error, n = (np.concatenate(each, axis=1) for each in list(zip(*summaries, strict=True))[4:])
    index = {
        "quantity": np.repeat([each.quantity for each in summaries], sizes),
        "axis": np.repeat([each.axis for each in summaries], sizes),
        "index": np.concatenate([each.at for each in summaries]),
        "quantile": np.concatenate([each.quantile for each in summaries]),
    }
    numbers = {"value": value.ravel(), "error": error.ravel(), "n": n.ravel()}
    return laid_out(labels(backend, name, settings, index, **trained) | numbers, "dynamics")
