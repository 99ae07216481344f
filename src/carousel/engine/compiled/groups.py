"""The arrays and plans of a gradient by the parameters, which is computed for one group of models after the other.

What the steps of all models store would be read back from main memory; that of a group is still in the caches.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Array
from carousel.cells import Cell, Params
from carousel.engine.compiled import emit, memory
from carousel.engine.compiled.code import same_errors
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
from carousel.engine.compiled.vectors import VectorType
from carousel.engine.recurrence import Gates

LARGEST = 2**23  # bytes of a group of more than one model


class Shape(NamedTuple):
    """All that a plan depends on."""

    cell: int  # its identity; its code holds the cell
    kind: VectorType
    models: int
    units: int
    steps: int
    inputs: int
    sequences: int
    outputs: int  # the last steps, whose h have errors
    gates: Gates  # which errors pass


class NetErrors(NamedTuple):
    """The errors of the net inputs, [g HG PTL]: their products with what caused them are the gradients."""

    wx: Array  # of W x + b
    rh: Array  # of R h; the same array where the errors are the same
    own: Array  # of R h without those through the intermediate input


class Group(NamedTuple):
    """The arrays of g models; the next g models overwrite them."""

    x: Array  # [g P T D1 L]
    inputs: Array  # [g D1 PTL], x in rows
    steps: StoredSteps  # each [g P ..]
    recurrent_input: Array  # [g VH PTL], the vectors that R multiplies
    outputs: Array  # [g P S H L], the errors of h, the last step first
    errors: NetErrors

    @property
    def bytes(self) -> int:
        """The size of all arrays."""
        arrays = self.x, self.inputs, *self.steps, self.recurrent_input, self.outputs, *self.errors
        return sum({id(each): each.nbytes for each in arrays}.values())


class Plan(NamedTuple):
    """What a gradient is computed in, and the addresses of what its passes are told."""

    shape: Shape
    layout: Layout
    work: Workspace
    d_p: Array  # [M H P L], by the pointwise parameters, of all models
    group: Group
    forward: int  # of a `ForwardPlan`
    backward: tuple[
        int, ...
    ]  # of a `BackwardPlan`, of `ErrorRows`, and of zeros, which the adjoint starts from
    passed: tuple[Array, ...]  # what is at these addresses
    step: tuple[Array, Array]  # the errors of one step: of the states before and after it, and of W x + b


def plan_for(cell: Cell, params: Params, shape: Shape) -> Plan:
    """A plan for the gradients of a shape, in which the parameters are still to be written."""
    layout = lay_out(cell, params, shape.kind)
    d_p = layout.empty(shape.models, shape.units, len(cell.pointwise))
    work = working(layout, shape)._replace(d_p=d_p)
    fitting = LARGEST // group(layout, shape, 1).bytes
    models = shape.models if shape.models <= fitting else 1 << max(0, fitting.bit_length() - 1)
    arrays, mask = group(layout, shape, models), -1 if models == shape.models else models - 1
    step = layout.empty(2, shape.units, len(cell.states)), layout.empty(1, shape.units, len(cell.gates))
    errors = record(error_rows(shape, arrays, work, mask))
    zero = np.zeros(shape.kind.lanes, shape.kind.dtype)
    passed = (*passes(layout, shape, work, arrays, step, mask), errors, zero)
    forward, *backward = map(memory.address, passed)
    return Plan(shape, layout, work, d_p, arrays, forward, tuple(backward), passed, step)


def passes(
    layout: Layout, shape: Shape, work: Workspace, arrays: Group, step: tuple[Array, Array], mask: int
) -> tuple[Array, Array]:
    """The plans of both passes over the steps of a group, as records; `mask` as `models` of `Slots`."""
    x, rows = slots(arrays.x, "mpt", models=mask), recurrent_input_rows(shape, arrays, mask)
    stored = arrays.steps, "mpt"
    size = {"panels": arrays.x.shape[1], "models": mask}
    there = forward_plan(layout, shape.steps, x, *stored, recurrent_input=rows, **size)
    d, wx = slots(step[0], "t", 1), slots(step[1], "t", 0)
    return there, backward_plan(layout, work, shape.steps, *stored, d, wx, **size)


def working(layout: Layout, shape: Shape) -> Workspace:
    """What the backward pass computes with."""
    cell, same = layout.cell, same_errors(layout.code)
    work = workspace(layout, cell.gates, open_gates(cell, shape), net=not same, parameters=True)
    own = layout.empty(shape.units, len(cell.gates)) if cell.intermediate else None
    return work._replace(own=own)


def open_gates(cell: Cell, shape: Shape) -> list[str]:
    """The gates that errors pass, in the order of the cell."""
    return [gate for gate in cell.gates if gate in shape.gates]


def group(layout: Layout, shape: Shape, models: int) -> Group:
    """The arrays of a group of models, not yet written but for the row of ones among the inputs."""
    cell, kind, same = layout.cell, shape.kind, same_errors(layout.code)
    P, T, D1 = memory.panels(kind, shape.sequences), shape.steps, shape.inputs + 1
    x = memory.aligned((models, P, T, D1, kind.lanes), kind.dtype)
    x[:, :, :, -1] = 1
    rh = side_by_side(shape, models, shape.units * len(cell.gates))
    wx = rh if same else side_by_side(shape, models, shape.units * len(cell.gates))
    own = side_by_side(shape, models, shape.units * len(cell.gates)) if cell.intermediate else rh
    return Group(
        x,
        np.empty((models, D1, P * T * kind.lanes), kind.dtype),
        stored_steps(layout, T, models, P),
        side_by_side(shape, models, shape.units * len(cell.columns)),
        layout.empty(models, P, shape.outputs, shape.units),
        NetErrors(wx, rh, own),
    )


def side_by_side(shape: Shape, models: int, rows: int) -> Float[Array, "g rows PTL"]:
    """An array not yet written with all panels, steps and lanes side by side.

    The rows are padded so that they start at different places of the cache.
    """
    kind, T = shape.kind, shape.steps
    count = memory.panels(kind, shape.sequences) * T * kind.lanes
    line = memory.LINE // emit.size(kind)
    padded = memory.aligned((models, rows, count + line * (1 + T % 2)), kind.dtype)
    return padded[..., :count]


def in_rows(shape: Shape, rows: Float[Array, "g rows PTL"], models: int) -> Slots:
    """The slots of panels and steps in rows that hold all of them side by side; `models` as of `Slots`."""
    vector = shape.kind.lanes * emit.size(shape.kind)
    return Slots(memory.address(rows), rows.strides[0], shape.steps * vector, vector, models=models)


def recurrent_input_rows(shape: Shape, arrays: Group, models: int) -> RecurrentInputRows:
    """Where the forward pass stores the vectors that R multiplies."""
    stride = arrays.recurrent_input.strides[1]
    rows = in_rows(shape, arrays.recurrent_input, models)
    return RecurrentInputRows(rows, stride // emit.size(shape.kind), stride * shape.units)


def error_rows(shape: Shape, arrays: Group, work: Workspace, models: int) -> ErrorRows:
    """Where the backward pass finds the errors of h and stores those of the net inputs."""
    errors = arrays.errors
    return ErrorRows(
        emit.copy(shape.kind, True),
        errors.rh.strides[1] // emit.size(shape.kind),
        slots(arrays.outputs, "mpt", models=models),
        shape.outputs,
        in_rows(shape, errors.wx, models) if work.options.net else Slots(0),
        in_rows(shape, errors.rh, models),
        in_rows(shape, errors.own, models),
    )
