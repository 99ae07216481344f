"""What must not matter to a verdict: how long the loss's gradient is, what a cell is called, rows that stand twice."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from support.planted_study import Plant

from carousel.claims import CLAIMS
from carousel.claims.brought import Brought, claim_of
from carousel.claims.claim import Claim, Source, Tables, Verdict
from carousel.claims.form import Form
from carousel.claims.rules import DEPENDS, INCONCLUSIVE, REFUTED, SUPPORTED

EVERYDAY = ("A1d", "A4d", "K2", "K3")
"""Claims of three kinds, and of every table."""
SCALAR = "A1a"
"""Its gradient is the derivative of a chain, which no loss scales."""
BY_UNIT = "A4d"
"""Its n counts pairs of rows of a unit; of rows that stand twice, `carousel check` tells."""
every = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in EVERYDAY else pytest.mark.campaign) for name in CLAIMS]
)


def decided(claim: Claim, tables: Tables) -> Verdict:
    return claim.decide(claim.evidence(tables))


def assert_same(one: Verdict, other: Verdict, n: bool = True) -> None:
    assert one.verdict == other.verdict
    numbers = [(each.effect, each.low, each.high) for each in (one, other)]
    np.testing.assert_allclose(*numbers, rtol=1e-8, atol=1e-9)
    assert not n or one.n == other.n


def copied(rows: pd.DataFrame, times: int = 2) -> pd.DataFrame:
    return pd.concat([rows] * times, ignore_index=True)


@every
def test_a_verdict_knows_no_scale_of_the_gradient(name: str, plant: Plant, shift: float = -250.0) -> None:
    """A loss times 10^shift: every gradient is so much longer, at every lag, and nothing else changes."""
    tables = plant(name)
    own = tables.decay["quantity"].astype(str).str.startswith("loss_")
    own &= tables.decay["slice"].astype(str).ne("scalar") if name == SCALAR else True
    longer = tables.decay.assign(log10_norm=tables.decay["log10_norm"] + np.where(own, shift, 0.0))
    assert name != "K2" or own.any()
    assert_same(decided(CLAIMS[name], tables), decided(CLAIMS[name], tables._replace(decay=longer)))


@every
@pytest.mark.filterwarnings("ignore:invalid value encountered in divide")  # of two rows at one lag
def test_rows_that_stand_twice_decide_no_more(name: str, plant: Plant) -> None:
    tables = plant(name)
    twice = Tables(*map(copied, tables))
    assert_same(decided(CLAIMS[name], tables), decided(CLAIMS[name], twice), n=name != BY_UNIT)


@pytest.mark.parametrize("name", ["K2"])
def test_copies_of_too_few_repetitions_stay_too_few(name: str, plant: Plant) -> None:
    """Nine repetitions decide nothing, however often each stands in the table; the tenth does."""
    few, enough = plant(name, repetitions=9), plant(name, repetitions=10)
    assert decided(CLAIMS[name], enough).verdict in (SUPPORTED, REFUTED, DEPENDS)
    for times in (1, 5):
        tables = few._replace(decay=copied(few.decay, times))
        assert decided(CLAIMS[name], tables).verdict == INCONCLUSIVE


# ---- What a cell is called

NAMES = {"lstm": "rnn_tanh", "rnn_tanh": "gru", "gru": "lstm"}
"""Other names for three cells, each that of another."""
FORMS = {
    "pair": Form(
        "comparison", "decay", "loss_state",
        {"path": "full", "cell": "lstm", "slice": "libraries", "init": "torch", "trained": "no"},
        (100,), "above", 0.0, {"cell": "rnn_tanh"}, (),
    ),
    "family": Form(
        "trend", "decay", "loss_state",
        {"path": "full", "cell": ["rnn_tanh", "lstm"], "slice": "grid", "trained": "no"},
        (), "below", -0.003, {}, ("cell", "init"),
    ),
    "search": Form(
        "universal", "decay", "loss_state", {"path": "full", "cell": ["lstm", "rnn_tanh"], "length": {"from": 100}},
        (100,), "above", -1.0, {}, (),
    ),
}  # fmt: skip


def renamed(wanted: Mapping[str, object]) -> dict[str, object]:
    """A filter or a pairing that asks for the same cells by their other names."""
    cells = wanted.get("cell")
    new = [NAMES[each] for each in cells] if isinstance(cells, list) else NAMES.get(str(cells), cells)
    return {**wanted, **({"cell": new} if cells else {})}


def claim(form: Form) -> Claim:
    source = Source("somebody", "https://example.org", "It is so.")
    words = dict.fromkeys((SUPPORTED, REFUTED, DEPENDS), "Do so.")
    return claim_of(Brought("X1", source, "It is so.", form, "decades", "it is so", SUPPORTED, words))


@pytest.mark.parametrize("kind", FORMS)
def test_a_verdict_knows_no_name_of_a_cell(kind: str, plant: Plant) -> None:
    form, tables = FORMS[kind], plant("K2")
    other = replace(form, filter=renamed(form.filter), pairing=renamed(form.pairing))
    cells = tables.decay["cell"].astype(str).replace(NAMES).astype("category")
    called = tables._replace(decay=tables.decay.assign(cell=cells))
    before, after = decided(claim(form), tables), decided(claim(other), called)
    assert_same(before, after)
    assert before.n > 0 and other.filter != form.filter
    assert decided(claim(form), called).effect != before.effect  # the names do stand for other curves now
