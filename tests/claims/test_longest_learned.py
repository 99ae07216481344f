"""K3: who learns longer sequences, seed by seed, with censoring; and whether what is left of the gradient says so."""

import re
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import somersd
from support.planted_learning import KEPT, LENGTHS, TASKS

from carousel.claims import CLAIMS, longest_learned as learned
from carousel.claims.claim import Tables, Verdict
from carousel.claims.evidence import reference
from carousel.claims.judge import NOTHING, judge
from carousel.claims.k3_longer_dependencies import IN_ORDER, STEP, told
from carousel.claims.rules import FAILS, HOLDS, UNCLEAR, comparison
from carousel.report.page import paragraphs

K3 = CLAIMS["K3"]
LSTMS = ("lstm/0", "lstm/1", "lstm/chrono", "keras")
INNER = dict.fromkeys(LSTMS, 40)  # an octave over an RNN at 20, and censored nowhere


def decided(tables: Tables, factor: float = 1.0) -> Verdict:
    return K3.decide(K3.evidence(tables, factor))


def mixed(one: int, other: int, ones: int) -> tuple[int, ...]:
    """The longest lengths of ten seeds: ``one`` in the first ``ones``, else ``other``."""
    return tuple(one if repetition < ones else other for repetition in range(10))


def one_task(plant, **extra: object) -> Tables:
    """Planted tables of adding alone."""
    return plant(need="K3", extra={"tasks": ("adding",), **extra})


def part(evidence: pd.DataFrame, name: str) -> pd.Series:
    """The reference's row of evidence of a part, with its ``state``."""
    row = reference(evidence).set_index("part").loc[name]
    return pd.concat([row, pd.Series({"state": comparison(evidence)[name]})])


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, "supported"),
        ({"rnn_tanh": 40}, "refuted"),  # the same, or shorter
        ({"rnn_tanh": 40, "lstm/0": 10, "lstm/1": 20, "lstm/chrono": 20, "keras": 10}, "refuted"),
        ({"rnn_tanh": 20}, "depends"),  # forget bias 0 learns as long
        ({"adding": {"rnn_tanh": 40}}, "depends"),  # on the task
        (dict.fromkeys((*LSTMS, "rnn_tanh"), 80), "inconclusive"),  # all of them the longest tried
        (dict.fromkeys((*LSTMS, "rnn_tanh"), 0), "inconclusive"),  # none of them anything
        (dict.fromkeys(LSTMS, mixed(20, 10, 5)), "inconclusive"),  # at the margin
    ],
)
def test_verdicts_turn_with_the_lengths(plant, changes: dict, verdict: str) -> None:
    found = decided(plant(need="K3", extra={"longest": changes}))
    assert found.verdict == verdict, found.condition
    assert ("Undecided: " in found.condition) >= (verdict == "inconclusive")


def reversed_order() -> dict[str, float]:
    """What is left where those that learn longest had least of it."""
    return {name: -0.4 - rate for name, rate in KEPT.items()}


@pytest.mark.parametrize(
    ("extra", "verdict"),
    [
        ({"kept": reversed_order()}, "depends"),  # longer, but not because of what is left
        (
            {"kept": {"lstm/0": -0.31}},
            "inconclusive",
        ),  # the LSTM and the tanh RNN do not differ in what is left ...
        ({"kept": {"lstm/0": -0.35}}, "depends"),  # ... the LSTM has less, and learns longer
        ({"without": ("rnn_relu", "lstm97", "gru/1")}, "inconclusive"),  # four settings to rank
    ],
)
def test_a_therefore_takes_more_than_longer_sequences(plant, extra: dict, verdict: str) -> None:
    found = decided(plant(need="K3", extra=extra))
    states = [state for name, state in found.states.items() if "what is left" not in name]
    assert set(states) == {HOLDS}
    assert found.verdict == verdict, found.condition


@pytest.mark.parametrize(
    ("ones", "state"),
    [(10, HOLDS), (9, HOLDS), (8, UNCLEAR), (5, UNCLEAR), (2, UNCLEAR), (1, FAILS), (0, FAILS)],
)
def test_longer_is_decided_just_above_and_just_below_half_an_octave(plant, ones: int, state: str) -> None:
    """So many seeds of ten learn one step longer than the tanh RNN, the others the same."""
    lengths = {"rnn_tanh": 20, **INNER, "lstm/1": mixed(40, 20, ones)}
    tables = one_task(plant, longest=lengths)
    evidence = K3.evidence(tables)
    row = part(evidence, "adding, LSTM at forget bias 1")
    assert row["state"] == state
    assert row["effect"] == pytest.approx(ones / 10)
    said = K3.decide(evidence).condition
    assert (f"The same within the margin, in octaves: on adding forget bias 1 ({ones / 10:g})" in said) == (
        state == FAILS
    )


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_the_margin_moves_what_is_longer(plant, factor: float) -> None:
    """All LSTMs gain an octave in nine of ten seeds: more than half, and less than two of half an octave."""
    lengths = {"rnn_tanh": 20, "rnn_relu": 20, "lstm97": 20, **dict.fromkeys(LSTMS, mixed(40, 20, 9))}
    found = decided(plant(need="K3", extra={"longest": lengths}), factor)
    assert found.verdict == {0.5: "supported", 1.0: "supported", 2.0: "inconclusive"}[factor], found.condition


