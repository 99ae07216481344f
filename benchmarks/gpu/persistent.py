"""Norms of the adjoint at all lags and gradients of a batch, each model and tile of sequences in one Triton program.

Computed in float32 without TF32, of a cell whose R multiplies the first state alone, or nothing.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from carousel.axes import Series, State, Units
from carousel.cells import Cell, Params
from carousel.engine.backends.backend import Gradient, Model, Readout, Targets
from carousel.engine.backends.torch import TorchOps, log_softmax
from carousel.engine.losses import LOSSES
from carousel.engine.recurrence import effective
from gpu import launch
from gpu.around import Logs, logs, made
from gpu.launch import Carried, Kernels, Layout, Passed, tile

MEMORY = 2**34  # bytes that the multipliers and W x + b may take at a time; it changes no result


def norms(
    cell: Cell,
    params: Params,
    xs: Series,
    state: State,
    covector: Units,
    memory: int = MEMORY,
    warps: int = 0,
) -> Logs:
    """log10 of the norm of the adjoint of each state, and of all together (``state``), for lags 0 to T; float64.

    `covector` is the loss's gradient by the last h. An exact zero has -inf. Of the forward pass no more than `memory`
    bytes are stored: what is before them is computed again, part by part. `warps` of a tile: 0 for the usual number.
    Raises ValueError for a cell that the kernels do not reach, or that is too large.
    """
    compiled, layout = launch.kernels(cell, warps), launch.lay_out(cell, effective(TorchOps(), cell, params))
    carried = beginning(layout, state, covector)
    squares, powers = [carried.d_state.double().square().sum(-1)[None]], [carried.power[None]]
    parts = xs.split(steps_at_once(compiled, layout, carried, memory))
    borders = [tile(torch.stack(state), layout.p.shape[-1])]
    for part in parts[:-1]:
        borders.append(launch.forward(compiled, layout, part, borders[-1], save=False).end)
    for part, border in zip(reversed(parts), reversed(borders), strict=True):
        carried, *one = launch.back(
            compiled, layout, launch.forward(compiled, layout, part, border).saved, carried
        )
        squares.append(one[0])
        powers.append(one[1])
    B = xs.shape[-1]
    return logs(cell, torch.cat(squares)[..., :B], torch.cat(powers)[..., :B])


def beginning(layout: Layout, state: State, covector: Units) -> Carried:
    """The adjoint at lag 0."""
    d_state = torch.stack([covector, *(torch.zeros_like(covector) for _ in state[1:])])
    d_state = tile(d_state, layout.p.shape[-1])
    return Carried(d_state, torch.zeros(d_state.shape[1:3], dtype=torch.int32, device=d_state.device))


def steps_at_once(compiled: Kernels, layout: Layout, carried: Carried, memory: int) -> int:
    """How many steps' multipliers and W x + b fit into `memory`, and a model's into the reach of 32 bits."""
    _, M, B, H = carried.d_state.shape
    floats = B * H * (compiled.saved + layout.R.shape[1])
    return max(8, min(memory // (4 * M * floats), 2**31 // floats))


def gradient(
    cell: Cell, model: Model, xs: Series, state: State, targets: Targets, warps: int = 0
) -> Gradient:
    """The mean loss of a batch and its gradient: `Backend.gradient` on the full path. Raises ValueError as `norms`."""
    compiled, (own, pull) = launch.kernels(cell, warps), made(cell, model)
    layout = launch.lay_out(cell, own.params)
    wide = layout.p.shape[-1]
    passed = launch.forward(compiled, layout, xs, tile(torch.stack(state), wide))
    losses, d_h, readout = read_out(model, passed.hs, targets)
    d_params = by_parameters(compiled, layout, xs, passed, tile(d_h, wide), model.params)
    return pull(Gradient(losses, Model(d_params, readout)))


def read_out(
    model: Model, hs: Float[Tensor, "M T1 BB HH"], targets: Targets
) -> tuple[Float[Tensor, " M"], Float[Tensor, "M N H B"], Readout]:
    """The losses, and their gradient by h after each of the last steps and by the readout."""
    V, a = (leaf.detach().requires_grad_() for leaf in model.readout)
    N, B = targets.target.shape[1], targets.target.shape[-1]
    h = hs[:, hs.shape[1] - N :, :B, : V.shape[-1]].mT.detach().requires_grad_()
    each_loss = LOSSES[targets.loss].value(V[:, None] @ h + a[:, None], targets.target, log_softmax)
    losses = (each_loss * targets.weight).sum(1).mean(1)
    d_h, *readout = torch.autograd.grad(losses.sum(), (h, V, a))
    return losses.detach(), d_h, Readout(*readout)


def by_parameters(
    compiled: Kernels,
    layout: Layout,
    xs: Series,
    passed: Passed,
    outputs: Float[Tensor, "M N BB HH"],
    like: Params,
) -> Params:
    """The gradient by R itself and by W, b and p: one product over all steps and sequences each."""
    d_wx, d_rh, d_p = (d.flatten(1, -3) for d in launch.errors(compiled, layout, passed.saved, outputs))
    (M, G, wide, _), H = layout.R.shape, like.b.shape[1] // layout.R.shape[1]
    d_wx, d_rh = d_wx.flatten(2), d_rh.flatten(2)
    recurrent_input = passed.hs[:, :-1].reshape(M, -1, wide)
    whole = d_wx.mT @ launch.inputs(xs), d_rh.mT @ recurrent_input, d_wx.sum(1)[..., None]
    W, R, b = (d.reshape(M, G, wide, -1)[:, :, :H].reshape(M, G * H, -1) for d in whole)
    p = {name: d_p.sum(1)[:, k, :H, None] for k, name in enumerate(compiled.cell.pointwise)}
    return Params(W, R[..., : like.R.shape[-1]], b, p)
