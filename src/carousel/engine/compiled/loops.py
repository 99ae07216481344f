"""One generic loop forward in time and one back, of one model and one panel of sequences, for all cells.

What they call is code by its address (`code`, `emit`); what they pass are addresses of numbers. So one version of each
loop serves every cell, dtype and size, and is compiled once for all.
"""

from functools import cache
from typing import Any, NamedTuple, get_type_hints

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic


class Tape(NamedTuple):
    """An array [M P T ..], or with some of these axes: where slot t of a model and panel starts.

    With mask 1 two slots take turns, with mask 0 there is one for all.
    """

    first: int
    model: int = 0  # bytes from one model's to the next
    panel: int = 0
    step: int = 0
    mask: int = -1


class Sizes(NamedTuple):
    """How much there is of all."""

    models: int
    panels: int
    steps: int
    units: int
    gates: int
    states: int
    lanes: int
    vector: int  # bytes of all lanes
    inputs: int  # rows of x, with the one of ones
    net_tiles: int  # of what has a row a gate and unit, and
    unit_tiles: int  # a row a unit


def record(values: Any) -> np.ndarray:
    """Named whole numbers, which may lie in each other, as an array of one record: a loop reads that at once."""
    kind: Any = type(values)
    return np.array([values], dtype=record_of(kind))


@cache
def record_of(kind: Any) -> Any:
    """The type of a record with the fields of a NamedTuple of whole numbers and of such tuples."""
    if kind is int:
        return np.int64
    return np.dtype([(name, record_of(intermediate)) for name, intermediate in get_type_hints(kind).items()])


@intrinsic
def call(context: Any, function: Any, words: Any, places: Any) -> Any:
    """Call what lies at an address with whole numbers and addresses."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        where, numbers, places = arguments
        numbers = cgutils.unpack_tuple(builder, numbers)
        places = [
            builder.inttoptr(place, ir.PointerType()) for place in cgutils.unpack_tuple(builder, places)
        ]
        kinds = [value.type for value in numbers + places]
        kind = ir.FunctionType(ir.VoidType(), kinds)
        builder.call(builder.inttoptr(where, kind.as_pointer()), numbers + places)
        return context.get_dummy_value()

    return types.void(function, words, places), generate


@njit(cache=True)
def at(tape: Tape, m: int, p: int, t: int) -> int:
    """The address of a slot."""
    return tape.first + m * tape.model + p * tape.panel + (t & tape.mask) * tape.step


class Ahead(NamedTuple):
    """Code and numbers of a forward pass; recurrent states[k] is the state that R's k-th block multiplies."""

    n: Sizes
    start: int  # C = A B
    add: int  # C += A B
    forward: int
    intermediate: int  # 0: none
    W: Tape
    R: Tape
    matrix: int  # bytes from one state's R to the next
    p: Tape
    x: Tape
    state: Tape  # one slot more than steps
    saved: Tape
    v: Tape
    intermediate_saved: Tape
    wx: int
    rh: int  # wx again where one net input a gate is enough
    copy: int
    recurrent_input: Tape  # where what R multiplies goes, in rows of all steps side by side; at 0: nowhere
    stride: int  # numbers in such a row, and
    block: int  # bytes from one state's rows to the next


