"""Every cell of the table: what `carousel.testing` checks of any cell, and what the backends and inits do with it."""

import numpy as np
import pytest
from support.cell_checks import both, every_cell
from support.pairs import pairs
from support.problems import BASE, B, H, model_on, random_model, random_problem

from carousel.cells import CELLS
from carousel.engine.backends.backend import Model, leaves, rebuild
from carousel.engine.backends.numpy import FORWARD
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, chunks, effective, unroll
from carousel.measures.training import train
from carousel.study.files import training_defaults
from carousel.study.models import Setting, initial_state
from carousel.study.schema import vary
from carousel.testing import ROUNDING, check_cell, random_targets


@every_cell
def test_what_must_hold_for_every_cell(name, device, dtype):
    """Adjoints and gradients by hand, by autograd and by stencil, names, models of a batch, float32."""
    check_cell(CELLS[name], device=device, dtype=dtype)


@both
@every_cell
def test_probes_side_by_side_are_probes_one_by_one(name, backend):
    """A step widened n times over takes n covectors back at once, those of a sequence beside each other."""
    p = random_problem(name, seed=19).on(backend)
    ops, gates, n = backend.ops(p.cell, PATHS["full"](p.cell)), PATHS["full"](p.cell), 3
    params = effective(ops, p.cell, p.params)
    step = unroll(ops, p.cell, params, p.xs, p.state)[0][-1]
    rng = np.random.default_rng(20)
    probes = [rng.standard_normal((*s.shape, n)) for s in p.state]
    wide = tuple(backend.array(v.reshape(*v.shape[:2], B * n)) for v in probes)
    together = backend.vjp(p.cell, params, backend.widen(step, n), wide, gates)
    for k in range(n):
        one = tuple(backend.array(v[..., k]) for v in probes)
        for a, b in zip(together, backend.vjp(p.cell, params, step, one, gates), strict=True):
            np.testing.assert_allclose(backend.numpy(a)[..., k::n], backend.numpy(b), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("path", ["full", "candidate", "cell"])
@every_cell
def test_steps_prepared_together_are_steps_one_by_one(name, path, device, dtype):
    """The slopes that torch computes for a run of steps are those of the path, for any number of probes."""
    backend, factor = load("torch", device, dtype), ROUNDING[dtype]
    system = random_problem(name, seed=23).system(backend).effective()
    gates, rng, n = PATHS[path](system.cell), np.random.default_rng(24), 2
    steps = unroll(system.ops, *system[1:])[0]
    for plain, ready in zip(steps, system.prepared(steps), strict=True):
        assert (ready.local is None) == (system.cell.intermediate is not None or system.cell.mixes)
        d_state = tuple(backend.array(rng.standard_normal((*s.shape[:2], B * n))) for s in system.state)
        found, expected = (
            [*system.vjp(wide, d_state, gates), *flattened(system.error(wide, d_state))]
            for wide in (backend.widen(step, n) for step in (ready, plain))
        )
        for a, b in zip(found, expected, strict=True):
            pair = backend.numpy(a), backend.numpy(b)
            np.testing.assert_allclose(*pair, rtol=factor * 1e-12, atol=factor * 1e-14)


def flattened(error):
    """The adjoint of a state, and of the net input, as one list."""
    d_before, d_wx = error
    return [*d_before, d_wx]


@both
@every_cell
def test_the_error_of_the_output_is_the_gradient_by_the_last_state(name, backend):
    p = random_problem(name, seed=8)
    model, on = model_on(backend, random_model(p)), p.on(backend)
    what = random_targets(backend)
    error = backend.output_error(p.cell, model, on.xs, on.state, what)
    y = backend.numpy(backend.run(p.cell, model, on.xs, on.state, 1))[:, 0]
    V, target = backend.numpy(model.readout.V), backend.numpy(what.target)[:, -1]
    np.testing.assert_allclose(error, 2 * V.swapaxes(1, 2) @ (y - target), rtol=1e-12)


@every_cell
def test_chunks_hold_the_same_steps_as_one_pass(name):
    p = random_problem(name, seed=10)
    params = effective(FORWARD, p.cell, p.params)
    steps, _ = unroll(FORWARD, p.cell, params, p.xs, p.state)
    for length in (1, 4, 9, 50):
        parts = list(chunks(FORWARD, p.cell, params, p.xs, p.state, length))
        again = [step for part in reversed(parts) for step in part]
        assert max(map(len, parts)) <= length
        for a, b in zip(steps, again, strict=True):
            for u, v in zip(arrays(a), arrays(b), strict=True):
                np.testing.assert_array_equal(u, v)


def arrays(step):
    """Everything that a step holds."""
    return step.x, step.wx, *step.before, *step.saved, *step.intermediate


@every_cell
def test_the_states_that_are_called_positive_are_those_that_are_never_negative(name):
    """But for h, which starts with either sign in every cell; and they alone start without."""
    system = (
        random_problem(name, seed=29, length=30).system(load("numpy", "cpu", "float64", True)).effective()
    )
    steps, last = unroll(system.ops, *system[1:])
    after = zip(system.cell.states, *(step.before for step in steps[1:]), last, strict=True)
    least = {state: min(values.min() for values in found) for state, *found in after}
    assert {state for state, value in least.items() if value >= 0} - {"h"} == {*system.cell.positive}
    setting = Setting(name, "torch", 1.0, "none", 0.0, "unit", H, 30, 0)
    start = dict(zip(system.cell.states, initial_state(1, [setting], 9, 1.0), strict=True))
    assert {state for state, values in start.items() if values.min() >= 0} == {*system.cell.positive}


@every_cell
def test_model_survives_being_taken_apart(name):
    model = random_model(random_problem(name))
    again = rebuild(model, leaves(model))
    assert isinstance(again, Model)
    assert again.params.p.keys() == model.params.p.keys()
    for key, value in model.params.p.items():
        np.testing.assert_array_equal(again.params.p[key], value)
    for a, b in zip(leaves(model), leaves(again), strict=True):
        np.testing.assert_array_equal(a, b)


def blocks(cell, W, R):
    """The blocks of W and R by gate and source."""
    width = W.shape[1] // len(cell.gates)
    for g, gate in enumerate(cell.gates):
        rows = slice(g * width, (g + 1) * width)
        yield (gate, "x"), W[:, rows]
        for v, source in enumerate(cell.columns):
            yield (gate, source), R[:, rows, v * width : (v + 1) * width]


@pytest.mark.parametrize(("name", "init"), pairs())
def test_the_blocks_that_start_at_zero_are_the_masked_ones(name, init):
    p = random_problem(name, init=init)
    zero = {at for at, block in blocks(p.cell, p.params.W, p.params.R) if not block.any()}
    assert zero == p.cell.masked_blocks


@both
@every_cell
def test_training_moves_every_block_but_the_masked_ones(name, backend, monkeypatch):
    """Adam divides by the gradient's size: a masked block stays zero only if its gradient is dropped."""
    taken, step = [], train.Adam.step

    def spy(self, weights, gradients):
        taken.append(weights)
        taken.append(step(self, weights, gradients))
        return taken[-1]

    monkeypatch.setattr(train.Adam, "step", spy)
    train.train(backend, 1, [setting(name)], short(name), "adding", "full")
    (W, R, *_), (W_end, R_end, *_) = (map(backend.numpy, weights) for weights in (taken[0], taken[-1]))
    start, end = dict(blocks(CELLS[name], W, R)), dict(blocks(CELLS[name], W_end, R_end))
    still = {at for at in start if np.array_equal(start[at], end[at])}
    assert still == CELLS[name].masked_blocks
    assert not any(end[at].any() for at in still)


def setting(name):
    """A small model of the cell."""
    forget_bias = "none" if CELLS[name].forget is None else "1"
    return train.Setting(name, "glorot", 1.0, forget_bias, 0.0, "unit", H, 8, BASE.repetition)


def short(name):
    """A few steps of training, in which nothing is measured."""
    lists = {"cells": [name], "tasks": ["adding"], "lengths": [8], "hidden": [H], "snapshots": [0]}
    steps = {"batch": 4, "steps": 3, "evaluate_every": 3, "test_size": 4, "dtype": "float64"}
    return vary(training_defaults(), **lists, **steps).model_copy(update={"snapshots": ()})
