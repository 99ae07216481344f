"""Adjoints of one loss on several paths, carried back through time in log space by compiled loops."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from carousel.axes import Array, Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine.adjoint import Carried, Path
from carousel.engine.compiled import emit, memory
from carousel.engine.compiled.decay import log_norm, rescaling, start, zeros
from carousel.engine.compiled.machine import loop
from carousel.engine.compiled.passes import (
    Layout,
    StoredSteps,
    Workspace,
    backward_plan,
    forward_plan,
    lay_out,
    slots,
    stored_steps,
    workspace,
)
from carousel.engine.compiled.plans import Rescaling, record
from carousel.engine.decomposition import Decomposition, advance, initial
from carousel.engine.log_space import Scaled


@dataclass
class InPanels:
    """The carried state of one path, in panels: its adjoint at the lag reached so far."""

    carousel: bool
    work: Workspace | None  # None: no error passes
    d: Array  # [M P H S L]
    power: Array  # [M P _ L]


def carried_from_loss(layout: Layout, path: Path, covector: Units, net: bool) -> InPanels:
    """A path at lag 0; with `net`, the errors of W x + b are written.

    With all gates blocked, errors pass in a cell that carries, and in no other.
    """
    cell = layout.cell
    open_gates, work = [gate for gate in cell.gates if gate in path[1]], None
    if open_gates or cell.carries:
        work = workspace(layout, open_gates if cell.columns else (), open_gates, net=net)
    return InPanels(path[0], work, *start(layout, path, covector))


class AtLags(NamedTuple):
    """The results of a segment of steps, in panels: adjoints at K lags, and the norms at all J of the segment."""

    adjoints: list[tuple[Array, Array]]  # [M P K H S L] and powers [M P K _ L], one per path
    log_factors: Array  # [M P K H L]
    net: Array  # [M P K H G L]
    net_power: Array  # [M P K 1 L]
    norms: Array  # [J M P L], log10 of the norm of the first path's adjoint
    net_norms: Array  # [J M P L], and of its errors of W x + b

    def carried(self, paths: Sequence[Path], B: int) -> Iterator[Carried]:
        """The carried state at each of the lags, out of the panels, without its decomposition."""
        by_path = [(memory.out_of_panels(d, B), memory.out_of_panels(power, B)) for d, power in self.adjoints]
        log_factors, net, net_power = (
            memory.out_of_panels(each, B) for each in (self.log_factors, self.net, self.net_power)
        )
        for k in range(log_factors.shape[1]):
            adjoints = (by_state(d[:, k], power[:, k]) for d, power in by_path)
            yield Carried(
                dict(zip(paths, adjoints, strict=True)),
                log_factors[:, k],
                ((gate_rows(net[:, k]),), net_power[:, k]),
            )

    def advanced(self, before: Decomposition | None, j: int, B: int) -> Decomposition | None:
        """The decomposition after the j-th step back, from that `before` it."""
        if before is None:
            return None
        return advance(before, *(memory.out_of_panels(each[j], B) for each in (self.net_norms, self.norms)))


def by_state(d: Float[Array, "M H S B"], power: Int[Array, "M _ B"]) -> Scaled:
    """An adjoint state by state."""
    return tuple(d[:, :, s] for s in range(d.shape[2])), power


def gate_rows(net: Float[Array, "M H G B"]) -> Float[Array, "M GH B"]:
    """Errors of net inputs, the gates one below the other."""
    M, H, G, B = net.shape
    return net.swapaxes(1, 2).reshape(M, G * H, B)


def adjoints(
    cell: Cell,
    params: Params,
    xs: Series,
    state: State,
    covector: Units,
    lags: Set[int],
    paths: Sequence[Path],
    chunk: int,
) -> Iterator[tuple[int, Carried]]:
    """The carried state of all paths at each of `lags`, from the loss backwards.

    ``params`` has R itself; the first path passes all gates. ``chunk`` steps are stored at a time: a first pass
    stores the states where such segments begin, and each segment is computed again from its own.
    """
    layout, B = lay_out(cell, params, memory.kind_for(covector), log=True), covector.shape[2]
    x = memory.inputs(layout.kind, xs)
    carried = [carried_from_loss(layout, path, covector, net=n == 0) for n, path in enumerate(paths)]
    log_factors = np.zeros_like(carried[0].d[:, :, :, 0])
    norm = log_norm(np.square(carried[0].d).sum(2), carried[0].power[:, :, 0])
    decomposition = None if cell.carries else initial(memory.out_of_panels(norm, B))
    if 0 in lags:
        at_loss = (
            by_state(*(memory.out_of_panels(x.copy(), B) for x in (each.d, each.power))) for each in carried
        )
        found = dict(zip(paths, at_loss, strict=True))
        yield 0, Carried(found, memory.out_of_panels(log_factors.copy(), B), None, decomposition)
    lag = 0
    for first, before in segments(layout, x, state, chunk):
        inputs = x[:, :, first : first + chunk]
        steps = inputs.shape[2]
        wanted = [j for j in range(1, steps + 1) if lag + j in lags]
        results = back_through(layout, inputs, before, carried, log_factors, wanted)
        at_lags = results.carried(paths, B)
        for j in range(1, steps + 1):
            decomposition = results.advanced(decomposition, j, B)
            if j in wanted:
                yield lag + j, next(at_lags)._replace(decomposition=decomposition)
        lag += steps


def segments(layout: Layout, x: Array, state: State, chunk: int) -> list[tuple[int, Array]]:
    """The first step of each segment of `chunk` steps and the state before it [M P H S L], the last segment first."""
    before = memory.in_panels(layout.kind, memory.by_unit(state))
    starts = [(0, before)]
    stored, inputs = stored_steps(layout, 1), np.empty_like(x[0, 0, :chunk])
    plan = forward_plan(layout, len(inputs), slots(inputs, "t"), stored, "t", mask=0)
    for first in range(0, x.shape[2] - chunk, chunk):
        after = np.empty_like(before)
        for m, p in np.ndindex(x.shape[:2]):
            stored.state[0] = before[m, p]
            inputs[:] = x[m, p, first : first + chunk]
            loop("forward_steps")(plan, m, p)
            after[m, p] = stored.state[chunk & 1]
        before = after
        starts.append((first + chunk, before))
    return starts[::-1]


def back_through(
    layout: Layout, x: Array, before: Array, carried: list[InPanels], log_factors: Array, wanted: list[int]
) -> AtLags:
    """Carry all paths and `log_factors` back over the steps of x, and return them after the `wanted` of these steps."""
    M, P, steps = x.shape[:3]
    results, stored = zero_results(layout, x, carried, len(wanted)), stored_steps(layout, steps)
    forward = forward_plan(layout, steps, slots(x, "mpt"), stored, "t")
    plans = {n: path_plan(layout, stored, each, each.work) for n, each in enumerate(carried) if each.work}
    for m, p in np.ndindex(M, P):
        stored.state[0] = before[m, p]
        loop("forward_steps")(forward, m, p)
        sums = np.concatenate([log_factors[m, p, None], stored.saved[::-1, :, -1]])
        for before_it, total in pairwise(sums):
            total += before_it
        results.log_factors[m, p], log_factors[m, p] = sums[wanted], sums[-1]
        for n, plan in plans.items():
            carry(layout, plan, carried[n], (m, p))
            store(results, n, (m, p), wanted, plan.segment, layout.cell.carries)
    for each in carried:
        if each.work is None:
            each.d[:], each.power[:] = 0, 0
    return results


def zero_results(layout: Layout, x: Array, carried: list[InPanels], count: int) -> AtLags:
    """Zeros for the results at `count` lags of the segment with inputs x."""
    (M, P, steps), H, G = x.shape[:3], layout.units, len(layout.cell.gates)
    dtype, L = layout.kind.dtype, layout.kind.lanes
    norms = np.zeros((2, steps + 1, M, P, L))
    return AtLags(
        [
            (
                np.zeros((M, P, count, *c.d.shape[2:]), dtype),
                np.zeros((M, P, count, *c.power.shape[2:]), int),
            )
            for c in carried
        ],
        np.zeros((M, P, count, H, L), dtype),
        np.zeros((M, P, count, H, G, L), dtype),
        np.zeros((M, P, count, 1, L), int),
        *norms,
    )


class PathSegment(NamedTuple):
    """The adjoint of one path at all J lags of a segment, of one model and panel; slot 0 is where it starts."""

    d: Array  # [J H S L]
    power: Array  # [J _ L]
    squares: Array  # [J S L]
    wx: Array  # [J H G L], the errors of W x + b, or two slots where these are not written
    net_power: Array  # [J 1 L], of the norms of wx
    net_squares: Array  # [J G L]
    net_copy: Array  # [H G L]
    zero: Array  # [1 L]


def path_segment(layout: Layout, steps: int, per_unit: int, net: bool) -> PathSegment:
    """Arrays for the adjoints of `steps` steps, with `per_unit` powers each."""
    S, G, H = len(layout.cell.states), len(layout.cell.gates), layout.units
    return PathSegment(
        layout.empty(steps + 1, H, S),
        zeros(layout, steps + 1, per_unit),
        layout.empty(steps + 1, S),
        layout.empty(steps + 1 if net else 2, H, G),
        zeros(layout, steps + 1, 1),
        layout.empty(steps + 1, G),
        layout.empty(H, G),
        zeros(layout, 1),
    )


def with_net(layout: Layout, state: Rescaling, to: PathSegment) -> Rescaling:
    """The rescaling `state` with the norms of the errors of W x + b."""
    return state._replace(
        net=emit.rescale(layout.kind, len(layout.cell.gates)),
        net_copy=memory.address(to.net_copy),
        zero=memory.address(to.zero),
        net_power=slots(to.net_power, "t"),
        net_squares=slots(to.net_squares, "t"),
    )


class PathPlan(NamedTuple):
    """The plan of one path's pass back over a segment, as records, and the arrays it writes, model after model."""

    backward: Array
    rescaling: Array
    segment: PathSegment


