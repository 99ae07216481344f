"""What is checked of a module and of the options of `diagnose`, and what a step is given."""

from collections.abc import Iterable
from numbers import Integral
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from carousel.diagnosis.layer import ModuleError
from carousel.study.errors import short
from carousel.study.models import recorded
from carousel.study.schema import SEEDS

PER_OCTAVE = 16  # lags recorded per doubling, and all up to twice that: a smooth curve in a small table
UNMADE = UninitializedParameter, UninitializedBuffer


def whole(name: str, value: Any, highest: int, words: str = "", lowest: int = 0) -> int:
    """`value` as an int, NumPy's integers too. Raises ModuleError where it is none, or not of `lowest` to `highest`."""
    if isinstance(value, Integral) and not isinstance(value, bool) and lowest <= int(value) <= highest:
        return int(value)
    raise ModuleError(
        f"{name}: found {short(value)}; allowed: {words or f'a whole number, {lowest} to {highest}'}"
    )


def lags_of(length: int, lags: Any) -> set[int]:
    """The lags to record, 0 among them. Raises ModuleError."""
    if lags is None:
        return recorded(length, PER_OCTAVE)
    words = f"0 to {length}, the longest sequence"
    given = lags.tolist() if isinstance(lags, (Tensor, np.ndarray)) else lags
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise ModuleError(f"lags: found {short(lags)}; allowed: a list of whole numbers, {words}")
    return {0, *(whole("lags", lag, length, words) for lag in given)}


def exponents_of(exponents: Any) -> int | None:
    """How many exponents are wanted; None for as many as are measured by default. Raises ModuleError."""
    words = "a whole number of 0 or more; None for all, or the largest of a large state"
    return None if exponents is None else whole("exponents", exponents, SEEDS, words)


def warm_up_of(warm_up: Any, length: int) -> int:
    """The steps that exponents leave out twice: those given, or a quarter. Raises ModuleError."""
    most = (length - 2) // 2
    words = f"a whole number, 0 to {most}; twice that leaves 2 or more of {length} steps"
    return length // 4 if warm_up is None else whole("warm_up", warm_up, most, words)


def check_weights(module: nn.Module) -> None:
    """Raise ModuleError where a weight is NaN, infinite or not there yet, or a buffer NaN: a mask may be infinite."""
    for name, weight in [*module.named_parameters(), *module.named_buffers()]:
        if isinstance(weight, UNMADE):
            raise ModuleError(f"{name}: found no numbers yet; allowed: a module that has run once")
        endless = isinstance(weight, nn.Parameter) and weight.isinf().any()
        if endless or weight.isnan().any():
            raise ModuleError(
                f"{name}: found NaN or infinity; allowed: finite weights; has their training diverged?"
            )


def with_constants_in(module: nn.Module, dtype: torch.dtype) -> nn.Module:
    """`module` with the tensors in it that are neither parameters nor buffers in `dtype`, too, where they are real."""
    for each in module.modules():
        for name, value in vars(each).items():
            if isinstance(value, Tensor) and value.is_floating_point():
                setattr(each, name, value.to(dtype))
    return module
