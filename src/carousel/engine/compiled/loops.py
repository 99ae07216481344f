"""The loops over time, of one model and one panel of sequences, that serve all cells: one forward, two backward.

A loop calls a cell's functions, matrix products and copies by the addresses of their code (`code`, `emit`) and hands
them addresses of numbers. So one version of each loop serves every cell, dtype and size, and is compiled once for all.
"""

from functools import cache
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic


class Slots(NamedTuple):
    """The address of slot t of a model and panel in an array [M P T ..], or in one with some of these axes.

    With mask 1 two slots are used in turn, with mask 0 one slot is used at every step.
    """

    first: int
    model: int = 0  # bytes from one model's to the next
    panel: int = 0
    step: int = 0
    mask: int = -1


class Sizes(NamedTuple):
    """The sizes of all axes, and what the loops derive from them."""

    models: int
    panels: int
    steps: int
    units: int
    gates: int
    states: int
    lanes: int
    vector: int  # bytes of all lanes
    inputs: int  # rows of x, the row of ones included
    net_tiles: int  # of a matrix with one row per gate and unit
    unit_tiles: int  # of a matrix with one row per unit


def record(values: Any) -> np.ndarray:
    """A NamedTuple of integers and of such tuples as an array of one record, which a loop reads at no cost."""
    fields: Any = type(values)
    return np.array([values], dtype=record_type(fields))


@cache
def record_type(fields: Any) -> Any:
    """The dtype of a record with the fields of a NamedTuple of integers and of such tuples."""
    if fields is int:
        return np.int64
    return np.dtype([(name, record_type(field)) for name, field in get_type_hints(fields).items()])


@intrinsic
def call(context: Any, function: Any, words: Any, addresses: Any) -> Any:
    """Call the function at the address `function` with integers and addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        where, numbers, pointers = arguments
        numbers = cgutils.unpack_tuple(builder, numbers)
        pointers = [builder.inttoptr(x, ir.PointerType()) for x in cgutils.unpack_tuple(builder, pointers)]
        types_ = [value.type for value in numbers + pointers]
        type_ = ir.FunctionType(ir.VoidType(), types_)
        builder.call(builder.inttoptr(where, type_.as_pointer()), numbers + pointers)
        return context.get_dummy_value()

    return types.void(function, words, addresses), generate


@njit(cache=True)
def at(slots: Slots, m: int, p: int, t: int) -> int:
    """The address of a slot."""
    return slots.first + m * slots.model + p * slots.panel + (t & slots.mask) * slots.step


class ForwardPlan(NamedTuple):
    """The addresses of a forward pass: its code and its numbers."""

    n: Sizes
    product: int  # code of C = A B
    add_product: int  # of C += A B
    forward: int
    intermediate: int  # 0: the cell has no intermediate input
    W: Slots
    R: Slots
    matrix: int  # bytes from one state's R to the next
    p: Slots
    x: Slots
    state: Slots  # one slot more than steps
    saved: Slots
    v: Slots
    intermediate_saved: Slots
    wx: int
    rh: int  # wx again where one net input per gate is enough
    copy: int
    recurrent_input: (
        Slots  # where the vectors that R multiplies are stored, steps side by side; at 0: nowhere
    )
    stride: int  # numbers in a row of that array
    block: int  # bytes from one state's rows there to the next


@njit(cache=True)
def forward_steps(plan: ForwardPlan, recurrent_states: np.ndarray, m: int, p: int) -> None:
    """All steps of a forward pass from the state in slot 0; R's k-th block multiplies state `recurrent_states[k]`."""
    n, W, R, own = plan.n, at(plan.W, m, p, 0), at(plan.R, m, p, 0), at(plan.p, m, p, 0)
    row = n.states * n.lanes
    for t in range(n.steps):
        state, after = at(plan.state, m, p, t), at(plan.state, m, p, t + 1)
        call(plan.product, (n.net_tiles, n.inputs, n.lanes, n.lanes), (W, at(plan.x, m, p, t), plan.wx))
        multiply = plan.add_product if plan.rh == plan.wx else plan.product
        for k in range(len(recurrent_states)):
            recurrent_input = state + recurrent_states[k] * n.vector
            call(
                multiply,
                (n.net_tiles, n.units, row, n.lanes),
                (R + k * plan.matrix, recurrent_input, plan.rh),
            )
            multiply = plan.add_product
            store_recurrent_input(plan, m, p, t, k, row, recurrent_input)
        if plan.intermediate:
            v = at(plan.v, m, p, t)
            call(
                plan.intermediate,
                (n.units,),
                (plan.wx, plan.rh, state, own, v, at(plan.intermediate_saved, m, p, t), v),
            )
            call(
                multiply,
                (n.net_tiles, n.units, n.lanes, n.lanes),
                (R + len(recurrent_states) * plan.matrix, v, plan.rh),
            )
            store_recurrent_input(plan, m, p, t, len(recurrent_states), n.lanes, v)
        call(plan.forward, (n.units,), (plan.wx, plan.rh, state, own, after, at(plan.saved, m, p, t), state))


