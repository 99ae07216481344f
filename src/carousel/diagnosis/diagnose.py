"""The diagnosis of a torch module: a user's module in, tables out."""

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any, SupportsIndex

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from carousel.diagnosis.checks import (
    check_weights,
    exponents_of,
    given_copies,
    lags_of,
    warm_up_of,
    whole,
    with_constants_in,
)
from carousel.diagnosis.layer import Batch, Layer, ModuleError
from carousel.diagnosis.layers import CELL_KINDS, KINDS, from_cell, is_torch_class, layers
from carousel.diagnosis.process_state import preserved_process_state
from carousel.diagnosis.result import Diagnosis
from carousel.diagnosis.steps import STEP, first_line, layers_of_step
from carousel.engine.backends.backend import Backend
from carousel.engine.backends.table import DeviceError, load
from carousel.engine.log_space import Logs
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity
from carousel.measures.gates import gate_statistics
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.lyapunov.spectrum import spectrum
from carousel.measures.rows import summary
from carousel.study.errors import short
from carousel.study.schema import SEEDS
from carousel.tables.quantities import BY_INPUT

DTYPES = ("float64", "float32")
DEVICES = ("cpu", "cuda")
EXPONENTS = 16  # of a state too large for all of them


def diagnose(
    module: nn.Module,
    inputs: Tensor | PackedSequence,
    state: Any = None,
    *,
    lags: Iterable[SupportsIndex] | None = None,
    exponents: SupportsIndex | None = None,
    warm_up: SupportsIndex | None = None,
    dtype: str = "float64",
    seed: SupportsIndex = 1,
) -> Diagnosis:
    """How far back in time the gradient of `module` reaches, on `inputs`.

    `module`: torch.nn.RNN, LSTM or GRU (any number of layers, bidirectional, proj_size, packed or unbatched inputs),
    their cells, or any module with a step ``(x, state) -> (out, state)``, which reads inputs[t], [batch, ...]; its
    state, a tensor or a tuple of tensors, has the batch first. `state`: the one before the first step, in the
    module's own shape; zeros if it is left out.
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
    device = device_of(module, inputs, dtype)
    exponents, seed = exponents_of(exponents), whole("seed", seed, SEEDS - 1)
    with preserved_process_state(device, getattr(torch, dtype)):
        backend = load("torch", str(device), dtype)
        like = torch.zeros((), device=device, dtype=getattr(torch, dtype))
        found = layers_of(module, inputs, state, like)
        return Diagnosis(
            decay=table(found, lambda layer: decay(backend, layer, lags, seed)),
            exponents=table(found, lambda layer: lyapunov(backend, layer, warm_up, exponents, seed)),
            gates=table(found, lambda layer: gates(backend, layer)),
            descriptions={(layer.number, layer.direction): layer.description for layer in found},
        )


def device_of(module: object, inputs: object, dtype: str) -> torch.device:
    """The device of `module` and `inputs`. Raises ModuleError where these are something else, or on several devices."""
    if not isinstance(module, nn.Module):
        raise ModuleError(f"module: found {short(module)}; allowed: torch.nn.RNN, LSTM, GRU, or {STEP}")
    if not isinstance(inputs, (Tensor, PackedSequence)):
        raise ModuleError(f"inputs: found {short(inputs)}; allowed: a tensor or a packed sequence")
    if dtype not in DTYPES:
        raise ModuleError(f"dtype: found {short(dtype)}; allowed: {', '.join(DTYPES)}")
    data = inputs.data if isinstance(inputs, PackedSequence) else inputs
    weights = [*module.parameters(), *module.buffers()]
    if any(w.is_complex() for w in [data, *weights]):
        raise ModuleError("module: found complex numbers; allowed: real ones, two for a complex one")
    places = {str(w.device) for w in [data, *weights]}
    if len(places) > 1:
        raise ModuleError(f"module, inputs: found on {', '.join(sorted(places))}; allowed: one device")
    if 0 in data.shape:
        raise ModuleError(f"inputs: found shape {tuple(data.shape)}; allowed: a step, a sequence or more")
    if data.device.type not in DEVICES:
        raise DeviceError(f"device: found {data.device}; allowed: {', '.join(DEVICES)}")
    return data.device


def layers_of(module: nn.Module, inputs: Tensor | PackedSequence, state: Any, like: Tensor) -> list[Layer]:
    """The layers and directions of a copy of `module` in evaluation mode. Raises ModuleError."""
    if not (inputs.data if isinstance(inputs, PackedSequence) else inputs).isfinite().all():
        raise ModuleError("inputs: found NaN or infinity; allowed: finite numbers")
    check_weights(module)
    try:
        copy: Any = deepcopy(module).eval().requires_grad_(False)
    except Exception as error:  # any: it is the user's code
        raise ModuleError(f"module: cannot be copied: {first_line(error)}") from None
    if is_torch_class(copy, CELL_KINDS):
        copy, state = from_cell(copy), unsqueezed(state)
    if is_torch_class(copy, KINDS):
        check_dtype(copy, inputs)
        with torch.no_grad():
            return list(layers(copy, inputs, state, like))
    if isinstance(inputs, PackedSequence):
        raise ModuleError(
            f"inputs: found a packed sequence; allowed for torch.nn.RNN, LSTM, GRU, not for {STEP}"
        )
    return in_its_dtype(copy, inputs.detach(), state, like)


def in_its_dtype(copy: nn.Module, inputs: Tensor, state: Any, like: Tensor) -> list[Layer]:
    """`layers_of_step` in the dtype of `like`. Raises ModuleError; in float64 it says where float32 would do."""
    try:
        return layers_of_step(step_of(copy, like), inputs, state, like)
    except ModuleError as error:
        if like.dtype == torch.float32:
            raise
        try:
            layers_of_step(step_of(copy, like.float()), inputs, state, like.float())
        except ModuleError:
            raise error from None
        words = 'has float32 constants, it seems; allowed: dtype="float32", or register_buffer for them'
        raise ModuleError(f"module: its step runs in float32, not in float64: {words} ({error})") from None


def step_of(copy: nn.Module, like: Tensor) -> nn.Module:
    """A copy of a user's module in the dtype of `like`, whose step may write into its arguments."""
    return given_copies(with_constants_in(copy.to(like), like.dtype))


