"""The adjoint of one loss, carried back through time in log space on all paths at once, and what is read off it."""

import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate
from typing import NamedTuple, TypeVar

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, State
from carousel.cells import Cell
from carousel.engine.backends.backend import Backend
from carousel.engine.decomposition import Split, advance, beginning, cosine
from carousel.engine.recurrence import PATHS, Gates, Step, chunk_length, flat
from carousel.engine.system import System
from carousel.measures.log_space import (
    Logs,
    Scaled,
    difference,
    log10,
    log_norm,
    log_size,
    rescale,
    strained,
    zero,
)

EVERY = 8  # steps between two divisions by a power of two


F = TypeVar("F")


class Quantity(NamedTuple):
    """What is measured, the routes the adjoint may take, and the column of the decay table that it goes into.

    ``log10_norm`` is a value of its own. ``cosine`` and ``error`` stand beside the value of the same name and path.
    """

    name: str
    path: str
    column: str = "log10_norm"


class Route(NamedTuple):
    """Which adjoint is carried: the loss's or, unit by unit, that of the carousel; and the gates it may pass."""

    carousel: bool
    gates: Gates


class Front(NamedTuple):
    """What is carried back in time."""

    adjoints: dict[Route, Scaled]
    formula: Array  # log of the product of the Q&A's factors
    net: Scaled | None = None  # the full adjoint of W x + b of the step last taken
    split: Split | None = None  # of the full adjoint, in a cell whose only way through time is R


def gradient_by_lag(
    system: System, covector: Array, lags: set[int]
) -> Iterator[tuple[int, dict[Quantity, Logs]]]:
    """Every quantity at each of `lags`, from the loss backwards.

    `covector` [M H B] is the loss's gradient by the last h. Lag k is the state that enters the k-th step before
    the end, and the input of that step: the last input has lag 1, and none has lag 0.
    """
    system = system.effective()
    for lag, front in (compiled if system.backend.compiled else plain)(system, covector, lags):
        yield lag, read(system, front)


def plain(system: System, covector: Array, lags: set[int]) -> Iterator[tuple[int, Front]]:
    """What is carried back, at each of `lags`; the parameters have R itself."""
    front, lag = start(system, covector), 0
    if 0 in lags:
        yield 0, front
    settled = partial(rescaled, system.backend)
    for steps in segments(system, factors=True):
        fronts = march(partial(back, system), settled, overstrained, steps, front)
        yield from ((k, each) for k, each in enumerate(fronts, lag + 1) if k in lags)
        lag, front = lag + len(fronts), fronts[-1]


def compiled(system: System, covector: Array, lags: set[int]) -> Iterator[tuple[int, Front]]:
    """The same by compiled loops."""
    from carousel.engine.compiled import paths

    full = loss(system.cell, "full")
    routes = [full, *(route for route in start(system, covector).adjoints if route != full)]
    length = chunk_length(system.xs, system.state)
    for taken in paths.march(*system[1:], covector, lags, routes, length):
        adjoints = dict(zip(routes, taken.adjoints, strict=True))
        yield taken.lag, Front(adjoints, taken.formula, taken.net, taken.split)


def norms(system: System, covector: Array) -> Float[np.ndarray, "K M B"]:
    """log10 of the norm of the joint state's gradient at every lag, 0 to T, on the full path alone."""
    system, backend = system.effective(), system.backend
    if backend.compiled:
        from carousel.engine.compiled import decay

        return decay.norms(*system[1:], covector)[:, -1]
    scaled = rescale(backend, (covector, *(0.0 * covector,) * (len(system.state) - 1)), 0)
    logs = [log_norm(backend, scaled)]

    def step_back(scaled: Scaled, step: Step) -> Scaled:
        return system.vjp(step, scaled[0], system.full), scaled[1]

    for steps in segments(system):
        found = march(step_back, lambda d: rescale(backend, *d), strained, steps, scaled)
        logs += [log_norm(backend, each) for each in found]
        scaled = found[-1]
    return np.stack(logs)


def segments(system: System, factors: bool = False) -> Iterator[list[Step]]:
    """The steps of a forward pass, the last first, a few at a time."""
    backend, cell, params, xs, state = system
    for steps in system.chunks(chunk_length(xs, state), factors):
        steps.reverse()
        for k in range(0, len(steps), EVERY):
            yield backend.prepared(cell, params, steps[k : k + EVERY])


def start(system: System, covector: Array) -> Front:
    """The adjoints at lag 0."""
    backend, cell, *_ = system
    nothing = (0.0 * covector,) * (len(cell.states) - 1)
    ones = 0.0 * covector + 1.0
    starts = {Route(False, gates(cell)): (covector, *nothing) for gates in PATHS.values()}
    if cell.carries:
        starts[Route(True, frozenset())] = (*nothing, ones)
    adjoints = {route: backend.rescale(d, route.carousel) for route, d in starts.items()}
    split = None if cell.carries else beginning(log_norm(backend, adjoints[loss(cell, "full")]))
    return Front(adjoints, 0.0 * covector, split=split)


