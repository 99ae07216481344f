"""Lyapunov exponents, gates and factors: settings of one cell in, rows of the dynamics table out."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from carousel.engine.backends.backend import Backend
from carousel.measures.gates import Summary, gate_statistics
from carousel.measures.lyapunov.spectrum import Spectrum, spectrum
from carousel.measures.rows import labels
from carousel.study.models import Setting, block_stream, driven
from carousel.study.slices import DynamicsSlice
from carousel.tables.layout import laid_out


def measure(backend: Backend, seed: int, block: Sequence[Setting], part: DynamicsSlice) -> pd.DataFrame:
    """The rows of a block of settings of one cell, size and length."""
    system = driven(backend, seed, block, part)
    rng = block_stream(seed, "tangent", block)
    found = spectrum(system, part.warm_up, part.exponents, rng)
    summaries = [*exponents(found), *gate_statistics(system)]
    return rows(backend, part.slice, block, summaries, trained="no", step=0, gradient="none")


def exponents(found: Spectrum) -> list[Summary]:
    """The spectrum as rows: each exponent, their sum, and the mean of log10 |det| that it is to equal."""
    k = found.exponents.shape[1]
    return [
        single("lyapunov", "exponent", np.arange(1, k + 1), found.exponents, found.errors, found.n),
        *(
            single(name, "all", np.zeros(1, int), value[:, None], np.full((len(value), 1), np.nan), found.n)
            for name, value in (("lyapunov_sum", found.total), ("log_det", found.log_det))
        ),
    ]


def single(
    quantity: str, axis: str, index: np.ndarray, value: np.ndarray, error: np.ndarray, n: int
) -> Summary:
    """A quantity with one number an index, and no quantiles."""
    return Summary(quantity, axis, index, np.full(len(index), np.nan), value, error, np.full(value.shape, n))


def nothing(models: int) -> Summary:
    """A summary of no numbers."""
    none = np.zeros((models, 0))
    return single("", "all", np.zeros(0, int), none, none, 0)


def rows(
    backend: Backend, name: str, block: Sequence[Setting], summaries: Iterable[Summary], **trained: Any
) -> pd.DataFrame:
    """The dynamics table of a block; without rows where a cell has neither gates nor factors."""
    parts = list(summaries) or [nothing(len(block))]
    sizes = [len(part.at) for part in parts]
    value, error, n = (np.concatenate(each, axis=1) for each in list(zip(*parts, strict=True))[4:])
    columns = {
        "quantity": np.repeat([part.quantity for part in parts], sizes),
        "axis": np.repeat([part.axis for part in parts], sizes),
        "index": np.concatenate([part.at for part in parts]),
        "quantile": np.concatenate([part.quantile for part in parts]),
    }
    models = len(block)
    frame = labels(backend, name, block, np.repeat(np.arange(models), sum(sizes))).assign(
        **{column: np.tile(values, models) for column, values in columns.items()},
        value=value.ravel(),
        error=error.ravel(),
        n=n.ravel(),
        **trained,
    )
    return laid_out(frame, "dynamics")
