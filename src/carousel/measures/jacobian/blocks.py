"""The blocks of the joint Jacobian whose norms are read, and the names of those norms."""

from collections.abc import Mapping

import numpy as np

from carousel.cells import Cell
from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity
from carousel.measures.jacobian.norms import Block, Powers, Rows, aligned, estimate, norms


def exact_norms(
    cell: Cell, rows: Rows, power: Powers, input_block: Block | None, with_blocks: bool
) -> dict[Quantity, Logs]:
    """The norms of the joint block and, `with_blocks`, of the single ones, all rows known."""
    N = rows.shape[-1]
    by_block = (single_blocks(cell, rows, power, input_block) if with_blocks else {}) | {
        "": Block(rows, power, N)
    }
    return named({suffix: norms(block) for suffix, block in by_block.items()}, "log10_norm")


def estimated_norms(
    cell: Cell, rows: Rows, power: Powers, input_block: Block | None, with_blocks: bool
) -> dict[Quantity, Logs]:
    """The norms that `exact_norms` gives, estimated from random combinations of the rows, and their errors."""
    by_block = (single_blocks(cell, rows, power, input_block) if with_blocks else {}) | {
        "": combined(cell, rows, power)
    }
    estimates = {suffix: estimate(block) for suffix, block in by_block.items()}
    return named({s: v for s, (v, _) in estimates.items()}, "log10_norm") | named(
        {s: e for s, (_, e) in estimates.items()}, "error"
    )


def single_blocks(cell: Cell, rows: Rows, power: Powers, input_block: Block | None) -> dict[str, Block]:
    """The blocks h by h, last state by last state, and h by the input, those that there are.

    The rows of the states stand one behind the other, equally many of each.
    """
    S, N = len(cell.states), rows.shape[-1]
    P, H = rows.shape[2] // S, N // S
    by_block = {}
    if S > 1:
        by_block["_hh"] = Block(rows[:, :, :P, :H], power[:, :, :P], H)
        by_block["_cc"] = Block(rows[:, :, -P:, -H:], power[:, :, -P:], H)
    if input_block:
        by_block["_x"] = input_block._replace(
            rows=input_block.rows[:, :, :P], power=input_block.power[:, :, :P]
        )
    return by_block


def combined(cell: Cell, rows: Rows, power: Powers) -> Block:
    """Gaussian combinations of the joint block's rows: the sums of one on each state."""
    M, B, P, N = rows.shape
    S = len(cell.states)
    level, top = aligned(rows, power)
    summed = level.reshape(M, B, S, P // S, N).sum(2)
    return Block(summed, np.broadcast_to(top[..., None], summed.shape[:3]), N)


def named(by_block: Mapping[str, tuple[Logs, Logs]], column: str) -> dict[Quantity, Logs]:
    """The Frobenius and the spectral norm of each block under their names."""
    return {
        Quantity(f"jacobian_{norm}{suffix}", "full", column): estimates
        for suffix, pair in by_block.items()
        for norm, estimates in zip(("fro", "spec"), pair, strict=True)
    }
