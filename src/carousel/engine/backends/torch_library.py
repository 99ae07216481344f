"""Layers of torch's own that equal a cell of ours, for training: a fused kernel, model by model."""

import torch
from jaxtyping import Float
from torch import Tensor

from carousel.axes import Series, State
from carousel.cells import CELLS, Cell, Params

STEPS = (
    20  # from which torch's LSTM, which takes a millisecond per model to start, beats a stack of small models
)


def suits(cell: Cell, xs: Series) -> bool:
    """Whether torch's LSTM gives the same, and sooner: oneDNN's kernel is for the CPU and float32 alone."""
    return (
        cell is CELLS["lstm"] and xs.device.type == "cpu" and xs.dtype == torch.float32 and len(xs) >= STEPS
    )


def lstm(params: Params, xs: Series, state: State, last: int) -> Float[Tensor, "M S H B"]:
    """h after each of the `last` S steps of the cell `lstm`."""
    h, c = (s.transpose(1, 2)[:, None].contiguous() for s in state)
    x, none = xs.transpose(2, 3), torch.zeros_like(params.b[0, :, 0])
    hs = []
    for m in range(len(h)):
        weights = [params.W[m], params.R[m], params.b[m, :, 0], none]
        hs.append(torch.lstm(x[:, m], (h[m], c[m]), weights, True, 1, 0.0, True, False, False)[0][-last:])
    return torch.stack(hs).transpose(2, 3)
