"""The derivative of a step unit by unit, by autograd, for a segment of steps at once.

A cell is a pointwise map: what leaves a unit depends on what enters that unit alone. The gradient of a sum over the
units is then the derivative of each by its own inputs, and one backward pass per state gives these slopes for all
steps of a segment, side by side as if they were sequences. After that an adjoint is multiplied by slopes and goes back
through R, which is linear, by its transpose.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from carousel.axes import Net, State, Units
from carousel.cells import Cell, Params
from carousel.engine.backends.backend import Backend
from carousel.engine.backends.torch_products import product
from carousel.engine.recurrence import Gates, Step, recurrent_input

PEEPHOLES = {"weight", "recurrent"}  # the kinds of parameters by which a state acts on a gate without R


class Slopes(NamedTuple):
    """The slopes of T steps: the derivatives of each of the states after a step by what enters a unit.

    Of each gate, [T M G H B] step by step or [M T B G H] with a sequence to the row.
    """

    before: list[
        list[Tensor | None]
    ]  # by each state before it, without R, as one gate's; None where there is none
    wx: list[Tensor]  # by W x + b
    rh: list[Tensor]  # by R times the states; `wx` itself where a cell adds the two


class Row(tuple):
    """The net inputs of a step, one tensor per gate: autograd then never stacks nor splits them."""

    def __add__(self, other: tuple[Units, ...]) -> "Row":
        return Row(a + b for a, b in zip(self, other, strict=True))


class Segment:
    """Steps of a cell without an intermediate input, whose slopes are computed together."""

    def __init__(self, backend: Backend, cell: Cell, params: Params, steps: Sequence[Step]) -> None:
        self.backend, self.cell, self.params = backend, cell, params
        self.T, self.B = len(steps), steps[0].x.shape[-1]
        ops = backend.ops(cell, frozenset(cell.gates))
        before = [side_by_side(states) for states in zip(*(step.before for step in steps), strict=True)]
        wx = side_by_side([step.wx for step in steps])
        rh = ops.product(params.R, recurrent_input(ops, cell, tuple(before))).reshape(wx.shape)
        self.inputs = (*before, *wx.unbind(1), *rh.unbind(1))
        self.by_blocked: dict[bool, Slopes] = {}
        self.opened: dict[Gates, tuple[list[Tensor], Tensor]] = {}

    def pull(self, t: int, d_state: State, gates: Gates) -> State:
        """The adjoint of the state before step `t`, from that of the state after it."""
        return self.pull_with_net(t, d_state, gates)[0]

    def error(self, t: int, d_state: State) -> tuple[State, Net]:
        """The adjoints of the state before step `t`, through all gates, and of its W x + b."""
        gates = frozenset(self.cell.gates)
        before, d_rh = self.pull_with_net(t, d_state, gates)
        slopes = self.slopes(gates)
        shared = slopes.wx is slopes.rh and d_rh is not None
        return before, d_rh if shared else self.times(slopes.wx, t, d_state)

    def pull_with_net(self, t: int, d_state: State, gates: Gates) -> tuple[State, Net | None]:
        """The adjoints of the state before step `t` and of R times the states, for `gates` alone; None without."""
        d_before = self.before_without_R(t, d_state, gates)
        if not (gates and self.cell.recurrent_states):
            return tuple(d_before), None
        slopes, R = self.open_rows(gates)
        d_rh = self.times(slopes, t, d_state)
        d_recurrent = product(R.transpose(1, 2), d_rh.flatten(1, 2)).contiguous()
        parts = d_recurrent.split(d_state[0].shape[1], 1)  # type: ignore[no-untyped-call]
        for name, d in zip(self.cell.recurrent_states, parts, strict=True):
            k = self.cell.states.index(name)
            d_before[k] = d_before[k] + d
        return tuple(d_before), d_rh

    def times(self, slopes: Sequence[Tensor], t: int, d_state: State) -> Net:
        """The sum over the states of slope times adjoint, gate by gate."""
        parts = zip((slope[t][..., None] for slope in slopes), self.by_copy(d_state), strict=True)
        return total([(slope, d[:, None]) for slope, d in parts]).flatten(-2)

    def before_without_R(self, t: int, d_state: State, gates: Gates) -> list[Units]:
        """The adjoint of the states before step `t`, less what R passes. One blocked gate blocks all peepholes."""
        by_state, parts = self.slopes(gates).before, self.by_copy(d_state)
        before = []
        for k, like in enumerate(d_state):
            passing = [(by[k], d) for by, d in zip(by_state, parts, strict=True)]
            terms = [(slope[t][:, 0, ..., None], d) for slope, d in passing if slope is not None]
            before.append(total(terms).flatten(-2) if terms else torch.zeros_like(like))
        return before

    def by_copy(self, d_state: State) -> list[Float[Tensor, "M H N P"]]:
        """Adjoints with the copies of a sequence on an axis of their own, the last."""
        return [d.unflatten(-1, (self.B, -1)) for d in d_state]

    def slopes(self, gates: Gates) -> Slopes:
        """The slopes of a graph in which `gates` are open."""
        full = frozenset(self.cell.gates)
        blocked = gates != full and not PEEPHOLES.isdisjoint(self.cell.pointwise.values())
        if blocked not in self.by_blocked:
            self.by_blocked[blocked] = self.slopes_from_graph(frozenset() if blocked else full)
        return self.by_blocked[blocked]

    def slopes_from_graph(self, gates: Gates) -> Slopes:
        """The slopes, by autograd through a graph of all steps."""
        return arranged(self.derivatives(gates), len(self.cell.states), self.by_time)

    def derivatives(self, gates: Gates) -> list[tuple[Tensor | None, ...]]:
        """The derivatives of each state after the steps by each of the inputs, in a graph in which `gates` are open."""
        tips = tuple(tip.detach().requires_grad_() for tip in self.inputs)
        before, wx, rh = self.split(tips)
        after = self.cell.forward(self.backend.ops(self.cell, gates), self.params.p, wx, rh, before)[0]
        return [pointwise(state, tips) for state in after]

    def split(self, inputs: tuple[Units, ...]) -> tuple[State, Row, Row]:
        """The states before the steps, W x + b and R times the states."""
        S, G = len(self.cell.states), len(self.cell.gates)
        return inputs[:S], Row(inputs[S : S + G]), Row(inputs[S + G :])

    def log_factors(self) -> Float[Tensor, "T M _ B"]:
        """The logs of the Q&A's factors."""
        ops = self.backend.ops(self.cell, frozenset(self.cell.gates))
        before, wx, rh = self.split(self.inputs)
        found = self.cell.log_factor(ops, self.params.p, wx, rh, before)
        return found.unflatten(-1, (self.T, self.B)).movedim(-2, 0)

    def by_row(self, parts: Sequence[Tensor | None]) -> Float[Tensor, "M T B G H"]:
        """Slopes that stand side by side for all steps, a sequence to the row; zero where there is none."""
        zero = torch.zeros_like(self.inputs[0])
        rows = [(zero if part is None else part).transpose(1, 2) for part in parts]
        return torch.unflatten(torch.stack(rows, 2), 1, (self.T, self.B))

    def by_path(self, P: int) -> Slopes:
        """The slopes [M T B P G H] of P paths, the first of which passes all gates; where all are the same, P is 1."""
        S = len(self.cell.states)
        full = closed = arranged(self.derivatives(frozenset(self.cell.gates)), S, self.by_row)
        others = 0 if PEEPHOLES.isdisjoint(self.cell.pointwise.values()) else P - 1
        if others:
            closed = arranged(self.derivatives(frozenset()), S, self.by_row)
        before = [
            [None if a is None else side_by_path(a, b, others) for a, b in zip(*by, strict=True)]
            for by in zip(full.before, closed.before, strict=True)
        ]
        rh = [side_by_path(a, b, others) for a, b in zip(full.rh, closed.rh, strict=True)]
        return Slopes(before, [by[:, :, :, None] for by in full.wx], rh)

    def by_time(self, parts: Sequence[Tensor | None]) -> Float[Tensor, "T M G H B"]:
        """Slopes that stand side by side for all steps, step by step; zero where there is none."""
        return self.by_row(parts).permute(1, 0, 3, 4, 2).contiguous()

    def open_rows(self, gates: Gates) -> tuple[list[Tensor], Tensor]:
        """The slopes, and the rows of R, of `gates`."""
        if gates not in self.opened:
            kept = [g for g, name in enumerate(self.cell.gates) if name in gates]
            slopes, R = self.slopes(gates).rh, self.params.R
            if len(kept) < len(self.cell.gates):
                slopes = [slope[:, :, kept] for slope in slopes]
                R = R.unflatten(1, (len(self.cell.gates), -1))[:, kept].flatten(1, 2)
            self.opened[gates] = slopes, R
        return self.opened[gates]


