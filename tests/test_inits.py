"""Initialisations: the distributions they name, and draws that pair cells."""

from itertools import combinations

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


VARIANCE_OF_W = {  # and the largest value, where there is one
    "torch": (1 / (3 * H), H**-0.5),
    "glorot": (2 / (H + D), (6 / (H + D)) ** 0.5),
    "orthogonal": (2 / (H + D), (6 / (H + D)) ** 0.5),
    "identity": (2 / (H + D), (6 / (H + D)) ** 0.5),
    "gaussian": (1 / D, np.inf),
}


@pytest.mark.parametrize("init", VARIANCE_OF_W)
def test_w_has_the_variance_and_the_bound_of_its_init(init):
    W = np.stack([params(init=init, repetition=r).W for r in range(10)])
    variance, bound = VARIANCE_OF_W[init]
    assert W.var() == pytest.approx(variance, rel=0.02)
    assert abs(W.mean()) < 4 * (variance / W.size) ** 0.5
    assert abs(W).max() <= bound
    assert bound == np.inf or abs(W).max() > 0.999 * bound


@pytest.mark.parametrize("size", [1, 3])
def test_orthogonal_matrices_are_haar_distributed(size):
    """Reflections as often as rotations, either sign on the diagonal, a trace of variance 1: Haar on O(n)."""
    rng, n = np.random.default_rng(0), 2_000
    R = np.stack([INITS["orthogonal"](rng, size, 2).R for _ in range(n)])
    assert (np.linalg.det(R) > 0).mean() == pytest.approx(0.5, abs=0.05)
    np.testing.assert_allclose((np.diagonal(R, axis1=1, axis2=2) > 0).mean(0), 0.5, atol=0.05)
    trace = np.trace(R, axis1=1, axis2=2)
    assert abs(trace.mean()) < 4 * n**-0.5
    assert trace.var() == pytest.approx(1, abs=0.1)


def biases(cell, init):
    """Effective biases gate by gate, and the second ones, over many draws."""
    drawn = [params(cell, init, repetition=r) for r in range(60)]
    b = {gate: np.stack([p.b[0, rows(cell, gate), 0] for p in drawn]) for gate in CELLS[cell].gates}
    return b | {name: np.stack([p.p[name].ravel() for p in drawn]) for name in CELLS[cell].pointwise}


@pytest.mark.parametrize("cell", CELLS)
def test_torch_draws_two_uniforms_a_gate_and_adds_them_up_where_they_act_as_one(cell):
    """The GRU's candidate keeps them apart: the reset gate stands between."""
    b, pointwise = biases(cell, "torch"), CELLS[cell].pointwise
    for name, values in b.items():
        uniforms = 1 if name in pointwise or pointwise.get(f"p_{name}") == "bias" else 2
        assert 0.9 * uniforms < np.abs(values).max() * H**0.5 <= uniforms
        assert values.var() == pytest.approx(uniforms / (3 * H), rel=0.06)
    for one, two in combinations(b.values(), 2):
        assert abs(np.corrcoef(one.ravel(), two.ravel())[0, 1]) < 4 * one.size**-0.5


@pytest.mark.parametrize("init", [name for name in INITS if name != "torch"])
@pytest.mark.parametrize("cell", CELLS)
def test_all_other_inits_start_without_bias_and_with_random_peepholes(cell, init):
    p = params(cell, init)
    assert not p.b.any()
    for name, kind in CELLS[cell].pointwise.items():
        if kind == "weight":
            assert p.p[name].var() == pytest.approx(1 / (3 * H), rel=0.3)
            assert np.abs(p.p[name]).max() <= H**-0.5
        else:
            assert not p.p[name].any()


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].forget])
def test_a_forget_bias_of_one_means_one_and_touches_nothing_else(cell):
    plain, one = params(cell), params(cell, forget_bias="1")
    forget = rows(cell, CELLS[cell].forget)
    np.testing.assert_array_equal(one.b[0, forget], 1.0)
    others = np.delete(np.arange(one.b.shape[1]), np.r_[forget])
    np.testing.assert_array_equal(one.b[0, others], plain.b[0, others])


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].forget])
def test_chrono_spreads_time_scales_to_the_length(cell):
    b = np.stack([params(cell, forget_bias="chrono", repetition=r).b[0] for r in range(60)])
    forget = b[:, rows(cell, CELLS[cell].forget)]
    scale = np.exp(forget)  # uniform on [1, T - 1]
    assert forget.min() >= 0
    assert scale.max() <= T - 1
    assert scale.mean() == pytest.approx(T / 2, rel=0.03)
    assert scale.var() == pytest.approx((T - 2) ** 2 / 12, rel=0.06)
    if CELLS[cell].input:
        np.testing.assert_array_equal(b[:, rows(cell, CELLS[cell].input)], -forget)
    set_by_chrono = {CELLS[cell].forget, CELLS[cell].input}
    plain = np.stack([params(cell, repetition=r).b[0] for r in range(60)])
    for gate in set(CELLS[cell].gates) - set_by_chrono:
        np.testing.assert_array_equal(b[:, rows(cell, gate)], plain[:, rows(cell, gate)])


@pytest.mark.parametrize("length", [1, 2, 3])
def test_chrono_of_the_shortest_sequences_spreads_from_one_to_two(length):
    scale = np.exp(params(forget_bias="chrono", length=length).b[0, rows("lstm", "f")])
    assert 1 <= scale.min() < 1.2 < 1.8 < scale.max() <= 2


def test_the_bias_goes_to_the_candidate():
    moved = params("lstm", "orthogonal", bias=-2.5).b - params("lstm", "orthogonal").b
    np.testing.assert_array_equal(moved[0, rows("lstm", "z")], -2.5)
    assert np.count_nonzero(moved) == H
