"""Initialisations: the distributions they name, and draws that pair cells."""

import numpy as np
import pytest

from carousel.cells import CELLS
from carousel.inits import INITS, draw
from carousel.seeds import generator

H, D, T = 64, 16, 50


def params(cell="lstm", init="torch", gain=1.0, forget_bias="none", bias=0.0, length=T, repetition=0):
    def stream(role):
        return generator(1, init, repetition, role)

    return draw(
        init, CELLS[cell], stream, H=H, D=D, gain=gain, forget_bias=forget_bias, bias=bias, length=length
    )


def rows(cell, gate):
    start = CELLS[cell].gates.index(gate) * H
    return slice(start, start + H)


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("cell", CELLS)
def test_shapes_and_repeatability(cell, init):
    p, again = params(cell, init), params(cell, init)
    G = len(CELLS[cell].gates)
    assert (p.W.shape, p.R.shape, p.b.shape) == ((1, G * H, D), (1, G * H, H), (1, G * H, 1))
    assert set(p.p) == set(CELLS[cell].pointwise)
    for a, b in zip(p[:3], again[:3], strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("init", INITS)
def test_the_candidate_of_every_cell_starts_from_one_matrix(init):
    candidates = [params(cell, init).R[0, rows(cell, CELLS[cell].candidate)] for cell in CELLS]
    for R in candidates[1:]:
        np.testing.assert_array_equal(R, candidates[0])
    if init != "identity":
        lstm = params("lstm", init)
        assert not np.allclose(lstm.R[0, rows("lstm", "i")], lstm.R[0, rows("lstm", "z")])


@pytest.mark.parametrize("init", INITS)
def test_gain_multiplies_r_alone(init):
    one, three = params(init=init), params(init=init, gain=3.0)
    np.testing.assert_allclose(three.R, 3 * one.R)
    np.testing.assert_array_equal(three.W, one.W)
    np.testing.assert_array_equal(three.b, one.b)


def test_matrices_are_what_their_names_say():
    R = params(init="orthogonal").R[0, rows("lstm", "f")]
    np.testing.assert_allclose(R @ R.T, np.eye(H), atol=1e-13)
    np.testing.assert_array_equal(params(init="identity").R[0, rows("lstm", "f")], np.eye(H))
    R = params(init="gaussian").R
    assert R.std() == pytest.approx(H**-0.5, rel=0.02)
    assert np.abs(params(init="torch").R).max() == pytest.approx(H**-0.5, rel=1e-3)
    glorot = params(init="glorot")
    assert glorot.R.var() == pytest.approx(1 / H, rel=0.03)
    assert glorot.W.var() == pytest.approx(2 / (H + D), rel=0.06)


def test_the_torch_bias_is_the_sum_of_two_uniforms():
    b = np.concatenate([params(repetition=r).b.ravel() for r in range(20)])
    assert np.abs(b).max() < 2 * H**-0.5
    assert b.var() == pytest.approx(2 / (3 * H), rel=0.05)


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].forget])
def test_a_forget_bias_of_one_means_one_and_touches_nothing_else(cell):
    plain, one = params(cell), params(cell, forget_bias="1")
    forget = rows(cell, CELLS[cell].forget)
    np.testing.assert_array_equal(one.b[0, forget], 1.0)
    others = np.delete(np.arange(one.b.shape[1]), np.r_[forget])
    np.testing.assert_array_equal(one.b[0, others], plain.b[0, others])


def test_chrono_spreads_time_scales_to_the_length():
    b = np.concatenate([params(forget_bias="chrono", repetition=r).b for r in range(30)])
    forget, kept = b[:, rows("lstm", "f")], b[:, rows("lstm", "i")]
    np.testing.assert_allclose(kept, -forget)
    scale = np.exp(forget)  # uniform on [1, T - 1]
    assert scale.min() >= 1
    assert scale.max() <= T - 1
    assert scale.mean() == pytest.approx(T / 2, rel=0.03)


def test_the_bias_goes_to_the_candidate():
    moved = params("lstm", "orthogonal", bias=-2.5).b - params("lstm", "orthogonal").b
    np.testing.assert_array_equal(moved[0, rows("lstm", "z")], -2.5)
    assert np.count_nonzero(moved) == H
