"""The models and data that every contender is given: drawn by carousel, handed over as NumPy arrays."""

from typing import NamedTuple

import numpy as np

from carousel.cells import CELLS, Cell, Params
from carousel.inits import draw
from carousel.study.models import stack


class Problem(NamedTuple):
    """M models of one cell, their inputs, states and covectors, in one dtype."""

    name: str
    cell: Cell
    params: Params
    xs: np.ndarray  # [T M D B]
    state: tuple[np.ndarray, ...]  # [M H B] each
    covector: np.ndarray  # [M H B], norm 1 a sequence


def part(problem: Problem, models: slice) -> Problem:
    """Some of the models."""
    W, R, b, p = problem.params
    return problem._replace(
        params=Params(W[models], R[models], b[models], {k: v[models] for k, v in p.items()}),
        xs=problem.xs[:, models],
        state=tuple(s[models] for s in problem.state),
        covector=problem.covector[models],
    )


def problem(name: str, M: int, H: int, B: int, T: int, D: int = 4, dtype: str = "float32") -> Problem:
    """Weights as torch draws them, forget bias 1, white input, random states."""
    cell, rng = CELLS[name], np.random.default_rng(7)
    drawn = [
        draw("torch", cell, lambda _: rng, H=H, D=D, gain=1.0, forget_bias="1", bias=0.0, length=T)
        for _ in range(M)
    ]
    W, R, b, p = stack(drawn)
    v = rng.standard_normal((M, H, B))
    return Problem(
        name,
        cell,
        Params(*(a.astype(dtype) for a in (W, R, b)), {k: a.astype(dtype) for k, a in p.items()}),
        rng.standard_normal((T, M, D, B)).astype(dtype),
        tuple(0.5 * rng.standard_normal((M, H, B)).astype(dtype) for _ in cell.states),
        (v / np.linalg.norm(v, axis=1, keepdims=True)).astype(dtype),
    )