@njit(cache=True)
def store_recurrent_input(
    plan: ForwardPlan, m: int, p: int, t: int, k: int, row: int, recurrent_input: int
) -> None:
    """Store the vector that R's k-th block multiplies, if the plan has a place for it."""
    if plan.recurrent_input.first:
        call(
            plan.copy,
            (plan.n.units, row, plan.stride),
            (recurrent_input, at(plan.recurrent_input, m, p, t) + k * plan.block),
        )


@njit(cache=True)
def forward_one(plan: np.ndarray, recurrent_states: np.ndarray, m: int, p: int) -> None:
    """The forward pass of one model and panel."""
    forward_steps(plan[0], recurrent_states, m, p)


@njit(cache=True)
def forward_all(plan: np.ndarray, recurrent_states: np.ndarray) -> None:
    """The forward passes of all models and panels."""
    for m in range(plan[0].n.models):
        for p in range(plan[0].n.panels):
            forward_steps(plan[0], recurrent_states, m, p)


class BackwardPlan(NamedTuple):
    """The addresses of a backward pass: its code and its numbers.

    Slot 0 of an adjoint is where the pass starts, slot j is j steps further back.
    """

    n: Sizes
    product: int
    add_product: int
    backward: int
    intermediate: int
    R: Slots  # transposed; at 0: no error passes R
    matrix: int  # bytes from one state's R to the next
    open_gates: int  # how many gates rh has errors of
    p: Slots
    saved: Slots  # by t, the last first
    intermediate_saved: Slots
    d: Slots
    rh: int
    wx: Slots
    d_p: Slots
    d_v: int
    copy: int
    own: int  # where rh is copied before the intermediate input's errors are added to it; 0: it is not copied


@njit(cache=True)
def backward_step(plan: BackwardPlan, recurrent_states: np.ndarray, m: int, p: int, j: int) -> None:
    """One step back: the adjoint in slot j from that in slot j - 1."""
    n, t, R = plan.n, plan.n.steps - j, at(plan.R, m, p, 0)
    row, errors = n.states * n.lanes, n.units * plan.open_gates
    before, own, d_p = at(plan.d, m, p, j), at(plan.p, m, p, 0), at(plan.d_p, m, p, 0)
    nets = plan.rh, at(plan.wx, m, p, j), d_p
    call(plan.backward, (n.units,), (at(plan.saved, m, p, t), at(plan.d, m, p, j - 1), own, before, *nets))
    if plan.own:
        call(plan.copy, (n.units * n.gates, n.lanes, n.lanes), (plan.rh, plan.own))
    if plan.R.first == 0:
        return
    if plan.intermediate:
        call(
            plan.product,
            (n.unit_tiles, errors, n.lanes, n.lanes),
            (R + len(recurrent_states) * plan.matrix, plan.rh, plan.d_v),
        )
        call(
            plan.intermediate,
            (n.units,),
            (at(plan.intermediate_saved, m, p, t), plan.d_v, own, before, *nets),
        )
    for k in range(len(recurrent_states)):
        recurrent_input = before + recurrent_states[k] * n.vector
        call(
            plan.add_product,
            (n.unit_tiles, errors, n.lanes, row),
            (R + k * plan.matrix, plan.rh, recurrent_input),
        )


class Rescaling(NamedTuple):
    """How the adjoint is divided by powers of two, and where the powers and the sums of squares go, slot by slot."""

    state: int  # code of the division
    power: Slots
    squares: Slots
    net: int  # code for the errors of W x + b; 0: their norms are left out
    net_copy: int
    zero: int  # address of a power of zero
    net_power: Slots
    net_squares: Slots


