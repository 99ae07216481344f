"""The norms of the joint Jacobian: against dense products, closed forms, and what rounding allows."""

import json
import math
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from support.problems import Problem, random_problem, small

import carousel.engine.recurrence
import carousel.measures.jacobian.backward
from carousel.cells import CELLS, Params
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, drive, effective, forward
from carousel.measures.adjoint import Quantity
from carousel.measures.jacobian.backward import jacobians, sizes_of
from carousel.measures.jacobian.blocks import places
from carousel.measures.jacobian.norms import Block, estimate, norms

BACKENDS = {name: load(name, "cpu", "float64") for name in ("numpy", "torch")}
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
every_cell = pytest.mark.parametrize("name", CELLS)


def measured(backend, p: Problem, lags, **options):
    return dict(jacobians(p.system(backend), set(lags), **options))


def one_step(backend, p: Problem, x, state) -> tuple[np.ndarray, np.ndarray, torch.Tensor]:
    """d s_t / d s_{t-1} [M B N N] and d s_t / d x_t [M B N D] by torch's own dense Jacobian, and s_t [M N B]."""
    ops = backend.ops(p.cell, PATHS["full"](p.cell))
    params = effective(ops, p.cell, p.params)

    def step(x, state):
        wx = drive(ops, p.cell, params, x[None])[0]
        before = tuple(state[:, own] for own in places(sizes_of(p.state)))
        return torch.cat(forward(ops, p.cell, params, wx, before)[0], 1)

    by_x, by_state = torch.autograd.functional.jacobian(step, (x, state))
    joint = np.einsum("mhbmkb->mbhk", by_state.numpy())
    return joint, np.einsum("mhbmdb->mbhd", by_x.numpy()), step(x, state)


@cache
def dense(name: str, seed: int) -> list[dict[str, np.ndarray]]:
    """The blocks of the Jacobian [M B _ _] at every lag, as explicit products."""
    backend, problem = BACKENDS["torch"], small(name, seed)
    p = problem.on(backend)
    state, steps = torch.cat(p.state, 1), []
    for x in p.xs:
        joint, by_x, state = one_step(backend, p, x, state)
        steps.append((joint, by_x))
    sizes = sizes_of(p.state)
    product = np.broadcast_to(np.eye(sum(sizes)), joint.shape)
    found = [blocks(product, sizes)]
    for joint, by_x in reversed(steps):
        entry = product @ by_x
        product = product @ joint
        found.append(blocks(product, sizes) | {"_x": entry[:, :, : sizes[0]]})
    return found


def blocks(product, sizes):
    H, C = sizes[0], sizes[-1]
    own = {"_hh": product[:, :, :H, :H], "_cc": product[:, :, -C:, -C:]} if len(sizes) > 1 else {}
    return {"": product} | own


@both
@every_cell
def test_norms_are_those_of_the_dense_product(name, backend):
    found = measured(backend, small(name, seed=3), range(8))
    for lag, expected in enumerate(dense(name, 3)):
        assert {q.name for q in found[lag]} == {
            f"jacobian_{norm}{suffix}" for norm in ("fro", "spec") for suffix in expected
        }
        for suffix, block in expected.items():
            fro, spec = np.linalg.norm(block, axis=(2, 3)), np.linalg.norm(block, 2, axis=(2, 3))
            for norm, value in (("fro", fro), ("spec", spec)):
                plain = 10 ** found[lag][Quantity(f"jacobian_{norm}{suffix}", "full")]
                np.testing.assert_allclose(plain, value, rtol=1e-9, atol=0)


LINEAR = """
import json, numpy as np
from carousel.measures.adjoint import Quantity
from carousel.engine.backends.table import load
from carousel.engine.system import System
from carousel.cells import CELLS, Params
from carousel.measures.jacobian.backward import jacobians
R, length, lags = np.array({R}), {length}, {lags}
M = len(R)
there = load({name!r}, "cpu", "float64")
W, b = np.tile(np.eye(2)[:, :1], (M, 1, 1)), np.zeros((M, 2, 1))
params = Params(*map(there.array, (W, R, b)), {{}})
xs, state = there.array(np.zeros((length, M, 1, 1))), (there.array(np.zeros((M, 2, 1))),)
logs = dict(jacobians(System(there, CELLS["rnn_linear"], params, xs, state), set(lags)))
print(json.dumps([{{q.name: v[:, 0].tolist() for q, v in logs[lag].items()}} for lag in lags]))
"""


