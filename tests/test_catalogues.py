"""What catalogues and installers read: the same facts in each file, and one workflow behind both Snakefiles."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.checkouts import PARTS, ROOT, copied, snakemake_in

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
CODEMETA = json.loads((ROOT / "codemeta.json").read_text("utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PIXI = tomllib.loads((ROOT / "pixi.toml").read_text("utf-8"))
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


def facts(title: str, version: str, licence: str, authors: list[str], keywords: list[str]) -> dict[str, Any]:
    """What a description of software says of it."""
    return {"title": title, "version": version, "licence": licence, "authors": authors, "keywords": keywords}


def test_the_citation_the_metadata_and_the_package_agree() -> None:
    cited = facts(
        CITATION["title"],
        CITATION["version"],
        CITATION["license"],
        [author["name"] for author in CITATION["authors"]],
        CITATION["keywords"],
    )
    described = facts(
        CODEMETA["name"],
        CODEMETA["version"],
        CODEMETA["license"].removeprefix("https://spdx.org/licenses/"),
        [author["name"] for author in CODEMETA["author"]],
        CODEMETA["keywords"],
    )
    packaged = facts(
        CITATION["title"],
        PROJECT["version"],
        PROJECT["license"],
        [author["name"] for author in PROJECT["authors"]],
        PROJECT["keywords"],
    )
    assert cited == described == packaged
    assert CODEMETA["description"] == PROJECT["description"]
    assert CODEMETA["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    papers = {f"https://doi.org/{paper['doi']}": paper["title"] for paper in CITATION["references"]}
    assert papers == {paper["@id"]: paper["name"] for paper in CODEMETA["referencePublication"]}


def test_pixi_has_the_packages_and_channels_of_conda() -> None:
    conda = yaml.safe_load((ROOT / "environment.yml").read_text("utf-8"))
    listed = dict(each.split(" ", 1) for each in conda["dependencies"])
    assert PIXI["dependencies"] | PIXI["feature"]["test"]["dependencies"] == listed
    assert not PIXI["dependencies"].keys() & PIXI["feature"]["test"]["dependencies"].keys()
    assert PIXI["workspace"]["channels"] == [each for each in conda["channels"] if each != "nodefaults"]
    tests = {re.split("[>=]", each)[0] for each in PROJECT["optional-dependencies"]["test"]}
    assert PIXI["feature"]["test"]["dependencies"].keys() <= tests


def test_the_image_installs_the_lock_and_has_all_that_the_pipeline_needs() -> None:
    copies = [line.split()[1:] for line in DOCKERFILE.splitlines() if line.startswith("COPY ")]
    named = [name for *names, _ in copies for name in names]
    assert all((ROOT / name).exists() for name in named)
    assert {"requirements.lock", "pyproject.toml", *PARTS} <= set(named)
    assert "--requirement requirements.lock" in DOCKERFILE
    python = re.search(r"^FROM python:(\S+?)-", DOCKERFILE, re.MULTILINE)
    assert python and PROJECT["requires-python"] == f">={python[1]}"


def test_the_catalogue_of_workflows_finds_what_it_asks_for() -> None:
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text("utf-8"))["usage"]
    assert usage["software-stack-deployment"]["conda"]
    rules = "".join(path.read_text("utf-8") for path in (ROOT / "workflow/rules").iterdir())
    own = len(re.findall(r"^rule ", rules, re.MULTILINE))
    assert rules.count('"../../environment.yml"') == own > 10
    readme = (ROOT / "README.md").read_text("utf-8").lower()
    assert "snakemake" in readme and "workflow" in readme


def test_the_page_on_configuration_names_every_study_and_no_other() -> None:
    text = (ROOT / "config/README.md").read_text("utf-8")
    studies = {path.stem for path in (ROOT / "config").glob("*.yaml")}
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == studies
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links and all((ROOT / "config" / link).exists() for link in links)


@pytest.mark.slow
def test_both_snakefiles_plan_the_same_jobs(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    planned = []
    for file, target in (("Snakefile", "all"), ("workflow/Snakefile", "everything")):
        run = snakemake_in(folder, "-s", file, "--dry-run", "--quiet", "rules", "--config", "study=smoke")
        assert run.returncode == 0, run.stdout + run.stderr
        jobs = dict(re.findall(r"^(\w+) +(\d+)$", run.stdout + run.stderr, re.MULTILINE))
        assert jobs.pop(target) == "1"
        planned.append(jobs)
    assert planned[0] == planned[1]
    assert int(planned[0]["measure"]) > 10


def test_the_linter_of_snakemake_is_content_with_the_second_snakefile() -> None:
    run = snakemake_in(ROOT, "-s", "workflow/Snakefile", "--lint")
    assert run.returncode == 0, run.stdout + run.stderr
