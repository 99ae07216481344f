"""Jacobian norms from compressed rows, against those from all rows, and what finds out that too much was dropped."""

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from support.cell_checks import every_pointwise_cell
from support.problems import Problem, random_problem

import carousel.measures.jacobian.backward
from carousel.cells import CELLS, Params
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS, effective, flat, pull_back, unroll
from carousel.engine.step_jacobian import covectors_before, covectors_on_input, slopes
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.jacobian.low_rank import Compressed, advanced, recompressed, uncompressed
from carousel.measures.jacobian.norms import leading

BACKENDS = {name: load(name, "cpu", "float64") for name in ("numpy", "torch")}
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
every_cell = pytest.mark.parametrize("name", CELLS)
CLOSE = 1e-3 * math.log10(2)  # a thousandth of a bit


@pytest.fixture(autouse=True)
def small_states_too(monkeypatch):
    monkeypatch.setattr(carousel.measures.jacobian.backward, "FEW", 0)


@pytest.fixture
def fallen(monkeypatch) -> list[int]:
    """The first lag that was left to all rows, for each time it was."""
    lags, from_all_rows = [], carousel.measures.jacobian.backward.from_all_rows

    def noted(*args):
        lags.append(min(args[1]))
        return from_all_rows(*args)

    monkeypatch.setattr(carousel.measures.jacobian.backward, "from_all_rows", noted)
    return lags


def measured(backend, p: Problem, lags, **options):
    return dict(jacobians(p.system(backend), set(lags), **options))


def assert_close(found, expected) -> None:
    """The same quantities at the same lags, to a thousandth of a bit; zeros and explosions where they belong."""
    assert found.keys() == expected.keys()
    for lag, logs in expected.items():
        assert found[lag].keys() == logs.keys()
        for quantity, values in logs.items():
            np.testing.assert_allclose(
                found[lag][quantity], values, rtol=0, atol=CLOSE, err_msg=f"{quantity}, lag {lag}"
            )


@every_pointwise_cell
def test_slopes_are_the_adjoint(name):
    p, rng, numpy = random_problem(name, seed=3), np.random.default_rng(0), BACKENDS["numpy"]
    ops, full = numpy.ops(p.cell, PATHS["full"](p.cell)), PATHS["full"](p.cell)
    params = effective(ops, p.cell, p.params)
    steps, _ = unroll(ops, p.cell, params, p.xs, p.state)
    found = slopes(ops, p.cell, params, steps)
    rows = rng.standard_normal((len(params.W), p.xs.shape[-1], 2, len(p.state), p.state[0].shape[1]))
    for t in (0, len(steps) - 1):
        d_before, d_sources = covectors_before(p.cell, params, found, t, rows)
        d_x = covectors_on_input(params, found, t, d_sources)
        for row in range(2):
            d_state = tuple(d.swapaxes(1, 2) for d in np.moveaxis(rows[:, :, row], 2, 0))
            expected = pull_back(ops, p.cell, params, steps[t], d_state, full)
            before = np.moveaxis(d_before[:, :, row], 2, 0).swapaxes(2, 3)
            np.testing.assert_allclose(before, np.stack(expected.before), rtol=1e-11, atol=1e-13)
            by_x = (params.W.swapaxes(1, 2) @ flat(expected.wx)).swapaxes(1, 2)
            np.testing.assert_allclose(d_x[:, :, row], by_x, rtol=1e-11, atol=1e-13)


@every_cell
@pytest.mark.parametrize("backend, init", [("numpy", "orthogonal"), ("torch", "torch")])
def test_norms_are_those_of_all_rows(name, backend, init):
    backend = BACKENDS[backend]
    p, lags = random_problem(name, seed=5, length=24, hidden=6, init=init), {0, 1, 7, 20, 24, 50}
    assert_close(measured(backend, p, lags), measured(backend, p, lags, all_rows=True))


@pytest.mark.parametrize("shift", [-3.0, 0.0, 2.0, 6.0])
@pytest.mark.parametrize("name", ["lstm", "gru", "lstm97", "lstm_peephole", "rnn_tanh"])
def test_norms_by_bias(name, shift):
    p, lags = random_problem(name, seed=6, length=100, hidden=12), range(0, 101, 20)
    p.params.b[:] += shift
    assert_close(measured(BACKENDS["numpy"], p, lags), measured(BACKENDS["numpy"], p, lags, all_rows=True))


