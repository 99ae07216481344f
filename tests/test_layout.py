"""The arrows of the imports, and that the commands that the documents name are there."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from carousel.pipeline import fingerprint
from carousel.study import files

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "src" / "carousel").rglob("*.py"))
MODULES = {
    ".".join(file.relative_to(ROOT / "src").with_suffix("").parts).removesuffix(".__init__"): file
    for file in FILES
}

LAYERS = {  # a package, or a file beside them: what it may import of the others
    "cells": "axes",
    "tasks": "axes seeds",
    "inits": "axes seeds cells",
    "engine": "axes cells",
    "study": "axes seeds cells inits tasks engine",
    "tables": "",
    "analysis": "axes tables",
    "measures": "axes seeds cells inits tasks engine study tables analysis",
    "claims": "axes analysis tables",
    "report": "axes claims analysis tables",
    "diagnosis": "axes cells inits engine study tables measures analysis report",
    "pipeline": "*",
    "testing": "axes cells inits engine study",
    "api": "axes seeds cells inits tasks engine study measures",
    "problems": "engine study tasks",
    "__main__": "axes pipeline engine study tables tasks",
}
MEASURING = set("api cells inits tasks engine study measures diagnosis".split())
PARTS = sorted({name.split(".")[1] for name in MODULES if "." in name})


def part_of(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def imported(part: str) -> set[str]:
    inside = {name for name in MODULES if part_of(name) == part}
    return {part_of(found) for name in inside for found in fingerprint.imports(name)} - {part, ""}


def loaded_by(code: str) -> set[str]:
    """The top-level modules and those of the package that `code` loads in a fresh process."""
    code = f"{code}\nimport sys; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("part", PARTS)
def test_imports_point_one_way(part: str) -> None:
    allowed = LAYERS.get(part, "")
    assert allowed == "*" or imported(part) <= set(allowed.split())


def test_the_folders_are_the_architecture() -> None:
    top = [path for path in (ROOT / "src" / "carousel").iterdir() if path.name != "__pycache__"]
    assert {path.name for path in top if path.is_dir()} == LAYERS.keys() - {
        "api",
        "problems",
        "testing",
        "__main__",
    }
    assert len([path for path in top if path.suffix == ".py"]) <= 7


def test_no_module_imports_by_a_relative_path() -> None:
    nodes = [(file, node) for file in FILES for node in ast.walk(ast.parse(file.read_text()))]
    assert not [file for file, node in nodes if isinstance(node, ast.ImportFrom) and node.level]


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import carousel", {"numpy", "torch", "pandas"}),
        ("import carousel.cells", {"torch", "pandas"}),
        ("import carousel.study.jobs, carousel.study.files", {"torch", "pandas", "sklearn"}),
        (
            "import carousel.__main__",
            {
                "torch",
                "matplotlib",
                "seaborn",
                "scipy",
                "sklearn",
                "numba",
                "carousel.claims",
                "carousel.report",
            },
        ),
        (
            "import carousel.claims, carousel.report.figures.draw",
            {"torch", *(f"carousel.{part}" for part in MEASURING)},
        ),
    ],
)
def test_what_an_import_does_not_load(code: str, absent: set[str]) -> None:
    assert not loaded_by(code) & absent


def test_a_numpy_job_never_imports_torch(tmp_path: Path) -> None:
    options = (
        f"--study {files.find('smoke')} --backend numpy --cache {tmp_path}/cache --out {tmp_path}/out.parquet"
    )
    jobs = [
        f"decay --cell gru {options}",
        f"dynamics --cell lstm {options}",
        f"depth --cell lstm {options}",
        f"accuracy --cell rnn_tanh --task adding {options} --decay-out {tmp_path}/decay.parquet"
        f" --dynamics-out {tmp_path}/dynamics.parquet",
    ]
    begun = [f"assert main({job.split()!r}) == 0" for job in jobs]
    loaded = loaded_by("\n".join(["from carousel.__main__ import main", *begun]))
    assert "carousel.study.models" in loaded
    assert not loaded & {"torch", "carousel.claims", "carousel.report"}


def test_a_job_whose_loops_are_kept_never_imports_numba(tmp_path: Path) -> None:
    options = (
        f"--study {files.find('smoke')} --backend numpy --cache {tmp_path}/cache --out {tmp_path}/out.parquet"
    )
    job = f"decay --cell rnn_tanh {options}".split()
    code = "from carousel.engine.compiled import machine\nmachine.texts()"
    loaded_by(code)  # keeps them
    loaded = loaded_by(f"from carousel.__main__ import main\nassert main({job!r}) == 0")
    assert "carousel.engine.compiled.machine" in loaded
    assert not loaded & {"numba", "carousel.engine.compiled.loops"}


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "Snakefile", ".ci/run"])
def test_every_make_target_that_a_document_names_is_there(document: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`|    |exec )make ([a-z-]+)", (ROOT / document).read_text(), re.MULTILINE))
    assert named <= targets


def test_readme_s_own_files_links_and_options_are_there() -> None:
    text = (ROOT / "README.md").read_text()
    assert all((ROOT / link).exists() for link in re.findall(r"\]\(([^)#:]+)\)", text))
    studies = set(re.findall(r"(?:STUDY|study)=(\w+)(?![\w.])", text))
    assert "smoke" in studies
    assert studies <= {file.stem for file in (ROOT / "config").iterdir()}
    assert all(f"{name} ?=" in (ROOT / "Makefile").read_text() for name in re.findall(r"`([A-Z]+)=", text))


def test_the_locks_pin_every_dependency_exactly_and_without_hashes() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [line for lock in ("requirements.lock", "requirements-test.lock") for line in pins(lock)]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
    locked = {canonical(line.split("==")[0]) for line in lines}
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["study"], *extras["fast"], *extras["test"]]
    assert {canonical(re.split(r"[>=<]", name)[0]) for name in wanted} <= locked
    assert "torch==2.13.0" in lines


def pins(lock: str) -> list[str]:
    return [line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#")]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
