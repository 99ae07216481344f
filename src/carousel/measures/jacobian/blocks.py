"""The blocks of the joint Jacobian whose norms are read, and the names of those norms."""

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from carousel.engine.log_space import Logs
from carousel.measures.adjoint import Quantity
from carousel.measures.jacobian.norms import Block, Powers, Rows, aligned, estimate, norms


def exact_norms(
    sizes: Sequence[int], rows: Rows, power: Powers, input_block: Block | None, with_blocks: bool
) -> dict[Quantity, Logs]:
    """The norms of the joint block and, `with_blocks`, of the single ones, all rows known, of states of these sizes."""
    N = rows.shape[-1]
    by_block = (single_blocks(sizes, sizes, rows, power, input_block) if with_blocks else {}) | {
        "": Block(rows, power, N)
    }
    return named({suffix: norms(block) for suffix, block in by_block.items()}, "log10_norm")


def estimated_norms(
    sizes: Sequence[int], rows: Rows, power: Powers, input_block: Block | None, with_blocks: bool
) -> dict[Quantity, Logs]:
    """The norms that `exact_norms` gives, estimated from random combinations of the rows, and their errors.

    There are equally many combinations of each state's rows.
    """
    samples = (rows.shape[2] // len(sizes),) * len(sizes)
    by_block = (single_blocks(sizes, samples, rows, power, input_block) if with_blocks else {}) | {
        "": combined(len(sizes), rows, power)
    }
    estimates = {suffix: estimate(block) for suffix, block in by_block.items()}
    return named({s: v for s, (v, _) in estimates.items()}, "log10_norm") | named(
        {s: e for s, (_, e) in estimates.items()}, "error"
    )


def single_blocks(
    sizes: Sequence[int], rows_of: Sequence[int], rows: Rows, power: Powers, input_block: Block | None
) -> dict[str, Block]:
    """The blocks h by h, last state by last state, and h by the input, those that there are.

    The rows of the states stand one behind the other, `rows_of` each.
    """
    own, columns = places(rows_of), places(sizes)
    by_block = {}
    if len(sizes) > 1:
        by_block = {
            suffix: Block(rows[:, :, own[s], columns[s]], power[:, :, own[s]], sizes[s])
            for suffix, s in (("_hh", 0), ("_cc", -1))
        }
    if input_block:
        by_block["_x"] = input_block._replace(
            rows=input_block.rows[:, :, own[0]], power=input_block.power[:, :, own[0]]
        )
    return by_block


def places(sizes: Sequence[int]) -> list[slice]:
    """Where each of the states stands in the joint one."""
    return [slice(end - size, end) for size, end in zip(sizes, accumulate(sizes), strict=True)]


def combined(S: int, rows: Rows, power: Powers) -> Block:
    """Gaussian combinations of the joint block's rows: the sums of one on each of S states."""
    M, B, P, N = rows.shape
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
