"""What a verdict depends on, and why a part is undecided: from the same evidence that decides."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import entropy

from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.claim import Boundary, Verdict, corrected
from carousel.claims.depends import depends_on, information, separating
from carousel.claims.rules import FAILS, HOLDS, UNCLEAR, comparison, equivalence, trend
from carousel.claims.undecided_text import ALIKE, ALONE, APART, CHANCE, FEWER, OPPOSITE, WIDE, reasons


def evidence(**changes: object) -> pd.DataFrame:
    """One part that holds, on every backend, with something changed."""
    row = {"part": "a part", "effect": 1.0, "low": 0.6, "high": 1.4, "margin": 0.5, "edge": 0.5, "p": 0.001,
           "shared": 1.0, "share": 1.0, "reverse": 0.0, "repetitions": 10.0, "settings": 4,
           "informative": True}  # fmt: skip
    return corrected(pd.DataFrame([row | {"backend": name} | changes for name in BACKENDS]))


def off(rows: pd.DataFrame, shared: float) -> pd.DataFrame:
    """The rows with another effect on the backends that confirm."""
    return rows.assign(
        shared=rows["shared"].where(rows["backend"] == REFERENCE, shared), repetitions=[10.0, 2.0]
    )


OPEN = {  # reason: evidence, and what its words have
    FEWER: (evidence(repetitions=9.0), "fewer than 10"),
    ALIKE: (evidence(informative=False, informative_share=0.4), "60 % of the pairs"),
    WIDE: (evidence(low=0.4), "reaches over"),
    CHANCE: (evidence(p=0.2), "0.2"),
    OPPOSITE: (evidence(share=0.0, reverse=0.1), "some settings"),
    ALONE: (off(evidence(), np.nan), "no second backend"),
    APART: (off(evidence(), 0.25), "2 repetitions that every backend measured: NumPy 1, PyTorch 0.25"),
}


@pytest.mark.parametrize("why", OPEN)
def test_a_part_is_undecided_for_one_reason_alone(why: str) -> None:
    rows, said = OPEN[why]
    states = comparison(rows)
    assert set(states) == {UNCLEAR} and set(comparison(evidence())) == {HOLDS}
    (found,) = reasons(rows, states).values()
    assert [*found] == [why] and said in found[why]


@pytest.mark.parametrize("column", ["repetitions", "edge", "p_holm"])
def test_evidence_of_which_nothing_was_tested_has_no_reasons(column: str) -> None:
    rows = evidence(low=0.4)
    assert reasons(rows, comparison(rows)) != {}
    assert reasons(rows.drop(columns=column), pd.Series({"a part": UNCLEAR})) == {}


def any_evidence(rng: np.random.Generator, parts: int) -> pd.DataFrame:
    """Parts with anything: effects around the margin, wide and narrow, confirmed or not, of few or many repetitions."""
    rows = []
    for part in range(parts):
        effect, half = rng.normal(0, 1), rng.exponential(0.4)
        common = {"part": f"part {part}", "margin": 0.3, "edge": np.copysign(0.3, effect), "p": rng.uniform() ** 4,
                  "share": rng.choice([0.0, 0.1, 1.0]), "reverse": rng.choice([0.0, 0.1]), "settings": 10,
                  "informative": rng.uniform() < 0.9, "repetitions": rng.choice([5.0, 10.0], p=[0.1, 0.9])}  # fmt: skip
        rows += [
            common | {"backend": name, "effect": effect, "low": effect - half, "high": effect + half,
                      "shared": rng.choice([effect, effect + 1, np.nan], p=[0.8, 0.1, 0.1])}
            for name in BACKENDS
        ]  # fmt: skip
    return corrected(pd.DataFrame(rows))


@pytest.mark.parametrize("rule", [comparison, equivalence, lambda rows: trend(rows, decays=True)])
def test_every_undecided_part_has_a_reason_and_no_other_has(rule) -> None:
    rows = any_evidence(np.random.default_rng(7), 300)
    states = rule(rows)
    found = reasons(rows, states)
    assert {*states[states == UNCLEAR].index} == {*found} and len(set(states)) > 2
    assert all(each and all(each.values()) for each in found.values())


def test_what_a_factor_says_is_the_entropy_that_it_takes_away_less_that_by_chance() -> None:
    """Chance: the mean over every order of the values, one by one."""
    states = pd.Series([HOLDS, HOLDS, HOLDS, FAILS, FAILS, HOLDS])
    values = pd.Series([*"aabbbc"])
    said = [shared(states, pd.Series(order)) for order in set(permutations(values))]
    np.testing.assert_allclose(
        information(states, values), shared(states, values) - np.mean(said), atol=1e-12
    )


def shared(states: pd.Series, values: pd.Series) -> float:
    """Mutual information as the entropies of each, less that of both."""
    first, second, both = (each.value_counts() for each in (states, values, states + values))
    return float(entropy(first) + entropy(second) - entropy(both))


def test_a_factor_of_which_every_part_has_a_value_of_its_own_says_nothing() -> None:
    states = pd.Series([HOLDS, FAILS, FAILS, HOLDS, HOLDS])
    np.testing.assert_allclose(information(states, pd.Series([*"abcde"])), 0.0, atol=1e-12)


def parts(table: dict[str, list[str]], states: list[str]) -> tuple[pd.DataFrame, dict[str, str]]:
    names = [f"part {k}" for k in range(len(states))]
    rows = pd.DataFrame(table | {"part": names, "backend": REFERENCE})
    return rows, dict(zip(names, states, strict=True))


def test_a_verdict_depends_on_the_factor_that_tells_its_parts_apart() -> None:
    table = {"forget_bias": list("00114455"), "init": list("aaabbbba"), "task": list("xyzuvwrs")}
    rows, states = parts(table, [HOLDS] * 4 + [FAILS] * 3 + [UNCLEAR])
    assert separating(rows, states) == "forget bias"
    assert separating(rows.drop(columns="forget_bias"), states) == "init"  # no value of task has two parts


def test_a_verdict_that_does_not_depend_names_no_factor() -> None:
    rows, states = parts({"init": ["a", "b"]}, [HOLDS, FAILS])
    at = Boundary("gain (orthogonal init)", 1.0, 0.9, 1.1)
    assert depends_on(rows, Verdict("depends", "", "", states=states)) == "init"
    assert depends_on(rows, Verdict("depends", "", "", states=states, boundary=at)) == "gain"
    assert depends_on(rows, Verdict("refuted", "", "", states=states, boundary=at)) == ""
    assert depends_on(rows.assign(init="a"), Verdict("depends", "", "", states=states)) == ""
