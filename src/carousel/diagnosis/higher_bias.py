"""The bias of the gate that keeps a layer's state when it is open, and copies in which it is higher, or chrono's.

It is an LSTM's forget gate, with both of torch's biases added, and a GRU's update gate, which in torch and Keras keeps
where it is open, too. Chrono (Tallec and Ollivier 2018) draws it for time scales up to T steps, and gives an LSTM's
input gate the same with the other sign.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
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
from carousel.inits.forget import chrono
from carousel.study.errors import short

CHRONO = "chrono"
HIGHER = (1.0, 2.0, 3.0, 5.0, 7.0, CHRONO)
"""Biases to add: 1 as Keras does; about 5 and 7 keep half of the gradient along the cell over 100 and 1,000 steps."""
LARGEST = 100.0
OPTIONS = "num_layers", "batch_first", "bidirectional", "proj_size"  # besides sizes and bias
COLUMNS = ["cell", "gate", "units", "mean", "deviation", "smallest", "largest"]


class Change(NamedTuple):
    """What is done to that bias in a copy: so much is added or, with NaN, it is chrono's for so many steps."""

    added: float
    chrono: int = 0


AS_IT_IS = Change(0.0)


def higher_of(higher: Any) -> tuple[float | str, ...]:
    """The biases to add, in order, and CHRONO last where it is among them. Raises ModuleError."""
    if higher is None:
        return HIGHER
    words = (
        f"found {short(higher)}; allowed: a list of numbers above 0, up to {LARGEST:g}, and {CHRONO}; "
        "none for no copies"
    )
    if isinstance(higher, (str, bytes)) or not isinstance(higher, Iterable):
        raise ModuleError(f"higher: {words}")
    each = list(higher)
    last = [name for name in each if isinstance(name, str) and name == CHRONO][:1]
    try:
        found = sorted({float(one) for one in each if not (isinstance(one, str) and one == CHRONO)})
    except (TypeError, ValueError):
        raise ModuleError(f"higher: {words}") from None
    if not all(0 < one <= LARGEST for one in found):
        raise ModuleError(f"higher: {words}")
    return (*found, *last)


def change_of(one: float | str, length: int) -> Change:
    """One of `higher_of` for sequences of `length` steps."""
    return Change(math.nan, length) if isinstance(one, str) else Change(one)


def forget_bias(layer: Layer) -> Float[Tensor, " H"] | None:
    """The bias of each unit's gate that keeps the state; None where there is no such gate."""
    cell = layer.cell
    if cell.forget is None:
        return layer.forget_bias
    return layer.params.b[0, rows_of(layer, cell.forget), 0]


def rows_of(layer: Layer, gate: str) -> slice:
    """The rows of W, R and b that are those of a gate."""
    H = len(layer.params.b[0]) // len(layer.cell.gates)
    number = layer.cell.gates.index(gate)
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


def changed(
    module: Any, inputs: Any, state: Any, like: Tensor, found: Sequence[Layer], change: Change, seed: int
) -> list[Layer]:
    """The layers `found` of `module` with that bias of each of them changed, on what they then read.

    Chrono draws from `seed`, the layers one after the other, forward before backward.
    """
    rng = np.random.default_rng(seed)
    if isinstance(module, nn.Module) and not is_keras(module):
        return layers_of(changed_copy(module, change, rng), inputs, state, like)
    return [changed_layer(layer, change, rng) for layer in found]


def changed_copy(module: nn.Module, change: Change, rng: np.random.Generator) -> nn.Module:
    """A plain copy of torch's LSTM or GRU, layer or cell, with that bias changed everywhere in it."""
    one = plain_copy(module)
    H: Any = one.hidden_size
    closed = slice(H) if isinstance(one, (nn.LSTM, nn.LSTMCell)) else None
    with torch.no_grad():
        for name, weight in one.named_parameters():
            if name.startswith("bias_ih"):
                other = getattr(one, name.replace("_ih", "_hh"))
                change_rows(weight, other, slice(H, 2 * H), closed, change, rng)  # second in torch's two
    return one


def plain_copy(module: nn.Module) -> nn.Module:
    """A copy of torch's LSTM or GRU, layer or cell, with biases of zero where it has none."""
    copy = evaluation_copy(module)
    kind: Any = next(kind for kind in (*KINDS, *CELL_KINDS) if isinstance(copy, kind))
    options = {name: getattr(copy, name) for name in OPTIONS if getattr(copy, name, 0)}
    like = next(iter(copy.state_dict().values()))
    one = kind(copy.input_size, copy.hidden_size, device=like.device, dtype=like.dtype, **options)
    with torch.no_grad():
        for name, weight in one.named_parameters():
            own = getattr(copy, name, None)
            weight.copy_(torch.zeros_like(weight) if own is None else own)
    return one


def changed_layer(layer: Layer, change: Change, rng: np.random.Generator) -> Layer:
    """`layer`, on what it reads, with that bias changed."""
    cell, b = layer.cell, layer.params.b.clone()
    closed = None if cell.input is None else rows_of(layer, cell.input)
    change_rows(
        b[0, :, 0], torch.zeros_like(b[0, :, 0]), rows_of(layer, cell.forget or ""), closed, change, rng
    )
    return layer._replace(params=layer.params._replace(b=b))


def change_rows(
    bias: Float[Tensor, " N"],
    other: Float[Tensor, " N"],
    kept: slice,
    closed: slice | None,
    change: Change,
    rng: np.random.Generator,
) -> None:
    """Change the rows of the gate that keeps the state and, with chrono, those of an input gate, in place.

    The two vectors are added; chrono sets the rows of `other` to zero.
    """
    if not change.chrono:
        bias[kept] += change.added
        return
    drawn = torch.as_tensor(chrono(rng, len(bias[kept]), change.chrono)).to(bias)
    for rows, value in ((kept, drawn), (closed, -drawn)):
        if rows is not None:
            bias[rows], other[rows] = value, 0.0
