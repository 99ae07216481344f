"""The log-space adjoint: equal to the plain one where that exists, right where it does not."""

import json
import math
import subprocess
import sys

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from problems import B, H, M, random_problem

import carousel.adjoint
from carousel.adjoint import Quantity, difference, walk
from carousel.backends import load
from carousel.cells import CELLS, Params
from carousel.recurrence import PATHS, unroll

BACKENDS = {name: load(name, "cpu", "float64") for name in ("numpy", "torch")}
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)


def measured(backend, p, lags):
    on = p.on(backend)
    return dict(walk(backend, p.cell, on.params, on.xs, on.state, on.covector[0], set(lags)))


def scalar_chain(name, w, b, length, h0):
    """h_t = phi(w h_{t-1} + b) as a problem of one unit, model and sequence."""
    cell = CELLS[name]
    one = np.ones((1, 1, 1))
    p = random_problem(name)
    return p._replace(
        cell=cell,
        params=Params(0 * one, w * one, b * one, {}),
        xs=np.zeros((length, 1, 1, 1)),
        state=(h0 * one,),
        covector=(one,),
    )


@both
@pytest.mark.parametrize("name", CELLS)
def test_log_norm_is_the_log_of_the_plain_norm(name, backend):
    p = random_problem(name, seed=30)
    found = measured(backend, p, range(10))
    on = p.on(BACKENDS["numpy"])
    ops = BACKENDS["numpy"].ops(p.cell, PATHS["full"](p.cell))
    steps, _ = unroll(ops, p.cell, on.params, on.xs, on.state)
    for path, gates in PATHS.items():
        d = (on.covector[0], *(0 * s for s in on.state[1:]))
        for lag in range(10):
            if lag:
                d = BACKENDS["numpy"].vjp(p.cell, on.params, steps[-lag], d, gates(p.cell))
            with np.errstate(divide="ignore"):
                plain = {
                    s: np.log10(np.linalg.norm(x, axis=1)) for s, x in zip(p.cell.states, d, strict=True)
                }
            for state, value in plain.items():
                np.testing.assert_allclose(
                    found[lag][Quantity(f"loss_{state}", path)], value, rtol=1e-12, atol=1e-12
                )
            joint = np.log10(np.sqrt(sum((x**2).sum(1) for x in d))) if any(x.any() for x in d) else -np.inf
            np.testing.assert_allclose(
                found[lag][Quantity("loss_state", path)], joint, rtol=1e-12, atol=1e-12
            )


@both
@pytest.mark.parametrize("name", [n for n in CELLS if len(CELLS[n].gates) > 1])
def test_gates_path_is_the_vector_difference(name, backend):
    p = random_problem(name, seed=31)
    on, lags = p.on(BACKENDS["numpy"]), 6
    ops = BACKENDS["numpy"].ops(p.cell, PATHS["full"](p.cell))
    steps, _ = unroll(ops, p.cell, on.params, on.xs, on.state)
    ends = {}
    for path in ("full", "candidate"):
        d = (on.covector[0], *(0 * s for s in on.state[1:]))
        for lag in range(1, lags + 1):
            d = BACKENDS["numpy"].vjp(p.cell, on.params, steps[-lag], d, PATHS[path](p.cell))
        ends[path] = np.concatenate(d, axis=1)
    expected = np.log10(np.linalg.norm(ends["full"] - ends["candidate"], axis=1))
    np.testing.assert_allclose(
        measured(backend, p, [lags])[lags][Quantity("loss_state", "gates")], expected, rtol=1e-10, atol=1e-12
    )


@both
def test_gates_path_of_a_cell_without_gates_is_nothing(backend):
    found = measured(backend, random_problem("rnn_tanh", seed=32), range(10))
    assert all(np.isneginf(logs[Quantity("loss_state", "gates")]).all() for logs in found.values())
    assert all(np.isneginf(found[lag][Quantity("loss_state", "cell")]).all() for lag in range(1, 10))


