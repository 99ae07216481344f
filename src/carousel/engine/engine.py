"""What an engine is: how a backend goes through time, where it can in more than one way."""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Float

from carousel.axes import Units
from carousel.cells import Cell, Params
from carousel.engine.adjoint import Carried
from carousel.engine.backends.backend import Backend
from carousel.engine.recurrence import Step
from carousel.engine.system import System

Unroll = TypeVar("Unroll", covariant=True)


@dataclass(frozen=True)
class Engine(Generic[Unroll]):
    """The operations that differ between engines; a backend has one, chosen when it is loaded.

    Systems come with R itself among their parameters. The plain engines step through time by the recurrence alone;
    the others may take any way that gives the same numbers to rounding.
    """

    name: str
    adjoints: Callable[[System, Units, Set[int]], Iterator[tuple[int, Carried]]]
    """What has come back at each of some lags, from the loss's gradient by the last h [M H B]."""
    norms: Callable[[System, Units], Float[np.ndarray, "K M B"]]
    """log10 of the norm of the joint state's gradient at every lag, 0 to T, on the full path alone."""
    prepared: Callable[[Backend, Cell, Params, Sequence[Step]], list[Step]]
    """Steps with what their adjoints have in common."""
    unroll: Unroll
    """h after the last steps of a forward pass, for training; its form is the backend's own."""
    compresses: bool = False
    """Whether the rows of large Jacobians are compressed, which takes 1e-3 bits."""
    for_mixing: "Engine[Unroll] | None" = None
    """The engine for cells that mix units, where this one takes every cell as a pointwise map."""

    def of(self, cell: Cell) -> "Engine[Unroll]":
        """The engine that `cell` goes through time by."""
        return self.for_mixing if cell.mixes and self.for_mixing else self


def unprepared(backend: Backend, cell: Cell, params: Params, steps: Sequence[Step]) -> list[Step]:
    """Steps as they are: each adjoint is taken by itself."""
    return list(steps)
