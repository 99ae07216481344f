"""The advice and what was learned, against planted rates and seeds."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from support import planted

from carousel.analysis.routes import routes
from carousel.analysis.stats.left import VANISHED
from carousel.analysis.summary import summarise
from carousel.diagnosis.layers import params
from carousel.inits.libraries import keras_gates
from carousel.report import recommendations
from carousel.report.page import recommendations as page
from carousel.tables.schemas import names

ROOT = Path(__file__).parents[2]
LEARNED, SMALLEST, STEADIEST = recommendations.LEARNED, recommendations.SMALLEST, recommendations.STEADIEST


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return summarise(planted.decay())


@pytest.fixture(scope="module")
def left() -> pd.DataFrame:
    return routes(planted.with_input(planted.decay()))


@pytest.fixture(scope="module")
def learned(summary) -> pd.DataFrame:
    return recommendations.learned(pd.concat([planted.accuracy(), planted.advised()]), summary)


@pytest.fixture(scope="module")
def recommended(left, learned) -> pd.DataFrame:
    return recommendations.recommend(left, learned).set_index(["lag", "choice", "cell"])


@pytest.mark.parametrize(
    ("lag", "choice", "cell", "init", "bias", "passes", "n_passed"),
    [(10, SMALLEST, "lstm", "torch", "1", True, 4),  # -0.8 decades; forget bias 0 loses three, and 1.5 with orthogonal
     (10, STEADIEST, "lstm", "orthogonal", "3", True, 4),  # half of what torch's init loses
     (30, SMALLEST, "lstm", "torch", "3", True, 2),  # orthogonal at 1 loses 1.2
     (100, SMALLEST, "lstm", "torch", "3", True, 2),
     (100, STEADIEST, "lstm", "orthogonal", "3", True, 2),
     (10, STEADIEST, "rnn_tanh", "orthogonal", "none", False, 0),  # -1 decade, and its interval goes beyond
     (30, STEADIEST, "rnn_tanh", "orthogonal", "none", False, 0)],
)  # fmt: skip
def test_a_setting_is_chosen_by_what_arrives(recommended, lag, choice, cell, init, bias, passes, n_passed):
    row = recommended.loc[(lag, choice, cell)]
    assert (row["init"], row["forget_bias"], row["passes"], row["n_passed"]) == (init, bias, passes, n_passed)
    assert row["left"] == pytest.approx(planted.rate(cell, bias, init) * lag, rel=1e-3)
    assert row["low"] < row["left"] < row["high"]
    assert row["input"] == pytest.approx(row["left"] + planted.INPUT[init], rel=1e-9)
    assert row["n"] == {"lstm": 6, "rnn_tanh": 2}[cell]


def test_where_none_passes_only_the_steadiest_is_given(recommended):
    assert (10, SMALLEST, "rnn_tanh") not in recommended.index
    assert list(recommended.reset_index().columns) == [
        *["lag", "choice", "cell"], *(name for name in names("advice") if name not in ("lag", "choice", "cell"))
    ]  # fmt: skip


def curve(
    left: pd.DataFrame, bias: str, lags: dict[int, tuple[float, float]], **other: object
) -> pd.DataFrame:
    """LSTM rows of the routes with torch's init and 120 steps, with the ends of the interval at some lags."""
    rows = left[(left["cell"] == "lstm") & (left["init"] == "torch") & (left["forget_bias"] == "1")]
    rows = rows[(rows["length"] == 120) & (rows["trained"] == "no") & rows["lag"].isin(lags)]
    ends = rows["lag"].map(lags)
    new = rows.assign(left=ends.str[0], low=ends.str[0], high=ends.str[1], forget_bias=bias, **other)
    return new.astype({"init": str, "slice": str})


NOTHING_LEARNED = pd.DataFrame(columns=names("learned"))


def chosen(tables: list[pd.DataFrame], lag: int, choice: str = SMALLEST) -> pd.Series:
    found = recommendations.recommend(pd.concat(tables), NOTHING_LEARNED)
    return found.set_index(["lag", "choice"]).loc[(lag, choice)]


