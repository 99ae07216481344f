"""Truncation, the 1997 cell, the factor per step and the place of the loss: verdicts turn with the planted truth."""

import numpy as np
import pandas as pd
import pytest

from carousel.analysis.stats.learning import gehan, restricted_mean, time_to_solve
from carousel.claims import (
    a2b_factor_per_step as a2b,
    a2g_lag_alone as a2g,
    a3a_truncated_error as a3a,
    a3b_truncation_cost as a3b,
    a4a_vanilla_from_1997 as a4a,
)
from carousel.claims.claim import Tables, Verdict
from carousel.report.figures.draw import FIGURES as FIGURES_OF_ALL
from carousel.report.figures.labels import spread_labels
from carousel.report.figures.style import style
from carousel.report.figures.svg import save

CLAIMS = {"A2b": a2b.CLAIM, "A2g": a2g.CLAIM, "A3a": a3a.CLAIM, "A3b": a3b.CLAIM, "A4a": a4a.CLAIM}
FIGURES = {name: FIGURES_OF_ALL[name] for name in CLAIMS}
NEAR = {"none": 0.98, "0": 0.96, "1": 0.97}
FAR = {"none": 0.5, "0": 0.3, "1": 0.6}
COSTLY = {
    "cosines": FAR,
    "ratio": 0.8,
    "weights_cosine": 0.5,
    "weights_norm": -0.8,
    "delay": 100,
    "lost": 0.3,
    "worse": 0.6,
}
DECAYING = {"none": -0.1, "0": -0.2, "1": -0.05}  # flows along the gates
LEVEL = dict.fromkeys(DECAYING, 0.0)
CHEAP = {"cosines": NEAR, "flows": DECAYING}

TURNS = [
    ("A2b", {}, {}, "supported"),
    ("A2b", {"factor_error": {"rnn_tanh": 1e-7}}, {}, "refuted"),
    ("A2b", {"factor_error": {"lstm": 3e-9}}, {}, "refuted"),
    ("A2b", {"factor_error": {"lstm": 1e-10}}, {}, "supported"),
    ("A2b", {}, {"repetitions": 2, "length": 20}, "inconclusive"),
    ("A2g", {}, {}, "depends"),
    ("A2g", {"drift": {}}, {}, "supported"),
    ("A2g", {"drift": {25: 0.05, 100: -0.04}}, {}, "refuted"),
    ("A2g", {"drift": {}}, {"repetitions": 5}, "inconclusive"),
    ("A2g", {"drift": {}, "scatter": 0.05}, {}, "inconclusive"),
    ("A3a", {}, {}, "supported"),
    ("A3a", {"leak": -6.0}, {}, "refuted"),
    ("A3a", {"cut_error": 1e-8}, {}, "refuted"),
    ("A3a", {}, {"repetitions": 1}, "inconclusive"),
    ("A3b", {}, {}, "depends"),
    ("A3b", CHEAP, {}, "supported"),
    ("A3b", COSTLY | {"flows": LEVEL}, {}, "refuted"),
    ("A3b", COSTLY | {"flows": DECAYING}, {}, "depends"),
    ("A3b", CHEAP | {"flows": LEVEL}, {}, "depends"),
    ("A3b", CHEAP | {"delay": 100}, {}, "depends"),
    ("A3b", CHEAP | {"lost": 0.2}, {}, "depends"),
    ("A3b", CHEAP | {"worse": 0.6}, {}, "depends"),
    ("A3b", CHEAP | {"solved_at": 1000}, {}, "inconclusive"),
    ("A3b", CHEAP, {"repetitions": 5}, "inconclusive"),
    ("A4a", {}, {}, "supported"),
    ("A4a", {"same_error": 1e-8}, {}, "refuted"),
    ("A4a", {"peep_error": 0.0}, {}, "refuted"),
    ("A4a", {"peep_error": 1e-4}, {}, "inconclusive"),
    ("A4a", {}, {"repetitions": 1}, "inconclusive"),
]  # fmt: skip


def study_of(plant, need: str, extra: dict | None = None, **changes: object) -> Tables:
    """Return what one claim looks at."""
    return plant(need=need, extra=extra or {}, **changes)


def decided(name: str, tables: Tables) -> Verdict:
    """Return one claim's verdict."""
    return CLAIMS[name].decide(CLAIMS[name].evidence(tables))


