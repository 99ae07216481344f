"""Gates and factors: the cell's own numbers, the same from both backends, and closed forms."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from support.problems import B, H, M, T, random_problem

import carousel.measures.gates
from carousel.cells import CELLS, Params
from carousel.engine.backends.numpy import FORWARD
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, Step, effective, forward, unroll
from carousel.engine.system import System
from carousel.measures.gates import (
    AXES,
    QUANTILES,
    STEPS,
    activations,
    gate_statistics,
    gates_and_factors,
    statistics,
)

BACKENDS = {name: load(name, "cpu", "float64") for name in ("numpy", "torch")}
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
NAMED = [name for name in CELLS if CELLS[name].saves]
CARRYING = [name for name in NAMED if CELLS[name].carries]
HEARING = [
    name for name in CARRYING if any(("z", v) not in CELLS[name].masked_blocks for v in CELLS[name].columns)
]
APART = [name for name in CELLS if CELLS[name].states[-1] == "c"]
NUMPY = BACKENDS["numpy"]


def taken(backend, p):
    """The parameters, the last step, and the state after it."""
    on = p.on(backend)
    ops = backend.ops(p.cell, PATHS["full"](p.cell))
    params = effective(ops, p.cell, on.params)
    steps, last = unroll(ops, p.cell, params, on.xs, on.state)
    return params, steps[-1], [backend.numpy(s) for s in last]


def ones(p, k):
    return tuple(np.full(state.shape, float(s == k)) for s, state in enumerate(p.state))


@pytest.mark.parametrize("name", CELLS)
def test_both_backends_draw_one_portrait(name):
    p = random_problem(name, seed=50)
    ours, theirs = (gate_statistics(p.system(b)) for b in BACKENDS.values())
    for a, b in zip(ours, theirs, strict=True):
        assert a[:2] == b[:2]
        for x, y in zip(a[2:], b[2:], strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-11, atol=1e-14)


def names_of(p):
    return p.cell.saves.split()


@pytest.mark.parametrize("name", NAMED)
def test_what_a_cell_saves_has_as_many_names(name):
    p = random_problem(name, seed=51)
    step = taken(NUMPY, p)[1]
    assert len(names_of(p)) == len(step.saved) + len(step.intermediate)
    assert set(p.cell.gates) <= set(names_of(p))


@pytest.mark.parametrize("name", NAMED)
def test_a_gate_s_name_is_where_its_own_net_input_goes(name):
    """The derivative of each activation by its gate's net input is the slope saved beside it."""
    p, h = random_problem(name, seed=52), 1e-2
    params, step, _ = taken(NUMPY, p)
    slopes = {g for g in p.cell.gates if f"d{g}" in names_of(p)}

    def at(gate, s):
        wx = step.wx.copy()
        wx[:, p.cell.gates.index(gate)] += s * h
        _, saved, intermediate = forward(FORWARD, p.cell, params, wx, step.before)
        return dict(zip(names_of(p), (*saved, *intermediate), strict=True))[gate]

    for gate in slopes:
        moved = sum(k * (at(gate, s) - at(gate, -s)) for s, k in ((1, 45), (2, -9), (3, 1))) / (60 * h)
        slope = dict(zip(names_of(p), (*step.saved, *step.intermediate), strict=True))[f"d{gate}"]
        np.testing.assert_allclose(moved, slope + 0 * moved, rtol=1e-9, atol=1e-12)
    assert slopes or name in ("mingru", "minlstm")


@both
@pytest.mark.parametrize("name", CARRYING)
def test_the_carousel_is_what_is_kept_and_what_is_let_in(name, backend):
    """c = f c + i z, with i and z as they are named, and f the derivative along the cell."""
    p = random_problem(name, seed=53)
    params, step, after = taken(backend, p)
    named = activations(p.system(backend), step)
    k = p.cell.carousel
    error = tuple(backend.array(d) for d in ones(p, k))
    kept = backend.numpy(backend.vjp(p.cell, params, step, error, frozenset())[k])
    let_in, gate = named["i"] * named["z"], named.get(p.cell.forget)
    if name == "mlstm":  # C = f C + i z k^T
        let_in = (let_in[:, :, None] * named["k"][:, None]).reshape(after[k].shape)
        gate = np.repeat(gate, H, axis=1)
    np.testing.assert_allclose(
        kept * backend.numpy(step.before[k]) + let_in, after[k], rtol=1e-12, atol=1e-14
    )
    if p.cell.forget:
        np.testing.assert_allclose(gate, kept, rtol=1e-12)