@njit(cache=True)
def climb(a: Ahead, recurrent_states: np.ndarray, m: int, p: int) -> None:
    """All steps of a forward pass from the state in slot 0."""
    n, W, R, own = a.n, at(a.W, m, p, 0), at(a.R, m, p, 0), at(a.p, m, p, 0)
    row = n.states * n.lanes
    for t in range(n.steps):
        state, after = at(a.state, m, p, t), at(a.state, m, p, t + 1)
        call(a.start, (n.net_tiles, n.inputs, n.lanes, n.lanes), (W, at(a.x, m, p, t), a.wx))
        how = a.add if a.rh == a.wx else a.start
        for k in range(len(recurrent_states)):
            recurrent_input = state + recurrent_states[k] * n.vector
            call(how, (n.net_tiles, n.units, row, n.lanes), (R + k * a.matrix, recurrent_input, a.rh))
            how = a.add
            keep(a, m, p, t, k, row, recurrent_input)
        if a.intermediate:
            v = at(a.v, m, p, t)
            call(
                a.intermediate, (n.units,), (a.wx, a.rh, state, own, v, at(a.intermediate_saved, m, p, t), v)
            )
            call(
                how, (n.net_tiles, n.units, n.lanes, n.lanes), (R + len(recurrent_states) * a.matrix, v, a.rh)
            )
            keep(a, m, p, t, len(recurrent_states), n.lanes, v)
        call(a.forward, (n.units,), (a.wx, a.rh, state, own, after, at(a.saved, m, p, t), state))


@njit(cache=True)
def keep(a: Ahead, m: int, p: int, t: int, k: int, row: int, recurrent_input: int) -> None:
    """Keep what R's k-th block multiplies, where that is wanted."""
    if a.recurrent_input.first:
        call(
            a.copy,
            (a.n.units, row, a.stride),
            (recurrent_input, at(a.recurrent_input, m, p, t) + k * a.block),
        )


@njit(cache=True)
def climb_one(ahead: np.ndarray, recurrent_states: np.ndarray, m: int, p: int) -> None:
    climb(ahead[0], recurrent_states, m, p)


@njit(cache=True)
def climb_all(ahead: np.ndarray, recurrent_states: np.ndarray) -> None:
    for m in range(ahead[0].n.models):
        for p in range(ahead[0].n.panels):
            climb(ahead[0], recurrent_states, m, p)


class Behind(NamedTuple):
    """Code and numbers of a walk back; slot 0 of what is carried lies at the loss, slot j is j steps before it."""

    n: Sizes
    start: int
    add: int
    backward: int
    intermediate: int
    R: Tape  # transposed; at 0: nothing passes there
    matrix: int
    open_gates: int  # of which rh has errors
    p: Tape
    saved: Tape  # by t, the last first
    intermediate_saved: Tape
    d: Tape
    rh: int
    wx: Tape
    d_p: Tape
    d_v: int
    copy: int
    own: int  # where rh goes before the intermediate input's errors are added; 0: they are not wanted by themselves


@njit(cache=True)
def descend(b: Behind, recurrent_states: np.ndarray, m: int, p: int, j: int) -> None:
    """The adjoint in slot j from that in slot j - 1."""
    n, t, R = b.n, b.n.steps - j, at(b.R, m, p, 0)
    row, errors = n.states * n.lanes, n.units * b.open_gates
    before, own, d_p = at(b.d, m, p, j), at(b.p, m, p, 0), at(b.d_p, m, p, 0)
    nets = b.rh, at(b.wx, m, p, j), d_p
    call(b.backward, (n.units,), (at(b.saved, m, p, t), at(b.d, m, p, j - 1), own, before, *nets))
    if b.own:
        call(b.copy, (n.units * n.gates, n.lanes, n.lanes), (b.rh, b.own))
    if b.R.first == 0:
        return
    if b.intermediate:
        call(
            b.start,
            (n.unit_tiles, errors, n.lanes, n.lanes),
            (R + len(recurrent_states) * b.matrix, b.rh, b.d_v),
        )
        call(b.intermediate, (n.units,), (at(b.intermediate_saved, m, p, t), b.d_v, own, before, *nets))
    for k in range(len(recurrent_states)):
        recurrent_input = before + recurrent_states[k] * n.vector
        call(b.add, (n.unit_tiles, errors, n.lanes, row), (R + k * b.matrix, b.rh, recurrent_input))


class Rescaled(NamedTuple):
    """How what is carried back is kept within range, and where its powers and squares go, slot by slot."""

    state: int
    power: Tape
    squares: Tape
    net: int  # 0: the norms of the errors of W x + b are not wanted
    net_copy: int
    nothing: int  # a power of zero
    net_power: Tape
    net_squares: Tape


