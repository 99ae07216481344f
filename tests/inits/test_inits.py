"""Initialisations: the distributions they name, and draws that pair cells."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from support.pairs import pairs

from carousel.analysis.theory.mean_field import critical_gain
from carousel.cells import CELLS
from carousel.inits import (
    DIAGONAL,
    FORGET_BIASES,
    GATE_BIASES,
    INITS,
    JOINT,
    as_written,
    draw,
    forget_bias_text,
    library_forget_bias,
)
from carousel.inits.libraries import TRUNCATED, TRUNCATED_STD
from carousel.inits.rows import critical_variance
from carousel.seeds import generator

H, D, T = 64, 16, 50
WITH_BIAS = {"torch", "critical", "hochreiter97"}
MANY = replace(  # a cell that has one of everything
    CELLS["lstm"],
    recurrent_states=("h", "c"),
    masked_blocks=frozenset({("i", "h"), ("f", "x"), ("o", "h"), ("o", "c")}),
    pointwise={"p_i": "weight", "p_z": "bias", "u": "recurrent", "nu": lambda rng, H: rng.uniform(5, 6, H)},
)
ALL = CELLS | {"many": MANY}


def drawn(cell, init="torch", gain=1.0, forget_bias="none", bias=0.0, length=T, repetition=0, hidden=H):
    def stream(role):
        return generator(1, init, repetition, role)

    options = {"gain": gain, "forget_bias": forget_bias, "bias": bias, "length": length}
    return draw(init, cell, stream, H=hidden, D=D, **options)


def params(cell="lstm", init="torch", **options):
    return drawn(CELLS[cell], init, **options)


def rows(cell, gate, hidden=H):
    start = CELLS[cell].gates.index(gate) * hidden
    return slice(start, start + hidden)


def blocks(cell, R):
    """R's blocks by gate and source."""
    split = R[0].reshape(len(cell.gates), H, len(cell.columns), H)
    return {(g, v): split[i, :, k] for i, g in enumerate(cell.gates) for k, v in enumerate(cell.columns)}


@pytest.mark.parametrize(("cell", "init"), pairs())
def test_shapes_and_repeatability(cell, init):
    p, again = params(cell, init), params(cell, init)
    G, V = len(CELLS[cell].gates), len(CELLS[cell].columns)
    assert (p.W.shape, p.R.shape, p.b.shape) == ((1, G * H, D), (1, G * H, V * H), (1, G * H, 1))
    assert set(p.p) == set(CELLS[cell].pointwise)
    assert all(value.shape == (1, H, 1) for value in p.p.values())
    for a, b in zip([*p[:3], *p.p.values()], [*again[:3], *again.p.values()], strict=True):
        np.testing.assert_array_equal(a, b)
        assert np.isfinite(a).all()


@pytest.mark.parametrize("init", INITS)
@pytest.mark.parametrize("size", [1, 2])
def test_the_smallest_networks_have_every_init(init, size):
    assert all(np.isfinite(p).all() for p in drawn(CELLS["lstm"], init, hidden=size)[:3])


@pytest.mark.parametrize("init", [name for name in INITS if name not in JOINT])
def test_the_candidate_of_every_cell_starts_from_one_matrix(init):
    """In the candidate's first block of R that is not masked."""
    cells = [cell for cell in CELLS.values() if cell.columns]
    sources = [
        next(v for v in cell.columns if (cell.candidate, v) not in cell.masked_blocks)
        for cell in cells
        if recurrent(cell)
    ]
    candidates = [
        blocks(cell, drawn(cell, init).R)[cell.candidate, source]
        for cell, source in zip(filter(recurrent, cells), sources, strict=True)
    ]
    assert len(candidates) >= 8
    for R in candidates[1:]:
        np.testing.assert_array_equal(R, candidates[0])
    if init not in DIAGONAL:
        lstm = params("lstm", init)
        assert not np.allclose(lstm.R[0, rows("lstm", "i")], lstm.R[0, rows("lstm", "z")])