def test_a_gradient_lost_on_the_way_or_grown_tenfold_does_not_pass(left):
    lost, grown = {10: (-1.5, -1.4), 30: (-0.5, -0.4)}, {10: (0.1, 0.2), 30: (0.1, 1.1)}
    steady = {10: (-0.9, -0.8), 30: (-0.95, -0.9)}
    row = chosen([curve(left, "1", lost), curve(left, "2", grown), curve(left, "3", steady)], 30)
    assert (row["forget_bias"], row["n_passed"], row["n"]) == ("3", 1, 3)
    assert row["changed"] == pytest.approx(0.95)
    at_ten = chosen([curve(left, "1", lost), curve(left, "2", grown), curve(left, "3", steady)], 10)
    assert (at_ten["forget_bias"], at_ten["n_passed"]) == ("2", 2)


def tried(bias: str, task: str, solved: int, steps: float, length: int = 10) -> dict:
    """A row of the table of what was learned: an LSTM with torch's init, of 5 seeds."""
    return dict.fromkeys(names("learned")) | {
        "task": task, "cell": "lstm", "init": "torch", "forget_bias": bias, "length": length, "slice": "some",
        "solved": solved, "seeds": 5, "share": solved / 5, "steps": steps, "budget": 600, "learning_rate": 0.02,
    }  # fmt: skip


def learned_best(left: pd.DataFrame, rows: list[dict], lag: int = 10) -> pd.Series | None:
    """The row of LEARNED among LSTMs at forget biases 1, 2 and 3, of which 1 does not pass."""
    tables = [curve(left, bias, {10: (low, low + 0.1), 30: (low, low)}) for bias, low in
              (("1", -1.5), ("2", -0.5), ("3", -0.4))]  # fmt: skip
    found = recommendations.recommend(pd.concat(tables), pd.DataFrame(rows, columns=names("learned")))
    found = found[(found["choice"] == LEARNED) & (found["lag"] == lag)]
    return None if found.empty else found.iloc[0]


def test_what_most_seeds_learned_is_told_beside_what_arrives(left):
    three, two = tried("3", "adding", 2, 300.0), tried("2", "adding", 4, 500.0)
    assert learned_best(left, [three, two])["forget_bias"] == "2"
    assert learned_best(left, [three, two, tried("1", "adding", 5, 550.0)])["forget_bias"] == "1"
    row = learned_best(left, [tried("3", "adding", 4, 499.0), two])
    assert (
        row["forget_bias"] == "3"
        and row["trained"] == "adding 4 of 5 seeds, in 499 of 600 updates; learning rate 0.02"
    )


def test_the_worst_task_counts_over_the_tasks_that_most_tried(left):
    both = [tried("2", "adding", 5, 100.0), tried("2", "temporal_order", 1, 100.0)]
    even = [tried("3", "adding", 3, 100.0), tried("3", "temporal_order", 3, 100.0)]
    assert learned_best(left, both + even)["forget_bias"] == "3"
    row = learned_best(left, both + even[:1])
    assert row["forget_bias"] == "2" and row["n_tried"] == 2  # temporal order, of one of two, is not compared
    more = [tried("1", "adding", 4, 100.0), tried("1", "temporal_order", 4, 100.0)]
    row = learned_best(left, [*both, *more, tried("3", "adding", 5, 100.0)])
    assert (
        row["forget_bias"] == "1" and row["n_tried"] == 2
    )  # two of three tried both: that with one is left out


def test_what_was_learned_of_longer_sequences_counts_and_of_shorter_ones_does_not(left):
    assert learned_best(left, [tried("2", "adding", 0, 600.0)]) is None
    longer = [tried("2", "adding", 5, 100.0, length=30), tried("2", "adding", 1, 100.0, length=60)]
    assert (
        learned_best(left, longer)["trained"]
        == "adding over 30 steps 5 of 5 seeds, in 100 updates; learning rate 0.02"
    )
    assert learned_best(left, [tried("2", "adding", 5, 100.0, length=10)], lag=30) is None
    assert learned_best(left, longer[:1])["n_tried"] == 1
    assert learned_best(left, [tried("2", "adding", 5, 100.0, length=30)], lag=30)["forget_bias"] == "2"


