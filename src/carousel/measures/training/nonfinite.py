"""Which models of a batch have left the range of floats in training, when, and why; the others train on."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float

from carousel.axes import Array
from carousel.engine.backends.backend import Backend, Model, leaves, rebuild
from carousel.study.slices import TrainingSlice

FARTHEST = 10.0  # learning rates that one of Adam's steps may take a weight: sqrt(52.8) with its usual betas
LOSS, GRADIENT, WEIGHTS, NONE = (
    "loss is not finite",
    "gradient is not finite",
    "weights are not finite",
    "none",
)


class NonFiniteTracker:
    """Of each of M models: the step at which it was stopped, -1 while it is not, and the reason.

    A stopped model's place in the batch is filled with zeros, which overflow nowhere and change no other model's bits.
    """

    def __init__(self, models: int) -> None:
        self.step, self.reason = np.full(models, -1), np.full(models, NONE, dtype=object)
        self.stopped: list[int] = []  # the places of those that are stopped

    @property
    def active(self) -> Bool[np.ndarray, " M"]:
        """Which models are not stopped."""
        return self.step < 0

    def stop(self, failed: Bool[np.ndarray, " M"], step: int, reason: str) -> None:
        """Stop those of `failed` that are active."""
        now = failed & self.active
        self.step[now], self.reason[now] = step, reason
        self.stopped = np.flatnonzero(~self.active).tolist()

    def check(self, step: int, loss: Float[np.ndarray, " M"], norm: Float[np.ndarray, " M"]) -> None:
        """Stop the models whose training loss, or the norm of its gradient, is not finite at `step`."""
        if not np.isfinite(loss + norm).all():
            self.stop(~np.isfinite(loss), step, LOSS)
            self.stop(~np.isfinite(norm), step, GRADIENT)

    def check_weights(self, step: int, backend: Backend, model: Model) -> None:
        """Stop the models that have a weight that is not finite."""
        self.stop(~(peaks(backend, leaves(model)) < np.inf), step, WEIGHTS)

    def zeroed(self, model: Model) -> Model:
        """`model` with zeros in the place of those that are stopped."""
        return rebuild(model, [with_zeros(a, self.stopped) for a in leaves(model)]) if self.stopped else model


def with_zeros(array: Float[Array, "M *rest"], stopped: list[int]) -> Float[Array, "M *rest"]:
    """A copy of `array` that is zero for the models `stopped`."""
    array = array + 0.0
    array[stopped] = 0.0
    return array


def peaks(backend: Backend, arrays: Sequence[Array]) -> Float[np.ndarray, " M"]:
    """The largest absolute number of each model in all arrays; NaN where one is."""
    flat = (abs(backend.numpy(a).astype(float)).reshape(len(a), -1) for a in arrays)
    return np.max([values.max(1, initial=0.0) for values in flat], axis=0)


def reachable(backend: Backend, model: Model, slice_: TrainingSlice) -> bool:
    """Whether a weight may leave the range of floats, whatever the gradients; if not, none need be checked."""
    farthest = peaks(backend, leaves(model)).max() + FARTHEST * slice_.learning_rate * slice_.steps
    return not farthest < float(np.finfo(backend.dtype).max)
