"""How many repetitions each backend measures: the first all of them, each further one those that are to be checked."""

from argparse import Namespace
from functools import partial

import pandas as pd
import pytest

from carousel.engine.backends.table import load
from carousel.measures import decay, depth, dynamics
from carousel.pipeline.commands import batches
from carousel.study.files import decay_defaults, depth_defaults, dynamics_defaults, training_defaults
from carousel.study.models import batches_of, repetitions_on, settings_of
from carousel.study.schema import vary

SMALL = {"backends": ["torch", "numpy"], "cells": ["lstm"], "inits": ["torch"], "forget_biases": [1.0],
         "repetitions": 5, "checked": 2}  # fmt: skip
LARGE = {"hidden": [129], "input_size": 2, "batch": 1}  # 258 numbers of state: random vectors measure it
PARTS = {
    "decay": vary(decay_defaults(), **SMALL, **LARGE, lengths=[6], measures=["gradient", "jacobian"]),
    "dynamics": vary(dynamics_defaults(), **SMALL, **LARGE, lengths=[8], warm_up=2, exponents=2),
    "depth": vary(depth_defaults(), **SMALL, **LARGE, lengths=[6], layers=[3], residual=[True]),
    "training": vary(training_defaults(), **SMALL, hidden=[4], lengths=[9]),
}
MEASURES = {
    "decay": decay.measure,
    "dynamics": dynamics.measure,
    "depth": partial(depth.measure, layers=3, residual=True),
}


@pytest.mark.parametrize("kind", PARTS)
def test_the_first_backend_measures_all_and_further_ones_the_first_ones(kind):
    part = PARTS[kind]
    every = settings_of(part, "lstm", "torch")
    assert {s.repetition for s in every} == {0, 1, 2, 3, 4}
    assert settings_of(part, "lstm", "numpy") == [s for s in every if s.repetition < 2]
    assert settings_of(part, "lstm", "numpy", exact=True) == every


@pytest.mark.parametrize("exact", [False, True])
def test_a_job_measures_what_its_backend_is_to_measure(exact):
    for backend in ("numpy", "torch"):
        args = Namespace(backend=backend, cell="lstm", exact=exact)
        job = list(batches.models(args, [PARTS["decay"], PARTS["decay"]]))
        wanted = settings_of(PARTS["decay"], "lstm", backend, exact)
        assert [s for batch in job for s in batch.settings] == wanted * 2
        assert sum(batches.line("decay", batch).models for batch in job) == 2 * len(wanted)
        assert len(wanted) == len(PARTS["decay"].drives) * repetitions_on(backend, PARTS["decay"], exact)


@pytest.mark.parametrize("kind", MEASURES)
def test_the_rows_that_are_checked_are_those_of_a_full_run_to_the_last_bit(kind):
    """However the models are cut into batches: what a model is measured with depends on no other model."""
    part, numpy = PARTS[kind], load("numpy", "cpu", "float64")

    def table(exact):
        groups = batches_of(part, "lstm", "numpy", exact)
        return pd.concat([MEASURES[kind](numpy, 1, group, part) for group in groups], ignore_index=True)

    few, every = table(False), table(True)
    assert len(batches_of(part, "lstm", "numpy")[0]) < len(batches_of(part, "lstm", "numpy", True)[0])
    again = every[every["repetition"] < 2].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, again, check_exact=True, check_categorical=False)