def test_exactly_a_tenth_passes_and_a_setting_without_interval_does_not(left):
    at = {10: (VANISHED, -0.5)}
    assert chosen([curve(left, "1", at)], 10)["passes"]
    assert not chosen([curve(left, "1", {10: (np.nan, np.nan)})], 10, STEADIEST)["passes"]


def test_of_widths_and_lengths_the_one_that_changes_most_counts(left):
    wide, narrow = curve(left, "1", {10: (-0.2, -0.1)}, hidden=64), curve(left, "1", {10: (-1.2, -1.1)})
    row = chosen([wide, narrow], 10, STEADIEST)
    assert (row["hidden"], row["passes"], row["n"]) == (16, False, 1)


def test_a_lost_input_is_recommended_last_and_never_silently(left):
    quiet = curve(left, "1", {10: (-0.2, -0.1)})
    low = quiet["low"].where(quiet["quantity"] == "loss_state", -2.5)
    heard = curve(left, "2", {10: (-0.3, -0.2)})
    row = chosen([quiet.assign(low=low), heard], 10)
    assert (row["forget_bias"], row["input_lost"]) == ("2", False)
    alone = chosen([quiet.assign(low=low)], 10)
    assert (alone["forget_bias"], alone["input_lost"]) == ("1", True)
    assert "lost" in page.arriving(alone) and "lost" not in page.arriving(row)
    nothing = chosen([quiet[quiet["quantity"] == "loss_state"]], 10)
    assert nothing["input_lost"] and "input not measured (*lost*)" in page.arriving(nothing)


def test_a_library_s_init_comes_first_then_the_smallest_bias_then_the_steadiest(left):
    at = {10: (-0.5, -0.4)}
    other = curve(left, "0", at, init="orthogonal")
    chrono = [curve(left, bias, at) for bias in ("chrono:300", "chrono:40")]
    assert chosen([other, *chrono], 10)["forget_bias"] == "chrono:40"
    numbers = [
        curve(left, "10", at),
        curve(left, "9", at),
        curve(left, "9", {10: (-0.3, -0.2)}, init="keras"),
    ]
    row = chosen([other, *chrono, *numbers], 10)
    assert (row["forget_bias"], row["init"]) == ("9", "keras")


def test_chrono_is_named_with_the_steps_it_was_drawn_for(left):
    row = chosen([curve(left, "chrono", {10: (-0.5, -0.4)})], 10)
    assert row["forget_bias"] == "chrono:120"


@pytest.mark.parametrize(
    "change", [{"drive": "0.25"}, {"trained": "adding"}, {"gain": 2.0}, {"bias": 1.0}, {"hidden": 1}]
)
def test_settings_that_a_user_does_not_have_are_left_out(left, change):
    assert recommendations.recommend(left.assign(**change), NOTHING_LEARNED).empty


def test_a_lag_beyond_what_was_measured_has_no_recommendation(recommended):
    assert set(recommended.index.get_level_values("lag")) == {10, 30, 100}
    assert recommended.loc[(100, SMALLEST, "lstm")]["length"] == 120


def test_no_advice_rests_on_one_backend_and_the_reference_decides(left, learned, recommended):
    assert recommendations.recommend(left[left["backend"] == "numpy"], learned).empty
    ends = ["left", "low", "high"]
    other = left.assign(**{end: left[end].where(left["backend"] == "numpy", -9.0) for end in ends})
    found = recommendations.recommend(other, learned).set_index(["lag", "choice", "cell"])
    pd.testing.assert_frame_equal(found, recommended)


