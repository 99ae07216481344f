"""The blocks of the joint Jacobian whose norms are read, and the names of those norms."""

from collections.abc import Mapping

import numpy as np

from carousel.cells import Cell
from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity
from carousel.measures.jacobian.norms import Block, Powers, Rows, aligned, estimate, norms


def known(cell: Cell, rows: Rows, power: Powers, entry: Block | None, beside: bool) -> dict[Quantity, Logs]:
    """The norms of the joint block and, if asked for, of those `beside` it, all rows known."""
    N = rows.shape[-1]
    found = (blocks(cell, rows, power, entry) if beside else {}) | {"": Block(rows, power, N)}
    return named({suffix: norms(block) for suffix, block in found.items()}, "log10_norm")


def estimated(
    cell: Cell, rows: Rows, power: Powers, entry: Block | None, beside: bool
) -> dict[Quantity, Logs]:
    """The same norms from random combinations of the rows, and their errors."""
    found = (blocks(cell, rows, power, entry) if beside else {}) | {"": combined(cell, rows, power)}
    values = {suffix: estimate(block) for suffix, block in found.items()}
    return named({s: v for s, (v, _) in values.items()}, "log10_norm") | named(
        {s: e for s, (_, e) in values.items()}, "error"
    )


def blocks(cell: Cell, rows: Rows, power: Powers, entry: Block | None) -> dict[str, Block]:
    """The blocks beside the joint one. The rows of the states stand one behind the other, equally many of each."""
    S, N = len(cell.states), rows.shape[-1]
    P, H = rows.shape[2] // S, N // S
    found = {}
    if S > 1:
        found["_hh"] = Block(rows[:, :, :P, :H], power[:, :, :P], H)
        found["_cc"] = Block(rows[:, :, -P:, -H:], power[:, :, -P:], H)
    if entry:
        found["_x"] = entry._replace(rows=entry.rows[:, :, :P], power=entry.power[:, :, :P])
    return found


def combined(cell: Cell, rows: Rows, power: Powers) -> Block:
    """A Gaussian vector on the joint state is the sum of one on each state."""
    M, B, P, N = rows.shape
    S = len(cell.states)
    level, top = aligned(rows, power)
    summed = level.reshape(M, B, S, P // S, N).sum(2)
    return Block(summed, np.broadcast_to(top[..., None], summed.shape[:3]), N)


def named(by_block: Mapping[str, tuple[Logs, Logs]], column: str) -> dict[Quantity, Logs]:
    """The Frobenius and the spectral norm of each block under their names."""
    return {
        Quantity(f"jacobian_{norm}{suffix}", "full", column): values
        for suffix, pair in by_block.items()
        for norm, values in zip(("fro", "spec"), pair, strict=True)
    }
