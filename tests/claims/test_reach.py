"""Every verdict that a claim may have is reached by some planted study, and every rule says its thresholds."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from carousel.analysis.text import number
from carousel.claims import CLAIMS, a2c_learned_gate as a2c, a2e_largest_factor as a2e, rules
from carousel.claims.claim import Claim
from carousel.claims.form import Form

DECISIVE = {"supported", "refuted"}
ALLOWED = {
    "identity": DECISIVE, "universal": DECISIVE, "existence": DECISIVE,
    "comparison": DECISIVE | {"depends"}, "trend": DECISIVE | {"depends"},
}  # fmt: skip
MODULES = sorted(path.stem for path in Path(__file__).parent.glob("test_*.py") if path != Path(__file__))


def reached() -> dict[str, set[str]]:
    """The verdicts to which planted studies turn each claim: all modules' tables TURNS, claim first, verdict last."""
    tables = [
        table
        for module in map(import_module, (f"claims.{stem}" for stem in MODULES))
        for name, table in vars(module).items()
        if name.startswith("TURNS")
    ]
    return {name: {row[-1] for table in tables for row in table if row[0] == name} for name in CLAIMS}


@pytest.fixture(scope="module")
def verdicts_reached() -> dict[str, set[str]]:
    return reached()


@pytest.mark.parametrize("name", CLAIMS)
def test_every_verdict_that_the_kind_allows_is_reached(verdicts_reached, name: str) -> None:
    claim = CLAIMS[name]
    allowed = set().union(*(ALLOWED[kind] for kind in claim.kind.split(", ")))
    wanted = allowed | set(claim.takeaway) | {"inconclusive"}
    assert wanted <= verdicts_reached[name]


@pytest.mark.parametrize("name", CLAIMS)
def test_no_verdict_is_without_a_takeaway(verdicts_reached, name: str) -> None:
    assert verdicts_reached[name] - {"inconclusive"} <= set(CLAIMS[name].takeaway)


REPEATED = (f"{rules.MIN_REPETITIONS} repetitions", f"at most {rules.ALPHA:g}")
SAID = {  # the rules that a claim may use, and what of them its printed rule has to say
    rules.comparison: (*REPEATED, f"{rules.FEW:.0%}"), rules.trend: REPEATED, rules.equivalence: REPEATED,
    rules.universal: (f"{rules.MIN_SEARCHED} settings",),
    rules.identity: (number(rules.TOLERANCE), f"{rules.MIN_CHECKED} values"),
}  # fmt: skip
OWN = {  # thresholds of their own
    "A2c": {rules.confirmed: ("confirmed on every backend", REPEATED[0], f"{a2c.NET:g}", f"{a2c.NEAR:.5f}")},
    "A2e": {rules.identity: (number(a2e.WEIGHT_DIGIT), number(a2e.FACTOR_DIGIT))},
}


def functions(module: str) -> list:
    """What a module of claims has imported or defines, and the modules that it has imported whole."""
    own = [*vars(import_module(module)).values()]
    return own + [thing for part in own if isinstance(part, ModuleType) for thing in vars(part).values()]


def decided_by(claim: Claim) -> list:
    """The rule of a claim's form, if it has one, else what its decision's module has imported or defines."""
    form = next((given for given in getattr(claim.decide, "args", ()) if isinstance(given, Form)), None)
    return [getattr(rules, form.kind)] if form else functions(claim.decide.__module__)


@pytest.mark.parametrize("name", CLAIMS)
def test_the_printed_rule_says_the_thresholds_of_the_rules_that_it_uses(name: str) -> None:
    """Which rules a claim uses is read off the module of its decision, and off those that it takes that from."""
    claim = CLAIMS[name]
    wanted = SAID | OWN.get(name, {})
    used = [rule for rule in wanted if rule in decided_by(claim)]
    said = [words for rule in used for words in wanted[rule]]
    assert used
    assert [words for words in said if words not in claim.rule] == []


def forms(margin: float) -> set[str]:
    """How a rule may say a margin: the number, per cent, what is left of one, or of decades a share in words."""
    left = {0.5: "a half", 0.1: "a tenth"}.get(round(10**-margin, 6))
    return {number(margin), f"{margin:.0%}", number(1 - margin)} | ({left} if left else set())


@pytest.mark.parametrize("name", CLAIMS)
def test_the_printed_rule_says_the_margin(name: str) -> None:
    margin = CLAIMS[name].margin
    decided_by_a_margin = {"comparison", "trend"} & set(CLAIMS[name].kind.split(", "))
    assert margin or not decided_by_a_margin
    assert not margin or any(words in CLAIMS[name].rule for words in forms(margin.value))
