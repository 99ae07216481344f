"""A depth slice as single stacks: their layers, and the weights and states of each."""

from collections.abc import Sequence

from carousel.engine.backends.backend import Backend
from carousel.engine.stack import Stack
from carousel.study.models import Setting, driven, initial_state, on_backend, stack, weights
from carousel.study.slices import DepthSlice


def shapes(slice_: DepthSlice) -> list[tuple[int, bool]]:
    """The stacks of a slice: how many layers, and whether with residual connections, which one layer has not."""
    return list(dict.fromkeys((n, residual and n > 1) for n in slice_.layers for residual in slice_.residual))


def stacked(
    backend: Backend, seed: int, settings: Sequence[Setting], slice_: DepthSlice, layers: int, residual: bool
) -> Stack:
    """A batch of stacks on the backend, driven by noise, with R itself among the parameters.

    The lowest layer is the model of the setting; what a further one draws depends on no other layer.
    """
    _, cell, params, xs, state = driven(backend, seed, settings, slice_)
    further = range(1, layers)
    drawn = [stack([weights(seed, s, s.hidden, layer) for s in settings]) for layer in further]
    states = [initial_state(seed, settings, slice_.batch, slice_.state_scale, layer) for layer in further]
    return Stack(
        backend,
        cell,
        (params, *(on_backend(backend, each) for each in drawn)),
        xs,
        (state, *(tuple(map(backend.array, each)) for each in states)),
        residual,
    ).effective()
