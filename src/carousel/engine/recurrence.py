"""Time, the matrix products and storage, once for all cells.

A backend passes its array functions (`ArrayOps`) and its one-step derivative; the recurrence decides the order in
which they are called. Adjoints are those of the joint state (h, c) between two steps: the partial derivative by h_t
with c_t held fixed, and by c_t with h_t held fixed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float

from carousel.axes import Array, Inputs, Net, Series, State, Units
from carousel.cells import Cell, Ops, Params
from carousel.cells.cell import Saved

Gates = frozenset[str]

MEMORY = 2**30  # bytes that the stored steps of a forward pass may take; no result depends on it
PATHS: dict[str, Callable[[Cell], Gates]] = {
    "full": lambda cell: frozenset(cell.gates),
    "candidate": lambda cell: frozenset({cell.candidate}),
    "cell": lambda cell: frozenset(),
    "truncated": lambda cell: frozenset(),
}
"""The gates whose rows of R the adjoint may pass back through, for each path; all others are blocked.

``candidate``: the carousel and the cell input, the gates frozen. ``cell``: the carousel alone. ``truncated`` is
the rule of Hochreiter and Schmidhuber (1997): errors that reach a net input change its weights and stop there. For
the adjoint of the state, ``cell`` and ``truncated`` are the same; they differ in the weights' gradient, where
``truncated`` keeps every gate's error of the step.
"""


@runtime_checkable
class ArrayOps(Ops, Protocol):
    """The functions of an array library that the recurrence uses, those of the cells among them."""

    def recur(self, R: Float[Array, "M GH VH"], recurrent_input: Float[Array, "M VH B"]) -> Array: ...
    def product(self, A: Float[Array, "M N K"], x: Float[Array, "M K B"]) -> Array: ...
    def affine(
        self, A: Float[Array, "M N K"], x: Float[Array, "M K B"], b: Float[Array, "M N 1"]
    ) -> Array: ...
    def join(self, parts: Sequence[Array], axis: int = 1) -> Array: ...


class Step(NamedTuple):
    """One step of a forward pass: its input, W x + b, the state before it, and what its adjoint needs."""

    x: Inputs
    wx: Net
    before: State
    saved: Saved
    intermediate: Saved = ()  # the intermediate input, and what its own adjoint needs
    log_factor: Array | None = None  # of the Q&A's factor, where it is wanted
    local: Any = None  # the segment that it shares its slopes with, and its place in there


class Errors(NamedTuple):
    """The adjoints of one step."""

    p: dict[str, Units]
    wx: Net
    rh: Net  # of R times the recurrent states
    intermediate: Net | None  # of R times the intermediate input
    before: State


def effective(ops: Ops, cell: Cell, params: Params) -> Params:
    """`params` with R itself in the place of what it is made from."""
    return params if cell.weight is None else params._replace(R=cell.weight.forward(ops, params.R)[0])


def drive(ops: ArrayOps, cell: Cell, params: Params, xs: Series) -> Float[Array, "T M G H B"]:
    """W x + b of all steps in one product, gate by gate."""
    T, M, D, B = xs.shape
    columns = xs.swapaxes(0, 1).swapaxes(1, 2).reshape(M, D, T * B)
    net = ops.affine(params.W, columns, params.b).reshape(M, len(cell.gates), -1, T, B)
    return net.swapaxes(2, 3).swapaxes(1, 2).swapaxes(0, 1)


def recurrent_input(ops: ArrayOps, cell: Cell, state: State) -> Float[Array, "M VH B"]:
    """The recurrent states, stacked: what R multiplies."""
    if cell.recurrent_states == cell.states[:1]:
        return state[0]
    recurrent_states = [state[cell.states.index(name)] for name in cell.recurrent_states]
    return ops.join([state[0][:, :0], *recurrent_states])


def columns(cell: Cell, params: Params, h: Units) -> tuple[Array, Array]:
    """R's columns for the states, and those for the intermediate input."""
    border = len(cell.recurrent_states) * h.shape[1]
    return params.R[:, :, :border], params.R[:, :, border:]


