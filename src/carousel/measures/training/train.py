"""Training: a batch of models of one cell and task in; rows of the accuracy, decay and dynamics tables out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from carousel.axes import Array
from carousel.cells import CELLS
from carousel.engine.backends.backend import Backend, Model, Readout, Targets, leaves, rebuild
from carousel.engine.recurrence import PATHS
from carousel.inits import uniform
from carousel.measures.training import snapshots
from carousel.measures.training.data import Data, Sequences, data_of
from carousel.measures.training.nonfinite import NonFiniteTracker, reachable
from carousel.measures.training.optimizer import Adam, clipped
from carousel.measures.training.scoring import Scores, scores
from carousel.measures.training.snapshots import zero_state
from carousel.seeds import generator
from carousel.study.models import Setting, masked, on_backend, stack, weights
from carousel.study.slices import TrainingSlice
from carousel.study.values import END
from carousel.tables.schemas import names
from carousel.tables.stacking import concat
from carousel.tasks import TASKS, Task


def readout(seed: int, setting: Setting, outputs: int) -> Readout:
    """Uniform with bound 1/sqrt(H), as torch.nn.Linear; seeded by size and repetition."""
    rng = generator(seed, "readout", setting.hidden, outputs, setting.repetition)
    bound = setting.hidden**-0.5
    return Readout(uniform(rng, bound, 1, outputs, setting.hidden), uniform(rng, bound, 1, outputs, 1))


def models(backend: Backend, seed: int, settings: Sequence[Setting], task: Task) -> Model:
    """The untrained models of a batch, on the backend."""
    params = on_backend(backend, stack([weights(seed, s, task.inputs) for s in settings]))
    V, a = zip(*(readout(seed, s, task.outputs) for s in settings), strict=True)
    return Model(params, Readout(backend.array(np.concatenate(V)), backend.array(np.concatenate(a))))


@dataclass(frozen=True)
class Learners:
    """Those of a batch of models that are still in training, with all that each of them takes along."""

    backend: Backend
    settings: list[Setting]
    places: Int[np.ndarray, " M"]  # in the batch
    model: Model
    adam: Adam
    data: Data
    test: Sequences

    def of(self, places: list[int]) -> "Learners":
        """Some of them; what each learns does not depend on the others."""
        return Learners(
            self.backend,
            [self.settings[place] for place in places],
            self.places[places],
            rebuild(self.model, [a[places] for a in leaves(self.model)]),
            self.adam.of(places),
            self.data.of(places),
            self.test.of(places),
        )

    def gradient(self, slice_: TrainingSlice, path: str) -> tuple[Float[np.ndarray, " M"], list[Array]]:
        """The loss of each model on its next sequences, and the gradient by all that is trained."""
        x, targets, _ = self.data.batch(slice_.batch)
        cell, state = CELLS[self.settings[0].cell], zero_state(self.backend, self.settings, slice_.batch)
        loss, by = self.backend.gradient(cell, self.model, x, state, targets, PATHS[path](cell))
        by = by._replace(params=masked(self.backend, cell, by.params))
        return self.backend.numpy(loss), leaves(by)

    def scores(self) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
        """Loss and accuracy of each model on its test sequences."""
        x, targets, scored = self.test
        cell, state = CELLS[self.settings[0].cell], zero_state(self.backend, self.settings, x.shape[3])
        y = self.backend.numpy(self.backend.run(cell, self.model, x, state, scored.shape[1]))
        host = self.backend.numpy
        on_host = Targets(host(targets.target), host(targets.weight), targets.loss)
        return scores(y, on_host, scored)


class Run(NamedTuple):
    """What training leaves: rows of the three tables."""

    accuracy: pd.DataFrame
    decay: pd.DataFrame
    dynamics: pd.DataFrame


def untrained(
    backend: Backend,
    seed: int,
    settings: Sequence[Setting],
    slice_: TrainingSlice,
    name: str,
    rates: Sequence[float],
) -> Learners:
    """A batch of models before its first step."""
    model, data = models(backend, seed, settings, TASKS[name]), data_of(backend, seed, name, settings)
    first, second = ([0.0 * a for a in leaves(model)] for _ in range(2))
    adam = Adam(first, second, backend, np.array(rates, float))
    places = np.arange(len(settings))
    return Learners(backend, [*settings], places, model, adam, data, data.batch(slice_.test_size, test=True))


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what overflows is counted in the tables
def train(
    backend: Backend,
    seed: int,
    settings: Sequence[Setting],
    slice_: TrainingSlice,
    name: str,
    gradient: str,
    progress: Callable[[int, int], None] = lambda step, steps: None,
    rates: Sequence[float] | None = None,
) -> Run:
    """Train a batch of models on task `name`; score it, and measure it at the snapshots.

    `gradient` is the path that the training gradient takes, full or truncated. `progress` is called at every step.
    `rates`: the learning rate of each model; without it, that of the slice, which then has one alone. Where the slice
    says so, a model that solves its task stops: it is measured and has no later rows. A model whose loss,
    gradient or weights are not finite is stopped: in its later rows it has no loss and solves nothing, and there are
    no later snapshots of it.
    """
    if rates is None:
        (rate,) = slice_.learning_rates
        rates = [rate] * len(settings)
    learners, measured = (
        untrained(backend, seed, settings, slice_, name, rates),
        Measured(seed, slice_, name, gradient),
    )
    tracker, table = NonFiniteTracker(len(settings)), Scores(TASKS[name])
    watched = reachable(backend, learners.model, max(rates) * slice_.steps)
    for step in range(slice_.steps + 1):
        progress(step, slice_.steps)
        evaluated = step % slice_.evaluate_every == 0 or step == slice_.steps
        if evaluated and len(tracker.gone):
            table.lost(step, tracker.gone)
        if not len(learners.places):
            continue
        if watched:
            tracker.check_weights(step, backend, learners.model)
            learners = replace(learners, model=tracker.zeroed(learners.model))
        loss, by = learners.gradient(slice_, gradient)
        by, norm = clipped(backend, by, slice_.clip)
        active, ends = tracker.active, np.full(len(learners.places), step == slice_.steps)
        if evaluated:
            solved = table.add(step, learners.places, *learners.scores(), norm, active)
            ends |= slice_.stop_when_solved & solved
        measured.at(step, learners, active, ends)
        if step == slice_.steps:
            break
        if evaluated and slice_.stop_when_solved and not (active & ~ends).all():
            stay = np.flatnonzero(active & ~ends).tolist()
            learners, loss, norm, by = learners.of(stay), loss[stay], norm[stay], [g[stay] for g in by]
            tracker.keep(stay)
        tracker.check(step, loss, norm)
        model = rebuild(learners.model, learners.adam.step(leaves(learners.model), by))
        learners = replace(learners, model=tracker.zeroed(model))
    common = {"backend": backend.name, "device": backend.device, "dtype": backend.dtype}
    common |= {"slice": slice_.slice, "task": name, "gradient": gradient}
    return Run(table.table(settings, np.array(rates, float), tracker, **common), *measured.tables())


class Measured:
    """The rows of the decay and of the dynamics table that are measured on the way."""

    def __init__(self, seed: int, slice_: TrainingSlice, name: str, gradient: str) -> None:
        self.seed, self.slice_ = seed, slice_
        self.common: dict[str, Any] = {"trained": name, "gradient": gradient}
        self.found: list[tuple[pd.DataFrame, pd.DataFrame]] = []

    def at(self, step: int, learners: Learners, active: np.ndarray, ends: np.ndarray) -> None:
        """Measure the active models at a snapshot, or, where a snapshot stands at the end, those that end here."""
        if step not in self.slice_.snapshots:
            due = np.flatnonzero(active & ends).tolist() if END in self.slice_.snapshots else []
            if not due:
                return
            learners, active = learners.of(due), active[due]
        x, targets, _ = learners.test
        given = (
            learners.backend,
            self.seed,
            learners.settings,
            self.slice_,
            learners.model,
            x,
            targets,
            active,
        )
        self.found.append(snapshots.measure(*given, step=step, **self.common))

    def tables(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Both tables; empty ones with their columns where nothing was measured."""
        decay, dynamics = zip(*self.found, strict=True) if self.found else ((), ())
        return joined(decay, names("decay")), joined(dynamics, names("dynamics"))


def joined(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """The frames that have rows, one below the other; an empty one with `columns` if none has."""
    frames = [frame for frame in frames if len(frame)]
    return concat(frames) if frames else pd.DataFrame(columns=list(columns))
