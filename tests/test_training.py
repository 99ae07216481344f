"""Training: Adam and clipping as the papers have them, paired data, and cells that learn what they should."""

import numpy as np
import pandas as pd
import pytest
import torch

import carousel
from carousel.backends import load
from carousel.measure import Setting
from carousel.study import StudyError, training_defaults, vary
from carousel.training import Adam, Data, clipped, train

SHORT = {"batch": 8, "steps": 6, "evaluate_every": 3, "test_size": 20, "learning_rate": 0.02, "clip": 0.5}


def part(**given):
    lists = {"cells": ["lstm"], "tasks": ["adding"], "lengths": [8], "hidden": [5], "repetitions": 2}
    return vary(training_defaults(), **{**lists, "dtype": "float64", "snapshots": [0, 6], **SHORT, **given})


def block(cell="lstm", length=8):
    return [Setting(cell, "orthogonal", 1.0, "1", 0.0, 5, length, r) for r in range(2)]


def test_adam_is_torchs():
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal((2, 3)), rng.standard_normal((5, 2, 3))
    theirs = torch.nn.Parameter(torch.as_tensor(start.copy()))
    optimizer = torch.optim.Adam([theirs], lr=0.03)
    ours, adam = [start], Adam([0 * start], [0 * start])
    for g in gradients:
        theirs.grad = torch.as_tensor(g)
        optimizer.step()
        ours = adam.step(ours, [g], 0.03)
    np.testing.assert_allclose(ours[0], theirs.detach(), rtol=1e-12)


@pytest.mark.parametrize("library", [np.asarray, torch.as_tensor])
def test_clipping_is_per_model_and_the_norm_is_the_one_before(library):
    a, b = np.full((2, 3, 1), 3.0), np.full((2, 1, 1), 1.0)
    a[1] /= 100
    (c, d), norm = clipped([library(a), library(b)], 2.0)
    np.testing.assert_allclose(norm, [28**0.5, (27e-4 + 1) ** 0.5])
    np.testing.assert_allclose(c[0], a[0] * 2 / 28**0.5)
    np.testing.assert_allclose(c[1], a[1])
    np.testing.assert_allclose(d[1], b[1])


def test_both_backends_train_alike():
    """The same weights, data and steps: equal but for rounding, which training has no time to amplify here."""
    tables = [
        train(load(name, "cpu", "float64"), 1, block(), part(), "adding", "full")
        for name in ("numpy", "torch")
    ]
    for ours, theirs in zip(*tables, strict=True):
        numbers = ours.select_dtypes("number").columns
        np.testing.assert_allclose(
            ours[numbers].replace(-np.inf, -9), theirs[numbers].replace(-np.inf, -9), rtol=1e-8, atol=1e-10
        )
        assert (
            ours.drop(columns=["backend", *numbers])
            .astype(str)
            .equals(theirs.drop(columns=["backend", *numbers]).astype(str))
        )


def test_rows_stand_at_the_steps_asked_for():
    scores, decays = train(load("numpy", "cpu", "float64"), 1, block(), part(), "adding", "full")
    assert sorted(scores["step"].unique()) == [0, 3, 6]
    assert sorted(decays["step"].unique()) == [0, 6]
    assert set(decays["trained"]) == {"adding"}
    assert (scores["baseline_loss"] == 1 / 6).all()
    assert (
        decays.query("lag == 0 and quantity == 'loss_h' and path != 'gates'")["log10_norm"].abs() < 1e-12
    ).all()


def test_truncated_and_full_gradients_train_differently_but_from_one_start():
    runs = {
        path: train(load("numpy", "cpu", "float64"), 1, block(), part(), "adding", path)[0].set_index("step")[
            "loss"
        ]
        for path in ("full", "truncated")
    }
    np.testing.assert_array_equal(runs["full"].loc[0], runs["truncated"].loc[0])
    assert not np.allclose(runs["full"].loc[6], runs["truncated"].loc[6])


def test_cells_and_backends_see_the_same_data_and_repetitions_do_not():
    data = [
        Data(load(backend, "cpu", "float64"), 1, "adding", block(cell)).batch(4)
        for backend, cell in (("numpy", "lstm"), ("torch", "gru"))
    ]
    for ours, theirs in zip(*data, strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())
    x = data[0][0]
    assert not np.array_equal(x[:, 0], x[:, 1])
    there = Data(load("numpy", "cpu", "float64"), 1, "adding", block())
    assert not np.array_equal(there.batch(4)[0], there.batch(4)[0])
    assert not np.array_equal(there.batch(4)[0], there.batch(4, test=True)[0])


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_an_lstm_learns_to_add_and_a_memoryless_score_is_beaten(backend):
    table = carousel.accuracy(
        "lstm", "orthogonal", 1.0, "adding", 10, 16, 3, backend=backend, dtype="float32",
        steps=300, batch=32, learning_rate=0.01, clip=1.0, test_size=200, evaluate_every=100,
    )  # fmt: skip
    last = table[table["step"] == 300]
    assert last["solved"].all()
    assert (last["loss"] < last["baseline_loss"] / 10).all()
    assert not table[table["step"] == 0]["solved"].any()


def test_the_api_refuses_what_a_study_would_refuse():
    for wrong, said in (
        ({"task": "ading"}, "nearest: adding"),
        ({"length": 0}, "lengths"),
        ({"stepps": 3}, "steps"),
    ):
        given = {"cell": "lstm", "init": "torch", "forget_bias": 1.0, "task": "adding", "length": 8} | wrong
        with pytest.raises(StudyError, match=said):
            carousel.accuracy(**given, hidden=4, repetitions=1)


def test_columns_are_the_fixed_ones():
    table = carousel.accuracy("rnn_tanh", "torch", 1.0, "temporal_order", 10, 4, 1, **SHORT)
    fixed = "backend device dtype cell init gain forget_bias hidden task length repetition gradient step loss accuracy"
    assert set((fixed + " solved").split()) <= set(table.columns)
    assert isinstance(table, pd.DataFrame)
    assert set(table["forget_bias"]) == {"none"}
