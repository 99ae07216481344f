"""What limits a contender: its products and its activations by themselves, and the functions that take longest."""

import pstats
import re
from collections.abc import Callable
from cProfile import Profile
from typing import Any

import numpy as np
import pandas as pd
from clock import interleaved
from problem import Problem, part

from carousel.engine.backends.backend import Backend
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, drive, forward
from carousel.study.models import on_backend

KINDS = {"recur": "products", "tanh": "activations", "sigmoid": "activations"}
DEFAULT = "compiled", "torch"
ACTIVATIONS = {"lstm": 5, "gru": 3, "rnn_tanh": 1}
"""Of a unit and step, forward."""
Call = Callable[[], object]


def parts(problem: Problem, backend: Backend, block: int, training: bool) -> dict[str, float]:
    """CPU seconds of R's `products` and of the `activations` of one pass back and forth, as the backend has them.

    Models go in blocks of `block`. A step has one product forward and one back; in training the gradient by R is one
    more, of all steps at once.
    """
    T, M, _, B = problem.xs.shape
    models, ops = part(problem, slice(0, block)), backend.ops(problem.cell, PATHS["full"](problem.cell))
    step = calls(models, backend)
    matrix, errors = random(models, backend)
    back: list[Call] = [lambda: ops.product(matrix, errors)]
    if training:
        wide, recurrent_input = (backend.array(np.ones((block, n, T * B), "f4")) for n in matrix.shape[:0:-1])
        once: list[Call] = [lambda: wide @ recurrent_input.swapaxes(1, 2)]
    else:
        once = []
    rounds = M // block
    works = {
        "products": lambda: repeated([*step["products"], *back], T, once, rounds),
        "activations": lambda: repeated(step["activations"], T, [], rounds),
    }
    return interleaved(works, 3)


def with_limits(
    table: pd.DataFrame, problem: Problem, works: dict[str, Call], block: int, training: bool
) -> pd.DataFrame:
    """A work's table with its arithmetic, and with what limits the default paths: torch calls a library's functions."""
    found: dict[str, dict[str, Any]] = {
        name: {"longest": longest(works[name])} for name in DEFAULT if name in works
    }
    found["torch"] |= parts(problem, load("torch", "cpu", "float32", True), block, training)
    limited = table.join(pd.DataFrame(found).T, on="contender")
    return limited.assign(**arithmetic(problem, training))


def arithmetic(problem: Problem, training: bool) -> dict[str, int]:
    """The `operations` of all products of one pass back and forth, and the `values` of its activations.

    R multiplies once forward and once back, W forward; in training each gives a gradient by itself, too.
    """
    T, M, _, B = problem.xs.shape
    W, R = problem.params.W.size, problem.params.R.size
    operations = 2 * T * B * ((2 + training) * R + (1 + training) * W)
    return {
        "operations": operations,
        "values": ACTIVATIONS[problem.name] * problem.covector.shape[1] * M * B * T,
    }


def longest(work: Call, functions: int = 5) -> str:
    """The functions with the most time of their own, and their shares of all."""
    profile = Profile()
    profile.runcall(work)
    stats = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    own = pd.DataFrame([(called(name), row[2]) for (*_, name), row in stats.items()], columns=["name", "s"])
    shares = own.groupby("name").s.sum() / own.s.sum()
    return ", ".join(f"{name} {share:.0%}" for name, share in shares.nlargest(functions).items())


def called(name: str) -> str:
    """A function's name as its caller writes it, from what the profiler calls it."""
    builtin = re.fullmatch(r"<(?:built-in )?method (?:'(\w+)' of .*|(.*))>", name)
    return f"`{(builtin[1] or builtin[2]) if builtin else name}`"


def repeated(steps: list[Call], T: int, once: list[Call], rounds: int) -> None:
    """The calls of T steps, and those of the whole, for every block."""
    for _ in range(rounds):
        for call in T * steps + once:
            call()


def calls(problem: Problem, backend: Backend) -> dict[str, list[Call]]:
    """The products and activations of one step forward, ready to be called again."""
    params, ops = on_backend(backend, problem.params), backend.ops(problem.cell, PATHS["full"](problem.cell))
    found: dict[str, list[Call]] = {"products": [], "activations": []}

    class Spy:
        """The backend's functions, noted as they are called."""

        def __getattr__(self, name: str) -> Any:
            function = getattr(ops, name)

            def noted(*given: Any) -> Any:
                if name in KINDS:
                    found[KINDS[name]].append(lambda: function(*given))
                return function(*given)

            return noted

    (wx,) = drive(ops, problem.cell, params, backend.array(problem.xs[:1]))
    forward(Spy(), problem.cell, params, wx, tuple(map(backend.array, problem.state)))
    return found


def random(problem: Problem, backend: Backend) -> tuple[Any, Any]:
    """R transposed, and errors of the net inputs."""
    transposed = problem.params.R.swapaxes(1, 2).copy()
    M, _, rows = transposed.shape
    errors = np.random.default_rng(0).standard_normal((M, rows, problem.xs.shape[3]))
    return backend.array(transposed), backend.array(errors.astype("f4"))
