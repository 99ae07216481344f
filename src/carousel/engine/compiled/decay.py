"""Gradient norms at all lags, and what they share with the walk on several routes."""

import numpy as np
from jaxtyping import Float, Int

from carousel.axes import Array, Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine.compiled import emit, layout
from carousel.engine.compiled.loops import Rescaled, Starts, Tape, record, there_and_back
from carousel.engine.compiled.passes import Laid, ahead, behind, laid, passage, steps_for, tape
from carousel.engine.recurrence import Gates

Route = tuple[bool, Gates]  # of the carousel, unit by unit? And the gates that the adjoint may pass


def norms(
    cell: Cell, params: Params, xs: Series, state: State, covector: Units
) -> Float[np.ndarray, "K S M B"]:
    """log10 of the norm of the loss's gradient by each state at all lags 0 .. T; -inf for an exact zero.

    ``params`` has R itself. The last of the S entries is the joint state's.
    """
    T, M, _, B = xs.shape
    k = laid(cell, params, layout.kind_for(covector))
    x, first = layout.inputs(k.kind, xs), layout.in_panels(k.kind, layout.by_unit(state))
    d_last, power_last = start(k, (False, frozenset(cell.gates)), covector)
    full = passage(k, cell.gates if cell.columns else (), cell.gates)
    kept, d = steps_for(k, T), k.room(2, k.units, len(cell.states))
    power = whole(k, *x.shape[:2], T + 1, 1)
    squares = k.room(*x.shape[:2], T + 1, len(cell.states))
    power[:, :, 0], squares[:, :, 0] = power_last, np.square(d_last).sum(2)
    P = x.shape[1]
    there_and_back(
        ahead(k, T, tape(x, "mpt"), kept, "t", panels=P),
        behind(k, full, T, kept, "t", tape(d, "t", 1), tape(d, "t", 0), panels=P),
        record(rescaling(k, False, tape(power, "mpt"), tape(squares, "mpt"))),
        record(Starts(tape(first, "mp"), tape(d_last, "mp"))),
        k.recurrent_states,
    )
    return logs(squares, power, B)


def rescaling(k: Laid, per_unit: bool, power: Tape, squares: Tape) -> Rescaled:
    """How an adjoint is kept within range; no norms of nets."""
    each = emit.rescale_units if per_unit else emit.rescale
    return Rescaled(each(k.kind, len(k.cell.states)), power, squares, 0, 0, 0, power, power)


def whole(k: Laid, *shape: int) -> Int[np.ndarray, "*shape L"]:
    """Zeros of the vectors' whole numbers."""
    return np.zeros((*shape, k.kind.lanes), f"int{8 * emit.size(k.kind)}")


def logs(squares: Array, power: Array, B: int) -> Float[np.ndarray, "K S M B"]:
    """log10 of norms, part by part and of all together, from squares [M P K S L] and powers [M P K 1 L]."""
    parts = [squares[:, :, :, s : s + 1] for s in range(squares.shape[3])]
    found = np.stack([log_norm(part, power[:, :, :, 0]) for part in (*parts, squares)], axis=3)
    return np.moveaxis(layout.out_of_panels(found, B), 0, 2)


def log_norm(
    squares: Float[Array, "*rest S L"], power: Int[Array, "*rest L"]
) -> Float[np.ndarray, "*rest L"]:
    """log10 of the norm of parts whose squares are given, short of two to `power`; -inf for an exact zero."""
    with np.errstate(divide="ignore"):
        return 0.5 * np.log10(squares.sum(-2, dtype=float)) + power * np.log10(2)


def start(k: Laid, route: Route, covector: Units) -> tuple[Array, Array]:
    """The adjoint at lag 0 in panels [M P H S L], none in lanes beyond B, and its power [M P _ L]."""
    M, H, B = covector.shape
    d = np.zeros((M, H, len(k.cell.states), B), k.kind.dtype)
    d[:, :, k.cell.carousel if route[0] else 0] = 1 if route[0] else covector
    axes = (2,) if route[0] else (1, 2)
    _, power = np.frexp(abs(d).max(axes, keepdims=True))
    scaled = layout.in_panels(k.kind, np.ldexp(d, -power), fill="zero")
    return scaled, layout.in_panels(k.kind, power[:, :, 0].astype(k.kind.dtype), "zero").astype(int)