def test_a_setting_says_what_it_learned_at_the_lag_or_that_it_was_not_tried(recommended, learned):
    """The mean of 20, 40 and, of the one that did not, all of 40 steps; of 30 steps that of 40, the next longer."""
    assert (
        recommended.loc[(10, STEADIEST, "lstm")]["trained"]
        == "adding 2 of 3 seeds, in 33 of 40 updates; learning rate 0.01"
    )
    assert (
        recommended.loc[(30, STEADIEST, "lstm")]["trained"]
        == "adding over 40 steps 3 of 3 seeds, in 30 updates; learning rate 0.01"
    )
    assert recommended.loc[(10, SMALLEST, "lstm")]["trained"] == ""
    drawn = learned.assign(forget_bias=learned["forget_bias"].replace("3", "chrono"))
    assert (
        recommendations.training(drawn, 40, ("lstm", "orthogonal", "chrono:40"))
        == "adding 3 of 3 seeds, in 30 updates; learning rate 0.01"
    )
    assert recommendations.training(drawn, 40, ("lstm", "orthogonal", "chrono:41")) == ""
    assert recommendations.training(drawn, 5000, ("lstm", "orthogonal", "chrono:40")) == ""


def climbing(lengths: dict[int, int]) -> pd.DataFrame:
    """Runs that climb 40 and 120 steps: the longest that each repetition solved; rows end where it did."""
    table = planted.accuracy().query("cell == 'lstm' and forget_bias == '3'").assign(slice="climb")
    longest = table["repetition"].map(lengths)
    tried = (table["length"] == 40) | (longest >= 40)
    return table.assign(solved=(table["step"] > 0) & (table["length"] <= longest))[tried]


def test_a_length_that_a_run_did_not_climb_to_is_not_solved_by_it(summary):
    table = recommendations.learned(climbing({0: 120, 1: 40, 2: 0}), summary).set_index("length")
    assert table["solved"].to_dict() == {40: 2, 120: 1}
    assert table["seeds"].to_dict() == {40: 3, 120: 3}
    assert table["steps"].to_dict() == {40: 30, 120: 30}
    none = recommendations.learned(climbing({0: 0, 1: 0, 2: 0}), summary)
    assert none["length"].tolist() == [40]
    assert (none["solved"].item(), none["seeds"].item()) == (0, 3)


def test_of_slices_that_train_the_same_the_larger_budget_counts(summary):
    once = planted.accuracy()
    long = once.assign(slice="a", step=2 * once["step"], solved=False)
    table = recommendations.learned(pd.concat([once, long]), summary)
    assert set(table["slice"]) == {"a"}
    assert set(table["budget"]) == {60}


def test_the_learning_rate_is_that_of_the_setting_also_at_lengths_that_no_run_climbed_to(summary):
    solves, fails = (climbing(dict.fromkeys(range(3), longest)) for longest in (120, 0))
    runs = [solves.assign(learning_rate=0.03), fails.assign(cell="gru", learning_rate=0.1)]
    table = recommendations.learned(pd.concat(runs), summary)
    assert {*table.query("cell == 'lstm'")["learning_rate"]} == {0.03}
    assert {*table.query("cell == 'gru'")["learning_rate"]} == {0.1}
    assert table.groupby("cell").size().to_dict() == {"gru": 2, "lstm": 2}


def test_steps_are_those_of_the_reference(summary):
    once = planted.accuracy()
    slow = once.assign(step=once["step"].where(once["backend"] == "numpy", 2 * once["step"]))
    table = recommendations.learned(slow, summary)
    assert table.query("solved == 3")["steps"].unique().tolist() == [30]
    other = recommendations.learned(slow[slow["backend"] == "torch"], summary)
    assert other.query("solved == 3")["steps"].unique().tolist() == [60]


def test_half_lives_come_in_the_order_of_the_forget_bias(summary):
    table = recommendations.by_bias(summary, ["grid"])
    assert table["cell"].tolist() == ["lstm"] * 3
    assert table["forget_bias"].tolist() == ["0", "1", "3"]
    assert set(table["init"]) == {"torch"}
    assert set(table["length"]) == {120}
    assert table["half_life"].tolist() == pytest.approx([1.0034, 3.763, 150.5], rel=1e-3)


def test_no_half_life_rests_on_one_backend_or_on_other_input(summary):
    assert recommendations.by_bias(summary[summary["backend"] == "numpy"], ["grid"]).empty
    assert recommendations.by_bias(summary, ["other"]).empty


