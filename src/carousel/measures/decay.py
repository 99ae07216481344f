"""Gradient decay at initialisation: a batch of models in, rows of the decay table out."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity, gradient_by_lag
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.rows import rows
from carousel.study.models import Setting, covector, driven, model_streams, recorded
from carousel.study.slices import DecaySlice, SearchSlice
from carousel.tables.stacking import concat


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what overflows is counted in the rows
def measure(
    backend: Backend,
    seed: int,
    settings: Sequence[Setting],
    slice_: DecaySlice | SearchSlice,
    wanted: Collection[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """The decay rows of a batch of models of one cell, size and length; only what is `wanted`, if given."""
    system = driven(backend, seed, settings, slice_)
    lags = recorded(settings[0].length, slice_.lags_per_octave)
    logs = {
        "gradient": lambda: gradient_by_lag(
            system, backend.array(covectors(seed, settings, slice_.batch)), lags
        ),
        "jacobian": lambda: jacobians(system, lags, model_streams(seed, "probes", settings)),
    }
    tables = [
        rows(
            backend,
            slice_.slice,
            settings,
            only(logs[name](), wanted),
            trained="no",
            step=0,
            gradient="none",
            input_size=slice_.input_size,
        )
        for name in slice_.measures
    ]
    return tables[0] if len(tables) == 1 else concat(tables)


def only(
    logs: Iterable[tuple[int, dict[Quantity, Logs]]], wanted: Collection[tuple[str, str]] | None
) -> Iterator[tuple[int, dict[Quantity, Logs]]]:
    """The `wanted` quantities and paths of `logs`; all if it is None."""
    for lag, values in logs:
        yield lag, {q: v for q, v in values.items() if wanted is None or q[:2] in wanted}


def covectors(seed: int, settings: Sequence[Setting], batch: int) -> Float[np.ndarray, "M H B"]:
    """A random direction of norm 1 per model and sequence: the adjoint of the last h."""
    return np.stack([covector(seed, s, batch) for s in settings])
