"""The order of numbers in memory: sequences in panels of lanes, matrices in tiles of rows, all of a unit side by side.

``P`` panels of ``L`` lanes hold the B sequences; lanes beyond B repeat the last sequence, and no error enters them.
``N`` is the number of rows of a tile of the matrix product.
"""

from collections.abc import Sequence
from math import prod

import numpy as np
from jaxtyping import Float

from carousel.axes import Array, Series, State
from carousel.cells import Cell, Params
from carousel.engine.compiled.emit import tile_rows
from carousel.engine.compiled.vectors import VectorType

LINE = 64  # bytes of a cache line


def kind_for(array: Array) -> VectorType:
    """The vectors for an array [.. B]: of 64 bytes, or of 32 bytes where these hold all sequences."""
    lanes = LINE // array.dtype.itemsize
    return VectorType(str(array.dtype), lanes if array.shape[-1] > lanes // 2 else lanes // 2)


def panels(kind: VectorType, B: int) -> int:
    """How many panels hold B sequences."""
    return -(-B // kind.lanes)


def address(array: np.ndarray) -> int:
    """The address of an array's first number."""
    return int(array.__array_interface__["data"][0])


def aligned(shape: Sequence[int], dtype: str, slack: int = 0) -> np.ndarray:
    """An array not yet written that starts with a cache line; `slack` numbers after its end may be overwritten."""
    count = prod(shape)
    item = np.dtype(dtype).itemsize
    raw = np.empty((count + slack) * item + LINE, dtype=np.uint8)
    start = -address(raw) % LINE
    return raw[start : start + count * item].view(dtype).reshape(shape)


def in_panels(
    kind: VectorType, x: Float[Array, "M *rest B"], fill: str = "edge"
) -> Float[Array, "M P *rest L"]:
    """x with its last axis in panels; `fill` says what lanes beyond B hold: "edge", the last sequence, or "zero"."""
    M, *rest, B = x.shape
    out = aligned((M, panels(kind, B), *rest, kind.lanes), kind.dtype)
    to_panels(x, out, fill)
    return out


def to_panels(x: Float[Array, "M *rest B"], out: Float[Array, "M P *rest L"], fill: str = "edge") -> None:
    """Write x, with its last axis in panels, to `out`; `fill` as of `in_panels`."""
    lanes = out.shape[-1]
    for k in range(out.shape[1]):
        part = x[..., k * lanes : (k + 1) * lanes]
        out[:, k, ..., : part.shape[-1]] = part
        if part.shape[-1] < lanes:
            out[:, k, ..., part.shape[-1] :] = part[..., -1:] if fill == "edge" else 0


def out_of_panels(x: Float[Array, "M P *rest L"], B: int) -> Float[Array, "M *rest B"]:
    """The inverse of `in_panels`: the panels side by side, without the lanes beyond B."""
    moved = x.transpose(0, *range(2, x.ndim - 1), 1, x.ndim - 1)
    return moved.reshape(*moved.shape[:-2], -1)[..., :B]


def inputs(kind: VectorType, xs: Series) -> Float[Array, "M P T D1 L"]:
    """The inputs of all steps, and a row of ones for the bias, in panels."""
    T, M, D, B = xs.shape
    whole = np.ones((M, T, D + 1, B), kind.dtype)
    whole[:, :, :D] = xs.swapaxes(0, 1)
    return in_panels(kind, whole)


def by_unit(state: State) -> Float[Array, "M H S B"]:
    """The states of each unit side by side."""
    return np.stack(state, axis=2)


def tiles(
    kind: VectorType, matrices: Float[Array, "*M rows k"], out: Array | None = None
) -> Float[Array, "*M tiles k N"]:
    """Matrices in tiles of rows, the last tile filled up with zeros; in `out` if it is there."""
    *M, rows, k = matrices.shape
    n = tile_rows(kind)
    count = -(-rows // n)
    out = aligned((*M, count, k, n), kind.dtype) if out is None else out
    if rows < count * n:
        matrices, given = np.zeros((*M, count * n, k), kind.dtype), matrices
        matrices[..., :rows, :] = given
    out[...] = matrices.reshape(*M, count, n, k).swapaxes(-1, -2)
    return out


def rows_by_unit(cell: Cell, matrices: Float[Array, "M GH k"]) -> Float[Array, "M HG k"]:
    """Matrices with the rows of each unit's gates side by side."""
    M, GH, k = matrices.shape
    G = len(cell.gates)
    return matrices.reshape(M, G, GH // G, k).swapaxes(1, 2).reshape(M, GH, k)


def gates_first(cell: Cell, matrices: Float[Array, "M HG k"]) -> Float[Array, "M GH k"]:
    """The inverse of `rows_by_unit`."""
    M, HG, k = matrices.shape
    G = len(cell.gates)
    return matrices.reshape(M, HG // G, G, k).swapaxes(1, 2).reshape(M, HG, k)


def by_recurrent_state(cell: Cell, params: Params) -> Float[Array, "M V HG H"]:
    """R in one block per recurrent state, the intermediate input's last."""
    M, GH, VH = params.R.shape
    V = len(cell.columns)
    return rows_by_unit(cell, params.R).reshape(M, GH, V, VH // max(V, 1)).swapaxes(1, 2)


def input_tiles(
    kind: VectorType, cell: Cell, params: Params, out: Array | None = None
) -> Float[Array, "M tiles D1 N"]:
    """W and b, side by side, in tiles."""
    return tiles(kind, rows_by_unit(cell, np.concatenate([params.W, params.b], axis=2)), out)


def transposed_tiles(
    kind: VectorType,
    cell: Cell,
    params: Params,
    rows: Sequence[str],
    open_gates: Sequence[str],
    out: Array | None = None,
) -> Float[Array, "M V tiles HG N"]:
    """R transposed, in tiles, for errors of the gates `rows`; gates that are not in `open_gates` have zero columns."""
    R = by_recurrent_state(cell, params)
    M, V, HG, H = R.shape
    G = len(cell.gates)
    gate = R.reshape(M, V, HG // G, G, H)[..., [cell.gates.index(name) for name in rows], :]
    gate *= np.array([float(name in open_gates) for name in rows], dtype=kind.dtype)[:, None]
    return tiles(kind, gate.reshape(M, V, (HG // G) * len(rows), H).swapaxes(2, 3), out)


def parameters(
    kind: VectorType, cell: Cell, params: Params, out: Array | None = None
) -> Float[Array, "M H P"]:
    """The pointwise parameters of each unit side by side."""
    M, H = params.W.shape[0], params.W.shape[1] // len(cell.gates)
    out = aligned((M, H, len(cell.pointwise)), kind.dtype) if out is None else out
    for k, name in enumerate(cell.pointwise):
        out[:, :, k] = params.p[name][..., 0]
    return out
