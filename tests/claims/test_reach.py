"""Every verdict that a claim may have is reached by some planted study, and every rule says its thresholds."""

from importlib import import_module
from pathlib import Path

import pytest

from carousel.claims import CLAIMS

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