@pytest.mark.parametrize(
    ("lstm", "rnn", "gained", "alike"),
    [
        (40, 20, 1, False), (20, 20, 0, False), (10, 40, -2, False),
        (80, 20, 2, False), (20, 80, -2, False),  # at least so much
        (0, 20, -2, False), (20, 0, 2, False), (80, 0, 4, False),
        (80, 80, 0, True), (0, 0, 0, True),
    ],
)  # fmt: skip
def test_a_pair_gains_what_is_known_of_it(plant, lstm: int, rnn: int, gained: int, alike: bool) -> None:
    tables = plant(need="K3", extra={"longest": {"lstm/1": lstm, "rnn_tanh": rnn}})
    pairs = learned.beside_the_rnn(learned.seeds(tables.accuracy, tables.decay))
    own = pairs[pairs["label"] == "LSTM at forget bias 1"]
    assert set(own["gained"]) == {gained}
    assert set(own["alike"]) == {alike}
    assert len(own) == 2 * 2 * 10


def test_with_lengths_of_its_own_a_censored_rnn_tells_nothing_of_what_lies_beyond(plant) -> None:
    """The tanh RNN was tried up to 20 alone, and learned that: of an LSTM that learned 40 nobody knows who is ahead."""
    tables = plant(need="K3", extra={"longest": {"rnn_tanh": 20}})
    own = (tables.accuracy["cell"] == "rnn_tanh") & (tables.accuracy["length"] > 20)
    pairs = learned.beside_the_rnn(learned.seeds(tables.accuracy[~own], tables.decay)).set_index("label")
    assert pairs.loc["LSTM at forget bias 1", "alike"].all()
    assert pairs.loc["LSTM at forget bias 0", "alike"].all()


@pytest.mark.parametrize(
    ("alike", "state"), [(0, HOLDS), (2, HOLDS), (5, UNCLEAR), (6, UNCLEAR), (10, UNCLEAR)]
)
@pytest.mark.parametrize("both", [0, 80])
def test_pairs_censored_alike_are_no_evidence(plant, alike: int, state: str, both: int) -> None:
    """Two steps longer in the others: seen while the pairs that tell nothing, counted as equal, leave it so."""
    lengths = {"lstm/1": mixed(both, 40, alike), "rnn_tanh": mixed(both, 10, alike)}
    row = part(K3.evidence(one_task(plant, longest=lengths)), "adding, LSTM at forget bias 1")
    assert row["state"] == state
    assert row["informative_share"] == pytest.approx(1 - alike / 10)
    assert row["low"] <= row["effect"] <= row["high"] or alike == 10


def test_the_same_takes_pairs_that_tell_something(plant) -> None:
    """Equal where they are known, censored alike else: from half of the pairs on that is the same."""
    for alike, state in ((4, FAILS), (5, FAILS), (6, UNCLEAR)):
        lengths = {"lstm/1": mixed(80, 20, alike), "rnn_tanh": mixed(80, 20, alike)}
        row = part(K3.evidence(one_task(plant, longest=lengths)), "adding, LSTM at forget bias 1")
        assert row["state"] == state


def test_pairs_left_out_must_not_decide_against_those_counted() -> None:
    pairs = pd.DataFrame({
        "backend": "numpy", "repetition": range(10), "hidden": 8, "gained": [2.0] * 5 + [0.0] * 5,
        "alike": [False] * 5 + [True] * 5,
    })  # fmt: skip
    row = told(pairs, "x", STEP.value).iloc[0]
    assert (row["effect"], row["high"]) == (1.0, 2.0)
    assert row["low"] < STEP.value
    assert row["p"] > 0.1


def test_pairs_are_made_by_seed_over_slices_and_inits(plant) -> None:
    """The tanh RNN is of another slice, and Keras's LSTM of another init: what they share is the repetition."""
    lengths = {
        "rnn_tanh": tuple(LENGTHS[r % 2] for r in range(10)),
        "keras": tuple(LENGTHS[r % 2 + 1] for r in range(10)),
    }
    tables = plant(need="K3", extra={"longest": lengths})
    pairs = learned.beside_the_rnn(
        learned.seeds(tables.accuracy.sample(frac=1, random_state=1), tables.decay)
    )
    assert set(pairs.loc[pairs["init"] == "keras", "gained"]) == {1.0}
    assert pairs.groupby(["backend", "task", "label"]).size().eq(10).all()


