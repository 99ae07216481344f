"""Training: Adam and clipping as the papers have them, paired data, and cells that learn what they should."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from support.problems import BASE, assert_seeded_by, model_on, random_model, random_problem

import carousel
from carousel.cells import CELLS
from carousel.engine.backends import torch_library
from carousel.engine.backends.backend import Targets, leaves, rebuild
from carousel.engine.backends.table import load
from carousel.engine.losses import within
from carousel.engine.recurrence import PATHS
from carousel.engine.system import System
from carousel.measures.adjoint import Quantity, gradient_by_lag
from carousel.measures.training.data import data_of
from carousel.measures.training.optimizer import Adam, clipped
from carousel.measures.training.scoring import scores
from carousel.measures.training.train import models, readout, train
from carousel.seeds import generator
from carousel.study.errors import StudyError
from carousel.study.files import training_defaults
from carousel.study.models import Setting
from carousel.study.schema import vary
from carousel.tasks import TASKS

NUMPY = load("numpy", "cpu", "float64")

SHORT = {"batch": 8, "steps": 6, "evaluate_every": 3, "test_size": 20, "clip": 0.5}


def part(**given):
    lists = {
        "cells": ["lstm"],
        "tasks": ["adding"],
        "lengths": [8],
        "hidden": [5],
        "repetitions": 2,
        "checked": 2,
        "learning_rates": [0.02],
    }
    return vary(training_defaults(), **{**lists, "dtype": "float64", "snapshots": [0, 6], **SHORT, **given})


def block(cell="lstm", length=8):
    return [Setting(cell, "orthogonal", 1.0, "1", 0.0, "unit", 5, length, r) for r in range(2)]


def test_adam_is_torchs():
    rng = np.random.default_rng(0)
    start, gradients = rng.standard_normal((2, 3, 1)), rng.standard_normal((5, 2, 3, 1))
    theirs = torch.nn.Parameter(torch.as_tensor(start.copy()))
    optimizer = torch.optim.Adam([theirs], lr=0.03)
    ours, adam = [start], Adam([0 * start], [0 * start], NUMPY, np.full(2, 0.03))
    for g in gradients:
        theirs.grad = torch.as_tensor(g)
        optimizer.step()
        ours = adam.step(ours, [g])
    np.testing.assert_allclose(ours[0], theirs.detach(), rtol=1e-12)


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_clipping_is_per_model_and_the_norm_is_the_one_before(name):
    backend = load(name, "cpu", "float64")
    a, b = np.full((2, 3, 1), 3.0), np.full((2, 1, 1), 1.0)
    a[1] /= 100
    (c, d), norm = clipped(backend, [backend.array(a), backend.array(b)], 2.0)
    np.testing.assert_allclose(norm, [28**0.5, (27e-4 + 1) ** 0.5])
    np.testing.assert_allclose(c[0], a[0] * 2 / 28**0.5)
    np.testing.assert_allclose(c[1], a[1])
    np.testing.assert_allclose(d[0], b[0] * 2 / 28**0.5)
    np.testing.assert_allclose(d[1], b[1])


@pytest.mark.parametrize("name", ["numpy", "torch"])
def test_a_gradient_without_end_ends_its_model_alone(name):
    backend = load(name, "cpu", "float64")
    g = np.ones((2, 3, 1))
    g[0, 0] = np.inf
    with np.errstate(invalid="ignore"):
        (clip,), norm = clipped(backend, [backend.array(g)], 2.0)
    np.testing.assert_allclose(norm, [np.inf, 3**0.5])
    assert np.isnan(backend.numpy(clip)[0]).any()
    np.testing.assert_array_equal(backend.numpy(clip)[1], g[1])


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
    scores, decays, _ = train(load("numpy", "cpu", "float64"), 1, block(), part(), "adding", "full")
    assert sorted(scores["step"].unique()) == [0, 3, 6]
    assert sorted(decays["step"].unique()) == [0, 6]
    assert set(decays["trained"]) == {"adding"}
    assert (scores["baseline_loss"] == TASKS["adding"].baseline(8)[0]).all()
    assert (scores["baseline_accuracy"] == TASKS["adding"].baseline(8)[1]).all()
    assert (
        decays.query("lag == 0 and quantity == 'loss_h' and path != 'gates'")["log10_norm"].abs() < 1e-12
    ).all()


def drawn(stream, n, task="adding", length=8):
    """n sequences a model of `block`, and what is asked of them, from the stream "train" or "test"."""
    streams = [generator(1, stream, task, length, r) for r in range(2)]

    def batch():
        batches = [TASKS[task].sample(rng, length, n, stream == "test") for rng in streams]
        target, weight = (np.stack([getattr(b, name) for b in batches]) for name in ("target", "weight"))
        return np.stack([b.x for b in batches], axis=1), Targets(target, weight, TASKS[task].loss)

    return batch


def trained_by_hand(steps, asked):
    """The models of `block` after `steps` steps, each clipped and handed to torch's Adam; and all norms."""
    model, batch, norms = models(NUMPY, 1, block(), TASKS["adding"]), drawn("train", asked.batch), []
    tips = [[torch.nn.Parameter(torch.tensor(a[m])) for a in leaves(model)] for m in range(2)]
    optimizers = [torch.optim.Adam(each, lr=asked.learning_rates[0]) for each in tips]
    gates, state = PATHS["full"](CELLS["lstm"]), (np.zeros((2, 5, asked.batch)),) * 2
    for _ in range(steps):
        x, answers = batch()
        gradient = NUMPY.gradient(CELLS["lstm"], model, x, state, answers, gates)
        for m in range(2):
            own = [g[m] for g in leaves(gradient.model)]
            norms.append(np.linalg.norm(np.concatenate([g.ravel() for g in own])))
            for tip, g in zip(tips[m], own, strict=True):
                tip.grad = torch.tensor(g * min(1.0, asked.clip / norms[-1]))
            optimizers[m].step()
        model = rebuild(model, [np.stack([a.detach(), b.detach()]) for a, b in zip(*tips, strict=True)])
    return model, norms


