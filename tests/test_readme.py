"""README's commands, each of them run: what takes minutes as its own plan, everything else for real."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.checkouts import ROOT, copied

from carousel.cells import CELLS
from carousel.claims import CLAIMS
from carousel.study.files import load

TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = [
    re.sub(r"^    ", "", block, flags=re.MULTILINE)
    for block in re.findall(r"(?:^    .*\n(?:\n(?=    ))?)+", TEXT, re.MULTILINE)
]
MODULES = "snakemake", "pytest", "carousel"
PLANNED = {
    "make": ["-n"],
    "snakemake": ["--dry-run"],
    "carousel": ["run", "smoke", "--dry-run"],
    "pytest": ["--collect-only", "-q", "tests/test_readme.py"],
}
COMMANDS = [
    line.partition("  #")[0].strip()
    for block in BLOCKS
    for line in block.splitlines()
    if re.match(r"(\w+=\S+ )*(make|snakemake|pytest|conda|python|carousel(?= run)) ?", line)
]


def planned(command: str) -> list[str]:
    """The command's words with the option that makes it say what it would do, and this interpreter's programs."""
    assigned = re.match(r"(?:\w+=\S+ )*", command)
    words = command[assigned.end() if assigned else 0 :].split()
    program = [sys.executable, "-m", words[0]] if words[0] in MODULES else [words[0]]
    return program + PLANNED[words[0]] + [word for word in words[1:] if word not in PLANNED[words[0]]]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which a study of one's own stands where README puts it."""
    folder = copied(tmp_path_factory.mktemp("readme"))
    for name in (
        "README.md",
        "Makefile",
        "pyproject.toml",
        "requirements.lock",
        "requirements-test.lock",
        "requirements-bench.lock",
        "requirements-docs.lock",
    ):
        shutil.copy(ROOT / name, folder)
    shutil.copy(ROOT / "config/smoke.yaml", folder / "my.yaml")
    shutil.copytree(ROOT / "tests", folder / "tests", ignore=shutil.ignore_patterns("__pycache__", "vendor"))
    return folder


def test_the_commands_are_found() -> None:
    assert {"make report", "make test"} <= set(COMMANDS)
    assert any(command.startswith("snakemake") for command in COMMANDS)


def test_what_the_readme_counts_is_what_there_is() -> None:
    study = load(ROOT / "config/standard.yaml")
    slices = {cell: [each for each in study.decay if cell in each.cells] for cell in CELLS}
    alone = [
        cell
        for cell, [first, *more] in slices.items()
        if not more and len(first.hidden) == len(first.lengths) == len(first.inits) == 1
    ]
    trained = {cell for each in study.training for cell in each.cells}
    text = " ".join(TEXT.split())
    added = [claim for claim in CLAIMS.values() if claim.who == "this study"]
    assert f"into {len(CLAIMS) - len(added)} claims, adds {len(added)} of its own" in text
    assert f"the {len(CLAIMS)} verdicts" in text
    assert (
        f"All {len(CELLS)} cells are measured before training, {len(alone)} of them at one width, one length and one "
        f"init (searches aside); {len(trained)} are trained, too."
    ) in text


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.parametrize("command", {tuple(planned(command)): command for command in COMMANDS}.values())
def test_a_command_of_the_readme_does_what_it_says(checkout: Path, command: str) -> None:
    run = subprocess.run(
        planned(command), cwd=checkout, capture_output=True, text=True, env=os.environ | {"CI": "1"}
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("block", [block for block in BLOCKS if "import" in block or "carousel." in block])
def test_the_python_of_the_readme_runs(block: str, tmp_path: Path) -> None:
    run = subprocess.run([sys.executable, "-c", block], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