def loss(cell: Cell, path: str) -> Route:
    """The loss's adjoint on a path that is a set of gates."""
    return Route(False, PATHS[path](cell))


def march(
    back: Callable[[F, Step], F],
    settled: Callable[[F], F],
    strained: Callable[[F, F], bool],
    steps: Sequence[Step],
    front: F,
) -> list[F]:
    """A few steps back in time, and a division at the end; after fewer steps where that might come too late."""
    fronts = list(accumulate(steps, back, initial=front))[1:]
    fronts[-1] = settled(fronts[-1])
    if len(steps) == 1 or not strained(front, fronts[-1]):
        return fronts
    half = len(steps) // 2
    first = march(back, settled, strained, steps[:half], front)
    return first + march(back, settled, strained, steps[half:], first[-1])


def overstrained(before: Front, after: Front) -> bool:
    """Whether any of the adjoints is strained."""
    return any(strained(before.adjoints[route], scaled) for route, scaled in after.adjoints.items())


def rescaled(backend: Backend, front: Front) -> Front:
    """`front` with adjoints whose largest entry lies in [1/2, 1)."""
    return front._replace(
        adjoints={r: rescale(backend, *scaled, r.carousel) for r, scaled in front.adjoints.items()}
    )


def back(system: System, front: Front, step: Step) -> Front:
    """One step back in time."""
    full = loss(system.cell, "full")
    d_full, power = front.adjoints[full]
    d_full, d_wx = system.error(step, d_full)
    adjoints = {full: (d_full, power)}
    for route, (d, own) in front.adjoints.items():
        if route != full:
            passes = passable(system.cell, route)
            adjoints[route] = (system.vjp(step, d, route.gates), own) if passes else zero((d, own))
    net = (flat(d_wx),), power
    sizes = (log_size(system.backend, *each) for each in (net, adjoints[full]))
    split = front.split and advance(front.split, *sizes)
    return Front(adjoints, front.formula + step.log_factor, net, split)


def passable(cell: Cell, route: Route) -> bool:
    """Is there a way through time on this route? With all gates shut, only in a cell that carries."""
    return cell.carries or bool(route.gates)


def read(system: System, front: Front) -> dict[Quantity, Logs]:
    """The quantities at one lag: log10 of norms, and cosines."""
    backend, cell, *_ = system
    routes = {path: loss(cell, path) for path in PATHS}
    scaled = {route: front.adjoints[route] for route in routes.values()}
    gates = difference(backend, scaled[routes["full"]], scaled[routes["candidate"]])
    full = numbers(backend, scaled[routes["full"]][0])
    by_route = {route: about(backend, cell, d, full) for route, d in scaled.items()}
    by_path = {path: by_route[route] for path, route in routes.items()}
    by_path["gates"] = about(backend, cell, gates, full)
    logs = {
        Quantity(name, path, column): values
        for path, found in by_path.items()
        for (name, column), values in found.items()
    }
    return logs | beside(system, front)


def about(
    backend: Backend, cell: Cell, scaled: Scaled, full: Float[np.ndarray, "M S H B"]
) -> dict[tuple[str, str], Logs]:
    """log10 of the adjoint's norm by state and of the states together, and its cosine with the full one."""
    d_state, power = numbers(backend, scaled[0]), backend.numpy(scaled[1])[:, 0]
    squares = np.square(d_state).sum(2)
    norms = {name: np.sqrt(squares[:, s]) for s, name in enumerate(cell.states)}
    norms["state"] = np.sqrt(squares.sum(1))
    logs = {(f"loss_{name}", "log10_norm"): log10(norm, power) for name, norm in norms.items()}
    return logs | {("loss_state", "cosine"): cosine(d_state, full)}


def numbers(backend: Backend, d_state: State) -> Float[np.ndarray, "M S H B"]:
    """The joint state's adjoint, without its power."""
    return np.stack([backend.numpy(d) for d in d_state], axis=1).astype(float)


def beside(system: System, front: Front) -> dict[Quantity, Logs]:
    """What is measured beside the adjoint of the state."""
    backend, cell, params, *_ = system
    logs = {}
    if cell.carries:
        d_state, power = front.adjoints[Route(True, frozenset())]
        logs[Quantity("cec", "cell")] = per_unit(
            log10(backend.numpy(abs(d_state[cell.carousel])), backend.numpy(power))
        )
    logs[Quantity("factor_product", "formula")] = per_unit(
        backend.numpy(front.formula).astype(float) / math.log(10)
    )
    if front.split:
        logs[Quantity("slopes", "full")], logs[Quantity("weights", "full")] = front.split[:2]
    if front.net:
        (d_net,), power = front.net
        d_x = rescale(backend, (params.W.swapaxes(1, 2) @ d_net,), power)
        logs[Quantity("loss_x", "full")] = log_norm(backend, d_x)
    return logs


def per_unit(x: Float[np.ndarray, "M H B"]) -> Logs:
    """Units and sequences as one axis."""
    return x.reshape(x.shape[0], -1)
