"""The adjoints of all paths, side by side, by the slopes that autograd finds for a segment of steps.

Arrays have a sequence to the row, [M B P H] for P paths, as products of few columns are stored. The paths that some
gate lets through come first: they alone go back through R, all in one product.
"""

from collections.abc import Iterator, Sequence, Set
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from carousel.axes import Units
from carousel.engine import plain
from carousel.engine.adjoint import Carried, Path, is_open, path
from carousel.engine.backends.torch_products import stored_by_row
from carousel.engine.backends.torch_units import Segment, total
from carousel.engine.decomposition import Decomposition, advance
from carousel.engine.log_space import FREE, Logs, Scaled, log_size, zero
from carousel.engine.system import System

Rows = Float[Tensor, "M B P H"]


class Bundle(NamedTuple):
    """The adjoints of P paths: numbers times two to `power`, which all units of a loss's path have in common."""

    d_state: tuple[Rows, ...]
    power: Int[Tensor, "M B P H"]
    peak: Rows  # the largest number in absolute value of those that have a power in common


def adjoints(system: System, covector: Units, lags: Set[int]) -> Iterator[tuple[int, Carried]]:
    """What has come back at each of `lags`, on all paths."""
    if system.cell.intermediate:  # whose steps share no slopes
        yield from plain.adjoints(system, covector, lags)
        return
    system = system._replace(state=stored_by_row(system.state))
    carried, lag = plain.start(system, covector), 0
    if 0 in lags:
        yield 0, carried
    together = sorted((p for p in carried.adjoints if is_open(system.cell, p)), key=lambda p: not p.gates)
    opened = open_gates(system, [p for p in together if p.gates])
    closed = {p: zero(scaled) for p, scaled in carried.adjoints.items() if p not in together}
    scale = partial(rescaled, system, sum(not p.carousel for p in together))
    bundle = scale(side_by_side([carried.adjoints[p] for p in together]))
    log_factors, decomposition = carried.log_factors, carried.decomposition
    for steps in plain.segments(system):
        back = Back(system, steps[0].local[0], together, opened)
        found = plain.through_segment(back.step, scale, lost_precision, range(len(steps)), bundle)
        before, bundle = [bundle, *found[:-1]], found[-1]
        # step by step, in NumPy's order
        factors = list(accumulate(back.segment.log_factors(), initial=log_factors))[1:]
        splits = decompositions(system, back, before, found, decomposition)
        log_factors, decomposition = factors[-1], splits[-1]
        for t in (t for t in range(len(steps)) if lag + 1 + t in lags):
            net = (back.net(before[t], t),), of_path(before[t], 0, together[0])[1]
            each = {path: of_path(found[t], p, path) for p, path in enumerate(together)}
            yield lag + 1 + t, Carried(each | closed, factors[t], net, splits[t])
        lag += len(steps)


def open_gates(system: System, gated: Sequence[Path]) -> Float[Tensor, "P G 1"]:
    """1 for each gate that a path passes, else 0."""
    passes = [[gate in path.gates for gate in system.cell.gates] for path in gated]
    return system.backend.array(np.array(passes))[..., None]


def side_by_side(found: Sequence[Scaled]) -> Bundle:
    """The adjoints of paths with powers of their own."""
    by_state = zip(*(d_state for d_state, _ in found), strict=True)
    d_state = tuple(torch.stack([d.transpose(1, 2) for d in each], 2) for each in by_state)
    power = torch.stack([power.expand_as(d[0]).transpose(1, 2) for d, power in found], 2)
    return Bundle(d_state, power, torch.zeros_like(d_state[0]))


def of_path(bundle: Bundle, k: int, path: Path) -> Scaled:
    """The adjoint of the k-th path."""
    power = bundle.power[:, :, k].transpose(1, 2)
    return tuple(d[:, :, k].transpose(1, 2) for d in bundle.d_state), power if path.carousel else power[:, :1]