def path_plan(layout: Layout, stored: StoredSteps, each: InPanels, work: Workspace) -> PathPlan:
    """The plan that carries `each` back over stored steps."""
    steps, net = len(stored.saved), work.options.net
    to = path_segment(layout, steps, each.power.shape[2], net)
    d, wx = slots(to.d, "t"), slots(to.wx, "t", -1 if net else 1)
    scale = rescaling(layout, each.carousel, slots(to.power, "t"), slots(to.squares, "t"))
    if net and not layout.cell.carries:
        scale = with_net(layout, scale, to)
    backward = backward_plan(layout, work, steps, stored, "t", d, wx)
    return PathPlan(backward, record(scale), to)


def carry(layout: Layout, plan: PathPlan, each: InPanels, place: tuple[int, int]) -> None:
    """Carry one path back over a segment, for the model and panel at `place`."""
    to = plan.segment
    to.d[0], to.power[0] = each.d[place], each.power[place]
    loop("backward_steps")(plan.backward, plan.rescaling, *place)
    each.d[place], each.power[place] = to.d[-1], to.power[-1]


def store(
    results: AtLags, n: int, place: tuple[int, int], wanted: list[int], segment: PathSegment, carries: bool
) -> None:
    """Store the n-th path's adjoints after the `wanted` steps; the first path's errors of W x + b as well."""
    d, power = results.adjoints[n]
    np.take(segment.d, wanted, axis=0, out=d[place], mode="clip")  # in any other mode by way of a copy
    power[place] = segment.power[wanted]
    if n > 0:
        return
    np.take(segment.wx, wanted, axis=0, out=results.net[place], mode="clip")
    results.net_power[place] = segment.power[[j - 1 for j in wanted]]
    if not carries:
        net_power = segment.net_power[1:, 0] + segment.power[:-1, 0]
        results.norms[1:, *place] = log_norm(segment.squares[1:], segment.power[1:, 0])
        results.net_norms[1:, *place] = log_norm(segment.net_squares[1:], net_power)
