"""Closed forms beside the measurement: the right law for the right setting, and the measurement near it."""

from types import SimpleNamespace

import numpy as np
import pytest

import carousel
from carousel.analysis import prediction
from carousel.analysis.summary import summarise
from carousel.analysis.theory import forget, scalar as scalar_theory

SETTING = {"cell": "lstm", "init": "orthogonal", "gain": 1.0, "forget_bias": "1", "bias": 0.0, "hidden": 32,
           "length": 100, "quantity": "cec", "input_size": 4, "drive": "unit"}  # fmt: skip


def law(**changes):
    return prediction.first(SimpleNamespace(**(SETTING | changes)))


@pytest.mark.parametrize("length", [2, 3, 10, 1000, 10_000])
def test_without_input_chrono_s_mean_over_units_is_the_closed_form(length):
    name, value = law(forget_bias="chrono", length=length, drive="1e-18")
    assert name == "forget gates"
    assert value == pytest.approx(forget.chrono_rate(max(length, 3)), rel=1e-9)


def test_chrono_s_mean_is_that_of_drawn_units():
    rng = np.random.default_rng(0)
    v = np.log(rng.uniform(1, 99, 400_000)) + np.sqrt(4 * 2 / 36) * rng.standard_normal(400_000)
    drawn = scalar_theory.log10_sigmoid(v)
    assert law(forget_bias="chrono")[1] == pytest.approx(drawn.mean(), abs=4 * drawn.std() / 400_000**0.5)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "forget gates"),
        ({"forget_bias": "uniform"}, ""),
        ({"forget_bias": "none", "cell": "lstm97"}, ""),
        ({"quantity": "loss_state"}, ""),
        ({"drive": "task"}, ""),
        ({"cell": "rnn_linear", "quantity": "loss_state"}, "isometry"),
        ({"cell": "rnn_linear", "quantity": "loss_state", "init": "glorot"}, ""),
        ({"cell": "rnn_tanh", "quantity": "loss_state"}, "mean field"),
        ({"cell": "rnn_tanh", "quantity": "loss_state", "init": "identity"}, ""),
        ({"cell": "rnn_tanh", "quantity": "factor_product"}, ""),
        (
            {"cell": "rnn_tanh", "quantity": "loss_state", "init": "identity", "hidden": 1, "drive": "0",
             "gain": 0.8},
            "scalar chain",
        ),
        (  # critical: a power law
            {"cell": "rnn_tanh", "quantity": "loss_state", "init": "identity", "hidden": 1, "drive": "0"},
            "",
        ),
        (  # two fixed points with rates of their own
            {"cell": "rnn_tanh", "quantity": "loss_state", "init": "identity", "hidden": 1, "drive": "0",
             "gain": 3.0, "bias": 0.2},
            "",
        ),
        (  # the same, but one of them attracts few starting points
            {"cell": "rnn_tanh", "quantity": "loss_state", "init": "identity", "hidden": 1, "drive": "0",
             "gain": 4.0, "bias": 2.0},
            "",
        ),
        ({"cell": "rnn_linear", "quantity": "loss_state", "drive": "task"}, ""),
        ({"quantity": "loss_state", "init": "identity", "drive": "0"}, "state at rest"),
        ({"quantity": "loss_state", "init": "identity", "drive": "0", "bias": 1.0}, ""),
        ({"quantity": "loss_state", "init": "identity", "drive": "0", "gain": 4.0}, ""),
        ({"quantity": "loss_state", "init": "identity", "drive": "0", "forget_bias": "chrono"}, ""),
        ({"quantity": "loss_state", "init": "identity", "drive": "0", "cell": "lstm97"}, ""),
        ({"cell": "rnn_linear", "quantity": "loss_state", "init": "gaussian", "length": 8}, "Gaussian product"),
        ({"cell": "rnn_linear", "quantity": "loss_state", "init": "gaussian"}, ""),
    ],
)  # fmt: skip
def test_each_setting_has_the_law_that_holds_for_it_or_none(changes, name):
    assert law(**changes)[0] == name


