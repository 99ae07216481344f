"""The learning rate of a cell on a task, chosen from a stated grid on seeds that no repetition has."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from carousel.engine.backends.backend import Backend
from carousel.measures.training.train import train
from carousel.study.models import Setting, batches, settings_of
from carousel.study.slices import TrainingSlice
from carousel.tables.layout import laid_out

MODEL = [
    "learning_rate",
    "init",
    "gain",
    "forget_bias",
    "repetition",
]  # what tells the models of a tuning apart


def settings(slice_: TrainingSlice, cell: str) -> list[Setting]:
    """The models that each learning rate is tried on: of the tuning length and of the slice's first width.

    Their repetitions count down from -1, so that their seeds are those of no repetition of a study.
    """
    few = {
        "lengths": (slice_.tuning_length,),
        "hidden": slice_.hidden[:1],
        "repetitions": slice_.tuning_repetitions,
    }
    found = settings_of(slice_.model_copy(update=few), cell, slice_.backends[0])
    return [replace(setting, repetition=-1 - setting.repetition) for setting in found]


def tune(
    backend: Backend,
    seed: int,
    slice_: TrainingSlice,
    task: str,
    cell: str,
    progress: Callable[[int, int], None] = lambda step, steps: None,
) -> pd.DataFrame:
    """The tuning table of one cell on one task: where each model stopped at each learning rate, and which is chosen.

    By the slice's first gradient; a model that solves its task stops.
    """
    plan = slice_.model_copy(update={"stop_when_solved": True, "snapshots": ()})
    pairs = list(product(slice_.learning_rates, settings(slice_, cell)))
    tables, done = [], 0
    for batch in batches([setting for _, setting in pairs], slice_.batch):
        rates = [rate for rate, _ in pairs[done : done + len(batch)]]
        done += len(batch)
        run = train(backend, seed, batch, plan, task, slice_.gradients[0], progress, rates)
        tables.append(run.accuracy.groupby(MODEL, observed=True, sort=False).tail(1))
    ends = pd.concat([table.astype({"init": str, "forget_bias": str}) for table in tables])
    chosen = choice(ends, slice_.learning_rates, slice_.steps)
    return laid_out(ends.assign(chosen=ends["learning_rate"] == chosen), "tuning")


def choice(ends: pd.DataFrame, rates: Sequence[float], steps: int) -> float:
    """The rate whose models solve most often, then soonest, then end with the least log loss; the smaller on a tie.

    `ends` has the last row of each model. One that does not solve its task counts as one that takes all `steps`; one
    whose loss is not finite as the worst.
    """

    def rank(rate: float) -> tuple[float, float, float, float]:
        own = ends[ends["learning_rate"] == rate]
        loss = np.log(own["loss"]).fillna(np.inf).mean()
        return -float(own["solved"].sum()), own["step"].where(own["solved"], steps).mean(), loss, rate

    return min(rates, key=rank)
