"""A user's module as a function of one step, whatever the shape in which it is written.

It may read one step, [B, ...], or sequences with an axis of time; its state may have the batch first or second. Which
it is, is tried, and a wrong guess is withdrawn: see readings.py.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from carousel.diagnosis.layer import ModuleError, first_line
from carousel.diagnosis.structure import is_state, leaves, rebuilt, shapes_text

Parts = tuple[Tensor, ...]  # of a state, the batch first


class Withdrawn(ModuleError):
    """A reading of a module that does not hold, and how far it went."""

    def __init__(self, stage: int, line: str) -> None:
        super().__init__(line)
        self.stage = stage


class Reading(NamedTuple):
    """A shape in which a module may be written."""

    time: int | None  # the axis of time in what it reads; None: it reads a step
    batch: int  # the axis of the sequences in its state, where that has three or more; else the first

    def axis(self, part: Tensor) -> int:
        """The axis of the sequences in one part of the state."""
        return self.batch if part.ndim > 2 else 0


READINGS = (
    Reading(None, 0),
    Reading(None, 1),
    Reading(0, 1),
    Reading(0, 0),
    Reading(1, 1),
    Reading(1, 0),
)


@dataclass(frozen=True)
class UserStep:
    """A module, how it is read, a state of its structure, and the number of sequences that it may read at once."""

    module: nn.Module
    reading: Reading
    like: Any
    kind: torch.dtype  # of what it reads
    width: int | None = None  # None: any number, side by side

    def __call__(self, x: Tensor, state: Parts) -> Parts:
        """The parts of the state after a step on x [N, ...], from those before it.

        Of `width` sequences with P copies each, the columns of one stand together: they are run as P batches.
        """
        if self.width is None or len(x) == self.width:
            return self.once(x, state)
        copies = len(x) // self.width
        each = [self.once(x[p::copies], tuple(s[p::copies] for s in state)) for p in range(copies)]
        return tuple(torch.stack(found, 1).flatten(0, 1) for found in zip(*each, strict=True))

    def once(self, x: Tensor, state: Parts) -> Parts:
        return self.parts(self.after(x, self.whole(state)))

    def after(self, x: Tensor, state: Any) -> Any:
        """The state after a step, as the module makes it. Raises Withdrawn."""
        copies = rebuilt(state, (s.clone() for s in leaves(state)))  # a step may write into its state
        return next_state(called(self.module, self.reading, x.to(self.kind), copies), state)

    def parts(self, state: Any) -> Parts:
        """The parts of a state in the module's own structure, the batch first."""
        return tuple(part.movedim(self.reading.axis(part), 0) for part in leaves(state))

    def whole(self, parts: Parts) -> Any:
        """A state in the module's own structure."""
        return rebuilt(self.like, (part.movedim(0, self.reading.axis(part)) for part in parts))


def called(module: nn.Module, reading: Reading, x: Tensor, *state: Any) -> Any:
    """What `module` returns for one step on x [B, ...]. Raises Withdrawn."""
    try:
        return module(x.clone() if reading.time is None else x.unsqueeze(reading.time).clone(), *state)
    except Withdrawn:
        raise
    except Exception as error:  # any: it is the user's code
        line = f"module: its step does not run on a copy in evaluation mode: {first_line(error)}"
        raise Withdrawn(0, line) from None


def next_state(returned: Any, before: Any) -> Any:
    """The state in what a module returned: (out, state), or the state alone. Raises Withdrawn."""
    candidates = [returned[1]] if isinstance(returned, (tuple, list)) and len(returned) == 2 else []
    shapes = [part.shape for part in leaves(before)]
    for found in (*candidates, returned):
        if is_state(found) and [part.shape for part in leaves(found)] == shapes:
            return found
    raise Withdrawn(
        1,
        f"module: its step returned {shapes_text(returned)}; allowed: (out, state), state {shapes_text(before)}",
    )


def starts(module: nn.Module, reading: Reading, x: Tensor, like: Tensor) -> Iterator[tuple[Any, Any]]:
    """States that `module` may start from where none is given, zeros all, and what it makes of none, or None.

    The structure is that of the state which it returns without one; if it needs one, two tensors of `hidden_size`
    units, and one. A pair that a step returns is tried as the state before its second part is. Raises Withdrawn.
    """
    try:
        returned = called(module, reading, x)
        yield from ((zeros(found), found) for found in candidates(returned, reading) if is_state(found))
        return
    except Withdrawn as error:
        reason = error
    size = getattr(module, "hidden_size", None)
    if not isinstance(size, int):
        name = type(module).__name__
        raise Withdrawn(0, f"state: not given, and {name} has no number hidden_size; without one: {reason}")
    shape = (len(x), size) if reading.batch == 0 else (getattr(module, "num_layers", 1), len(x), size)
    yield from (((like.new_zeros(shape), like.new_zeros(shape)), None), (like.new_zeros(shape), None))


def candidates(returned: Any, reading: Reading) -> list[Any]:
    """Where the state may be in what a module returned, the likeliest first."""
    if not (isinstance(returned, (tuple, list)) and len(returned) == 2):
        return [returned]
    first, second = returned
    same = isinstance(first, Tensor) and isinstance(second, Tensor) and torch.equal(first, second)
    return [second, returned] if same or reading.time is not None else [returned, second]


def zeros(state: Any) -> Any:
    return rebuilt(state, (torch.zeros_like(part) for part in leaves(state)))