MEASURED = {
    "isometry": ({"cell": "rnn_linear", "init": "orthogonal", "gain": 0.8}, "loss_state", 1e-12),
    "scalar chain": (
        {
            "cell": "rnn_sigmoid",
            "init": "identity",
            "gain": -4.0,
            "hidden": 1,
            "input_size": 1,
            "drive": 0.0,
        },
        "loss_state",
        1e-6,
    ),
    "state at rest": (
        {"cell": "lstm_peephole", "init": "identity", "gain": 0.7, "drive": 0.0, "hidden": 4},
        "loss_state",
        1e-12,
    ),
    "Gaussian product": (
        {
            "cell": "rnn_linear",
            "init": "gaussian",
            "gain": 0.5,
            "hidden": 128,
            "length": 20,
            "repetitions": 10,
        },
        "loss_state",
        0.01,
    ),
    "mean field": ({"cell": "rnn_tanh", "init": "gaussian", "gain": 0.8, "hidden": 128}, "loss_state", 0.02),
    "forget gates": ({"cell": "lstm", "init": "gaussian", "gain": 0.1}, "cec", 0.01),
}  # the chain: the way to its fixed point; the last two: 1/sqrt(H), and the part of the past that the gate does hear


@pytest.mark.parametrize("name", MEASURED)
def test_measurements_lie_by_their_law(name):
    changes, quantity, near = MEASURED[name]
    setting = {"forget_bias": 1.0, "hidden": 32, "length": 200, "repetitions": 3} | changes
    table = summarise(carousel.decay(**setting, measures=["gradient"], batch=2))
    row = table[table["quantity"] == quantity].iloc[0]
    assert row["law"] == name
    assert row["rate"] == pytest.approx(row["theory"], abs=near)
    assert row["theory"] != pytest.approx(row["theory"] * 1.2, abs=near)


def test_a_table_without_the_inputs_has_no_theory():
    decay = carousel.decay("rnn_tanh", "orthogonal", 0.0, length=50, hidden=4, repetitions=1, drive="unit")
    assert "mean field" in set(summarise(decay)["law"])
    bare = summarise(decay.drop(columns="input_size"))
    assert set(bare["law"]) == {""}
    assert bare["theory"].isna().all()


def test_the_law_of_a_chain_is_the_rate_from_wherever_it_starts():
    """Over the plane of weights and biases, from six starting points each; 0 may be a fixed point that repels."""
    scalar = {"quantity": "loss_state", "init": "identity", "hidden": 1, "drive": "0"}
    gains = np.array([-12.0, -3.0, -0.9, 0.1, 0.9, 1.5, 4.0, 12.0])
    starts = np.linspace(-2, 2, 6)
    for activation in ("sigmoid", "tanh", "relu"):
        for bias in (-6.0, -0.5, 0.0, 2.0):
            found = np.stack([scalar_theory.rate(activation, gains, bias, float(h0)) for h0 in starts])
            for k, gain in enumerate(gains):
                value = law(cell=f"rnn_{activation}", gain=float(gain), bias=bias, **scalar)[1]
                assert np.isnan(value) or np.allclose(found[:, k], value, atol=1e-6), (activation, gain, bias)


@pytest.mark.parametrize("gain", [-0.5, 0.5])
def test_an_isometry_s_rate_has_no_sign(gain):
    assert law(cell="rnn_linear", quantity="loss_state", gain=gain)[1] == pytest.approx(np.log10(0.5))


@pytest.mark.parametrize("cell", ["lstm", "lstm_peephole", "gru"])
@pytest.mark.parametrize("gain", [0.5, -0.5])
def test_a_cell_at_rest_decays_by_the_spectral_radius_of_its_jacobian(cell, gain):
    """The law against the norm of the Jacobian that autograd finds, over 40 steps."""
    torch = pytest.importorskip("torch")
    from carousel.engine.backends.table import load
    from carousel.measures.jacobian.backward import jacobians
    from carousel.study.files import decay_defaults
    from carousel.study.models import driven, settings_of
    from carousel.study.schema import vary

    at_rest = {"inits": ["identity"], "gains": [gain], "forget_biases": [0.5], "hidden": [3], "lengths": [1],
               "repetitions": 1, "checked": 1, "batch": 1, "drives": [0.0], "state_scale": 0.0,
               "cells": [cell]}  # fmt: skip
    part, backend = vary(decay_defaults(), **at_rest), load("torch", "cpu", "float64")
    system = driven(backend, 1, settings_of(part, cell, "torch"), part)
    norms = dict(jacobians(system._replace(xs=torch.cat([system.xs] * 60)), {20, 60}))
    rate = [float(next(iter(norms[k].values())).mean()) for k in (20, 60)]
    here = law(cell=cell, quantity="loss_state", init="identity", drive="0", forget_bias="0.5", gain=gain)
    assert here[0] == "state at rest"
    assert (rate[1] - rate[0]) / 40 == pytest.approx(here[1], abs=1e-12)