@njit(cache=True)
def march(b: Behind, r: Rescaled, recurrent_states: np.ndarray, m: int, p: int) -> None:
    """All steps back, each followed by a division by a power of two."""
    n = b.n
    for j in range(1, n.steps + 1):
        descend(b, recurrent_states, m, p, j)
        powers = at(r.power, m, p, j - 1), at(r.power, m, p, j)
        call(r.state, (n.units,), (at(b.d, m, p, j), *powers, at(r.squares, m, p, j)))
        if r.net:
            call(b.copy, (n.units * n.gates, n.lanes, n.lanes), (at(b.wx, m, p, j), r.net_copy))
            found = at(r.net_power, m, p, j), at(r.net_squares, m, p, j)
            call(r.net, (n.units,), (r.net_copy, r.nothing, *found))


@njit(cache=True)
def march_one(behind: np.ndarray, rescaled: np.ndarray, recurrent_states: np.ndarray, m: int, p: int) -> None:
    march(behind[0], rescaled[0], recurrent_states, m, p)


class Starts(NamedTuple):
    """The first state and the last adjoint, which are copied into slot 0."""

    state: Tape
    d: Tape


@njit(cache=True)
def there_and_back(
    ahead: np.ndarray,
    behind: np.ndarray,
    rescaled: np.ndarray,
    starts: np.ndarray,
    recurrent_states: np.ndarray,
) -> None:
    """There and back again, model by model and panel by panel: what a step saves is kept for one at a time."""
    a, b, n = ahead[0], behind[0], ahead[0].n
    rows = n.units * n.states
    for m in range(n.models):
        for p in range(n.panels):
            call(a.copy, (rows, n.lanes, n.lanes), (at(starts[0].state, m, p, 0), at(a.state, m, p, 0)))
            climb(a, recurrent_states, m, p)
            call(a.copy, (rows, n.lanes, n.lanes), (at(starts[0].d, m, p, 0), at(b.d, m, p, 0)))
            march(b, rescaled[0], recurrent_states, m, p)


class Kept(NamedTuple):
    """Where the errors of a training step go: rows of a matrix with all steps and lanes side by side."""

    plus: int
    stride: int  # numbers in a row of those matrices
    outputs: Tape  # errors of h after each of the last steps, the very last first
    last: int  # how many of them
    wx: Tape  # at 0: they are those of rh
    rh: Tape
    own: Tape


@njit(cache=True)
def learn(b: Behind, k: Kept, recurrent_states: np.ndarray, m: int, p: int) -> None:
    """All steps back with errors coming in at the last outputs, and the errors of all nets kept."""
    n = b.n
    rows = n.units * n.gates
    for j in range(1, n.steps + 1):
        t, d = n.steps - j, at(b.d, m, p, j - 1)
        if j <= k.last:
            call(k.plus, (n.units, n.lanes, n.states * n.lanes), (at(k.outputs, m, p, j - 1), d))
        descend(b, recurrent_states, m, p, j)
        call(b.copy, (rows, n.lanes, k.stride), (b.rh, at(k.rh, m, p, t)))
        if k.wx.first:
            call(b.copy, (rows, n.lanes, k.stride), (at(b.wx, m, p, j), at(k.wx, m, p, t)))
        if b.own:
            call(b.copy, (rows, n.lanes, k.stride), (b.own, at(k.own, m, p, t)))


@njit(cache=True)
def learn_panels(
    behind: np.ndarray, kept: np.ndarray, nothing: int, recurrent_states: np.ndarray, m: int
) -> None:
    """All panels of one model, from an adjoint that is zero."""
    b = behind[0]
    for p in range(b.n.panels):
        call(b.copy, (b.n.units * b.n.states, 0, b.n.lanes), (nothing, at(b.d, m, p, 0)))
        learn(b, kept[0], recurrent_states, m, p)
