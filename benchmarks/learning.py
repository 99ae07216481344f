"""What it costs to find the longest sequence that a network learns: models that stop and climb, and models that do not.

10 models of 16 units per setting, batches of 32, 600 steps at each length at most. "each" trains every model at every
length to its last step, as an engine does that stops for non-finite numbers alone; "climbs" stops a model where it
solves its task and leaves out the lengths after the first one that it does not solve. In CPU seconds.

python benchmarks/learning.py            the table in benchmarks/README.md
"""

import time
from collections.abc import Callable
from functools import partial

import pandas as pd

from carousel.engine.backends.table import load
from carousel.measures.training.climb import climb
from carousel.measures.training.train import Run, train
from carousel.study.files import training_defaults
from carousel.study.models import Setting, batches_of
from carousel.study.schema import vary
from carousel.study.slices import TrainingSlice

SETTINGS = (
    ("temporal_order", "rnn_tanh", "0"),
    ("temporal_order", "lstm", "1"),
    ("temporal_order", "lstm", "chrono"),
    ("adding", "lstm", "1"),
)
LENGTHS = [10, 20, 40, 80, 160]
PLAN = {"gains": [1.0], "hidden": [16], "batch": 32, "steps": 600, "test_size": 200, "repetitions": 10, "checked": 3,
        "dtype": "float32", "lengths": LENGTHS, "learning_rates": [0.01], "inits": ["orthogonal"]}  # fmt: skip


def plan(task: str, cell: str, bias: str, climbs: bool) -> TrainingSlice:
    """The slice of one setting, without what is measured on the way."""
    how = {"evaluate_every": 25 if climbs else 50, "climb": climbs, "stop_when_solved": climbs}
    slice_ = vary(
        training_defaults(),
        **PLAN,
        **how,
        tasks=[task],
        cells=[cell],
        forget_biases=[bias if bias == "chrono" else float(bias)],
        snapshots=[0],
    )
    return slice_.model_copy(update={"snapshots": ()})


def trained(backend: str, slice_: TrainingSlice) -> tuple[list[Run], int]:
    """The runs of the one setting of a slice, and how many Adam steps of a model they took."""
    (task,), (cell,), steps, there = slice_.tasks, slice_.cells, [0], load(backend, "cpu", "float32")

    def run(settings: list[Setting], before: int = 0) -> Run:
        found = train(there, 1, settings, slice_, task, "full")
        steps[0] += int(found.accuracy.groupby("repetition")["step"].max().sum())
        return found

    batches = batches_of(slice_, cell, backend)
    climbing = partial(climb, lengths=slice_.lengths, train=run) if slice_.climb else run
    return [climbing(batch) for batch in batches], steps[0]


def timed(work: Callable[[], tuple[list[Run], int]]) -> tuple[float, list[Run], int]:
    """CPU seconds of `work`, and what it returns."""
    start = time.process_time()
    runs, steps = work()
    return time.process_time() - start, runs, steps


def row(backend: str, task: str, cell: str, bias: str) -> dict[str, object]:
    """One setting on one backend, in both ways."""
    found: dict[str, object] = {"backend": backend, "task": task, "setting": f"{cell} {bias}"}
    for name in ("each", "climbs"):
        seconds, runs, steps = timed(partial(trained, backend, plan(task, cell, bias, name == "climbs")))
        accuracy = pd.concat([run.accuracy for run in runs])
        longest = accuracy[accuracy["solved"]].groupby("repetition")["length"].max()
        solved = accuracy.groupby(["repetition", "length"])["solved"].any().sum()
        found |= {
            f"{name}, s": round(seconds, 1),
            f"{name}, s per solved model": round(float(seconds / max(solved, 1)), 2),
            f"{name}, steps of a model": steps,
            f"{name}, mean longest": longest.reindex(range(PLAN["repetitions"]), fill_value=0).mean(),
        }
    return found | {"times as fast": round(found["each, s"] / found["climbs, s"], 1)}


def run(backends: tuple[str, ...] = ("numpy", "torch")) -> pd.DataFrame:
    """The table of this work."""
    return pd.DataFrame([row(backend, *setting) for backend in backends for setting in SETTINGS])


if __name__ == "__main__":
    short = plan("adding", "lstm", "1", True).model_copy(update={"steps": 25, "lengths": (10,)})
    for backend in ("numpy", "torch"):
        trained(backend, short)  # loads the libraries
    print(run().to_markdown(index=False))
