"""The decay table: columns, pairing, averages, and the public function."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st
from support.problems import BASE, D, H, T, assert_seeded_by

import carousel
from carousel.axes import LAGS
from carousel.cells import CELLS
from carousel.engine.backends.table import load
from carousel.inits import DIAGONAL, INITS, JOINT
from carousel.measures.adjoint import Quantity
from carousel.measures.decay import measure
from carousel.measures.rows import rows, summary
from carousel.study.errors import StudyError
from carousel.study.files import decay_defaults
from carousel.study.models import (
    STATES,
    WEIGHTS,
    Setting,
    batches,
    covector,
    driving,
    gates_kept,
    initial_state,
    noise,
    recorded,
    settings_of,
    weights,
)
from carousel.study.schema import vary

SMALL = {"length": 12, "hidden": 4, "repetitions": 2, "batch": 3, "input_size": 2}
FIXED = (
    "backend device dtype cell init gain forget_bias hidden length repetition trained quantity path lag log10_norm "
    "n_zero n cosine error"
).split()


@pytest.mark.parametrize("cell", CELLS)
def test_both_backends_give_one_table(cell):
    """Short of the first state: it is zero, where a stabiliser's gradient is a difference of equal numbers."""
    tables = (carousel.decay(cell, "torch", 1.0, **SMALL, backend=b) for b in ("numpy", "torch"))
    ours, theirs = (table[table["lag"] < SMALL["length"]] for table in tables)
    assert set(FIXED) <= set(ours.columns)
    factors = [c for c in ours.columns if c not in ("backend", "log10_norm", "cosine")]
    assert ours[factors].astype(str).equals(theirs[factors].astype(str))
    a, b = ours["log10_norm"].to_numpy(), theirs["log10_norm"].to_numpy()
    np.testing.assert_array_equal(np.isneginf(a), np.isneginf(b))
    np.testing.assert_allclose(a[np.isfinite(a)], b[np.isfinite(b)], atol=1e-10, rtol=1e-12)
    np.testing.assert_allclose(ours["cosine"], theirs["cosine"], atol=1e-10)
    assert (ours["error"] == 0).all()


def test_lag_zero_has_norm_one_and_every_lag_is_there():
    table = carousel.decay("lstm", "orthogonal", 1.0, **SMALL, lags_per_octave=0)
    start = table[(table["lag"] == 0) & (table["quantity"] == "loss_state") & (table["path"] != "gates")]
    np.testing.assert_allclose(start["log10_norm"], 0, atol=1e-14)
    assert sorted(table["lag"].unique()) == list(range(13))
    assert (table[(table["lag"] == 0) & (table["quantity"] == "loss_c")]["log10_norm"] == -math.inf).all()


def test_a_linear_orthogonal_network_keeps_the_norm_and_its_gain_sets_the_rate():
    for gain in (1.0, 0.5, 1.7):
        table = carousel.decay("rnn_linear", "orthogonal", 1.0, **SMALL, gain=gain).query(
            "quantity == 'loss_state'"
        )
        full = table[table["path"] == "full"]
        np.testing.assert_allclose(full["log10_norm"], full["lag"] * math.log10(gain), atol=1e-12)


