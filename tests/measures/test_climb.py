"""Models that stop, batches that shrink, lengths that are climbed and learning rates that are chosen."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from carousel.engine.backends.table import load
from carousel.measures.training.climb import climb
from carousel.measures.training.data import data_of
from carousel.measures.training.nonfinite import LOSS
from carousel.measures.training.train import train
from carousel.measures.training.tuning import choice, settings, tune
from carousel.study.errors import StudyError
from carousel.study.files import training_defaults
from carousel.study.models import Setting, batches_of
from carousel.study.schema import vary

BACKENDS = {"compiled": ("numpy", False), "torch": ("torch", False)}
every_path = pytest.mark.parametrize("path", BACKENDS)
RATES = [0.03, 0.01, 0.1]


def backend(path):
    return load(BACKENDS[path][0], "cpu", "float64", BACKENDS[path][1])


def plan(**given):
    lists = {
        "cells": ["lstm"],
        "tasks": ["temporal_order"],
        "lengths": [10],
        "hidden": [6],
        "inits": ["orthogonal"],
    }
    small = {"batch": 8, "steps": 45, "evaluate_every": 5, "test_size": 40, "sequences": 2, "repetitions": 2}
    how = {"stop_when_solved": True, "snapshots": [0, "end"], "measures": ["gradient"], "dtype": "float64"}
    return vary(training_defaults(), **{**lists, **small, **how, "checked": 2, **given})


def models(count=3, length=10, gain=1.0):
    return [Setting("lstm", "orthogonal", gain, "1", 0.0, "task", 6, length, r) for r in range(count)]


def run(path, which, rates, **given):
    return train(backend(path), 1, which, plan(**given), "temporal_order", "full", rates=rates)


def of(table, repetition):
    """The rows of one model, with texts as such."""
    texts = table.select_dtypes("category").columns
    return table[table["repetition"] == repetition].astype(dict.fromkeys(texts, str)).reset_index(drop=True)


def assert_same(path, ours, theirs):
    """To the last bit on NumPy; torch's vector loops round the last elements of an array otherwise."""
    tolerance = {"rtol": 1e-7, "atol": 1e-9} if path == "torch" else {"check_exact": True}
    pd.testing.assert_frame_equal(ours, theirs, **tolerance)


@every_path
def test_what_a_model_learns_does_not_depend_on_the_others_nor_on_when_they_leave(path):
    together = run(path, models(), RATES)
    ends = together.accuracy.groupby("repetition")["step"].max()
    assert ends.nunique() > 2  # the batch shrinks twice
    for model, rate in zip(models(), RATES, strict=True):
        alone = run(path, [model], [rate])
        for ours, theirs in zip(together[:2], alone[:2], strict=True):
            assert_same(path, of(ours, model.repetition), of(theirs, model.repetition))


@every_path
def test_a_model_that_solves_its_task_stops_there_and_is_measured(path):
    stopping = run(path, models(), RATES)
    going_on = run(path, models(), RATES, stop_when_solved=False, snapshots=[*range(0, 46, 5)])
    for model in models():
        ours, theirs = of(stopping.accuracy, model.repetition), of(going_on.accuracy, model.repetition)
        solved = theirs["solved"].to_numpy()
        last = int(solved.argmax()) if solved.any() else len(theirs) - 1
        assert_same(path, ours, theirs[: last + 1])
        assert ours["solved"].sum() == solved.any()
        measured, step = of(stopping.decay, model.repetition), ours["step"].iloc[-1]
        assert set(measured["step"]) == {0, step}
        known = of(going_on.decay, model.repetition)
        assert_same(path, measured, known[known["step"].isin([0, step])].reset_index(drop=True))


def test_both_backends_stop_their_models_at_the_same_evaluations():
    ours, theirs = (run(path, models(), RATES).accuracy for path in ("compiled", "torch"))
    assert ours["step"].tolist() == theirs["step"].tolist()
    np.testing.assert_allclose(ours["loss"], theirs["loss"], rtol=1e-6)


@every_path
def test_a_model_that_is_not_finite_leaves_but_counts_as_unsolved_to_the_end(path):
    """The last of five overflows at once and leaves when another solves its task, one sequence that it is tested on."""
    broken = Setting("rnn_linear", "orthogonal", 1e200, "none", 0.0, "task", 6, 10, 4)
    which = [replace(broken, gain=1.0, repetition=r) for r in range(4)] + [broken]
    easy = {"tasks": ["adding"], "cells": ["rnn_linear"], "test_size": 1, "steps": 30}
    part = plan(**easy).model_copy(update={"snapshots": ()})
    found = train(backend(path), 1, which, part, "adding", "full", rates=[0.05] * 5)
    healthy = train(backend(path), 1, which[:4], part, "adding", "full", rates=[0.05] * 4)
    assert found.accuracy.groupby("repetition")["step"].max()[:4].min() < part.steps
    rows = of(found.accuracy, 4)
    assert rows["step"].tolist() == [*range(0, 31, 5)]
    assert set(rows["stopped"]) == {0}
    assert set(rows["reason"]) == {LOSS}
    assert rows["loss"].isna().all()
    assert not rows["solved"].any()
    for r in range(4):
        assert_same(path, of(found.accuracy, r), of(healthy.accuracy, r))


