"""Random small problems for the tests: never zeros, more than one model, sequence and unit."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from carousel.cells import CELLS, Cell, Params
from carousel.engine.backends.backend import Backend, Model, Readout
from carousel.engine.backends.table import load
from carousel.engine.system import System
from carousel.inits import INITS
from carousel.study.models import Setting, on_backend
from carousel.testing import B as B, D as D, H as H, M as M, T as T, random_readout, random_system

NUMPY = load("numpy", "cpu", "float64")
BASE = Setting("lstm", "torch", 1.0, "1", 0.0, "unit", H, T, 0)
AXES = {  # gains are powers of two, which divide out without rounding
    "cell": CELLS,
    "init": INITS,
    "gain": (0.5, 2.0),
    "forget_bias": ("0", "chrono"),
    "bias": (-2.5,),
    "drive": ("0.25",),
    "hidden": (H + 2,),
    "length": (T + 20,),
    "repetition": (1, 2),
}


class Problem(NamedTuple):
    """M models of one cell with an input, an initial state and a covector on the last state."""

    cell: Cell
    params: Params
    xs: np.ndarray
    state: tuple[np.ndarray, ...]
    covector: tuple[np.ndarray, ...]

    def on(self, backend: Backend) -> "Problem":
        """The problem on a backend."""
        state, covector = (tuple(map(backend.array, s)) for s in (self.state, self.covector))
        return Problem(self.cell, on_backend(backend, self.params), backend.array(self.xs), state, covector)

    def system(self, backend: Backend) -> System:
        """What a measurement of the problem on a backend starts from."""
        return System(backend, *self.on(backend)[:4])


def random_problem(
    name: str, seed: int = 0, length: int = T, hidden: int = H, init: str = "torch"
) -> Problem:
    """A problem for the cell `name`; every parameter, the peepholes and second biases included, is random."""
    system, covector = random_system(NUMPY, CELLS[name], seed, length, hidden, init)
    return Problem(*system[1:], covector)


def random_model(problem: Problem, outputs: int = 2) -> Model:
    """The problem's parameters with a random readout."""
    return Model(problem.params, random_readout(NUMPY, problem.state[0].shape[1], outputs))


def model_on(backend: Backend, model: Model) -> Model:
    """The same model on a backend."""
    return Model(on_backend(backend, model.params), Readout(*map(backend.array, model.readout)))


def assert_seeded_by(axes: str, draw, given: str = "", base: Setting = BASE) -> None:
    """`draw(setting)` changes with `axes` and, bit for bit, with no other, what is `given` left aside."""
    start = draw(base)
    for axis in AXES.keys() - set(given.split()):
        for value in AXES[axis]:
            same = axis not in axes.split() or value == getattr(base, axis)
            assert np.array_equal(draw(replace(base, **{axis: value})), start) == same, (axis, value)


def small(name: str, seed: int = 0, length: int = 7, hidden: int = 3) -> Problem:
    """Two models and two sequences of a random problem."""
    p = random_problem(name, seed=seed, length=length, hidden=hidden)
    params = Params(*(a[:2] for a in p.params[:3]), {name: a[:2] for name, a in p.params.p.items()})
    state = tuple(s[:2, :, :2] for s in p.state)
    return p._replace(params=params, xs=p.xs[:, :2, :, :2], state=state)
