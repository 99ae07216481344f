"""The explorer's document against curves of known slope."""

import json

import numpy as np
import pandas as pd
import pytest
from support import planted

from carousel.analysis.summary import summarise
from carousel.report import explorer


@pytest.fixture(scope="module")
def decay() -> pd.DataFrame:
    return planted.decay()


@pytest.fixture(scope="module")
def document(decay) -> dict:
    return json.loads(explorer.text(explorer.explore(decay, summarise(decay))))


def chosen(document: dict, **levels: object) -> dict:
    """The one setting at these levels of the factors."""
    factors = document["factors"]
    at = [factors[name].index(levels[name]) for name in factors]
    (found,) = [setting for setting in document["settings"] if setting["at"] == at]
    return found


def decoded(document: dict, setting: dict, path: str) -> np.ndarray:
    """y by lag, NaN where the document says zero."""
    y = setting["paths"][path]["y"]
    sums = np.cumsum([step or 0 for step in y]) / document["scale"]
    return np.where([step is None for step in y], np.nan, sums)


LSTM = {"cell": "lstm", "init": "torch", "forget_bias": "1", "length": 120, "training": "no"}


@pytest.mark.parametrize("path", planted.SHARE)
@pytest.mark.parametrize("training", ["no", "adding:30"])
def test_a_curve_is_the_mean_over_repetitions(document, path, training):
    setting = chosen(document, **LSTM | {"training": training})
    lags = np.array(document["lags"][setting["lags"]])
    stage = ("no", 0) if training == "no" else ("adding", 30)
    expected = planted.rate("lstm", "1", "torch", path, stage) * lags
    assert np.abs(decoded(document, setting, path) - expected).max() <= 0.5 / document["scale"] + 1e-9
    assert setting["paths"][path]["apart"] == pytest.approx(planted.APART, rel=0.1)
    assert (setting["n"], setting["hidden"]) == (planted.REPETITIONS, 16)


def test_the_band_is_student_s_interval(document):
    setting = chosen(document, **LSTM)
    lag, half = document["lags"][setting["lags"]][-1], setting["paths"]["full"]["half"][-1]
    assert half / document["scale"] == pytest.approx(4.3027 * planted.STEP / np.sqrt(3) * lag, abs=0.6e-3)


def test_every_level_is_there_and_in_order(document):
    assert document["factors"] == {
        "cell": ["lstm", "rnn_tanh"], "init": ["orthogonal", "torch"], "forget_bias": ["none", "0", "1", "3"],
        "length": [40, 120], "training": ["no", "adding:0", "adding:30"],
    }  # fmt: skip
    assert len(document["settings"]) == len(planted.RATES) * 2 * 2 * 3


def test_a_path_that_is_zero_or_the_full_gradient_again_is_no_curve(document):
    vanilla = chosen(document, **LSTM | {"cell": "rnn_tanh", "forget_bias": "none"})
    assert set(vanilla["paths"]) == {"full"}
    assert set(chosen(document, **LSTM)["paths"]) == set(planted.SHARE)


def test_the_rate_is_that_of_the_summary(document):
    setting = chosen(document, **LSTM)
    assert setting["low"] < setting["rate"] < setting["high"]
    assert setting["rate"] == pytest.approx(-0.08, rel=1e-3)
    assert setting["half_life"] == pytest.approx(np.log10(2) / 0.08, rel=1e-3)


def test_exact_zeros_are_null_and_the_curve_goes_on_below_them(decay):
    table = decay.assign(dead=(decay["lag"] == 60) & (decay["cell"] == "lstm"))
    table["n_zero"] = table["n_zero"].where(~table["dead"], table["n"])
    found = explorer.explore(table, summarise(table))
    y = decoded(found, chosen(found, **LSTM), "full")
    assert np.isnan(y).sum() == 1
    assert y[-1] == pytest.approx(-0.08 * 120, abs=1e-3)


