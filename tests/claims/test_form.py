"""Claims as data: each kind and relation finds what was planted, and what is read agrees with the claims in Python."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest
from support.planted_study import Plant

from carousel.claims import CLAIMS, form_text
from carousel.claims.brought import Brought, claim_of
from carousel.claims.claim import Claim, Source, Tables, Verdict
from carousel.claims.form import RELATIONS, Form, chosen, values

LEFT = Form(
    "comparison", "decay", "loss_state",
    {"path": "full", "cell": "lstm", "slice": "libraries", "init": "torch", "trained": "no"},
    (100,), "above", 0.0, {"cell": "rnn_tanh"}, (),
)  # fmt: skip
RATE = Form(
    "trend", "decay", "loss_state", {"path": "full", "cell": "lstm", "slice": "grid", "init": "torch", "trained": "no"},
    (), "below", -0.003, {}, ("forget_bias",),
)  # fmt: skip


def claim(form: Form) -> Claim:
    source = Source("somebody", "https://example.org", "It is so.")
    words = dict.fromkeys(("supported", "refuted", "depends"), "Do so.")
    return claim_of(Brought("X1", source, "It is so.", form, "decades", "it is so", "supported", words))


def decided(form: Form, tables: Tables) -> Verdict:
    own = claim(form)
    return own.decide(own.evidence(tables))


def test_what_is_left_is_paired_as_the_claim_in_python_pairs_it(plant: Plant) -> None:
    """K2 and this form hold the same LSTM against the same tanh RNN."""
    tables = plant("K2")
    own, python = claim(LEFT).evidence(tables), CLAIMS["K2"].evidence(tables)
    python = python[python["part"] == "PyTorch's default LSTM against its tanh RNN"]
    for name in ("effect", "low", "high", "shared", "n", "repetitions", "settings"):
        assert own[name].tolist() == python[name].tolist(), name
    assert decided(LEFT, tables).verdict == "refuted"
    assert decided(replace(LEFT, relation="below"), tables).verdict == "supported"


def test_the_effect_is_what_was_planted(plant: Plant) -> None:
    """Of straight lines the difference at lag 100 is that of the rates times 100, with each repetition's jitter."""
    jitter = [1 + 0.02 * np.random.default_rng(k).standard_normal() for k in range(10)]
    found = decided(LEFT, plant("K2"))
    assert found.effect == pytest.approx(100 * (-0.31 + 0.25) * np.mean(jitter), rel=1e-9)
    between = replace(LEFT, lag=(10, 100), pairing={})
    assert decided(between, plant("K2")).effect == pytest.approx(90 * -0.31 * np.mean(jitter), rel=1e-9)


def test_an_identity_finds_what_a1d_finds(plant: Plant) -> None:
    form = Form(
        "identity", "decay", "cec",
        {"path": "cell", "cell": ["lstm", "lstm_peephole"], "trained": "no", "dtype": "float64"}, (), "equal", 1e-9,
        {"quantity": "factor_product", "path": "formula"}, ("cell",),
    )  # fmt: skip
    for error in (0.0, 1e-6):
        tables = plant("A1d", product_error={"lstm": error})
        own, python = decided(form, tables), CLAIMS["A1d"].decide(CLAIMS["A1d"].evidence(tables))
        assert own.verdict == {0.0: "supported", 1e-6: "depends"}[error] == python.verdict
        assert own.effect == pytest.approx(error, rel=1e-3, abs=1e-12)
        assert (own.effect, own.low, own.high, own.n) == (python.effect, python.low, python.high, python.n)


def test_a_search_finds_what_k1_finds(plant: Plant) -> None:
    wanted = {"path": "full", "cell": ["lstm97", "lstm", "lstm_peephole"], "length": {"from": 100}}
    form = Form("universal", "decay", "loss_state", wanted, (100,), "above", -1.0, {}, ())
    most = max(1 + 0.02 * np.random.default_rng(k).standard_normal() for k in range(10))
    fast, slow = {"0": -0.31, "1": -0.14}, dict.fromkeys(("0", "1", "2", "3", "4", "5"), -1e-5)
    for forget, verdict in ((fast, "refuted"), (slow, "supported")):
        tables = plant("K1", forget=forget)
        own, python = decided(form, tables), CLAIMS["K1"].decide(CLAIMS["K1"].evidence(tables))
        assert (own.verdict, own.n) == (python.verdict, python.n) and own.verdict == verdict
        if forget is fast:
            assert own.effect == pytest.approx(-31 * most) == python.effect
    ever = replace(form, kind="existence", relation="below")
    assert decided(ever, plant("K1")).verdict == "supported"
    falling = plant("K1", forget=dict.fromkeys(map(str, range(6)), -0.1))
    never, found = decided(replace(ever, threshold=-1e6), falling), values(ever, falling)
    both = found.pivot_table(
        index=[*found.columns.difference(["backend", "value"])],
        columns="backend",
        values="value",
        observed=True,
    ).dropna()
    assert (never.verdict, never.effect) == ("refuted", both["numpy"].min())


def test_the_witness_is_the_farthest_that_every_backend_confirms(plant: Plant) -> None:
    form = replace(
        LEFT, kind="universal", filter={"path": "full", "cell": "lstm"}, threshold=-1.0, pairing={}
    )
    tables = plant("K1")
    found = values(form, tables)
    both = found.pivot_table(index=["slice", "init", "forget_bias", "length", "repetition"], columns="backend",
                             values="value", observed=True).dropna()  # fmt: skip
    assert decided(form, tables).effect == pytest.approx(both["numpy"].min())


