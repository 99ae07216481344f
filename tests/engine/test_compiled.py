"""The compiled loops equal the plain ones: at all lags, on all paths, in every cell."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("numba", reason="numba, of `pip install .[fast]`, is not there")

from support.cell_checks import POINTWISE  # noqa: E402
from support.problems import Problem, random_problem  # noqa: E402

from carousel.cells import Params  # noqa: E402
from carousel.engine import recurrence  # noqa: E402
from carousel.engine.adjoint import Carried, Path, paths  # noqa: E402
from carousel.engine.backends.numpy import FORWARD, NumpyBackend  # noqa: E402
from carousel.engine.compiled import groups, training  # noqa: E402
from carousel.engine.compiled.decay import norms
from carousel.engine.compiled.paths import adjoints
from carousel.engine.compiled.training import gradient, last_outputs  # noqa: E402
from carousel.engine.plain import rescale_all, start, step_back  # noqa: E402
from carousel.engine.recurrence import PATHS, Gates, effective  # noqa: E402
from carousel.measures.adjoint import Quantity, gradient_by_lag  # noqa: E402

STEPS, CHUNK = 8, 3
EXACT = {"float64": 1e-12, "float32": 3e-4}  # relative to the largest entry of a sequence's vector
CASES = [(cell, dtype) for cell in POINTWISE for dtype in EXACT]


def problem(cell: str, dtype: str, length: int = STEPS) -> Problem:
    """A random problem with R itself among its parameters."""
    found = random_problem(cell, length=length).on(NumpyBackend(dtype))
    return found._replace(params=effective(FORWARD, found.cell, found.params))


def plainly(p: Problem, backend: NumpyBackend) -> Iterator[Carried]:
    """What the plain loops carry back, at all lags."""
    carried = start(p.system(backend), p.covector[0])
    yield carried
    for step in reversed(recurrence.unroll(FORWARD, p.cell, p.params, p.xs, p.state, factors=True)[0]):
        carried = rescale_all(backend, p.cell, step_back(p.system(backend), carried, step))
        yield carried


def assert_same(found: tuple, expected: tuple, tolerance: float) -> None:
    """Two scaled vectors are equal to rounding of the largest entry."""
    (d, power), (e, e_power) = found, expected
    assert power.shape == e_power.shape
    for a, b in zip(d, e, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(np.ldexp(a.astype(float), power - e_power), b, atol=tolerance, rtol=0)


@pytest.mark.parametrize(("cell", "dtype"), CASES)
def test_every_path_is_the_plain_one_at_every_lag(cell: str, dtype: str) -> None:
    p, tolerance = problem(cell, dtype), EXACT[dtype]
    plain = list(plainly(p, NumpyBackend(dtype)))
    lags, order = set(range(STEPS + 1)) - {3, 4}, paths(p.cell)
    found = list(adjoints(p.cell, p.params, p.xs, p.state, p.covector[0], lags, order, CHUNK))
    assert [lag for lag, _ in found] == sorted(lags)
    for lag, ours in found:
        there = plain[lag]
        assert ours.adjoints.keys() == there.adjoints.keys() == set(order)
        for path, adjoint in ours.adjoints.items():
            assert_same(adjoint, there.adjoints[path], tolerance)
        np.testing.assert_allclose(ours.log_factors, there.log_factors, rtol=20 * tolerance, atol=tolerance)
        assert (ours.net is None) == (there.net is None)
        if ours.net:
            assert_same(ours.net, there.net, tolerance)
        pair = ours.decomposition, there.decomposition
        assert (pair[0] is None) == (pair[1] is None)
        if pair[0]:
            np.testing.assert_allclose(np.stack(pair[0]), np.stack(pair[1]), atol=tolerance, rtol=0)


@pytest.mark.parametrize("cell", POINTWISE)
def test_segments_change_no_bit_of_an_adjoint(cell: str) -> None:
    p = problem(cell, "float64")
    order = [Path(False, frozenset(p.cell.gates)), Path(False, frozenset())]
    arguments = p.cell, p.params, p.xs, p.state, p.covector[0], {STEPS}, order
    ((_, chunked),), ((_, whole),) = adjoints(*arguments, CHUNK), adjoints(*arguments, STEPS)
    for path in order:
        a, b = chunked.adjoints[path], whole.adjoints[path]
        for x, y in zip((*a[0], a[1]), (*b[0], b[1]), strict=True):
            assert np.array_equal(x, y)


@pytest.mark.parametrize("cell", POINTWISE)
def test_the_norms_at_all_lags_are_those_of_the_adjoints(cell: str) -> None:
    p = problem(cell, "float64")
    found = norms(p.cell, p.params, p.xs, p.state, p.covector[0])
    full = Path(False, frozenset(p.cell.gates))
    lags = set(range(STEPS + 1))
    for lag, carried in adjoints(p.cell, p.params, p.xs, p.state, p.covector[0], lags, [full], STEPS):
        d, power = carried.adjoints[full]
        squares = np.square(np.stack(d)).sum(2)
        with np.errstate(divide="ignore"):
            logs = 0.5 * np.log10([*squares, squares.sum(0)]) + power[:, 0] * np.log10(2)
        np.testing.assert_allclose(found[lag], logs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("cell", POINTWISE)
def test_the_gradient_by_every_parameter_is_the_plain_one(cell: str) -> None:
    p = problem(cell, "float64")
    steps, last = recurrence.unroll(FORWARD, p.cell, p.params, p.xs, p.state)
    hs = np.stack([steps[-2].before[0], steps[-1].before[0], last[0]], axis=1)
    d_hs = np.random.default_rng(5).standard_normal(hs.shape)
    for gates in {PATHS[path](p.cell) for path in PATHS}:
        seen, found = given(p, d_hs, gates)
        np.testing.assert_allclose(seen, hs, rtol=1e-12, atol=1e-13)
        ops = NumpyBackend("float64").ops(p.cell, gates)
        wanted = recurrence.parameter_gradients(ops, p.cell, p.params, steps, d_hs, gates)
        assert found.p.keys() == wanted.p.keys()
        for a, b in zip(arrays(found), arrays(wanted), strict=True):
            np.testing.assert_allclose(a, b, rtol=0, atol=1e-12 * max(1, abs(b).max(initial=0)), strict=True)


def given(p: Problem, d_hs: np.ndarray, gates: Gates | None = None) -> tuple[np.ndarray, Params]:
    """h after the last steps, and the gradient by the parameters given the errors of these h."""
    seen = []

    def errors(hs: np.ndarray, models: slice) -> np.ndarray:
        seen.append(hs.copy())
        return d_hs[models]

    gates = frozenset(p.cell.gates) if gates is None else gates
    found = gradient(p.cell, p.params, p.xs, p.state, d_hs.shape[1], errors, gates)
    return np.concatenate(seen), found


def arrays(params: Params) -> list[np.ndarray]:
    """All arrays of parameters, in one order."""
    return [*params[:3], *(params.p[name] for name in sorted(params.p))]


def wider(p: Problem, times: int) -> Problem:
    """The same sequences over and over: more than one panel, the last not full."""
    grown = [np.concatenate([a] * times, axis=-1) for a in (p.xs, p.covector[0], *p.state)]
    return p._replace(xs=grown[0], covector=(grown[1],), state=tuple(grown[2:]))


@pytest.mark.parametrize(("cell", "dtype"), CASES)
@pytest.mark.parametrize("last", [1, 3, STEPS - 1, STEPS])
def test_a_pass_that_keeps_no_step_has_the_bits_of_one_that_does(cell: str, dtype: str, last: int) -> None:
    p = wider(problem(cell, dtype), 7)
    hs = last_outputs(p.cell, p.params, p.xs, p.state, last)
    np.testing.assert_array_equal(hs, given(p, np.zeros_like(hs))[0], strict=True)


@pytest.mark.parametrize(("cell", "dtype"), CASES)
@pytest.mark.parametrize(("models", "size"), [(1, 1), (2, 2), (3, 2), (5, 4)])
def test_models_have_the_same_bits_in_groups_as_all_at_once(
    cell: str, dtype: str, models: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    p = more(wider(problem(cell, dtype), 7), models)
    d_hs = np.random.default_rng(6).standard_normal((models, 2, *p.state[0].shape[1:])).astype(dtype)
    hs, at_once = given(p, d_hs)
    (plan,) = training.PLANS.values()
    assert len(plan.group.x) == models
    monkeypatch.setattr(groups, "LARGEST", plan.group.bytes * size // models)
    training.PLANS.clear()
    same, in_groups = given(p, d_hs)
    assert len(next(iter(training.PLANS.values())).group.x) == size
    for a, b in zip([hs, *arrays(at_once)], [same, *arrays(in_groups)], strict=True):
        np.testing.assert_array_equal(a, b, strict=True)


def more(p: Problem, models: int) -> Problem:
    """As many models, each with parameters, inputs and states that are a multiple of the first one's."""
    factor = np.linspace(0.5, 1.5, models).astype(p.xs.dtype)
    W, R, b = (a[:1] * factor[:, None, None] for a in p.params[:3])
    by_name = {name: a[:1] * factor[:, None, None] for name, a in p.params.p.items()}
    state = tuple(s[:1] * factor[:, None, None] for s in p.state)
    xs = p.xs[:, :1] * factor[:, None, None]
    return p._replace(params=Params(W, R, b, by_name), xs=xs, state=state)


