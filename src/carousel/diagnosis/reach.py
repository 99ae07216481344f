"""How far back the gradient of a recurrent layer reaches, from one backward pass of it on a few sequences.

A random covector on the last output goes back to the input of every step: of each layer and direction by itself, at
fixed inputs, which are what the layer before makes of its own. What is left at a lag is the norm there relative to
that by the last input, which has lag 1; over sequences, the mean of logs.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from carousel.diagnosis.caught import Caught
from carousel.diagnosis.layers import Sequences, initial_states, one_layer, sequences

GATES = {"LSTM": {"i": 0, "f": 1, "o": 3}, "GRU": {"r": 0, "u": 1}}
"""Of torch's modes: the gates, and which of the blocks of rows of its weights is theirs."""


class Reach(NamedTuple):
    """One layer and direction: log10 of what is left of the gradient at the lags 1 to T, and mean gate openings.

    -inf where nothing is left of it, in the layer's own float type; NaN where the layer is not finite.
    """

    layer: int  # from 1
    direction: str  # forward | backward
    left: Float[np.ndarray, " T"]
    gates: dict[str, float]


def reaches(found: Caught, most: int, generator: torch.Generator) -> Iterator[Reach]:
    """The reach of every layer and direction of a recurrent layer, over `most` of the longest sequences."""
    module = found.layer
    read = sequences(module, found.inputs)
    batched = not isinstance(found.inputs, Tensor) or found.inputs.ndim == 3
    before = initial_states(module, read, found.state, batched)
    longest = [b for b, length in enumerate(read.lengths) if length == max(read.lengths)][:most]
    read = Sequences(read.xs[: max(read.lengths), longest], [max(read.lengths)] * len(longest))
    sides = ("forward", "backward")[: 1 + module.bidirectional]
    for number in range(module.num_layers):
        one = wide(one_layer(module, number))
        xs = read.xs.detach().to(one.all_weights[0][0]).requires_grad_()
        own = slice(number * len(sides), (number + 1) * len(sides))
        hx = tuple(s[own][:, longest].to(xs).contiguous() for s in before)
        out = one(xs, hx if len(hx) == 2 else hx[0])[0]
        for k, (side, after) in enumerate(zip(sides, out.chunk(len(sides), 2), strict=True)):
            left = gradient_by_lag(after, xs, side == "backward", generator)
            yield Reach(number + 1, side, left, openings(one, xs, after, hx[0][k], side == "backward"))
        read = read._replace(xs=out.detach())


def wide(one: nn.RNNBase) -> nn.RNNBase:
    """A layer in float32 where its own type is shorter."""
    short = one.weight_ih_l0.dtype not in (torch.float32, torch.float64)
    return one.float() if short else one


def gradient_by_lag(
    after: Tensor, xs: Tensor, backward: bool, generator: torch.Generator
) -> Float[np.ndarray, " T"]:
    """log10 of the norm of the gradient of a random covector on the last output by each input, relative to lag 1."""
    last = after[0] if backward else after[-1]
    covector = torch.randn(last.shape, generator=generator, dtype=torch.float64).to(last)
    (d_xs,) = torch.autograd.grad(last, xs, covector, retain_graph=True)
    norms = torch.linalg.vector_norm(d_xs.double(), dim=2)  # squares of float32 would underflow
    logs = (norms if backward else norms.flip(0)).log10()
    return (logs - logs[:1]).mean(1).cpu().numpy()


@torch.no_grad()
def openings(one: nn.RNNBase, xs: Tensor, after: Tensor, start: Tensor, backward: bool) -> dict[str, float]:
    """The mean of each gate of a one-layer module over steps, sequences and units; RNNs have none."""
    suffix = "_l0_reverse" if backward else "_l0"
    W, R = (getattr(one, f"weight_{role}{suffix}") for role in ("ih", "hh"))
    b = sum(getattr(one, f"bias_{role}{suffix}") for role in ("ih", "hh")) if one.bias else 0.0
    before = torch.cat([after[1:], start[None]] if backward else [start[None], after[:-1]])
    blocks = (xs @ W.T + before @ R.T + b).sigmoid().unflatten(2, (-1, one.hidden_size)).mean((0, 1, 3))
    return {gate: float(blocks[k]) for gate, k in GATES.get(one.mode, {}).items()}
