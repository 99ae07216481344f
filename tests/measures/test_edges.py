"""Numbers at the edge: what leaves the range of floats is told, and no other model notices."""

import numpy as np
import pandas as pd
import pytest
import torch
from support.tolerances import PRECISION

import carousel
from carousel.cells import CELLS, Params
from carousel.engine.backends.backend import Model, Readout, Targets
from carousel.engine.backends.numpy import FORWARD
from carousel.engine.backends.table import DeviceError, load
from carousel.engine.backends.torch import TorchOps
from carousel.measures.adjoint import Quantity
from carousel.measures.decay import measure
from carousel.measures.rows import rows
from carousel.measures.training.nonfinite import (
    FARTHEST,
    GRADIENT,
    LOSS,
    NONE,
    WEIGHTS,
    NonFiniteTracker,
    reachable,
)
from carousel.measures.training.optimizer import BETA_1, BETA_2, clipped
from carousel.measures.training.scoring import scores
from carousel.measures.training.train import train
from carousel.study.errors import StudyError
from carousel.study.files import decay_defaults, training_defaults
from carousel.study.models import Setting
from carousel.study.schema import vary

PATHS = {"plain": ("numpy", True), "compiled": ("numpy", False), "torch": ("torch", False)}
every_path = pytest.mark.parametrize("path", PATHS)


def backend(path: str, dtype: str = "float64"):
    name, exact = PATHS[path]
    return load(name, "cpu", dtype, exact)


def block(cell, gains, length):
    return [Setting(cell, "orthogonal", g, "none", 0.0, "unit", 4, length, r) for r, g in enumerate(gains)]


def trained(path, gains, dtype="float64", **given):
    small = {"cells": ["rnn_linear"], "tasks": ["adding"], "lengths": [12], "hidden": [4], "repetitions": 3}
    small |= {
        "batch": 6,
        "steps": 4,
        "evaluate_every": 2,
        "test_size": 20,
        "learning_rates": [0.02],
        "clip": 0.5,
    }
    small |= {"snapshots": [0, 2, 4], "measures": ["gradient", "gates"], "sequences": 2}
    part = vary(training_defaults(), **{**small, "dtype": dtype, **given})
    return train(backend(path, dtype), 1, block("rnn_linear", gains, 12), part, "adding", "full")


def without(table: pd.DataFrame, repetition: int) -> pd.DataFrame:
    texts = table.select_dtypes("category").columns
    return table[table["repetition"] != repetition].astype(dict.fromkeys(texts, str)).reset_index(drop=True)


@every_path
def test_a_model_that_overflows_is_stopped_and_the_others_keep_every_bit(path):
    """The second of three has a gain of 1e40: its state is infinite within twelve steps."""
    with_it, without_it = trained(path, (1.0, 1e40, 1.0)), trained(path, (1.0, 1.0, 1.0))
    for ours, theirs in zip(with_it[:2], without_it[:2], strict=True):
        pd.testing.assert_frame_equal(without(ours, 1), without(theirs, 1), check_exact=True)
    rows = with_it.accuracy[with_it.accuracy["repetition"] == 1]
    assert set(rows["stopped"]) == {0}
    assert set(rows["reason"]) == {LOSS}
    assert rows["loss"].isna().all()
    assert not rows["accuracy"].any()
    assert not rows["solved"].any()
    assert rows["step"].tolist() == [0, 2, 4]
    others = without(with_it.accuracy, 1)
    assert set(others["stopped"]) == {-1}
    assert set(others["reason"]) == {NONE}
    snapshots = with_it.decay.groupby("repetition")["step"].unique()
    assert [list(snapshots[r]) for r in range(3)] == [[0, 2, 4], [0], [0, 2, 4]]


