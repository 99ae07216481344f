"""The diagnosis of a torch module: a user's module in, tables out."""

from collections.abc import Iterable, Sequence
from typing import Any, SupportsIndex

import numpy as np
import pandas as pd
import torch

from carousel.diagnosis.checks import (
    exponents_of,
    lags_of,
    warm_up_of,
    whole,
)
from carousel.diagnosis.keras_layers import inside_model, is_keras
from carousel.diagnosis.layer import Batch, Layer, ModuleError
from carousel.diagnosis.modules import device_of, layers_of
from carousel.diagnosis.network import inside
from carousel.diagnosis.process_state import preserved_process_state
from carousel.diagnosis.rates import inflation, rate_of
from carousel.diagnosis.result import Diagnosis
from carousel.engine.backends.backend import Backend
from carousel.engine.backends.table import load
from carousel.engine.log_space import Logs
from carousel.engine.recurrence import unroll
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity
from carousel.measures.gates import gate_statistics
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.lyapunov.spectrum import spectrum
from carousel.measures.rows import summary
from carousel.study.schema import SEEDS
from carousel.tables.quantities import BY_INPUT

EXPONENTS = 16  # of a state too large for all of them
LARGEST_ERROR = 0.05  # decades, of a norm by finite differences: 12 %


def diagnose(
    module: Any,
    inputs: Any,
    state: Any = None,
    *,
    layer: str | None = None,
    lags: Iterable[SupportsIndex] | None = None,
    exponents: SupportsIndex | None = None,
    warm_up: SupportsIndex | None = None,
    dtype: str = "float64",
    seed: SupportsIndex = 1,
) -> Diagnosis:
    """How far back in time the gradient of `module` reaches, on `inputs`.

    `module`: torch.nn.RNN, LSTM or GRU (any number of layers, bidirectional, proj_size, packed or unbatched inputs),
    their cells, or any module ``(x, state) -> (out, state)`` or ``-> state`` that reads steps inputs[t], [batch, ...],
    or sequences, time or batch first. Its state, tensors in tuples, lists, dictionaries or data classes, has the batch
    first or, of three axes, second. `state`: that before the first step, in the module's own shape; zeros if left out.
    `layer`: the name of a module inside `module`, as in ``named_modules``, to measure on what it reads where `module`
    reads `inputs` (a tuple of arguments or a dictionary of named ones, if it takes several).
    `lags`: which to record beside 0; if left out all up to 32, then 16 per doubling. `exponents`: how many Lyapunov
    exponents, 0 for none; if left out all, but 16 of a state of more than 256 numbers (h and c together), whose norms
    are estimates, too, from random vectors seeded by `seed`, with standard errors. Exponents and gates are those of
    the longest sequences; the exponents leave out their first `warm_up` steps, for the state, and as many more, for
    the basis (a quarter each if left out).

    Each layer is measured by itself: the Jacobian of its state (h and c together) after the last step by its state
    `lag` steps before, at fixed inputs, which are what the module makes of the layer before. A sequence counts up to
    its own length. The module runs on its device in evaluation mode (no dropout), on a copy that is then measured in
    `dtype`; the module, its gradients and the random state stay as they are. The time is that of as many backward
    passes as the state has numbers: a few sequences are enough.
    Raises ModuleError, in one line, for what cannot be measured, and DeviceError for a device other than cpu or cuda.
    """
    if layer is not None and state is not None:
        raise ModuleError(
            "state: found one, and a layer; allowed: one of them, a layer has its state from the pass"
        )
    device = device_of(module, inputs, dtype, within=layer is not None)
    exponents, seed = exponents_of(exponents), whole("seed", seed, SEEDS - 1)
    with preserved_process_state(device, getattr(torch, dtype)):
        backend = load("torch", str(device), dtype)
        like = torch.zeros((), device=device, dtype=getattr(torch, dtype))
        if layer is not None:
            read = inside_model if is_keras(module) else inside
            module, inputs, state = read(module, layer, inputs)
            device_of(module, inputs, dtype)
        found = layers_of(module, inputs, state, like)
        norms = [all_norms(backend, layer, lags, seed) for layer in found]
        report = Diagnosis(
            decay=table(found, [decay(*each) for each in zip(found, norms, strict=True)]),
            rates=table(found, [rates(backend, *each) for each in zip(found, norms, strict=True)]),
            exponents=table(found, [lyapunov(backend, layer, warm_up, exponents, seed) for layer in found]),
            gates=table(found, [gates(backend, layer) for layer in found]),
            descriptions={(layer.number, layer.direction): layer.description for layer in found},
        )
        for each in found:
            each.check()
        return report


def table(found: Sequence[Layer], parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The rows of each layer, one layer below the other."""
    return pd.concat(
        [
            part.assign(layer=layer.number, direction=layer.direction)[["layer", "direction", *part.columns]]
            for layer, part in zip(found, parts, strict=True)
        ],
        ignore_index=True,
    )


Norms = list[dict[int, dict[Quantity, np.ndarray]]]  # of sequences of one length each, by lag: [1 B]


def all_norms(backend: Backend, layer: Layer, lags: Iterable[SupportsIndex] | None, seed: int) -> Norms:
    """The norms of the Jacobian of every batch of a layer."""
    wanted = lags_of(len(longest(layer).xs), lags)
    found = [jacobian_norms(backend, layer, batch, wanted, seed) for batch in layer.batches]
    return found if layer.coarse is None else with_errors(found, all_norms(backend, layer.coarse, lags, seed))


def with_errors(found: Norms, coarse: Norms) -> Norms:
    """The norms with their differences from those at twice the step size. Raises ModuleError where these are large."""
    parts = []
    for fine, other in zip(found, coarse, strict=True):
        errors = {
            lag: {q._replace(column="error"): difference(fine[lag][q], other[lag][q]) for q in fine[lag]}
            for lag in fine
        }
        for lag, each in errors.items():
            if (worst := max(error.max() for error in each.values())) > LARGEST_ERROR:
                raise ModuleError(
                    f"function: its finite differences at two step sizes differ by {worst:.2g} decades at lag {lag}; "
                    "allowed: a smooth function, computed in the precision of the state that is given"
                )
        parts.append({lag: fine[lag] | errors[lag] for lag in fine})
    return parts


def difference(one: Logs, other: Logs) -> Logs:
    """How far two logs lie apart, 0 where both are -inf."""
    return abs(np.subtract(one, other, out=np.zeros_like(one), where=one != other))


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


def rates(backend: Backend, layer: Layer, norms: Norms) -> pd.DataFrame:
    """The rate at which the Frobenius norm changes with the lag, from all sequences, one row."""
    curves = []
    for found in norms:
        lags = np.array(sorted(found))
        (name,) = (each for each in found[0] if (each.name, each.column) == ("jacobian_fro", "log10_norm"))
        logs = np.stack([found[lag][name][0] for lag in lags], 1)
        curves += [(lags, y) for y in logs]
    rate = rate_of(curves, state_sizes(backend, layer))
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
    backend: Backend, layer: Layer, batch: Batch, lags: set[int], seed: int
) -> dict[int, dict[Quantity, Logs]]:
    """The norms of the Jacobian for sequences of one length, by lag."""
    reached = {lag for lag in lags if lag <= len(batch.xs)}
    rng = np.random.default_rng(seed)
    return dict(jacobians(system(backend, layer, batch), reached, rng))


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
    if layer.coarse is not None:
        other = lyapunov(backend, layer.coarse, warm_up, exponents, seed)
        table["error"] = np.hypot(table["error"], table["value"] - other["value"])
    return table


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
