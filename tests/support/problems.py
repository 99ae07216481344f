"""Random small problems for the tests: never zeros, more than one model, sequence and unit."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from carousel.cells import CELLS, Cell, Params
from carousel.engine.backends.backend import Backend, Model, Readout
from carousel.engine.system import System
from carousel.inits import INITS, draw
from carousel.study.models import Setting, on_backend, stack

M, H, D, B, T = 3, 5, 2, 4, 9
BASE = Setting("lstm", "torch", 1.0, "1", 0.0, H, T, 0)
AXES = {  # gains are powers of two, which divide out without rounding
    "cell": CELLS,
    "init": INITS,
    "gain": (0.5, 2.0),
    "forget_bias": ("0", "chrono"),
    "bias": (-2.5,),
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
    rng, cell = np.random.default_rng(seed), CELLS[name]
    forget_bias = "none" if cell.forget is None else "0.7"
    options = {"H": hidden, "D": D, "gain": 1.3, "forget_bias": forget_bias, "bias": 0.1, "length": length}
    params = stack([draw(init, cell, lambda role: rng, **options) for _ in range(M)])
    draws = [0.6 * rng.standard_normal((M, hidden, B)) for _ in range(2 * len(cell.states))]
    xs = rng.standard_normal((length, M, D, B))
    state = (abs(s) if role in cell.positive else s for role, s in zip(cell.states, draws, strict=False))
    return Problem(cell, params, xs, tuple(state), tuple(draws[len(cell.states) :]))


def random_model(problem: Problem, outputs: int = 2) -> Model:
    """The problem's parameters with a random readout."""
    rng = np.random.default_rng(99)
    hidden = problem.state[0].shape[1]
    readout = Readout(rng.standard_normal((M, outputs, hidden)), rng.standard_normal((M, outputs, 1)))
    return Model(problem.params, readout)


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