@every_path
def test_a_learning_rate_too_large_stops_every_model_at_its_step(path):
    found = trained(path, (1.0, 1.0, 1.0), learning_rates=[1e200], steps=3, snapshots=[0, 3])
    assert set(found.accuracy["stopped"]) == {1}
    assert set(found.accuracy["reason"]) == {LOSS}
    first = found.accuracy["step"] == 0
    assert np.isfinite(found.accuracy[first]["loss"]).all()
    assert found.accuracy[~first]["loss"].isna().all()
    assert set(found.decay["step"]) == {0}


@every_path
def test_weights_that_are_no_floats_are_never_trained(path):
    found = trained(path, (1.0, 1e40, 1.0), dtype="float32", measures=["gradient"])
    rows = found.accuracy[found.accuracy["repetition"] == 1]
    assert set(rows["stopped"]) == {0}
    assert set(rows["reason"]) == {WEIGHTS}
    assert set(found.decay["repetition"]) == {0, 2}
    assert np.isfinite(without(found.accuracy, 1)["loss"]).all()


def test_the_first_reason_stands():
    tracker = NonFiniteTracker(4)
    tracker.check(3, np.array([1.0, np.inf, np.nan, 1.0]), np.array([1.0, np.nan, 1.0, np.inf]))
    tracker.check(5, np.full(4, np.nan), np.full(4, np.nan))
    assert tracker.step.tolist() == [5, 3, 3, 3]
    assert tracker.reason.tolist() == [LOSS, LOSS, LOSS, GRADIENT]
    assert not tracker.active.any()


@every_path
def test_a_gradient_whose_square_is_no_float_is_clipped(path):
    g = np.full((2, 3, 1), 1e200)
    g[1] = 1e-3
    (clip,), norm = clipped(backend(path), [backend(path).array(g)], 2.0)
    np.testing.assert_allclose(norm, [3**0.5 * 1e200, 3**0.5 * 1e-3])
    np.testing.assert_allclose(clip[0], 2 / 3**0.5)
    np.testing.assert_array_equal(clip[1], g[1])


@pytest.mark.parametrize("path", ["plain", "torch"])
def test_clipping_one_model_takes_no_bit_of_another(path):
    rng, side = np.random.default_rng(0), backend(path)
    for _ in range(50):
        shapes = (2, 4, 5), (2, 7, 1)
        healthy = [rng.normal(0, 4, shape) for shape in shapes]
        spoilt = [g.copy() for g in healthy]
        spoilt[0][1, 2, 3] = np.inf
        found = [clipped(side, [side.array(g) for g in each], 1.0) for each in (healthy, spoilt)]
        assert found[0][1][0] == found[1][1][0]
        for a, b in zip(found[0][0], found[1][0], strict=True):
            assert (side.numpy(a)[0] == side.numpy(b)[0]).all()


def test_an_answer_that_is_no_number_is_wrong():
    """NaN would be the first class."""
    y, target = np.full((1, 1, 3, 2), np.nan), np.zeros((1, 1, 3, 2))
    target[:, :, 0] = 1
    loss, accuracy = scores(y, Targets(target, np.ones((1, 1, 2)), "cross_entropy"), np.ones((1, 1, 2)))
    assert np.isnan(loss).all()
    assert accuracy == 0


def untrained(path, cell, gain, length, dtype="float64", bias=0.0):
    part = vary(decay_defaults(), batch=2, input_size=2, lags_per_octave=2)
    setting = Setting(cell, "orthogonal", gain, "none", bias, "unit", 4, length, 0)
    return measure(backend(path, dtype), 1, [setting], part)


@pytest.mark.parametrize(("path", "length"), [("plain", 300), ("compiled", 2000), ("torch", 120)])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-9), ("float32", 1e-4)])
def test_an_explosion_past_the_range_is_measured_to_the_end(path, length, dtype, tolerance):
    """Three decades a step: the state itself is infinite long before."""
    found = untrained(path, "rnn_linear", 1e3, length, dtype)
    full = found.query("quantity == 'loss_state' and path == 'full'")
    assert full["lag"].max() == length
    np.testing.assert_allclose(full["log10_norm"], 3 * full["lag"], atol=tolerance, rtol=1e-7)
    assert not found["n_overflow"].any()