@njit(cache=True)
def backward_steps(
    plan: BackwardPlan, rescaling: Rescaling, recurrent_states: np.ndarray, m: int, p: int
) -> None:
    """All steps back from the adjoint in slot 0, each followed by a division by a power of two."""
    n = plan.n
    for j in range(1, n.steps + 1):
        backward_step(plan, recurrent_states, m, p, j)
        powers = at(rescaling.power, m, p, j - 1), at(rescaling.power, m, p, j)
        call(rescaling.state, (n.units,), (at(plan.d, m, p, j), *powers, at(rescaling.squares, m, p, j)))
        if rescaling.net:
            call(plan.copy, (n.units * n.gates, n.lanes, n.lanes), (at(plan.wx, m, p, j), rescaling.net_copy))
            to = at(rescaling.net_power, m, p, j), at(rescaling.net_squares, m, p, j)
            call(rescaling.net, (n.units,), (rescaling.net_copy, rescaling.zero, *to))


@njit(cache=True)
def backward_one(
    plan: np.ndarray, rescaling: np.ndarray, recurrent_states: np.ndarray, m: int, p: int
) -> None:
    """The backward pass of one model and panel."""
    backward_steps(plan[0], rescaling[0], recurrent_states, m, p)


class Starts(NamedTuple):
    """The first state and the adjoint at the loss, which are copied into slot 0 of each pass."""

    state: Slots
    d: Slots


@njit(cache=True)
def forward_and_back(
    forward: np.ndarray,
    backward: np.ndarray,
    rescaling: np.ndarray,
    starts: np.ndarray,
    recurrent_states: np.ndarray,
) -> None:
    """Forward and back, model by model and panel by panel: what the steps save is stored for one of them at a time."""
    there, back, n = forward[0], backward[0], forward[0].n
    rows = n.units * n.states
    for m in range(n.models):
        for p in range(n.panels):
            first, last = at(starts[0].state, m, p, 0), at(starts[0].d, m, p, 0)
            call(there.copy, (rows, n.lanes, n.lanes), (first, at(there.state, m, p, 0)))
            forward_steps(there, recurrent_states, m, p)
            call(there.copy, (rows, n.lanes, n.lanes), (last, at(back.d, m, p, 0)))
            backward_steps(back, rescaling[0], recurrent_states, m, p)


class ErrorRows(NamedTuple):
    """Where the errors of a training step go: into the rows of matrices with all steps and lanes side by side."""

    add: int  # code of a copy that adds
    stride: int  # numbers in a row of those matrices
    outputs: Slots  # errors of h after each of the last steps, the very last first
    last: int  # how many of them
    wx: Slots  # at 0: they are those of rh
    rh: Slots
    own: Slots


@njit(cache=True)
def training_steps(plan: BackwardPlan, rows: ErrorRows, recurrent_states: np.ndarray, m: int, p: int) -> None:
    """All steps back with errors added at the last outputs; the errors of all net inputs are stored."""
    n = plan.n
    nets = n.units * n.gates
    for j in range(1, n.steps + 1):
        t, d = n.steps - j, at(plan.d, m, p, j - 1)
        if j <= rows.last:
            call(rows.add, (n.units, n.lanes, n.states * n.lanes), (at(rows.outputs, m, p, j - 1), d))
        backward_step(plan, recurrent_states, m, p, j)
        call(plan.copy, (nets, n.lanes, rows.stride), (plan.rh, at(rows.rh, m, p, t)))
        if rows.wx.first:
            call(plan.copy, (nets, n.lanes, rows.stride), (at(plan.wx, m, p, j), at(rows.wx, m, p, t)))
        if plan.own:
            call(plan.copy, (nets, n.lanes, rows.stride), (plan.own, at(rows.own, m, p, t)))


@njit(cache=True)
def training_panels(
    plan: np.ndarray, rows: np.ndarray, zero: int, recurrent_states: np.ndarray, m: int
) -> None:
    """All steps back for all panels of one model, from an adjoint of zero; `zero` is the address of a vector of it."""
    back, n = plan[0], plan[0].n
    for p in range(n.panels):
        call(back.copy, (n.units * n.states, 0, n.lanes), (zero, at(back.d, m, p, 0)))
        training_steps(back, rows[0], recurrent_states, m, p)
