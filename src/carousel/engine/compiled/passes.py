"""A cell with its parameters, laid out; and the two passes through time, of one model and panel."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from carousel.axes import Array
from carousel.cells import Cell, Params
from carousel.engine.compiled import emit, layout
from carousel.engine.compiled.code import Back, Code, code_of
from carousel.engine.compiled.loops import Ahead, Behind, Sizes, Tape, record
from carousel.engine.compiled.vectors import Kind


@dataclass(frozen=True)
class Laid:
    """Parameters in the order that the code wants, and room for a step's nets."""

    cell: Cell
    kind: Kind
    code: Code
    params: Params
    W: Array
    R: Array
    p: Array
    wx: Array
    rh: Array

    @property
    def units(self) -> int:
        return self.p.shape[1]

    @cached_property
    def recurrent_states(self) -> np.ndarray:
        """The places of the recurrent states among the states."""
        return np.array([self.cell.states.index(name) for name in self.cell.recurrent_states], dtype=np.int64)

    def room(self, *shape: int) -> np.ndarray:
        """[.. L] of zeros; the last tile of a product may reach behind its last row."""
        slack = emit.ACCUMULATORS * len(self.cell.states) * self.kind.lanes
        return layout.aligned((*shape, self.kind.lanes), self.kind.dtype, slack)

    def sizes(self, steps: int, panels: int = 1) -> Sizes:
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
        )


def laid(cell: Cell, params: Params, kind: Kind, log: bool = False) -> Laid:
    """`params`, R itself among them, for vectors of `kind`."""
    H, G = params.W.shape[1] // len(cell.gates), len(cell.gates)
    code = code_of(cell, kind, log)
    nets = [layout.aligned((H * G, kind.lanes), kind.dtype, emit.ACCUMULATORS * kind.lanes) for _ in range(2)]
    return Laid(
        cell,
        kind,
        code,
        params,
        layout.driven(kind, cell, params),
        layout.tiles(kind, layout.heard_by(cell, params)),
        layout.parameters(kind, cell, params),
        nets[0],
        nets[0] if code.together else nets[1],
    )


AXES = {"m": "model", "p": "panel", "t": "step"}


def tape(array: np.ndarray | None, axes: str, mask: int = -1) -> Tape:
    """The slots of an array whose first axes are models, panels and steps, or some of them: "mpt"; at 0: no array."""
    if array is None:
        return Tape(0)
    steps = dict(zip((AXES[name] for name in axes), array.strides, strict=False))
    return Tape(layout.address(array), mask=mask, **steps)


class Steps(NamedTuple):
    """What a forward pass leaves: states, and what the adjoint needs, step by step."""

    state: Array  # [T+1 H S L]
    saved: Array  # [T H K L]
    v: Array  # [T H L], the intermediate input, and
    intermediate_saved: Array  # [T H K L]


def steps_for(k: Laid, steps: int, *first: int) -> Steps:
    """Room for `steps` steps, of each of `first`."""
    H, intermediate = k.units, max(1, len(k.code.intermediate_saved))
    kept = steps if k.cell.intermediate else 1
    return Steps(
        k.room(*first, steps + 1, H, len(k.cell.states)),
        k.room(*first, steps, H, len(k.code.saved)),
        k.room(*first, kept, H),
        k.room(*first, kept, H, intermediate),
    )


class Heard(NamedTuple):
    """Rows of all steps and lanes side by side, in which a forward pass leaves what R multiplies."""

    rows: Tape = Tape(0)
    stride: int = 0
    block: int = 0


NOWHERE = Heard()


def ahead(
    k: Laid,
    steps: int,
    x: Tape,
    kept: Steps,
    axes: str,
    mask: int = -1,
    recurrent_input: Heard = NOWHERE,
    panels: int = 1,
) -> Array:
    """A forward pass from the state in slot 0 over the inputs x [T D1 L], as a record; with mask 0 no step is kept.

    `axes` are those of what is kept, "mpt" or "t".
    """
    a = Ahead(
        k.sizes(steps, panels),
        emit.product(k.kind, True),
        emit.product(k.kind, False),
        k.code.forward(),
        k.code.inner_forward(),
        tape(k.W, "m"),
        tape(k.R, "m"),
        k.R.strides[1],
        tape(k.p, "m"),
        x,
        tape(kept.state, axes, -1 if mask else 1),
        tape(kept.saved, axes, mask),
        tape(kept.v, axes, mask),
        tape(kept.intermediate_saved, axes, mask),
        layout.address(k.wx),
        layout.address(k.rh),
        emit.copy(k.kind, False),
        *recurrent_input,
    )
    return record(a)


class Passage(NamedTuple):
    """How an adjoint goes back: its code, R transposed for its gates, and room."""

    back: Back
    R: Array | None  # [M V tiles HG N]; None: nothing passes
    rh: Array
    d_v: Array
    own: Array | None = None
    d_p: Array | None = None  # [M H P L]


def passage(k: Laid, rows: Sequence[str], opened: Sequence[str], **written: bool) -> Passage:
    """Errors written for the gates `rows`, of which `opened` pass."""
    back = Back(tuple(rows), set(opened) == set(k.cell.gates), **written)
    through = bool(opened and k.cell.columns)
    R = layout.transposed(k.kind, k.cell, k.params, rows, opened) if through else None
    return Passage(back, R, k.room(k.units, max(1, len(rows))), k.room(k.units))


def behind(
    k: Laid, by: Passage, steps: int, kept: Steps, axes: str, d: Tape, wx: Tape, panels: int = 1
) -> Array:
    """The walk back over the steps that are kept, as a record."""
    b = Behind(
        k.sizes(steps, panels),
        emit.product(k.kind, True),
        emit.product(k.kind, False),
        k.code.backward(by.back),
        k.code.inner_backward(by.back),
        tape(by.R, "m"),
        0 if by.R is None else by.R.strides[1],
        len(by.back.rows),
        tape(k.p, "m"),
        tape(kept.saved, axes),
        tape(kept.intermediate_saved, axes),
        d,
        layout.address(by.rh),
        wx,
        tape(by.d_p, "m"),
        layout.address(by.d_v),
        emit.copy(k.kind, False),
        0 if by.own is None else layout.address(by.own),
    )
    return record(b)