@every_path
def test_slopes_that_are_not_known_are_counted_and_no_zeros(path):
    """A ReLU network whose state overflows: inf - inf has no sign, so that there is no gradient to speak of."""
    found = untrained(path, "rnn_relu", 1e3, 40, "float32")
    assert ((found["n_overflow"] > 0) == found["log10_norm"].isna()).all()
    last = found.query("lag == 40 and path == 'full' and quantity == 'loss_state'")
    assert last["n_overflow"].tolist() == [2]
    assert last["n_zero"].tolist() == [0]
    formula = found.query("lag == 40 and quantity == 'factor_product'")
    assert (formula["n_overflow"] > 0).all()


def test_a_sequence_lost_at_one_lag_is_lost_at_every_longer_one_and_no_other_is():
    """Two models of two sequences; the second sequence of the first is lost at lag 2, and zero or a number later."""
    full, cell = Quantity("loss_state", "full"), Quantity("loss_state", "cell")
    numbers = np.array([[-1.0, -3.0], [-5.0, -np.inf]])
    logs = {k: {full: numbers.copy(), cell: numbers.copy()} for k in (1, 2, 3, 5)}
    logs[2][full][0, 1], logs[3][full][0, 1] = np.nan, -np.inf
    settings = [Setting("lstm", "orthogonal", 1.0, "none", 0.0, "unit", 4, 5, r) for r in range(2)]
    untrained = {"trained": "no", "step": 0, "gradient": "none"}
    table = rows(backend("compiled"), "grid", settings, iter(logs.items()), **untrained)
    found = table.set_index(["path", "repetition", "lag"]).sort_index()
    assert found.loc[("full", 0), "n_overflow"].to_dict() == {1: 0, 2: 1, 3: 1, 5: 1}
    assert found.loc[("full", 0), "log10_norm"].isna().tolist() == [False, True, True, True]
    assert not found.loc[("full", 0), "n_zero"].any()
    others = found.drop(index=[("full", 0, k) for k in (2, 3, 5)])
    assert not others["n_overflow"].any()
    means = others["log10_norm"].groupby("repetition").agg(["min", "max"])
    np.testing.assert_array_equal(means, [[-2, -2], [-5, -5]])


@every_path
def test_exact_zeros_are_counted(path):
    found = untrained(path, "rnn_relu", 1.0, 10, bias=-1000.0)
    state = found.query("quantity == 'loss_state' and path == 'full'")
    np.testing.assert_array_equal(state["n_zero"], 2 * (state["lag"] > 0))
    assert np.isneginf(state[state["lag"] > 0]["log10_norm"]).all()
    assert not found["n_overflow"].any()