@pytest.mark.parametrize("init", JOINT)
def test_cells_with_the_same_gates_start_from_the_same_matrices(init):
    """Where a gate's draw depends on the number of gates, cells with others cannot share it."""
    lstm, peepholes = params("lstm", init), params("lstm_peephole", init)
    np.testing.assert_array_equal(lstm.R, peepholes.R)
    np.testing.assert_array_equal(lstm.W, peepholes.W)
    assert len({tuple(gate.ravel()) for gate in lstm.R[0].reshape(4, H, H)}) == 4


def recurrent(cell):
    """Whether the candidate has a block of R."""
    return any((cell.candidate, source) not in cell.masked_blocks for source in cell.columns)


@pytest.mark.parametrize(("cell", "init"), pairs(ALL))
def test_every_block_is_a_draw_of_the_init_from_a_stream_of_its_own_or_masked(cell, init):
    cell = ALL[cell]
    p, G = drawn(cell, init), len(cell.gates)
    inputs = p.W[0].reshape(G, H, D)
    together = JOINT[init](generator(1, init, 0, "gates"), G, H, D) if init in JOINT else None
    for i, gate in enumerate(cell.gates):
        role = "candidate" if gate == cell.candidate else gate
        own = together[i] if together else INITS[init](generator(1, init, 0, role), H, D)
        np.testing.assert_array_equal(inputs[i], 0 if (gate, "x") in cell.masked_blocks else own.W)
        sources = [source for source in cell.columns if (gate, source) not in cell.masked_blocks]
        for source in cell.columns:
            further = INITS[init](generator(1, init, 0, f"{role} {source}"), H, D).R
            expected = own.R if source in sources[:1] else further if source in sources else 0
            np.testing.assert_array_equal(blocks(cell, p.R)[gate, source], expected)


@pytest.mark.parametrize(("cell", "init"), pairs(ALL))
def test_gain_multiplies_r_and_recurrent_weights_alone(cell, init):
    cell = ALL[cell]
    one, three = drawn(cell, init), drawn(cell, init, gain=3.0)
    np.testing.assert_allclose(three.R, 3 * one.R, rtol=1e-15)
    np.testing.assert_array_equal(three.W, one.W)
    np.testing.assert_array_equal(three.b, one.b)
    for name, kind in cell.pointwise.items():
        np.testing.assert_allclose(three.p[name], one.p[name] * (3 if kind == "recurrent" else 1), rtol=1e-15)


@pytest.mark.parametrize("init", INITS)
def test_recurrent_weights_of_one_unit_are_uniform_or_the_identity_s(init):
    u = np.stack([drawn(MANY, init, gain=-2.0, repetition=r).p["u"].ravel() / -2 for r in range(60)])
    if init in DIAGONAL:
        np.testing.assert_array_equal(u[0], np.diag(params("rnn_tanh", init).R[0]))
    else:
        assert_uniform(u, 0, 1)


def test_a_parameter_may_be_drawn_by_a_function_of_its_own():
    nu = np.stack([drawn(MANY, repetition=r).p["nu"].ravel() for r in range(60)])
    assert_uniform(nu, 5, 6)


def test_modrelu_s_bias_starts_uniform_within_a_hundredth_of_zero():
    p_z = np.stack([params("rnn_orthogonal", repetition=r).p["p_z"].ravel() for r in range(60)])
    assert_uniform(p_z, -0.01, 0.01)


def assert_uniform(values, low, high):
    """Within the bounds and close to them, and flat: the largest gap to the distribution function is chance's."""
    values = np.sort(values.ravel())
    assert low <= values[0] and values[-1] <= high
    gap = abs((values - low) / (high - low) - (np.arange(values.size) + 0.5) / values.size).max()
    assert gap < 1.9 * values.size**-0.5  # Kolmogorov and Smirnov: one case in a thousand is beyond


