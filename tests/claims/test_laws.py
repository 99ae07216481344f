"""What must not matter to a verdict: the scale of the loss, the names of repetitions, the same repetitions twice."""

import pandas as pd
import pytest

from carousel.claims import CLAIMS
from carousel.claims.claim import Tables

IDS = ("K1", "A2a", "A1e", "Q2", "M1")
RANDOM = {"rnn_sigmoid": -0.7, "rnn_tanh": -0.25, "rnn_relu": -0.02}


@pytest.fixture(scope="module")
def planted(plant):
    """Return the tables that a claim looks at, by its id."""
    kept: dict[str, Tables] = {}
    return lambda name: kept.setdefault(name, plant(need=name, vanilla=RANDOM))


def verdict(name: str, tables: Tables):
    claim = CLAIMS[name]
    return claim.decide(claim.evidence(tables))


def same(one, other) -> None:
    assert one.verdict == other.verdict
    assert one.effect == pytest.approx(other.effect, rel=1e-9, nan_ok=True)
    assert dict(one.states) == dict(other.states)


@pytest.mark.parametrize("name", IDS)
def test_a_loss_a_thousand_times_larger_decides_the_same(name: str, planted) -> None:
    tables = planted(name)
    y, of_loss = tables.decay["log10_norm"], tables.decay["quantity"].isin(["loss_h", "loss_state", "loss_c"])
    same(
        verdict(name, tables),
        verdict(name, tables._replace(decay=tables.decay.assign(log10_norm=y + 3.0 * of_loss))),
    )


@pytest.mark.parametrize("name", IDS)
def test_repetitions_have_no_names(name: str, planted) -> None:
    tables = planted(name)
    turned = (table.assign(repetition=97 - 3 * table["repetition"]) for table in tables)
    same(verdict(name, tables), verdict(name, Tables(*turned)))


@pytest.mark.parametrize("name", IDS)
def test_the_same_repetitions_again_turn_no_verdict(name: str, planted) -> None:
    tables = planted(name)
    twice = (pd.concat([table, table.assign(repetition=table["repetition"] + 10)]) for table in tables)
    before, after = verdict(name, tables), verdict(name, Tables(*twice))
    assert after.verdict == before.verdict != "inconclusive"
