"""Which models of a batch have left the range of floats in training, when, and why; the others train on."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from carousel.axes import Array
from carousel.engine.backends.backend import Backend, Model, leaves, rebuild

FARTHEST = 10.0  # learning rates that one of Adam's steps may take a weight: sqrt(52.8) with its usual betas
LOSS, GRADIENT, WEIGHTS, NONE = (
    "loss is not finite",
    "gradient is not finite",
    "weights are not finite",
    "none",
)


class NonFiniteTracker:
    """Of each of M models: the step at which it was stopped, -1 while it is not, and the reason.

    A stopped model's place in the batch is filled with zeros, which overflow nowhere and change no other model's bits,
    until the batch is made smaller.
    """

    def __init__(self, models: int) -> None:
        self.step, self.reason = np.full(models, -1), np.full(models, NONE, dtype=object)
        self.places = np.arange(models)  # of those that are in the batch
        self.stopped: list[int] = []  # which of these are stopped

    @property
    def active(self) -> Bool[np.ndarray, " m"]:
        """Which models of the batch are not stopped."""
        return self.step[self.places] < 0

    @property
    def gone(self) -> Int[np.ndarray, " gone"]:
        """The stopped models that have left the batch."""
        return np.setdiff1d(np.flatnonzero(self.step >= 0), self.places)

    def keep(self, places: list[int]) -> None:
        """The batch is now that of some of its models."""
        self.places = self.places[places]
        self.stopped = np.flatnonzero(~self.active).tolist()

    def stop(self, failed: Bool[np.ndarray, " m"], step: int, reason: str) -> None:
        """Stop those of `failed` that are active."""
        now = self.places[failed & self.active]
        self.step[now], self.reason[now] = step, reason
        self.stopped = np.flatnonzero(~self.active).tolist()

    def check(self, step: int, loss: Float[np.ndarray, " m"], norm: Float[np.ndarray, " m"]) -> None:
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


def reachable(backend: Backend, model: Model, way: float) -> bool:
    """Whether a weight may leave the range of floats, whatever the gradients; if not, none need be checked.

    `way` is the number of steps times the largest learning rate.
    """
    farthest = peaks(backend, leaves(model)).max() + FARTHEST * way
    return not farthest < float(np.finfo(backend.dtype).max)
