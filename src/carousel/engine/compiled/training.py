"""The unrolled network and the gradient by its parameters, by compiled loops."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, Series, State
from carousel.cells import Cell, Params
from carousel.engine.compiled import emit, memory
from carousel.engine.compiled.code import same_errors
from carousel.engine.compiled.machine import loop
from carousel.engine.compiled.passes import (
    Layout,
    RecurrentInputRows,
    StoredSteps,
    Workspace,
    backward_plan,
    forward_plan,
    lay_out,
    slots,
    stored_steps,
    workspace,
)
from carousel.engine.compiled.plans import ErrorRows, Slots, record
from carousel.engine.recurrence import Gates


class Unrolled(NamedTuple):
    """What a forward pass leaves to the gradient by the parameters."""

    layout: Layout
    x: Array  # [M P T D1 L]
    steps: StoredSteps  # each [M P ..]
    recurrent_input: Array  # [M VH PTL], the vectors that R multiplies


def unroll(
    cell: Cell, params: Params, xs: Series, state: State, last: int
) -> tuple[Float[Array, "M S H B"], Unrolled]:
    """h after each of the `last` S steps, and what the adjoint needs; ``params`` has R itself."""
    T, layout = len(xs), lay_out(cell, params, memory.kind_for(state[0]))
    x, first = memory.inputs(layout.kind, xs), memory.in_panels(layout.kind, memory.by_unit(state))
    M, P = x.shape[:2]
    stored = stored_steps(layout, T, M, P)
    stored.state[:, :, 0] = first
    inputs = side_by_side(layout, x.shape, len(cell.columns), M)
    stride = inputs.strides[1]
    rows = RecurrentInputRows(
        in_rows(layout, inputs, T), stride // emit.size(layout.kind), stride * layout.units
    )
    plan = forward_plan(layout, T, slots(x, "mpt"), stored, "mpt", recurrent_input=rows, panels=P)
    loop("forward_all")(plan)
    hs = stored.state[:, :, T + 1 - last :, :, 0]
    return memory.out_of_panels(hs, xs.shape[3]), Unrolled(layout, x, stored, inputs)


def last_outputs(cell: Cell, params: Params, xs: Series, state: State, last: int) -> Float[Array, "M S H B"]:
    """h after each of the `last` S steps, and nothing for an adjoint; ``params`` has R itself."""
    layout, before = lay_out(cell, params, memory.kind_for(state[0])), len(xs) - last
    x, first = memory.inputs(layout.kind, xs), memory.in_panels(layout.kind, memory.by_unit(state))
    first = states(layout, x[:, :, :before], first, mask=0)[:, :, before & 1]
    hs = states(layout, x[:, :, before:], first)[:, :, 1:, :, 0]
    return memory.out_of_panels(hs, xs.shape[3])


def states(
    layout: Layout, x: Float[Array, "M P T D1 L"], first: Float[Array, "M P H S L"], mask: int = -1
) -> Float[Array, "M P slots H S L"]:
    """The states before and after each step from the `first`; with mask 0 two slots are used in turn."""
    M, P, T = x.shape[:3]
    state = layout.empty(M, P, T + 1 if mask else 2, *first.shape[2:4])
    state[:, :, 0] = first
    shared = (np.broadcast_to(each, (M, P, T, *each.shape[1:])) for each in stored_steps(layout, 1)[1:])
    stored = StoredSteps(state, *shared)  # what the adjoint would need has one place, which is overwritten
    loop("forward_all")(forward_plan(layout, T, slots(x, "mpt"), stored, "mpt", mask, panels=P))
    return state


def in_rows(layout: Layout, rows: Float[Array, "*M N PTL"], steps: int) -> Slots:
    """The slots of panels and steps in rows that hold all of them side by side."""
    vector = layout.kind.lanes * emit.size(layout.kind)
    return Slots(memory.address(rows), rows.strides[0] if rows.ndim == 3 else 0, steps * vector, vector)


class NetErrors(NamedTuple):
    """The errors of one model's net inputs, [HG PTL]: their products with what caused them are the gradients."""

    wx: Array  # of W x + b
    rh: Array  # of R h
    own: Array  # of R h without those through the intermediate input