@pytest.mark.parametrize("limit", [0.5, 1e-8])
def test_training_is_clipping_then_adam_step_by_step(limit):
    """Adam hardly sees its gradients' scale; a limit near its epsilon of 1e-8 shows if they are clipped."""
    asked = part(clip=limit, steps=3, evaluate_every=1, snapshots=[0])
    table, _, _ = train(NUMPY, 1, block(), asked, "adding", "full")
    test_x, answers = drawn("test", asked.test_size)()
    for step in range(4):
        model, norms = trained_by_hand(step, asked)
        y = NUMPY.run(CELLS["lstm"], model, test_x, (np.zeros((2, 5, asked.test_size)),) * 2, 1)
        loss = table[table["step"] == step]["loss"]
        np.testing.assert_allclose(loss, np.square(y - answers.target).mean((1, 2, 3)), rtol=1e-10)
    np.testing.assert_allclose(table["gradient_norm"][:6], norms, rtol=1e-10)
    assert min(norms) > limit


def test_a_snapshot_is_the_decay_of_the_model_as_it_is_then():
    """From the task's own loss gradient on the first test sequences, each of norm 1."""
    asked = part(steps=6, snapshots=[0, 2, 6])
    _, table, _ = train(NUMPY, 1, block(), asked, "adding", "full")
    test_x, answers = drawn("test", asked.test_size)()
    test_x, test_target = test_x[..., : asked.batch], answers.target[:, 0, :, : asked.batch]
    state = (np.zeros((2, 5, asked.batch)),) * 2
    found = {}
    for step in asked.snapshots:
        model, _ = trained_by_hand(step, asked)
        y = NUMPY.run(CELLS["lstm"], model, test_x, state, 1)[:, 0]
        v = model.readout.V.swapaxes(1, 2) * 2 * (y - test_target)
        v /= np.linalg.norm(v, axis=1, keepdims=True)
        expected = dict(
            gradient_by_lag(System(NUMPY, CELLS["lstm"], model.params, test_x, state), v, set(range(9)))
        )
        for quantity in (
            Quantity("loss_h", "full"),
            Quantity("loss_state", "candidate"),
            Quantity("cec", "cell"),
        ):
            rows = table.query("step == @step and quantity == @quantity.name and path == @quantity.path")
            found[step, quantity] = rows.pivot(
                index="lag", columns="repetition", values="log10_norm"
            ).to_numpy()
            means = [expected[lag][quantity].mean(1) for lag in range(9)]
            np.testing.assert_allclose(found[step, quantity], means, rtol=1e-10, atol=1e-12)
            assert step == 0 or not np.allclose(found[step, quantity], found[0, quantity], rtol=1e-3)