@both
@pytest.mark.parametrize("name", APART)
def test_the_entry_is_how_h_follows_c(name, backend):
    """Through one step from an error in h, the gates held; numpy's saved slope is the output's squashing, if any."""
    p = random_problem(name, seed=54)
    params, step, _ = taken(backend, p)
    found = gates_and_factors(p.system(backend).effective(), step)["entry"]
    _, plain, _ = taken(NUMPY, p)
    saved = dict(zip(names_of(p), (*plain.saved, *plain.intermediate), strict=True))
    expected = saved["o"] * (saved["dy"] if "dy" in saved else 1 / saved.get("n", 1.0))
    np.testing.assert_allclose(found, expected + 0 * found, rtol=1e-12)


@both
@pytest.mark.parametrize("name", [name for name in APART if name in HEARING])
def test_the_exit_is_what_an_error_in_one_unit_leaves_through_the_candidate(name, backend):
    p = random_problem(name, seed=55)
    params, step, _ = taken(backend, p)
    found = gates_and_factors(p.system(backend).effective(), step)
    gates = PATHS["candidate"](p.cell)
    for unit in range(H):
        error = ones(p, p.cell.carousel)
        error[-1][:, np.arange(H) != unit] = 0
        d_h = backend.vjp(p.cell, params, step, tuple(map(backend.array, error)), gates)[0]
        norm = np.linalg.norm(backend.numpy(d_h), axis=1)
        np.testing.assert_allclose(found["exit"][:, unit], norm, rtol=1e-12, atol=1e-15)


@both
@pytest.mark.parametrize("name", HEARING)
def test_the_three_parts_of_the_exit_multiply(name, backend):
    p = random_problem(name, seed=56)
    params, step, _ = taken(backend, p)
    found = gates_and_factors(p.system(backend).effective(), step)
    parts = [found[f"exit_{part}"] for part in ("gate", "squash", "affine")]
    np.testing.assert_allclose(np.prod(parts, axis=0), found["exit"], rtol=1e-13, atol=1e-300)
    _, plain, _ = taken(NUMPY, p)
    saved = dict(zip(names_of(p), (*plain.saved, *plain.intermediate), strict=True))
    np.testing.assert_allclose(parts[1], saved.get("dz", 1.0) + 0 * parts[1], rtol=1e-12)


@both
def test_one_lstm_unit_of_planted_weights(backend):
    """All of it by the equations: i, f, z, o from their biases, c = f c + i z."""
    b = {"i": 0.3, "f": 1.2, "z": -0.8, "o": -0.4}
    cell, one = CELLS["lstm"], np.ones((1, 1, 1))
    bias = np.array([b[g] for g in cell.gates])[None, :, None]
    R = np.where(np.array(cell.gates) == "z", 0.7, 0.0)[None, :, None]
    params = Params(*map(backend.array, (0 * bias, R, bias)), {})
    state = (backend.array(0 * one), backend.array(0.5 * one))
    found = gate_statistics(System(backend, cell, params, backend.array(np.zeros((1, 1, 1, 1))), state))
    i, f, o = (1 / (1 + np.exp(-b[g])) for g in "ifo")
    z = np.tanh(b["z"])
    c = f * 0.5 + i * z
    parts = {"exit_gate": i, "exit_squash": 1 - z**2, "exit_affine": 0.7}
    expected = {f"gate_{g}": value for g, value in zip("ifoz", (i, f, o, z), strict=True)} | parts
    expected |= {"entry": o * (1 - np.tanh(c) ** 2), "exit": i * (1 - z**2) * 0.7}
    assert {s.quantity for s in found} == set(expected)
    for s in found:
        np.testing.assert_allclose(s.value, expected[s.quantity], rtol=1e-13)
        np.testing.assert_array_equal(s.n, 1)


@both
def test_a_closed_gate_leaves_no_slope_to_be_read_and_is_counted(backend):
    """sigma(-800) is 0: nothing leaves, the squashing cannot be seen; a closed forget gate hides the entry."""
    p = random_problem("lstm", seed=57)
    p.params.b[:, : 2 * H - 1] = -800.0  # all of i, all but one unit of f
    found = {s.quantity: s for s in gate_statistics(p.system(backend), ["all"])}
    count = M * [T * H * B]
    np.testing.assert_array_equal(found["exit"].value, 0)
    np.testing.assert_array_equal(found["exit"].n[:, 0], count)
    np.testing.assert_array_equal(found["exit_squash"].n, 0)
    assert np.isnan(found["exit_squash"].value).all()
    np.testing.assert_array_equal(found["entry"].n[:, 0], M * [T * B])