@pytest.mark.parametrize(("name", "extra", "changes", "verdict"), TURNS)
def test_verdicts_turn_with_the_truth(plant, name: str, extra: dict, changes: dict, verdict: str) -> None:
    found = decided(name, study_of(plant, name, extra, **changes))
    assert found.verdict == verdict, found.condition
    assert found.condition
    assert found.alt
    if verdict == "inconclusive":
        assert found.condition.startswith("Undecided")
    else:
        numbers = [found.low, found.effect, found.high, *found.by_backend.values()]
        assert np.isfinite(numbers).all()
        assert found.low <= found.effect <= found.high
        assert found.n > 0
        assert verdict in CLAIMS[name].takeaway


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize("name", CLAIMS)
def test_one_backend_alone_decides_nothing(plant, name: str, backend: str) -> None:
    found = decided(name, study_of(plant, name, backends=(backend,)))
    assert found.verdict == "inconclusive"
    assert {"numpy": "torch", "torch": "numpy"}[backend] in found.condition


@pytest.mark.parametrize("name", CLAIMS)
def test_no_data_decide_nothing(plant, name: str) -> None:
    tables = study_of(plant, name, repetitions=1)
    found = decided(name, Tables(*(table.head(0) for table in tables)))
    assert found.verdict == "inconclusive"
    assert "Undecided" in found.condition
    assert found.alt


def test_two_derivations_that_differ_refute_the_truncation(plant) -> None:
    tables = study_of(plant, "A3a")
    off = (
        (tables.decay["backend"] == "torch")
        & (tables.decay["path"] == "truncated")
        & (tables.decay["hidden"] == 8)
    )
    wrong = tables.decay.assign(log10_norm=tables.decay["log10_norm"] + 1e-8 * off)
    found = decided("A3a", tables._replace(decay=wrong))
    assert found.verdict == "refuted"
    assert "two derivations agree (2.3e" in found.condition


def test_what_an_optimiser_found_is_left_out_of_the_truncation(plant) -> None:
    tables = study_of(plant, "A3a", {"leak": -6.0})
    searched = tables.decay.assign(slice="search_lstm")
    assert a3a.rows(tables._replace(decay=searched)).empty


def test_truncation_s_words_name_the_margin_s_bias_and_the_pairs(plant) -> None:
    found = decided("A3b", study_of(plant, "A3b", {"delay": 200}))
    at = found.boundary
    assert at is not None
    assert at.factor == "forget bias (PyTorch's default init)"
    assert at.low <= at.at <= at.high
    assert at.at == pytest.approx((0.9 - 0.3) / (0.97 - 0.3), abs=0.01)
    assert "not little for LSTM at forget bias 0" in found.alt
    assert "the time to solve in 0 of 3" in found.condition
    assert "longer in 60 of 60 pairs" in found.condition


def test_no_forget_bias_keeps_the_direction(plant) -> None:
    found = decided("A3b", study_of(plant, "A3b", {"cosines": FAR | {"none": 0.98}}))
    assert found.boundary is None
    assert "reaches 0.90 at forget bias above 1 (PyTorch's default init)" in found.condition


def test_lines_that_differ_have_no_common_bias(plant) -> None:
    tables = study_of(plant, "A3b")
    other = tables.decay[tables.decay["cell"] == "lstm"].assign(init="orthogonal")
    other = other.assign(cosine=other["cosine"].where(other["forget_bias"] != "1", 0.91))
    decay = pd.concat([tables.decay.astype({"init": str}), other.astype({"init": str})], ignore_index=True)
    found = decided("A3b", tables._replace(decay=decay))
    assert found.boundary is None
    assert "reaches 0.90 at forget bias 0.896 [0.89, 0.901] (PyTorch's default init); 0.98" in (
        found.condition
    )
    assert found.condition.endswith("(orthogonal init).")


def test_the_reason_is_decided_apart_from_the_cost(plant) -> None:
    found = decided("A3b", study_of(plant, "A3b"))
    assert (
        "The reason: the flow along the gates decays at forget bias 0 and 1. It does not decay without a forget gate."
        in found.condition
    )
    assert "Where it decays the direction is nevertheless lost: LSTM at forget bias 0." in found.condition
    assert "Where it decays the direction is kept: LSTM at forget bias 1." in found.condition
    assert "Where it does not decay the direction is kept all the same: LSTM of 1997." in found.condition


def test_learning_that_is_open_does_not_hide_what_is_decided(plant) -> None:
    found = decided("A3b", study_of(plant, "A3b", {"solved_at": 1000}))
    assert found.verdict == "depends"
    assert "Accuracy: undecided for LSTM at forget bias 0 and 1 and LSTM of 1997." in found.alt
    assert "Loss on the way: little for LSTM at forget bias 0 and 1 and LSTM of 1997." in found.alt
    assert "the accuracy in 0 of 3 (3 undecided)" in found.condition
    assert "the loss on the way in 3 of 3" in found.condition
    assert "What is undecided does not change this verdict." in found.condition
    assert "Undecided: accuracy, LSTM at forget bias 0" in found.alt


