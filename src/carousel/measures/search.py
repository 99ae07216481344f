"""The search for a counterexample: a space of settings of one cell in, rows of the decay table out.

A grid over gain, bias and forget bias, then differential evolution (Storn and Price 1997) from the best points of the
grid. What is sought is read off the rows of `measure`, as a claim reads it. The reference backend searches, a
generation at a time; each other one then measures every point that it has: what was found, and that nothing else was,
rests on all of them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from carousel.analysis.stats.left import KEPT
from carousel.analysis.stats.slopes import in_window, rates
from carousel.analysis.stats.tables import select
from carousel.cells import CELLS
from carousel.engine.backends.backend import Backend
from carousel.inits import forget_bias_text
from carousel.measures.decay import measure
from carousel.seeds import generator
from carousel.study.models import Setting, batches
from carousel.study.slices import SearchSlice
from carousel.tables.stacking import concat

DIGITS = 6  # of a point, after the decimal point: a witness can be typed into a study and measured again
WORST = 1e6  # the score of a point that is out of the question: scipy asks for finite ones
AWAY = 0.1  # from one: a weight nearer to it needs more steps than are measured to show that it decays
STEPS, CROSSED = (0.1, 0.7), 0.9  # shorter steps than usual: the grid has looked around, now to close in
AXES = ["gain", "bias", "forget_bias"]
MODEL = [*AXES, "repetition"]


class Point(NamedTuple):
    """One place of the space. A cell without forget gate stays at the lower bound of the forget bias."""

    gain: float
    bias: float
    forget_bias: float


def forget_bias(point: Point, cell: str) -> str:
    """A point's forget bias as the tables have it."""
    return "none" if CELLS[cell].forget is None else forget_bias_text(point.forget_bias)


class Objective(NamedTuple):
    """What is sought: the rows that it is read off, and a score of each model, the lower the better."""

    quantity: str
    paths: tuple[str, ...]
    score: Callable[[pd.DataFrame], pd.DataFrame]  # these rows -> a row per model, with its `score`


def steadiest(rows: pd.DataFrame) -> pd.DataFrame:
    """The absolute value of the rate; weights within AWAY of one are out of the question."""
    models = rates(rows, "loss_h", "full")
    return models.assign(score=models["rate"].abs().mask((models["gain"] - 1).abs() < AWAY, WORST))


def fastest_decay(rows: pd.DataFrame) -> pd.DataFrame:
    """The rate of the joint state's gradient, the most negative first."""
    models = rates(rows, "loss_state", "full")
    return models.assign(score=models["rate"])


def carousel_over_full(rows: pd.DataFrame) -> pd.DataFrame:
    """By how many decades the carousel's gradient exceeds the whole one, on the mean over the lags of the window."""
    by = in_window(rows).set_index([*MODEL, "lag"])
    full, cell = (by.loc[by["path"] == path, "log10_norm"] for path in ("full", "cell"))
    return (cell - full).rename("score").groupby(level=MODEL, observed=True, sort=False).mean().reset_index()


def unchanged(rows: pd.DataFrame) -> pd.DataFrame:
    """The largest change of the gradient's norm at any lag, in decades; an exact zero is out of the question."""
    change = rows["log10_norm"].abs().mask(rows["n_zero"] > 0, WORST)
    return rows.assign(score=change).groupby(MODEL, observed=True, sort=False)["score"].max().reset_index()


def cancelled(rows: pd.DataFrame) -> pd.DataFrame:
    """By how many decades the total exceeds the carousel's part at the longest lag of the window.

    A carousel that keeps less than half of its part over the window is out of the question.
    """
    by = in_window(rows).sort_values("lag")
    ends = by.groupby(["path", *MODEL], observed=True, sort=False)["log10_norm"].agg(["first", "last"])
    full, cell = (ends.loc[path] for path in ("full", "cell"))
    leaks = cell["last"] - cell["first"] < KEPT
    return (full["last"] - cell["last"]).mask(leaks, WORST).rename("score").reset_index()


OBJECTIVES: dict[str, Objective] = {
    "steadiest": Objective("loss_h", ("full",), steadiest),
    "fastest_decay": Objective("loss_state", ("full",), fastest_decay),
    "other_routes": Objective("loss_state", ("full", "cell"), carousel_over_full),
    "unchanged": Objective("loss_state", ("full",), unchanged),
    "cancelled": Objective("loss_state", ("full", "candidate", "gates", "cell"), cancelled),
}


