"""The table of planted mistakes, and that a mistake which no test notices is told from one that a test does."""

import ast
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tools import mutants
from tools.mutants import Mutant

ROOT = Path(__file__).parents[1]
LISTED = [*mutants.mutants(), *mutants.mutants(mutants.FRESH)]
SMALL = Mutant("twice", "double.py", "2 * x", "3 * x", "a factor", "test_double.py")


def test_no_two_mistakes_have_one_name() -> None:
    assert len({mutant.name for mutant in LISTED}) == len(LISTED)


@pytest.mark.parametrize("mutant", LISTED, ids=lambda mutant: mutant.name)
def test_a_mistake_can_be_planted_in_the_code_as_it_is(mutant: Mutant) -> None:
    text = mutants.planted((ROOT / mutant.file).read_text(encoding="utf-8"), mutant)
    assert mutant.file.endswith(".py") is False or ast.parse(text)
    assert mutant.was != mutant.becomes
    assert mutant.equivalent or all(is_there(test) for test in mutant.tests.split())


def is_there(test: str) -> bool:
    """A folder or file of tests, or a test in a file."""
    file, _, function = test.partition("::")
    path = ROOT / file
    return path.exists() and (
        not function or f"def {function.partition('[')[0]}(" in path.read_text(encoding="utf-8")
    )


def test_a_place_that_is_there_twice_is_none() -> None:
    with pytest.raises(ValueError, match="twice: '2 \\* x' occurs 2 times in double.py; allowed: once"):
        mutants.planted("2 * x + 2 * x", SMALL)


@pytest.mark.parametrize(("asserted", "found"), [("== 6", "killed"), ("> 0", "survived")])
def test_a_mistake_is_noticed_by_a_test_that_fails(asserted: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "double.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "test_double.py").write_text(
        f"from double import double\n\n\ndef test_it():\n    assert double(3) {asserted}\n"
    )
    assert mutants.passes(tmp_path, SMALL.tests)[0] == 0
    assert mutants.outcome(tmp_path, SMALL)[0] == found
    assert "2 * x" in (tmp_path / "double.py").read_text()


def test_the_same_date_draws_the_same_mistakes() -> None:
    one, again, other = (
        mutants.chosen(LISTED, "", 20, date) for date in ("2026-11-30", "2026-11-30", "2026-12-01")
    )
    assert one == again != other


def test_what_survives_is_counted_by_package_and_named() -> None:
    rows = {SMALL.name: {"outcome": "survived"}}
    assert "| top level | 1 | 0 | 1 | 0 |" in mutants.tally([SMALL], rows)
    assert mutants.tally([SMALL], rows).endswith("survived: twice (double.py)")


@pytest.mark.campaign
def test_twenty_mistakes_of_the_day_are_noticed(tmp_path: Path) -> None:
    day = datetime.now(UTC).date().isoformat()
    options = ["--out", str(tmp_path / "mutants.csv"), "--sample", "20", "--date", day]
    command = [sys.executable, str(ROOT / "tests" / "tools" / "mutants.py"), *options]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
