"""The log-space adjoint: equal to the plain one where that exists, right where it does not."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from support.cell_checks import FLOOR
from support.pairs import cells_on
from support.problems import B, H, M, random_problem

import carousel.engine.recurrence
from carousel.cells import CELLS, Params
from carousel.engine.backends.table import load
from carousel.engine.decomposition import advance, cosine, initial
from carousel.engine.log_space import difference
from carousel.engine.recurrence import PATHS, effective, flat, unroll
from carousel.measures.adjoint import Quantity, gradient_by_lag
from carousel.measures.jacobian.blocks import places

BACKENDS = {name: load(name, "cpu", "float64") for name in ("numpy", "torch")}
both = pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
EXACT = {
    f"{name} {dtype}": load(name, "cpu", dtype, True) for name in BACKENDS for dtype in ("float64", "float32")
}


def measured(backend, p, lags):
    return dict(gradient_by_lag(p.system(backend), p.on(backend).covector[0], set(lags)))


def rows_of(cell, gate):
    """A gate's rows of W, R and b; none for a gate that is not there."""
    k = cell.gates.index(gate) if gate else 0
    return slice(k * H, (k + bool(gate)) * H)


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


def plain(p, length):
    """The adjoints of the joint state [M SH B] by path, and of the input [M D B], lag by lag, without any scale."""
    numpy, on = BACKENDS["numpy"], p.on(BACKENDS["numpy"])
    ops = numpy.ops(p.cell, PATHS["full"](p.cell))
    params = effective(ops, p.cell, on.params)
    steps, _ = unroll(ops, p.cell, params, on.xs, on.state)
    at = {path: (on.covector[0], *(0 * s for s in on.state[1:])) for path in PATHS}
    found, inputs = [at], [None]
    for step in steps[: -length - 1 : -1]:
        inputs.append(params.W.swapaxes(1, 2) @ flat(numpy.error(p.cell, params, step, found[-1]["full"])[1]))
        found.append(
            {path: numpy.vjp(p.cell, params, step, d, PATHS[path](p.cell)) for path, d in found[-1].items()}
        )
    joint = [{path: np.concatenate(d, axis=1) for path, d in lag.items()} for lag in found]
    return [lag | {"gates": lag["full"] - lag["candidate"]} for lag in joint], inputs


def log_norm(x):
    with np.errstate(divide="ignore"):
        return np.log10(np.linalg.norm(x, axis=1))


@both
@pytest.mark.parametrize("name", CELLS)
def test_norms_and_cosines_are_those_of_the_plain_adjoints(name, backend):
    p = random_problem(name, seed=30)
    lags = len(p.xs)
    found, (adjoints, inputs) = measured(backend, p, range(lags + 1)), plain(p, lags)
    for lag, by_path in enumerate(adjoints):
        for path, d in by_path.items():
            about = {"rtol": 1e-9, "atol": 1e-10} if path == "gates" else {"rtol": 1e-12, "atol": 1e-12}
            for state, own in zip(p.cell.states, places(p.cell.state_sizes(H)), strict=True):
                expected = log_norm(d[:, own])
                np.testing.assert_allclose(found[lag][Quantity(f"loss_{state}", path)], expected, **about)
            np.testing.assert_allclose(found[lag][Quantity("loss_state", path)], log_norm(d), **about)
            with np.errstate(invalid="ignore"):
                cosines = (d * by_path["full"]).sum(1) / 10 ** (log_norm(d) + log_norm(by_path["full"]))
            np.testing.assert_allclose(found[lag][Quantity("loss_state", path, "cosine")], cosines, **about)
        if lag:
            expected = log_norm(inputs[lag])
            np.testing.assert_allclose(
                found[lag][Quantity("loss_x", "full")], expected, rtol=1e-12, atol=1e-12
            )
    assert Quantity("loss_x", "full") not in found[0]