@pytest.mark.parametrize("factor", ["drive", "hidden"])
def test_half_lives_compare_one_drive_and_width(summary, factor):
    usual = summary[summary["slice"] == "grid"].astype({"slice": str, "drive": str, "forget_bias": str})
    part = usual[usual["forget_bias"] == "3"]
    value = {"drive": "0.25", "hidden": 64}[factor]
    more = [part.assign(forget_bias=bias, slice="more", **{factor: value}) for bias in ("4", "5", "3", "6")]
    table = recommendations.by_bias(pd.concat([usual, *more]), ["grid", "more"])
    assert table["forget_bias"].tolist() == ["3", "4", "5", "6"]
    assert set(table[factor]) == {value}
    fewer = recommendations.by_bias(pd.concat([usual, *more[:2]]), ["grid", "more"])
    assert fewer["forget_bias"].tolist() == ["0", "1", "3"]
    assert set(fewer[factor]) != {value}


def test_a_seed_counts_where_both_backends_solved_it(learned):
    table = learned.set_index(["cell", "forget_bias", "length"])
    assert table.loc[("lstm", "3", 40), "solved"] == 3
    assert table.loc[("lstm", "3", 120), "solved"] == 2
    assert table.loc[("lstm", "0", 40), "solved"] == 0
    low, high = table.loc[("lstm", "3", 40), ["low", "high"]]
    assert (low, high) == (pytest.approx(0.4385, abs=1e-4), 1.0)
    assert table.loc[("lstm", "1", 120), "half_life"] == pytest.approx(2 * 3.763, rel=1e-3)


def test_truncated_runs_are_not_among_them(summary):
    runs = planted.accuracy()
    assert recommendations.learned(runs.assign(gradient="truncated"), summary).empty


def test_the_page_says_the_thresholds_that_the_code_uses(monkeypatch):
    said = ("at least 10 % of", "at most 10 times as much", "by the input below 1 %")
    assert [words for words in said if words not in page.criterion()] == []
    monkeypatch.setattr(page, "LARGEST", 0.5)
    monkeypatch.setattr(page, "INPUT_LOST", -1.0)
    said = ("at least 31.6 % of", "at most 3.16 times as much", "by the input below 10 %")
    assert [words for words in said if words not in page.criterion()] == []


def test_the_page_names_a_setting_once_where_one_is_both_choices(left):
    advice = recommendations.recommend(curve(left, "chrono", {10: (-0.5, -0.4)}), NOTHING_LEARNED)
    found = advice.set_index(["lag", "choice", "cell"])
    assert page.choice(found, 10, STEADIEST, "lstm") == "the same"
    first = page.choice(found, 10, SMALLEST, "lstm")
    assert first.startswith("PyTorch’s default init, chrono biases for 120 steps: state 31.6 %")
    assert first.endswith("not tried in training; 1 of 1 pass")
    assert page.choice(found, 30, SMALLEST, "lstm") == "not measured"
    failing = recommendations.recommend(curve(left, "1", {10: (-1.5, -1.4)}), NOTHING_LEARNED)
    found = failing.set_index(["lag", "choice", "cell"])
    said = "not the one measured; the best is PyTorch’s default init, forget bias 1: state 3.16 %"
    assert page.choice(found, 10, SMALLEST, "lstm").startswith(said)
    assert page.choice(found, 10, STEADIEST, "lstm") == "none passes"


def gates(layer: torch.nn.RNNBase) -> list[torch.Tensor]:
    """The effective biases of each gate, as the diagnosis reads them: of the GRU's candidate only the first."""
    count = {"LSTM": 4, "GRU": 3}[layer.mode]
    return list(params(layer, "_l0", torch.zeros((), dtype=torch.float64)).b.detach()[0, :, 0].chunk(count))


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.GRU])
def test_the_page_s_code_adds_a_forget_bias_once(kind: Callable[..., torch.nn.RNNBase]):
    torch.manual_seed(1)
    layer = kind(3, 5).double()
    before = gates(layer)
    exec(page.TORCH_NUMBER, {"torch": torch, "layer": layer, "b": 2.5})  # noqa: S102
    added = [(after - old).tolist() for after, old in zip(gates(layer), before, strict=True)]
    assert added[1] == pytest.approx([2.5] * 5)
    assert [other for other in added[:1] + added[2:] if any(other)] == []
    assert page.TORCH_NUMBER in page.in_torch()