def unsqueezed(state: Any) -> Any:
    """The state of a torch cell as that of a module with one layer."""
    if isinstance(state, (tuple, list)):
        return tuple(map(unsqueezed, state))
    return state[None] if isinstance(state, Tensor) else state


def check_dtype(module: nn.RNNBase, inputs: Tensor | PackedSequence) -> None:
    """Raise ModuleError where the inputs are not of the dtype that `module` computes in."""
    found = inputs.data.dtype
    if found != module.weight_ih_l0.dtype:
        raise ModuleError(f"inputs: found {found}; the module computes in {module.weight_ih_l0.dtype}")


def table(found: Sequence[Layer], measure: Callable[[Layer], pd.DataFrame]) -> pd.DataFrame:
    """The rows of `measure` for each layer, one layer below the other."""
    parts = [measure(layer) for layer in found]
    return pd.concat(
        [
            part.assign(layer=layer.number, direction=layer.direction)[["layer", "direction", *part.columns]]
            for layer, part in zip(found, parts, strict=True)
        ],
        ignore_index=True,
    )


def decay(backend: Backend, layer: Layer, lags: Iterable[SupportsIndex] | None, seed: int) -> pd.DataFrame:
    """The norms of the Jacobian by lag, over the sequences that are at least as long."""
    wanted = lags_of(len(longest(layer).xs), lags)
    by_batch = [jacobian_norms(backend, layer, batch, wanted, seed) for batch in layer.batches]
    rows = []
    for lag in sorted(wanted):
        there = [found[lag] for found in by_batch if lag in found]
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
    return pd.DataFrame({"index": index, "value": found.exponents[0], "error": found.errors[0]})[:exponents]


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
