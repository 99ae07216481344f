"""Gradient norms at all lags by compiled loops, and the logarithms and starts that the other paths share."""

import numpy as np
from jaxtyping import Float, Int

from carousel.axes import Array, Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine.adjoint import Path, path
from carousel.engine.compiled import emit, memory
from carousel.engine.compiled.machine import loop
from carousel.engine.compiled.passes import (
    Layout,
    backward_plan,
    forward_plan,
    lay_out,
    slots,
    stored_steps,
    workspace,
)
from carousel.engine.compiled.plans import Rescaling, Slots, Starts, record


def norms(
    cell: Cell, params: Params, xs: Series, state: State, covector: Units
) -> Float[np.ndarray, "K S M B"]:
    """log10 of the norm of the loss's gradient by each state at all lags 0 .. T; -inf for an exact zero.

    ``params`` has R itself. The last of the S entries is the joint state's.
    """
    T, M, _, B = xs.shape
    layout = lay_out(cell, params, memory.kind_for(covector))
    kind, S = layout.kind, len(cell.states)
    x, first = memory.inputs(kind, xs), memory.in_panels(kind, memory.by_unit(state))
    d_last, power_last = start(layout, path(cell, "full"), covector)
    work = workspace(layout, cell.gates if cell.columns else (), cell.gates)
    stored, d = stored_steps(layout, T), layout.empty(2, layout.units, S)
    P = x.shape[1]
    power, squares = zeros(layout, M, P, T + 1, 1), layout.empty(M, P, T + 1, S)
    power[:, :, 0], squares[:, :, 0] = power_last, np.square(d_last).sum(2)
    loop("forward_and_back")(
        forward_plan(layout, T, slots(x, "mpt"), stored, "t", panels=P),
        backward_plan(layout, work, T, stored, "t", slots(d, "t", 1), slots(d, "t", 0), panels=P),
        record(rescaling(layout, False, slots(power, "mpt"), slots(squares, "mpt"))),
        record(Starts(slots(first, "mp"), slots(d_last, "mp"))),
    )
    return logs(squares, power, B)


def rescaling(layout: Layout, per_unit: bool, power: Slots, squares: Slots) -> Rescaling:
    """The division of an adjoint by one power of two per sequence, or per unit and sequence; no norms of net inputs."""
    divide = emit.rescale_units if per_unit else emit.rescale
    return Rescaling(divide(layout.kind, len(layout.cell.states)), power, squares, 0, 0, 0, power, power)


def zeros(layout: Layout, *shape: int) -> Int[np.ndarray, "*shape L"]:
    """Zeros of the integers that are as wide as the vectors' numbers."""
    return np.zeros((*shape, layout.kind.lanes), f"int{8 * emit.size(layout.kind)}")


def logs(squares: Array, power: Array, B: int) -> Float[np.ndarray, "K S M B"]:
    """log10 of the norm of each state and of all together, from squares [M P K S L] and powers [M P K 1 L]."""
    states = [squares[:, :, :, s : s + 1] for s in range(squares.shape[3])]
    by_state = np.stack([log_norm(each, power[:, :, :, 0]) for each in (*states, squares)], axis=3)
    return np.moveaxis(memory.out_of_panels(by_state, B), 0, 2)


def log_norm(
    squares: Float[Array, "*rest S L"], power: Int[Array, "*rest L"]
) -> Float[np.ndarray, "*rest L"]:
    """log10 of 2^power times the root of the sum of `squares` over S; -inf for an exact zero."""
    with np.errstate(divide="ignore"):
        return 0.5 * np.log10(squares.sum(-2, dtype=float)) + power * np.log10(2)


def start(layout: Layout, path: Path, covector: Units) -> tuple[Array, Array]:
    """The adjoint at lag 0 in panels [M P H S L], zero in lanes beyond B, and its power [M P _ L].

    The loss's gradient by h, or, for a path that starts at the carousel, a one in every unit of it.
    """
    M, H, B = covector.shape
    carousel, kind = path[0], layout.kind
    d = np.zeros((M, H, len(layout.cell.states), B), kind.dtype)
    d[:, :, layout.cell.carousel if carousel else 0] = 1 if carousel else covector
    _, power = np.frexp(abs(d).max((2,) if carousel else (1, 2), keepdims=True))
    scaled = memory.in_panels(kind, np.ldexp(d, -power), fill="zero")
    return scaled, memory.in_panels(kind, power[:, :, 0].astype(kind.dtype), "zero").astype(int)
