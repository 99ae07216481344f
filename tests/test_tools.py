"""The campaigns with a command line of their own: each starts, and has the options that the documents name."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(path.name for path in (ROOT / "tests" / "tools").glob("*.py"))
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = sorted(
    {found for path in DOCUMENTS for found in re.findall(r"tests/tools/[^`\n#]*", path.read_text("utf-8"))}
)


@cache
def helped(script: str) -> str:
    """What a script says of itself to somebody who has installed the packages and stands in another folder."""
    command = [sys.executable, str(ROOT / "tests" / "tools" / script), "--help"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    run = subprocess.run(command, cwd="/", env=environment, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_how_it_is_called(script: str) -> None:
    assert helped(script).startswith(f"usage: {script} ")


def test_the_documents_name_every_script_but_those_that_others_call() -> None:
    assert {Path(command.split()[0]).name for command in COMMANDS} == {*SCRIPTS}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_documents_has_options_that_are_there(command: str) -> None:
    script, *words = command.split()
    told = helped(Path(script).name)
    assert all(f" {word} " in told for word in words if word.startswith("--"))
