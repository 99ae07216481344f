"""The loops over time, of one model and one panel of sequences, that serve all cells: one forward, two backward.

A loop calls a cell's functions, matrix products and copies by the addresses of their code (`code`, `emit`) and hands
them addresses of numbers. So one version of each loop serves every cell, dtype and size, and is compiled once for all.
"""

from typing import Any, get_type_hints

from llvmlite import ir
from numba import from_dtype, njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from carousel.engine.compiled.plans import (
    BITS,
    BackwardPlan,
    ErrorRows,
    ForwardPlan,
    Rescaling,
    Slots,
    Starts,
    record_type,
)


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


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def at(slots: Slots, m: int, p: int, t: int) -> int:
    """The address of a slot."""
    return slots.first + (m & slots.models) * slots.model + p * slots.panel + (t & slots.mask) * slots.step


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def place(places: int, k: int) -> int:
    """The k-th of the places that are packed in one integer."""
    return (places >> (BITS * k)) & (2**BITS - 1)


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def forward_steps(plan: ForwardPlan, m: int, p: int) -> None:
    """All steps of a forward pass from the state in slot 0; R's k-th block multiplies the k-th recurrent state."""
    n, W, R, own = plan.n, at(plan.W, m, p, 0), at(plan.R, m, p, 0), at(plan.p, m, p, 0)
    row = n.states * n.lanes
    for t in range(n.steps):
        state, after = at(plan.state, m, p, t), at(plan.state, m, p, t + 1)
        call(plan.product, (n.net_tiles, n.inputs, n.lanes, n.lanes), (W, at(plan.x, m, p, t), plan.wx))
        multiply = plan.add_product if plan.rh == plan.wx else plan.product
        for k in range(n.recurrent):
            recurrent_input = state + place(n.places, k) * n.vector
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
                (R + n.recurrent * plan.matrix, v, plan.rh),
            )
            store_recurrent_input(plan, m, p, t, n.recurrent, n.lanes, v)
        call(plan.forward, (n.units,), (plan.wx, plan.rh, state, own, after, at(plan.saved, m, p, t), state))


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
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


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def forward_all(plan: ForwardPlan, start: int, stop: int) -> None:
    """The forward passes of the models from `start` to `stop`, of all panels."""
    for m in range(start, stop):
        for p in range(plan.n.panels):
            forward_steps(plan, m, p)


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def backward_step(plan: BackwardPlan, m: int, p: int, j: int) -> None:
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
            (R + n.recurrent * plan.matrix, plan.rh, plan.d_v),
        )
        call(
            plan.intermediate,
            (n.units,),
            (at(plan.intermediate_saved, m, p, t), plan.d_v, own, before, *nets),
        )
    for k in range(n.recurrent):
        recurrent_input = before + place(n.places, k) * n.vector
        call(
            plan.add_product,
            (n.unit_tiles, errors, n.lanes, row),
            (R + k * plan.matrix, plan.rh, recurrent_input),
        )


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def backward_steps(plan: BackwardPlan, rescaling: Rescaling, m: int, p: int) -> None:
    """All steps back from the adjoint in slot 0, each followed by a division by a power of two."""
    n = plan.n
    for j in range(1, n.steps + 1):
        backward_step(plan, m, p, j)
        powers = at(rescaling.power, m, p, j - 1), at(rescaling.power, m, p, j)
        call(rescaling.state, (n.units,), (at(plan.d, m, p, j), *powers, at(rescaling.squares, m, p, j)))
        if rescaling.net:
            call(plan.copy, (n.units * n.gates, n.lanes, n.lanes), (at(plan.wx, m, p, j), rescaling.net_copy))
            to = at(rescaling.net_power, m, p, j), at(rescaling.net_squares, m, p, j)
            call(rescaling.net, (n.units,), (rescaling.net_copy, rescaling.zero, *to))


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def forward_and_back(there: ForwardPlan, back: BackwardPlan, rescaling: Rescaling, starts: Starts) -> None:
    """Forward and back, model by model and panel by panel: what the steps save is stored for one of them at a time."""
    n = there.n
    rows = n.units * n.states
    for m in range(n.models):
        for p in range(n.panels):
            first, last = at(starts.state, m, p, 0), at(starts.d, m, p, 0)
            call(there.copy, (rows, n.lanes, n.lanes), (first, at(there.state, m, p, 0)))
            forward_steps(there, m, p)
            call(there.copy, (rows, n.lanes, n.lanes), (last, at(back.d, m, p, 0)))
            backward_steps(back, rescaling, m, p)


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def training_steps(plan: BackwardPlan, rows: ErrorRows, m: int, p: int) -> None:
    """All steps back with errors added at the last outputs; the errors of all net inputs are stored."""
    n = plan.n
    nets = n.units * n.gates
    for j in range(1, n.steps + 1):
        t, d = n.steps - j, at(plan.d, m, p, j - 1)
        if j <= rows.last:
            call(rows.add, (n.units, n.lanes, n.states * n.lanes), (at(rows.outputs, m, p, j - 1), d))
        backward_step(plan, m, p, j)
        call(plan.copy, (nets, n.lanes, rows.stride), (plan.rh, at(rows.rh, m, p, t)))
        if rows.wx.first:
            call(plan.copy, (nets, n.lanes, rows.stride), (at(plan.wx, m, p, j), at(rows.wx, m, p, t)))
        if plan.own:
            call(plan.copy, (nets, n.lanes, rows.stride), (plan.own, at(rows.own, m, p, t)))


@njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)
def training_all(back: BackwardPlan, rows: ErrorRows, zero: int, start: int, stop: int) -> None:
    """All steps back of the models from `start` to `stop`, from an adjoint of zero; `zero` is a vector's address."""
    n = back.n
    for m in range(start, stop):
        for p in range(n.panels):
            call(back.copy, (n.units * n.states, 0, n.lanes), (zero, at(back.d, m, p, 0)))
            training_steps(back, rows, m, p)


ENTRIES = (forward_steps, forward_all, backward_steps, forward_and_back, training_all)
"""The loops that are called from outside."""


def llvm(loop: Any) -> tuple[str, str]:
    """A loop in LLVM's language, with all that it calls, and its name there: i32 (result, error, arguments ...)."""
    kinds = tuple(kind(hint) for name, hint in get_type_hints(loop.py_func).items() if name != "return")
    loop.compile(kinds)
    return loop.inspect_llvm(kinds), loop.overloads[kinds].fndesc.llvm_func_name


def kind(hint: Any) -> Any:
    """The type of an argument: an integer, or the address of a record."""
    return types.int64 if hint is int else from_dtype(record_type(hint))
