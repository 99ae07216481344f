"""Adjoints of one loss on several routes, carried back through time in log space."""

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from carousel.axes import Array, Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine.compiled import emit, layout, loops
from carousel.engine.compiled.decay import Route, log_norm, rescaling, start, whole
from carousel.engine.compiled.passes import (
    Laid,
    Passage,
    Steps,
    ahead,
    behind,
    laid,
    passage,
    steps_for,
    tape,
)
from carousel.engine.decomposition import Split, advance, beginning

Scaled = tuple[State, Int[Array, "M _ B"]]  # what is carried, short of two to a power


class Taken(NamedTuple):
    """The adjoints at one lag."""

    lag: int
    adjoints: tuple[Scaled, ...]  # one a route
    formula: Units  # the log-factors since the loss, summed
    net: Scaled | None = None  # of W x + b of the step last taken, on the first route; none at lag 0
    split: Split | None = None  # of the first route, in a cell whose only way through time is R


@dataclass
class Front:
    """What one route has carried so far, in panels."""

    carousel: bool
    by: Passage | None  # None: nothing passes
    d: Array  # [M P H S L]
    power: Array  # [M P _ L]


def front(k: Laid, route: Route, covector: Units, net: bool) -> Front:
    """A route at lag 0; with `net`, the errors of W x + b are written. With all gates shut, only a carousel passes."""
    opened = [gate for gate in k.cell.gates if gate in route[1]]
    by = None
    if opened or k.cell.carries:
        by = passage(k, opened if k.cell.columns else (), opened, net=net)
    return Front(route[0], by, *start(k, route, covector))


class Found(NamedTuple):
    """What is wanted of a stretch of steps, lag by lag, in panels."""

    adjoints: list[tuple[Array, Array]]  # [K M P H S L] and powers [K M P _ L], one a route
    formula: Array  # [K M P H L]
    net: Array  # [K M P H G L]
    net_power: Array  # [K M P 1 L]
    sizes: Array  # [J M P L], log10 of the first route's norm, and
    net_sizes: Array  # of its errors of W x + b, at all steps

    def taken(self, lag: int, n: int, B: int, split: Split | None) -> Taken:
        """The n-th of them."""
        return Taken(
            lag,
            tuple(scaled(d[n], power[n], B) for d, power in self.adjoints),
            layout.out_of_panels(self.formula[n], B),
            ((gate_rows(self.net[n], B),), layout.out_of_panels(self.net_power[n], B)),
            split,
        )


def scaled(d: Array, power: Array, B: int) -> Scaled:
    """The states apart, out of their panels."""
    whole_d = layout.out_of_panels(d, B)
    return tuple(np.moveaxis(whole_d, 2, 0)), layout.out_of_panels(power, B)


def gate_rows(net: Float[Array, "M P H G L"], B: int) -> Float[Array, "M GH B"]:
    """The gates one below the other."""
    out = layout.out_of_panels(net, B)
    return out.swapaxes(1, 2).reshape(out.shape[0], -1, B)


def march(
    cell: Cell,
    params: Params,
    xs: Series,
    state: State,
    covector: Units,
    lags: Set[int],
    routes: Sequence[Route],
    chunk: int,
) -> Iterator[Taken]:
    """The adjoints of all routes at each of `lags`, from the loss backwards.

    ``params`` has R itself; the first route passes all gates. ``chunk`` steps are stored at a time: a first pass
    keeps the states at the borders, and each stretch is computed again from its own.
    """
    k, B = laid(cell, params, layout.kind_for(covector), log=True), covector.shape[2]
    x = layout.inputs(k.kind, xs)
    fronts = [front(k, route, covector, net=n == 0) for n, route in enumerate(routes)]
    formula = np.zeros_like(fronts[0].d[:, :, :, 0])
    size = log_norm(np.square(fronts[0].d).sum(2), fronts[0].power[:, :, 0])
    split = None if cell.carries else beginning(layout.out_of_panels(size, B))
    if 0 in lags:
        at_loss = tuple(scaled(f.d.copy(), f.power.copy(), B) for f in fronts)
        yield Taken(0, at_loss, layout.out_of_panels(formula.copy(), B), None, split)
    done = 0
    for first, border in borders(k, x, state, chunk):
        part = x[:, :, first : first + chunk]
        wanted = [j for j in range(1, part.shape[2] + 1) if done + j in lags]
        found = stretch(k, part, border, fronts, formula, wanted)
        for j in range(1, part.shape[2] + 1):
            if split:
                sizes = (layout.out_of_panels(each[j], B) for each in (found.net_sizes, found.sizes))
                split = advance(split, *sizes)
            if j in wanted:
                yield found.taken(done + j, wanted.index(j), B, split)
        done += part.shape[2]


def borders(k: Laid, x: Array, state: State, chunk: int) -> list[tuple[int, Array]]:
    """The first step of each stretch and the state before it [M P H S L], the last stretch first."""
    found = [(0, layout.in_panels(k.kind, layout.by_unit(state)))]
    kept, part = steps_for(k, 1), np.empty_like(x[0, 0, :chunk])
    a = ahead(k, len(part), tape(part, "t"), kept, "t", mask=0)
    for first in range(0, x.shape[2] - chunk, chunk):
        after = np.empty_like(found[-1][1])
        for m, p in np.ndindex(x.shape[:2]):
            kept.state[0] = found[-1][1][m, p]
            part[:] = x[m, p, first : first + chunk]
            loops.climb_one(a, k.recurrent_states, m, p)
            after[m, p] = kept.state[chunk & 1]
        found.append((first + chunk, after))
    return found[::-1]


