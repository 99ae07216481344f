"""Every cell of the table: hand adjoint = autograd = central difference, from random states."""

import numpy as np
import pytest
from support.cell_checks import NUMPY, TORCH, assert_slope, back, both, every_cell, unit
from support.pairs import pairs
from support.problems import BASE, B, H, M, model_on, random_model, random_problem

from carousel.cells import CELLS, Params
from carousel.engine.backends.backend import Model, Targets, leaves, rebuild
from carousel.engine.backends.numpy import FORWARD
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, chunks, effective, unroll
from carousel.measures.training import train
from carousel.study.files import training_defaults
from carousel.study.schema import vary


@every_cell
def test_state_adjoint_by_hand_is_autograd_is_the_difference_quotient(name):
    p = random_problem(name)
    by_hand, by_autograd = back(NUMPY, p), back(TORCH, p)
    rng = np.random.default_rng(5)
    direction = unit([rng.standard_normal(s.shape) for s in p.state])

    def loss(s):
        state = tuple(x + s * d for x, d in zip(p.state, direction, strict=True))
        _, last = unroll(FORWARD, p.cell, effective(FORWARD, p.cell, p.params), p.xs, state)
        return sum(float((u * x).sum()) for u, x in zip(p.covector, last, strict=True))

    along = sum(float((g * d).sum()) for g, d in zip(by_hand, direction, strict=True))
    assert_slope(loss, along, p.cell.kinked)
    for a, b in zip(by_hand, by_autograd, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("path", PATHS)
@every_cell
def test_paths_by_hand_are_autograd_with_the_paths_cut(name, path):
    p = random_problem(name, seed=1)
    for a, b in zip(back(NUMPY, p, path), back(TORCH, p, path), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-15)


@every_cell
def test_the_error_of_the_net_input_by_hand_is_autograd(name):
    found = []
    for backend in (NUMPY, TORCH):
        p = random_problem(name, seed=18).on(backend)
        ops = backend.ops(p.cell, PATHS["full"](p.cell))
        params = effective(ops, p.cell, p.params)
        step = unroll(ops, p.cell, params, p.xs, p.state)[0][-1]
        before, d_wx = backend.error(p.cell, params, step, p.covector)
        for a, b in zip(
            before, backend.vjp(p.cell, params, step, p.covector, PATHS["full"](p.cell)), strict=True
        ):
            np.testing.assert_array_equal(backend.numpy(a), backend.numpy(b))
        found.append(backend.numpy(d_wx))
    np.testing.assert_allclose(*found, rtol=1e-12, atol=1e-14)


@both
@every_cell
def test_probes_side_by_side_are_probes_one_by_one(name, backend):
    """A step widened n times over takes n covectors back at once, those of a sequence beside each other."""
    p = random_problem(name, seed=19).on(backend)
    ops, gates, n = backend.ops(p.cell, PATHS["full"](p.cell)), PATHS["full"](p.cell), 3
    params = effective(ops, p.cell, p.params)
    step = unroll(ops, p.cell, params, p.xs, p.state)[0][-1]
    rng = np.random.default_rng(20)
    probes = [rng.standard_normal((M, H, B, n)) for _ in p.state]
    wide = tuple(backend.array(v.reshape(M, H, B * n)) for v in probes)
    together = backend.vjp(p.cell, params, backend.widen(step, n), wide, gates)
    for k in range(n):
        one = tuple(backend.array(v[..., k]) for v in probes)
        for a, b in zip(together, backend.vjp(p.cell, params, step, one, gates), strict=True):
            np.testing.assert_allclose(backend.numpy(a)[..., k::n], backend.numpy(b), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("path", ["full", "candidate", "cell"])
@every_cell
def test_steps_prepared_together_are_steps_one_by_one(name, path):
    """The slopes that torch takes for a run of steps know what is shut, and serve any number of probes."""
    p = random_problem(name, seed=23).on(TORCH)
    gates, rng, n = PATHS[path](p.cell), np.random.default_rng(24), 2
    ops = TORCH.ops(p.cell, PATHS["full"](p.cell))
    params = effective(ops, p.cell, p.params)
    steps = unroll(ops, p.cell, params, p.xs, p.state)[0]
    for plain, ready in zip(steps, TORCH.engine.prepared(TORCH, p.cell, params, steps), strict=True):
        assert (ready.local is None) == (p.cell.intermediate is not None)
        d_state = tuple(TORCH.array(rng.standard_normal((M, H, B * n))) for _ in p.state)
        found, expected = (
            [
                *TORCH.vjp(p.cell, params, TORCH.widen(step, n), d_state, gates),
                *flattened(TORCH.error(p.cell, params, TORCH.widen(step, n), d_state)),
            ]
            for step in (ready, plain)
        )
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(TORCH.numpy(a), TORCH.numpy(b), rtol=1e-12, atol=1e-14)


def flattened(error):
    """The adjoint of a state, and of the net input, as one list."""
    d_before, d_wx = error
    return [*d_before, d_wx]


def asked(backend, rng, loss, answers=3):
    """Random targets, probabilities for the cross-entropy, of the last steps, with random weights."""
    target = np.abs(rng.standard_normal((M, answers, 2, B)))
    weight = rng.uniform(size=(M, answers, B))
    weight, target = weight / weight.sum(1, keepdims=True), target / target.sum(2, keepdims=True)
    return Targets(backend.array(target), backend.array(weight), loss)


@pytest.mark.parametrize("path", ["full", "truncated"])
@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
@every_cell
def test_parameter_gradient_by_hand_is_autograd(name, loss, path):
    p = random_problem(name, seed=3)
    model, taken = random_model(p), []
    for backend in (NUMPY, TORCH):
        on, what = p.on(backend), asked(backend, np.random.default_rng(4), loss)
        gates, there = PATHS[path](p.cell), model_on(backend, model)
        gradient = backend.gradient(p.cell, there, on.xs, on.state, what, gates)
        taken.append([backend.numpy(a) for a in (gradient.loss, *leaves(gradient.model))])
    for a, b in zip(*taken, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)


@every_cell
def test_parameter_gradient_is_the_difference_quotient(name):
    """Along a random direction in all parameters, mute blocks too."""
    p = random_problem(name, seed=6)
    model, rng = random_model(p), np.random.default_rng(7)
    what = asked(NUMPY, rng, "squared_error")
    direction, gates = unit([rng.standard_normal(a.shape) for a in leaves(model)]), PATHS["full"](p.cell)
    gradient = NUMPY.gradient(p.cell, model, p.xs, p.state, what, gates)

    def loss(s):
        moved = rebuild(model, [a + s * d for a, d in zip(leaves(model), direction, strict=True)])
        return NUMPY.gradient(p.cell, moved, p.xs, p.state, what, gates).loss

    along = sum((g * d).reshape(M, -1).sum(1) for g, d in zip(leaves(gradient.model), direction, strict=True))
    assert_slope(loss, along, p.cell.kinked)


@both
@every_cell
def test_the_error_of_the_output_is_the_gradient_by_the_last_state(name, backend):
    p = random_problem(name, seed=8)
    model, on = model_on(backend, random_model(p)), p.on(backend)
    what = asked(backend, np.random.default_rng(9), "squared_error")
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
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_float32_stays_float32(name, backend):
    there = load(backend, "cpu", "float32")
    p = random_problem(name, seed=11)
    on, model = p.on(there), model_on(there, random_model(p))
    gates, ops = PATHS["full"](p.cell), there.ops(p.cell, PATHS["full"](p.cell))
    what = asked(there, np.random.default_rng(9), "squared_error")
    gradient = there.gradient(p.cell, model, on.xs, on.state, what, gates)
    assert {there.numpy(a).dtype for a in leaves(gradient.model)} == {np.dtype("float32")}
    params = effective(ops, p.cell, on.params)
    steps, last = unroll(ops, p.cell, params, on.xs, on.state)
    d_state = there.vjp(p.cell, params, steps[-1], last, gates)
    assert {there.numpy(d).dtype for d in (params.R, *last, *d_state)} == {np.dtype("float32")}


@every_cell
def test_models_of_a_batch_do_not_touch_each_other(name):
    p = random_problem(name, seed=12)
    alone = p._replace(
        params=Params(*(a[1:2] for a in p.params[:3]), {k: v[1:2] for k, v in p.params.p.items()}),
        xs=p.xs[:, 1:2],
        state=tuple(s[1:2] for s in p.state),
        covector=tuple(v[1:2] for v in p.covector),
    )
    for backend in (NUMPY, TORCH):
        for a, b in zip(back(backend, alone), back(backend, p), strict=True):
            np.testing.assert_allclose(a[0], b[1], rtol=1e-13, atol=1e-15)


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


@every_cell
def test_what_a_cell_names_is_there(name):
    cell = CELLS[name]
    assert {cell.candidate, cell.forget, cell.input, cell.output} <= {*cell.gates, None}
    assert {*cell.recurrent_states, *cell.positive} <= {*cell.states}
    assert cell.masked_blocks <= {(gate, source) for gate in cell.gates for source in ("x", *cell.columns)}


def blocks(cell, W, R):
    """The blocks of W and R by gate and voice."""
    width = W.shape[1] // len(cell.gates)
    for g, gate in enumerate(cell.gates):
        rows = slice(g * width, (g + 1) * width)
        yield (gate, "x"), W[:, rows]
        for v, source in enumerate(cell.columns):
            yield (gate, source), R[:, rows, v * width : (v + 1) * width]


@pytest.mark.parametrize(("name", "init"), pairs())
def test_the_blocks_that_start_at_zero_are_the_mute_ones(name, init):
    p = random_problem(name, init=init)
    silent = {at for at, block in blocks(p.cell, p.params.W, p.params.R) if not block.any()}
    assert silent == p.cell.masked_blocks


@both
@every_cell
def test_training_moves_every_block_but_the_mute_ones(name, backend, monkeypatch):
    """Adam divides by the gradient's size: a mute block stays zero only if its gradient is dropped."""
    taken, step = [], train.Adam.step

    def spy(self, weights, gradients, rate):
        taken.append(weights)
        taken.append(step(self, weights, gradients, rate))
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
    return train.Setting(name, "glorot", 1.0, forget_bias, 0.0, H, 8, BASE.repetition)


def short(name):
    """A few steps of training, in which nothing is measured."""
    lists = {"cells": [name], "tasks": ["adding"], "lengths": [8], "hidden": [H], "snapshots": [0]}
    steps = {"batch": 4, "steps": 3, "evaluate_every": 3, "test_size": 4, "dtype": "float64"}
    return vary(training_defaults(), **lists, **steps).model_copy(update={"snapshots": ()})