def test_matrices_are_what_their_names_say():
    R = params(init="orthogonal").R[0, rows("lstm", "f")]
    np.testing.assert_allclose(R @ R.T, np.eye(H), atol=1e-13)
    for init, value in DIAGONAL.items():
        np.testing.assert_array_equal(params(init=init).R[0, rows("lstm", "f")], value * np.eye(H))
    R = params(init="gaussian").R
    assert R.std() == pytest.approx(H**-0.5, rel=0.02)
    assert np.abs(params(init="torch").R).max() == pytest.approx(H**-0.5, rel=1e-3)
    glorot = params(init="glorot")
    assert glorot.R.var() == pytest.approx(1 / H, rel=0.03)
    assert glorot.W.var() == pytest.approx(2 / (H + D), rel=0.06)


VARIANCE_OF_W = {  # and the largest value, where there is one
    "torch": (1 / (3 * H), H**-0.5),
    "keras": (2 / (4 * H + D), (6 / (4 * H + D)) ** 0.5),
    "flax": (1 / D, TRUNCATED / TRUNCATED_STD / D**0.5),
    "glorot": (2 / (H + D), (6 / (H + D)) ** 0.5),
    "orthogonal": (2 / (H + D), (6 / (H + D)) ** 0.5),
    "identity": (2 / (H + D), (6 / (H + D)) ** 0.5),
    "gaussian": (1 / D, np.inf),
    "irnn": (1e-6, np.inf),
    "small_identity": (1e-6, np.inf),
    "sparse": (0.01, np.inf),
    "critical": (1 / D, np.inf),
    "hochreiter97": (0.01 / 3, 0.1),
}


@pytest.mark.parametrize("init", INITS)
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
    second = [name for name, kind in CELLS[cell].pointwise.items() if kind in ("weight", "bias")]
    return b | {name: np.stack([p.p[name].ravel() for p in drawn]) for name in second}


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


@pytest.mark.parametrize(("cell", "init"), pairs(without="torch"))
def test_most_inits_start_without_bias_and_all_with_random_peepholes(cell, init):
    p = params(cell, init)
    assert p.b.any() == (init in WITH_BIAS)
    for name, kind in CELLS[cell].pointwise.items():
        if kind == "weight":
            assert p.p[name].var() == pytest.approx(1 / (3 * H), rel=0.3)
            assert np.abs(p.p[name]).max() <= H**-0.5
        if kind == "bias":
            assert not p.p[name].any()


def test_sparse_rows_have_fifteen_inputs_each_and_a_spectral_radius():
    for repetition in range(5):
        R = params(init="sparse", repetition=repetition).R[0].reshape(-1, H, H)
        np.testing.assert_array_equal((R != 0).sum(2), 15)
        np.testing.assert_allclose([abs(np.linalg.eigvals(r)).max() for r in R], 1.1, rtol=1e-12)
    chosen = np.stack([params("gru", "sparse", repetition=r).R[0] != 0 for r in range(60)])
    assert_even(np.nonzero(chosen)[2])
    assert (drawn(CELLS["lstm"], "sparse", hidden=9).R != 0).all()
    np.testing.assert_allclose(abs(drawn(CELLS["rnn_tanh"], "sparse", hidden=1).R), 1.1, rtol=1e-15)


def assert_even(columns):
    """Every one of H equally often, but for chance (five standard deviations)."""
    counts, expected = np.bincount(columns, minlength=H), len(columns) / H
    np.testing.assert_allclose(counts, expected, atol=5 * expected**0.5)


def slope_squared(scale, drive, steps=200, units=500):
    """Measured on one wide tanh network: H var R times the mean of tanh'^2, after the state has settled."""
    rng = np.random.default_rng(3)
    R = rng.standard_normal((units, units)) * (scale / units) ** 0.5
    h, means = np.zeros(units), []
    for _ in range(steps):
        h = np.tanh(R @ h + drive**0.5 * rng.standard_normal(units))
        means.append(np.square(1 - h * h).mean())
    return scale * np.mean(means[10:])


@pytest.mark.parametrize("drive", [0.05, 1.05, 9.0])
def test_at_the_edge_a_driven_network_keeps_the_gradient_s_mean_square(drive):
    scale = critical_variance(drive)
    assert slope_squared(scale, drive) == pytest.approx(1, abs=0.02)
    assert slope_squared(1.2 * scale, drive) > 1.03
    assert slope_squared(0.8 * scale, drive) < 0.97