@dataclass
class Trail:
    """The points measured so far, each once: their rows, and their scores by objective."""

    backend: Backend
    seed: int
    cell: str
    slice_: SearchSlice
    tables: list[pd.DataFrame] = field(default_factory=list)
    scores: dict[Point, dict[str, float]] = field(default_factory=dict)

    def visit(self, points: Sequence[Point], objective: str) -> Float[np.ndarray, " N"]:
        """The score of each of `points`, measured where it has not been."""
        new = [point for point in dict.fromkeys(points) if point not in self.scores]
        if new:
            tables = list(measured(self.backend, self.seed, self.cell, new, self.slice_))
            by_name = {name: scored(pd.concat(tables), name) for name in self.slice_.objectives}
            keys = {point: (*point[:2], forget_bias(point, self.cell)) for point in new}
            self.scores |= {p: {name: by[key] for name, by in by_name.items()} for p, key in keys.items()}
            self.tables += tables
        return np.array([self.scores[point][objective] for point in points])


def seek(
    searching: Backend, confirming: Sequence[Backend], seed: int, cell: str, slice_: SearchSlice
) -> pd.DataFrame:
    """The rows of every point that the search of one cell went to, on the backend that searched and on the others."""
    trail = Trail(searching, seed, cell, slice_)
    free = axes(slice_, cell)
    grid = lattice(slice_, free)
    for objective in slice_.objectives:
        scores = trail.visit(points(slice_, free, grid), objective)
        if free:
            evolve(trail, objective, free, grid[np.argsort(scores, kind="stable")[: slice_.population]])
    again = [t for other in confirming for t in measured(other, seed, cell, list(trail.scores), slice_)]
    return concat([*trail.tables, *again])


def evolve(trail: Trail, objective: str, free: Sequence[str], first: Float[np.ndarray, "N F"]) -> None:
    """Differential evolution from the population `first`; a generation is measured in one call."""
    from scipy.optimize import differential_evolution

    slice_ = trail.slice_
    differential_evolution(
        lambda columns: trail.visit(points(slice_, free, columns.T), objective),
        bounds=[getattr(slice_, axis) for axis in free],
        init=first,
        maxiter=slice_.generations,
        mutation=STEPS,
        recombination=CROSSED,
        tol=0,
        polish=False,
        vectorized=True,
        updating="deferred",
        rng=generator(trail.seed, "search", objective, slice_.hidden, slice_.length),
    )


def axes(slice_: SearchSlice, cell: str) -> list[str]:
    """The axes of the space along which the search of this cell may move."""
    there = [axis for axis in AXES if axis != "forget_bias" or CELLS[cell].forget]
    return [axis for axis in there if np.ptp(getattr(slice_, axis)) > 0]


def lattice(slice_: SearchSlice, free: Sequence[str]) -> Float[np.ndarray, "N F"]:
    """The points of the grid, the bounds among them."""
    bounds = [getattr(slice_, axis) for axis in free]
    along = [np.linspace(low, high, slice_.grid) for low, high in bounds]
    return np.array(list(product(*along)))


def points(slice_: SearchSlice, free: Sequence[str], values: Float[np.ndarray, "N F"]) -> list[Point]:
    """`values` of what is free, to DIGITS and within bounds, beside what is fixed."""
    start = {axis: getattr(slice_, axis)[0] for axis in AXES}
    given = [start | dict(zip(free, row, strict=True)) for row in values.tolist()]
    return [Point(**{axis: settled(x, *getattr(slice_, axis)) for axis, x in at.items()}) for at in given]


def settled(value: float, low: float, high: float) -> float:
    """`value` to DIGITS, within bounds, and zero without a sign."""
    return min(max(round(value, DIGITS), low), high) + 0.0


def measured(
    backend: Backend, seed: int, cell: str, points: Sequence[Point], slice_: SearchSlice
) -> Iterator[pd.DataFrame]:
    """The rows that the objectives read, batch by batch."""
    models = [
        Setting(
            cell,
            slice_.init,
            p.gain,
            forget_bias(p, cell),
            p.bias,
            slice_.drive,
            slice_.hidden,
            slice_.length,
            r,
        )
        for p, r in product(points, range(slice_.repetitions))
    ]
    read = [OBJECTIVES[name] for name in slice_.objectives]
    wanted = {(sought.quantity, path) for sought in read for path in sought.paths}
    for settings in batches(models, slice_.batch):
        yield measure(backend, seed, settings, slice_, wanted)


def scored(rows: pd.DataFrame, objective: str) -> dict[tuple[float, float, str], float]:
    """The score of each point, that of its best repetition: one model is a counterexample."""
    sought = OBJECTIVES[objective]
    models = sought.score(select(rows, quantity=sought.quantity, path=sought.paths))
    finite = np.nan_to_num(models["score"], nan=WORST, posinf=WORST, neginf=-WORST)
    return models.assign(score=finite).groupby(AXES, observed=True)["score"].min().to_dict()