def test_of_two_measurements_the_larger_network_is_shown_and_odd_input_is_left_out(decay):
    steep = decay[decay["trained"] == "no"].assign(log10_norm=lambda t: 2 * t["log10_norm"])
    others = [{"hidden": 8, "slice": "small"}, {"drive": "4", "slice": "loud"}, {"slice": "search_1"},
              {"gain": 2.0}, {"bias": 1.0}, {"hidden": 1, "slice": "unit"}]  # fmt: skip
    table = pd.concat([decay, *(steep.assign(**other) for other in others)], ignore_index=True)
    found = explorer.explore(table, summarise(decay))
    assert found == explorer.explore(decay, summarise(decay))
    wide = pd.concat([decay, steep.assign(hidden=64, slice="wide")], ignore_index=True)
    found = explorer.explore(wide, summarise(decay))
    assert decoded(found, chosen(found, **LSTM), "full")[-1] == pytest.approx(-0.16 * 120, abs=2e-3)
    assert "rate" not in chosen(found, **LSTM)


def test_a_backend_that_checks_a_repetition_is_compared_on_that_one(decay):
    few = decay[(decay["backend"] == "numpy") | (decay["repetition"] == 0)]
    table = explorer.curves(explorer.chosen(explorer.shown(few)))
    later = table[(table["path"] == "full") & (table["lag"] > 0)]
    assert (later["n"] == planted.REPETITIONS).all()
    np.testing.assert_allclose(later["apart"], planted.APART, rtol=0.1)


def test_the_drive_that_compares_weights_is_shown_before_another(decay):
    steep = decay[decay["trained"] == "no"].assign(log10_norm=lambda t: 2 * t["log10_norm"], drive="0.25")
    found = explorer.explore(pd.concat([decay, steep], ignore_index=True), summarise(decay))
    setting = chosen(found, **LSTM)
    assert (setting["drive"], setting["slice"]) == ("0.25", "grid")
    assert decoded(found, setting, "full")[-1] == pytest.approx(-0.16 * 120, abs=2e-3)
    assert chosen(found, **LSTM | {"training": "adding:30"})["drive"] == "task"


def test_a_law_stands_beside_the_curve_that_it_predicts(decay):
    linear = decay[decay["cell"] == "rnn_tanh"].assign(cell="rnn_linear")
    found = explorer.explore(linear, summarise(linear))
    orthogonal = {"cell": "rnn_linear", "forget_bias": "none", "length": 120}
    curve = chosen(found, **LSTM | orthogonal | {"init": "orthogonal"})["paths"]["full"]
    assert (curve["law"], curve["theory"]) == ("isometry", 0.0)
    assert "law" not in chosen(found, **LSTM | orthogonal)["paths"]["full"]


def test_one_backend_or_one_repetition_is_enough_for_a_line(decay):
    alone = decay[(decay["backend"] == "torch") & (decay["repetition"] == 1)]
    found = explorer.explore(alone, summarise(alone))
    curve = chosen(found, **LSTM)["paths"]["full"]
    assert "apart" not in curve
    assert set(curve["half"]) == {None}


def test_a_study_without_curves_is_an_empty_document(decay):
    none = decay.assign(quantity="jacobian_fro")
    assert explorer.explore(none, summarise(none))["settings"] == []


def test_what_json_has_not_is_refused():
    with pytest.raises(ValueError):
        explorer.text({"y": float("nan")})


@pytest.mark.parametrize(("dead", "zero"), [(4, False), (5, True), (8, True)])
def test_a_gradient_of_which_most_sequences_are_dead_is_zero(dead, zero):
    rows = pd.DataFrame({"n_zero": [dead, dead], "n": [8, 8], "log10_norm": [-1.0, -3.0]})
    found = explorer.summed(np.zeros(2, int), rows, 1)
    assert (found["y"][0], np.isnan(found["half"][0])) == ((-np.inf, True) if zero else (-2.0, False))


def test_stages_of_training_come_in_the_order_of_their_steps():
    names = ["no", "adding:0", "adding:5", "adding:30", "adding:300", "copy:2"]
    assert sorted([names[k] for k in (4, 1, 5, 0, 3, 2)], key=explorer.stage) == names


def test_of_two_backends_the_reference_is_drawn_however_far_the_other_is(decay):
    far = decay.assign(log10_norm=decay["log10_norm"] * np.where(decay["backend"] == "torch", 1.25, 1.0))
    for rows in (far, far.iloc[::-1]):
        found = explorer.explore(rows, summarise(decay))
        setting = chosen(found, **LSTM)
        rate = planted.rate("lstm", "1", "torch", "full", ("no", 0))
        assert decoded(found, setting, "full")[-1] == pytest.approx(rate * 120, abs=2e-3)
        assert setting["paths"]["full"]["apart"] == pytest.approx(0.25 * abs(rate) * 120, rel=0.1)