def parameter_gradients(
    cell: Cell, params: Params, unrolled: Unrolled, outputs: Float[Array, "M S H B"], gates: Gates
) -> Params:
    """The gradient by every parameter, R itself among them, given the errors of h after the last S steps.

    The adjoint passes back through `gates` only.
    """
    layout = unrolled.layout
    M, H, L, dtype = len(unrolled.x), layout.units, layout.kind.lanes, layout.kind.dtype
    same = same_errors(layout.code)
    work = workspace(layout, cell.gates, [g for g in cell.gates if g in gates], net=not same, parameters=True)
    d_p = np.zeros((M, H, len(cell.pointwise), L), dtype)
    work = work._replace(own=layout.empty(H, len(cell.gates)) if cell.intermediate else None, d_p=d_p)
    d_hs = memory.in_panels(layout.kind, outputs[:, ::-1], fill="zero")
    errors = net_errors(layout, unrolled.x.shape, same)
    plan = training_plan(layout, unrolled, work, d_hs, errors)
    d_W, d_R = (memory.gates_first(cell, each) for each in matrix_gradients(layout, unrolled, plan, errors))
    d_p = d_p.sum(3, keepdims=True)
    by_name = {name: d_p[:, :, k] for k, name in enumerate(cell.pointwise)}
    return Params(d_W[:, :, :-1], d_R, d_W[:, :, -1:], by_name)


def net_errors(layout: Layout, shape: tuple[int, ...], same: bool) -> NetErrors:
    """Arrays for the errors of one model, not yet written; one array for errors that are the same."""
    wx, rh, own = (side_by_side(layout, shape, len(layout.cell.gates)) for _ in range(3))
    return NetErrors(rh if same else wx, rh, own if layout.cell.intermediate else rh)


def side_by_side(
    layout: Layout, shape: tuple[int, ...], blocks: int, *first: int
) -> Float[Array, "*first NH PTL"]:
    """An array not yet written with `blocks` rows per unit, in which all panels, steps and lanes stand side by side.

    The rows are padded so that they start at different places of the cache.
    """
    _, P, T, _, L = shape
    count = P * T * L
    line = memory.LINE // emit.size(layout.kind)
    padded = memory.aligned((*first, layout.units * blocks, count + line * (1 + T % 2)), layout.kind.dtype)
    return padded[..., :count]


class TrainingPlan(NamedTuple):
    """The plan of the pass back through all steps, as records, and the arrays that these point to."""

    backward: Array
    rows: Array
    arrays: tuple[Array, ...]  # the first is a vector of zeros


def training_plan(
    layout: Layout, unrolled: Unrolled, work: Workspace, d_hs: Array, errors: NetErrors
) -> TrainingPlan:
    """The plan of the pass back through time, one model at a time, that writes `errors`."""
    P, T = unrolled.x.shape[1:3]
    d = layout.empty(2, layout.units, len(layout.cell.states))
    wx = layout.empty(1, layout.units, len(layout.cell.gates))
    rows = ErrorRows(
        emit.copy(layout.kind, True),
        errors.rh.strides[0] // emit.size(layout.kind),
        slots(d_hs, "mpt"),
        d_hs.shape[2],
        in_rows(layout, errors.wx, T) if work.options.net else Slots(0),
        in_rows(layout, errors.rh, T),
        in_rows(layout, errors.own, T),
    )
    to = slots(d, "t", 1), slots(wx, "t", 0)
    backward = backward_plan(layout, work, T, unrolled.steps, "mpt", *to, panels=P)
    zero = np.zeros(layout.kind.lanes, layout.kind.dtype)
    return TrainingPlan(backward, record(rows), (zero, d, wx, d_hs))


def matrix_gradients(
    layout: Layout, unrolled: Unrolled, plan: TrainingPlan, errors: NetErrors
) -> tuple[Float[Array, "M HG D1"], Float[Array, "M HG VH"]]:
    """The gradients by W and b, side by side, and by R; the passes add up those of the pointwise parameters."""
    x, inputs = rows(unrolled.x), unrolled.recurrent_input
    states = layout.units * len(layout.cell.recurrent_states)
    W, R = (np.empty((len(x), len(errors.rh), each.shape[1]), layout.kind.dtype) for each in (x, inputs))
    back, to, zero = (memory.address(each) for each in (plan.backward, plan.rows, plan.arrays[0]))
    for m in range(len(x)):
        loop("training_panels")(back, to, zero, m)
        np.matmul(errors.wx, x[m].T, out=W[m])
        np.matmul(errors.rh, inputs[m, :states].T, out=R[m, :, :states])
        if layout.cell.intermediate:
            np.matmul(errors.own, inputs[m, states:].T, out=R[m, :, states:])
    return W, R


def rows(x: Float[Array, "M P T D1 L"]) -> Float[Array, "M D1 PTL"]:
    """The inputs with all panels, steps and lanes side by side."""
    M, _, _, D1, _ = x.shape
    return x.transpose(0, 3, 1, 2, 4).reshape(M, D1, -1)