@pytest.mark.parametrize("kind", [torch.nn.LSTM, torch.nn.GRU])
def test_the_page_s_code_draws_chrono_s_biases(kind: Callable[..., torch.nn.RNNBase]):
    torch.manual_seed(1)
    layer = kind(3, 50).double()
    before = gates(layer)
    exec(page.TORCH_CHRONO, {"torch": torch, "layer": layer, "T": 100})  # noqa: S102
    after = gates(layer)
    scales = after[1].exp()
    assert 1 <= scales.min() < 20 and 80 < scales.max() <= 99
    opposite = -after[1] if kind is torch.nn.LSTM else before[0]
    torch.testing.assert_close(after[0], opposite)
    torch.testing.assert_close(after[2:], before[2:])
    assert page.TORCH_CHRONO in page.in_torch()


def test_the_page_s_code_draws_an_lstm_as_keras_does():
    torch.manual_seed(1)
    H, D = 40, 24
    layer = torch.nn.LSTM(D, H).double()
    for code in page.TORCH_KERAS, page.TORCH_NUMBER:  # in the order in which the page has them
        exec(code, {"torch": torch, "layer": layer, "b": 1.5})  # noqa: S102
    W, R = layer.weight_ih_l0.detach(), layer.weight_hh_l0.detach()
    torch.testing.assert_close(R.T @ R, torch.eye(H, dtype=torch.float64))  # columns of all gates together
    assert (R[:H].T @ R[:H]).diagonal().mean() == pytest.approx(
        1 / 4, rel=0.2
    )  # so that no gate's is orthogonal
    own = keras_gates(np.random.default_rng(1), 4, H, D)
    bound = (6 / (D + 4 * H)) ** 0.5
    assert bound * 0.99 < W.abs().max() <= bound
    assert W.var().item() == pytest.approx(2 / (D + 4 * H), rel=0.05)
    assert W.var().item() == pytest.approx(np.var(np.stack([rows.W for rows in own])), rel=0.1)
    biases = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().reshape(4, H)
    assert biases.tolist() == [[0] * H, [1.5] * H, [0] * H, [0] * H]
    told = page.in_torch()
    assert 0 <= told.index(page.TORCH_KERAS) < told.index(page.TORCH_NUMBER) < told.index(page.TORCH_CHRONO)
    assert max(map(len, "".join(page.CODE.values()).splitlines())) <= 44  # a phone shows whole lines


def test_the_settings_in_short_name_what_training_and_what_the_gradient_chose(left):
    tables = [curve(left, bias, {10: (low, low)}) for bias, low in (("2", -0.5), ("3", -0.4))]
    learned = pd.DataFrame([tried("3", "adding", 5, 100.0), tried("2", "adding", 1, 90.0)])
    told = page.in_short(
        SimpleNamespace(advice=recommendations.recommend(pd.concat(tables), learned), learned=learned)
    )
    rows = [line for line in told.splitlines() if "10 steps" in line]
    assert len(rows) == 2 and "training, of 2" in rows[0] and "forget bias 3" in rows[0]
    assert "gradient" in rows[1] and "forget bias 2" in rows[1] and "1 of 5 seeds" in rows[1]
    alone = recommendations.recommend(pd.concat(tables), learned.tail(1))
    (row,) = (
        x
        for x in page.in_short(SimpleNamespace(advice=alone, learned=learned)).splitlines()
        if "10 steps" in x
    )
    assert "training, of 1 and gradient" in row