@pytest.mark.parametrize("cell", ["lstm", "rnn_tanh", "gru_v1", "lstm_peephole"])
def test_a_gradient_stays_what_it_is_when_the_next_one_is_computed_in_the_same_arrays(cell: str) -> None:
    p, q = problem(cell, "float64"), problem(cell, "float64")
    q = q._replace(params=q.params._replace(R=-q.params.R, W=2 * q.params.W), xs=-q.xs)
    d_hs = np.random.default_rng(7).standard_normal((*p.state[0].shape[:1], 1, *p.state[0].shape[1:]))
    found = [given(each, d_hs)[1] for each in (p, q, p)]
    kept = [[a.copy() for a in arrays(each)] for each in found]
    (plan,) = training.PLANS.values()
    given(q, 3 * d_hs)
    assert training.PLANS[plan.shape] is plan
    for a, b, c in zip(arrays(found[0]), arrays(found[2]), kept[0], strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(a, c)
    assert not np.array_equal(kept[0][1], kept[1][1])


def test_no_arrays_are_kept_that_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    p = problem("lstm", "float64")
    d_hs = np.zeros((*p.state[0].shape[:1], 1, *p.state[0].shape[1:]))
    given(p, d_hs)
    (plan,) = training.PLANS.values()
    monkeypatch.setattr(training, "KEPT", plan.group.bytes - 1)
    given(p, d_hs)
    assert not training.PLANS


def test_a_gradient_within_a_gradient_has_arrays_of_its_own() -> None:
    p = problem("lstm", "float64")
    d_hs = np.ones((*p.state[0].shape[:1], 1, *p.state[0].shape[1:]))

    def errors(hs: np.ndarray, models: slice) -> np.ndarray:
        given(p._replace(xs=-p.xs), 2 * d_hs)
        return d_hs[models]

    found = gradient(p.cell, p.params, p.xs, p.state, 1, errors, frozenset(p.cell.gates))
    for a, b in zip(arrays(found), arrays(given(p, d_hs)[1]), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("dtype", EXACT)
@pytest.mark.parametrize("cell", ["lstm", "gru_v1", "lru"])
def test_sequences_in_several_panels_do_not_affect_each_other(cell: str, dtype: str) -> None:
    p = problem(cell, dtype)
    few, many = (norms(q.cell, q.params, q.xs, q.state, q.covector[0]) for q in (p, wider(p, 7)))
    np.testing.assert_allclose(many, np.concatenate([few] * 7, axis=-1), rtol=0, atol=20 * EXACT[dtype])
    wide = wider(p, 7)
    one, all_ = (parts(q) for q in (p, wide))
    for a, b in zip(one, all_, strict=True):
        np.testing.assert_allclose(7 * a, b, rtol=0, atol=EXACT[dtype] * max(1, abs(b).max(initial=0)))


def parts(p: Problem) -> list[np.ndarray]:
    """The gradients by W, R and b of a loss that is the sum over sequences."""
    M, H, B = p.state[0].shape
    return list(given(p, np.ones((M, 1, H, B), p.xs.dtype))[1][:3])


@pytest.mark.parametrize("dtype", EXACT)
def test_a_decay_of_many_decades_a_step_is_followed_to_the_end(dtype: str) -> None:
    p, deep = problem("rnn_sigmoid", dtype, length=20), {"float64": -1400.0, "float32": -180.0}[dtype]
    saturated = p.params._replace(b=p.params.b * 0 + deep / 2)  # a slope of 1e-39 in float32
    p = p._replace(params=saturated)
    found = norms(p.cell, p.params, p.xs, p.state, p.covector[0])
    lags = dict(gradient_by_lag(p.system(NumpyBackend(dtype)), p.covector[0], {20}))
    expected = lags[20][Quantity("loss_state", "full")]
    assert expected.max() < -700
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(found[20, -1], expected, rtol=1e-5)


@pytest.mark.parametrize("dtype", EXACT)
def test_exact_zeros_and_nothing_else_is_zero(dtype: str) -> None:
    p = problem("rnn_relu", dtype)
    covector = p.covector[0].copy()
    covector[0] = 0
    dead = p.params.b.copy()
    dead[1] = -1000
    dead[2] = 1000
    p = p._replace(params=p.params._replace(b=dead))
    found = norms(p.cell, p.params, p.xs, p.state, covector)[:, -1]
    assert np.isneginf(found[:, 0]).all()
    assert np.isfinite(found[0, 1]).all()
    assert np.isneginf(found[1:, 1]).all()
    assert np.isfinite(found[:, 2]).all()


@pytest.mark.parametrize("dtype", EXACT)
def test_what_explodes_past_the_range_is_measured(dtype: str) -> None:
    p = problem("rnn_linear", dtype, length=30)
    power = {"float64": 40, "float32": 12}[dtype]
    p = p._replace(params=p.params._replace(R=np.ldexp(p.params.R, power)), xs=0 * p.xs)
    p = p._replace(state=tuple(0 * s for s in p.state), params=p.params._replace(b=0 * p.params.b))
    found = norms(p.cell, p.params, p.xs, p.state, p.covector[0])
    lags = dict(gradient_by_lag(p.system(NumpyBackend(dtype)), p.covector[0], {30}))
    np.testing.assert_allclose(found[30, -1], lags[30][Quantity("loss_state", "full")], rtol=1e-5)
    assert found[30, -1].min() > np.log10(np.finfo(dtype).max)


def test_a_nan_stays_within_its_sequence() -> None:
    p = problem("lstm", "float64")
    xs = p.xs.copy()
    xs[2, 1, 0, 3] = np.nan
    with np.errstate(invalid="ignore"):
        found = norms(p.cell, p.params, xs, p.state, p.covector[0])[STEPS, -1]
    assert np.isnan(found[1, 3])
    assert np.isnan(found).sum() == 1


def test_a_cell_that_is_no_constant_has_code_of_its_own() -> None:
    p = problem("gru", "float64")
    again = replace(p.cell)
    a, b = (norms(cell, p.params, p.xs, p.state, p.covector[0]) for cell in (p.cell, again))
    assert np.array_equal(a, b)