@both
@pytest.mark.parametrize("name", CELLS)
def test_the_full_path_has_cosine_one_with_itself_and_nothing_has_none(name, backend):
    for logs in measured(backend, random_problem(name, seed=31), [0, 1, 6]).values():
        for quantity, values in logs.items():
            if quantity.column == "cosine":
                zero = np.isneginf(logs[quantity._replace(column="log10_norm")])
                np.testing.assert_array_equal(np.isnan(values), zero)
                assert (abs(values[~zero]) <= 1).all()
        full = logs[Quantity("loss_state", "full", "cosine")]
        np.testing.assert_array_equal(full[~np.isnan(full)], 1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", ["lstm", "rnn_tanh", "mlstm"])
def test_how_many_lags_are_measured_at_once_changes_no_bit(name, dtype, monkeypatch):
    p, found, backend = random_problem(name, seed=37, length=20), [], load("numpy", "cpu", dtype)
    for numbers in (1, 400, 10**6):
        monkeypatch.setattr("carousel.measures.adjoint.TOGETHER", numbers)
        found.append(measured(backend, p, [0, 1, *range(4, 21)]))
    for other in found[1:]:
        assert [*other] == [*found[0]]
        for lag, logs in other.items():
            assert logs.keys() == found[0][lag].keys()
            for quantity, values in logs.items():
                np.testing.assert_array_equal(values, found[0][lag][quantity])


def test_cosines_of_planted_vectors():
    """Parallel, opposite, orthogonal, at 60 degrees, and with nothing."""
    x, y, h = np.array([0.5, 0.0]), np.array([0.0, 0.9]), np.array([0.4, 0.4 * 3**0.5])
    pairs = [
        (x, 0.7 * x, 1),
        (x, -0.9 * x, -1),
        (x, y, 0),
        (x, h, 0.5),
        (x, 0 * x, np.nan),
        (0 * x, 0 * x, np.nan),
    ]
    for a, b, expected in pairs:
        one, other = a[None, :, None], b[None, :, None]
        np.testing.assert_allclose(cosine(one, other), [[expected]], rtol=1e-15, atol=1e-16)


vectors = st.lists(st.floats(-1, 1).map(lambda x: round(x, 3)), min_size=3, max_size=3)


@given(a=vectors, b=vectors, power=st.integers(-300, 300))
def test_a_cosine_knows_no_length_and_no_order(a, b, power):
    a, b = (np.array(v)[None, :, None] for v in (a, b))
    found = cosine(a, b)
    np.testing.assert_array_equal(found, cosine(b, a))
    np.testing.assert_array_equal(found, -cosine(-a, b))
    np.testing.assert_array_equal(found, cosine(np.ldexp(a, power), b))
    np.testing.assert_array_equal(cosine(a, a), 1.0 if a.any() else np.nan)


@both
def test_cosines_far_below_the_smallest_float_are_still_there(backend):
    """One unit: any two adjoints are parallel or opposite, whatever their size."""
    p = random_problem("gru", seed=31, length=300, hidden=1)
    p.params.b[:, 1] -= 8.0
    logs = measured(backend, p, [300])[300]
    for path in ("candidate", "gates", "cell"):
        np.testing.assert_allclose(abs(logs[Quantity("loss_state", path, "cosine")]), 1, rtol=1e-15)
    assert logs[Quantity("loss_state", "cell")].max() < -800


def slope_by_input(p, lag):
    """The gradient of each sequence's loss by the input of the lag-th step before the end: a 7-point stencil."""
    t, h = len(p.xs) - lag, 1e-3 if p.cell.kinked else 1e-2
    backend = BACKENDS["numpy"]
    ops = backend.ops(p.cell, PATHS["full"](p.cell))
    params = effective(ops, p.cell, p.params)

    def loss(d, s):
        xs = p.xs.copy()
        xs[t, :, d] += s * h
        return (p.covector[0] * unroll(ops, p.cell, params, xs, p.state)[1][0]).sum(1)

    weights = ((1, 45), (2, -9), (3, 1))
    return np.stack(
        [sum(k * (loss(d, s) - loss(d, -s)) for s, k in weights) / (60 * h) for d in range(p.xs.shape[2])],
        axis=1,
    )


@pytest.mark.parametrize("name", CELLS)
def test_the_gradient_by_the_input_is_the_difference_quotient_and_lag_one_is_the_last(name):
    p = random_problem(name, seed=37)
    found = measured(BACKENDS["numpy"], p, [1, 3, len(p.xs)])
    for lag, logs in found.items():
        size = 10 ** logs[Quantity("loss_x", "full")]
        np.testing.assert_allclose(
            size, np.linalg.norm(slope_by_input(p, lag), axis=1), rtol=1e-9, atol=1e-12
        )


WITHOUT = [name for name in CELLS if not CELLS[name].carries]
SPLIT = Quantity("slopes", "full"), Quantity("weights", "full")


@both
@pytest.mark.parametrize("name", WITHOUT)
def test_slopes_and_weights_add_up_to_the_gradient(name, backend):
    found = measured(backend, random_problem(name, seed=38), range(10))
    start = found[0][Quantity("loss_h", "full")]
    for logs in found.values():
        slopes, weights = (logs[q] for q in SPLIT)
        np.testing.assert_allclose(
            start + slopes + weights, logs[Quantity("loss_h", "full")], rtol=1e-12, atol=1e-12
        )
    assert not any(quantity in SPLIT for quantity in measured(backend, random_problem("gru"), [1])[1])


@both
@settings(max_examples=10, deadline=None)
@given(w=st.floats(-3, 3).filter(lambda w: abs(w) > 1e-3), b=st.floats(-2, 2), length=st.integers(1, 40))
@pytest.mark.parametrize("name", ["rnn_tanh", "rnn_sigmoid"])
def test_the_split_of_a_scalar_chain_is_the_power_of_w_and_the_product_of_slopes(name, backend, w, b, length):
    logs = measured(backend, scalar_chain(name, w, b, length, 0.3), [length])[length]
    slopes, weights = (logs[q].item() for q in SPLIT)
    assert weights == pytest.approx(length * math.log10(abs(w)), rel=1e-12, abs=1e-12)
    product = logs[Quantity("factor_product", "formula")].item()
    assert slopes == pytest.approx(product, rel=1e-12, abs=1e-12)


@both
def test_a_linear_network_has_all_in_the_weights_and_an_orthogonal_one_all_in_the_slopes(backend):
    linear = measured(backend, random_problem("rnn_linear", seed=39), [9])[9]
    np.testing.assert_allclose(linear[SPLIT[0]], 0, atol=1e-13)
    p = random_problem("rnn_tanh", seed=39, init="orthogonal")
    p.params.R[:] /= 1.3  # the problem's gain
    orthogonal = measured(backend, p, [9])[9]
    np.testing.assert_allclose(orthogonal[SPLIT[1]], 0, atol=1e-13)
    assert (orthogonal[SPLIT[0]] < -0.5).all()


@both
def test_what_kills_a_gradient_is_named_and_the_other_part_stays(backend):
    """A dead ReLU is in the slopes, R = 0 in the weights; neither makes a NaN."""
    dead = measured(backend, scalar_chain("rnn_relu", -2.0, 0.0, 5, 0.5), range(6))
    cut = measured(backend, scalar_chain("rnn_tanh", 0.0, 0.0, 5, 0.5), range(6))
    for lag in range(1, 6):
        assert [dead[lag][q].item() for q in SPLIT] == [-math.inf, 0.0]
        assert [cut[lag][q].item() for q in SPLIT] == [0.0, -math.inf]


@both
def test_slopes_whose_squares_are_no_floats_are_no_zeros(backend):
    """tanh'(250) is about 10^-217."""
    p = random_problem("rnn_tanh", seed=40, length=3)
    p.params.b[:] = 250.0
    slopes, weights = (measured(backend, p, [3])[3][q] for q in SPLIT)
    assert np.isfinite(weights).all()
    assert (slopes < -600).all() and np.isfinite(slopes).all()


@both
@pytest.mark.parametrize("far", [178.0, 183.6, 184.6, 350.0])
def test_norms_just_above_the_square_root_of_the_smallest_float(backend, far):
    """tanh'(184) is about 10^-159, and its square a float of five bits; every digit has to be there."""
    found = measured(backend, scalar_chain("rnn_tanh", 1e-3, far, 2, 0.0), [1])
    with mpmath.workdps(400):
        slope = mpmath.sech(mpmath.mpf(far) + mpmath.mpf("1e-3") * mpmath.tanh(far)) ** 2
        expected = float(mpmath.log10(slope))
    slopes, weights = (found[1][quantity].item() for quantity in SPLIT)
    assert (slopes, weights) == pytest.approx((expected, -3), rel=1e-12)
    assert found[1][Quantity("loss_state", "full")].item() == pytest.approx(expected - 3, rel=1e-14)


def test_a_split_goes_on_from_where_it_is():
    one = np.zeros((1, 1))
    split = initial(one + 2.0)
    for net, after in ((1.0, 1.5), (-3.0, -2.0)):
        split = advance(split, one + net, one + after)
    assert (split.slopes.item(), split.weights.item(), split.norm.item()) == (-1.0 - 4.5, 0.5 + 1.0, -2.0)


@both
def test_gates_path_of_a_cell_without_gates_is_nothing(backend):
    found = measured(backend, random_problem("rnn_tanh", seed=32), range(10))
    assert all(np.isneginf(logs[Quantity("loss_state", "gates")]).all() for logs in found.values())
    assert all(np.isneginf(found[lag][Quantity("loss_state", "cell")]).all() for lag in range(1, 10))


CHAIN = """
import json, numpy as np
from carousel.engine.system import System
from carousel.measures.adjoint import gradient_by_lag
from carousel.engine.backends.table import load
from carousel.cells import CELLS, Params
one, lags = np.ones((1, 1, 1)), {lags}
there = load({name!r}, "cpu", "float64")
params = Params(*map(there.array, (0 * one, {w} * one, {b} * one)), {{}})
xs, state = there.array(np.zeros(({length}, 1, 1, 1))), (there.array({h0} * one),)
logs = dict(gradient_by_lag(System(there, CELLS["rnn_sigmoid"], params, xs, state), there.array(one), set(lags)))
print(json.dumps([[{{q.name + " " + q.path: v.item() for q, v in logs[k].items()}}[key] for k in lags]
                  for key in ("loss_h full", "factor_product formula")]))
"""


@pytest.mark.parametrize("name", ["numpy", pytest.param("torch", marks=pytest.mark.campaign)])
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


@pytest.mark.parametrize("backend", [*EXACT.values()], ids=EXACT)
@pytest.mark.parametrize("w", [1e6, 1e18, 1e25, 1e-25, 3e-12, 1e-3])
def test_a_linear_chain_of_tiny_or_huge_weight_is_a_number_at_every_lag(backend, w):
    found = measured(backend, scalar_chain("rnn_linear", w, 0.0, 24, 0.0), [1, 7, 13, 24])
    for lag, logs in found.items():
        assert logs[Quantity("loss_state", "full")].item() == pytest.approx(
            lag * math.log10(w), rel=1e-6 if "32" in backend.dtype else 1e-13, abs=1e-12
        )


@both
def test_a_dead_relu_is_an_exact_zero(backend):
    found = measured(backend, scalar_chain("rnn_relu", -1.0, 0.0, 5, 0.5), range(6))
    assert [bool(np.isneginf(found[k][Quantity("loss_h", "full")]).item()) for k in range(6)] == [
        False
    ] + 5 * [True]


@pytest.mark.parametrize(
    "backend", [BACKENDS["numpy"], pytest.param(BACKENDS["torch"], marks=pytest.mark.campaign)], ids=BACKENDS
)
@pytest.mark.parametrize(
    "name", [n for n in CELLS if CELLS[n].carries and CELLS[n].states[-1] in ("h", "c", "C")]
)
def test_the_carousel_is_the_product_of_its_gates_unit_by_unit(name, backend):
    """A1d, down to 10^-800: closed gates, a random state and 100 steps. A head has the mean of its units' biases."""
    p = random_problem(name, seed=33, length=100)
    cell = p.cell
    if cell.forget:
        p.params.b[:, rows_of(cell, cell.forget)] -= np.linspace(20 * cell.mixes, 20, H)[:, None]
    found = measured(backend, p, [1, 50, 100])
    for logs in found.values():
        product, carousel = logs[Quantity("factor_product", "formula")], logs[Quantity("cec", "cell")]
        assert product.shape == (M, cell.state_sizes(H)[cell.carousel] * B)
        np.testing.assert_allclose(carousel, product, rtol=1e-12, atol=1e-11)
    assert cell.forget is None or name in FLOOR or product.min() < -800


@both
def test_the_1997_carousel_passes_the_error_on_unchanged(backend):
    found = measured(backend, random_problem("lstm97", seed=34, length=60), range(61))
    for lag in range(1, 61):
        np.testing.assert_array_equal(found[lag][Quantity("cec", "cell")], 0)
        np.testing.assert_allclose(
            found[lag][Quantity("loss_c", "cell")], found[1][Quantity("loss_c", "cell")], rtol=1e-15
        )


def test_an_exact_backend_takes_the_plain_path():
    taken, p = [], random_problem("lstm")
    for exact in (True, False):
        backend = load("numpy", "cpu", "float64", exact)
        own = backend.engine.adjoints
        noted = replace(backend.engine, adjoints=lambda *_, own=own: taken.append(own.__module__) or ())
        list(gradient_by_lag(p.system(replace(backend, engine=noted)), p.covector[0], {1}))
    fast = "carousel.engine.compiled.engine" if find_spec("numba") else "carousel.engine.plain"
    assert taken == ["carousel.engine.plain", fast]


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.mixes])
def test_a_cell_that_mixes_units_takes_the_plain_path(name):
    """Its numbers are those of the exact backend, bit for bit."""
    p = random_problem(name, seed=37)
    exact, ours = (measured(load("numpy", "cpu", "float64", exact), p, range(10)) for exact in (True, False))
    for lag, logs in exact.items():
        for quantity, values in logs.items():
            np.testing.assert_array_equal(values, ours[lag][quantity])