def test_chrono_biases_for_the_own_length_are_told_beside_the_table():
    rows = [
        tried("chrono", "adding", 4, 20.4, 160), tried("chrono", "copy_two", 0, 600.0, 160),
        tried("chrono", "adding", 5, 10.0, 40), tried("3", "adding", 5, 1.0, 160),
    ]  # fmt: skip
    told = page.by_length(pd.DataFrame(rows)).replace("\\", "")
    assert told.endswith(
        "(PyTorch’s default init) learned over 160 steps: adding 4 of 5 seeds, in 20 of 600 updates; "
        "copy two 0 of 5 seeds within 600 updates; learning rate 0.02."
    )
    assert page.by_length(pd.DataFrame(rows[-1:])) == ""


def test_learning_rates_that_differ_are_told_task_by_task():
    rows = pd.DataFrame([tried("3", "adding", 5, 10.0), tried("3", "copy_two", 5, 20.0)])
    rows["learning_rate"] = [0.01, 0.1]
    assert recommendations.told(rows, 10) == (
        "adding 5 of 5 seeds, in 10 updates at learning rate 0.01; "
        "copy two 5 of 5 seeds, in 20 updates at learning rate 0.1"
    )
    assert recommendations.told(rows.head(0), 10) == ""


def test_an_open_update_gate_of_torch_s_gru_keeps_the_old_state():
    layer = torch.nn.GRU(3, 5)
    exec(page.TORCH_NUMBER, {"torch": torch, "layer": layer, "b": 50.0})  # noqa: S102
    h = torch.randn(1, 1, 5)
    torch.testing.assert_close(layer(torch.randn(4, 1, 3), h)[1], h)


def test_an_open_forget_gate_of_torch_s_lstm_keeps_the_cell():
    layer = torch.nn.LSTM(3, 5)
    exec(page.TORCH_NUMBER, {"torch": torch, "layer": layer, "b": 50.0})  # noqa: S102
    with torch.no_grad():
        layer.bias_ih_l0[:5] = -50.0  # nothing enters
    h, c = torch.randn(1, 1, 5), torch.randn(1, 1, 5)
    torch.testing.assert_close(layer(torch.randn(4, 1, 3), (h, c))[1][1], c)


def checked(folder: Path, decay: pd.DataFrame, advice: pd.DataFrame) -> subprocess.CompletedProcess[str]:
    """The independent script's answer on these tables."""
    decay.to_parquet(folder / "decay.parquet")
    advice.to_parquet(folder / "advice.parquet")
    command = [sys.executable, str(ROOT / "benchmarks/advice.py"), str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_independent_script_finds_the_same_arriving(recommended, tmp_path):
    decay, advice = planted.with_input(planted.decay()), recommended.reset_index()
    run = checked(tmp_path, decay, advice)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith(f"{len(advice)} lines, {advice['passes'].sum()} that pass")


@pytest.mark.parametrize(
    ("change", "said"),
    [({"left": -0.3}, "printed"), ({"low": -0.01, "high": 0.0}, "is not in"), ({"low": -1.1}, "criterion"),
     ({"input_lost": True}, "marked"), ({"init": "orthogonal", "forget_bias": "0"}, "criterion")],
)  # fmt: skip
def test_the_script_finds_what_is_planted(recommended, tmp_path, change, said):
    row = recommended.reset_index().query("lag == 30 and choice == @SMALLEST").assign(**change)
    run = checked(tmp_path, planted.with_input(planted.decay()), row)
    assert run.returncode == 1 and said in run.stdout, run.stdout + run.stderr


def test_the_script_finds_backends_that_differ(recommended, tmp_path):
    decay = planted.with_input(planted.decay())
    apart = decay["log10_norm"] - 0.01 * decay["lag"] * (decay["backend"] == "torch")
    run = checked(tmp_path, decay.assign(log10_norm=apart), recommended.reset_index())
    assert run.returncode == 1 and "the backends differ by 0.3, of 2" in run.stdout


def test_the_script_does_not_pass_where_there_is_no_line(recommended, tmp_path):
    run = checked(tmp_path, planted.with_input(planted.decay()), recommended.reset_index().head(0))
    assert (run.returncode, run.stdout.strip()) == (1, "advice.parquet has no line")
