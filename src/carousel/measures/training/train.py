"""Training: a batch of models of one cell and task in; rows of the accuracy, decay and dynamics tables out."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from carousel.axes import Array
from carousel.cells import CELLS
from carousel.engine.backends.backend import Backend, Model, Readout, Targets, leaves, rebuild
from carousel.engine.losses import LOSSES, log_softmax
from carousel.engine.recurrence import PATHS
from carousel.inits import uniform
from carousel.measures.training import snapshots
from carousel.measures.training.nonfinite import NonFiniteTracker, reachable
from carousel.measures.training.optimizer import Adam, clipped
from carousel.measures.training.snapshots import zero_state
from carousel.seeds import generator
from carousel.study.models import Setting, masked, on_backend, stack, weights
from carousel.study.slices import TrainingSlice
from carousel.tables.layout import laid_out
from carousel.tables.schemas import names
from carousel.tables.stacking import concat
from carousel.tasks import ADDING_TOLERANCE, TASKS, Batch, Task


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


class Data:
    """The sequences of a task for a batch of models; seeded by task, length and repetition alone."""

    def __init__(self, backend: Backend, seed: int, task: str, settings: Sequence[Setting]) -> None:
        self.backend, self.task, self.length = backend, TASKS[task], settings[0].length
        self.repetitions = [s.repetition for s in settings]
        self.train, self.test = (
            {r: generator(seed, role, task, self.length, r) for r in set(self.repetitions)}
            for role in ("train", "test")
        )

    def batch(self, n: int, test: bool = False) -> tuple[Array, Targets, Float[np.ndarray, "M S n"]]:
        """The next n sequences [T M D n], their targets, and which of the answers are scored."""
        streams = self.test if test else self.train
        drawn: dict[int, Batch] = {
            r: self.task.sample(rng, self.length, n, test) for r, rng in streams.items()
        }
        x = np.stack([drawn[r].x for r in self.repetitions], axis=1)
        target, weight, scored = (
            np.stack([getattr(drawn[r], name) for r in self.repetitions])
            for name in ("target", "weight", "scored")
        )
        targets = Targets(self.backend.array(target), self.backend.array(weight), self.task.loss)
        return self.backend.array(x), targets, scored


def scores(
    y: Float[np.ndarray, "M S O B"], targets: Targets, scored: Float[np.ndarray, "M S B"]
) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """Loss, by the answers' weights, and accuracy, over the answers that are scored, in float64.

    An answer that is no finite number is wrong.
    """
    loss, (y, target) = LOSSES[targets.loss], (a.astype(float) for a in (y, targets.target))
    losses = loss.value(y, target, log_softmax)
    right = loss.right(y, target, ADDING_TOLERANCE) & np.isfinite(y).all(2)
    return (losses * targets.weight).sum(1).mean(1), (right * scored).sum((1, 2)) / scored.sum((1, 2))


class Run(NamedTuple):
    """What training leaves: rows of the three tables."""

    accuracy: pd.DataFrame
    decay: pd.DataFrame
    dynamics: pd.DataFrame


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what overflows is counted in the tables
def train(
    backend: Backend,
    seed: int,
    settings: Sequence[Setting],
    slice_: TrainingSlice,
    name: str,
    gradient: str,
    progress: Callable[[int, int], None] = lambda step, steps: None,
) -> Run:
    """Train a batch of models on task `name`; score it, and measure it at the snapshots.

    `gradient` is the path that the training gradient takes, full or truncated. `progress` is called at every step. A
    model whose loss, gradient or weights are not finite is stopped: in its later rows it has no loss and solves
    nothing, and there are no later snapshots of it.
    """
    cell, task = CELLS[settings[0].cell], TASKS[name]
    data, model = Data(backend, seed, name, settings), models(backend, seed, settings, task)
    test_x, test_targets, test_scored = data.batch(slice_.test_size, test=True)
    on_host = Targets(
        backend.numpy(test_targets.target), backend.numpy(test_targets.weight), test_targets.loss
    )
    state, test_state = (zero_state(backend, settings, n) for n in (slice_.batch, slice_.test_size))
    adam = Adam([0.0 * a for a in leaves(model)], [0.0 * a for a in leaves(model)])
    tracker, watched = NonFiniteTracker(len(settings)), reachable(backend, model, slice_)
    scores_by_step, snapshots_by_step = [], []
    for step in range(slice_.steps + 1):
        progress(step, slice_.steps)
        if watched:
            tracker.check_weights(step, backend, model)
            model = tracker.zeroed(model)
        if step in slice_.snapshots:
            given = backend, seed, settings, slice_, model, test_x, test_targets, tracker.active
            snapshots_by_step.append(snapshots.measure(*given, trained=name, step=step, gradient=gradient))
        x, targets, _ = data.batch(slice_.batch)
        loss, by = backend.gradient(cell, model, x, state, targets, PATHS[gradient](cell))
        by = by._replace(params=masked(backend, cell, by.params))
        gradients, norm = clipped(backend, leaves(by), slice_.clip)
        if step % slice_.evaluate_every == 0 or step == slice_.steps:
            y = backend.run(cell, model, test_x, test_state, test_scored.shape[1])
            measured_now = *scores(backend.numpy(y), on_host, test_scored), norm
            scores_by_step.append(score_rows(settings, step, *measured_now, tracker.active, task))
        tracker.check(step, backend.numpy(loss), norm)
        if step < slice_.steps:
            model = rebuild(model, adam.step(leaves(model), gradients, slice_.learning_rate))
            model = tracker.zeroed(model)
    frame = pd.concat(scores_by_step, ignore_index=True).assign(
        backend=backend.name,
        device=backend.device,
        dtype=backend.dtype,
        slice=slice_.slice,
        task=name,
        gradient=gradient,
        stopped=np.tile(tracker.step, len(scores_by_step)),
        reason=np.tile(tracker.reason, len(scores_by_step)),
        **dict(zip(("baseline_loss", "baseline_accuracy"), task.baseline(settings[0].length), strict=True)),
    )
    return Run(
        laid_out(frame, "accuracy"),
        joined([decay for decay, _ in snapshots_by_step], names("decay")),
        joined([dynamics for _, dynamics in snapshots_by_step], names("dynamics")),
    )


def joined(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """The frames that have rows, one below the other; an empty one with `columns` if none has."""
    frames = [frame for frame in frames if len(frame)]
    return concat(frames) if frames else pd.DataFrame(columns=list(columns))


def score_rows(
    settings: Sequence[Setting],
    step: int,
    loss: Float[np.ndarray, " M"],
    accuracy: Float[np.ndarray, " M"],
    norm: Float[np.ndarray, " M"],
    active: Bool[np.ndarray, " M"],
    task: Task,
) -> pd.DataFrame:
    """One row per model; one that was stopped has no loss, and none of its answers is right."""
    loss, norm = (np.where(active, each, np.nan) for each in (loss, norm))
    accuracy = np.where(active, accuracy, 0.0)
    return pd.DataFrame([asdict(s) for s in settings]).assign(
        step=step,
        loss=loss,
        accuracy=accuracy,
        solved=[task.solved(x, a) for x, a in zip(loss.tolist(), accuracy.tolist(), strict=True)],
        gradient_norm=norm,
    )
