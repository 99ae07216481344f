"""The record of a claim: texts that are lists where they are long, and why an effect lies outside its interval."""

from types import SimpleNamespace

import pandas as pd
import pytest
from support.report_results import claim

from carousel.report.page import claims as page
from carousel.report.page.backends import by_backend
from carousel.report.page.brief import LONGEST, brief, clauses, depends_on, listing, readable
from carousel.report.page.markup import definitions
from carousel.report.page.ruling import HEAD, row

MANY = "Half is left: in one (a; b); in another; in a third; in a fourth."


def test_a_clause_ends_at_a_semicolon_outside_parentheses() -> None:
    assert clauses(MANY) == ["Half is left:", "in one (a; b)", "in another", "in a third", "in a fourth."]
    assert clauses("Short; and plain.") == ["Short; and plain."]
    long = ("word " * 40).strip()
    assert clauses(f"{long}; {long}.") == [long, f"{long}."]


def test_a_long_text_of_the_record_is_a_list_and_loses_nothing() -> None:
    text = " ".join([MANY, "One more sentence of the record follows."] * 10)
    assert len(text) > 600
    shown = readable(text)
    assert shown == listing(text) and shown.startswith("- Half is left\\:\n    - in one")
    assert "".join(shown.replace("\\", "").replace("- ", "").split()) == "".join(
        text.replace("; in a", "in a").replace(";in a", "in a").split()
    )
    assert not readable("A short one.").startswith("-")


def test_a_list_stands_inside_its_definition() -> None:
    assert definitions([("Rule", "- a\n- b"), ("None", "")]) == "Rule\n:   - a\n    - b\n"


def test_what_was_found_ends_with_how_much_more_there_is() -> None:
    each = [f"in a setting that has the number {k}" for k in range(30)]
    text = f"It holds {'; '.join(each)}."
    shown = brief(text).replace("\\", "")
    kept = shown.count("in a setting")
    assert 0 < kept < 30 and shown.endswith(f"; {30 - kept} more in full below.")
    assert len(shown) <= LONGEST + len("; 30 more in full below.")


def own(**changes: object) -> pd.Series:
    return pd.Series(claim("A1e", "answer 1", "trend", "depends", -2.0) | changes)


def evidence(shared: float, few: float) -> SimpleNamespace:
    """The part that the effect is of, on both backends: ten repetitions, and those that the other measured."""
    rows = [
        {"id": "A1e", "part": "a", "backend": "numpy", "effect": -2.0, "shared": shared, "repetitions": 10.0},
        {
            "id": "A1e",
            "part": "a",
            "backend": "torch",
            "effect": shared,
            "shared": shared,
            "repetitions": few,
        },
    ]
    return SimpleNamespace(evidence=pd.DataFrame(rows))


@pytest.mark.parametrize(("other", "said"), [
    (-1.5, "the backends agree on these to every digit shown."),
    (-1.4, "on these the backends are 0.1 apart at most."),
])  # fmt: skip
def test_an_effect_outside_its_interval_is_explained(other: float, said: str) -> None:
    text = by_backend(own(numpy=-1.5, torch=other), evidence(-1.5, 3.0))
    assert "both over the 3 repetitions that every backend measured, the interval over all 10" in text
    assert text.endswith(said)


def test_an_effect_inside_its_interval_needs_no_word() -> None:
    assert by_backend(own(numpy=-2.005, torch=-2.005), evidence(-2.005, 3.0)) == "NumPy −2, PyTorch −2"
    assert by_backend(own(numpy=-1.5, torch=-1.5), evidence(-1.5, 10.0)) == "NumPy −1.5, PyTorch −1.5"


def test_an_undecided_part_says_why_beside_it() -> None:
    part = {"part": "a", "effect": 0.1, "low": 0.0, "high": 0.2, "margin": 0.1, "p_holm": 0.4, "share": 0.0,
            "reverse": 0.0, "settings": 2, "repetitions": 10, "state": "unclear",
            "why": "no second backend"}  # fmt: skip
    assert row(part)[-1] == "undecided: no second backend"
    assert row(part | {"state": "holds", "why": ""})[-1] == "holds"
    shown = dict(zip(HEAD, row(part | {"p": 0.03, "margin": 0.25, "share": 0.5}), strict=True))
    assert (shown["Margin"], shown["Holm’s p"], shown["Opposite"]) == ("0.25", "0.4", "0")
    assert (shown["Found"], shown["Settings"], shown["Repetitions"]) == ("0.1 \\[0, 0.2\\]", "2", "10")


def test_what_a_verdict_depends_on_is_as_it_was_decided() -> None:
    assert depends_on(own(depends_on="init", boundary="gain 1", condition="By task.")) == "init"
    assert depends_on(own(depends_on="", boundary="", condition="It holds at one gain.")) == "gain"
    assert depends_on(own(depends_on="init", verdict="refuted")) == ""


@pytest.mark.parametrize(("sealed", "said"), [
    (["before the data"] * 3, "All 3 rules were sealed before the data that they decide."),
    (["before the data", "none", "broken"], "Of 3 rules 2 were fixed as they stand after the data"),
    (["none"] * 3, "All 3 rules were fixed as they stand after the data that they decide had been seen."),
])  # fmt: skip
def test_one_statement_says_which_rules_were_fixed_after_data(sealed: list[str], said: str) -> None:
    assert page.fixed_after(SimpleNamespace(claims=pd.DataFrame({"sealed": sealed}))).startswith(said)