def stretch(
    k: Laid, x: Array, border: Array, fronts: list[Front], formula: Array, wanted: list[int]
) -> Found:
    """Carry `fronts` and `formula` back over the steps of x, and keep them after the `wanted` of these steps."""
    M, P, steps = x.shape[:3]
    found, kept = room_for(k, x, fronts, len(wanted)), steps_for(k, steps)
    a = ahead(k, steps, tape(x, "mpt"), kept, "t")
    carriers = {n: carrier(k, kept, each, each.by) for n, each in enumerate(fronts) if each.by}
    for m, p in np.ndindex(M, P):
        kept.state[0] = border[m, p]
        loops.climb_one(a, k.recurrent_states, m, p)
        sums = np.cumsum([formula[m, p], *kept.saved[::-1, :, -1]], axis=0)[1:]
        found.formula[:, m, p], formula[m, p] = sums[[j - 1 for j in wanted]], sums[-1]
        for n, by in carriers.items():
            carry(k, by, fronts[n], (m, p))
            take(found, n, (m, p), wanted, by.room, k.cell.carries)
    for each in fronts:
        if each.by is None:
            each.d[:], each.power[:] = 0, 0
    return found


def room_for(k: Laid, x: Array, fronts: list[Front], count: int) -> Found:
    """Zeros for what is found."""
    (M, P, steps), H, G = x.shape[:3], k.units, len(k.cell.gates)
    sizes = np.zeros((2, steps + 1, M, P, k.kind.lanes))
    return Found(
        [
            (np.zeros((count, *f.d.shape), k.kind.dtype), np.zeros((count, *f.power.shape), int))
            for f in fronts
        ],
        np.zeros((count, M, P, H, k.kind.lanes), k.kind.dtype),
        np.zeros((count, M, P, H, G, k.kind.lanes), k.kind.dtype),
        np.zeros((count, M, P, 1, k.kind.lanes), int),
        *sizes,
    )


class Room(NamedTuple):
    """What one route leaves behind over a stretch, of one model and panel: slot 0 is its start."""

    d: Array  # [J H S L]
    power: Array  # [J _ L]
    squares: Array  # [J S L]
    wx: Array  # [J H G L], the errors of W x + b, or two slots where these are not wanted; of their norms:
    net_power: Array
    net_squares: Array
    net_copy: Array
    nothing: Array


def room(k: Laid, steps: int, each: Front, net: bool) -> Room:
    """Room for `steps` steps, with the start of a route."""
    S, G = len(k.cell.states), len(k.cell.gates)
    return Room(
        k.room(steps + 1, k.units, S),
        whole(k, steps + 1, each.power.shape[2]),
        k.room(steps + 1, S),
        k.room(steps + 1 if net else 2, k.units, G),
        whole(k, steps + 1, 1),
        k.room(steps + 1, G),
        k.room(k.units, G),
        whole(k, 1),
    )


def with_net(k: Laid, r: loops.Rescaled, to: Room) -> loops.Rescaled:
    """The norms of the errors of W x + b too."""
    return r._replace(
        net=emit.rescale(k.kind, len(k.cell.gates)),
        net_copy=layout.address(to.net_copy),
        nothing=layout.address(to.nothing),
        net_power=tape(to.net_power, "t"),
        net_squares=tape(to.net_squares, "t"),
    )


class Carrier(NamedTuple):
    """What carries one route back over a stretch, as records, and the room that each model and panel has in turn."""

    behind: Array
    rescaled: Array
    room: Room


def carrier(k: Laid, kept: Steps, each: Front, by: Passage) -> Carrier:
    """What carries `each` back over the steps that are kept."""
    steps, net = len(kept.saved), by.back.net
    to = room(k, steps, each, net)
    b = behind(k, by, steps, kept, "t", tape(to.d, "t"), tape(to.wx, "t", -1 if net else 1))
    r = rescaling(k, each.carousel, tape(to.power, "t"), tape(to.squares, "t"))
    return Carrier(b, loops.record(with_net(k, r, to) if net and not k.cell.carries else r), to)


def carry(k: Laid, by: Carrier, each: Front, place: tuple[int, int]) -> None:
    """Carry one route back, for one model and panel."""
    to = by.room
    to.d[0], to.power[0] = each.d[place], each.power[place]
    loops.march_one(by.behind, by.rescaled, k.recurrent_states, *place)
    each.d[place], each.power[place] = to.d[-1], to.power[-1]


def take(found: Found, n: int, place: tuple[int, int], wanted: list[int], to: Room, carries: bool) -> None:
    """Take what is wanted of the n-th route; of the first, the errors of W x + b as well."""
    found.adjoints[n][0][:, *place], found.adjoints[n][1][:, *place] = to.d[wanted], to.power[wanted]
    if n > 0:
        return
    found.net[:, *place], found.net_power[:, *place] = to.wx[wanted], to.power[[j - 1 for j in wanted]]
    if not carries:
        found.sizes[1:, *place] = log_norm(to.squares[1:], to.power[1:, 0])
        found.net_sizes[1:, *place] = log_norm(to.net_squares[1:], to.net_power[1:, 0] + to.power[:-1, 0])
