"""What the paths mean, for every cell, by difference quotients of forward passes in which something is held."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pytest
from support.cell_checks import NUMPY, TORCH, assert_slope, back, both, every_cell, unit
from support.problems import B, M, random_problem

from carousel.cells import CELLS, Params
from carousel.engine.backends.numpy import FORWARD, NumpyOps
from carousel.engine.recurrence import PATHS, effective, parameter_gradients, unroll
from carousel.measures.adjoint import Quantity, gradient_by_lag

RECURRENT = {name: bool(c.columns) or "recurrent" in c.pointwise.values() for name, c in CELLS.items()}


@every_cell
def test_a_path_with_blocked_gates_differs_from_the_full_one(name):
    """Unless no gate depends on the state: then every path is the carousel."""
    p = random_problem(name, seed=2)
    full, candidate, cell = (
        np.concatenate(back(NUMPY, p, path), 1) for path in ("full", "candidate", "cell")
    )
    assert np.allclose(full, cell) != RECURRENT[name]
    assert np.allclose(full, candidate) == (not RECURRENT[name] or p.cell.gates == (p.cell.candidate,))
    assert p.cell.carries == bool(np.any(cell))


@dataclass(frozen=True)
class Taped(NumpyOps):
    """NumPy's functions for two passes: what `keep` is given in the first it gives back in the second."""

    tape: list = field(default_factory=list)
    played: Iterator | None = None

    def keep(self, value):
        if self.played is not None:
            return next(self.played)
        self.tape.append(value)
        return value


@dataclass(frozen=True)
class GatesHeld(Taped):
    """A second pass in which sigmoid gates are constants, and so is what comes to the gates in `closed` through R."""

    closed: np.ndarray | None = None

    def sigmoid(self, x):
        return self.keep(super().sigmoid(x))

    def recur(self, R, recurrent_input):
        product = super().recur(R, recurrent_input)
        closed = np.repeat(self.closed, R.shape[1] // len(self.closed))
        return np.where(closed[:, None], self.keep(product), product)


@dataclass(frozen=True)
class InputsHeld(Taped):
    """A second pass in which what R and the peepholes multiply is that of the first."""

    def recur(self, R, recurrent_input):
        return super().recur(R, self.keep(recurrent_input))

    def stop_gradient(self, x):
        return self.keep(x)


@pytest.mark.parametrize("path", ["candidate", "cell"])
@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.carries])
def test_frozen_paths_are_the_difference_quotient_with_the_gates_held(name, path):
    """The gates are constants of the forward pass; for `cell` so is the candidate."""
    p = random_problem(name, seed=14)
    closed = np.array([gate not in PATHS[path](p.cell) for gate in p.cell.gates])
    first, params = GatesHeld(closed=closed), effective(FORWARD, p.cell, p.params)
    unroll(first, p.cell, params, p.xs, p.state)
    rng = np.random.default_rng(15)
    direction = unit([rng.standard_normal(s.shape) for s in p.state])

    def loss(s):
        state = tuple(x + s * d for x, d in zip(p.state, direction, strict=True))
        _, last = unroll(GatesHeld(closed=closed, played=iter(first.tape)), p.cell, params, p.xs, state)
        return sum(float((u * x).sum()) for u, x in zip(p.covector, last, strict=True))

    for backend in (NUMPY, TORCH):
        found = back(backend, p, path)
        along = sum(float((g * d).sum()) for g, d in zip(found, direction, strict=True))
        assert_slope(loss, along, p.cell.kinked)


@every_cell
def test_truncated_gradient_is_the_difference_quotient_with_the_recurrent_input_held(name):
    """The rule of 1997: a weight's error is complete, but none goes back into what R and the peepholes multiply."""
    p = random_problem(name, seed=16)
    params, first = effective(FORWARD, p.cell, p.params), InputsHeld()
    steps, _ = unroll(first, p.cell, params, p.xs, p.state)
    rng = np.random.default_rng(17)
    W, R, b, *moved = unit([rng.standard_normal(a.shape) for a in (*params[:3], *params.p.values())])

    def loss(s):
        p_s = {key: value + s * d for (key, value), d in zip(params.p.items(), moved, strict=True)}
        there = Params(params.W + s * W, params.R + s * R, params.b + s * b, p_s)
        _, last = unroll(InputsHeld(played=iter(first.tape)), p.cell, there, p.xs, p.state)
        return float((p.covector[0] * last[0]).sum())

    gates = PATHS["truncated"](p.cell)
    ops = NUMPY.ops(p.cell, gates)
    found = parameter_gradients(ops, p.cell, params, steps, p.covector[0][:, None], gates)
    pairs = zip((*found[:3], *found.p.values()), (W, R, b, *moved), strict=True)
    assert_slope(loss, sum(float((g * d).sum()) for g, d in pairs), p.cell.kinked)


def chain(name, w, b, h0, length):
    """h_t = phi(w h_{t-1} + b) for M models of one unit, without input."""
    state, zero = (h0,), np.zeros((M, 1, 1))
    p = random_problem(name, length=length)
    covector = (np.ones_like(h0),)
    return p._replace(
        params=Params(zero, w, b, {}), xs=np.zeros((length, M, 1, B)), state=state, covector=covector
    )


def at_lags(backend, p, lags):
    return dict(gradient_by_lag(p.system(backend), p.on(backend).covector[0], set(lags)))


VANILLA = [  # h = phi(W x + R h + b) and no more
    name
    for name, c in CELLS.items()
    if not (c.carries or c.pointwise or c.weight or c.intermediate) and c.columns == ("h",)
]


@both
@pytest.mark.parametrize("name", VANILLA)
def test_slopes_times_weights_are_the_gradient_of_a_scalar_chain(name, backend):
    """The Q&A's product, for both signs of w; a bias of 2 or more keeps every unit of a ReLU alive."""
    rng = np.random.default_rng(40)
    w = rng.uniform(0.3, 0.9, (M, 1, 1)) * np.array([1, -1, 1])[:, None, None]
    b, h0 = rng.uniform(2, 3, (M, 1, 1)), rng.uniform(0, 1, (M, 1, B))
    for lag, logs in at_lags(backend, chain(name, w, b, h0, 60), [0, 1, 2, 17, 60]).items():
        product = logs[Quantity("factor_product", "formula")] + lag * np.log10(abs(w[:, 0]))
        np.testing.assert_allclose(product, logs[Quantity("loss_h", "full")], rtol=1e-12, atol=1e-12)


def unbounded(name):
    """Does the cell hand on a state of any size?"""
    huge = np.full((1, 1, 1, 1), 1e300)
    return CELLS[name].forward(FORWARD, {}, huge, 0 * huge, (0 * huge[0],))[0][0] == 1e300


@both
@pytest.mark.parametrize("name", [name for name in VANILLA if unbounded(name)])
def test_a_chain_whose_state_overflows_still_has_its_gradient(name, backend):
    """1e300 times 3^40 is infinite; its slopes are 1 and its gradient is 3^lag."""
    w = np.full((M, 1, 1), 3.0)
    p = chain(name, w, 0 * w, np.full((M, 1, B), 1e300), 40)
    for lag, logs in at_lags(backend, p, [1, 30, 40]).items():
        assert not any(np.isnan(values).any() for q, values in logs.items() if q.column == "log10_norm")
        np.testing.assert_array_equal(logs[Quantity("factor_product", "formula")], 0)
        np.testing.assert_allclose(logs[Quantity("loss_h", "full")], lag * np.log10(3), rtol=1e-12)
