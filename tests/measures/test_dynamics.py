"""The dynamics table: what stands in it, where, and the same from both backends."""

import math
from dataclasses import replace

import numpy as np
import pytest
from support.problems import BASE

from carousel.cells import CELLS
from carousel.engine.backends.table import load
from carousel.engine.system import System
from carousel.measures.dynamics import measure, rows
from carousel.measures.gates import STEPS, Summary, gate_statistics
from carousel.study.files import dynamics_defaults
from carousel.study.models import Setting, initial_state, noise, weights
from carousel.study.schema import vary
from carousel.tables.schemas import names

NUMPY, TORCH = load("numpy", "cpu", "float64"), load("torch", "cpu", "float64")
PART = vary(dynamics_defaults(), input_size=2, batch=2, warm_up=4, exponents=6)


def block(cell, init="torch", gain=1.0, models=2, length=40):
    bias = "none" if CELLS[cell].forget is None else "1"
    return [Setting(cell, init, gain, bias, 0.0, "unit", 3, length, r) for r in range(models)]


@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru"])
def test_both_backends_give_one_table(cell):
    ours, theirs = (measure(backend, 1, block(cell), PART) for backend in (NUMPY, TORCH))
    assert list(ours.columns) == names("dynamics")
    numbers = ["backend", "value", "error"]
    assert ours.drop(columns=numbers).astype(str).equals(theirs.drop(columns=numbers).astype(str))
    for column in ("value", "error"):
        np.testing.assert_allclose(ours[column], theirs[column], rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("backend", [NUMPY, TORCH], ids=["numpy", "torch"])
def test_a_scaled_rotation_has_all_exponents_at_its_gain_and_its_determinant_is_their_sum(backend):
    table = measure(backend, 1, block("rnn_linear", "orthogonal", 0.5), PART)
    exponents = table[table["quantity"] == "lyapunov"]
    np.testing.assert_allclose(exponents["value"], math.log10(0.5), atol=1e-13)
    assert list(exponents["index"]) == 2 * [1, 2, 3]
    assert (exponents["axis"] == "exponent").all()
    for name in ("lyapunov_sum", "log_det"):
        np.testing.assert_allclose(table[table["quantity"] == name]["value"], 3 * math.log10(0.5), atol=1e-12)


def test_every_number_stands_beside_its_model_quantity_and_index():
    settings = block("lstm", models=3)
    table = measure(NUMPY, 1, settings, PART)
    for setting in settings:
        alone = measured_alone(setting)
        mine = table[(table["repetition"] == setting.repetition) & (table["axis"] != "exponent")]
        mine = mine[mine["quantity"].astype(str).isin({s.quantity for s in alone})]
        assert len(mine) == sum(len(s.at) for s in alone)
        for s in alone:
            here = mine[(mine["quantity"] == s.quantity) & (mine["axis"] == s.axis)]
            np.testing.assert_array_equal(here["index"], s.at)
            np.testing.assert_array_equal(here["quantile"], s.quantile)
            np.testing.assert_allclose(here["value"], s.value[0], rtol=1e-12)
            np.testing.assert_array_equal(here["n"], s.n[0])


def measured_alone(setting):
    cell = CELLS[setting.cell]
    state = tuple(initial_state(1, [setting], PART.batch, PART.state_scale))
    return gate_statistics(
        System(NUMPY, cell, weights(1, setting, 2), noise(1, setting, PART)[:, None], state)
    )


def test_the_axes_of_a_gate():
    table = measure(NUMPY, 1, block("lstm", models=1), PART)
    forget = table[(table["quantity"] == "gate_f") & table["quantile"].isna()]
    counts = forget.groupby(forget["axis"].astype(str)).size()
    assert counts.to_dict() == {"time": STEPS, "unit": 3, "all": 1}
    assert set(forget[forget["axis"] == "all"]["n"]) == {STEPS * 3 * 2}
    time, unit, whole = (forget[forget["axis"] == axis]["value"].mean() for axis in ("time", "unit", "all"))
    assert time == pytest.approx(whole, rel=1e-12)
    assert unit == pytest.approx(whole, rel=1e-12)
    assert 0.5 < whole < 0.9  # sigma(1) = 0.73


def test_a_snapshot_says_what_it_was_trained_on():
    numbers = np.arange(4.0).reshape(2, 2)
    summary = Summary(
        "gate_f",
        "unit",
        np.array([1, 2]),
        np.full(2, 0.5),
        numbers,
        numbers + 10,
        7 + 0 * numbers.astype(int),
    )
    settings = [replace(BASE, repetition=r) for r in (5, 3)]
    table = rows(TORCH, "mine", settings, [summary], trained="adding", step=150, gradient="truncated")
    assert list(zip(table["repetition"], table["index"], table["value"], table["error"], strict=True)) == [
        (5, 1, 0.0, 10.0),
        (5, 2, 1.0, 11.0),
        (3, 1, 2.0, 12.0),
        (3, 2, 3.0, 13.0),
    ]
    one = table.iloc[0]
    assert (one["backend"], one["slice"], one["trained"], one["step"], one["gradient"], one["n"]) == (
        "torch",
        "mine",
        "adding",
        150,
        "truncated",
        7,
    )


def test_a_cell_without_gates_has_a_table_without_rows():
    table = rows(NUMPY, "mine", block("rnn_tanh"), [], trained="adding", step=0, gradient="full")
    full = measure(NUMPY, 1, block("lstm", models=1), PART)
    assert len(table) == 0
    assert list(table.columns) == names("dynamics")
    assert {c: t.kind for c, t in table.dtypes.items() if c not in ("trained", "step", "gradient")} == {
        c: t.kind for c, t in full.dtypes.items() if c not in ("trained", "step", "gradient")
    }
