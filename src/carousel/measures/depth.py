"""The gradient in stacks of layers: a batch of stacks in, rows of the depth table out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carousel.axes import Units
from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs, log_size
from carousel.engine.stack import Stack, adjoints
from carousel.measures.decay import covectors
from carousel.measures.rows import known, labels, tally
from carousel.study.models import Setting, recorded
from carousel.study.slices import DepthSlice
from carousel.study.stacks import stacked
from carousel.tables.layout import laid_out

ByLag = dict[int, Logs]


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what overflows is counted in the rows
def measure(
    backend: Backend, seed: int, settings: Sequence[Setting], slice_: DepthSlice, layers: int, residual: bool
) -> pd.DataFrame:
    """The depth rows of a batch of stacks of one cell, size and length, and of so many layers."""
    stack = stacked(backend, seed, settings, slice_, layers, residual)
    covector = backend.array(covectors(seed, settings, slice_.batch))
    logs = norms(stack, covector, recorded(settings[0].length, slice_.lags_per_octave))
    found = (tally(known(np.stack([*by_lag.values()]))) for by_lag in logs.values())
    mean, zeros, lost, n = np.concatenate([*found], axis=1).swapaxes(1, 2).reshape(4, -1)
    index = {
        "layer": [layer for layer, by_lag in logs.items() for _ in by_lag],
        "lag": [lag for by_lag in logs.values() for lag in by_lag],
    }
    stage = {"input_size": slice_.input_size, "layers": layers, "residual": residual}
    columns = labels(backend, slice_.slice, settings, index, **stage) | {
        "log10_norm": mean,
        "n_zero": zeros.astype(int),
        "n_overflow": lost.astype(int),
        "n": n.astype(int),
    }
    return laid_out(columns, "depth")


def norms(stack: Stack, covector: Units, lags: set[int]) -> dict[int, ByLag]:
    """log10 of the norm of the gradient by each layer's joint state, by layer and lag; layer 0 is the input."""
    found: dict[int, ByLag] = {layer: {} for layer in range(len(stack.params) + 1)}
    for lag, layers, x in adjoints(stack, covector, lags):
        for layer, scaled in enumerate((x, *layers)):
            if scaled is not None:
                found[layer][lag] = log_size(stack.backend, *scaled)
    return found
