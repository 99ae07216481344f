"""Time, the matrix products and storage, once for all cells.

A backend hands in its array functions (`ArrayOps`) and its one-step derivative; what is here only says in which
order they are called. Adjoints are those of the joint state (h, c) at the border between two steps: the partial
derivative by h_t with c_t held fixed, and the other way about.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

from jaxtyping import Float

from carousel.axes import Array, Inputs, Net, Series, State, Units
from carousel.cells import Cell, Ops, Params
from carousel.cells.cell import Saved

Gates = frozenset[str]

PATHS: dict[str, Callable[[Cell], Gates]] = {
    "full": lambda cell: frozenset(cell.gates),
    "candidate": lambda cell: frozenset({cell.candidate}),
    "cell": lambda cell: frozenset(),
    "truncated": lambda cell: frozenset(),
}
"""Which gates' rows of R the adjoint may pass back through.

``candidate``: the carousel and the cell input, the gates frozen. ``cell``: the carousel alone. ``truncated`` is
the rule of Hochreiter and Schmidhuber (1997): errors that reach a net input change its weights and stop there. For
the adjoint of the state the last two are the same; they differ in the weights' gradient, where ``truncated``
keeps every gate's error of the step.
"""


@runtime_checkable
class ArrayOps(Ops, Protocol):
    """What the recurrence asks of an array library beside what the cells ask."""

    def recur(self, R: Float[Array, "M GH H"], h: Units) -> Array: ...


class Step(NamedTuple):
    """One step of a forward pass: its input, W x + b, the state before it, and what its adjoint needs."""

    x: Inputs
    wx: Net
    before: State
    saved: Saved


def drive(cell: Cell, params: Params, xs: Series) -> Float[Array, "T M G H B"]:
    """W x + b of all steps in one product, gate by gate."""
    T, M, _, B = xs.shape
    return (params.W @ xs + params.b).reshape(T, M, len(cell.gates), -1, B)


def recurrent(ops: ArrayOps, params: Params, wx: Net, h: Units) -> Net:
    """R h, gate by gate."""
    return ops.recur(params.R, h).reshape(wx.shape)


def forward(ops: ArrayOps, cell: Cell, params: Params, wx: Net, state: State) -> tuple[State, Saved]:
    """One step of `cell`."""
    return cell.forward(ops, params.p, wx, recurrent(ops, params, wx, state[0]), state)


def unroll(ops: ArrayOps, cell: Cell, params: Params, xs: Series, state: State) -> tuple[list[Step], State]:
    """All steps of `cell` over `xs`, and the state after the last."""
    steps = []
    for x, wx in zip(xs, drive(cell, params, xs), strict=True):
        after, saved = forward(ops, cell, params, wx, state)
        steps.append(Step(x, wx, state, saved))
        state = after
    return steps, state


def chunks(
    ops: ArrayOps, cell: Cell, params: Params, xs: Series, state: State, length: int
) -> Iterator[list[Step]]:
    """The steps of a forward pass, `length` at a time, the last first; no more than that is ever stored.

    A first pass keeps the states at the borders; every chunk but the last is computed again from its border.
    """
    starts = range(0, len(xs), length)
    borders = [state]
    for t in starts[:-1]:
        for wx in drive(cell, params, xs[t : t + length]):
            state, _ = forward(ops, cell, params, wx, state)
        borders.append(state)
    for t, border in zip(reversed(starts), reversed(borders), strict=True):
        yield unroll(ops, cell, params, xs[t : t + length], border)[0]


def rows_open(cell: Cell, matrix: Float[Array, "M GH N"], gates: Gates) -> Float[Array, "M _ N"]:
    """The rows of `matrix` that belong to `gates`, in the cell's order."""
    M, GH, N = matrix.shape
    kept = [g for g, name in enumerate(cell.gates) if name in gates]
    split = matrix.reshape(M, len(cell.gates), -1, N)
    if len(kept) == len(cell.gates):
        return matrix
    return split[:, kept].reshape(M, -1, N)


def pull_back(
    ops: Ops, cell: Cell, params: Params, saved: Saved, d_state: State, gates: Gates
) -> tuple[dict[str, Units], Net, Net, State]:
    """One step of the hand-derived adjoint: the cell's own, then R transposed on the gates that are open."""
    d_p, d_wx, d_rh, d_before = cell.backward(ops, params.p, saved, d_state)
    if not gates:
        return d_p, d_wx, d_rh, (d_before[0] + ops.zeros(d_state[0]), *d_before[1:])
    error = d_rh.reshape(d_rh.shape[0], -1, d_rh.shape[-1])
    R = rows_open(cell, params.R, gates)
    d_h = R.swapaxes(1, 2) @ rows_open(cell, error, gates) + d_before[0]
    return d_p, d_wx, d_rh, (d_h, *d_before[1:])


def parameter_gradients(
    ops: Ops, cell: Cell, params: Params, steps: Sequence[Step], d_state: State, gates: Gates
) -> Params:
    """The gradient by every parameter, given the adjoint of the last state."""
    d_W, d_R, d_b = 0.0 * params.W, 0.0 * params.R, 0.0 * params.b
    d_p = {name: 0.0 * value for name, value in params.p.items()}
    for step in reversed(steps):
        h = step.before[0]
        d_pt, d_wx, d_rh, d_state = pull_back(ops, cell, params, step.saved, d_state, gates)
        d_wx, d_rh = (d.reshape(h.shape[0], -1, h.shape[2]) for d in (d_wx, d_rh))
        d_W += d_wx @ step.x.swapaxes(1, 2)
        d_R += d_rh @ h.swapaxes(1, 2)
        d_b += d_wx.sum(2, keepdims=True)
        d_p = {name: total + d_pt[name].sum(2, keepdims=True) for name, total in d_p.items()}
    return Params(d_W, d_R, d_b, d_p)
