"""Norms by autograd through several steps at once are those of the adjoint by hand, one step after the other."""

import numpy as np
import pytest
from support.cell_checks import POINTWISE
from support.problems import random_problem

from carousel.engine import recurrence
from carousel.engine.backends.table import load
from carousel.measures.adjoint import norms

BY_HAND, BY_GRAPH = load("numpy", "cpu", "float64", exact=True), load("torch", "cpu", "float64")


def found(backend, p):
    return norms(p.system(backend), p.on(backend).covector[0])


@pytest.mark.parametrize("far", [1.0, 40.0])
@pytest.mark.parametrize("name", POINTWISE)
def test_norms_of_every_pointwise_cell_are_those_by_hand(name, far, monkeypatch):
    p = random_problem(name, seed=50, length=21)
    p.params.b[:] *= far  # saturated units keep the digits of their slopes
    logs = found(BY_GRAPH, p)
    np.testing.assert_allclose(logs, found(BY_HAND, p), rtol=1e-10, atol=1e-11)
    monkeypatch.setattr(recurrence, "MEMORY", 1)
    np.testing.assert_array_equal(found(BY_GRAPH, p), logs)


@pytest.mark.parametrize("exponent", [-150, -40, 40, 150])
def test_an_adjoint_that_leaves_the_floats_within_a_few_steps_is_divided_sooner(exponent):
    p = random_problem("rnn_linear", seed=51, length=30)
    R, nothing = p.params.R * 2.0 ** (3 * exponent), [0 * each for each in (p.xs, p.params.b, *p.state)]
    huge = p._replace(params=p.params._replace(R=R, b=nothing[1]), xs=nothing[0], state=tuple(nothing[2:]))
    steps = np.arange(31)[:, None, None] * 3 * exponent * np.log10(2)
    np.testing.assert_allclose(found(BY_GRAPH, huge), found(BY_GRAPH, p) + steps, rtol=1e-13, atol=1e-12)