@pytest.mark.parametrize(("name", "backend"), cells_on(BACKENDS))
def test_the_memory_limit_changes_no_result(name, backend, monkeypatch):
    p = random_problem(name, seed=35, length=40)
    plain = measured(backend, p, range(41))
    monkeypatch.setattr(carousel.engine.recurrence, "MEMORY", 1)
    for lag, logs in measured(backend, p, range(41)).items():
        for quantity, values in logs.items():
            np.testing.assert_array_equal(values, plain[lag][quantity])


@both
@given(exponent=st.integers(-1070, 1023), seed=st.integers(0, 99))
@example(exponent=-1070, seed=0)
@example(exponent=1023, seed=0)
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
    (d,), power = difference(backend.scale, (large[0], large[1] + 5000), (small[0], small[1]))
    assert backend.numpy(power).item() == 5000
    np.testing.assert_array_equal(backend.numpy(d), 0.5)
    (d,), power = difference(backend.scale, (small[0], small[1]), (large[0], large[1] + 5000))
    np.testing.assert_array_equal(backend.numpy(d), -0.5)


@both
def test_a_zero_vector_has_no_scale(backend):
    one, zero = backend.array(np.full((1, 2, 1), 0.5)), backend.array(np.zeros((1, 2, 1)))
    power = backend.rescale((one,), False)[1]
    (d,), scale = difference(backend.scale, ((zero,), power - 100), ((one,), power - 5000))
    assert backend.numpy(scale).item() == -5000
    np.testing.assert_array_equal(backend.numpy(d), -0.5)
    (d,), _ = difference(backend.scale, ((zero,), power), ((zero,), power))
    np.testing.assert_array_equal(backend.numpy(d), 0)


@pytest.mark.parametrize(("name", "backend"), cells_on({name: name for name in BACKENDS}))
def test_float32_sees_as_far_as_float64(name, backend):
    """Rounding apart: no underflow at 10^-38, nor at its square root, where squares vanish."""
    p = random_problem(name, seed=36, length=80)
    p.params.R[:] *= 0.15
    p.params.b[:, rows_of(p.cell, p.cell.forget)] -= 3.0
    wide = measured(BACKENDS[backend], p, [50, 80])
    narrow = measured(load(backend, "cpu", "float32"), p, [50, 80])
    gated = p.cell.forget and name not in FLOOR
    shrinks = gated or (not p.cell.carries and p.cell.recurrent_states and not p.cell.weight)
    assert not shrinks or wide[80][Quantity("loss_state", "full")].max() < -38
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