def recurrent(ops: ArrayOps, cell: Cell, params: Params, wx: Net, state: State) -> tuple[Net, Saved]:
    """R times the recurrent input, gate by gate; the intermediate input and what its adjoint needs."""
    states = recurrent_input(ops, cell, state)
    if cell.intermediate is None:
        return ops.recur(params.R, states).reshape(wx.shape), ()
    R, R_intermediate = columns(cell, params, state[0])
    rh = ops.recur(R, states).reshape(wx.shape)
    v, saved = cell.intermediate.forward(ops, params.p, wx, rh, state)
    return rh + ops.recur(R_intermediate, v).reshape(wx.shape), (v, *saved)


def forward(ops: ArrayOps, cell: Cell, params: Params, wx: Net, state: State) -> tuple[State, Saved, Saved]:
    """One step of `cell`: the new state, and what its adjoint and that of its intermediate input need."""
    rh, intermediate = recurrent(ops, cell, params, wx, state)
    return *cell.forward(ops, params.p, wx, rh, state), intermediate


def unroll(
    ops: ArrayOps, cell: Cell, params: Params, xs: Series, state: State, factors: bool = False
) -> tuple[list[Step], State]:
    """All steps of `cell` over `xs`, and the state after the last; with the Q&A's `factors` if they are wanted."""
    steps = []
    for x, wx in zip(xs, drive(ops, cell, params, xs), strict=True):
        rh, intermediate = recurrent(ops, cell, params, wx, state)
        after, saved = cell.forward(ops, params.p, wx, rh, state)
        log_factor = cell.log_factor(ops, params.p, wx, rh, state) if factors else None
        steps.append(Step(x, wx, state, saved, intermediate, log_factor))
        state = after
    return steps, state


def chunks(
    ops: ArrayOps,
    cell: Cell,
    params: Params,
    xs: Series,
    state: State,
    length: int,
    factors: bool = False,
) -> Iterator[list[Step]]:
    """The steps of a forward pass, `length` at a time, the last first; no more than that is ever stored.

    A first pass stores the state before each chunk; every chunk but the last is computed again from there.
    """
    starts = range(0, len(xs), length)
    before = [state]
    for t in starts[:-1]:
        for wx in drive(ops, cell, params, xs[t : t + length]):
            state = forward(ops, cell, params, wx, state)[0]
        before.append(state)
    for t, first in zip(reversed(starts), reversed(before), strict=True):
        yield unroll(ops, cell, params, xs[t : t + length], first, factors)[0]


