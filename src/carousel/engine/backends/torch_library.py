"""A layer of torch's own that equals a cell of ours, for training: a fused kernel, model by model."""

import torch
from jaxtyping import Float
from torch import Tensor

from carousel.axes import Series, State
from carousel.cells import CELLS, Cell, Params

STEPS = (
    20  # from which torch's LSTM, which takes a millisecond per model to start, beats a stack of small models
)
OPEN = 100.0  # sigma(100) is 1: a forget gate with this bias, and no weights, keeps all


def suits(cell: Cell, xs: Series) -> bool:
    """Whether torch's LSTM gives the same, and sooner: oneDNN's kernel is for the CPU and float32 alone."""
    equal = cell is CELLS["lstm"] or cell is CELLS["lstm97"]
    return equal and xs.device.type == "cpu" and xs.dtype == torch.float32 and len(xs) >= STEPS


def lstm(cell: Cell, params: Params, xs: Series, state: State, last: int) -> Float[Tensor, "M S H B"]:
    """h after each of the `last` S steps of the cell `lstm`, or of `lstm97` with its forget gate held open."""
    W, R, b, _ = params if cell is CELLS["lstm"] else with_open_gate(params)
    h, c = (s.transpose(1, 2)[:, None].contiguous() for s in state)
    x, none = xs.transpose(2, 3), torch.zeros_like(b[0, :, 0])
    hs = []
    for m in range(len(h)):
        weights = [W[m], R[m], b[m, :, 0], none]
        hs.append(torch.lstm(x[:, m], (h[m], c[m]), weights, True, 1, 0.0, True, False, False)[0][-last:])
    return torch.stack(hs).transpose(2, 3)


def with_open_gate(params: Params) -> Params:
    """The parameters of `lstm97`, whose gates are i, z and o, with those of an open forget gate after i."""
    return params._replace(
        W=with_gate(params.W, 0.0), R=with_gate(params.R, 0.0), b=with_gate(params.b, OPEN)
    )


def with_gate(rows: Float[Tensor, "M _ N"], value: float) -> Float[Tensor, "M _ N"]:
    """The rows of three gates, with those of another after the first: of `value` alone."""
    first, *rest = rows.chunk(3, 1)
    return torch.cat([first, torch.full_like(first, value), *rest], 1)
