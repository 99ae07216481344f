"""What both ways on a GPU do before and after: R from what it is made of, and logarithms of norms."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from carousel.axes import Array
from carousel.cells import Cell
from carousel.engine.backends.backend import Gradient, Model
from carousel.engine.backends.torch import TorchOps
from carousel.engine.recurrence import effective

Logs = dict[str, Float[Array, "T1 M B"]]


def made(cell: Cell, model: Model) -> tuple[Model, Callable[[Gradient], Gradient]]:
    """`model` with R itself in the place of what it is made from, and what takes a gradient by R back to that."""
    if cell.weight is None:
        return model, lambda gradient: gradient
    tip = model.params.R.detach().requires_grad_()
    R = effective(TorchOps(False), cell, model.params._replace(R=tip)).R

    def pull(gradient: Gradient) -> Gradient:
        params = gradient.model.params
        d_tip = torch.autograd.grad(R, tip, params.R)[0]
        return gradient._replace(model=gradient.model._replace(params=params._replace(R=d_tip)))

    return model._replace(params=model.params._replace(R=R.detach())), pull


def logs(cell: Cell, squares: Float[Tensor, "T1 S M B"], powers: Int[Tensor, "T1 M B"]) -> Logs:
    """log10 of each state's norm, and of all together (``state``), from sums of squares short of powers of two."""
    scale = powers.double() * math.log10(2)
    by_state = {name: 0.5 * squares[:, s].log10() + scale for s, name in enumerate(cell.states)}
    return by_state | {"state": 0.5 * squares.sum(1).log10() + scale}
