"""What checks the code beside the tests: hooks, continuous integration, the format of the workflow."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from support.checkouts import ROOT, snakemake_in

MAKEFILE = (ROOT / "Makefile").read_text()
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]


def lines(target: str) -> list[str]:
    """The commands of a target of the Makefile."""
    recipe = MAKEFILE.partition(f"\n{target}:")[2].partition("\n\n")[0]
    return [line.strip().replace("$(BIN)", ".venv/bin") for line in recipe.splitlines()[1:]]


def test_the_hooks_are_a_configuration_that_pre_commit_takes() -> None:
    command = [sys.executable, "-m", "pre_commit", "validate-config", ".pre-commit-config.yaml"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


def test_the_hooks_run_what_make_lint_runs() -> None:
    hooks = {tuple(shlex.split(hook["entry"].replace(" --force-exclude", ""))) for hook in HOOKS}
    made = {tuple(line.partition(" --check")[0].split()) for line in lines("lint")}
    assert hooks == made
    assert len(hooks) == 5


@pytest.mark.parametrize(("workflow", "command"), [("test", "bash .ci/run"), ("lint", "make lint")])
def test_continuous_integration_runs_what_one_runs_here(workflow: str, command: str) -> None:
    content = yaml.safe_load((ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text())
    steps = [step for job in content["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "run" in step] == [command]
    python = next(step["with"]["python-version"] for step in steps if "setup-python" in step.get("uses", ""))
    assert f'requires-python = ">={python}"' in (ROOT / "pyproject.toml").read_text()


def test_everyday_tests_and_campaigns_are_all_tests_and_none_twice() -> None:
    assert "\ntest-all: test $(VENV)/docs.stamp\n" in MAKEFILE
    assert [line.partition(" -m ")[2].split()[:1] for line in lines("test") + lines("test-all")] == [
        [],
        ["campaign"],
    ]
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "exec make test-all"


def test_the_workflow_is_formatted() -> None:
    command = [Path(sys.executable).with_name("snakefmt"), "--check", "Snakefile", "workflow"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_snakemake_finds_nothing_to_improve_in_the_workflow() -> None:
    run = snakemake_in(ROOT, "--lint")
    assert run.returncode == 0, run.stdout + run.stderr
