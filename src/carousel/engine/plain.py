"""The adjoint carried back by the recurrence, step by step: what the other engines have to agree with."""

from collections.abc import Callable, Iterator, Sequence, Set
from functools import partial
from itertools import accumulate
from typing import TypeVar

import numpy as np
from jaxtyping import Float

from carousel.axes import State, Units
from carousel.cells import Cell
from carousel.engine.adjoint import Carried, Path, is_open, path, paths
from carousel.engine.backends.backend import Backend
from carousel.engine.decomposition import advance, initial
from carousel.engine.log_space import Scaled, log_norm, log_size, lost_precision, rescale, zero
from carousel.engine.recurrence import Step, chunk_length, flat
from carousel.engine.system import System

EVERY = 8  # steps between two divisions by a power of two

C = TypeVar("C")  # what is carried back
S = TypeVar("S")  # a step, or those of several layers


def adjoints(system: System, covector: Units, lags: Set[int]) -> Iterator[tuple[int, Carried]]:
    """What has come back at each of `lags`, on all paths."""
    carried, lag = start(system, covector), 0
    if 0 in lags:
        yield 0, carried
    rescaled = partial(rescale_all, system.backend, system.cell)
    for steps in segments(system, factors=True):
        found = through_segment(partial(step_back, system), rescaled, any_lost_precision, steps, carried)
        yield from ((k, each) for k, each in enumerate(found, lag + 1) if k in lags)
        lag, carried = lag + len(found), found[-1]


def norms(system: System, covector: Units) -> Float[np.ndarray, "K M B"]:
    """log10 of the norm of the joint state's gradient at every lag, 0 to T, on the full path alone."""
    backend = system.backend
    scaled = rescale(backend, from_loss(system, covector), 0)
    logs = [log_norm(backend, scaled)]

    def back(scaled: Scaled, step: Step) -> Scaled:
        return system.vjp(step, scaled[0], system.full), scaled[1]

    for steps in segments(system):
        found = through_segment(back, lambda d: rescale(backend, *d), lost_precision, steps, scaled)
        logs += [log_norm(backend, each) for each in found]
        scaled = found[-1]
    return np.stack(logs)


def segments(system: System, factors: bool = False) -> Iterator[list[Step]]:
    """The steps of a forward pass, the last first, EVERY at a time; with the Q&A's `factors` if they are wanted."""
    for steps in system.chunks(chunk_length(system.xs, system.state), factors):
        steps.reverse()
        for k in range(0, len(steps), EVERY):
            yield system.prepared(steps[k : k + EVERY])


def start(system: System, covector: Units) -> Carried:
    """The carried state at lag 0."""
    backend, cell, *_, state = system
    *nothing, carousel = map(system.ops.zeros, state)
    ones, loss = (*nothing, carousel + 1.0), from_loss(system, covector)
    found = {
        each: backend.rescale(ones if each.carousel else loss, per_unit(cell, each)) for each in paths(cell)
    }
    decomposition = None if cell.carries else initial(log_norm(backend, found[path(cell, "full")]))
    return Carried(found, carousel, decomposition=decomposition)


def from_loss(system: System, covector: Units) -> State:
    """The adjoint of the last state: the loss's gradient by h, and zero for the others."""
    return covector, *map(system.ops.zeros, system.state[1:])


def per_unit(cell: Cell, path: Path) -> bool:
    """Whether the adjoint of a path has one power of two per unit: followed unit by unit, where units do not mix."""
    return path.carousel and not cell.mixes


def through_segment(
    back: Callable[[C, S], C],
    rescaled: Callable[[C], C],
    lost: Callable[[C, C], bool],
    steps: Sequence[S],
    carried: C,
) -> list[C]:
    """What is carried after each of a few steps `back`, `rescaled` after the last.

    Where precision was `lost` on the way, the steps are taken again in halves: until then a number may overflow.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        found = list(accumulate(steps, back, initial=carried))[1:]
    found[-1] = rescaled(found[-1])
    if len(steps) == 1 or not lost(carried, found[-1]):
        return found
    half = len(steps) // 2
    first = through_segment(back, rescaled, lost, steps[:half], carried)
    return first + through_segment(back, rescaled, lost, steps[half:], first[-1])


def any_lost_precision(before: Carried, after: Carried) -> bool:
    """Whether any of the adjoints has lost precision."""
    return any(lost_precision(before.adjoints[path], scaled) for path, scaled in after.adjoints.items())


def rescale_all(backend: Backend, cell: Cell, carried: Carried) -> Carried:
    """`carried` with adjoints whose largest entry lies in [1/2, 1)."""
    found = {
        path: rescale(backend, *scaled, per_unit(cell, path)) for path, scaled in carried.adjoints.items()
    }
    return carried._replace(adjoints=found)


def step_back(system: System, carried: Carried, step: Step) -> Carried:
    """What is carried one step further back."""
    backend, cell, *_ = system
    full = path(cell, "full")
    d_full, power = carried.adjoints[full]
    d_before, d_wx = system.error(step, d_full)
    found = {full: (d_before, power)} | {
        each: one_back(system, each, step, scaled)
        for each, scaled in carried.adjoints.items()
        if each != full
    }
    net = (flat(d_wx),), power
    sizes = (log_size(backend, *each) for each in (net, found[full]))
    decomposition = carried.decomposition and advance(carried.decomposition, *sizes)
    return Carried(found, carried.log_factors + step.log_factor, net, decomposition)


def one_back(system: System, path: Path, step: Step, scaled: Scaled) -> Scaled:
    """The adjoint of one path, one step further back."""
    d, power = scaled
    return (system.vjp(step, d, path.gates), power) if is_open(system.cell, path) else zero(scaled)
