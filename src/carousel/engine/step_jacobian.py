"""The hand-derived adjoint of a step as matrices, for many covectors at once.

A cell is a pointwise map, so its adjoint multiplies: unit by unit, the adjoint of a gate's net input is a sum over the
states of slope times adjoint. ``cell.backward`` of ones gives the slopes, for a run of steps at once, whose arrays are
put side by side as if the steps were sequences. The slopes of each gate times its rows of R, summed over the gates, are
then the part of the step's Jacobian that goes through R; a cell with more gates than states is cheaper so.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, State
from carousel.cells import Cell, Ops, Params
from carousel.engine.recurrence import Step

Covectors = Float[np.ndarray, "M B P S H"]  # P covectors on the joint state of each sequence
Slope = Float[np.ndarray, "T M H B K G"]  # the slope of each gate, for each of K sources
Dense = Float[np.ndarray, "M B KH J"]


class Slopes(NamedTuple):
    """The slopes of T steps: the derivatives of K sources by what enters a unit.

    The sources are the states after a step and, last, the intermediate input if there is one.
    """

    rh: Slope  # by R times the recurrent states
    wx: Slope  # by W x + b
    before: tuple[Float[np.ndarray, "T M B K H"] | None, ...]
    """By each of the states before the step, without R; None for one that reaches the next step by R alone."""


def slopes(ops: Ops, cell: Cell, params: Params, steps: Sequence[Step]) -> Slopes:
    """The slopes of `steps`, from the cell's adjoint by hand."""
    B, T = steps[0].x.shape[-1], len(steps)
    one = np.ones_like(np.tile(steps[0].before[0], T))
    saved = side_by_side([step.saved for step in steps], B)
    found = [cell.backward(ops, params.p, saved, d_state) for d_state in units(one, len(cell.states))]
    if cell.intermediate:
        found.append(
            cell.intermediate.backward(
                ops, params.p, side_by_side([s.intermediate[1:] for s in steps], B), one
            )
        )
    rh, wx = by_time([d_rh for _, _, d_rh, _ in found], T), by_time([d_wx for _, d_wx, _, _ in found], T)
    rh, wx = (np.ascontiguousarray(by.transpose(0, 1, 5, 2, 3, 4)) for by in (rh, wx))
    by_state = zip(*(d_before for *_, d_before in found), strict=True)
    return Slopes(rh, wx, tuple(slopes_by_state(by_source, one, T) for by_source in by_state))


def slopes_by_state(
    by_source: Sequence[Float[np.ndarray, "M H TB"] | float], one: Array, T: int
) -> Float[np.ndarray, "T M B K H"] | None:
    """The slopes of all sources by one state before a step; None where a cell has none, and gives the number zero."""
    if all(isinstance(d, float) for d in by_source):
        return None
    by = by_time([(d * one)[:, None] for d in by_source], T)
    return np.ascontiguousarray(by[:, :, :, :, 0])


def units(one: Array, states: int) -> Iterator[State]:
    """The adjoints with 1 on every unit of one state and 0 on the others, state by state."""
    return (tuple(one if s == k else 0.0 * one for s in range(states)) for k in range(states))


def side_by_side(saved: Sequence[Sequence[Array]], B: int) -> tuple[Array, ...]:
    """What the steps saved, joined along the sequences; what has no sequences is the same in all steps."""
    return tuple(
        np.concatenate(parts, axis=-1) if np.shape(parts[0])[-1:] == (B,) else parts[0]
        for parts in zip(*saved, strict=True)
    )


def by_time(by: Sequence[Float[np.ndarray, "M G H TB"]], T: int) -> Float[np.ndarray, "T M B K G H"]:
    """The adjoints of K sources for steps side by side, step by step."""
    M, G, H, columns = by[0].shape
    return np.stack(by).reshape(len(by), M, G, H, T, columns // T).transpose(4, 1, 5, 0, 2, 3)


def covectors_before(
    cell: Cell, params: Params, slopes: Slopes, t: int, d_after: Covectors
) -> tuple[Covectors, Array]:
    """Covectors on the state before step `t`, from those after it; and those on all sources."""
    M, B, P, S, H = d_after.shape
    border, d_sources = len(cell.recurrent_states) * H, d_after.reshape(M, B, P, S * H)
    if cell.intermediate:
        d_v = d_sources @ dense(slopes.rh[t, :, :, :, :S], params.R[:, :, border:])
        d_sources = np.concatenate([d_sources, d_v], axis=3)
    each, d_before = d_sources.reshape(M, B, P, -1, H), np.zeros_like(d_after)
    for s, by in enumerate(slopes.before):
        if by is not None:
            without_R(by[t], each, out=d_before[:, :, :, s])
    if cell.recurrent_states:
        recurrent_states = d_sources @ dense(slopes.rh[t], params.R[:, :, :border])
        for k, name in enumerate(cell.recurrent_states):
            d_before[:, :, :, cell.states.index(name)] += recurrent_states[..., k * H : (k + 1) * H]
    return d_before, d_sources


def covectors_on_input(
    params: Params, slopes: Slopes, t: int, d_sources: Float[np.ndarray, "M B P KH"]
) -> Float[np.ndarray, "M B P D"]:
    """Covectors on the input of step `t`, from those on all sources after it."""
    return d_sources @ dense(slopes.wx[t], params.W)


def dense(slope: Float[np.ndarray, "M H B K G"], R: Float[np.ndarray, "M GH J"]) -> Dense:
    """The sum over the gates of slope times rows of R."""
    M, H, B, K, G = slope.shape
    J = R.shape[2]
    summed = np.empty((M, B * K, H, J), np.result_type(slope, R))
    gates = R.reshape(M, G, H, J).swapaxes(1, 2)
    np.matmul(slope.reshape(M, H, B * K, G), gates, out=summed.swapaxes(1, 2))
    return summed.reshape(M, B, K * H, J)


def without_R(
    slope: Float[np.ndarray, "M B K H"],
    d_sources: Float[np.ndarray, "M B P K H"],
    out: Float[np.ndarray, "M B P H"],
) -> None:
    """Covectors on a state before a step, less what R passes: the sum over sources of slope times covector."""
    np.multiply(slope[:, :, None, 0], d_sources[:, :, :, 0], out=out)
    for k in range(1, slope.shape[2]):
        out += slope[:, :, None, k] * d_sources[:, :, :, k]
