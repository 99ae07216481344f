"""The unrolled network and the gradient by its parameters."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, Series, State
from carousel.cells import Cell, Params
from carousel.engine.compiled import emit, layout
from carousel.engine.compiled.code import same_errors
from carousel.engine.compiled.loops import Kept, Tape, climb_all, learn_panels, record
from carousel.engine.compiled.passes import (
    Heard,
    Laid,
    Passage,
    Steps,
    ahead,
    behind,
    laid,
    passage,
    steps_for,
    tape,
)
from carousel.engine.recurrence import Gates


class Unrolled(NamedTuple):
    """What a forward pass leaves to the adjoint."""

    laid: Laid
    x: Array  # [M P T D1 L]
    steps: Steps  # each [M P ..]
    recurrent_input: Array  # [M VH PTL], what R multiplies


def unroll(
    cell: Cell, params: Params, xs: Series, state: State, last: int
) -> tuple[Float[Array, "M S H B"], Unrolled]:
    """h after each of the `last` S steps, and what the adjoint needs; ``params`` has R itself."""
    k = laid(cell, params, layout.kind_for(state[0]))
    x, first = layout.inputs(k.kind, xs), layout.in_panels(k.kind, layout.by_unit(state))
    steps = steps_for(k, len(xs), *x.shape[:2])
    steps.state[:, :, 0] = first
    recurrent_input = side_by_side(k, x.shape, len(cell.columns), x.shape[0])
    stride = recurrent_input.strides[1]
    place = Heard(in_rows(k, recurrent_input, len(xs)), stride // emit.size(k.kind), stride * k.units)
    climb_all(
        ahead(k, len(xs), tape(x, "mpt"), steps, "mpt", recurrent_input=place, panels=x.shape[1]),
        k.recurrent_states,
    )
    hs = steps.state[:, :, len(xs) + 1 - last :, :, 0]
    return layout.out_of_panels(hs, xs.shape[3]), Unrolled(k, x, steps, recurrent_input)


def in_rows(k: Laid, rows: Float[Array, "*M N PTL"], steps: int) -> Tape:
    """The places of panels and steps within rows that hold all of them."""
    vector = k.kind.lanes * emit.size(k.kind)
    return Tape(layout.address(rows), rows.strides[0] if rows.ndim == 3 else 0, steps * vector, vector)


class Sums(NamedTuple):
    """Room for one model: rows of all steps and lanes side by side, whose products are the gradients."""

    wx: Array  # [HG P T L]; of the errors of W x + b,
    rh: Array  # of R, and
    own: Array  # of R beside the intermediate input


def parameter_gradients(
    cell: Cell, params: Params, unrolled: Unrolled, outputs: Float[Array, "M S H B"], gates: Gates
) -> Params:
    """The gradient by every parameter, R itself among them, given the errors of h after the last S steps.

    The adjoint passes back through `gates` only.
    """
    k = unrolled.laid
    alike = same_errors(k.code)
    by = passage(k, cell.gates, [g for g in cell.gates if g in gates], net=not alike, parameters=True)
    d_p = np.zeros((params.W.shape[0], k.units, len(cell.pointwise), k.kind.lanes), k.kind.dtype)
    by = by._replace(own=k.room(k.units, len(cell.gates)) if cell.intermediate else None, d_p=d_p)
    d_hs = layout.in_panels(k.kind, outputs[:, ::-1], fill="zero")
    sums = sums_for(k, unrolled.x.shape, alike)
    walk = walk_back(k, unrolled, by, d_hs, sums)
    found = [model_gradients(k, unrolled, walk, m, sums) for m in range(len(unrolled.x))]
    W, R, b = (np.stack(each) for each in zip(*found, strict=True))
    d_p = d_p.sum(3, keepdims=True)
    return Params(
        layout.gates_first(cell, W),
        layout.gates_first(cell, R),
        layout.gates_first(cell, b),
        {name: d_p[:, :, n] for n, name in enumerate(cell.pointwise)},
    )


def sums_for(k: Laid, shape: tuple[int, ...], alike: bool) -> Sums:
    """Room for the errors that differ."""
    wx, rh, own = (side_by_side(k, shape, len(k.cell.gates)) for _ in range(3))
    return Sums(rh if alike else wx, rh, own if k.cell.intermediate else rh)


def side_by_side(k: Laid, shape: tuple[int, ...], blocks: int, *first: int) -> Float[Array, "*first NH PTL"]:
    """Room for `blocks` rows a unit with all panels, steps and lanes; rows start at different places of the cache."""
    _, P, T, _, L = shape
    count = P * T * L
    line = layout.LINE // emit.size(k.kind)
    whole = layout.aligned((*first, k.units * blocks, count + line * (1 + T % 2)), k.kind.dtype)
    return whole[..., :count]


class Walk(NamedTuple):
    """The walk back of all models, as records, and the room they point to."""

    behind: Array
    kept: Array
    room: tuple[Array, ...]  # the first is zero


def walk_back(k: Laid, unrolled: Unrolled, by: Passage, d_hs: Array, sums: Sums) -> Walk:
    """What walks back through time, one model at a time, whose errors go to their places in `sums`."""
    P, T = unrolled.x.shape[1:3]
    d, wx = k.room(2, k.units, len(k.cell.states)), k.room(1, k.units, len(k.cell.gates))
    kept = Kept(
        emit.copy(k.kind, True),
        sums.rh.strides[0] // emit.size(k.kind),
        tape(d_hs, "mpt"),
        d_hs.shape[2],
        in_rows(k, sums.wx, T) if by.back.net else Tape(0),
        in_rows(k, sums.rh, T),
        in_rows(k, sums.own, T),
    )
    b = behind(k, by, T, unrolled.steps, "mpt", tape(d, "t", 1), tape(wx, "t", 0), panels=P)
    return Walk(b, record(kept), (np.zeros(k.kind.lanes, k.kind.dtype), d, wx, d_hs))


def model_gradients(
    k: Laid, unrolled: Unrolled, walk: Walk, m: int, sums: Sums
) -> tuple[Array, Array, Array]:
    """The gradients by W, R and b of one model, [HG ..]; those of the pointwise parameters are added on the way."""
    learn_panels(walk.behind, walk.kept, layout.address(walk.room[0]), k.recurrent_states, m)
    x = unrolled.x[m].transpose(2, 0, 1, 3)
    W = sums.wx @ x.reshape(len(x), -1).T
    states = k.units * len(k.cell.recurrent_states)
    R = [sums.rh @ unrolled.recurrent_input[m, :states].T]
    if k.cell.intermediate:
        R.append(sums.own @ unrolled.recurrent_input[m, states:].T)
    return W[:, :-1], np.concatenate(R, axis=1), W[:, -1:]