@both
def test_the_joint_norms_alone(backend):
    p, lags = random_problem("lstm_peephole", seed=10, length=40), {0, 3, 17, 40}
    joint = measured(backend, p, lags, with_blocks=False)
    assert all({q.name for q in logs} == {"jacobian_fro", "jacobian_spec"} for logs in joint.values())
    every = measured(backend, p, lags, all_rows=True)
    assert_close(joint, {lag: {q: every[lag][q] for q in joint[lag]} for lag in lags})
    for lag, logs in measured(backend, p, lags, all_rows=True, with_blocks=False).items():
        for quantity, values in logs.items():
            np.testing.assert_array_equal(values, every[lag][quantity])


def test_a_product_that_loses_rank_is_carried_in_few_rows(monkeypatch, fallen):
    ranks, p = [], random_problem("rnn_tanh", seed=7, length=160, hidden=24)

    def noted(before, rows, lag):
        ranks.append(advanced(before, rows, lag).tests.shape[-1])
        return advanced(before, rows, lag)

    monkeypatch.setattr(carousel.measures.jacobian.backward, "advanced", noted)
    measured(BACKENDS["numpy"], p, {0, 16, 80, 160})
    assert ranks[-1] <= 6
    assert not fallen


def linear(R: np.ndarray, length: int) -> Problem:
    """A linear network for each of the matrices R."""
    M, H, _ = R.shape
    W, b, rng = np.tile(np.eye(H)[:, :2], (M, 1, 1)), np.zeros((M, H, 1)), np.random.default_rng(0)
    p = random_problem("rnn_linear", hidden=H)
    xs, state = np.zeros((length, M, 2, 2)), (rng.standard_normal((M, H, 2)),)
    return p._replace(params=Params(W, R, b, {}), xs=xs, state=state, covector=state)


def chain(H: int, weak: int, weight: float) -> np.ndarray:
    """Each unit hears the one before, the last `weak` of them only faintly. After k steps the first k rows are zero."""
    weights = np.ones(H - 1)
    weights[-weak:] = weight
    return np.diag(weights, -1)


@both
@pytest.mark.parametrize("rest", [0.0, 0.5])
def test_what_was_dropped_and_grows_again_is_found_out(backend, rest, fallen, monkeypatch):
    """The chain's last rows are a hundred-millionth of it, until they are all that is left of it."""
    monkeypatch.setattr(carousel.measures.jacobian.backward, "PROBES", {"cpu": 1})  # model by model
    rng = np.random.default_rng(1)
    R = np.zeros((3, 26, 26))
    R[0] = np.linalg.qr(rng.standard_normal((26, 26)))[0]
    R[1, :25, :25], R[1, 25, 25] = chain(25, 8, 0.1), rest
    R[2] = rng.standard_normal((26, 26)) / 6
    p, lags = linear(R, 24), range(25)
    found = measured(backend, p, lags)
    assert len(fallen) == 1  # of three models
    assert 17 <= fallen[0] <= 22
    assert_close(found, measured(backend, p, lags, all_rows=True))


@both
@pytest.mark.parametrize("size", [1e-2, 1e4])
def test_a_shear_before_a_decay(backend, size):
    """Jordan blocks, triangular matrices with large corners, and those turned by a rotation."""
    rng = np.random.default_rng(2)
    R = np.stack([0.5 * np.eye(10) + np.diag(np.full(9, s), 1) for s in (size, 1.0)] * 2)
    R[1] += np.triu(rng.standard_normal((10, 10)), 1) * size
    Q = np.linalg.qr(rng.standard_normal((10, 10)))[0]
    R[2:] = Q @ R[:2] @ Q.T
    p, lags = linear(R, 60), {0, 1, 3, 10, 20, 33, 47, 60}
    assert_close(measured(backend, p, lags), measured(backend, p, lags, all_rows=True))