def test_the_edge_of_chaos_lies_where_mean_field_theory_has_it():
    """At 1 without drive, above it at first as 1 + 2 (3 drive / 4)^(1/3); Schoenholz et al. (2017): 1.76 at 0.05."""
    assert critical_variance(0.0) == pytest.approx(1, abs=1e-12)
    for drive in (1e-9, 1e-7):
        assert critical_variance(drive) - 1 == pytest.approx(2 * (0.75 * drive) ** (1 / 3), rel=0.01)
    assert critical_variance(0.05) == pytest.approx(1.76, abs=0.005)
    drives = np.geomspace(1e-3, 100, 20)
    assert (np.diff([critical_variance(drive) for drive in drives]) > 0).all()


@pytest.mark.parametrize("drive", [0.05, 1.05, 9.0])
def test_inits_and_theory_find_the_same_edge(drive):
    assert critical_gain("tanh", drive) ** 2 == pytest.approx(critical_variance(drive), rel=1e-11)


def test_critical_has_the_variances_it_is_critical_at():
    drawn = [params("rnn_tanh", "critical", repetition=r) for r in range(60)]
    R, b = (np.stack([p[k] for p in drawn]) for k in (1, 2))
    assert R.var() * H == pytest.approx(critical_variance(1.05), rel=0.01)
    assert b.var() == pytest.approx(0.05, rel=0.08)
    assert abs(b.mean()) < 4 * (0.05 / b.size) ** 0.5


@pytest.mark.parametrize("init", GATE_BIASES)
@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].input or CELLS[name].output])
def test_gates_start_closed_block_by_block(cell, init):
    """Three blocks of units; the paper's numbers, whichever of the two gates the cell has."""
    for size, block in ((1, [0]), (3, [0, 1, 2]), (6, [0, 0, 1, 1, 2, 2]), (7, [0, 0, 0, 1, 1, 2, 2])):
        b = drawn(CELLS[cell], init, hidden=size).b[0, :, 0]
        gates = {CELLS[cell].input: (-1, -3, -5), CELLS[cell].output: (-2, -4, -6)}
        for gate in CELLS[cell].gates:
            if gate in gates:
                np.testing.assert_array_equal(b[rows(cell, gate, size)], np.take(gates[gate], block))
            else:
                assert (abs(b[rows(cell, gate, size)]) <= 0.1).all()


def test_a_scheme_s_input_bias_stands_before_that_of_the_init():
    b = params("lstm", "hochreiter97", forget_bias="chrono").b[0]
    np.testing.assert_array_equal(b[rows("lstm", "i")], -b[rows("lstm", "f")])


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].forget])
def test_a_forget_bias_of_one_adds_one_and_touches_nothing_else(cell):
    plain, one = params(cell), params(cell, forget_bias="1")
    forget = rows(cell, CELLS[cell].forget)
    np.testing.assert_array_equal(one.b[0, forget], plain.b[0, forget] + 1)
    np.testing.assert_array_equal(params(cell, "glorot", forget_bias="1").b[0, forget], 1.0)
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


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].forget])
def test_uniform_gates_are_open_by_every_amount_alike(cell):
    b = np.stack([params(cell, forget_bias="uniform", repetition=r).b[0] for r in range(60)])
    forget = b[:, rows(cell, CELLS[cell].forget)]
    assert_uniform(1 / (1 + np.exp(-forget)), 1 / H, 1 - 1 / H)
    if CELLS[cell].input:
        np.testing.assert_array_equal(b[:, rows(cell, CELLS[cell].input)], -forget)


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].forget])
def test_loguniform_steps_are_of_every_order_alike(cell):
    """The step size that keeps sigma(b) of a state: -log sigma(b)."""
    b = np.stack([params(cell, forget_bias="loguniform", repetition=r).b[0] for r in range(60)])
    forget = b[:, rows(cell, CELLS[cell].forget)]
    assert_uniform(np.log10(np.logaddexp(0, -forget)), -3, -1)


