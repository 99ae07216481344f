"""A user's module and its inputs, checked, as the layers that are measured."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

from carousel.diagnosis.array_step import is_function
from carousel.diagnosis.checks import check_weights, with_constants_in
from carousel.diagnosis.evaluation_copy import evaluation_copy
from carousel.diagnosis.finite_differences import layers_of_function
from carousel.diagnosis.keras_layers import is_keras, layers_of_keras
from carousel.diagnosis.layer import Layer, ModuleError
from carousel.diagnosis.layers import (
    CELL_KINDS,
    KINDS,
    as_its_class,
    from_cell,
    is_torch_class,
    layers,
    unsqueezed,
)
from carousel.diagnosis.steps import STEP, layers_of_step
from carousel.diagnosis.structure import leaves
from carousel.engine.backends.table import DeviceError
from carousel.study.errors import short

DTYPES = ("float64", "float32")
DEVICES = ("cpu", "cuda")


def device_of(module: object, inputs: object, dtype: str, within: bool = False) -> torch.device:
    """The device of `module` and `inputs`. Raises ModuleError where these are something else, or on several devices.

    `within`: whether the inputs are those of a network, which may be several.
    """
    if dtype not in DTYPES:
        raise ModuleError(f"dtype: found {short(dtype)}; allowed: {', '.join(DTYPES)}")
    if is_keras(module) or is_function(module):
        if within and is_function(module):
            raise ModuleError(
                f"layer: found one, and a function, {short(module)}; allowed: of a module alone"
            )
        return torch.device("cpu")
    if not isinstance(module, nn.Module):
        raise ModuleError(f"module: found {short(module)}; allowed: torch.nn.RNN, LSTM, GRU, or {STEP}")
    read = [inputs] if not within or isinstance(inputs, PackedSequence) else list(leaves(inputs))
    data = [each.data for each in read if isinstance(each, (Tensor, PackedSequence))]
    if not data or (not within and len(data) < len(read)):
        raise ModuleError(f"inputs: found {short(inputs)}; allowed: a tensor or a packed sequence")
    weights = [*module.parameters(), *module.buffers()]
    if any(w.is_complex() for w in [*data, *weights]):
        raise ModuleError("module: found complex numbers; allowed: real ones, two for a complex one")
    places = {str(w.device) for w in [*data, *weights]}
    if len(places) > 1:
        raise ModuleError(f"module, inputs: found on {', '.join(sorted(places))}; allowed: one device")
    for each in data:
        if 0 in each.shape:
            raise ModuleError(f"inputs: found shape {tuple(each.shape)}; allowed: a step, a sequence or more")
    if data[0].device.type not in DEVICES:
        raise DeviceError(f"device: found {data[0].device}; allowed: {', '.join(DEVICES)}")
    return data[0].device


def layers_of(module: Any, inputs: Any, state: Any, like: Tensor) -> list[Layer]:
    """The layers and directions of `module`, of a module of torch a copy in evaluation mode. Raises ModuleError."""
    if is_keras(module):
        return layers_of_keras(module, inputs, state, like)
    if is_function(module):
        return layers_of_function(module, inputs, state, like)
    return of_torch(module, inputs, state, like)


def of_torch(module: nn.Module, inputs: Tensor | PackedSequence, state: Any, like: Tensor) -> list[Layer]:
    """The layers and directions of a copy of `module` in evaluation mode. Raises ModuleError."""
    if not (inputs.data if isinstance(inputs, PackedSequence) else inputs).isfinite().all():
        raise ModuleError("inputs: found NaN or infinity; allowed: finite numbers")
    check_weights(module)
    copy = evaluation_copy(module)
    layer, before = (
        (from_cell(copy), unsqueezed(state)) if is_torch_class(copy, CELL_KINDS) else (copy, state)
    )
    if is_torch_class(layer, KINDS):
        check_dtype(layer, inputs)
        with torch.no_grad():
            found = list(layers(layer, inputs, before, like))
            if as_its_class(copy, layer, inputs, before):
                return found
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
    """A user's module in the dtype of `like`."""
    return with_constants_in(copy.to(like), like.dtype)


def check_dtype(module: nn.RNNBase, inputs: Tensor | PackedSequence) -> None:
    """Raise ModuleError where the inputs are not of the dtype that `module` computes in."""
    found = inputs.data.dtype
    if found != module.weight_ih_l0.dtype:
        raise ModuleError(f"inputs: found {found}; the module computes in {module.weight_ih_l0.dtype}")
