"""The sequences that a batch of models is trained on, and those that it is tested on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from carousel.axes import Series
from carousel.engine.backends.backend import Backend, Targets
from carousel.seeds import generator
from carousel.study.models import Setting
from carousel.tasks import TASKS, Task

Streams = Mapping[int, np.random.Generator]  # by repetition


class Sequences(NamedTuple):
    """n sequences for each of M models, their targets, and which of the answers are scored."""

    x: Series  # [T M D n]
    targets: Targets
    scored: Float[np.ndarray, "M S n"]

    def of(self, places: list[int]) -> "Sequences":
        """Those of some of the models."""
        target, weight = (a[places] for a in self.targets[:2])
        return Sequences(
            self.x[:, places], self.targets._replace(target=target, weight=weight), self.scored[places]
        )


@dataclass(frozen=True)
class Data:
    """The sequences of a task for a batch of models; seeded by task, length and repetition alone."""

    backend: Backend
    task: Task
    length: int
    repetitions: list[int]  # of each model
    train: Streams
    test: Streams

    def of(self, places: list[int]) -> "Data":
        """The sequences of some of the models, from where these have come to."""
        return replace(self, repetitions=[self.repetitions[place] for place in places])

    def batch(self, n: int, test: bool = False) -> Sequences:
        """The next n sequences of each model."""
        streams = self.test if test else self.train
        drawn = {
            r: self.task.sample(streams[r], self.length, n, test) for r in dict.fromkeys(self.repetitions)
        }
        x = np.stack([drawn[r].x for r in self.repetitions], axis=1)
        target, weight, scored = (
            np.stack([getattr(drawn[r], name) for r in self.repetitions])
            for name in ("target", "weight", "scored")
        )
        array = self.backend.array
        return Sequences(array(x), Targets(array(target), array(weight), self.task.loss), scored)


def data_of(backend: Backend, seed: int, task: str, settings: Sequence[Setting]) -> Data:
    """The sequences of `task` for a batch of models, from their start."""
    length, repetitions = settings[0].length, [s.repetition for s in settings]
    train, test = (
        {r: generator(seed, role, task, length, r) for r in set(repetitions)} for role in ("train", "test")
    )
    return Data(backend, TASKS[task], length, repetitions, train, test)