def test_the_reason_is_decided_init_by_init(plant) -> None:
    """A flow that decays with one init and not with another does not decay in the mean of both."""
    tables = study_of(plant, "A3b", {"flows": DECAYING})
    gates = (tables.decay["path"] == "gates") & (tables.decay["forget_bias"] == "1")
    other = tables.decay.astype({"init": str}).assign(init="orthogonal")
    other = other.assign(log10_norm=other["log10_norm"].where(~gates, 0.0))
    decay = pd.concat([tables.decay.astype({"init": str}), other], ignore_index=True)
    found = decided("A3b", tables._replace(decay=decay))
    reason = found.condition.partition(". Where")[0]
    assert "along the gates decays at forget bias 0 and without a forget gate" in reason
    assert "at forget bias 1 (PyTorch's default)" in reason
    assert "It does not decay at forget bias 1 (orthogonal)" in reason


def test_accuracy_and_time_are_read_where_a_task_is_solved(plant) -> None:
    """At a length that neither run solves, the two are as far apart as they like."""
    accuracy = study_of(plant, "A3b").accuracy
    unsolved = accuracy["length"] == 25
    noise = np.where(accuracy["gradient"] == "full", 0.9, 0.1)
    accuracy = accuracy.assign(
        solved=accuracy["solved"] & ~unsolved, accuracy=accuracy["accuracy"].where(~unsolved, noise)
    )
    tables = study_of(plant, "A3b", CHEAP)._replace(accuracy=accuracy)
    assert decided("A3b", tables).verdict == "supported"
    half = accuracy.assign(solved=accuracy["solved"] | (unsolved & (accuracy["step"] > 200)))
    words = "Accuracy: depends on the setting for LSTM at forget bias 0 (50 % of the settings, and 50 %)"
    assert words in decided("A3b", tables._replace(accuracy=half)).alt


def test_a_library_s_default_stands_for_the_truncation(plant) -> None:
    tables = study_of(plant, "A3b")
    cut = (
        (tables.decay["slice"] == "cut")
        & (tables.decay["cell"] == "lstm")
        & (tables.decay["forget_bias"] == "0")
    )
    default = tables.decay[cut].assign(slice="libraries", cosine=0.5, hidden=64)
    text = dict.fromkeys(("slice", "init"), str)
    decay = pd.concat([tables.decay.astype(text), default.astype(text)], ignore_index=True)
    found = decided("A3b", tables._replace(decay=decay))
    assert found.effect == pytest.approx(0.5)
    assert "not little for PyTorch's default LSTM and LSTM at forget bias 0" in found.alt


def test_truncation_without_training_decides_nothing(plant) -> None:
    tables = study_of(plant, "A3b")
    assert decided("A3b", tables._replace(accuracy=tables.accuracy.head(0))).verdict == "inconclusive"


def test_places_and_cells_are_named_where_the_decay_differs(plant) -> None:
    found = decided("A2g", study_of(plant, "A2g"))
    assert (
        "At the start (step 25 of 400) the rate is: another in LSTM at forget bias 0 and 1 and GRU at forget bias 1"
        in found.condition
    )
    assert "In the middle (step 100 of 400) the rate is: as at the end in" in found.condition
    assert found.effect == pytest.approx(0.05, abs=0.002)


def test_both_questions_of_the_comment_are_answered(plant) -> None:
    """A gradient that is no product of steps refutes the one whatever the other is; each answer is said."""
    tables = study_of(plant, "A2g", {"drift": {}})
    found = decided("A2g", tables)
    assert found.condition.startswith("Markov property: supported (relative error at most ")
    assert "At the start (step 25 of 400) the rate is: as at the end in " in found.condition
    late = (tables.decay["backend"] == "torch") & (tables.decay["lag"] > 20)
    other = tables.decay.assign(log10_norm=tables.decay["log10_norm"] + 1e-8 * late)
    found = decided("A2g", tables._replace(decay=other))
    assert found.verdict == "refuted"
    assert found.condition.startswith("Markov property: refuted (relative error at most 2.3e")
    assert found.states["chain rule"] == "fails"
    assert {state for part, state in found.states.items() if part != "chain rule"} == {"holds"}