def test_a_setting_of_several_slices_counts_once(plant) -> None:
    tables = plant(need="K3")
    once = learned.climbed(tables.accuracy).astype({"slice": str})
    twice = pd.concat([once, once.assign(slice="climb_it_again")])
    one, other = (learned.seeds(table, tables.decay) for table in (once, twice))
    assert len(other) == len(one)


def test_slices_that_do_not_climb_are_left_out(plant) -> None:
    tables = plant(need="K3")
    assert not tables.accuracy["slice"].astype(str).str.startswith("climb").all()
    assert K3.rows(tables)["slice"].astype(str).str.startswith("climb").all()
    others = tables.accuracy[~tables.accuracy["slice"].astype(str).str.startswith("climb")]
    assert decided(tables._replace(accuracy=others)).verdict == "inconclusive"


def settings(octaves: np.ndarray, left: np.ndarray) -> pd.DataFrame:
    """One seed of so many settings, censored nowhere."""
    rows = {
        "backend": "numpy",
        "task": "adding",
        "gain": 1.0,
        "hidden": 8,
        "repetition": 0,
        "forget_bias": "0",
    }
    return pd.DataFrame({"least": octaves, "most": octaves, "left": left}).assign(**rows)


def test_the_rank_correlation_is_somers_where_nothing_is_censored() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        octaves, left = rng.integers(0, 4, 12).astype(float), rng.standard_normal(12)
        found = learned.in_order(settings(octaves, left), 5)["rank"].item()
        assert found == pytest.approx(somersd(octaves, left).statistic)


def test_pairs_of_unknown_order_are_not_ranked() -> None:
    """Of two that both reach further than was tried nothing is known, and nothing follows of their gradients."""
    octaves, left = np.array([1.0, 2, 3, 4, 4]), np.array([1.0, 2, 3, 5, 4])
    table = settings(octaves, left)
    above = table.assign(most=np.where(octaves == 4, np.inf, octaves))
    assert learned.in_order(above, 5)["rank"].item() == 1.0
    apart = table.assign(least=[1.0, 2, 3, 4, 4.5], most=[1.0, 2, 3, 4, 4.5])
    assert learned.in_order(apart, 5)["rank"].item() == pytest.approx(1 - 2 / 10)
    below = table.assign(least=np.where(octaves < 3, -np.inf, octaves))
    assert learned.in_order(below.assign(left=-left), 5)["rank"].item() == -1.0


def test_what_is_all_alike_has_no_rank_and_chrono_none() -> None:
    table = settings(np.ones(6), np.arange(6.0))
    assert np.isnan(learned.in_order(table, 5)["rank"]).all()
    ranked = settings(np.arange(6.0), np.arange(6.0))
    assert learned.in_order(ranked, 6)["ranked"].tolist() == [6]
    assert learned.in_order(ranked.assign(forget_bias=["chrono", *"01234"]), 6).empty


@pytest.mark.parametrize(("swaps", "state"), [(3, HOLDS), (5, FAILS)])
def test_the_rank_is_held_against_three_of_four_pairs(plant, swaps: int, state: str) -> None:
    """Five settings that all differ, ten pairs: with two of them in the wrong order 0.6, with three 0.4."""
    order = ["rnn_tanh", "rnn_relu", "lstm97", "lstm/0", "lstm/1"]
    lengths = dict(zip(order, (0, 10, 20, 40, 80), strict=True))
    places = {3: [0, 1, 4, 2, 3], 5: [0, 1, 4, 3, 2]}[swaps]
    kept = {order[i]: -0.3 + 0.05 * place for place, i in enumerate(places)}
    without = ("gru/1", "keras", "lstm/chrono")
    tables = one_task(plant, longest=lengths, kept=kept, without=without)
    evidence = K3.evidence(tables)
    row = part(evidence, "adding, rank correlation of what is left with the length")
    assert row["effect"] == pytest.approx({3: 0.6, 5: 0.4}[swaps])
    assert row["edge"] == IN_ORDER
    assert row["state"] == state


def test_what_is_left_is_that_of_the_shortest_length_before_training(plant) -> None:
    tables = plant(need="K3")
    table = learned.seeds(tables.accuracy, tables.decay)
    own = table[(table["label"] == "LSTM at forget bias 0") & (table["repetition"] == 0)]
    assert own["left"].tolist() == pytest.approx([10 * KEPT["lstm/0"]] * len(own), rel=1e-9)
    assert len(own) == 2 * len(TASKS)
    assert not table["left"].isna().any()