def pointwise(state: Units, tips: tuple[Tensor, ...]) -> tuple[Tensor | None, ...]:
    """The derivative of every unit of `state` by its own entry of each of `tips`."""
    if not state.requires_grad:
        return (None,) * len(tips)
    return torch.autograd.grad(state.sum(), tips, retain_graph=True, allow_unused=True)


def arranged(
    found: list[tuple[Tensor | None, ...]], S: int, arranged: Callable[[Sequence[Tensor | None]], Tensor]
) -> Slopes:
    """Derivatives of S states by the inputs of a segment, gates and steps `arranged`."""
    G = (len(found[0]) - S) // 2
    by_wx, by_rh = [by[S : S + G] for by in found], [by[S + G :] for by in found]
    rh = [arranged(by) for by in by_rh]
    shared = all(same(a, b) for a, b in zip(sum(by_wx, ()), sum(by_rh, ()), strict=True))
    before = [[None if d is None else arranged([d]) for d in by[:S]] for by in found]
    return Slopes(before, rh if shared else [arranged(by) for by in by_wx], rh)


def side_by_path(
    full: Float[Tensor, "M T B G H"], closed: Float[Tensor, "M T B G H"] | None, others: int
) -> Float[Tensor, "M T B P G H"]:
    """A slope of the full path, and that of the others as often as there are."""
    if not others:
        return full[:, :, :, None]
    return torch.stack([full, *[torch.zeros_like(full) if closed is None else closed] * others], 3)


def side_by_side(arrays: Sequence[Float[Tensor, "M *_ B"]]) -> Float[Tensor, "M *_ TB"]:
    """Arrays of T steps as if the steps were sequences, stored a sequence to the row as products are."""
    rows = torch.stack([each.movedim(-1, 1) for each in arrays], 1)
    return rows.flatten(1, 2).movedim(1, -1)


def same(a: Tensor | None, b: Tensor | None) -> bool:
    """Whether the two are one array."""
    return a is b or (a is not None and b is not None and a.data_ptr() == b.data_ptr())


def total(terms: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The sum of products."""
    (slope, d), *rest = terms
    sum_ = slope * d
    for slope, d in rest:
        sum_ = sum_.addcmul_(slope, d)
    return sum_
