"""Relations between cells that hold by algebra: where a change is immaterial, two cells are one.

They tie every variant to the vanilla LSTM or the GRU, which are tied to their papers' equations here and to torch.nn
in test_twins.py. The net inputs are functions of h as well, so equal steps are equal networks.
"""

import numpy as np
import pytest
from support.cell_checks import FLOOR
from support.problems import B, H, M, random_problem

from carousel.cells import CELLS
from carousel.engine.backends.numpy import FORWARD, NumpyOps
from carousel.engine.recurrence import pull_back, unroll

OPEN = 800.0  # a net input whose sigmoid is 1 in float64


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def draws(*names, seed=0):
    """A random array [M H B] for each name."""
    rng = np.random.default_rng(seed)
    return {name: rng.standard_normal((M, H, B)) for name in names}


def peepholes(name):
    """A random one for every gate that has one in the cell."""
    rng = np.random.default_rng(7)
    every = {f"p_{gate}": rng.standard_normal((M, H, 1)) for gate in "ifo"}
    return {key: every[key] for key in CELLS[name].pointwise}


def step(name, net, state, p=None, recurrent=None):
    """The state after one step from net inputs by gate, of which `recurrent` comes through R (None: all of it)."""
    cell = CELLS[name]
    rh = np.stack([(net if recurrent is None else recurrent)[gate] for gate in cell.gates], 1)
    wx = np.stack([net[gate] for gate in cell.gates], 1) - rh
    (after, _) = cell.forward(FORWARD, peepholes(name) if p is None else p, wx, rh, state)
    return after


def same(ours, theirs):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


NET, STATE = draws("i", "f", "z", "o"), tuple(draws("h", "c", seed=1).values())


def test_the_vanilla_lstm_is_that_of_its_paper():
    c, p = STATE[1], peepholes("lstm_peephole")
    i, f = sigmoid(NET["i"] + p["p_i"] * c), sigmoid(NET["f"] + p["p_f"] * c)
    c = f * c + i * np.tanh(NET["z"])
    h = sigmoid(NET["o"] + p["p_o"] * c) * np.tanh(c)
    same(step("lstm_peephole", NET, STATE), (h, c))


@pytest.mark.parametrize(("name", "gate"), [("lstm_nig", "i"), ("lstm_nfg", "f"), ("lstm_nog", "o")])
def test_a_gate_that_is_gone_is_one_that_is_open(name, gate):
    assert set(CELLS["lstm_peephole"].gates) - set(CELLS[name].gates) == {gate}
    same(step(name, NET, STATE), step("lstm_peephole", NET | {gate: np.full_like(NET[gate], OPEN)}, STATE))


def test_without_input_activation_the_candidate_is_what_the_activation_would_be_given():
    squashed = NET | {"z": np.tanh(NET["z"])}
    same(step("lstm_niaf", squashed, STATE), step("lstm_peephole", NET, STATE))


def test_without_output_activation_h_is_the_gated_carousel():
    h, c = step("lstm_noaf", NET, STATE)
    same((h / c * np.tanh(c), c), step("lstm_peephole", NET, STATE))


def test_coupled_gates_are_an_input_gate_that_closes_as_the_other_opens():
    p, c = peepholes("lstm_peephole"), STATE[1]
    mirrored = NET | {"i": -(NET["f"] + p["p_f"] * c) - p["p_i"] * c}
    same(step("lstm_cifg", NET, STATE), step("lstm_peephole", mirrored, STATE))


def test_without_peepholes_it_is_the_lstm_of_torch():
    assert CELLS["lstm_np"].gates == CELLS["lstm"].gates
    same(step("lstm_np", NET, STATE, {}), step("lstm", NET, STATE, {}))


@pytest.mark.parametrize("name", ["lstm_nfg", "lstm97"])
def test_no_forget_gate_and_no_peepholes_are_the_lstm_of_1997(name):
    p = {key: np.zeros((M, H, 1)) for key in CELLS[name].pointwise}
    same(step(name, NET, STATE, p), step("lstm", NET | {"f": np.full_like(NET["f"], OPEN)}, STATE, {}))


def test_full_gate_recurrence_is_the_vanilla_lstm_that_shows_its_gates():
    before = tuple(draws("i", "f", "o", seed=2).values())
    h, *gates, c = step("lstm_fgr", NET, (STATE[0], *before, STATE[1]))
    same((h, c), step("lstm_peephole", NET, STATE))
    p = peepholes("lstm_peephole")
    seen = {"i": STATE[1], "f": STATE[1], "o": c}
    same(gates, [sigmoid(NET[g] + p[f"p_{g}"] * seen[g]) for g in "ifo"])


def row(cell, gate):
    """A gate's rows."""
    g = cell.gates.index(gate)
    return slice(g * H, (g + 1) * H)


def column(cell, source):
    """The columns of R for a recurrent state or the intermediate input."""
    v = cell.columns.index(source)
    return slice(v * H, (v + 1) * H)


def test_gates_act_on_each_other_one_step_later():
    """R's blocks by hand: each net input as a sum over h and the gates of the step before."""
    p = random_problem("lstm_fgr", seed=3)
    _, last = unroll(FORWARD, p.cell, p.params, p.xs[:1], p.state)
    source = dict(zip(p.cell.states, p.state, strict=True))
    net = {}
    for gate in p.cell.gates:
        R = p.params.R[:, row(p.cell, gate)]
        by_R = sum(
            R[:, :, column(p.cell, v)] @ source[v] for v in ("h", "i", "f", "o") if gate != "z" or v == "h"
        )
        net[gate] = (p.params.W @ p.xs[0] + p.params.b)[:, row(p.cell, gate)] + by_R
    same(last, step("lstm_fgr", net, p.state, p.params.p))


