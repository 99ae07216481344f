"""One Adam step on the adding problem: carousel's backends against torch's layers one by one, and JAX.

8 models of 64 units, 100 steps, float32, batches of 64 and of 16.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from clock import ROUNDS, interleaved, table
from limits import with_limits
from peers import installed, layers
from problem import Problem, problem

from carousel.engine.backends.backend import Model, Readout, Targets, leaves, rebuild
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS
from carousel.measures.training.train import Adam, clipped
from carousel.study.models import on_backend
from carousel.tasks import TASKS

CELLS = "lstm", "gru", "rnn_tanh"
BATCHES = 64, 16
TARGETS = {64: {"layers": 2.5, "JAX": 2.0}, 16: {"layers": 3.0, "JAX": 2.0}}
"""Of the compiled path by batch: how many times as fast as which peer."""


def adding(name: str, M: int, H: int, B: int, T: int) -> tuple[Problem, np.ndarray]:
    """M models and a batch of the adding problem: the targets are [M 1 B]."""
    drawn = TASKS["adding"].sample(np.random.default_rng(3), T, B, False)
    models = problem(name, M, H, B, T, drawn.x.shape[1])
    xs = np.repeat(drawn.x[:, None].astype("f4"), M, axis=1)
    state = tuple(np.zeros_like(s) for s in models.state)
    return models._replace(xs=xs, state=state), np.repeat(drawn.target[None, 0].astype("f4"), M, axis=0)


OURS = {"numpy": ("numpy", True), "torch": ("torch", False), "compiled": ("numpy", False)}
"""carousel's contenders: a backend, and whether it takes the plain path."""


def ours(problem: Problem, targets: np.ndarray, name: str) -> Callable[[], None]:
    """One step as `carousel.measures.training.train` takes it, all models at once."""
    backend = load(OURS[name][0], "cpu", "float32", OURS[name][1])
    M, H, _ = problem.covector.shape
    readout = Readout(np.zeros((M, targets.shape[1], H)), np.zeros((M, targets.shape[1], 1)))
    model = Model(on_backend(backend, problem.params), Readout(*map(backend.array, readout)))
    xs, state = backend.array(problem.xs), tuple(map(backend.array, problem.state))
    weight = np.ones((M, 1, targets.shape[2]))
    asked = Targets(backend.array(targets[:, None]), backend.array(weight), "squared_error")
    zeros = [[0.0 * a for a in leaves(model)] for _ in range(2)]
    adam = Adam(*zeros, backend, np.full(M, 1e-3))

    def step() -> None:
        nonlocal model
        found = backend.gradient(problem.cell, model, xs, state, asked, PATHS["full"](problem.cell))
        gradients, _ = clipped(backend, leaves(found.model), 1.0)
        model = rebuild(model, adam.step(leaves(model), gradients))

    return step


def train(problem: Problem, targets: np.ndarray) -> Callable[[], None]:
    """JAX, imported where it is asked for."""
    from peers_jax import train

    return train(problem, targets)


MAKERS: dict[str, Callable[[Problem, np.ndarray], Callable[[], None]]] = {
    "layers": layers,
    **{name: partial(ours, name=name) for name in OURS},
    "JAX": train,
}
PARTS = [{"cells": [cell], "batches": [B]} for B in BATCHES for cell in CELLS]
QUICK = {"cells": CELLS[:1], "batches": BATCHES[:1], "rounds": 2}


def run(
    rounds: int = ROUNDS,
    M: int = 8,
    H: int = 64,
    T: int = 100,
    cells: Sequence[str] = CELLS,
    batches: Sequence[int] = BATCHES,
) -> pd.DataFrame:
    """The table of this work."""
    rows = []
    for B in batches:
        for cell in cells:
            models, targets = adding(cell, M, H, B, T)
            found = {name: make(models, targets) for name, make in MAKERS.items() if installed(name)}
            aims = {("compiled", peer): target for peer, target in TARGETS[B].items()}
            timed = table(f"Adam step, {cell}, B = {B}", interleaved(found, rounds), aims)
            rows.append(with_limits(timed, models, found, M, training=True))
    return pd.concat(rows, ignore_index=True)
