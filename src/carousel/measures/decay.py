"""Gradient decay at initialisation: settings of one cell in, rows of the decay table out."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity, gradient_by_lag
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.rows import rows
from carousel.study.models import Setting, block_stream, covector, driven, recorded
from carousel.study.slices import DecaySlice, SearchSlice
from carousel.tables.stacking import concat


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what overflows is told in the rows
def measure(
    backend: Backend,
    seed: int,
    block: Sequence[Setting],
    part: DecaySlice | SearchSlice,
    wanted: Collection[tuple[str, str]] | None = None,
) -> pd.DataFrame:
    """The rows of a block of settings of one cell, size and length; of the `wanted` quantities and paths alone."""
    system = driven(backend, seed, block, part)
    lags = recorded(block[0].length, part.lags_per_octave)
    found = {
        "gradient": lambda: gradient_by_lag(system, backend.array(covectors(seed, block, part.batch)), lags),
        "jacobian": lambda: jacobians(system, lags, block_stream(seed, "probes", block)),
    }
    about = {"input_size": part.input_size, "input_scale": part.input_scale}
    tables = [
        rows(
            backend,
            part.slice,
            block,
            only(found[name](), wanted),
            trained="no",
            step=0,
            gradient="none",
            **about,
        )
        for name in part.measures
    ]
    return tables[0] if len(tables) == 1 else concat(tables)


def only(
    logs: Iterable[tuple[int, dict[Quantity, Logs]]], wanted: Collection[tuple[str, str]] | None
) -> Iterator[tuple[int, dict[Quantity, Logs]]]:
    """What is wanted of `logs`; all if nothing is said."""
    for lag, found in logs:
        yield lag, {q: v for q, v in found.items() if wanted is None or q[:2] in wanted}


def covectors(seed: int, block: Sequence[Setting], batch: int) -> Float[np.ndarray, "M H B"]:
    """One a model and sequence."""
    return np.stack([covector(seed, s, batch) for s in block])
