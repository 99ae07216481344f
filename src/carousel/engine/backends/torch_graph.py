"""Norms of the full path's adjoint by autograd through a few steps at once.

A graph holds the steps between two divisions by a power of two, and one backward pass through it finds the adjoints of
all states in it; nothing that the forward pass has computed is computed again.
"""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from carousel.axes import Series, State, Units
from carousel.engine import plain
from carousel.engine.backends.torch_products import stored_by_row
from carousel.engine.log_space import Scaled, log10, lost_precision, rescale
from carousel.engine.plain import EVERY
from carousel.engine.recurrence import chunk_length, drive, forward
from carousel.engine.system import System


def norms(system: System, covector: Units) -> Float[np.ndarray, "K M B"]:
    """log10 of the norm of the joint state's gradient at every lag, 0 to T, on the full path alone."""
    *state, covector = stored_by_row((*system.state, covector))
    system = system._replace(state=tuple(state))
    scaled = rescale(system.backend, plain.from_loss(system, covector), 0)
    logs = [log_norms([scaled])]
    for states in segments(system):
        found = through_segment(system, states, scaled)
        logs.append(log_norms(found))
        scaled = found[-1]
    return np.concatenate(logs)


def segments(system: System) -> Iterator[list[State]]:
    """The states before EVERY steps and after the last of them, in a graph, the last steps first.

    Long forward passes are computed chunk by chunk, as by `recurrence.chunks`.
    """
    length = chunk_length(system.xs, system.state)
    starts, before = range(0, len(system.xs), length), [system.state]
    for t in starts[:-1]:
        before.append(run(system, system.xs[t : t + length], before[-1])[-1][-1])
    for t, first in zip(reversed(starts), reversed(before), strict=True):
        found = run(system, system.xs[t : t + length], first)
        while found:  # what has been passed is needed no more
            yield found.pop()


def run(system: System, xs: Series, state: State) -> list[list[State]]:
    """The states of a forward pass, a graph for EVERY steps."""
    found = []
    for k in range(0, len(xs), EVERY):
        found.append(graph(system, xs[k : k + EVERY], state))
        state = found[-1][-1]
    return found


def graph(system: System, xs: Series, state: State) -> list[State]:
    """The states before a few steps and after the last, each known to autograd by itself."""
    ops, cell, params = system.ops, system.cell, system.params
    states = [tuple(s.detach().requires_grad_() for s in state)]
    for wx in drive(ops, cell, params, xs):
        after = forward(ops, cell, params, wx, states[-1])[0]
        # as views, or the gradient by one of the states would contain what passes through another
        states.append(tuple(s.view_as(s) for s in after) if len(after) > 1 else after)
    return states


def through_segment(system: System, states: list[State], scaled: Scaled) -> list[Scaled]:
    """The adjoints of `states`, the last of which has `scaled`, going back; see `plain.through_segment`."""
    d_state, power = scaled
    live = [(after * d).sum() for after, d in zip(states[-1], d_state, strict=True) if after.requires_grad]
    before = [s for state in states[-2::-1] for s in state]
    by = torch.autograd.grad(live, before, retain_graph=True, allow_unused=True, materialize_grads=True)
    found = [(by[k : k + len(d_state)], power) for k in range(0, len(by), len(d_state))]
    found[-1] = rescale(system.backend, *found[-1])
    if len(found) == 1 or not lost_precision(scaled, found[-1]):
        return found
    half = len(found) // 2
    first = through_segment(system, states[half:], scaled)
    return first + through_segment(system, states[: half + 1], first[-1])


def log_norms(found: list[Scaled]) -> Float[np.ndarray, "K M B"]:
    """log10 of the norms of rescaled adjoints."""
    parts = [torch.stack([norm(part) for part in d_state]) for d_state, _ in found]
    sizes = torch.linalg.vector_norm(torch.stack(parts), dim=1)
    return log10(sizes.cpu().numpy(), torch.stack([power[:, 0] for _, power in found]).cpu().numpy())


def norm(x: Units) -> Float[Tensor, "M B"]:
    """The norm over units, in float64."""
    return torch.linalg.vector_norm(x, dim=1, dtype=torch.float64)
