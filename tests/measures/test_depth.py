"""The depth table: one layer is today's decay, and what two backends, seeds and overflow make of its rows."""

import numpy as np
import pandas as pd
import pytest

import carousel
from carousel.engine.backends.table import load
from carousel.measures.rows import known
from carousel.study.errors import StudyError
from carousel.study.files import depth_defaults
from carousel.study.models import Setting
from carousel.study.schema import vary
from carousel.study.stacks import shapes, stacked

SETTING = {"init": "torch", "forget_bias": 1.0, "length": 40, "hidden": 5, "repetitions": 3}
NUMPY = load("numpy", "cpu", "float64")
SLICE = vary(depth_defaults(), state_scale=0.5)


def depth(cell: str, layers: int, residual: bool = False, **conditions) -> pd.DataFrame:
    return carousel.depth(cell, layers=layers, residual=residual, **SETTING | conditions)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru", "gru_v1", "slstm", "rnn_orthogonal"])
def test_one_layer_is_the_decay_of_a_single_network(cell: str, backend: str) -> None:
    found = depth(cell, 1, backend=backend, state_scale=0.5)
    expected = carousel.decay(cell, backend=backend, state_scale=0.5, drive=0.25, batch=2, **SETTING)
    for layer, quantity in enumerate(("loss_x", "loss_state")):
        ours = found[found["layer"] == layer]
        theirs = expected[(expected["quantity"] == quantity) & (expected["path"] == "full")]
        for name in ("repetition", "lag", "n", "n_zero", "n_overflow"):
            assert ours[name].tolist() == theirs[name].tolist()
        np.testing.assert_allclose(ours["log10_norm"], theirs["log10_norm"], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("cell", ["rnn_tanh", "lstm", "gru", "mgu"])
def test_the_backends_agree(cell: str, residual: bool) -> None:
    ours, theirs = (depth(cell, 4, residual, backend=name, state_scale=0.5) for name in ("numpy", "torch"))
    assert ours.drop(columns=["backend", "log10_norm"]).equals(theirs.drop(columns=["backend", "log10_norm"]))
    np.testing.assert_allclose(ours["log10_norm"], theirs["log10_norm"], rtol=1e-10, atol=1e-10)


def test_layers_and_lags_are_all_there_and_start_at_the_loss() -> None:
    found = depth("lstm", 3, lags_per_octave=0)
    counts = found.groupby(["repetition", "layer"])["lag"].apply(list)
    assert all(counts[r, layer] == [*range(layer == 0, 41)] for r in range(3) for layer in range(4))
    highest = found[(found["layer"] == 3) & (found["lag"] == 0)]
    np.testing.assert_allclose(highest["log10_norm"], 0, atol=1e-15)


def test_a_layer_s_weights_and_states_depend_on_no_other_layer_and_no_two_are_alike() -> None:
    settings = [Setting("lstm", "torch", 1.0, "1", 0.0, "0.25", 5, 7, r) for r in range(2)]
    three, five = (stacked(NUMPY, 1, settings, SLICE, layers, True) for layers in (3, 5))
    for few, many in zip(three.params, five.params, strict=False):
        assert all(np.array_equal(a, b) for a, b in zip(few[:3], many[:3], strict=True))
    for few, many in zip(three.states, five.states, strict=False):
        assert all(map(np.array_equal, few, many))
    recurrent = [each.R[m] for each in five.params for m in range(2)]
    starts = [state[0][m] for state in five.states for m in range(2)]
    for drawn in (recurrent, starts):
        assert not any(np.array_equal(a, b) for i, a in enumerate(drawn) for b in drawn[:i])


def test_a_single_layer_has_no_residual_connection() -> None:
    assert shapes(SLICE) == [(1, False), (2, False), (2, True), (4, False), (4, True)]
    assert shapes(vary(SLICE, residual=[True])) == [(1, False), (2, True), (4, True)]
    pd.testing.assert_frame_equal(depth("gru", 1, residual=True), depth("gru", 1))


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_dead_units_are_counted_as_exact_zeros(backend: str) -> None:
    found = depth("rnn_relu", 2, backend=backend, bias=-100.0)  # no layer ever leaves zero
    dead = found[(found["lag"] > 0) | (found["layer"] == 1)]
    assert np.isneginf(dead["log10_norm"]).all() and (dead["n_zero"] == dead["n"]).all()
    passed = depth("rnn_relu", 2, residual=True, backend=backend, bias=-100.0)
    start = passed[(passed["lag"] == 0) & (passed["layer"] == 1)]
    np.testing.assert_allclose(start["log10_norm"], 0, atol=1e-15)


@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_what_overflows_is_counted_and_never_a_number(backend: str) -> None:
    found = depth("rnn_relu", 2, backend=backend, gain=1e30, length=30)
    lost = found[found["n_overflow"] > 0]
    assert len(lost) and lost["log10_norm"].isna().all()
    assert found.loc[found["n_overflow"] == 0, "log10_norm"].notna().all()


def test_what_is_not_known_at_a_lag_is_not_known_at_a_longer_one() -> None:
    logs = np.array([[[0.0, 1.0]], [[np.nan, 2.0]], [[-np.inf, 3.0]]])
    after = known(logs)
    assert np.isnan(after[1:, 0, 0]).all()
    assert after[:, 0, 1].tolist() == [1.0, 2.0, 3.0]
    assert after[0, 0, 0] == 0.0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"layers": 0}, "layers"),
        ({"residual": "yes"}, "residual"),
        ({"cell": "lstmm"}, "found 'lstmm'; allowed: rnn_tanh"),
        ({"measures": ["gradient"]}, "measures: unknown key"),
    ],
)
def test_a_wrong_argument_is_one_line(wrong: dict, said: str) -> None:
    given = {"cell": "lstm", "layers": 2, "residual": False} | SETTING | wrong
    with pytest.raises(StudyError, match=said) as error:
        carousel.depth(**given)
    assert len(str(error.value).splitlines()) == 1