def test_a_run_climbs_on_only_where_it_solves_and_each_time_from_fresh_weights():
    part = plan(lengths=[20, 10, 14], climb=True)
    (batch,) = batches_of(part, "lstm", part.backends[0])
    assert {setting.length for setting in batch} == {10}
    there, asked = backend("compiled"), []

    def trained(which, before):
        asked.append((before, which[0].length, [setting.repetition for setting in which]))
        return train(there, 1, which, part, "temporal_order", "full", rates=[0.03] * len(which))

    which = models(4)
    found = climb(which, part.lengths, trained)
    solvers = found.accuracy.groupby(["length", "repetition"])["solved"].any()
    expected = [0, 1, 2, 3]
    for before, length, repetitions in asked:
        assert length == sorted(part.lengths)[before]
        assert repetitions == expected
        expected = [r for r in expected if solvers[length, r]]
    assert 0 < len(asked[-1][2]) < 4  # some fall behind, some do not
    longest = asked[-1][1]
    alone = train(
        there,
        1,
        [replace(which[asked[-1][2][0]], length=longest)],
        part,
        "temporal_order",
        "full",
        rates=[0.03],
    )
    rows = found.accuracy[found.accuracy["length"] == longest]
    assert_same("compiled", of(rows, asked[-1][2][0]), of(alone.accuracy, asked[-1][2][0]))


def ends(*rows):
    return pd.DataFrame(rows, columns=["learning_rate", "solved", "step", "loss"])


@pytest.mark.parametrize(
    ("table", "chosen"),
    [
        (ends((0.1, True, 50, 0.1), (0.1, False, 90, 0.9), (0.2, True, 80, 0.1), (0.2, True, 80, 0.1)), 0.2),
        (ends((0.1, True, 50, 0.1), (0.2, True, 40, 0.2)), 0.2),
        (ends((0.1, False, 90, 0.4), (0.2, False, 90, 0.3)), 0.2),
        (ends((0.1, False, 90, 0.4), (0.2, False, 90, np.nan)), 0.1),
        (ends((0.2, True, 50, 0.1), (0.1, True, 50, 0.1)), 0.1),
        (
            ends((0.1, True, 50, 0.1), (0.1, False, 20, np.nan), (0.2, True, 60, 0.1), (0.2, False, 90, 0.5)),
            0.1,
        ),
        (
            ends((0.1, True, 60, 0.1), (0.1, False, 20, np.nan), (0.2, True, 50, 0.1), (0.2, False, 90, 0.5)),
            0.2,
        ),
    ],
)
def test_the_rate_that_solves_most_then_soonest_is_chosen(table, chosen):
    assert choice(table, [0.2, 0.1], 90) == chosen


def test_rates_are_tried_on_seeds_that_no_repetition_has():
    part = plan(
        learning_rates=[0.01, 0.03], tuning_length=12, tuning_repetitions=2, lengths=[10, 20], hidden=[6, 7]
    )
    tried = settings(part, "lstm")
    assert {(s.length, s.hidden) for s in tried} == {(12, 6)}
    assert {s.repetition for s in tried} == {-1, -2}
    there = backend("compiled")
    drawn = [
        data_of(there, 1, "temporal_order", [replace(tried[0], repetition=r)]).batch(4).x
        for r in (-2, -1, 0, 1)
    ]
    assert len({x.tobytes() for x in drawn}) == 4
    table = tune(there, 1, part, "temporal_order", "lstm")
    assert len(table) == len(tried) * 2
    assert table.groupby("learning_rate")["chosen"].first().sum() == 1
    for rate in part.learning_rates:
        rates, alone = [rate] * len(tried), part.model_copy(update={"snapshots": ()})
        known = train(there, 1, tried, alone, "temporal_order", "full", rates=rates).accuracy
        last = (
            known.groupby(["forget_bias", "repetition"], observed=True)
            .tail(1)
            .sort_values(["forget_bias", "repetition"])
        )
        own = table[table["learning_rate"] == rate].sort_values(["forget_bias", "repetition"])
        for name in ("step", "loss", "solved"):
            np.testing.assert_array_equal(own[name], last[name])


def test_a_slice_with_several_rates_is_not_trained_without_saying_which():
    with pytest.raises(ValueError, match="unpack"):
        train(backend("compiled"), 1, models(), plan(learning_rates=[0.1, 0.2]), "temporal_order", "full")
    with pytest.raises(StudyError, match="steps, 45, and end"):
        plan(snapshots=[61, "end"])