@pytest.mark.parametrize("name", ["sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("far", [1e4, -1e4, np.nan, 3.0])
def test_a_unit_far_out_changes_no_bit_of_another(name, far):
    x = np.linspace(-30, 30, 57).reshape(1, 57, 1)
    with_far = x.copy()
    with_far[0, 5] = far
    others = np.arange(57) != 5
    for ours, theirs in zip(getattr(FORWARD, name)(x), getattr(FORWARD, name)(with_far), strict=True):
        np.testing.assert_array_equal(ours[:, others], theirs[:, others])
    for array, neighbours in ((x, with_far), (x / 16, np.where(others[:, None], x / 16, far))):
        found = []
        for each in (array, neighbours):
            leaf = torch.tensor(each, requires_grad=True)
            y = getattr(TorchOps(), name)(leaf)[0]
            found.append((y.detach(), *torch.autograd.grad(y.sum(), leaf)))
        for ours, theirs in zip(*found, strict=True):
            np.testing.assert_array_equal(ours[:, others], theirs[:, others])


SMALL = {"length": 60, "hidden": 16, "repetitions": 2, "batch": 3, "input_size": 2, "gain": 0.9}


def test_bfloat16_is_measured_on_torch():
    asked = "lstm", "orthogonal", 1.0
    wide, short = (
        carousel.decay(*asked, **SMALL, backend="torch", dtype=dtype).query("quantity == 'loss_state'")
        for dtype in ("float64", "bfloat16")
    )
    assert set(short["dtype"]) == {"bfloat16"}
    full = (wide["path"] == "full").to_numpy()
    difference = abs(wide["log10_norm"].to_numpy()[full] - short["log10_norm"].to_numpy()[full])
    assert 1e-4 < difference.max() < PRECISION["bfloat16"]


def test_bfloat16_is_refused_elsewhere_in_one_line():
    with pytest.raises(DeviceError, match="^dtype: found bfloat16; allowed on numpy: float32, float64$"):
        load("numpy", "cpu", "bfloat16")
    with pytest.raises(StudyError, match="dtype: found 'bfloat16'; allowed on numpy: float32, float64"):
        carousel.decay("lstm", "torch", 1.0, **SMALL, backend="numpy", dtype="bfloat16")
    with pytest.raises(StudyError, match=r"measures: .*allowed in bfloat16: \[gradient\]"):
        vary(decay_defaults(), backends=["torch"], dtype="bfloat16", measures=["jacobian"])
    with pytest.raises(StudyError, match="dtype: found 'bfloat16'; allowed: "):
        vary(training_defaults(), backends=["torch"], dtype="bfloat16")


@pytest.mark.parametrize("path", ["plain", "torch"])
def test_a_singular_matrix_is_its_own_model_s(path):
    A = np.stack([np.eye(3), np.zeros((3, 3)), 2 * np.eye(3)])
    there = backend(path)
    x = there.numpy(there.ops(CELLS["rnn_orthogonal"], frozenset("z")).solve(*map(there.array, (A, A + 1))))
    assert not np.isfinite(x[1]).all()
    np.testing.assert_allclose(x[0], A[0] + 1)
    np.testing.assert_allclose(x[2], (A[2] + 1) / 2)


def test_a_steep_matrix_beside_a_singular_one_is_solved_as_alone():
    steep = np.array([[1, 1e17, 0], [-1e17, 1, 0], [0, 0, 1]])
    B = np.random.default_rng(0).normal(size=(2, 3, 4))
    found = (
        load("numpy", "cpu", "float64", exact=True)
        .ops(CELLS["rnn_tanh"], frozenset())
        .solve(np.stack([steep, np.zeros((3, 3))]), B)
    )
    np.testing.assert_array_equal(found[0], np.linalg.solve(steep, B[0]))
    assert np.isnan(found[1]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_tracker_stops_a_model_whose_weight_is_no_number(value):
    numpy = backend("plain")
    model = a_model(3)
    model.params.R[1, 0, 0] = value
    tracker = NonFiniteTracker(3)
    tracker.check_weights(7, numpy, model)
    assert tracker.step.tolist() == [-1, 7, -1]
    assert tracker.reason.tolist() == [NONE, WEIGHTS, NONE]


def a_model(n):
    one = np.ones((n, 2, 2))
    return Model(
        Params(0.1 * one, 0.1 * one, 0.1 * one[:, :, :1], {}), Readout(0.1 * one, 0.1 * one[:, :, :1])
    )


@pytest.mark.parametrize(
    ("way", "may"), [(100 * 1e37, True), (100 * 1e35, False), (1.0, False), (np.inf, True)]
)
def test_a_tracker_looks_again_before_weights_can_have_left_the_range(way, may):
    """In float32, which ends at 3.4e38: of rate 1e37 no single step leaves it, a hundred may."""
    assert reachable(backend("plain", "float32"), a_model(2), way) == may


def test_no_step_of_adam_is_longer_than_is_taken_into_account():
    """By Cauchy and Schwarz the ratio of both means is at most this, of gradients that grow by beta_2 / beta_1."""
    longest = (1 - BETA_1) / np.sqrt(1 - BETA_2) / np.sqrt(1 - BETA_1**2 / BETA_2)
    assert longest <= FARTHEST
    assert longest == pytest.approx(np.sqrt(52.8), rel=1e-3)