@pytest.mark.parametrize("name", ["numpy", pytest.param("torch", marks=pytest.mark.campaign)])
def test_planted_linear_systems_at_lag_ten_thousand(name):
    """3^-10000, 7^10000, a Jordan block, and a rotation that grows; in its own process, as shape checks are slow."""
    lags, turn = [1, 2, 100, 9_999, 10_000], [[math.cos(1.0), -math.sin(1.0)], [math.sin(1.0), math.cos(1.0)]]
    R = [[[1 / 3, 0], [0, 1 / 5]], [[7, 0], [0, 0.5]], [[0.5, 1], [0, 0.5]], (1.01 * np.array(turn)).tolist()]
    code = LINEAR.format(name=name, lags=lags, length=10_000, R=R)
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for lag, found in zip(lags, json.loads(out), strict=True):
        rates = np.log10([1 / 3, 7, 0.5, 1.01])
        above = 2 * lag  # the power of the Jordan block is 0.5^k [[1, 2k], [0, 1]]
        spec = np.log10([1, 1, above / 2 + math.hypot(above / 2, 1), 1])
        fro = np.log10(
            [math.hypot(1, 0.6**lag), math.hypot(1, 14.0**-lag), math.hypot(1, above, 1), math.sqrt(2)]
        )
        found_by = [found[f"jacobian_{norm}"] for norm in ("spec", "fro", "spec_x", "fro_x")]
        expected = [lag * rates + spec, lag * rates + fro, (lag - 1) * rates, (lag - 1) * rates]
        np.testing.assert_allclose(found_by, expected, rtol=1e-11, atol=1e-11)


@both
def test_the_1997_carousel_without_recurrent_weights(backend):
    """c keeps c exactly, and h reaches nothing: an exact zero."""
    p = small("lstm97", length=40)
    p.params.R[:] = 0
    for lag, logs in measured(backend, p, range(1, 41)).items():
        np.testing.assert_allclose(logs[Quantity("jacobian_spec_cc", "full")], 0, atol=1e-14)
        np.testing.assert_allclose(logs[Quantity("jacobian_fro_cc", "full")], 0.5 * math.log10(3), atol=1e-14)
        assert np.isneginf(logs[Quantity("jacobian_fro_hh", "full")]).all(), lag


@both
def test_a_dead_relu_is_an_exact_zero(backend):
    p = small("rnn_relu", length=6)
    p.params.b[0] = -100.0
    for lag, logs in measured(backend, p, range(7)).items():
        for quantity, values in logs.items():
            assert np.isneginf(values[0]).all() == (lag > 0), quantity
    assert np.isfinite(logs[Quantity("jacobian_fro", "full")][1]).any()


@both
@pytest.mark.parametrize("name", ["lstm", "rnn_relu"])
def test_no_limit_on_memory_changes_a_result(name, backend, monkeypatch):
    p = random_problem(name, seed=35, length=12)
    plain = measured(backend, p, range(13))
    monkeypatch.setattr(carousel.engine.recurrence, "MEMORY", 1)
    chunked = measured(backend, p, range(13))
    monkeypatch.setattr(carousel.measures.jacobian.backward, "PROBES", {"cpu": 200})
    grouped = measured(backend, p, range(13))
    for lag, logs in plain.items():
        for quantity, values in logs.items():
            np.testing.assert_array_equal(chunked[lag][quantity], values)
            np.testing.assert_allclose(grouped[lag][quantity], values, rtol=1e-12, atol=1e-12)