CHAIN = """
import json, numpy as np
from carousel.adjoint import walk
from carousel.backends import load
from carousel.cells import CELLS, Params
one, lags = np.ones((1, 1, 1)), {lags}
there = load({name!r}, "cpu", "float64")
params = Params(*map(there.array, (0 * one, {w} * one, {b} * one)), {{}})
logs = dict(walk(there, CELLS["rnn_sigmoid"], params, there.array(np.zeros(({length}, 1, 1, 1))),
                 (there.array({h0} * one),), there.array(one), set(lags)))
print(json.dumps([[{{q.name + " " + q.path: v.item() for q, v in logs[k].items()}}[key] for k in lags]
                  for key in ("loss_h full", "factor_product formula")]))
"""


@pytest.mark.parametrize("name", BACKENDS)
def test_scalar_sigmoid_chain_of_ten_thousand_steps_is_mpmaths(name):
    """A1a below 10^-6000, far below the smallest float; in its own process, since shape checks are slow."""
    length, w, b, h0, lags = 10_000, 0.9, -0.3, 0.4, [1, 10, 600, 9_999, 10_000]
    with mpmath.workdps(40):
        h, logs = mpmath.mpf(h0), [mpmath.mpf(0)]
        for _ in range(length):
            h = 1 / (1 + mpmath.exp(-(mpmath.mpf(w) * h + mpmath.mpf(b))))
            logs.append(logs[-1] + mpmath.log10(mpmath.mpf(w) * h * (1 - h)))
        expected = [float(logs[length] - logs[length - lag]) for lag in lags]
    code = CHAIN.format(name=name, lags=lags, w=w, b=b, h0=h0, length=length)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    adjoint, factors = json.loads(out)
    assert expected[-1] < -6_000
    assert adjoint == pytest.approx(expected, rel=1e-9)
    assert [f + lag * math.log10(w) for f, lag in zip(factors, lags, strict=True)] == pytest.approx(
        expected, rel=1e-9
    )


@both
@settings(max_examples=10, deadline=None)
@given(w=st.floats(-50, 50).filter(lambda w: abs(w) > 1e-3), length=st.integers(1, 60))
def test_a_linear_chain_decays_or_explodes_as_w_to_the_lag(backend, w, length):
    """Without end in either direction; one factor too many or too few would show."""
    found = measured(backend, scalar_chain("rnn_linear", w, 0.0, length, 0.0), [0, 1, length])
    for lag, logs in found.items():
        assert logs[Quantity("loss_state", "full")].item() == pytest.approx(
            lag * math.log10(abs(w)), rel=1e-12, abs=1e-12
        )


@both
def test_a_dead_relu_is_an_exact_zero(backend):
    found = measured(backend, scalar_chain("rnn_relu", -1.0, 0.0, 5, 0.5), range(6))
    assert [bool(np.isneginf(found[k][Quantity("loss_h", "full")]).item()) for k in range(6)] == [
        False
    ] + 5 * [True]


@both
@pytest.mark.parametrize("name", [n for n in CELLS if CELLS[n].carries])
def test_the_carousel_is_the_product_of_its_gates_unit_by_unit(name, backend):
    """A1d, down to 10^-800: closed gates, a random state and 100 steps."""
    p = random_problem(name, seed=33, length=100)
    cell = p.cell
    if cell.forget:
        rows = slice(cell.gates.index(cell.forget) * H, (cell.gates.index(cell.forget) + 1) * H)
        p.params.b[:, rows] -= np.linspace(0, 20, H)[:, None]
    found = measured(backend, p, [1, 50, 100])
    for logs in found.values():
        product, carousel = logs[Quantity("factor_product", "formula")], logs[Quantity("cec", "cell")]
        assert product.shape == (M, H * B)
        np.testing.assert_allclose(carousel, product, rtol=1e-12, atol=1e-11)
    assert cell.forget is None or product.min() < -800


