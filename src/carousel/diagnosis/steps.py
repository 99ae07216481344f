"""Any module with a step, as a cell: all of its state is one vector, and its derivative is autograd's.

The cell's net input is the input itself (W is the identity, R has no columns), and its forward function calls the
module. So the measuring code of the suite runs on it as it runs on an LSTM.
"""

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, prod
from typing import Any

import torch
from torch import Tensor, nn

from carousel.axes import Net, State
from carousel.cells import Cell, Ops, Params
from carousel.cells.cell import Pointwise, Saved
from carousel.diagnosis.layer import Batch, Layer, ModuleError, by_length, first_line as first_line
from carousel.diagnosis.readings import check_replay, read

STEP = "a module (x, state) -> (out, state)"
Shapes = tuple[Sequence[int], ...]  # of each part of the state, without the batch
Step = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]


def layers_of_step(module: nn.Module, inputs: Tensor, state: object, like: Tensor) -> list[Layer]:
    """The one layer that `module` is, whatever the shape in which it is written (see readings.py).

    Raises ModuleError for a module that makes no state of its state, is random, keeps count or mixes sequences.
    """
    if inputs.ndim < 2:
        raise ModuleError(f"inputs: found {inputs.ndim} axes; allowed: [steps, batch, ...] for {STEP}")
    found = read(module, inputs, state, like)
    (T, B, *features), step = found.xs.shape, found.step
    start = tuple(part[0] for part in found.before)
    shapes = tuple(part.shape[1:] for part in start)
    batches = by_length(found.xs.reshape(T, B, -1), [T] * B, (pack(start),), False, like)
    layer = step_layer(step, features, shapes, batches)
    return [
        layer._replace(
            description=f"{type(module).__name__}, state of {sum(map(prod, shapes))}",
            smooth=inputs.is_floating_point(),
            check=partial(check_replay, found),
        )
    ]


def step_layer(step: Step, features: Sequence[int], shapes: Shapes, batches: list[Batch]) -> Layer:
    """`step` as a layer; `reading` may hold several states."""
    like = batches[0].xs
    size, inputs = sum(map(prod, shapes)), prod(features)
    gates = ceil(inputs / size)
    W = torch.eye(gates * size, inputs, dtype=like.dtype, device=like.device)[None]
    params = Params(W, W[:, :, :0], 0 * W[:, :, :1], {})
    joined = [batch._replace(state=(torch.cat(batch.state, 1),)) for batch in batches]
    return Layer(1, "forward", "", step_cell(step, features, shapes, gates, like.dtype), params, joined)


def step_cell(step: Step, features: Sequence[int], shapes: Shapes, gates: int, dtype: torch.dtype) -> Cell:
    """The cell whose one state is all of the module's state, and whose net inputs are the module's input.

    The step is taken in `dtype`, whatever that of the state is.
    """

    def forward(ops: Ops, p: Pointwise, wx: Net, rh: Net, state: State) -> tuple[State, Saved]:
        x = wx[0].flatten(0, 1)[: prod(features)].T.reshape(-1, *features)
        after = step(x.to(dtype), unpack(state[0][0].T.to(dtype), shapes))
        return (pack(after).T[None].to(state[0].dtype),), ()

    names = tuple(f"x{g}" for g in range(gates))
    return Cell(
        ("state",),
        names,
        names[0],
        forward,
        no_backward,
        no_factor,
        carries=False,
        recurrent_states=(),
        mixes=True,
    )


def no_backward(*_: object) -> Any:
    """There is no hand adjoint of a user's module; the torch backend needs none."""
    raise NotImplementedError("a module's step is differentiated by the torch backend alone")


def no_factor(ops: Ops, p: Pointwise, wx: Net, rh: Net, state: State) -> Tensor:
    """The Q&A says nothing about a user's module."""
    return ops.zeros(state[0])


def pack(parts: Sequence[Tensor]) -> Tensor:
    """The parts of a state [B, ...] next to each other, [B, N]."""
    return torch.cat([part.flatten(1) if part.ndim > 1 else part[:, None] for part in parts], 1)


def unpack(flat: Tensor, shapes: Shapes) -> tuple[Tensor, ...]:
    """The parts that `pack` put together."""
    parts = torch.split(flat, [prod(shape) for shape in shapes], 1)
    return tuple(part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True))