def chunk_length(xs: Series, state: State) -> int:
    """How many steps may be stored at a time: about twelve arrays of the state's size per step and state."""
    M, _, B = state[0].shape
    return max(8, MEMORY // (state[0].itemsize * 12 * state_size(state) * M * B))


def state_size(state: State) -> int:
    """How many numbers all states of a sequence have together."""
    return sum(s.shape[1] for s in state)


def open_rows(cell: Cell, matrix: Float[Array, "M GH N"], gates: Gates) -> Float[Array, "M _ N"]:
    """The rows of `matrix` that belong to `gates`, in the cell's order."""
    M, GH, N = matrix.shape
    kept = [g for g, name in enumerate(cell.gates) if name in gates]
    if len(kept) == len(cell.gates):
        return matrix
    H = GH // len(cell.gates)
    return matrix.reshape(M, len(cell.gates), H, N)[:, kept].reshape(M, len(kept) * H, N)


def pull_back(ops: Ops, cell: Cell, params: Params, step: Step, d_state: State, gates: Gates) -> Errors:
    """One step of the hand-derived adjoint: the cell's own, then R transposed on the open gates, `gates`."""
    d_p, d_wx, d_rh, d_before = cell.backward(ops, params.p, step.saved, d_state)
    errors = Errors(d_p, d_wx, d_rh, d_rh if cell.intermediate else None, d_before)
    if gates and cell.intermediate:
        errors = through_intermediate(ops, cell, params, step, errors, gates)
    before = dict(zip(cell.states, errors.before, strict=True))
    if gates and cell.recurrent_states:
        R, _ = columns(cell, params, step.before[0])
        recurrent_states = transposed(cell, R, errors.rh, gates)
        H = step.before[0].shape[1]
        for k, name in enumerate(cell.recurrent_states):
            before[name] = recurrent_states[:, k * H : (k + 1) * H] + before[name]
    return errors._replace(
        before=tuple(as_array(ops, d, s) for d, s in zip(before.values(), d_state, strict=True))
    )


def transposed(cell: Cell, R: Array, d_rh: Net, gates: Gates) -> Array:
    """R transposed times the errors of the open gates."""
    error = d_rh.reshape(d_rh.shape[0], -1, d_rh.shape[-1])
    return open_rows(cell, R, gates).swapaxes(1, 2) @ open_rows(cell, error, gates)


def through_intermediate(
    ops: Ops, cell: Cell, params: Params, step: Step, errors: Errors, gates: Gates
) -> Errors:
    """`errors` with those that the intermediate input passes on to what it is computed from."""
    _, R = columns(cell, params, step.before[0])
    d_v = transposed(cell, R, errors.rh, gates)
    d_p, d_wx, d_rh, d_before = cell.intermediate.backward(ops, params.p, step.intermediate[1:], d_v)  # type: ignore[union-attr]
    return Errors(
        {name: errors.p.get(name, 0.0) + d_p.get(name, 0.0) for name in errors.p.keys() | d_p.keys()},
        errors.wx + d_wx,
        errors.rh + d_rh,
        errors.intermediate,
        tuple(a + b for a, b in zip(errors.before, d_before, strict=True)),
    )


def as_array(ops: Ops, d: Array | float, like: Array) -> Array:
    """An adjoint as an array of the shape of `like`, where a cell gave the number zero."""
    return d + ops.zeros(like) if isinstance(d, float) else d


def parameter_gradients(
    ops: ArrayOps,
    cell: Cell,
    params: Params,
    steps: Sequence[Step],
    outputs: Float[Array, "M S H B"],
    gates: Gates,
) -> Params:
    """The gradient by every parameter, R itself among them, given the errors of h after the last S steps."""
    d_p = {name: 0.0 * value for name, value in params.p.items()}
    S = outputs.shape[1]
    d_state = tuple(ops.zeros(s) for s in steps[-1].before)
    by_step = []
    for back, step in enumerate(reversed(steps), start=1):
        if back <= S:
            d_state = (d_state[0] + outputs[:, S - back], *d_state[1:])
        errors = pull_back(ops, cell, params, step, d_state, gates)
        d_p = {name: total + errors.p[name].sum(2, keepdims=True) for name, total in d_p.items()}
        d_state = errors.before
        by_step.append(errors)
    by_step.reverse()

    def by(errors: Sequence[Array], inputs: Sequence[Array]) -> Array:
        """The gradient by a matrix, from the errors of its outputs and its inputs: one product for all steps."""
        return ops.join(errors, 2) @ ops.join(inputs, 2).swapaxes(1, 2)

    d_wx = [flat(each.wx) for each in by_step]
    d_R = by([flat(each.rh) for each in by_step], [recurrent_input(ops, cell, step.before) for step in steps])
    if cell.intermediate:
        intermediate = by(
            [flat(each.intermediate) for each in by_step], [step.intermediate[0] for step in steps]
        )
        d_R = ops.join([d_R, intermediate], 2)
    return Params(by(d_wx, [step.x for step in steps]), d_R, sum(d_wx).sum(2, keepdims=True), d_p)


def flat(net: Net) -> Float[Array, "M GH B"]:
    """Net inputs, or their adjoints, with the gates stacked."""
    return net.reshape(net.shape[0], -1, net.shape[-1])