def test_the_axes_and_their_numbers():
    p = random_problem("gru", seed=58, length=3 * STEPS)
    found = {(s.quantity, s.axis): s for s in gate_statistics(p.system(NUMPY))}
    length = p.xs.shape[0]
    assert {axis for name, axis in found if name == "gate_u"} == set(AXES)
    assert {axis for name, axis in found if name == "exit"} == {"unit", "all"}
    for axis, index, n in (
        ("all", [0], STEPS * H * B),
        ("unit", range(1, H + 1), STEPS * B),
        ("time", np.linspace(1, length, STEPS).round(), H * B),
    ):
        one = found["gate_u", axis]
        np.testing.assert_array_equal(one.at, np.repeat(np.array(index), 1 + len(QUANTILES)))
        np.testing.assert_array_equal(one.quantile, np.tile([np.nan, *QUANTILES], len(index)))
        assert one.value.shape == one.n.shape == (M, len(one.at))
        assert set(one.n.ravel()) == {n}


def test_time_units_and_models_stand_where_they_belong():
    """Against the gates recomputed from log_factor, which is log u."""
    p = random_problem("gru", seed=59)
    steps, _ = unroll(FORWARD, p.cell, p.params, p.xs, p.state)
    u = np.stack([np.exp(log_factor(p, step)) for step in steps])  # [T M H B]
    means = {s.axis: s.value[:, np.isnan(s.quantile)] for s in gate_u(p)}
    np.testing.assert_allclose(means["time"], u.mean((2, 3)).T, rtol=1e-13)
    np.testing.assert_allclose(means["unit"], u.mean((0, 3)), rtol=1e-13)
    np.testing.assert_allclose(means["all"][:, 0], u.mean((0, 2, 3)), rtol=1e-13)
    median = next(s.value[:, s.quantile == 0.5] for s in gate_u(p) if s.axis == "unit")
    np.testing.assert_allclose(median, np.median(u, axis=(0, 3)), rtol=1e-13)


def log_factor(p, step: Step):
    rh = FORWARD.recur(p.params.R, step.before[0]).reshape(step.wx.shape)
    return p.cell.log_factor(FORWARD, p.params.p, step.wx, rh, step.before)


def gate_u(p):
    return [s for s in gate_statistics(p.system(NUMPY)) if s.quantity == "gate_u"]


def test_the_memory_limit_changes_no_portrait(monkeypatch):
    p = random_problem("lstm_peephole", seed=60, length=40)
    plain = gate_statistics(p.system(NUMPY))
    monkeypatch.setattr(carousel.measures.gates, "chunk_length", lambda *_: 7)
    for a, b in zip(plain, gate_statistics(p.system(NUMPY)), strict=True):
        np.testing.assert_array_equal(a.value, b.value)


def test_a_candidate_that_hears_nothing_of_the_past_has_no_exit():
    deaf = [name for name in CARRYING if name not in HEARING]
    assert "mingru" in deaf
    for name in deaf:
        p = random_problem(name, seed=62)
        found = gate_statistics(p.system(NUMPY), ["all"])
        entered = {"entry"} if name in APART else set()
        assert {s.quantity for s in found if not s.quantity.startswith("gate")} == entered


def test_a_cell_that_names_nothing_still_has_what_its_adjoint_tells():
    p = random_problem("lstm", seed=61)
    found = gate_statistics(p.system(NUMPY)._replace(cell=replace(p.cell, saves="")), ["all"])
    assert {s.quantity for s in found} == {"entry", "exit", "exit_affine"}


numbers = st.lists(st.one_of(st.floats(-1e6, 1e6), st.just(np.nan)), min_size=1, max_size=30)


@given(numbers)
def test_statistics_are_numpy_s_over_what_is_defined(values):
    samples = np.array(values)
    found, n = statistics(samples[None, None])
    defined = samples[~np.isnan(samples)]
    assert n.item() == len(defined)
    if len(defined) == 0:
        assert np.isnan(found).all()
        return
    np.testing.assert_allclose(found[0, 0, 0], defined.mean(), rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(found[0, 0, 1:], np.quantile(defined, QUANTILES), rtol=1e-12, atol=1e-9)
