"""The Triton kernels against the plain path: on a GPU compiled, else in Triton's interpreter."""

import math

import numpy as np
import pytest
import torch

from gpu.support import NO_TRITON

triton = pytest.importorskip("triton", reason=NO_TRITON)
tl = pytest.importorskip("triton.language", reason=NO_TRITON)

from carousel.cells import CELLS  # noqa: E402
from carousel.engine.backends.backend import leaves  # noqa: E402
from carousel.engine.backends.table import load  # noqa: E402
from carousel.engine.recurrence import PATHS  # noqa: E402
from gpu import graphs, persistent, pointwise  # noqa: E402
from gpu.source import source  # noqa: E402
from gpu.support import DEVICE, assert_close, batch, on, plain, problem  # noqa: E402

FLOAT32, WIDE = load("torch", DEVICE, "float32"), load("torch", "cpu", "float64")
DECADES = 3e-5  # of log10 of a norm
SHARE = 2e-5  # of a gradient's largest entry


def reached(name):
    """Whether there are kernels for a cell."""
    try:
        source(CELLS[name])
    except ValueError:
        return False
    return True


REACHED = [name for name in CELLS if reached(name)]


@pytest.mark.parametrize("name", REACHED)
def test_norms_at_all_lags_are_those_of_the_plain_path(name):
    drawn = problem(CELLS[name])
    assert_close(persistent.norms(CELLS[name], *on(FLOAT32, drawn)), plain(CELLS[name], drawn), DECADES)


@pytest.mark.parametrize("name", REACHED)
def test_the_gradient_of_a_batch_is_autograd_s(name):
    assert_gradient(CELLS[name], persistent.gradient)


def assert_gradient(cell, way):
    drawn = batch(cell)
    found = way(cell, *on(FLOAT32, drawn))
    expected = WIDE.gradient(cell, *on(WIDE, drawn), PATHS["full"](cell))
    np.testing.assert_allclose(found.loss.cpu(), expected.loss, rtol=SHARE)
    for mine, theirs in zip(leaves(found.model), leaves(expected.model), strict=True):
        assert mine.shape == theirs.shape
        largest = theirs.abs().max() if theirs.numel() else 0
        np.testing.assert_allclose(mine.cpu(), theirs, rtol=0, atol=SHARE * largest)


@pytest.mark.skipif(DEVICE == "cpu", reason="no GPU; test_graphs calls the same functions uncaptured")
@pytest.mark.parametrize("name", CELLS)
def test_what_is_captured_gives_the_same(name):
    drawn = problem(CELLS[name])
    assert_close(graphs.norms(CELLS[name], *on(FLOAT32, drawn)), plain(CELLS[name], drawn), DECADES)
    assert_gradient(CELLS[name], graphs.gradient)


def test_little_memory_and_several_tiles_change_no_bit():
    cell = CELLS["lstm97"]
    drawn = problem(cell, length=9, hidden=16, sequences=18)
    ample, scarce = (persistent.norms(cell, *on(FLOAT32, drawn), **more) for more in ({}, {"memory": 0}))
    assert_close(ample, plain(cell, drawn), DECADES)
    assert all(torch.equal(ample[name], scarce[name]) for name in ample)


def test_a_norm_far_below_float32_is_measured():
    cell = CELLS["rnn_sigmoid"]
    drawn = problem(cell, length=30, gain=0.01)
    expected = plain(cell, drawn)
    assert expected["h"].max(1)[-1].max() < -60
    assert_close(persistent.norms(cell, *on(FLOAT32, drawn)), expected, DECADES)


@pytest.mark.parametrize("bias", [-25.0, 25.0])
def test_saturated_gates_keep_their_digits(bias):
    drawn = problem(CELLS["lstm"], bias=bias)
    assert_close(persistent.norms(CELLS["lstm"], *on(FLOAT32, drawn)), plain(CELLS["lstm"], drawn), 1e-4)


def test_a_dead_network_has_exact_zeros():
    drawn = problem(CELLS["rnn_relu"], bias=-100.0)
    found = persistent.norms(CELLS["rnn_relu"], *on(FLOAT32, drawn))["h"]
    assert found[0].isfinite().all()
    assert (found[1:] == -math.inf).all()


def test_a_cell_with_an_intermediate_input_and_a_cell_too_large_are_refused_in_one_line():
    with pytest.raises(ValueError, match=r"^recurrent states: found h, v; allowed: h alone, or none$"):
        persistent.norms(CELLS["gru_v1"], *on(FLOAT32, problem(CELLS["gru_v1"])))
    with pytest.raises(ValueError, match=r"^hidden: found 129 with 4 gates"):
        persistent.norms(CELLS["lstm"], *on(FLOAT32, problem(CELLS["lstm"], hidden=129)))


@triton.jit
def activations(x, y, N: tl.constexpr):
    at = tl.arange(0, N)
    value = tl.load(x + at)
    tl.store(y + at, pointwise.tanh(value))
    tl.store(y + N + at, pointwise.tanh_slope(value))
    tl.store(y + 2 * N + at, pointwise.sigmoid(value))
    tl.store(y + 3 * N + at, pointwise.sigmoid_slope(value))
    tl.store(y + 4 * N + at, pointwise.log_sigmoid(value))


def test_activations_keep_their_digits_at_both_ends():
    x = torch.logspace(-30, math.log10(40), 512, dtype=torch.float32)  # beyond it slopes are below float32
    x = torch.cat([-x, x]).to(DEVICE)
    found = torch.empty((5, len(x)), device=DEVICE)
    activations[1,](x, found, N=len(x))
    wide = x.double()
    small = torch.exp(-wide.abs())
    exact = torch.stack(
        [
            torch.tanh(wide),
            4 * small**2 / (1 + small**2) ** 2,
            torch.sigmoid(wide),
            small / (1 + small) ** 2,
            torch.minimum(wide, torch.zeros_like(wide)) - torch.log1p(small),
        ]
    )
    error = ((found.double() - exact) / exact).abs()
    assert (error <= 2e-6 + 3e-7 * wide.abs()).all()