@both
@pytest.mark.parametrize("rate", [1e-30, 1e-9, 1e9, 1e30])
def test_what_leaves_the_range_of_floats_is_measured(backend, rate):
    p = linear(rate * np.linalg.qr(np.random.default_rng(3).standard_normal((2, 8, 8)))[0], 40)
    logs = measured(backend, p, range(0, 41, 8))
    for lag, found in logs.items():
        for quantity, values in found.items():
            through_R = lag - ("_x" in quantity.name)
            units = {"jacobian_fro": 8, "jacobian_fro_x": 2}.get(quantity.name, 1)
            expected = through_R * math.log10(rate) + 0.5 * math.log10(units)
            np.testing.assert_allclose(values, expected, atol=CLOSE)


@both
def test_a_dead_network_and_an_exploded_one(backend):
    p = random_problem("rnn_relu", seed=8, length=20)
    p.params.b[0] = -100.0
    p.params.R[1] *= 1e200
    assert_close(measured(backend, p, range(21)), measured(backend, p, range(21), all_rows=True))


def test_no_limit_on_memory_changes_a_result(monkeypatch):
    p = random_problem("lstm", seed=9, length=50)
    lags = {0, 1, 15, 16, 17, 50}
    found = measured(BACKENDS["numpy"], p, lags)
    monkeypatch.setattr(carousel.engine.recurrence, "MEMORY", 1)
    chunked = measured(BACKENDS["numpy"], p, lags)
    assert_close(chunked, found)
    monkeypatch.setattr(carousel.measures.jacobian.backward, "PROBES", {"cpu": 2**20})
    assert_close(measured(BACKENDS["numpy"], p, lags), found)


def test_a_turn_loses_little_of_any_block():
    """A block a hundred-thousandth of the others keeps its own directions."""
    rng, H = np.random.default_rng(4), 20
    before = uncompressed(1, 1, 2 * H, 2)
    left, right = (np.linalg.qr(rng.standard_normal((2 * H, 2 * H)))[0] for _ in range(2))
    J = left * 10.0 ** -np.arange(2 * H) @ right
    J[:H, :H] *= 1e-5
    rows = np.stack(
        [np.concatenate([J[s], z @ J[s]]) for s, z in zip(halves(H), before.tests[0, 0], strict=True)]
    )
    after = recompressed(Compressed(rows[None, None], before.power, before.tests))
    r = after.tests.shape[-1]
    assert r < 9
    for s, half in enumerate(halves(H)):
        kept = after.rows[0, 0, s, :r]
        for block, of in ((kept, J[half]), (kept[:, half], J[half, half])):
            lost = np.linalg.norm(of) ** 2 - np.linalg.norm(block) ** 2
            assert abs(lost) < 1e-8 * np.linalg.norm(of) ** 2
        unknown = after.rows[0, 0, s, r:] - after.tests[0, 0, s] @ kept
        assert np.linalg.norm(unknown) < 1e-3 * np.linalg.norm(kept)


def halves(H: int) -> tuple[slice, slice]:
    return slice(0, H), slice(H, 2 * H)


@settings(max_examples=30, deadline=None)
@given(
    size=st.integers(1, 40),
    decades=st.floats(0, 12),
    scale=st.floats(1e-12, 1e12),
    seed=st.integers(0, 2**32 - 1),
)
def test_the_leading_eigenvalue_is_as_close_as_was_asked(size, decades, scale, seed):
    rng = np.random.default_rng(seed)
    Q = np.linalg.qr(rng.standard_normal((2, 3, size, size)))[0]
    values = 10 ** -rng.uniform(0, decades, (2, 3, size))
    gram = scale * (Q * values[..., None, :]) @ Q.swapaxes(-1, -2)
    found = leading(gram, 5e-4)
    np.testing.assert_allclose(found, np.log2(scale * values.max(-1)), atol=5.1e-4)


def test_the_leading_eigenvalue_of_nothing_and_of_no_number():
    gram = np.stack([np.zeros((3, 3)), np.full((3, 3), np.nan), np.eye(3)])
    with np.errstate(invalid="ignore"):
        found = leading(gram, 5e-4)
    np.testing.assert_allclose(found, [-np.inf, np.nan, 0.0], atol=5e-4)
