"""The decay table: columns, pairing, averages, and the public function."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import carousel
from carousel.cells import CELLS
from carousel.measure import blocks, recorded, settings, summary
from carousel.study import StudyError, decay_defaults, vary

SMALL = {"length": 12, "hidden": 4, "repetitions": 2, "batch": 3, "input_size": 2}
FIXED = (
    "backend device dtype cell init gain forget_bias hidden length repetition trained quantity path lag log10_norm "
    "n_zero"
).split()


@pytest.mark.parametrize("cell", CELLS)
def test_both_backends_give_one_table(cell):
    ours, theirs = (carousel.decay(cell, "torch", 1.0, **SMALL, backend=b) for b in ("numpy", "torch"))
    assert set(FIXED) <= set(ours.columns)
    factors = [c for c in ours.columns if c not in ("backend", "log10_norm")]
    assert ours[factors].astype(str).equals(theirs[factors].astype(str))
    a, b = ours["log10_norm"].to_numpy(), theirs["log10_norm"].to_numpy()
    np.testing.assert_array_equal(np.isneginf(a), np.isneginf(b))
    np.testing.assert_allclose(a[np.isfinite(a)], b[np.isfinite(b)], atol=1e-10, rtol=1e-12)


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


def test_weights_are_paired_across_cells_and_data_across_inits():
    """A tanh RNN is the same whatever cells are measured beside it; the seed is not the position."""
    alone = carousel.decay("rnn_tanh", "gaussian", 1.0, **SMALL)
    more = carousel.decay("rnn_tanh", "gaussian", 1.0, **(SMALL | {"repetitions": 4}))
    np.testing.assert_array_equal(alone["log10_norm"], more[more["repetition"] < 2]["log10_norm"])
    other = carousel.decay("rnn_tanh", "gaussian", 1.0, **SMALL, seed=2)
    assert not np.array_equal(alone["log10_norm"], other["log10_norm"])


@given(length=st.integers(1, 20_000), per_octave=st.integers(1, 20))
def test_recorded_lags_are_dense_first_and_reach_the_end(length, per_octave):
    lags = sorted(recorded(length, per_octave))
    assert lags[0] == 0
    assert lags[-1] == length
    assert set(range(min(2 * per_octave, length) + 1)) <= set(lags)
    assert len(lags) <= 2 * per_octave + 2 + per_octave * max(1, math.log2(length) + 1)
    assert (
        max(b / a for a, b in zip(lags[1:], lags[2:], strict=False) or [(1, 1)]) <= 2
        if len(lags) > 2
        else True
    )


def test_every_lag_is_recorded_when_asked():
    assert recorded(7, 0) == set(range(8))


def test_zeros_are_counted_and_left_out_of_the_mean():
    mean, zeros, n = summary(np.array([[-1.0, -3.0, -np.inf], [-np.inf] * 3, [np.nan, 0, 0]]))
    np.testing.assert_array_equal(zeros, [1, 3, 0])
    np.testing.assert_array_equal(n, 3)
    np.testing.assert_array_equal(mean[:2], [-2.0, -np.inf])
    assert np.isnan(mean[2])


def test_blocks_cover_all_settings_once_in_shapes_of_one_kind():
    part = vary(decay_defaults(), hidden=[4, 128], lengths=[3, 9], repetitions=7)
    asked = settings(part, "lstm", part.biases, part.lengths)
    groups = list(blocks(asked, 64))
    assert [s for group in groups for s in group] == asked
    assert all(len({(s.hidden, s.length) for s in group}) == 1 for group in groups)
    assert len(groups) > 4


def test_a_cell_without_forget_gate_has_one_setting():
    part = decay_defaults()
    many, one = (settings(part, cell, [0.0], [10]) for cell in ("lstm", "rnn_tanh"))
    assert {s.forget_bias for s in one} == {"none"}
    assert len(many) == len(one) * len(part.forget_biases)


def test_the_api_refuses_what_a_study_would_refuse():
    with pytest.raises(StudyError, match="nearest: lstm"):
        carousel.decay("lstmm", "torch", 1.0, **SMALL)
    with pytest.raises(StudyError, match="batch"):
        carousel.decay("lstm", "torch", 1.0, **SMALL, bacth=3)
    with pytest.raises(StudyError, match="hidden"):
        carousel.decay("lstm", "torch", 1.0, **(SMALL | {"hidden": -4}))
