"""The Jacobian of every step of a plain function by central differences, and their error from two step sizes.

A step size is EPS ** (1/3) of each number, or of what its part of the state is on average if that is more: there, the
errors of rounding and of truncation are about the same (Press et al., Numerical Recipes, section 5.7). What twice that
step gives differs by three times the error of truncation, and by about that of rounding: the difference is the error
that is stated. The adjoint then goes back through the linear steps exactly.
"""

from functools import partial
from math import prod
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from carousel.diagnosis.array_step import Function, pass_of
from carousel.diagnosis.layer import Layer, ModuleError, by_length
from carousel.diagnosis.readings import Pass, check_replay
from carousel.diagnosis.steps import Step, pack, step_layer, unpack
from carousel.measures.jacobian.backward import EXACT

MOST = 2**27  # numbers in all Jacobians of one step size: 1 GiB
SIZES = (1.0, 2.0)
FAR = 1000.0  # step sizes: what is flat nearby and not there jumps


class Linear(NamedTuple):
    """The steps of a pass: states before and after, and the Jacobian of each."""

    before: Float[Tensor, "T B N"]
    after: Float[Tensor, "T B N"]
    jacobian: Float[Tensor, "T B N N"]


def layers_of_function(function: Function, inputs: Any, state: Any, like: Tensor) -> list[Layer]:
    """The one layer that `function` is, in the dtype of `like`, with the same at twice the step size.

    Raises ModuleError for a function that is random, keeps count or mixes sequences, or whose state is too large.
    """
    found = pass_of(function, inputs, state)
    (T, B), N = found.xs.shape[:2], sum(prod(part.shape[2:]) for part in found.before)
    if N > EXACT or T * B * N**2 > MOST:
        raise ModuleError(
            f"state: found {N} numbers, {T} steps and {B} sequences; allowed by finite differences: up to {EXACT}, "
            f"and steps x sequences x numbers squared up to {MOST:,}"
        )
    fine, coarse = differences(found)
    error = relative_error(fine.jacobian, coarse.jacobian)
    name = getattr(function, "__name__", type(function).__name__)
    words = f"{name}, state of {N}, by finite differences with a relative error of {error:.0e} a step"
    layers = [linear_layer(each, like)._replace(description=words) for each in (fine, coarse)]
    return [layers[0]._replace(coarse=layers[1], check=partial(check_replay, found))]


def differences(found: Pass) -> tuple[Linear, Linear]:
    """The steps of a pass, differentiated at two step sizes. Raises ModuleError where that is not finite."""
    before, after = (torch.stack([pack(step) for step in zip(*parts, strict=True)]) for parts in found[2:])
    steps = step_sizes(found)
    jacobians = [
        torch.stack([jacobian(found, t, steps[t] * size) for t in range(len(before))]) for size in SIZES
    ]
    if not all(each.isfinite().all() for each in jacobians):
        raise ModuleError(
            "function: its differences are not finite; allowed: finite values near its states, too"
        )
    check_jumps(found, jacobians[0], steps)
    fine, coarse = (Linear(before.double(), after.double(), each) for each in jacobians)
    return fine, coarse


def check_jumps(found: Pass, J: Float[Tensor, "T B N N"], steps: Float[Tensor, "T B N"]) -> None:
    """Raise ModuleError where a step has no slope nearby, but changes further off: its values are rounded."""
    flat = (J == 0).flatten(2).all(2).any(1).nonzero()[:1].flatten().tolist()
    if any(jacobian(found, t, FAR * steps[t])[(J[t] == 0).all(2).all(1)].any() for t in flat):
        raise ModuleError(
            f"function: step {flat[0] + 1} has no slope, yet changes in jumps; allowed: values that are not rounded, "
            "to integers or to fewer digits than those of the state"
        )


def step_sizes(found: Pass) -> Float[Tensor, "T B N"]:
    """The step of each number of the state at each time."""
    eps = torch.finfo(found.before[0].dtype).eps ** (1 / 3)
    sizes = []
    for part in found.before:
        own = part.double().flatten(2) if part.ndim > 2 else part.double()[..., None]
        mean = float(own.square().mean().sqrt()) or 1.0
        sizes.append(eps * own.abs().clamp(min=mean))
    return torch.cat(sizes, 2)


def jacobian(found: Pass, t: int, sizes: Float[Tensor, "B N"]) -> Float[Tensor, "B N N"]:
    """d after / d before of step t, row by row, by central differences."""
    B, N = sizes.shape
    state = pack(tuple(part[t] for part in found.before))
    moved = torch.stack(
        [
            state.double()[:, None] + sign * sizes[:, None] * torch.eye(N, dtype=torch.float64)
            for sign in (1, -1)
        ],
        1,
    )
    moved = moved.to(state.dtype)  # [B 2 N N]: sequence, sign, the number that is moved, the state
    shapes = tuple(part.shape[2:] for part in found.before)
    xs = found.xs[t].repeat_interleave(2 * N, 0)
    values = pack(found.step(xs, unpack(moved.flatten(0, 2), shapes))).double().reshape(B, 2, N, N)
    widths = (moved[:, 0] - moved[:, 1]).double().diagonal(dim1=1, dim2=2)
    return ((values[:, 0] - values[:, 1]) / widths[..., None]).transpose(1, 2)


def relative_error(fine: Float[Tensor, "T B N N"], coarse: Float[Tensor, "T B N N"]) -> float:
    """The largest relative difference of a step's two Jacobians."""
    norms = [torch.linalg.matrix_norm(each) for each in (fine - coarse, fine)]
    return float((norms[0] / norms[1].clamp(min=torch.finfo(torch.float64).tiny)).max())


def linear_layer(steps: Linear, like: Tensor) -> Layer:
    """The linear steps as a layer, whose inputs say which step of which sequence it is."""
    T, B, N = steps.before.shape
    places = torch.stack(torch.meshgrid(torch.arange(T), torch.arange(B), indexing="ij"), 2).to(like)
    batches = by_length(places, [T] * B, (steps.before[0],), False, like)
    layer = step_layer(linear_step(steps, like), (2,), ((N,),), batches)
    return layer._replace(smooth=False)


def linear_step(steps: Linear, like: Tensor) -> Step:
    """after + J (state - before), at the step and the sequence in x."""
    before, after, J = (each.to(like) for each in steps)

    def step(x: Tensor, state: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        t, b = x.detach().long().unbind(1)
        moved = (state[0] - before[t, b])[..., None]
        return (after[t, b] + (J[t, b] @ moved)[..., 0],)

    return step