@given(H=st.integers(1, 40), longest=st.integers(1, 10**6), seed=st.integers(0, 99))
def test_a_scheme_s_gates_have_the_time_scales_it_allows(H, longest, seed):
    """1 / (1 - sigma(b)) steps: 2 to T_max under chrono, 1 and a bit to H for uniform gates, 10 to 1,000 for steps."""
    for name, fastest, slowest in (
        ("chrono", 2, max(longest, 3)),
        ("uniform", 1 / (1 - 1 / max(H, 2)), max(H, 2)),
        ("loguniform", 10, 1001),
    ):
        scale = 1 + np.exp(FORGET_BIASES[name](np.random.default_rng(seed), H, longest))
        assert (scale >= fastest * (1 - 1e-12)).all()
        assert (scale <= slowest * (1 + 1e-12)).all()


def test_chrono_with_its_own_longest_time_is_chrono_at_that_length():
    own = params(forget_bias="chrono:1000", length=T)
    np.testing.assert_array_equal(own.b, params(forget_bias="chrono", length=1000).b)
    assert not np.array_equal(own.b, params(forget_bias="chrono").b)


@pytest.mark.parametrize("cell", [name for name in CELLS if CELLS[name].forget])
def test_a_forget_bias_of_zero_leaves_what_the_init_draws(cell):
    """PyTorch's default is 0 in the mean: two random vectors, as for the other gates."""
    np.testing.assert_array_equal(params(cell, forget_bias="0").b, params(cell).b)
    assert np.ptp(params(cell, forget_bias="0").b[0, rows(cell, CELLS[cell].forget)]) > 0
    assert not params(cell, "glorot", forget_bias="0").b.any()


@pytest.mark.parametrize("init", INITS)
def test_default_stands_for_what_the_library_sets(init):
    """Keras alone sets another than 0, in the LSTM (unit_forget_bias); an init of no library sets none."""
    found = {cell: library_forget_bias(init, cell) for cell in CELLS}
    assert found == dict.fromkeys(CELLS, "0") | ({"lstm": "1"} if init == "keras" else {})


NAMED = {name: name for name in ("chrono", "uniform", "loguniform", "chrono:3", "chrono:1000")}
NUMBERS = {1: "1", -2.5: "-2.5", -0.0: "0", 0.1 + 0.2: "0.30000000000000004", 1e22: "1e+22"}


@pytest.mark.parametrize(("value", "text"), [*NAMED.items(), *NUMBERS.items()])
def test_forget_biases_that_a_study_may_have(value, text):
    assert forget_bias_text(value) == text
    written = as_written(text)
    assert written == value
    assert isinstance(written, str) == isinstance(value, str)
    assert np.isfinite(params(forget_bias=text).b).all()


def test_a_study_may_have_default():
    assert as_written(forget_bias_text("default")) == "default"


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        np.nan,
        np.inf,
        "1",
        "Chrono",
        "Default",
        "chrono:",
        "chrono:2",
        "chrono:01000",
        "chrono:1e3",
        "chrono:-5",
    ]
    + ["chrono:12345678", "uniform:5", ["chrono"], ""],
)
def test_forget_biases_that_it_may_not_have_are_refused_in_one_line(value):
    with pytest.raises(
        ValueError, match="^allowed: a finite number, chrono, uniform, loguniform, or chrono:T [^\n]*$"
    ):
        forget_bias_text(value)


@pytest.mark.parametrize("length", [1, 2, 3])
def test_chrono_of_the_shortest_sequences_spreads_from_one_to_two(length):
    scale = np.exp(params(forget_bias="chrono", length=length).b[0, rows("lstm", "f")])
    assert 1 <= scale.min() < 1.2 < 1.8 < scale.max() <= 2


def test_the_bias_goes_to_the_candidate():
    moved = params("lstm", "orthogonal", bias=-2.5).b - params("lstm", "orthogonal").b
    np.testing.assert_array_equal(moved[0, rows("lstm", "z")], -2.5)
    assert np.count_nonzero(moved) == H