def test_the_slope_is_that_of_the_common_lags_alone(plant) -> None:
    decay = study_of(plant, "A2g", {"drift": {}}).decay
    bent = decay.assign(log10_norm=decay["log10_norm"].where(decay["lag"] <= a2g.LAGS[1], -99.0))
    tables = Tables(bent, decay.head(0), decay.head(0))
    assert decided("A2g", tables).verdict == "supported"


def test_a_dead_gradient_has_no_slope(plant) -> None:
    decay = study_of(plant, "A2g", {"drift": {}}).decay
    dead = decay.assign(n_zero=np.where((decay["length"] == 25) & (decay["lag"] == 1), 8, 0))
    table = a2g.pairs(a2g.common(a2g.rows(Tables(dead, decay, decay))))
    assert np.isneginf(table.loc[table["length"] == 25, "apart"]).all()
    assert np.isfinite(table.loc[table["length"] == 100, "apart"]).all()


def test_the_nearest_of_the_others_is_named(plant) -> None:
    found = decided("A4a", study_of(plant, "A4a", {"peep_error": 0.05}))
    assert found.verdict == "supported"
    assert "nearest is peephole LSTM at forget bias 100, off by a factor of 1.05" in found.condition


def test_an_error_does_not_hide_in_the_sum(plant) -> None:
    """A factor that is wrong between two late lags alone, by much less than the sum over all lags, is seen."""
    decay = study_of(plant, "A2b").decay
    late = (decay["cell"] == "rnn_tanh") & (decay["quantity"] == "factor_product") & (decay["lag"] > 500)
    tables = Tables(decay.assign(log10_norm=decay["log10_norm"] + 1e-5 * late), decay, decay.head(0))
    found = a2b.factors(a2b.rows(tables))
    wrong = a2b.errors(found) > 1e-9
    assert set(found.loc[wrong, "cell"].astype(str)) == {"rnn_tanh"}
    first = found.loc[wrong, "lag"].min()
    assert (found.loc[wrong, "lag"] == first).all()
    assert decided("A2b", tables._replace(dynamics=decay.head(0))).verdict == "refuted"


def test_how_far_the_whole_gradient_is_from_the_formula_is_said(plant) -> None:
    """The planted total loses 0.02 decades per step less than the cell: a factor of 10^0.02 at every forget bias."""
    found = decided("A2b", study_of(plant, "A2b"))
    assert "differs by 4.71 % per step in the median (4.71 % at forget bias" in found.condition
    assert found.n == 4 * 6 + 2 * 10


def test_factors_do_not_depend_on_the_order_of_rows(plant) -> None:
    tables = study_of(plant, "A2b", {"factor_error": {"lstm": 1e-7}})
    mixed = tables._replace(decay=tables.decay.sample(frac=1, random_state=1))
    one, other = (decided("A2b", found) for found in (tables, mixed))
    assert other.effect == pytest.approx(one.effect, rel=1e-6)
    assert other.n == one.n


def runs(**columns: list) -> pd.DataFrame:
    """Return evaluations of single runs, one per repetition: ``solved`` at each of ``step``."""
    usual = {"backend": "numpy", "device": "cpu", "dtype": "float32", "slice": "s", "cell": "lstm", "init": "torch",
             "gain": 1.0, "forget_bias": "0", "hidden": 8, "task": "adding", "gradient": "full",
             "length": 10}  # fmt: skip
    return pd.DataFrame(columns).assign(**usual)


def test_time_to_solve_is_the_first_solved_evaluation_or_censored_at_the_horizon() -> None:
    """The third run stopped as not finite: it takes longer than any that was trained on."""
    table = time_to_solve(
        runs(
            repetition=[0, 0, 0, 1, 1, 1, 2, 2],
            step=[0, 50, 100, 0, 50, 100, 0, 50],
            solved=[False, True, True, False, False, False, False, False],
        )
    )
    assert table["time"].tolist() == [50, 100, 100]
    assert table["solved"].tolist() == [True, False, False]
    assert table["last"].tolist() == [100, 100, 50]
    assert table["horizon"].tolist() == [100, 100, 100]
    assert time_to_solve(runs(repetition=[], step=[], solved=[]).astype({"solved": bool})).empty


def test_where_training_stops_once_solved_the_times_are_the_same() -> None:
    """Rows after the first solved evaluation, or after a model is no longer finite, tell nothing about the time."""
    steps, solved = [0, 50, 100], {0: 50, 1: 100, 2: None, 3: None}
    whole = pd.concat([
        runs(repetition=[r] * 3, step=steps, solved=[at is not None and step >= at for step in steps])
        for r, at in solved.items()
    ])  # fmt: skip
    ends = whole["repetition"].map({0: 50, 1: 100, 2: 100, 3: 50})
    columns = ["repetition", "time", "solved", "horizon"]
    one, other = (time_to_solve(table)[columns] for table in (whole, whole[whole["step"] <= ends]))
    pd.testing.assert_frame_equal(one, other)
    assert restricted_mean(other["time"], other["solved"], 100) == pytest.approx((50 + 100 + 100 + 100) / 4)


