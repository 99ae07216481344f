"""The gradient's norm at every lag: carousel's paths against a loop over torch's cells and JAX.

16 models of 64 units, 16 sequences, 512 steps, float32; every contender has the same weights and data, and where the
loop's float32 still holds a number the others have to agree with it.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from clock import interleaved, table
from limits import with_limits
from peers import cell_loop, installed
from problem import Problem, part, problem

from carousel.engine.backends.table import load
from carousel.engine.system import System
from carousel.measures.adjoint import norms
from carousel.study.models import on_backend

CELLS = "lstm", "gru", "rnn_tanh"
BLOCKS = {"numpy": 8, "torch": 16}
"""Models at a time: NumPy's R stays in the cache; torch's calls cost the less per model the more there are."""
TARGETS = {("compiled", "JAX"): 5.0, ("torch", "loop"): 3.0}


def ours(problem: Problem, name: str, exact: bool = False) -> Callable[[], np.ndarray]:
    """carousel's backend `name`, a block of models after the other; an exact one takes no compiled loops."""
    backend, M = load(name, "cpu", "float32", exact), problem.xs.shape[1]
    blocks = [part(problem, slice(m, m + BLOCKS[name])) for m in range(0, M, BLOCKS[name])]
    data = [
        (
            System(
                backend,
                problem.cell,
                on_backend(backend, block.params),
                backend.array(block.xs),
                tuple(map(backend.array, block.state)),
            ),
            backend.array(block.covector),
        )
        for block in blocks
    ]
    return lambda: np.concatenate([norms(*each) for each in data], 1)


def scan(problem: Problem) -> Callable[[], np.ndarray]:
    """JAX, imported where it is asked for."""
    from peers_jax import scan

    return scan(problem)


MAKERS: dict[str, Callable[[Problem], Callable[[], np.ndarray]]] = {
    "loop": cell_loop,
    "numpy": partial(ours, name="numpy", exact=True),
    "torch": partial(ours, name="torch"),
    "compiled": partial(ours, name="numpy"),
    "JAX": scan,
}


def contenders(problem: Problem) -> dict[str, Callable[[], np.ndarray]]:
    """All that can run here."""
    return {name: make(problem) for name, make in MAKERS.items() if installed(name)}


def checked(found: dict[str, Callable[[], np.ndarray]]) -> None:
    """Raises AssertionError where a contender's logs of norms are not those of the loop in float32."""
    norms = found["loop"]()
    seen = norms > 1e-15  # squares of the entries are still numbers
    assert seen.any()
    for name, work in found.items():
        if name != "loop":
            np.testing.assert_allclose(work()[seen], np.log10(norms[seen]), atol=2e-3, err_msg=name)


PARTS = [{"cells": [cell]} for cell in CELLS]
QUICK = {"cells": CELLS[:1], "rounds": 2}


def run(
    rounds: int = 3, M: int = 16, H: int = 64, B: int = 16, T: int = 512, cells: Sequence[str] = CELLS
) -> pd.DataFrame:
    """The table of this work."""
    rows = []
    for cell in cells:
        models = problem(cell, M, H, B, T)
        found = contenders(models)
        checked(found)
        timed = table(f"decay, {cell}", interleaved(found, rounds), TARGETS)
        rows.append(with_limits(timed, models, found, BLOCKS["torch"], training=False))
    return pd.concat(rows, ignore_index=True)