def both_backwards(p, q):
    """The last states of two problems, and the adjoints of their first states."""
    for each in (p, q):
        steps, last = unroll(FORWARD, each.cell, each.params, each.xs, each.state)
        d_state = p.covector
        for one in reversed(steps):
            d_state = pull_back(
                FORWARD, each.cell, each.params, one, d_state, frozenset(each.cell.gates)
            ).before
        yield *last, *d_state


def test_the_order_of_reset_and_product_is_immaterial_where_they_commute():
    """With R_z diagonal R_z (r * h) = r * (R_z h), so the first GRU is torch's."""
    first, torchs = random_problem("gru_v1", seed=4), random_problem("gru", seed=4)
    rows, diagonal = row(first.cell, "z"), np.eye(H) * np.random.default_rng(5).standard_normal((M, 1, H))
    R = first.params.R.copy()
    R[:, rows, column(first.cell, "v")] = diagonal
    R_torch = R[:, :, column(first.cell, "h")].copy()
    R_torch[:, rows] = diagonal
    first = first._replace(params=first.params._replace(R=R))
    p = {"p_z": 0 * torchs.params.p["p_z"]}
    torchs = first._replace(cell=torchs.cell, params=first.params._replace(R=R_torch, p=p))
    same(*both_backwards(first, torchs))


def test_an_open_reset_gate_makes_the_two_grus_one():
    first, torchs = random_problem("gru_v1", seed=6), random_problem("gru", seed=6)
    b, R = first.params.b.copy(), first.params.R
    b[:, row(first.cell, "r")] = OPEN
    first = first._replace(params=first.params._replace(b=b))
    folded = R[:, :, column(first.cell, "h")] + R[:, :, column(first.cell, "v")]
    p = {"p_z": 0 * torchs.params.p["p_z"]}
    torchs = first._replace(cell=torchs.cell, params=first.params._replace(R=folded, p=p))
    same(*both_backwards(first, torchs))


def test_mgu_is_the_first_gru_whose_reset_gate_is_one_minus_its_update_gate():
    small, large = random_problem("mgu", seed=8), random_problem("gru_v1", seed=8)

    def mirrored(matrix):
        return np.concatenate([-matrix[:, row(small.cell, "u")], matrix], 1)

    params = large.params._replace(**{k: mirrored(getattr(small.params, k)) for k in ("W", "R", "b")})
    same(*both_backwards(small, small._replace(cell=large.cell, params=params)))


def test_janet_is_the_lstm_whose_output_is_its_carousel_and_whose_input_gate_mirrors_the_other():
    """Its i = 1 - sigma(s - 1) = sigma(1 - s)."""
    h = STATE[1]
    _, c = step("lstm", NET | {"i": 1 - NET["f"]}, STATE, {})
    same(step("janet", {"u": NET["f"], "z": NET["z"]}, (h,), {}), (c,))


@pytest.mark.parametrize("name", ["mgu", "minimal_rnn"])
def test_a_cell_with_one_gate_mixes_as_the_gru_does(name):
    net = {"r": NET["i"], "u": NET["f"], "z": NET["z"]}
    recurrent = {gate: np.zeros((M, H, B)) for gate in net}
    theirs = step("gru", net, STATE[:1], {"p_z": np.zeros((M, H, 1))}, recurrent)
    same(step(name, {"u": NET["f"], "z": NET["z"]}, STATE[:1], {}), theirs)


def test_the_gate_of_the_minimal_rnn_depends_on_the_state_and_the_encoded_input():
    p = random_problem("minimal_rnn", seed=9)
    W, R, b, _ = p.params
    (h,), u, z = p.state, row(p.cell, "u"), row(p.cell, "z")
    for x in p.xs:
        encoded = np.tanh(W[:, z] @ x + b[:, z])
        keep = sigmoid(R[:, u, column(p.cell, "h")] @ h + R[:, u, column(p.cell, "z")] @ encoded + b[:, u])
        h = keep * h + (1 - keep) * encoded
    same(unroll(FORWARD, p.cell, p.params, p.xs, p.state)[1], (h,))


@pytest.mark.parametrize("name", [name for name, cell in CELLS.items() if cell.forget])
def test_a_positive_forget_bias_keeps(name):
    """Whatever the sign in which a paper writes the gate; and the Q&A's factor is what the carousel is kept by."""
    p, kept = random_problem(name, seed=10), []
    state = tuple(0.1 * s for s in p.state)
    ones = tuple(float(k == p.cell.carousel) + 0 * s for k, s in enumerate(p.state))
    for bias in (40.0, 0.5, -40.0):
        wx = np.zeros((M, len(p.cell.gates), H, B))
        wx[:, p.cell.gates.index(p.cell.forget)] = bias
        _, saved = p.cell.forward(FORWARD, p.params.p, wx, 0 * wx, state)
        *_, factor = p.cell.backward(NumpyOps(blocked=True), p.params.p, saved, ones)[3]
        formula = p.cell.log_factor(FORWARD, p.params.p, wx, 0 * wx, state)
        np.testing.assert_allclose(np.log(factor), formula, rtol=1e-12, atol=1e-15)
        kept.append(factor)
    assert (kept[0] > kept[1]).all()
    assert (kept[0] > 0.5).all()
    least, most = FLOOR.get(name, (0.0, 1e-15))
    assert ((kept[2] >= least) & (kept[2] < most)).all()
