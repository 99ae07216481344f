"""One direction of one layer, as a cell with its weights and the sequences that it reads."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor

from carousel.axes import Series, State
from carousel.cells import Cell, Params


class ModuleError(ValueError):
    """A module, input or state that cannot be measured: what was found and what is allowed, in one line."""


class Batch(NamedTuple):
    """Sequences of one length: inputs [T 1 D B] and the states before the first step."""

    xs: Series
    state: State


class Layer(NamedTuple):
    """One direction of a layer."""

    number: int  # from 1, as read
    direction: str  # forward | backward; a backward layer's last step is the sequence's first
    description: str  # "LSTM, 64 units"
    cell: Cell
    params: Params
    batches: list[Batch]  # by length
    smooth: bool = True  # whether the inputs are real numbers, to differentiate by
    check: Callable[[], None] = lambda: None  # raises ModuleError where the module is no longer what it was
    coarse: "Layer | None" = None  # by finite differences: the same at twice the step size
    forget_bias: Float[Tensor, " H"] | None = None  # where the cell itself does not tell, as a step does not


def by_length(
    xs: Tensor, lengths: Sequence[int], state: tuple[Tensor, ...], backward: bool, like: Tensor
) -> list[Batch]:
    """The sequences of `xs` [T B D] in batches of one length, in the dtype of `like`; `state` [B H] each."""
    found = []
    for length in sorted(set(lengths)):
        columns = [b for b, each in enumerate(lengths) if each == length]
        x = xs[:length, columns].flip(0) if backward else xs[:length, columns]
        found.append(
            Batch(
                x.to(like.dtype).transpose(1, 2)[:, None],
                tuple(s[columns].to(like.dtype).T[None] for s in state),
            )
        )
    return found


def first_line(error: Exception) -> str:
    """An exception in one line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]
