"""The parameters of a cell in the layout of the compiled loops, and the plans of a pass forward and a pass backward."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from carousel.axes import Array
from carousel.cells import Cell, Params
from carousel.engine.compiled import emit, memory
from carousel.engine.compiled.code import BackwardOptions, Code, code_of
from carousel.engine.compiled.plans import BITS, BackwardPlan, ForwardPlan, Sizes, Slots, record
from carousel.engine.compiled.vectors import VectorType


@dataclass(frozen=True)
class Layout:
    """Parameters in the order that the code reads them, and a workspace for the net inputs of a step."""

    cell: Cell
    kind: VectorType
    code: Code
    params: Params
    W: Array
    R: Array
    p: Array
    wx: Array
    rh: Array

    @property
    def units(self) -> int:
        """How many hidden units the cell has."""
        return self.p.shape[1]

    def empty(self, *shape: int) -> np.ndarray:
        """An array [.. L] not yet written; the last tile of a product may be written beyond its last row."""
        slack = emit.accumulators() * len(self.cell.states) * self.kind.lanes
        return memory.aligned((*shape, self.kind.lanes), self.kind.dtype, slack)

    def sizes(self, steps: int, panels: int = 1) -> Sizes:
        """The sizes of a pass over `steps` steps."""
        G, L, rows = len(self.cell.gates), self.kind.lanes, emit.tile_rows(self.kind)
        return Sizes(
            models=len(self.p),
            panels=panels,
            steps=steps,
            units=self.units,
            gates=G,
            states=len(self.cell.states),
            lanes=L,
            vector=L * emit.size(self.kind),
            inputs=self.W.shape[2],
            net_tiles=self.W.shape[1],
            unit_tiles=-(-self.units // rows),
            recurrent=len(self.cell.recurrent_states),
            places=places(self.cell),
        )


def places(cell: Cell) -> int:
    """The places of the recurrent states among the states, packed in one integer."""
    found = [cell.states.index(name) for name in cell.recurrent_states]
    return sum(state << (BITS * k) for k, state in enumerate(found))


def lay_out(cell: Cell, params: Params, kind: VectorType, log: bool = False) -> Layout:
    """`params`, R itself among them, for vectors of `kind`; with `log` every step saves its log-factor."""
    H, G = params.W.shape[1] // len(cell.gates), len(cell.gates)
    code = code_of(cell, kind, log)
    nets = [
        memory.aligned((H * G, kind.lanes), kind.dtype, emit.accumulators() * kind.lanes) for _ in range(2)
    ]
    return Layout(
        cell,
        kind,
        code,
        params,
        memory.input_tiles(kind, cell, params),
        memory.tiles(kind, memory.by_recurrent_state(cell, params)),
        memory.parameters(kind, cell, params),
        nets[0],
        nets[0] if code.one_net_input else nets[1],
    )


def fill(layout: Layout, params: Params) -> None:
    """Write other parameters, R itself among them, in the place of those of a layout."""
    memory.input_tiles(layout.kind, layout.cell, params, layout.W)
    memory.tiles(layout.kind, memory.by_recurrent_state(layout.cell, params), layout.R)
    memory.parameters(layout.kind, layout.cell, params, layout.p)


AXES = {"m": "model", "p": "panel", "t": "step"}


def slots(array: np.ndarray | None, axes: str, mask: int = -1, models: int = -1) -> Slots:
    """The slots of an array whose first axes are those of `axes`, letters of "mpt" in this order; 0 for no array."""
    if array is None:
        return Slots(0)
    strides = dict(zip((AXES[name] for name in axes), array.strides, strict=False))
    return Slots(memory.address(array), mask=mask, models=models, **strides)


class StoredSteps(NamedTuple):
    """What a forward pass stores step by step: the states, and what the adjoints of its steps need."""

    state: Array  # [T+1 H S L]
    saved: Array  # [T H K L]
    v: Array  # [T H L], the intermediate input
    intermediate_saved: Array  # [T H K L], what the intermediate input's own adjoint needs


def stored_steps(layout: Layout, steps: int, *first: int) -> StoredSteps:
    """Arrays for `steps` steps, not yet written, behind the axes `first`."""
    H, cell, code = layout.units, layout.cell, layout.code
    with_v = steps if cell.intermediate else 1
    return StoredSteps(
        layout.empty(*first, steps + 1, H, len(cell.states)),
        layout.empty(*first, steps, H, len(code.saved)),
        layout.empty(*first, with_v, H),
        layout.empty(*first, with_v, H, max(1, len(code.intermediate_saved))),
    )


class RecurrentInputRows(NamedTuple):
    """Where a forward pass stores the vectors that R multiplies: in rows, all steps and lanes side by side."""

    rows: Slots = Slots(0)
    stride: int = 0
    block: int = 0


NOT_STORED = RecurrentInputRows()


def forward_plan(
    layout: Layout,
    steps: int,
    x: Slots,
    stored: StoredSteps,
    axes: str,
    mask: int = -1,
    recurrent_input: RecurrentInputRows = NOT_STORED,
    panels: int = 1,
    models: int = -1,
) -> Array:
    """The plan, as a record, of a forward pass from the state in slot 0 over the inputs x [T D1 L].

    `axes` are those of `stored`, "mpt" or "t", and `models` its mask of models; with mask 0 each step overwrites what
    the one before it stored.
    """
    kind, code = layout.kind, layout.code
    plan = ForwardPlan(
        layout.sizes(steps, panels),
        emit.product(kind, True),
        emit.product(kind, False),
        code.forward(),
        code.intermediate_forward(),
        slots(layout.W, "m"),
        slots(layout.R, "m"),
        layout.R.strides[1],
        slots(layout.p, "m"),
        x,
        slots(stored.state, axes, -1 if mask else 1, models),
        slots(stored.saved, axes, mask, models),
        slots(stored.v, axes, mask, models),
        slots(stored.intermediate_saved, axes, mask, models),
        memory.address(layout.wx),
        memory.address(layout.rh),
        emit.copy(kind, False),
        *recurrent_input,
    )
    return record(plan)


class Workspace(NamedTuple):
    """What a backward pass computes with: R transposed for the gates it passes, and arrays for the errors of a step."""

    options: BackwardOptions
    R: Array | None  # [M V tiles HG N]; None: no error passes R
    rh: Array
    d_v: Array
    own: Array | None = None  # the errors of R h without those through the intermediate input
    d_p: Array | None = None  # [M H P L]


def workspace(layout: Layout, rows: Sequence[str], open_gates: Sequence[str], **written: bool) -> Workspace:
    """The workspace of a pass that writes errors of the gates `rows`, of which only `open_gates` pass R.

    `written` are the further options of `BackwardOptions`.
    """
    cell = layout.cell
    options = BackwardOptions(tuple(rows), set(open_gates) == set(cell.gates), **written)
    R = None
    if open_gates and cell.columns:
        R = memory.transposed_tiles(layout.kind, cell, layout.params, rows, open_gates)
    return Workspace(options, R, layout.empty(layout.units, max(1, len(rows))), layout.empty(layout.units))


def backward_plan(
    layout: Layout,
    work: Workspace,
    steps: int,
    stored: StoredSteps,
    axes: str,
    d: Slots,
    wx: Slots,
    panels: int = 1,
    models: int = -1,
) -> Array:
    """The plan, as a record, of a backward pass over stored steps, from the adjoint in slot 0 of `d`.

    `axes` are those of `stored`, and `models` its mask of models; `wx` takes the errors of W x + b.
    """
    kind, code = layout.kind, layout.code
    plan = BackwardPlan(
        layout.sizes(steps, panels),
        emit.product(kind, True),
        emit.product(kind, False),
        code.backward(work.options),
        code.intermediate_backward(work.options),
        slots(work.R, "m"),
        0 if work.R is None else work.R.strides[1],
        len(work.options.rows),
        slots(layout.p, "m"),
        slots(stored.saved, axes, models=models),
        slots(stored.intermediate_saved, axes, models=models),
        d,
        memory.address(work.rh),
        wx,
        slots(work.d_p, "m"),
        memory.address(work.d_v),
        emit.copy(kind, False),
        0 if work.own is None else memory.address(work.own),
    )
    return record(plan)