def test_the_words_name_who_learns_longer_and_count_them(plant) -> None:
    lengths = {"adding": {"rnn_tanh": 20, "lstm/0": 20, "lstm/chrono": 10}}
    found = decided(plant(need="K3", extra={"longest": lengths}))
    said = found.condition
    assert said.startswith(
        "Shown to learn longer sequences than the tanh RNN: 2 of 4 LSTMs on adding and 4 of 4 on "
        "temporal order."
    )
    assert (
        "Longer, in octaves: on adding forget bias 1 (1) and Keras's default (1); on temporal order" in said
    )
    assert "The same within the margin, in octaves: on adding forget bias 0 (0)." in said
    assert "Shorter, in octaves: on adding chrono biases (\N{MINUS SIGN}1)." in said
    assert "and the LSTM learns longer by 1 octave (in order)" in said
    assert "and neither learns longer (not in order)" in said
    assert "\N{MINUS SIGN}1 to 1 on adding and 1 to 2 on temporal order" in found.alt


def test_the_lengths_of_the_page_are_tried_in_octaves() -> None:
    """The margin is half of what one length tried lies from the next."""
    assert {np.log2(b / a) for a, b in pairwise(LENGTHS)} == {2 * STEP.value}


SENTENCES = {
    "supported": ({}, "tanh RNN: 4 of 4 LSTMs on adding and 4 of 4 on temporal order. Of two"),
    "refuted": ({"rnn_tanh": 40}, "tanh RNN: 0 of 4 LSTMs on adding and 0 of 4 on temporal order. Of two"),
    "depends": ({"rnn_tanh": 20}, "tanh RNN: 3 of 4 LSTMs on adding and 3 of 4 on temporal order. Of two"),
    "inconclusive": (dict.fromkeys((*LSTMS, "rnn_tanh"), 80), "lengths beyond those tried would settle adding, LSTM"),
}  # fmt: skip


@pytest.mark.parametrize("verdict", SENTENCES)
def test_the_paragraph_on_the_page_follows_from_the_tables(plant, calibration, verdict: str) -> None:
    longest, words = SENTENCES[verdict]
    found = judge({"K3": K3}, plant(need="K3", extra={"longest": longest}), calibration)
    linked = paragraphs.learning(SimpleNamespace(**found._asdict())).replace("\\", "")
    said = re.sub(r"\[([^]]+)\]\(#word-[^)]+\)\{[^}]*\}", r"\1", linked)
    assert (
        said.startswith("**Yes.**" if verdict == "supported" else "**Not reliably.**")
        or verdict not in RANKED
    )
    assert words in said
    assert ", in octaves" not in said
    assert said.endswith(f"*{K3.takeaway.get(verdict, NOTHING)}*")


RANKED = ("supported",)  # whose planted settings are all in order, or none


def test_the_paragraph_says_that_nothing_was_measured(plant, calibration) -> None:
    tables = plant(need="K3")
    found = judge({"K3": K3}, tables._replace(accuracy=tables.accuracy.head(0)), calibration)
    said = paragraphs.learning(SimpleNamespace(**found._asdict())).replace("\\", "")
    assert said.startswith("**This study cannot say.**")
    assert "Undecided: LSTM and tanh RNN that climb from length to length in 10 repetitions" in said


def test_without_the_gradient_before_training_there_is_no_therefore(plant) -> None:
    tables = plant(need="K3")
    found = decided(tables._replace(decay=tables.decay.head(0)))
    assert found.verdict == "inconclusive"
    assert "Undecided: 5 settings of one task, measured before training, would settle it." in found.condition
    assert set(found.states.values()) == {HOLDS}


def test_what_is_undecided_does_not_change_what_depends(plant) -> None:
    lengths = {"rnn_tanh": 20, "lstm/0": 20, "lstm/1": mixed(40, 20, 5)}
    found = decided(plant(need="K3", extra={"longest": lengths}))
    assert found.states["adding, LSTM at forget bias 1"] == UNCLEAR
    assert found.verdict == "depends"
    assert found.condition.endswith("What is undecided does not change this verdict.")
    one = decided(plant(need="K3", extra={"longest": lengths | {"lstm/1": 40}}))
    assert one.verdict == "depends"
    assert "What is undecided" not in one.condition


def test_a_backend_that_trained_fewer_settings_confirms_the_order_of_these(plant) -> None:
    """The second backend has the LSTMs and the tanh RNN alone: what is compared is the order of what both have."""
    tables = plant(need="K3", extra={"tasks": ("adding",)})
    fewer = (tables.accuracy["backend"] == "numpy") | tables.accuracy["cell"].isin(["lstm", "rnn_tanh"])
    evidence = K3.evidence(tables._replace(accuracy=tables.accuracy[fewer]))
    rows = evidence[evidence["kind"] == "ranks"].set_index("backend")
    assert rows["shared"].to_dict() == {"numpy": 1.0, "torch": 1.0}
    assert comparison(evidence)["adding, rank correlation of what is left with the length"] == HOLDS
