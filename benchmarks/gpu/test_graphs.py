"""The functions that are captured in CUDA graphs, called uncaptured on the CPU in float64."""

import numpy as np
import pytest
import torch

from carousel.cells import CELLS
from carousel.engine.backends.backend import leaves
from carousel.engine.backends.table import load
from carousel.engine.recurrence import PATHS
from gpu import graphs
from gpu.support import EXACT, assert_close, batch, on, plain, problem

TORCH = load("torch", "cpu", "float64")
STEPS = 9


@pytest.mark.parametrize("name", CELLS)
def test_a_captured_step_gives_the_norms_of_the_plain_path_at_all_lags(name):
    drawn = problem(CELLS[name], STEPS)
    assert_close(graphs.norms(CELLS[name], *on(TORCH, drawn)), plain(CELLS[name], drawn), 1e-9)


@pytest.mark.parametrize("name", CELLS)
def test_a_captured_gradient_is_the_plain_one(name):
    cell, drawn = CELLS[name], batch(CELLS[name], STEPS, STEPS - 2)
    found = graphs.gradient(cell, *on(TORCH, drawn))
    expected = EXACT.gradient(cell, *on(EXACT, drawn), PATHS["full"](cell))
    np.testing.assert_allclose(found.loss, expected.loss, rtol=1e-12)
    for mine, theirs in zip(leaves(found.model), leaves(expected.model), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-8, atol=1e-10)


def test_what_was_captured_serves_other_values_of_the_same_shapes():
    cell = CELLS["gru"]
    first, second = (on(TORCH, problem(cell, STEPS, seed=seed)) for seed in (1, 2))
    decay = graphs.Decay(cell, *first[:3])
    for drawn in (first, second, first):
        decay.set(*drawn)
        found, alone = decay.norms(), graphs.norms(cell, *drawn)
        assert all(torch.equal(found[name], alone[name]) for name in alone)
