"""The adjoint in log space: a vector whose largest entry lies in [1/2, 1), and the power of two it is short of.

Every step is followed by an exact division by a power of two, so 0.25^10000 is a number like any other and no
rounding is added to the step's own. A zero is then a zero of the mathematics, with one exception: the entries of one
vector share a power, so an entry more than the float range below the largest (1e-308 in float64) is lost.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from carousel.axes import Array, Series, State
from carousel.backends import Backend
from carousel.cells import Cell, Params
from carousel.recurrence import PATHS, Gates, Step, chunks, recurrent

MEMORY = 2**28  # bytes that the stored part of a forward pass may take; it changes no result
NOWHERE = 2**30  # minus this is the power of a zero vector: below all others
Scaled = tuple[State, Int[Array, "M _ B"]]
Logs = Float[np.ndarray, "M N"]  # log10, one a sequence, or one a unit and sequence; -inf for an exact zero


class Quantity(NamedTuple):
    """What is measured, and the routes the adjoint may take."""

    name: str
    path: str


def walk(
    backend: Backend, cell: Cell, params: Params, xs: Series, state: State, covector: Array, lags: set[int]
) -> Iterator[tuple[int, dict[Quantity, Logs]]]:
    """Every quantity at each of `lags`, from the loss backwards.

    `covector` [M H B] is the loss's gradient by the last h. Lag k is the state that enters the k-th step before
    the end.
    """
    adjoints = start(backend, cell, covector)
    formula = 0.0 * covector
    if 0 in lags:
        yield 0, read(backend, cell, adjoints, formula)
    lag = 0
    for steps in chunks(
        backend.ops(cell, PATHS["full"](cell)), cell, params, xs, state, chunk_length(xs, state)
    ):
        for step in reversed(steps):
            lag += 1
            adjoints = {
                route: back(backend, cell, params, step, route, adjoints[route]) for route in adjoints
            }
            formula = formula + log_factor(backend, cell, params, step)
            if lag in lags:
                yield lag, read(backend, cell, adjoints, formula)


class Route(NamedTuple):
    """Which adjoint is carried: the loss's or, unit by unit, that of the carousel; and the gates it may pass."""

    carousel: bool
    gates: Gates


def start(backend: Backend, cell: Cell, covector: Array) -> dict[Route, Scaled]:
    """The adjoints at lag 0."""
    nothing = (0.0 * covector,) * (len(cell.states) - 1)
    ones = 0.0 * covector + 1.0
    adjoints = {Route(False, gates(cell)): (covector, *nothing) for gates in PATHS.values()}
    if cell.carries:
        adjoints[Route(True, frozenset())] = (*nothing, ones)
    return {route: backend.rescale(d, route.carousel) for route, d in adjoints.items()}


def back(backend: Backend, cell: Cell, params: Params, step: Step, route: Route, scaled: Scaled) -> Scaled:
    """One step back in time."""
    d_state, power = scaled
    d_state, more = backend.rescale(backend.vjp(cell, params, step, d_state, route.gates), route.carousel)
    return d_state, power + more


def read(backend: Backend, cell: Cell, adjoints: dict[Route, Scaled], formula: Array) -> dict[Quantity, Logs]:
    """The quantities, in log10, of the adjoints at one lag."""
    by_path = {path: adjoints[Route(False, gates(cell))] for path, gates in PATHS.items()}
    by_path["gates"] = difference(backend, by_path["full"], by_path["candidate"])
    logs = {
        Quantity(name, path): values
        for path, scaled in by_path.items()
        for name, values in norms(backend, cell, scaled).items()
    }
    if cell.carries:
        d_state, power = adjoints[Route(True, frozenset())]
        logs[Quantity("cec", "cell")] = per_unit(
            log10(backend.numpy(abs(d_state[cell.carousel])), backend.numpy(power))
        )
    logs[Quantity("factor_product", "formula")] = per_unit(
        backend.numpy(formula).astype(float) / math.log(10)
    )
    return logs


def norms(backend: Backend, cell: Cell, scaled: Scaled) -> dict[str, Logs]:
    """log10 of the adjoint's norm by state, and of the states together."""
    d_state, power = scaled
    exponent = backend.numpy(power)[:, 0]
    parts = [backend.norm(d) for d in d_state]
    logs = {f"loss_{name}": log10(part, exponent) for name, part in zip(cell.states, parts, strict=True)}
    return logs | {"loss_state": log10(np.sqrt(np.square(parts).sum(0)), exponent)}


def difference(backend: Backend, a: Scaled, b: Scaled) -> Scaled:
    """a - b at the larger of the two scales; a zero vector has none."""
    (d_a, power_a), (d_b, power_b) = a, b
    scale_a, scale_b = (p * some(d) - NOWHERE * ~some(d) for d, p in (a, b))
    power = scale_a * (scale_a >= scale_b) + scale_b * (scale_a < scale_b)
    down_a, down_b = power_a - power, power_b - power
    return tuple(
        backend.scale(x, down_a) - backend.scale(y, down_b) for x, y in zip(d_a, d_b, strict=True)
    ), power


def some(d_state: State) -> Bool[Array, "M 1 B"]:
    """Where an adjoint is not zero."""
    return sum(abs(d).sum(1, keepdims=True) for d in d_state) > 0


def log_factor(backend: Backend, cell: Cell, params: Params, step: Step) -> Array:
    """The log of the Q&A's factor of one step, per unit and sequence."""
    ops = backend.ops(cell, PATHS["full"](cell))
    rh = recurrent(ops, params, step.wx, step.before[0])
    return cell.log_factor(ops, params.p, step.wx, rh, step.before)


def log10(x: np.ndarray, power: np.ndarray) -> np.ndarray:
    """log10(x 2^power); -inf where x is zero."""
    with np.errstate(divide="ignore"):
        return np.log10(x.astype(float)) + power * math.log10(2)


def per_unit(x: Float[np.ndarray, "M H B"]) -> Logs:
    """Units and sequences as one axis."""
    return x.reshape(x.shape[0], -1)


def chunk_length(xs: Series, state: State) -> int:
    """How many steps may be stored at a time: about twelve arrays of the state's size a step and state."""
    M, H, B = state[0].shape
    return max(8, MEMORY // (8 * 12 * len(state) * M * H * B))
