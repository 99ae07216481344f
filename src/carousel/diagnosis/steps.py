"""Any module with a step, as a cell: all of its state is one vector, and its derivative is autograd's.

The cell's net input is the input itself (W is the identity, R has no columns), and its forward function calls the
module. So the measuring code of the suite runs on it as it runs on an LSTM.
"""

from collections.abc import Callable, Sequence
from math import ceil, prod
from typing import Any

import torch
from torch import Tensor, nn

from carousel.axes import Net, State
from carousel.cells import Cell, Ops, Params
from carousel.cells.cell import Pointwise, Saved
from carousel.diagnosis.layer import Batch, Layer, ModuleError, by_length
from carousel.study.errors import short

STEP = "a module with a step (x, state) -> (out, state)"
Shapes = tuple[Sequence[int], ...]  # of each part of the state, without the batch
Step = Callable[[Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]


def layers_of_step(module: nn.Module, inputs: Tensor, state: object, like: Tensor) -> list[Layer]:
    """The one layer that `module` is; it reads inputs[t], [B, ...], and its state has the batch first.

    Raises ModuleError for a module that makes no state of its state, is random, or mixes sequences.
    """
    if inputs.ndim < 2:
        raise ModuleError(f"inputs: found {inputs.ndim} axes; allowed: [steps, batch, ...] for {STEP}")
    T, B, *features = inputs.shape
    kind = like.dtype if inputs.is_floating_point() else inputs.dtype
    x = inputs[0].to(kind)
    start = initial(module, x, state, like)
    check(module, x, start)
    parts = as_parts(start)
    shapes = tuple(part.shape[1:] for part in parts)
    batches = by_length(inputs.reshape(T, B, -1), [T] * B, (pack(parts),), False, like)

    def step(x: Tensor, before: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return next_state(module(x.to(kind), before[0] if isinstance(start, Tensor) else before), before)

    stays_finite(step, inputs, parts)
    layer = step_layer(step, features, shapes, batches)
    description = f"{type(module).__name__}, state of {sum(map(prod, shapes))}"
    return [layer._replace(description=description, smooth=kind == like.dtype)]


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


def as_parts(state: Any) -> tuple[Tensor, ...]:
    """A state, a tensor or several, as a tuple."""
    return (state,) if isinstance(state, Tensor) else tuple(state)


def next_state(returned: Any, before: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The state in what a step returned: (out, state), or the state alone. Raises ModuleError."""
    candidates = [returned[1]] if isinstance(returned, (tuple, list)) and len(returned) == 2 else []
    for found in (*candidates, returned):
        if is_state(found) and [p.shape for p in as_parts(found)] == [p.shape for p in before]:
            return as_parts(found)
    wanted = ", ".join(str(tuple(part.shape)) for part in before)
    raise ModuleError(
        f"module: its step returned {shapes_text(returned)}; allowed: (out, state), state {wanted}"
    )


def is_state(found: Any) -> bool:
    """Whether `found` is a tensor, or a tuple of tensors."""
    return isinstance(found, Tensor) or (
        isinstance(found, (tuple, list)) and bool(found) and all(isinstance(part, Tensor) for part in found)
    )


def shapes_text(returned: Any) -> str:
    """What was returned, by shapes."""
    if isinstance(returned, (tuple, list)):
        return f"({', '.join(map(shapes_text, returned))})"
    return str(tuple(returned.shape)) if isinstance(returned, Tensor) else short(returned)


def initial(module: nn.Module, x: Tensor, state: object, like: Tensor) -> Any:
    """The state before the first step: as given, or zeros of the module's `hidden_size`. Raises ModuleError."""
    if state is not None:
        return checked_state(state, len(x), like)
    size = getattr(module, "hidden_size", None)
    if not isinstance(size, int):
        raise ModuleError(
            f"state: not given, and {type(module).__name__} has no number hidden_size (of a network, give a layer)"
        )
    zeros, problems = like.new_zeros(len(x), size), []
    for guess in (zeros, (zeros, zeros)):
        try:
            next_state(module(x, guess), as_parts(guess))
            return guess
        except Exception as error:  # any: it is the user's code
            problems.append(first_line(error))
    raise ModuleError(f"state: not given; zeros [batch, {size}]: {problems[0]}; two of them: {problems[1]}")


def checked_state(state: object, batch: int, like: Tensor) -> Any:
    """`state` on the device and in the dtype of `like`. Raises ModuleError."""
    if not is_state(state):
        raise ModuleError(f"state: found {shapes_text(state)}; allowed: a tensor or a tuple of tensors")
    parts = as_parts(state)
    if any(part.ndim == 0 or len(part) != batch or not part.is_floating_point() for part in parts):
        found = ", ".join(f"{tuple(part.shape)} {part.dtype}" for part in parts)
        raise ModuleError(f"state: found {found}; allowed: [batch, ...] of real numbers, batch {batch}")
    moved = tuple(part.detach().to(like) for part in parts)
    return moved[0] if isinstance(state, Tensor) else moved


def check(module: nn.Module, x: Tensor, state: Any) -> None:
    """That a step gives the same twice, and treats each sequence by itself. Raises ModuleError."""
    before = as_parts(state)
    try:
        first, second = (pack(next_state(module(x, state), before)) for _ in range(2))
        alone = tuple(part[:1] for part in before)
        one = module(x[:1], alone[0] if isinstance(state, Tensor) else alone)
        single = pack(next_state(one, alone))
    except ModuleError:
        raise
    except Exception as error:  # any: it is the user's code
        raise ModuleError(
            f"module: its step does not run on a copy in evaluation mode: {first_line(error)}"
        ) from None
    if not torch.allclose(first, second, equal_nan=True):
        raise ModuleError(
            "module: its step gives another state each time; allowed: no noise in evaluation mode"
        )
    if not torch.allclose(first[:1], single, rtol=1e-4, atol=1e-5, equal_nan=True):
        raise ModuleError("module: its step mixes the sequences of a batch; allowed: each by itself")


def stays_finite(step: Step, inputs: Tensor, state: tuple[Tensor, ...]) -> None:
    """That the state is finite at every step. Raises ModuleError."""
    for t, x in enumerate(inputs, start=1):
        state = step(x, state)
        if not pack(state).isfinite().all():
            raise ModuleError(f"module: its state overflows at step {t}; allowed: finite states")


def first_line(error: Exception) -> str:
    """An exception in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
