"""Training: settings of one cell and task in, rows of the accuracy table out, and of the decay table on the way."""

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
from carousel.measures.training.nonfinite import Stops, reachable
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


def models(backend: Backend, seed: int, block: Sequence[Setting], task: Task) -> Model:
    """The untrained models of a block, on the backend."""
    params = on_backend(backend, stack([weights(seed, s, task.inputs) for s in block]))
    V, a = zip(*(readout(seed, s, task.outputs) for s in block), strict=True)
    return Model(params, Readout(backend.array(np.concatenate(V)), backend.array(np.concatenate(a))))


class Data:
    """The sequences of a task for a block of models; seeded by task, length and repetition alone."""

    def __init__(self, backend: Backend, seed: int, task: str, block: Sequence[Setting]) -> None:
        self.backend, self.task, self.length = backend, TASKS[task], block[0].length
        self.repetitions = [s.repetition for s in block]
        self.train, self.test = (
            {r: generator(seed, part, task, self.length, r) for r in set(self.repetitions)}
            for part in ("train", "test")
        )

    def batch(self, n: int, test: bool = False) -> tuple[Array, Targets, Float[np.ndarray, "M S n"]]:
        """The next n sequences [T M D n], what is asked of them, and which of the answers are scored."""
        streams = self.test if test else self.train
        drawn: dict[int, Batch] = {
            r: self.task.sample(rng, self.length, n, test) for r, rng in streams.items()
        }
        x = np.stack([drawn[r].x for r in self.repetitions], axis=1)
        target, weight, scored = (
            np.stack([getattr(drawn[r], name) for r in self.repetitions])
            for name in ("target", "weight", "scored")
        )
        asked = Targets(self.backend.array(target), self.backend.array(weight), self.task.loss)
        return self.backend.array(x), asked, scored


def scores(
    y: Float[np.ndarray, "M S O B"], asked: Targets, scored: Float[np.ndarray, "M S B"]
) -> tuple[Float[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """Loss, by the answers' weights, and accuracy, over the answers that are scored, in float64.

    An answer that is no finite number is wrong.
    """
    loss, (y, target) = LOSSES[asked.loss], (a.astype(float) for a in (y, asked.target))
    losses = loss.value(y, target, log_softmax)
    right = loss.right(y, target, ADDING_TOLERANCE) & np.isfinite(y).all(2)
    return (losses * asked.weight).sum(1).mean(1), (right * scored).sum((1, 2)) / scored.sum((1, 2))


class Run(NamedTuple):
    """What training leaves: rows of the three tables."""

    accuracy: pd.DataFrame
    decay: pd.DataFrame
    dynamics: pd.DataFrame


@np.errstate(over="ignore", invalid="ignore", divide="ignore")  # it is told in the tables
def train(
    backend: Backend,
    seed: int,
    block: Sequence[Setting],
    part: TrainingSlice,
    name: str,
    gradient: str,
    tell: Callable[[int, int], None] = lambda step, steps: None,
) -> Run:
    """Train a block of settings on task `name`; score it, and measure it at the snapshots.

    `gradient` is the path that the training gradient takes, full or truncated. `tell` is told every step. A model
    whose loss, gradient or weights are not finite is stopped: in its later rows it has no loss and solves nothing, and
    there are no later snapshots of it.
    """
    cell, task = CELLS[block[0].cell], TASKS[name]
    data, model = Data(backend, seed, name, block), models(backend, seed, block, task)
    test_x, test_asked, test_scored = data.batch(part.test_size, test=True)
    on_host = Targets(backend.numpy(test_asked.target), backend.numpy(test_asked.weight), test_asked.loss)
    state, test_state = (zero_state(backend, block, n) for n in (part.batch, part.test_size))
    adam = Adam([0.0 * a for a in leaves(model)], [0.0 * a for a in leaves(model)])
    stops, watched = Stops(len(block)), reachable(backend, model, part)
    scored, taken = [], []
    for step in range(part.steps + 1):
        tell(step, part.steps)
        if watched:
            stops.look_at_weights(step, backend, model)
            model = stops.without(model)
        if step in part.snapshots:
            given = backend, seed, block, part, model, test_x, test_asked, stops.going
            taken.append(snapshots.measure(*given, trained=name, step=step, gradient=gradient))
        x, asked, _ = data.batch(part.batch)
        loss, by = backend.gradient(cell, model, x, state, asked, PATHS[gradient](cell))
        by = by._replace(params=masked(backend, cell, by.params))
        gradients, norm = clipped(backend, leaves(by), part.clip)
        if step % part.evaluate_every == 0 or step == part.steps:
            y = backend.run(cell, model, test_x, test_state, test_scored.shape[1])
            seen = *scores(backend.numpy(y), on_host, test_scored), norm
            scored.append(score_rows(block, step, *seen, stops.going, task))
        stops.look(step, backend.numpy(loss), norm)
        if step < part.steps:
            model = rebuild(model, adam.step(leaves(model), gradients, part.learning_rate))
            model = stops.without(model)
    baseline_loss, baseline_accuracy = task.baseline(block[0].length)
    frame = pd.concat(scored, ignore_index=True).assign(
        backend=backend.name,
        device=backend.device,
        dtype=backend.dtype,
        slice=part.slice,
        task=name,
        gradient=gradient,
        stopped=np.tile(stops.step, len(scored)),
        reason=np.tile(stops.reason, len(scored)),
        baseline_loss=baseline_loss,
        baseline_accuracy=baseline_accuracy,
    )
    return Run(
        laid_out(frame, "accuracy"),
        joined([decay for decay, _ in taken], names("decay")),
        joined([dynamics for _, dynamics in taken], names("dynamics")),
    )


def joined(frames: Sequence[pd.DataFrame], columns: Sequence[str]) -> pd.DataFrame:
    """The frames that have rows, one below the other; an empty one with `columns` if none has."""
    frames = [frame for frame in frames if len(frame)]
    return concat(frames) if frames else pd.DataFrame(columns=list(columns))


def score_rows(
    block: Sequence[Setting],
    step: int,
    loss: Float[np.ndarray, " M"],
    accuracy: Float[np.ndarray, " M"],
    norm: Float[np.ndarray, " M"],
    going: Bool[np.ndarray, " M"],
    task: Task,
) -> pd.DataFrame:
    """One row a model; one that was stopped has no loss, and none of its answers is right."""
    loss, norm = (np.where(going, each, np.nan) for each in (loss, norm))
    accuracy = np.where(going, accuracy, 0.0)
    return pd.DataFrame([asdict(s) for s in block]).assign(
        step=step,
        loss=loss,
        accuracy=accuracy,
        solved=[task.solved(x, a) for x, a in zip(loss.tolist(), accuracy.tolist(), strict=True)],
        gradient_norm=norm,
    )