@pytest.mark.parametrize("cell", ["lstm", "gru", "mamba"])
@pytest.mark.parametrize("init", INITS)
def test_draws_that_are_kept_are_those_of_a_first_time(cell, init):
    """Whoever writes to a model's parameters changes no later model."""
    setting = replace(BASE, cell=cell, init=init)
    gates_kept.cache_clear()
    first, others = (
        weights(1, setting, D),
        [weights(1, replace(setting, gain=2.0), D), weights(2, setting, D)],
    )
    for params in others:
        for array in (*params[:3], *params.p.values()):
            array[:] = np.nan
    again = weights(1, setting, D)
    assert gates_kept.cache_info().hits == 2
    for one, other in zip((*first[:3], *first.p.values()), (*again[:3], *again.p.values()), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_model_is_the_same_whatever_is_measured_beside_it():
    """The seed is not the position."""
    alone = carousel.decay("rnn_tanh", "gaussian", 1.0, **SMALL)
    more = carousel.decay("rnn_tanh", "gaussian", 1.0, **(SMALL | {"repetitions": 4}))
    np.testing.assert_array_equal(alone["log10_norm"], more[more["repetition"] < 2]["log10_norm"])
    other = carousel.decay("rnn_tanh", "gaussian", 1.0, **SMALL, seed=2)
    assert not np.array_equal(alone["log10_norm"], other["log10_norm"])


def candidate(setting):
    """The candidate's rows of W, and of R without its gain: one block for each voice that it hears."""
    p, cell = weights(1, setting, D), CELLS[setting.cell]
    start = cell.gates.index(cell.candidate) * setting.hidden
    W, R = (x[0, start : start + setting.hidden] for x in (p.W, p.R / setting.gain))
    blocks = np.split(R, len(cell.columns), axis=1) if cell.columns else []
    recurrent_states = zip(cell.columns, blocks, strict=True)
    return W, [
        block for source, block in recurrent_states if (cell.candidate, source) not in cell.masked_blocks
    ]


@pytest.mark.parametrize("init", INITS)
def test_the_candidates_weights_are_paired_over_cells_biases_gains_and_lengths(init):
    base, given = replace(BASE, init=init), "hidden" + " cell" * (init in JOINT)
    assert_seeded_by("init repetition", lambda setting: candidate(setting)[0], given=given, base=base)

    def recurrent(setting):
        blocks = candidate(setting)[1]
        return blocks[0] if blocks else candidate(base)[1][0]  # some candidates hear nothing of the past

    assert_seeded_by("init repetition" * (init not in DIAGONAL), recurrent, given=f"{given} init", base=base)


@pytest.mark.parametrize("cell", CELLS)
def test_every_weight_of_a_cell_is_paired_over_biases_gains_and_lengths(cell):
    def everything(setting):
        p = weights(1, setting, D)
        kinds = CELLS[setting.cell].pointwise
        own = [x / setting.gain if kinds[name] == "recurrent" else x for name, x in p.p.items()]
        return np.concatenate([x.ravel() for x in (p.W, p.R / setting.gain, *own)])

    assert_seeded_by("init repetition", everything, given="cell hidden", base=replace(BASE, cell=cell))


def test_gates_inits_and_studies_draw_apart():
    W = [weights(1, BASE, D).W[0, g * H : (g + 1) * H] for g in range(4)]
    W += [weights(1, replace(BASE, init=init), D).W[0, :H] for init in ("glorot", "identity")]
    W += [weights(2, BASE, D).W[0, :H]]
    assert len({w.tobytes() for w in W}) == len(W)


def test_chrono_biases_are_paired_over_cells_and_gains():
    def forget_bias(setting):
        start = CELLS[setting.cell].gates.index(CELLS[setting.cell].forget) * H
        return weights(1, setting, D).b[0, start : start + H]

    base = replace(BASE, forget_bias="chrono")
    assert_seeded_by("init repetition length", forget_bias, given="cell hidden forget_bias", base=base)
    for cell in ("lstm_peephole", "gru"):
        np.testing.assert_array_equal(forget_bias(replace(base, cell=cell)), forget_bias(base))


def test_the_inputs_are_paired_over_all_but_length_and_repetition():
    part = vary(decay_defaults(), input_size=D, batch=3)
    assert_seeded_by("length repetition", lambda setting: noise(1, setting, part)[:T])
    assert not np.array_equal(noise(1, BASE, part), noise(2, BASE, part))


def test_the_covector_is_paired_over_all_but_size_length_and_repetition():
    assert_seeded_by("length repetition", lambda setting: covector(1, setting, 3), given="hidden")
    assert covector(1, replace(BASE, hidden=H + 2), 3).shape == (H + 2, 3)
    np.testing.assert_allclose(np.linalg.norm(covector(1, BASE, 3), axis=0), 1)
    assert not np.array_equal(covector(1, BASE, 3), covector(2, BASE, 3))


def test_the_initial_state_is_paired_over_all_but_size_and_repetition():
    def first(setting):
        return initial_state(1, [setting], 3, 1.0)[0][0, :H]

    assert_seeded_by("hidden repetition", first)
    h, c = initial_state(1, [replace(BASE, repetition=1), BASE], 3, 1.0)
    np.testing.assert_array_equal(h[1], first(BASE))
    assert not np.array_equal(h, c)
    assert not np.array_equal(h[1:], initial_state(2, [BASE], 3, 1.0)[0])


@pytest.mark.parametrize("scale", [0.0, 0.3, 2.0])
def test_inputs_and_states_are_gaussian_with_the_scale_asked_for(scale):
    part = vary(decay_defaults(), input_size=4, batch=50)
    long = replace(BASE, hidden=40, length=100, drive=f"{scale**2}")
    rows_of_norm_one = weights(1, long, 4)._replace(W=np.full((1, 160, 4), 0.5))
    h, c = initial_state(1, [long] * 2, 250, scale)
    for x in (driving(1, long, rows_of_norm_one, part), h[0], c[0]):
        assert x.std() == pytest.approx(scale, rel=0.03)
        assert abs(x.mean()) <= 0.03 * scale
        assert (abs(x) > 2 * scale).mean() == pytest.approx(0.0455 if scale else 0, rel=0.15)


@given(length=st.integers(1, 20_000), per_octave=st.integers(1, 20))
def test_recorded_lags_are_dense_first_and_reach_the_end(length, per_octave):
    lags = sorted(recorded(length, per_octave))
    assert lags[0] == 0
    assert lags[-1] == length
    assert set(range(min(2 * per_octave, length) + 1)) <= set(lags)
    assert len(set(lags) - {*LAGS}) <= 2 * per_octave + 2 + per_octave * max(1, math.log2(length) + 1)
    assert {lag for lag in LAGS if lag <= length} <= set(lags)
    assert (
        max(b / a for a, b in zip(lags[1:], lags[2:], strict=False) or [(1, 1)]) <= 2
        if len(lags) > 2
        else True
    )


@given(doublings=st.integers(1, 12), per_octave=st.integers(1, 20), more=st.floats(0, 0.99))
def test_every_octave_beyond_the_dense_part_has_as_many_lags_at_equal_ratios(doublings, per_octave, more):
    dense = 2 * per_octave
    length = int(dense * 2 ** (doublings + more))
    lags = np.array(sorted(recorded(length, per_octave)))
    for start in dense * 2 ** np.arange(doublings):
        octave = lags[(lags > start) & (lags <= 2 * start)]
        even = start * 2 ** (np.arange(1, per_octave + 1) / per_octave)
        near = abs(octave[:, None] - even) <= 0.5 + 1e-9 * length
        assert (near.sum(axis=0) >= 1).all()
        assert set(octave[~near.any(axis=1)]) <= {*LAGS}
        assert len(set(octave) - {*LAGS}) <= per_octave <= len(octave)
    rest = set(lags[lags > dense * 2**doublings])
    expected = per_octave * math.log2(length / (dense * 2**doublings))
    assert expected - 2 <= len(rest)
    assert len(rest - {*LAGS}) <= expected + 2


def test_every_lag_is_recorded_when_asked():
    assert recorded(7, 0) == set(range(8))


def test_zeros_are_counted_and_left_out_of_the_mean():
    mean, zeros, n = summary(np.array([[-1.0, -3.0, -np.inf], [-np.inf] * 3, [np.nan, 0, 0]]))
    np.testing.assert_array_equal(zeros, [1, 3, 0])
    np.testing.assert_array_equal(n, 3)
    np.testing.assert_array_equal(mean[:2], [-2.0, -np.inf])
    assert np.isnan(mean[2])


def table_of(by_lag):
    """The decay table of two models from readings of our own."""
    block = [replace(BASE, repetition=r) for r in range(2)]
    about = {"trained": "no", "step": 0, "gradient": "none", "input_size": 4}
    return rows(load("numpy", "cpu", "float64"), "mine", block, iter(by_lag), **about)


def test_cosines_stand_beside_the_norm_they_belong_to_and_what_is_not_defined_does_not_count():
    norm, x = Quantity("loss_state", "cell"), Quantity("loss_x", "full")
    nan = np.nan
    logs = np.array([[-1.0, -np.inf, -3.0], [-np.inf] * 3])
    cosines = np.array([[0.5, nan, -0.1], [nan, nan, nan]])
    found = table_of([(3, {norm: logs, norm._replace(column="cosine"): cosines, x: 0 * cosines + logs})])
    beside = found[found["quantity"] == "loss_state"]
    np.testing.assert_allclose(beside["cosine"], [0.2, nan])
    np.testing.assert_array_equal(beside["n_zero"], [1, 3])
    assert found[found["quantity"] == "loss_x"]["cosine"].isna().all()
    assert len(found) == 4


def test_the_error_is_that_of_the_mean_of_the_sequences_that_count():
    """Independent estimates: the root of the sum of squares over their number; an exact value has error 0."""
    norm, exact = Quantity("jacobian_fro", "full"), Quantity("jacobian_spec", "full")
    logs = np.array([[-1.0, -2.0], [-1.0, -np.inf]])
    errors = np.array([[0.3, 0.4], [0.3, 0.0]])
    found = table_of([(1, {norm: logs, norm._replace(column="error"): errors, exact: logs})])
    np.testing.assert_allclose(found[found["quantity"] == "jacobian_fro"]["error"], [0.25, 0.3])
    np.testing.assert_array_equal(found[found["quantity"] == "jacobian_spec"]["error"], 0)


def test_a_quantity_may_be_missing_at_a_lag():
    """Every row is where its model, quantity and lag are."""
    a, b = Quantity("loss_h", "full"), Quantity("loss_x", "full")
    value = {
        (q, k): np.array([[10.0 * k + s], [100 + 10.0 * k + s]]) for s, q in enumerate((a, b)) for k in (0, 2)
    }
    found = table_of([(0, {a: value[a, 0]}), (2, {a: value[a, 2], b: value[b, 2]})])
    assert list(
        zip(found["repetition"], found["quantity"], found["lag"], found["log10_norm"], strict=True)
    ) == [
        (0, "loss_h", 0, 0.0),
        (0, "loss_h", 2, 20.0),
        (0, "loss_x", 2, 21.0),
        (1, "loss_h", 0, 100.0),
        (1, "loss_h", 2, 120.0),
        (1, "loss_x", 2, 121.0),
    ]


def test_the_input_of_a_linear_network_is_reached_through_its_weights():
    """|W^T R^T^(k-1) v| at lag k: one W, and one R fewer than lags; lag 0 has no input."""
    part = vary(decay_defaults(), input_size=2, batch=3, lags_per_octave=0)
    setting = Setting("rnn_linear", "orthogonal", 0.5, "none", 0.0, "unit", 4, 12, 0)
    table = measure(load("numpy", "cpu", "float64"), 1, [setting], part)
    found = table[table["quantity"] == "loss_x"].set_index("lag")["log10_norm"]
    assert sorted(found.index) == list(range(1, 13))
    p, v = weights(1, setting, 2), covector(1, setting, 3)
    for lag in found.index:
        d_x = p.W[0].T @ np.linalg.matrix_power(p.R[0].T, lag - 1) @ v
        assert found[lag] == pytest.approx(np.log10(np.linalg.norm(d_x, axis=0)).mean(), abs=1e-12)


def test_blocks_cover_all_settings_once_in_shapes_of_one_kind():
    part = vary(decay_defaults(), hidden=[4, 128], lengths=[3, 9], repetitions=7, checked=3)
    asked = settings_of(part, "lstm", "numpy")
    groups = list(batches(asked, 64))
    assert [s for group in groups for s in group] == asked
    assert all(len({(s.hidden, s.length) for s in group}) == 1 for group in groups)
    assert len(groups) > 4


@pytest.mark.parametrize("cell", CELLS)
def test_no_state_of_a_batch_is_larger_than_the_caches_take(cell):
    """The largest of a cell's states counts; one model is a batch whatever its size."""
    part = vary(decay_defaults(), hidden=[8, 64], lengths=[3], repetitions=200, checked=1)
    for group in batches(settings_of(part, cell, "numpy"), 4):
        largest = max(s.size for s in initial_state(1, group[:1], 4, 1.0))
        assert len(group) == 1 or len(group) * largest <= STATES
        assert len(group) * group[0].hidden ** 2 <= WEIGHTS


def test_a_cell_without_forget_gate_has_one_setting():
    part = decay_defaults()
    many, one = (settings_of(part, cell, "numpy") for cell in ("lstm", "rnn_tanh"))
    assert {s.forget_bias for s in one} == {"none"}
    assert len(many) == len(one) * len(part.forget_biases)


def test_default_is_measured_as_the_number_of_the_init_s_library_and_once():
    part = vary(
        decay_defaults(),
        inits=["torch", "keras"],
        forget_biases=["default", 0.0],
        lengths=[9],
        drives=[1.0],
        repetitions=1,
        checked=1,
    )
    found = {
        cell: [(s.init, s.forget_bias) for s in settings_of(part, cell, "numpy")] for cell in ("lstm", "gru")
    }
    assert found["lstm"] == [("torch", "0"), ("keras", "1"), ("keras", "0")]
    assert found["gru"] == [("torch", "0"), ("keras", "0")]
    assert {s.forget_bias for s in settings_of(part, "rnn_tanh", "numpy")} == {"none"}
    assert set(carousel.decay("lstm", "keras", "default", **SMALL)["forget_bias"]) == {"1"}


def test_the_api_refuses_what_a_study_would_refuse():
    with pytest.raises(StudyError, match="nearest: lstm"):
        carousel.decay("lstmm", "torch", 1.0, **SMALL)
    with pytest.raises(StudyError, match="found 'gains'; allowed: .* nearest: gain"):
        carousel.decay("lstm", "torch", 1.0, **SMALL, gains=[1.0, 2.0])
    with pytest.raises(StudyError, match="batch"):
        carousel.decay("lstm", "torch", 1.0, **SMALL, bacth=3)
    with pytest.raises(StudyError, match="hidden"):
        carousel.decay("lstm", "torch", 1.0, **(SMALL | {"hidden": -4}))
