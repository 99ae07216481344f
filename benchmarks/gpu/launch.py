"""A cell's Triton kernels, made once and called on padded arrays.

H is padded to a power of two and B to whole tiles. A padded unit or sequence has zero weights, inputs and errors, so
that it adds nothing to a sum. Axes as in `frames`.
"""

import hashlib
import linecache
from types import ModuleType
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from carousel.axes import Array, Series
from carousel.cells import Cell, Params
from carousel.engine.trace import program
from gpu.source import differ, multipliers, source

ROWS = 16  # sequences of a tile, the least that tl.dot takes
SHARED = 200 * 1024  # bytes of shared memory that R may take; an H200 has 227 KiB, and a step needs the rest


class Kernels(NamedTuple):
    """The functions of one cell, and what goes with them."""

    cell: Cell
    module: ModuleType
    saved: int  # multipliers a step
    differ: bool  # whether the errors of R h are not those of W x + b
    warps: int  # of a tile; 0 for one in 16 units


class Layout(NamedTuple):
    """Parameters as the kernels read them."""

    W: Float[Array, "M D GH"]
    R: Float[Array, "M G H H"]
    b: Float[Array, "M 1 GH"]
    p: Float[Array, "M P H"]


class Passed(NamedTuple):
    """What a forward pass leaves: multipliers, h before the first and after every step, and the state at the end."""

    saved: Float[Array, "M T B K H"]
    hs: Float[Array, "M T1 B H"]
    end: Float[Array, "S M B H"]


class Carried(NamedTuple):
    """The adjoint of the state carried back so far, and the power of two to multiply each sequence of it with."""

    d_state: Float[Array, "S M B H"]
    power: Int[Array, "M B"]


_MADE: dict[int, Kernels] = {}  # by identity, for a cell cannot be hashed


def kernels(cell: Cell, warps: int = 0) -> Kernels:
    """The kernels of `cell`. Raises ValueError for a cell whose R multiplies anything but the first state."""
    if id(cell) not in _MADE:
        maps = program(cell)
        module = loaded(source(cell))
        _MADE[id(cell)] = Kernels(cell, module, len(multipliers(maps)), differ(cell, maps.backward), 0)
    return _MADE[id(cell)]._replace(warps=warps)


def loaded(text: str) -> ModuleType:
    """`text` as a module whose lines Triton can read again."""
    name = f"gpu_kernels_{hashlib.sha256(text.encode()).hexdigest()[:16]}"
    linecache.cache[f"{name}.py"] = len(text), None, text.splitlines(keepends=True), f"{name}.py"
    module = ModuleType(name)
    exec(compile(text, f"{name}.py", "exec"), module.__dict__)
    return module


def lay_out(cell: Cell, params: Params) -> Layout:
    """`params`, R itself among them, padded and turned.

    Raises ValueError where R is too large for the shared memory of a GPU.
    """
    M, G, H = len(params.W), len(cell.gates), params.b.shape[1] // len(cell.gates)
    wide = max(ROWS, 1 << (H - 1).bit_length())
    if cell.recurrent_states and 4 * G * wide * wide > SHARED:
        raise ValueError(
            f"hidden: found {H} with {G} gates; {G} x {wide} x {wide} floats are more than {SHARED} bytes"
        )
    W, R, b = (
        pad(part.reshape(M, G, H, -1), (0, columns - part.shape[2], 0, wide - H))
        for part, columns in zip(params[:3], (params.W.shape[2], wide, 1), strict=True)
    )
    p = torch.stack(
        [pad(params.p[name][..., 0], (0, wide - H)) for name in cell.pointwise] or [b[:, 0, :, 0]], 1
    )
    return Layout(W.flatten(1, 2).mT.contiguous(), R.contiguous(), b.reshape(M, 1, -1), p.contiguous())


def tile(x: Float[Tensor, "*M H B"], wide: int) -> Float[Tensor, "*M BB HH"]:
    """Sequences as rows, padded to whole tiles, and units padded to `wide`: BB and HH."""
    H, B = x.shape[-2:]
    return pad(x.mT, (0, wide - H, 0, -B % ROWS)).contiguous()


def inputs(xs: Series) -> Float[Tensor, "M TB D"]:
    """The inputs, a row a step and sequence, padded to whole tiles."""
    return pad(xs.permute(1, 0, 3, 2), (0, 0, 0, -xs.shape[-1] % ROWS)).flatten(1, 2)


def forward(compiled: Kernels, layout: Layout, xs: Series, start: Tensor, save: bool = True) -> Passed:
    """T steps from `start` [S M B H]; without `save` only the state at the end is kept."""
    (_, M, B, H), T = start.shape, len(xs)
    drive = torch.baddbmm(layout.b, inputs(xs), layout.W)
    saved, hs = (start.new_empty(n) for n in ((M, save * T, B, compiled.saved, H), (M, save * (T + 1), B, H)))
    end = torch.empty_like(start)
    launch(
        compiled,
        "forward",
        start,
        (drive, layout.R.mT.contiguous(), layout.p, start, saved, hs, end, M, T, B),
        SAVE=save,
    )
    return Passed(saved, hs, end)


def back(
    compiled: Kernels, layout: Layout, saved: Tensor, carried: Carried
) -> tuple[Carried, Tensor, Tensor]:
    """T steps back: the adjoint there, and at each step the sums of squares [T S M B] and the powers [T M B]."""
    S, M, B, _ = carried.d_state.shape
    T = saved.shape[1]
    squares = saved.new_empty((T, S, M, B), dtype=torch.float64)
    powers, power = carried.power.new_empty((T, M, B)), carried.power.clone()
    end = torch.empty_like(carried.d_state)
    arrays = saved, layout.R, layout.p, carried.d_state, power, squares, powers, end
    launch(compiled, "norms", carried.d_state, (*arrays, M, T, B))
    return Carried(end, power), squares, powers


def errors(
    compiled: Kernels, layout: Layout, saved: Tensor, outputs: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The errors of W x + b and of R h [M T B G H], and of p [M B P H], from those of the last N outputs."""
    (M, N, B, H), T = outputs.shape, saved.shape[1]
    d_wx = saved.new_empty((M, T, B, layout.R.shape[1], H))
    d_rh = torch.empty_like(d_wx) if compiled.differ else d_wx
    d_p = saved.new_empty((M, B, layout.p.shape[1], H))
    launch(compiled, "errors", outputs, (saved, layout.R, layout.p, outputs, d_wx, d_rh, d_p, T, B, N))
    return d_wx, d_rh, d_p


def launch(compiled: Kernels, name: str, like: Tensor, arguments: tuple[Any, ...], **options: Any) -> None:
    """One program a model and tile of `like` [... B H]; the first of the arrays has the models first."""
    (B, H), M = like.shape[-2:], len(arguments[0])
    warps = compiled.warps or max(1, H // 16)
    with torch.cuda.device_of(like):  # type: ignore[no-untyped-call]
        kernel = getattr(compiled.module, name)[M, B // ROWS]
        kernel(*arguments, H=H, ROWS=ROWS, **options, num_warps=warps, enable_fp_fusion=True)