def test_training_reads_the_training_part_and_scores_the_test_part(monkeypatch):
    """500 digits are there to test on: they are drawn once and scored at every step."""
    asked, calls = part(tasks=["digits"], lengths=[64], steps=2, evaluate_every=1, snapshots=[0]), []
    digits = TASKS["digits"]

    def watched(rng, length, n, test):
        calls.append((n, test))
        return digits.sample(rng, length, n, test)

    monkeypatch.setitem(TASKS, "digits", replace(digits, sample=watched))
    train(NUMPY, 1, block(length=64)[:1], asked, "digits", "full")
    assert [n for n, test in calls if test] == [asked.test_size]
    assert {n for n, test in calls if not test} == {asked.batch}
    assert len(calls) >= 1 + asked.steps


def once(y, target, loss):
    """One answer a sequence, all of which count."""
    all_of_them = np.ones((len(y), 1, y.shape[-1]))
    return scores(y[:, None], Targets(target[:, None], all_of_them, loss), all_of_them)


def test_squared_errors_and_the_accuracy_by_hand():
    y = np.array([[[1.0, 0.5, 0.25, 2.0]], [[0.0, 0.0, 0.0, 0.0]]], dtype="float32")
    target = np.array([[[1.0, 0.5625, 0.5, 1.0]], [[0.05, -0.05, 0.2, -0.2]]])
    loss, accuracy = once(y, target, "squared_error")
    np.testing.assert_allclose(
        loss, [(0.0625**2 + 0.25**2 + 1) / 4, (2 * 0.05**2 + 2 * 0.2**2) / 4], rtol=1e-12
    )
    np.testing.assert_array_equal(accuracy, [0.5, 0.5])


@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_cross_entropy_is_torchs_and_the_accuracy_is_counted(scale):
    rng = np.random.default_rng(50)
    y, labels = scale * rng.standard_normal((3, 4, 9)), rng.integers(0, 4, (3, 9))
    labels[0] = y[0].argmax(0)
    labels[1, :5], labels[1, 5:] = y[1].argmin(0)[:5], y[1].argmax(0)[5:]
    loss, accuracy = once(y, np.eye(4)[labels].swapaxes(1, 2), "cross_entropy")
    theirs = torch.nn.functional.cross_entropy(torch.tensor(y), torch.tensor(labels), reduction="none").mean(
        1
    )
    np.testing.assert_allclose(loss, theirs, rtol=1e-12)
    counted = [
        sum(max(range(4), key=lambda o: y[m, o, i]) == labels[m, i] for i in range(9)) / 9 for m in range(3)
    ]
    np.testing.assert_allclose(accuracy, counted)
    np.testing.assert_allclose(accuracy[:2], [1, 4 / 9])


def test_answers_count_by_their_weight_in_the_loss_and_if_scored_in_the_accuracy():
    """Two steps, two sequences; errors 1, 2 and 3, 0: weights 1/4 and 3/4; the second step is scored in one."""
    y, target = np.array([1.0, 3.0, 2.0, 0.0]).reshape(1, 2, 1, 2), np.zeros((1, 2, 1, 2))
    weight = np.array([0.25, 0.25, 0.75, 0.75]).reshape(1, 2, 2)
    scored = np.array([0.0, 0.0, 0.0, 1.0]).reshape(1, 2, 2)
    loss, accuracy = scores(y, Targets(target, weight, "squared_error"), scored)
    np.testing.assert_allclose(loss, [(0.25 * 1 + 0.75 * 4 + 0.25 * 9) / 2])
    np.testing.assert_array_equal(accuracy, [1.0])


