"""The gradient in stacks of layers: a batch of stacks in, rows of the depth table out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carousel.axes import Units
from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs, log_size
from carousel.engine.stack import Stack, adjoints
from carousel.measures.decay import covectors
from carousel.measures.rows import labels, tally
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
    keys = [(layer, lag) for layer, by_lag in logs.items() for lag in by_lag]
    found = np.array([tally(logs[layer][lag]) for layer, lag in keys])  # [K 4 M]
    mean, zeros, lost, n = found.transpose(1, 2, 0).reshape(4, -1)
    layer, lag = np.tile(np.array(keys).T, len(settings))
    frame = labels(backend, slice_.slice, settings, np.repeat(np.arange(len(settings)), len(keys))).assign(
        input_size=slice_.input_size,
        layers=layers,
        residual=residual,
        layer=layer,
        lag=lag,
        log10_norm=mean,
        n_zero=zeros.astype(int),
        n_overflow=lost.astype(int),
        n=n.astype(int),
    )
    return laid_out(frame, "depth")


def norms(stack: Stack, covector: Units, lags: set[int]) -> dict[int, ByLag]:
    """log10 of the norm of the gradient by each layer's joint state, by layer and lag; layer 0 is the input."""
    found: dict[int, ByLag] = {layer: {} for layer in range(len(stack.params) + 1)}
    for lag, layers, x in adjoints(stack, covector, lags):
        for layer, scaled in enumerate((x, *layers)):
            if scaled is not None:
                found[layer][lag] = log_size(stack.backend, *scaled)
    return {layer: known(by_lag) for layer, by_lag in found.items()}


def known(by_lag: ByLag) -> ByLag:
    """`by_lag`, NaN for sequences that are NaN at a shorter lag: autograd makes zeros of it at dead units."""
    values = np.stack([*by_lag.values()])
    lost = np.logical_or.accumulate(np.isnan(values), axis=0)
    return dict(zip(by_lag, np.where(lost, np.nan, values), strict=True))
