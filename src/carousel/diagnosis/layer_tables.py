"""The tables of a diagnosis: of each layer and direction what is measured of it."""

from collections.abc import Sequence
from itertools import islice
from typing import SupportsIndex

import numpy as np
import pandas as pd
import torch

from carousel.analysis.stats.tables import select
from carousel.diagnosis.checks import warm_up_of
from carousel.diagnosis.difference_errors import exponents_with_errors, with_errors
from carousel.diagnosis.higher_bias import Change
from carousel.diagnosis.layer import Batch, Layer, ModuleError
from carousel.diagnosis.rates import Rate, inflation, rate_of
from carousel.diagnosis.shares import LAGS, Norms, shares
from carousel.engine.backends.backend import Backend
from carousel.engine.log_space import Logs
from carousel.engine.recurrence import unroll
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity
from carousel.measures.gates import gate_statistics
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.lyapunov.spectrum import spectrum
from carousel.measures.rows import summary
from carousel.tables.quantities import BY_INPUT

EXPONENTS = 16  # of a state too large for all of them


def table(found: Sequence[Layer], parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of each layer, one layer below the other."""
    return pd.concat(
        [
            part.assign(layer=layer.number, direction=layer.direction)[["layer", "direction", *part.columns]]
            for layer, part in zip(found, parts, strict=True)
        ],
        ignore_index=True,
    )


def share_table(
    found: Sequence[Layer],
    norms: Sequence[Norms],
    speeds: Sequence[Rate],
    openings: Sequence[pd.DataFrame],
    change: Change,
) -> pd.DataFrame:
    """What arrives at each layer with its bias so changed, beside the entry factor, from its gates in `openings`."""
    parts = zip(norms, speeds, openings, strict=True)
    frame = table(found, [shares(norm, speed).assign(entry=entry_of(gate)) for norm, speed, gate in parts])
    frame.insert(2, "added", change.added)
    frame.insert(3, "chrono", change.chrono)
    return frame


def shares_of(
    backend: Backend, copies: Sequence[Layer], lags: set[int], seed: int, change: Change
) -> pd.DataFrame:
    """What arrives at each layer of a copy whose bias is so changed."""
    near = {lag for lag in lags if lag <= max(LAGS)}
    norms = [all_norms(backend, layer, near, seed, with_blocks=False) for layer in copies]
    speeds = [rate(backend, *each) for each in zip(copies, norms, strict=True)]
    return share_table(copies, norms, speeds, [gates(backend, layer) for layer in copies], change)


def entry_of(gates: pd.DataFrame) -> float:
    """The median entry factor, d h / d c with the gates held; NaN where a layer has none, or it was not measured."""
    return float(select(gates, quantity="entry", quantile=0.5)["value"].sum(min_count=1))


def all_norms(backend: Backend, layer: Layer, lags: set[int], seed: int, with_blocks: bool = True) -> Norms:
    """The norms of the Jacobian of every batch of a layer, and of its blocks."""
    found = [jacobian_norms(backend, layer, batch, lags, seed, with_blocks) for batch in layer.batches]
    if layer.coarse is None:
        return found
    return with_errors(found, all_norms(backend, layer.coarse, lags, seed, with_blocks))


def decay(layer: Layer, norms: Norms) -> pd.DataFrame:
    """The norms of the Jacobian by lag, over the sequences that are at least as long."""
    rows = []
    for lag in sorted(set().union(*norms)):
        there = [found[lag] for found in norms if lag in found]
        joined = {each: np.concatenate([logs[each] for logs in there], axis=1) for each in there[0]}
        for each in joined:
            if each.column == "log10_norm" and (layer.smooth or each.name not in BY_INPUT):
                errors = joined.get(each._replace(column="error"), np.zeros(1))
                mean, zeros, n = (values[0] for values in summary(joined[each]))
                if np.isnan(mean):
                    raise ModuleError(f"layer {layer.number}: {not_finite(layer, lag)}")
                rows.append((each.name, lag, mean, zeros, n, np.linalg.norm(errors) / n))
    frame = pd.DataFrame(rows, columns=["quantity", "lag", "log10_norm", "n_zero", "n", "error"])
    return frame.sort_values(["quantity", "lag"], ignore_index=True)


def not_finite(layer: Layer, lag: int) -> str:
    """That the Jacobian has no norm at a lag, and what may be done about it where that is of the first state."""
    first = any(lag == len(batch.xs) for batch in layer.batches)
    words = f"; allowed: another `state` than zeros, whose log or root has no slope, or lags below {lag}"
    return f"its Jacobian is not finite at lag {lag}{words if first else ''}"


def rate(backend: Backend, layer: Layer, norms: Norms) -> Rate:
    """The rate at which the Frobenius norm changes with the lag, from all sequences."""
    curves = []
    for found in norms:
        lags = np.array(sorted(found))
        (name,) = (each for each in found[0] if (each.name, each.column) == ("jacobian_fro", "log10_norm"))
        logs = np.stack([found[lag][name][0] for lag in lags], 1)
        curves += [(lags, y) for y in logs]
    return rate_of(curves, state_sizes(backend, layer))


def rates(rate: Rate) -> pd.DataFrame:
    """A rate as a row."""
    ends = (min(rate.sequences, default=np.nan), max(rate.sequences, default=np.nan))
    return pd.DataFrame(
        [(*rate[:4], *ends)], columns=["value", "low", "high", "changes", "smallest", "largest"]
    )


def state_sizes(backend: Backend, layer: Layer) -> np.ndarray:
    """log10 of the root mean square of the state after each step of the longest sequences, [T]."""
    start = system(backend, layer, longest(layer))
    with torch.no_grad():
        steps, last = unroll(start.ops, layer.cell, layer.params, start.xs, start.state)
    states = [*(step.before for step in steps[1:]), last]
    squares = [np.mean([np.square(backend.numpy(s)).mean() for s in state]) for state in states]
    return np.log10(np.maximum(squares, np.finfo(float).tiny)) / 2


def jacobian_norms(
    backend: Backend, layer: Layer, batch: Batch, lags: set[int], seed: int, with_blocks: bool
) -> dict[int, dict[Quantity, Logs]]:
    """The norms of the Jacobian for sequences of one length, by lag."""
    reached = {lag for lag in lags if lag <= len(batch.xs)}
    rng = np.random.default_rng(seed)
    found = jacobians(system(backend, layer, batch), reached, rng, with_blocks=with_blocks)
    return dict(islice(found, len(reached)))  # the steps before the last of them are not gone back


def system(backend: Backend, layer: Layer, batch: Batch) -> System:
    """A layer with its sequences of one length, as what a measurement starts from."""
    return System(backend, layer.cell, layer.params, batch.xs, batch.state)


def longest(layer: Layer) -> Batch:
    """The longest sequences of a layer."""
    return max(layer.batches, key=lambda batch: len(batch.xs))


def lyapunov(
    backend: Backend, layer: Layer, warm_up: SupportsIndex | None, exponents: int | None, seed: int
) -> pd.DataFrame:
    """The Lyapunov exponents, from the longest sequences; no rows for a single step."""
    batch = longest(layer)
    if len(batch.xs) < 2 or exponents == 0:
        return pd.DataFrame({"index": [], "value": [], "error": []})
    start = warm_up_of(warm_up, len(batch.xs))
    rng, k = np.random.default_rng(seed), EXPONENTS if exponents is None else exponents
    found = spectrum(system(backend, layer, batch), start, k, rng)
    index = np.arange(1, found.exponents.shape[1] + 1)
    wider = [inflation(c, found.n) for c in found.correlation[0]]
    table = pd.DataFrame({"index": index, "value": found.exponents[0], "error": found.errors[0] * wider})
    table = table[:exponents]
    if layer.coarse is None:
        return table
    return exponents_with_errors(table, lyapunov(backend, layer.coarse, warm_up, exponents, seed))


def gates(backend: Backend, layer: Layer) -> pd.DataFrame:
    """Gates, entry and exit factors of the longest sequences; no rows for a cell without a carousel."""
    batch, parts = longest(layer), [pd.DataFrame(columns=["quantity", "quantile", "value", "n"])]
    if layer.cell.carries:
        found = gate_statistics(system(backend, layer, batch), ("all",))
        parts = [
            pd.DataFrame(
                {"quantity": each.quantity, "quantile": each.quantile, "value": each.value[0], "n": each.n[0]}
            )
            for each in found
            if each.quantity != f"gate_{layer.cell.candidate}"
        ]
    return pd.concat(parts, ignore_index=True)
