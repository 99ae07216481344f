"""A trained network measured again: every part against its own definition, on weights that no init draws."""

from dataclasses import replace

import numpy as np
import pytest

from carousel.cells import CELLS
from carousel.engine.backends.backend import Targets, leaves
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity
from carousel.measures.jacobian.backward import jacobians
from carousel.measures.lyapunov.spectrum import spectrum
from carousel.measures.training.data import data_of
from carousel.measures.training.snapshots import measure
from carousel.measures.training.train import models
from carousel.study.errors import StudyError
from carousel.study.files import training_defaults
from carousel.study.models import Setting
from carousel.study.schema import vary
from carousel.tasks import TASKS

ALL = ["gradient", "jacobian", "gates", "exponents", "truncation"]


def part(**given):
    lists = {
        "cells": ["lstm"],
        "tasks": ["adding"],
        "lengths": [9],
        "hidden": [4],
        "repetitions": 2,
        "checked": 2,
    }
    small = {"batch": 5, "test_size": 6, "sequences": 2, "steps": 2, "evaluate_every": 1, "snapshots": [0, 2]}
    return vary(training_defaults(), **{**lists, **small, "dtype": "float64", "measures": ALL, **given})


def block(cell="lstm", length=9):
    return [Setting(cell, "orthogonal", 1.3, "1", 0.0, "unit", 4, length, r) for r in range(2)]


def snapshot(name, cell="lstm", length=9, **given):
    """What is measured of a block on one backend, and the model and sequences that it was measured on."""
    backend = load(name, "cpu", "float64")
    asked, settings = part(lengths=[length], **given), block(cell, length)
    model = models(backend, 1, settings, TASKS["adding"])
    x, answers, _ = data_of(backend, 1, "adding", settings).batch(asked.test_size, test=True)
    about = {"trained": "adding", "step": 7, "gradient": "full"}
    return measure(backend, 1, settings, asked, model, x, answers, **about), (backend, model, x, answers)


def values(table, quantity, **where):
    rows = table[(table["quantity"] == quantity) & (table[list(where)] == list(where.values())).all(axis=1)]
    return rows["log10_norm" if "log10_norm" in table else "value"].to_numpy()


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_jacobian_and_exponents_are_those_of_the_first_sequences(name):
    (decay, dynamics), (backend, model, x, _) = snapshot(name)
    cell, zero = CELLS["lstm"], tuple(backend.array(np.zeros((2, 4, 2))) for _ in "hc")
    system = System(backend, cell, model.params, x[..., :2], zero)
    norms = dict(jacobians(system, {5}))[5][Quantity("jacobian_spec", "full")]
    np.testing.assert_allclose(values(decay, "jacobian_spec", lag=5), norms.mean(1), rtol=1e-12)
    found = spectrum(system, 2, 32).exponents
    np.testing.assert_allclose(values(dynamics, "lyapunov"), found.ravel(), rtol=1e-12)
    assert (dynamics["step"] == 7).all()
    assert (decay["trained"] == "adding").all()


@pytest.mark.parametrize("cell", ["lstm97", "lstm", "gru", "rnn_tanh", "lstm_nog"])
def test_the_truncated_gradient_beside_the_full_one_on_both_backends(cell):
    found = [snapshot(name, cell)[0][1] for name in ("numpy", "torch")]
    for quantity in ("truncated_cosine", "truncated_norm"):
        ours, theirs = (values(dynamics, quantity) for dynamics in found)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        assert (abs(ours) > 1e-6).all()


def test_truncation_is_read_off_the_gradient_of_all_parameters():
    (_, dynamics), (backend, model, x, answers) = snapshot("numpy")
    few = Targets(answers.target[..., :5], answers.weight[..., :5], answers.loss)
    state = (np.zeros((2, 4, 5)),) * 2
    full, cut = (
        leaves(backend.gradient(CELLS["lstm"], model, x[..., :5], state, few, PATHS[p](CELLS["lstm"])).model)
        for p in ("full", "truncated")
    )
    for m in range(2):
        a, b = (np.concatenate([g[m].ravel() for g in gs]) for gs in (full, cut))
        cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
        np.testing.assert_allclose(values(dynamics, "truncated_cosine")[m], cosine, rtol=1e-12)
        ratio = np.log10(np.linalg.norm(b) / np.linalg.norm(a))
        np.testing.assert_allclose(values(dynamics, "truncated_norm")[m], ratio, rtol=1e-10)


def test_one_is_left_of_what_a_cell_without_recurrence_loses():
    """minGRU has no recurrent matrix: nothing is there to cut."""
    (_, dynamics), _ = snapshot("numpy", "mingru")
    np.testing.assert_allclose(values(dynamics, "truncated_cosine"), 1, rtol=1e-12)
    np.testing.assert_allclose(values(dynamics, "truncated_norm"), 0, atol=1e-12)


def test_what_is_not_asked_for_is_not_there():
    (decay, dynamics), _ = snapshot("numpy", measures=["truncation"])
    assert decay.empty
    assert set(dynamics["quantity"]) == {"truncated_cosine", "truncated_norm"}
    (decay, dynamics), _ = snapshot("numpy", measures=["jacobian"])
    assert dynamics.empty
    assert set(decay["path"]) == {"full"}


def test_more_sequences_than_a_batch_has_are_refused():
    with pytest.raises(StudyError, match="sequences: found 9; allowed: at most batch, 5"):
        part(sequences=9)


def test_measuring_changes_no_weight():
    backend = load("numpy", "cpu", "float64")
    settings = [replace(s, cell="lstm") for s in block()]
    model = models(backend, 1, settings, TASKS["adding"])
    before = [a.copy() for a in leaves(model)]
    x, answers, _ = data_of(backend, 1, "adding", settings).batch(6, test=True)
    measure(backend, 1, settings, part(), model, x, answers, trained="adding", step=0, gradient="full")
    for a, b in zip(before, leaves(model), strict=True):
        np.testing.assert_array_equal(a, b)
