"""Null studies (`support.null_studies`): where every true effect lies at its margin, few verdicts are reached."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom
from support.null_studies import BY_INTERVAL, SPREAD, WRONG, Null, at_the_margin, verdicts

from carousel.analysis.stats.tested import student
from carousel.axes import BACKENDS
from carousel.claims import CLAIMS, a2g_lag_alone as a2g, evidence
from carousel.claims.claim import Verdict
from carousel.claims.evidence import reference
from carousel.claims.rules import ALPHA, combine, comparison

STUDIES = 12  # of each claim here; tests/tools/null_studies.py has more
RECORD = Path(__file__).parents[2] / "benchmarks" / "null.csv"
RECORDED = 15  # studies of each claim in the record, at least
SAME = ["repetitions", "settings", "n", "margin", "part"]  # what a null study leaves as it was planted


def most(studies: int) -> int:
    """The most wrong verdicts that are likely if ALPHA of the studies are wrong: more are seen once in a thousand."""
    return int(binom.ppf(0.999, studies, ALPHA))


@pytest.mark.campaign
@pytest.mark.parametrize("name", BY_INTERVAL)
def test_at_the_margin_one_study_in_twenty_is_wrong(plant, name: str) -> None:
    words = [*verdicts(CLAIMS[name], plant(need=name), range(STUDIES))]
    assert sum(word in WRONG for word in words) <= most(STUDIES)


@pytest.mark.parametrize("name", BY_INTERVAL)
def test_at_the_margin_a_verdict_is_rare(plant, name: str) -> None:
    assert next(verdicts(CLAIMS[name], plant(need=name), [0])) not in WRONG


def test_the_record_has_every_claim_and_none_that_errs_too_often() -> None:
    """The record: tests/tools/null_studies.py wrote it, with many more studies than a test has time for."""
    record = pd.read_csv(RECORD).set_index("id")
    assert record.index.tolist() == BY_INTERVAL
    assert (record["studies"] >= RECORDED).all()
    assert (record["wrong"] <= record["studies"].map(most)).all()
    assert record["wrong"].sum() <= ALPHA * record["studies"].sum()


def by_sign(found: pd.DataFrame) -> Verdict:
    """What no claim may do: decide by the side that the effect is on."""
    own = evidence.reference(found).iloc[0]
    return Verdict("supported" if own["effect"] > own["margin"] else "refuted", "", "")


def test_a_rule_that_errs_more_often_is_found(plant) -> None:
    """The test can fail, and is sharp: one part alone, decided by the rule of comparisons, errs in one of twenty."""
    tables, studies = plant(need="A2g"), 60
    table = a2g.pairs(a2g.common(a2g.rows(tables)))
    usual = replace(
        CLAIMS["A2g"],
        measure=lambda tables, margin: evidence.compare(table, "apart", "all", margin),
        decide=lambda rows: Verdict(combine(comparison(rows)), "", ""),
    )
    wrong = sum(word in WRONG for word in verdicts(usual, tables, range(studies)))
    assert 0 < wrong <= most(studies)
    bold = replace(usual, decide=by_sign)
    assert sum(word in WRONG for word in verdicts(bold, tables, range(10))) > most(10)


@pytest.mark.parametrize("study", range(2))
def test_tables_at_the_margin_say_the_same(plant, study: int) -> None:
    """The whole way from the tables, for one claim: rates at either place that differ by its margin from the end's."""
    margin = a2g.ALIKE.value
    tables = plant(
        need="A2g", extra={"drift": {25: margin, 100: margin}, "scatter": 0.2 * margin, "study": study}
    )
    assert CLAIMS["A2g"].decide(CLAIMS["A2g"].evidence(tables)).verdict not in WRONG


def test_every_backend_is_in_a_null_study(plant) -> None:
    tables, null = plant(need="A2g"), Null(0)
    table = a2g.pairs(a2g.common(a2g.rows(tables)))
    found = null(table, [], "apart", "all", 0.5, "median", student).set_index("backend")
    usual = evidence._evidence(table, [], "apart", "all", 0.5, "median", student).set_index("backend")
    assert found.index.tolist() == [*BACKENDS] == usual.index.tolist()
    assert (found.nunique() == 1).all()
    assert (found.iloc[0][SAME] == usual.iloc[0][SAME]).all()
    assert 0 < abs(found["effect"].iloc[0] - 0.5) < 0.2


def test_noise_is_half_the_repetition_s_and_half_the_setting_s(plant) -> None:
    table = reference(a2g.pairs(a2g.common(a2g.rows(plant(need="A2g", repetitions=150)))))
    null = at_the_margin(table, "apart", 0.5, np.random.default_rng(0))
    noise = null.pivot_table(index="repetition", columns=["length", "label"], values="apart", observed=True)
    assert noise.to_numpy().mean() == pytest.approx(0.5, abs=0.02)
    assert noise.to_numpy().std() == pytest.approx(SPREAD * 0.5, rel=0.1)
    assert np.corrcoef(noise.to_numpy().T)[0, 1] == pytest.approx(0.5, abs=0.15)