def test_a_slice_has_one_horizon() -> None:
    """Where all solved the short length soon, what they were given is seen at the long one."""
    short, long = (
        runs(repetition=[0, 0], step=[0, 50], solved=[False, True]),
        runs(repetition=[0, 1, 1], step=[0, 0, 300], solved=[False, False, False]),
    )
    other = short.assign(slice="other")
    table = time_to_solve(pd.concat([short, long.assign(length=20), other])).set_index(
        ["slice", "length", "repetition"]
    )
    assert table["horizon"].to_dict() == {
        ("s", 10, 0): 300,
        ("s", 20, 0): 300,
        ("s", 20, 1): 300,
        ("other", 10, 0): 50,
    }
    assert table["time"].to_dict() == {
        ("s", 10, 0): 50,
        ("s", 20, 0): 300,
        ("s", 20, 1): 300,
        ("other", 10, 0): 50,
    }


def test_unsolved_runs_count_as_the_whole_horizon() -> None:
    assert restricted_mean([100, 200, 300, 300], [True, True, False, False], 300) == pytest.approx(225)
    assert restricted_mean([300, 300], [False, False], 300) == pytest.approx(300)
    assert restricted_mean([100, 200], [True, True], 150) == pytest.approx(125)


def test_a_run_censored_early_counts_as_those_that_it_was_among() -> None:
    """By hand: of three one is solved at 100, one is lost at 150, so that S = 2/3 until the last is solved at 300."""
    assert restricted_mean([100, 150, 300], [True, False, True], 300) == pytest.approx(100 + 200 * 2 / 3)


def test_beyond_what_was_watched_there_is_no_mean() -> None:
    assert np.isnan(restricted_mean([100, 200], [True, False], 300))
    assert restricted_mean([100, 200], [True, True], 300) == pytest.approx(150)
    assert np.isnan(restricted_mean([], [], 300))


def test_the_restricted_mean_agrees_with_a_simulation() -> None:
    """Times uniform on 0 to 400, censored at random before 300 or at 300: the mean of min(time, 300) comes back."""
    rng = np.random.default_rng(4)
    time, lost = rng.uniform(0, 400, 20000), np.minimum(rng.uniform(0, 900, 20000), 300)
    found = restricted_mean(np.minimum(time, lost), time <= lost, 300)
    assert found == pytest.approx(300 - 300**2 / 800, abs=3)


@pytest.mark.parametrize(
    ("left", "right", "score"),
    [
        ((100, True), (50, True), 1), ((50, True), (100, True), -1), ((50, True), (50, True), 0),
        ((100, False), (50, True), 1), ((50, False), (50, True), 1), ((50, False), (100, True), 0),
        ((100, False), (100, False), 0), ((100, True), (300, False), -1),
    ],
)  # fmt: skip
def test_gehan_scores_what_is_known(left: tuple, right: tuple, score: int) -> None:
    one, other = (pd.DataFrame([pair], columns=["time", "solved"]) for pair in (left, right))
    assert gehan(one, other).tolist() == [score]


@pytest.mark.parametrize("backends", [("numpy", "torch"), ("torch",)])
@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_and_are_the_same_bytes(plant, tmp_path, name: str, backends: tuple) -> None:
    tables = study_of(plant, name, backends=backends, repetitions=3)
    for path in ("one", "two"):
        with style():
            figure = FIGURES[name](tables)
            save(figure, tmp_path / path)
    assert any(ax.lines or ax.patches or ax.texts for ax in figure.axes)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.parametrize("name", FIGURES)
def test_words_stay_in_the_frame(plant, name: str) -> None:
    with style():
        figure = FIGURES[name](study_of(plant, name))
        spread_labels(figure)
        figure.draw_without_rendering()
    for ax in figure.axes:
        for text in (*ax.texts, ax._left_title, ax.xaxis.label):
            box = text.get_window_extent()
            assert not text.get_text() or (box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1), text


@pytest.mark.parametrize("name", FIGURES)
def test_an_empty_study_is_said_to_be_empty(plant, name: str) -> None:
    tables = study_of(plant, name, repetitions=1)
    figure = FIGURES[name](Tables(*(table.head(0) for table in tables)))
    assert "did not measure" in " ".join(text.get_text() for ax in figure.axes for text in ax.texts)