@both
def test_the_1997_carousel_passes_the_error_on_unchanged(backend):
    found = measured(backend, random_problem("lstm97", seed=34, length=60), range(61))
    for lag in range(1, 61):
        np.testing.assert_array_equal(found[lag][Quantity("cec", "cell")], 0)
        np.testing.assert_array_equal(
            found[lag][Quantity("loss_c", "cell")], found[1][Quantity("loss_c", "cell")]
        )


@both
@pytest.mark.parametrize("name", CELLS)
def test_the_memory_limit_changes_no_result(name, backend, monkeypatch):
    p = random_problem(name, seed=35, length=40)
    plain = measured(backend, p, range(41))
    monkeypatch.setattr(carousel.adjoint, "MEMORY", 1)
    for lag, logs in measured(backend, p, range(41)).items():
        for quantity, values in logs.items():
            np.testing.assert_array_equal(values, plain[lag][quantity])


@both
@given(exponent=st.integers(-1070, 1000), seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_rescaling_is_exact(backend, exponent, seed):
    x = np.ldexp(np.random.default_rng(seed).uniform(0.5, 1, (1, 3, 2)), exponent)
    x[0, 1] = 0
    (y,), power = backend.rescale((backend.array(x),), False)
    peak = np.abs(backend.numpy(y)).max(1)
    assert ((peak >= 0.5) & (peak < 1)).all()
    np.testing.assert_array_equal(np.ldexp(backend.numpy(y), backend.numpy(power)), x)
    (y,), power = backend.rescale((backend.array(x),), True)
    np.testing.assert_array_equal(np.ldexp(backend.numpy(y), backend.numpy(power)), x)
    assert (backend.numpy(y)[0, 1] == 0).all()


@both
def test_a_difference_of_vectors_at_far_scales_is_the_larger_one(backend):
    one = backend.array(np.full((1, 2, 1), 0.5))
    small, large = backend.rescale((one,), False), backend.rescale((one,), False)
    (d,), power = difference(backend, (large[0], large[1] + 5000), (small[0], small[1]))
    assert backend.numpy(power).item() == 5000
    np.testing.assert_array_equal(backend.numpy(d), 0.5)
    (d,), power = difference(backend, (small[0], small[1]), (large[0], large[1] + 5000))
    np.testing.assert_array_equal(backend.numpy(d), -0.5)


@both
def test_a_zero_vector_has_no_scale(backend):
    one, zero = backend.array(np.full((1, 2, 1), 0.5)), backend.array(np.zeros((1, 2, 1)))
    power = backend.rescale((one,), False)[1]
    (d,), scale = difference(backend, ((zero,), power - 100), ((one,), power - 5000))
    assert backend.numpy(scale).item() == -5000
    np.testing.assert_array_equal(backend.numpy(d), -0.5)
    (d,), _ = difference(backend, ((zero,), power), ((zero,), power))
    np.testing.assert_array_equal(backend.numpy(d), 0)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", CELLS)
def test_float32_sees_as_far_as_float64(name, backend):
    """Rounding apart: no underflow at 10^-38, nor at its square root, where squares vanish."""
    p = random_problem(name, seed=36, length=80)
    p.params.R[:] *= 0.15
    p.params.b[:] -= 3.0 if p.cell.forget else 0.0
    wide = measured(BACKENDS[backend], p, [50, 80])
    narrow = measured(load(backend, "cpu", "float32"), p, [50, 80])
    assert name == "lstm97" or wide[80][Quantity("loss_state", "full")].max() < -38
    for lag in wide:
        for quantity in (
            Quantity("loss_h", "full"),
            Quantity("loss_state", "full"),
            Quantity("loss_h", "gates"),
        ):
            alive = np.isfinite(wide[lag][quantity])
            assert (np.isfinite(narrow[lag][quantity]) == alive).all()
            np.testing.assert_allclose(
                narrow[lag][quantity][alive], wide[lag][quantity][alive], atol=0.05, rtol=2e-3
            )


def test_shapes_of_the_readings():
    logs = measured(BACKENDS["numpy"], random_problem("lstm"), [3])[3]
    assert {v.shape for q, v in logs.items() if q.name.startswith("loss")} == {(M, B)}
