"""The gradient's norm at every lag: carousel's paths against a loop over torch's cells and JAX.

16 models of 64 units, 16 sequences, 512 steps, float32; every contender has the same weights and data, and where the
loop's float32 still holds a number the others have to agree with it.
"""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from clock import ROUNDS, interleaved, table
from limits import with_limits
from peers import cell_loop
from problem import Problem, part, problem

from carousel.engine.backends.table import load
from carousel.engine.system import System
from carousel.measures.adjoint import norms
from carousel.study.models import on_backend

CELLS = "lstm", "gru", "rnn_tanh"
BLOCK = 8  # models whose R stays in the cache
TARGETS = {("compiled", "JAX"): 5.0, ("torch", "loop"): 3.0}


def ours(problem: Problem, name: str, exact: bool = False) -> Callable[[], np.ndarray]:
    """carousel's backend `name`, a block of models after the other; an exact one takes no compiled loops."""
    backend, M = load(name, "cpu", "float32", exact), problem.xs.shape[1]
    blocks = [part(problem, slice(m, m + BLOCK)) for m in range(0, M, BLOCK)]
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


def contenders(problem: Problem) -> dict[str, Callable[[], np.ndarray]]:
    """All that can run here, after a check of their results."""
    found = {"loop": cell_loop(problem), "numpy": ours(problem, "numpy", exact=True)}
    found["torch"] = ours(problem, "torch")
    if find_spec("numba"):
        found["compiled"] = ours(problem, "numpy")
    if find_spec("jax"):
        from peers_jax import scan

        found["JAX"] = scan(problem)
    return found


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
    rounds: int = ROUNDS, M: int = 16, H: int = 64, B: int = 16, T: int = 512, cells: Sequence[str] = CELLS
) -> pd.DataFrame:
    """The table of this work."""
    rows = []
    for cell in cells:
        models = problem(cell, M, H, B, T)
        found = contenders(models)
        checked(found)
        timed = table(f"decay, {cell}", interleaved(found, rounds), TARGETS)
        rows.append(with_limits(timed, models, found, BLOCK, training=False))
    return pd.concat(rows, ignore_index=True)


AXES = {"M": (1, 4, 16, 64), "H": (16, 32, 64, 128), "T": (32, 128, 512, 2048)}
BASE = {"M": 4, "H": 32, "B": 16, "T": 128}
NAMES = {"M": "models", "H": "units", "T": "steps"}


def plot(path: Path) -> None:
    """Seconds of an LSTM's decay against models, width and length."""
    rows = [
        (axis, size, name, seconds)
        for axis, sizes in AXES.items()
        for size in sizes
        for name, seconds in interleaved(contenders(problem("lstm", **BASE | {axis: size})), 3).items()
    ]
    table = pd.DataFrame(rows, columns=["axis", "size", "contender", "seconds"])
    grid = sns.relplot(
        table,
        x="size",
        y="seconds",
        hue="contender",
        style="contender",
        col="axis",
        kind="line",
        markers=True,
        errorbar=None,
        height=3,
        palette="colorblind",
        facet_kws={"sharex": False},
    )
    grid.set(xscale="log", yscale="log", ylabel="CPU seconds")
    for axis, drawn in grid.axes_dict.items():
        drawn.minorticks_off()
        drawn.set_xticks(AXES[axis], map(str, AXES[axis]))
        drawn.set(xlabel=NAMES[axis], title=", ".join(f"{k} = {v}" for k, v in BASE.items() if k != axis))
    grid.savefig(path)


if __name__ == "__main__":
    from clock import pinned

    pinned()
    print(run().round(3).to_markdown(index=False))