TURNS = {  # relation and threshold of the rate: the states of forget bias 0 (-0.31), 1 (-0.14), 10 (-2e-5), chrono
    ("below", -0.003): "holds holds fails fails",
    ("above", -0.2): "fails holds holds holds",
    ("within", 0.05): "fails fails holds holds",
    ("outside", 0.05): "holds holds fails fails",
}


@pytest.mark.parametrize("turn", TURNS)
def test_parts_are_decided_one_by_one(turn: tuple[str, float], plant: Plant) -> None:
    relation, threshold = turn
    found = decided(replace(RATE, relation=relation, threshold=threshold), plant("A1e"))
    names = "forget bias 0", "forget bias 1", "forget bias 10", "chrono biases"
    assert found.states == dict(zip(names, TURNS[turn].split(), strict=True))
    assert found.verdict == "depends" and found.effect == pytest.approx(-0.31, rel=0.03)


def test_parts_stand_in_the_order_of_the_filter(plant: Plant) -> None:
    form = replace(RATE, filter=RATE.filter | {"forget_bias": ["10", "0"]})
    assert [*decided(form, plant("A1e")).states] == ["forget bias 10", "forget bias 0"]


def test_the_part_or_witness_that_is_shown_stands_for_the_claim(plant: Plant) -> None:
    for bias, effect in (("1", -0.14), ("no such", -0.31)):
        found = decided(replace(RATE, shown={"forget_bias": bias}), plant("A1e"))
        assert found.effect == pytest.approx(effect, rel=0.03)
    tables, wanted = plant("K1"), {"path": "full", "cell": "lstm"}
    form = replace(LEFT, kind="universal", filter=wanted, threshold=-1.0, pairing={})
    for shown in ({"slice": "libraries", "init": "keras"}, {"forget_bias": "1", "slice": "grid"}):
        found = decided(replace(form, shown=shown), tables)
        assert found.effect > decided(form, tables).effect and found.verdict == "refuted"
    kept = replace(form, shown={"forget_bias": "10"})  # keeps its gradient, so that it is no witness
    assert decided(kept, tables) == decided(form, tables)


def test_too_few_repetitions_or_a_backend_less_decide_nothing(plant: Plant) -> None:
    assert decided(RATE, plant("A1e", repetitions=3)).verdict == "inconclusive"
    assert decided(RATE, plant("A1e", backends=("numpy",))).verdict == "inconclusive"
    for kind, relations in RELATIONS.items():
        nothing = replace(RATE, kind=kind, relation=relations[0], filter=RATE.filter | {"slice": "none"}, family=(),
                          pairing={"quantity": "cec", "path": "cell"} if kind == "identity" else {})  # fmt: skip
        assert decided(nothing, plant("A1e")).verdict == "inconclusive", kind


def test_accuracies_are_those_of_the_last_evaluation(plant: Plant) -> None:
    wanted = {"cell": "lstm", "slice": "adding", "forget_bias": "1"}
    form = Form(
        "comparison", "accuracy", "solved", wanted, (), "above", 0.1, {"forget_bias": "0"}, ("length",)
    )
    found = decided(form, plant("K3"))
    assert found.states == {"length 10": "fails", "length 20": "fails", "length 40": "holds"}


def test_of_dynamics_the_value_is_read() -> None:
    row = {"backend": "numpy", "cell": "lstm", "quantity": "lyapunov", "index": 1, "value": -0.5}
    table = pd.DataFrame([row | {"repetition": k} for k in range(10)])
    table = pd.concat([table, table.assign(backend="torch")]).assign(
        **dict.fromkeys(("device", "dtype", "slice", "init", "forget_bias", "drive", "trained", "gradient"), "x"),
        **dict.fromkeys(("gain", "bias", "hidden", "length", "step"), 1),
    )  # fmt: skip
    tables = Tables(pd.DataFrame({"slice": []}), pd.DataFrame(), table)
    form = Form("trend", "dynamics", "lyapunov", {"cell": "lstm", "index": 1}, (), "below", 0.0, {}, ())
    assert decided(form, tables).effect == -0.5


def test_a_filter_takes_values_lists_and_bounds() -> None:
    table = pd.DataFrame({"lag": [1, 2, 3, 4], "cell": ["a", "b", "a", "c"]})
    picked = partial(chosen, table)
    assert picked({"cell": "a"})["lag"].tolist() == [1, 3]
    assert picked({"cell": ["a", "c"], "lag": {"from": 2}})["lag"].tolist() == [3, 4]
    assert picked({"lag": {"from": 2, "to": 3}})["lag"].tolist() == [2, 3]
    assert picked({"cell": {"not": "a"}})["lag"].tolist() == [2, 4]


def test_at_other_margins_the_threshold_moves(plant: Plant) -> None:
    tables = plant("A1e")
    own = claim(replace(RATE, relation="above", threshold=-0.2))
    states = own.decide(own.evidence(tables, 2.0)).states
    assert set(states.values()) == {"holds"}
    assert set(own.evidence(tables, 2.0)["margin"]) == {-0.4}


def test_reading_and_rule_say_the_relation_and_the_threshold() -> None:
    for relation, words in form_text.RELATION.items():
        if relation != "equal":
            form = replace(RATE, relation=relation, threshold=-0.25)
            assert words.format("−0.25") in form_text.reading(form) and words.format(
                "−0.25"
            ) in form_text.rule(form)