def rescaled(system: System, losses: int, bundle: Bundle) -> Bundle:
    """`bundle` with the largest entries in [1/2, 1): of a sequence on the first `losses` paths, else of each unit."""
    d_state = torch.stack(bundle.d_state)
    peak = d_state.abs().amax(0)
    peak[:, :, :losses] = peak[:, :, :losses].amax(3, keepdim=True)
    _, power = torch.frexp(peak)
    return Bundle(system.backend.scale(d_state, -power).unbind(), bundle.power + power, peak)


def lost_precision(before: Bundle, after: Bundle) -> bool:
    """Whether digits may have been lost between two divisions; see `log_space.lost_precision`."""
    bits = FREE[str(after.peak.dtype).rpartition(".")[2]]
    lost = (after.peak == 0) & (before.peak > 0) | ~(after.peak < torch.inf) & (before.peak < torch.inf)
    return bool((lost | ((after.power - before.power).abs() > bits)).any())


class Back:
    """The way back through the steps of a segment on several paths."""

    def __init__(
        self, system: System, segment: Segment, together: Sequence[Path], opened: Float[Tensor, "P G 1"]
    ) -> None:
        self.cell, self.R, self.segment = system.cell, system.params.R, segment
        self.slopes, self.open = segment.by_path(len(together)), opened

    def step(self, bundle: Bundle, t: int) -> Bundle:
        """The adjoints of the states before step t."""
        before, names, P = self.without_R(bundle, t), self.cell.recurrent_states, len(self.open)
        if names:
            d_rh = self.gates(self.slopes.rh, t, [d[:, :, :P] for d in bundle.d_state]) * self.open
            recurrent = torch.bmm(d_rh.flatten(3).flatten(1, 2), self.R)
            parts = torch.unflatten(recurrent, 1, (-1, P)).split(self.R.shape[2] // len(names), 3)  # type: ignore[no-untyped-call]
            for d, name in zip(parts, names, strict=True):
                before[self.cell.states.index(name)][:, :, :P] += d
        return bundle._replace(d_state=tuple(before))

    def net(self, bundle: Bundle, t: int) -> Float[Tensor, "M GH B"]:
        """The adjoint of W x + b of step t on the first path."""
        d_wx = self.gates(self.slopes.wx, t, [d[:, :, :1] for d in bundle.d_state])
        return d_wx.flatten(2).transpose(1, 2)

    def gates(self, slopes: Sequence[Tensor], t: int, d_state: Sequence[Rows]) -> Float[Tensor, "M B P G H"]:
        """The sum over the states of slope times adjoint, gate by gate."""
        P = d_state[0].shape[2]
        return total([(by[:, t, :, :P], d[..., None, :]) for by, d in zip(slopes, d_state, strict=True)])

    def without_R(self, bundle: Bundle, t: int) -> list[Rows]:
        """The adjoints of the states before step t, less what R passes."""
        before = []
        for k, like in enumerate(bundle.d_state):
            by = zip((each[k] for each in self.slopes.before), bundle.d_state, strict=True)
            terms = [(slope[:, t, :, :, 0], d) for slope, d in by if slope is not None]
            before.append(total(terms) if terms else torch.zeros_like(like))
        return before


def decompositions(
    system: System, back: Back, before: Sequence[Bundle], after: Sequence[Bundle], start: Decomposition | None
) -> Sequence[Decomposition | None]:
    """The decomposition after each step, of the full path; none where a cell carries."""
    if start is None:
        return [None] * len(after)
    full = path(system.cell, "full")
    nets = [((back.net(bundle, t),), of_path(bundle, 0, full)[1]) for t, bundle in enumerate(before)]
    sizes = zip(
        log_sizes(system, nets), log_sizes(system, [of_path(each, 0, full) for each in after]), strict=True
    )
    return list(accumulate(sizes, lambda split, each: advance(split, *each), initial=start))[1:]


def log_sizes(system: System, found: Sequence[Scaled]) -> list[Logs]:
    """log10 of the norms of vectors, in one call as those of as many models."""
    d_state = tuple(map(torch.cat, zip(*(d for d, _ in found), strict=True)))
    logs = log_size(system.backend, d_state, torch.cat([power for _, power in found]))
    return list(logs.reshape(len(found), -1, logs.shape[-1]))
