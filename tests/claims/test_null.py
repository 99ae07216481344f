"""Null studies: where every true effect lies at its margin, a claim is supported or refuted in one study of twenty.

A planted study says which parts, settings and repetitions a claim has. What was measured of them is then put at the
value where the effect changes sides, with noise that half is the repetition's and half the setting's own; the backends
see the same. From there on everything is the claim's: effects, intervals, Holm's correction, its rule and how it
combines its parts.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from carousel.analysis.stats import resampling
from carousel.analysis.stats.tables import MODEL, numbered
from carousel.axes import BACKENDS
from carousel.claims import CLAIMS, a2g_lag_alone as a2g, evidence
from carousel.claims.rules import ALPHA, Claim, Tables, Verdict, combine, comparison

WRONG = ("supported", "refuted")
STUDIES, EVERYDAY = 200, 3
DRAWS = 400  # of the bootstrap: ends move by 5 % of the interval's width, either way
SPREAD = 0.2  # of the noise, of the margin (or of one, where that is zero)
BY_INTERVAL = [
    name for name, claim in CLAIMS.items() if {"comparison", "trend"} & set(claim.kind.split(", "))
]


def at_the_margin(table: pd.DataFrame, column: str, edge: float, rng: np.random.Generator) -> pd.DataFrame:
    """The rows with ``column`` at the edge, and noise by repetition and setting, the same on all backends."""
    keys = [name for name in [*MODEL, "task", "rival"] if name in table and name not in ("backend", "device")]
    setting = numbered(table, [name for name in keys if name != "repetition"])
    repetition = table["repetition"].to_numpy(int)
    common, own = (
        rng.standard_normal(repetition.max() + 1),
        rng.standard_normal((setting.max() + 1, repetition.max() + 1)),
    )
    noise = np.sqrt(0.5) * (common[repetition] + own[setting, repetition])
    return table.assign(**{column: edge + SPREAD * (abs(edge) or 1.0) * noise})


class Null:
    """`evidence._evidence` of tables at their margin; ``calls`` counts the parts."""

    def __init__(self, study: int) -> None:
        self.rng, self.calls, self.real = np.random.default_rng([20, study]), 0, evidence._evidence

    def __call__(
        self, table: pd.DataFrame, column: str, part: str, margin: float, how: str, test: Callable
    ) -> pd.DataFrame:
        sides = {evidence._falling: -margin, evidence.equivalence_p: margin * self.rng.choice([-1, 1])}
        table = table.dropna(subset=[column])
        if table.empty:
            return self.real(table, column, part, margin, how, test)
        self.calls += 1
        null = at_the_margin(table, column, sides.get(test, margin), self.rng)
        return self.real(null, column, part, margin, how, test)


def verdicts(claim: Claim, tables: Tables, studies: int, patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The verdicts of a claim on null studies."""
    patch.setattr(resampling, "DRAWS", DRAWS)
    for study in range(studies):
        null = Null(study)
        with patch.context() as inside:
            inside.setattr(evidence, "_evidence", null)
            found = claim.evidence(tables)
        assert null.calls, f"{claim.id} has no evidence with an interval"
        yield claim.decide(found).verdict


def most(studies: int) -> float:
    """The largest share of wrong verdicts that chance leaves likely, three standard errors above ALPHA."""
    return ALPHA + 3 * np.sqrt(ALPHA * (1 - ALPHA) / studies)


@pytest.mark.campaign
@pytest.mark.parametrize("name", BY_INTERVAL)
def test_at_the_margin_one_study_in_twenty_is_wrong(plant, monkeypatch, name: str) -> None:
    wrong = [verdict in WRONG for verdict in verdicts(CLAIMS[name], plant(need=name), STUDIES, monkeypatch)]
    assert np.mean(wrong) <= most(STUDIES)


@pytest.mark.parametrize("name", BY_INTERVAL)
def test_at_the_margin_a_verdict_is_rare(plant, monkeypatch, name: str) -> None:
    wrong = [verdict in WRONG for verdict in verdicts(CLAIMS[name], plant(need=name), EVERYDAY, monkeypatch)]
    assert np.mean(wrong) <= most(EVERYDAY)


def one_part(tables: Tables, margin: float) -> pd.DataFrame:
    """The evidence of a claim of one part: that rates at two places differ by more than the margin."""
    return evidence.compare(a2g.pairs(a2g.common(a2g.rows(tables))), "apart", "all", margin)


def by_sign(found: pd.DataFrame) -> Verdict:
    """What no claim may do: decide by the side that the effect is on."""
    own = evidence.reference(found).iloc[0]
    return Verdict("supported" if own["effect"] > own["margin"] else "refuted", "", "")


def test_a_rule_that_errs_more_often_is_found(plant, monkeypatch) -> None:
    """The test can fail, and is sharp: one part alone, decided by the rule of comparisons, errs in one of twenty."""
    tables, studies = plant(need="A2g"), 60
    usual = replace(
        CLAIMS["A2g"], measure=one_part, decide=lambda rows: Verdict(combine(comparison(rows)), "", "")
    )
    wrong = [word in WRONG for word in verdicts(usual, tables, studies, monkeypatch)]
    assert 0 < np.mean(wrong) <= most(studies)
    bold = replace(usual, decide=by_sign)
    assert np.mean([word in WRONG for word in verdicts(bold, tables, 10, monkeypatch)]) > most(10)


@pytest.mark.parametrize("study", range(2))
def test_tables_at_the_margin_say_the_same(plant, study: int) -> None:
    """The whole way from the tables, for one claim: rates at either place that differ by its margin from the end's."""
    margin = a2g.ALIKE.value
    tables = plant(
        need="A2g", extra={"drift": {25: margin, 100: margin}, "scatter": 0.2 * margin, "study": study}
    )
    assert CLAIMS["A2g"].decide(CLAIMS["A2g"].evidence(tables)).verdict not in WRONG


def test_every_backend_is_in_a_null_study(plant) -> None:
    tables = plant(need="A2g")
    table = a2g.pairs(a2g.common(a2g.rows(tables)))
    null = at_the_margin(table, "apart", 0.5, np.random.default_rng(0))
    sides = null.pivot_table(
        index=["length", "label", "repetition"], columns="backend", values="apart", observed=True
    )
    assert set(sides.columns) == set(BACKENDS)
    assert (sides[list(BACKENDS)].nunique(axis=1) == 1).all()
    assert abs(null["apart"].mean() - 0.5) < 0.1