@both
def test_norms_of_a_linear_network_do_not_depend_on_the_basis(backend):
    p = small("rnn_linear", seed=8, length=30)
    Q = np.linalg.qr(np.random.default_rng(1).standard_normal((2, 3, 3)))[0]
    W, R, b, _ = p.params
    turned = Params(Q @ W, Q @ R @ Q.swapaxes(1, 2), Q @ b, {})
    moved = p._replace(params=turned, state=tuple(Q @ s for s in p.state))
    one, other = measured(backend, p, range(31)), measured(backend, moved, range(31))
    for lag, logs in one.items():
        for quantity, values in logs.items():
            np.testing.assert_allclose(other[lag][quantity], values, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("backend, name", [("numpy", "lstm"), ("numpy", "gru"), ("torch", "rnn_tanh")])
def test_float32_sees_as_far_as_float64(backend, name):
    p = small(name, seed=36, length=80)
    p.params.R[:] *= 0.15
    p.params.b[:] -= 3.0 if p.cell.forget else 0.0
    wide, narrow = (measured(load(backend, "cpu", dtype), p, [80])[80] for dtype in ("float64", "float32"))
    assert wide[Quantity("jacobian_fro", "full")].max() < -38
    for quantity, values in wide.items():
        np.testing.assert_allclose(narrow[quantity], values, atol=0.02, rtol=1e-3)


@settings(max_examples=50, deadline=None)
@given(
    powers=st.tuples(*[st.integers(-(10**7), 10**7)] * 2), scales=st.tuples(*[st.floats(1e-200, 1e200)] * 2)
)
def test_rows_at_any_powers_make_one_matrix(powers, scales):
    rows = np.diag(scales)[None, None]
    fro, spec = norms(Block(rows, np.array(powers)[None, None], 2))
    logs = np.log2(scales) + np.array(powers)
    assert spec.item() == pytest.approx(logs.max() * math.log10(2), rel=1e-12, abs=1e-11)
    expected = (0.5 * np.logaddexp2(2 * logs[0], 2 * logs[1])) * math.log10(2)
    assert fro.item() == pytest.approx(expected, rel=1e-12, abs=1e-11)


def test_what_is_not_finite_is_nan_and_raises_nothing():
    rows = np.eye(3)[None, None] * np.array([1.0, np.nan, 1.0])
    power = np.zeros((1, 1, 3), int)
    assert np.isnan(norms(Block(rows, power, 3))).all()
    assert np.isnan(estimate(Block(rows, power, 3))).all()


SPECTRA = {
    "one": [1, 0, 0, 0, 0, 0],
    "isometry": [1] * 6,
    "two": [1, 1, 0, 0, 0, 0],
    "slow": [1, 0.8, 0.6, 0.5, 0.4, 0.3],
}


@pytest.mark.parametrize("name", SPECTRA)
def test_an_estimate_is_as_far_off_as_it_says(name):
    """On average over 4,000 draws: no bias, and deviations of one standard error."""
    values, rng, n = np.array(SPECTRA[name], float), np.random.default_rng(5), 4000
    rows = rng.standard_normal((1, n, 8, 6)) * values
    (fro, spec), (fro_error, spec_error) = estimate(Block(rows, np.full((1, n, 8), -3000), 6))
    low = -3000 * math.log10(2)
    z = (fro - low - 0.5 * math.log10((values**2).sum())) / fro_error
    assert abs(z.mean()) < 0.08
    assert 0.9 < z.std() < 1.12
    bound = 0.5 * math.log10((values**4).sum() / (values**2).sum())
    assert abs(np.median(spec - low) - bound) < 0.05
    assert 0.5 < np.std(spec) / np.sqrt(np.mean(spec_error**2)) < 1.2
    assert (
        0.25 * math.log10((values**4).sum()) >= 0 >= bound
    )  # sqrt(tr G^2) above, the estimate below the norm 1
    if name == "one":
        np.testing.assert_allclose(spec, fro, atol=1e-12)


@both
@pytest.mark.parametrize("name", ["rnn_tanh", "lstm", "lru"])
def test_estimates_agree_with_the_exact_norms(name, backend, monkeypatch):
    """The same walk with Gaussian vectors, at short and long lags, block by block."""
    p, lags = random_problem(name, seed=40, hidden=12, length=40), [0, 1, 5, 40]
    exact = measured(backend, p, lags)
    monkeypatch.setattr(carousel.measures.jacobian.backward, "EXACT", 0)
    found = measured(backend, p, lags, rng=np.random.default_rng(2), samples=10)
    for lag, logs in exact.items():
        assert len(found[lag]) == 2 * len(logs)
        for q, values in logs.items():
            error = found[lag][Quantity(q.name, q.path, "error")]
            off = found[lag][q] - values
            if "fro" in q.name:
                assert (abs(off) < 5 * error).all()
                assert (error > 0).all()
            else:
                assert (off < 4 * error).all()


@both
def test_estimates_do_not_depend_on_the_backend(backend, monkeypatch):
    monkeypatch.setattr(carousel.measures.jacobian.backward, "EXACT", 0)
    p = random_problem("lstm", seed=41, length=12)
    here, there = (
        measured(b, p, [3, 12], rng=np.random.default_rng(7)) for b in (backend, BACKENDS["numpy"])
    )
    for lag, logs in here.items():
        for quantity, values in logs.items():
            np.testing.assert_allclose(values, there[lag][quantity], rtol=1e-9, atol=1e-9)


def test_estimates_of_a_dead_network_are_exact_zeros(monkeypatch):
    monkeypatch.setattr(carousel.measures.jacobian.backward, "EXACT", 0)
    p = small("rnn_relu", length=3)
    p.params.b[:] = -100.0
    found = measured(BACKENDS["numpy"], p, [2], rng=np.random.default_rng(7))[2]
    for quantity, values in found.items():
        assert (values == (0 if quantity.column == "error" else -np.inf)).all()


@pytest.mark.parametrize("options", [{}, {"rng": np.random.default_rng(0), "samples": 2}])
def test_estimates_need_an_rng_and_samples(options, monkeypatch):
    monkeypatch.setattr(carousel.measures.jacobian.backward, "EXACT", 4)
    with pytest.raises(ValueError, match="5 numbers of state: above 4"):
        measured(BACKENDS["numpy"], random_problem("gru"), [1], **options)
