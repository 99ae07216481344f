"""The unrolled network and the gradient by its parameters, by compiled loops."""

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, Series, State
from carousel.cells import Cell, Params
from carousel.engine.backends.numpy import Errors
from carousel.engine.compiled import memory
from carousel.engine.compiled.groups import Plan, Shape, open_gates, plan_for
from carousel.engine.compiled.machine import loop
from carousel.engine.compiled.passes import (
    Layout,
    StoredSteps,
    fill,
    forward_plan,
    lay_out,
    slots,
    stored_steps,
)
from carousel.engine.recurrence import Gates

KEPT = 2**26  # bytes of arrays that are kept for the next gradient
PLANS: dict[Shape, Plan] = {}  # that of the last gradient; a plan is not there while it is used


def gradient(
    cell: Cell, params: Params, xs: Series, state: State, last: int, errors: Errors, gates: Gates
) -> Params:
    """The gradient by every parameter, R itself among them, given the errors of h after the `last` S steps.

    The adjoint passes back through `gates` only. ``params`` has R itself.
    """
    T, M, D, B = xs.shape
    kind, H = memory.kind_for(state[0]), state[0].shape[1]
    shape = Shape(id(cell), kind, M, H, T, D, B, last, gates)
    plan = PLANS.pop(shape, None) or plan_for(cell, params, shape)
    PLANS.clear()
    write_parameters(plan, params)
    found = by_group(plan, xs, state, errors)
    if plan.group.bytes <= KEPT:
        PLANS[shape] = plan
    return found


def write_parameters(plan: Plan, params: Params) -> None:
    """Write `params` where the passes read them."""
    layout, work = plan.layout, plan.work
    fill(layout, params)
    if work.R is not None:
        cell, rows = layout.cell, work.options.rows
        memory.transposed_tiles(layout.kind, cell, params, rows, open_gates(cell, plan.shape), work.R)


def by_group(plan: Plan, xs: Series, state: State, errors: Errors) -> Params:
    """The gradient by every parameter, one group of models after the other."""
    cell, M, group = plan.layout.cell, xs.shape[1], plan.group
    first = memory.in_panels(plan.shape.kind, memory.by_unit(state))
    rows, D1, VH = (each.shape[1] for each in (group.errors.rh, group.inputs, group.recurrent_input))
    W, R = (np.empty((M, rows, columns), xs.dtype) for columns in (D1, VH))
    plan.d_p[:] = 0
    for start in range(0, M, len(group.x)):
        models = slice(start, min(start + len(group.x), M))
        hs = forward(plan, models, xs[:, models], first[models])
        memory.to_panels(errors(hs, models)[:, ::-1], group.outputs[: len(hs)], fill="zero")
        backward(plan, models, W[models], R[models])
    d_W, d_R = (memory.gates_first(cell, each) for each in (W, R))
    d_p = plan.d_p.sum(3, keepdims=True)
    by_name = {name: d_p[:, :, k] for k, name in enumerate(cell.pointwise)}
    return Params(d_W[:, :, :-1], d_R, d_W[:, :, -1:], by_name)


def forward(
    plan: Plan, models: slice, xs: Series, first: Float[Array, "m P H S L"]
) -> Float[Array, "m S H B"]:
    """h after each of the last S steps of some models."""
    group, (T, m, _, B) = plan.group, xs.shape
    x, state = group.x[:m], group.steps.state[:m]
    memory.to_panels(xs.swapaxes(0, 1), x[:, :, :, :-1])
    inputs = x.transpose(0, 3, 1, 2, 4)
    group.inputs[:m].reshape(inputs.shape)[:] = inputs
    state[:, :, 0] = first
    loop("forward_all")(plan.forward, models.start, models.stop)
    return memory.out_of_panels(state[:, :, T + 1 - plan.shape.outputs :, :, 0], B)


def backward(plan: Plan, models: slice, d_W: Float[Array, "m HG D1"], d_R: Float[Array, "m HG VH"]) -> None:
    """Write the gradients by W and b, side by side, and by R; add those by the pointwise parameters to `d_p`."""
    group, cell, m = plan.group, plan.layout.cell, len(d_W)
    loop("training_all")(*plan.backward, models.start, models.stop)
    wx, rh, own = (each[:m] for each in group.errors)
    inputs, recurrent = (each[:m].swapaxes(1, 2) for each in (group.inputs, group.recurrent_input))
    states = plan.shape.units * len(cell.recurrent_states)
    np.matmul(wx, inputs, out=d_W)
    np.matmul(rh, recurrent[:, :, :states], out=d_R[:, :, :states])
    if cell.intermediate:
        np.matmul(own, recurrent[:, :, states:], out=d_R[:, :, states:])


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
    plan = forward_plan(layout, T, slots(x, "mpt"), stored, "mpt", mask, panels=P)
    loop("forward_all")(plan, 0, M)
    return state
