"""The bias of the gate that keeps a layer's state when it is open, and copies in which it is higher.

It is an LSTM's forget gate, with both of torch's biases added, and a GRU's update gate, which in torch and Keras keeps
where it is open, too.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor, nn

from carousel.cells import CELLS
from carousel.diagnosis.evaluation_copy import evaluation_copy
from carousel.diagnosis.keras_layers import is_keras
from carousel.diagnosis.layer import Layer, ModuleError
from carousel.diagnosis.layers import CELL_KINDS, KINDS
from carousel.diagnosis.modules import layers_of
from carousel.study.errors import short

HIGHER = (1.0, 2.0, 3.0, 5.0, 7.0)
"""Biases to add: 1 as Keras does; about 5 and 7 keep half of the gradient along the cell over 100 and 1,000 steps."""
LARGEST = 100.0
OPTIONS = "num_layers", "batch_first", "bidirectional", "proj_size"  # besides sizes and bias
COLUMNS = ["cell", "gate", "units", "mean", "deviation", "smallest", "largest"]


def higher_of(higher: Any) -> tuple[float, ...]:
    """The biases to add, in order. Raises ModuleError."""
    if higher is None:
        return HIGHER
    words = (
        f"found {short(higher)}; allowed: a list of numbers above 0, up to {LARGEST:g}; none for no copies"
    )
    if isinstance(higher, (str, bytes)) or not isinstance(higher, Iterable):
        raise ModuleError(f"higher: {words}")
    try:
        found = sorted({float(each) for each in higher})
    except (TypeError, ValueError):
        raise ModuleError(f"higher: {words}") from None
    if not all(0 < each <= LARGEST for each in found):
        raise ModuleError(f"higher: {words}")
    return tuple(found)


def forget_bias(layer: Layer) -> Float[Tensor, " H"] | None:
    """The bias of each unit's gate that keeps the state; None where there is no such gate."""
    cell = layer.cell
    if cell.forget is None:
        return layer.forget_bias
    return layer.params.b[0, rows_of(layer), 0]


def rows_of(layer: Layer) -> slice:
    """The rows of W, R and b that are those of the gate that keeps the state."""
    gates, forget = layer.cell.gates, layer.cell.forget
    H = len(layer.params.b[0]) // len(gates)
    number = gates.index(forget or "")
    return slice(number * H, (number + 1) * H)


def bias_of(layer: Layer) -> pd.DataFrame:
    """That bias over the units, a row; none where the layer has no such gate."""
    bias = forget_bias(layer)
    if bias is None:
        return pd.DataFrame(columns=COLUMNS)
    kind = next((name for name, cell in CELLS.items() if cell is layer.cell), "")
    spread = float(bias.std(unbiased=False)), float(bias.min()), float(bias.max())
    row = (kind, layer.cell.forget or "f", len(bias), float(bias.mean()), *spread)
    return pd.DataFrame([row], columns=COLUMNS)


def raised(
    module: Any, inputs: Any, state: Any, like: Tensor, found: Sequence[Layer], added: float
) -> list[Layer]:
    """The layers `found` of `module` with `added` to that bias of each of them, on what they then read."""
    if isinstance(module, nn.Module) and not is_keras(module):
        return layers_of(raised_copy(module, added), inputs, state, like)
    return [raised_layer(layer, added) for layer in found]


def raised_copy(module: nn.Module, added: float) -> nn.Module:
    """A plain copy of torch's LSTM or GRU, layer or cell, with `added` to that bias everywhere in it."""
    copy = evaluation_copy(module)
    kind: Any = next(kind for kind in (*KINDS, *CELL_KINDS) if isinstance(copy, kind))
    options = {name: getattr(copy, name) for name in OPTIONS if getattr(copy, name, 0)}
    like = next(iter(copy.state_dict().values()))
    one = kind(copy.input_size, copy.hidden_size, device=like.device, dtype=like.dtype, **options)
    with torch.no_grad():
        for name, weight in one.named_parameters():
            own = getattr(copy, name, None)
            weight.copy_(torch.zeros_like(weight) if own is None else own)
            if name.startswith("bias_ih"):
                weight[copy.hidden_size : 2 * copy.hidden_size] += added  # second in torch's LSTM and GRU
    return one


def raised_layer(layer: Layer, added: float) -> Layer:
    """`layer`, on what it reads, with `added` to that bias."""
    b = layer.params.b.clone()
    b[:, rows_of(layer)] += added
    return layer._replace(params=layer.params._replace(b=b))