@pytest.mark.parametrize(("backend", "exact"), [("numpy", False), ("numpy", True), ("torch", False)])
@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_the_gradient_of_many_answers_is_the_weighted_sum_of_those_of_each(backend, exact, loss):
    there, p, rng = (
        load(backend, "cpu", "float64", exact),
        random_problem("lstm", seed=51),
        np.random.default_rng(52),
    )
    on, model = p.on(there), model_on(there, random_model(p))
    S, (_, M, _, B) = 3, p.xs.shape
    target, weight = rng.uniform(size=(M, S, 2, B)), rng.uniform(size=(M, S, B))

    def gradient(xs, target, weight):
        asked = Targets(there.array(target), there.array(weight), loss)
        found = there.gradient(p.cell, model, xs, on.state, asked, PATHS["full"](p.cell))
        return [there.numpy(a) for a in (found.loss, *leaves(found.model))]

    together = gradient(on.xs, target, weight)
    last = len(on.xs) - S
    apart = [gradient(on.xs[: last + k + 1], target[:, k : k + 1], weight[:, k : k + 1]) for k in range(S)]
    for whole, *parts in zip(together, *apart, strict=True):
        np.testing.assert_allclose(whole, sum(parts), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", ["lstm", "lstm97"])
@pytest.mark.parametrize("dtype, rtol", [("float32", 2e-5), ("float64", 1e-11)])
def test_torchs_own_lstm_gives_the_gradient_of_the_stack(name, dtype, rtol, monkeypatch):
    p, rng = random_problem(name, seed=53, length=torch_library.STEPS + 3), np.random.default_rng(54)
    there, (_, M, _, B) = load("torch", "cpu", dtype), p.xs.shape
    on, model = p.on(there), model_on(there, random_model(p))
    asked = Targets(
        there.array(rng.uniform(size=(M, 3, 2, B))), there.array(rng.uniform(size=(M, 3, B))), "squared_error"
    )
    found = []
    for used in (True, False):
        monkeypatch.setattr(torch_library, "suits", lambda *_, used=used: used)
        gradient = there.gradient(p.cell, model, on.xs, on.state, asked, PATHS["full"](p.cell))
        found.append([there.numpy(a) for a in (gradient.loss, *leaves(gradient.model))])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=rtol, atol=rtol * abs(ours).max())


def test_which_gradients_torchs_own_lstm_takes():
    long, short = (np.zeros((T, 1, 1, 1)) for T in (torch_library.STEPS, torch_library.STEPS - 1))
    for dtype, xs, name, taken in (
        ("float32", long, "lstm", True),
        ("float32", long, "lstm97", True),
        ("float32", short, "lstm", False),
        ("float64", long, "lstm", False),
        ("float32", long, "lstm_peephole", False),
    ):
        assert torch_library.suits(CELLS[name], load("torch", "cpu", dtype).array(xs)) is taken


def test_truncated_and_full_gradients_train_differently_but_from_one_start():
    runs = {
        path: train(load("numpy", "cpu", "float64"), 1, block(), part(), "adding", path).accuracy.set_index(
            "step"
        )["loss"]
        for path in ("full", "truncated")
    }
    np.testing.assert_array_equal(runs["full"].loc[0], runs["truncated"].loc[0])
    assert not np.allclose(runs["full"].loc[6], runs["truncated"].loc[6])


def test_cells_and_backends_see_the_same_data_and_repetitions_do_not():
    data = [
        data_of(load(backend, "cpu", "float64"), 1, "adding", block(cell)).batch(4)
        for backend, cell in (("numpy", "lstm"), ("torch", "gru"))
    ]
    for ours, theirs in zip(*((x, *asked[:2]) for x, asked, _ in data), strict=True):
        np.testing.assert_array_equal(ours, theirs.numpy())
    x = data[0][0]
    assert not np.array_equal(x[:, 0], x[:, 1])
    there = data_of(load("numpy", "cpu", "float64"), 1, "adding", block())
    assert not np.array_equal(there.batch(4)[0], there.batch(4)[0])
    assert not np.array_equal(there.batch(4)[0], there.batch(4, test=True)[0])


def test_the_readout_is_paired_over_all_but_size_and_repetition():
    def both(setting):
        V, a = readout(1, setting, 3)
        return np.concatenate([V, a], axis=2)

    assert_seeded_by("repetition", both, given="hidden")
    assert not np.array_equal(readout(1, BASE, 3).V, readout(2, BASE, 3).V)
    assert np.abs(readout(1, replace(BASE, hidden=400), 3).V).max() == pytest.approx(1 / 20, rel=0.01)


@pytest.mark.parametrize("test", [False, True])
def test_the_data_are_paired_over_all_but_task_length_and_repetition(test):
    def numbers(setting):
        return data_of(NUMPY, 1, "adding", [setting]).batch(4, test)[0][: BASE.length // 2, :, 0]

    assert_seeded_by("length repetition", numbers)
    assert not np.array_equal(data_of(NUMPY, 2, "adding", [BASE]).batch(4, test)[0][:4, :, 0], numbers(BASE))


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
        ({"length": 0}, "^length: found 0; "),
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


def test_an_answer_is_right_where_all_of_its_numbers_are():
    target = np.zeros((1, 2, 4))
    y = np.array([[[0.0, 0.03, 0.04, -0.05], [0.01, 0.05, -0.04, -0.05]]])
    assert within(y, target, 0.04).tolist() == [[True, False, False, False]]
    assert within(y, target, 0.0401).tolist() == [[True, False, True, False]]
