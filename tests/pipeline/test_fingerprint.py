"""The files behind a job, their hash, and that of a study."""

import ast
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from carousel.axes import BACKENDS
from carousel.cells import CELLS
from carousel.pipeline import fingerprint
from carousel.pipeline.commands.batches import Models, key
from carousel.pipeline.fingerprint import code, study_hash
from carousel.study.files import decay_defaults, find, load
from carousel.study.models import settings_of
from carousel.study.schema import vary
from carousel.tables.cache import kept_at

PACKAGE = Path(fingerprint.__file__).parents[1]
SMOKE = find("smoke")


def family(cell: str) -> str:
    """The name of the file that a cell is in."""
    return f"{CELLS[cell].forward.__module__.rpartition('.')[2]}.py"


def behind(*arguments: object) -> set[Path]:
    return {Path(path).resolve() for path in fingerprint.files(*arguments)}


@pytest.mark.parametrize("table", fingerprint.MEASURING)
@pytest.mark.parametrize("cell", CELLS)
def test_a_job_rests_on_its_own_cell_and_backend_alone(table: str, cell: str) -> None:
    files = behind(table, ["numpy"], [cell])
    assert {file.name for file in files if file.parent == PACKAGE / "cells"} == {family(cell), "cell.py"}
    assert PACKAGE / "engine" / "recurrence.py" in files
    assert PACKAGE / "engine" / "backends" / "numpy.py" in files
    assert PACKAGE / "engine" / "backends" / "torch.py" not in files
    assert (PACKAGE / "measures" / "training" / "train.py" in files) == (table == "accuracy")


def test_a_search_rests_on_its_cells_and_on_all_backends() -> None:
    files = behind("search", BACKENDS, ["gru", "rnn_tanh"])
    assert {PACKAGE / "engine" / "backends" / f"{name}.py" for name in BACKENDS} <= files
    cells = {file.name for file in files if file.parent == PACKAGE / "cells"}
    assert cells == {"cell.py", "gru.py", "rnn.py"}
    assert PACKAGE / "measures" / "decay.py" in files
    assert PACKAGE / "measures" / "search.py" in files
    fingerprints = {fingerprint.search_fingerprint(cell) for cell in CELLS}
    assert len(fingerprints) == len(set(map(family, CELLS)))


def test_the_fingerprint_follows_the_cell_s_file(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {cell: fingerprint.fingerprint("decay", "numpy", cell) for cell in CELLS}
    read, edited = Path.read_text, PACKAGE / "cells" / "gru.py"

    def edit(path: Path, **options: str) -> str:
        return read(path, **options) + "# edited" * (path.resolve() == edited)

    monkeypatch.setattr(Path, "read_text", edit)
    changed = {cell for cell in CELLS if fingerprint.fingerprint("decay", "numpy", cell) != before[cell]}
    assert changed == {cell for cell in CELLS if family(cell) == "gru.py"}


@pytest.mark.parametrize("package", ["numpy", "torch", "numba"])
def test_the_fingerprint_follows_the_versions_of_its_libraries(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint.fingerprint("decay", "torch", "gru"), fingerprint.search_fingerprint("gru")
    monkeypatch.setattr(fingerprint, "find_spec", lambda name: True)
    monkeypatch.setattr(fingerprint, "version", lambda name: version(name) + "x" * (name == package))
    after = fingerprint.fingerprint("decay", "torch", "gru"), fingerprint.search_fingerprint("gru")
    assert all(old != new for old, new in zip(before, after, strict=True))


JOBS = {  # a job: its table, backends and cells, and its command
    "decay": (["numpy"], ["gru"], "--cell gru --backend numpy"),
    "dynamics": (["numpy"], ["lstm"], "--cell lstm --backend numpy"),
    "depth": (["torch"], ["lstm"], "--cell lstm --backend torch"),
    "accuracy": (
        ["torch"],
        ["rnn_tanh"],
        "--cell rnn_tanh --backend torch --task adding --decay-out {0}/d.parquet --dynamics-out {0}/e.parquet",
    ),
}
ASIDE = ("carousel.__main__", "carousel.pipeline", "carousel.tables")
"""What runs a job, reads its study and keeps its table: loaded by every job, and changes no number."""


@pytest.mark.slow
@pytest.mark.parametrize("table", JOBS)
def test_whatever_a_job_loads_is_behind_it(table: str, tmp_path: Path) -> None:
    """Run for real: a module that an import inside a function loads is found as well."""
    backends, cells, command = JOBS[table]
    study = tmp_path / "tiny.yaml"
    study.write_text(yaml.safe_dump(tiny()))
    paths = f"--study {study} --cache {tmp_path}/cache --out {tmp_path}/out.parquet"
    loaded = loaded_by(f"{table} {command.format(tmp_path)} {paths}".split())
    files = behind(table, backends, cells)
    others = {name for name in loaded if file(name) not in files and not name.startswith(ASIDE)}
    assert len(loaded) > 50
    assert others - fingerprint.TABLES - named_by_tables() == set()


def tiny() -> dict:
    """The smoke study with one short length."""
    study = yaml.safe_load(SMOKE.read_text())
    study["decay"] = [part | {"lengths": [5], "repetitions": 1, "checked": 1} for part in study["decay"]]
    study["dynamics"] = [
        part | {"lengths": [50], "repetitions": 1, "checked": 1} for part in study["dynamics"]
    ]
    study["training"] = [part | {"repetitions": 1, "checked": 1} for part in study["training"]]
    return study


def loaded_by(command: list[str]) -> set[str]:
    """The modules of the package with code of their own that are loaded when a command has run in a new process."""
    code = (
        f"from carousel.__main__ import main\nassert main({command!r}) == 0\nimport sys; print(*sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    names = (name for name in run.stdout.splitlines()[-1].split() if name.partition(".")[0] == "carousel")
    return {name for name in names if len(ast.parse(file(name).read_text()).body) > 1}


def named_by_tables() -> set[str]:
    """What the tables of cells and of settings name: other cells, and what a study's values may be."""
    tasks = {name for name in fingerprint.closure("carousel.tasks") if name.startswith("carousel.tasks")}
    checks = {f"carousel.study.{name}" for name in ("errors", "values", "yaml_reader")}
    return tasks | checks | fingerprint.imports("carousel.cells")


def file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def test_the_code_behind_a_job_is_that_of_its_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PACKAGE.parents[1])
    smoke = load(SMOKE)
    jobs = [
        "decay/numpy/lstm",
        "decay/numpy/gru",
        "decay/torch/lstm",
        "dynamics/numpy/lstm",
        "calibration/numpy",
        "accuracy/numpy/adding/lstm",
        "tuning/adding/lstm",
        f"search/{smoke.search[0].slice}",
    ]
    assert len({code(job, smoke) for job in jobs}) == len(jobs)
    assert code("accuracy/numpy/adding/lstm.decay") == code("accuracy/numpy/adding/lstm")
    assert code("decay/numpy/no_cell") == code("decay/no_backend/lstm") == code("no_table/numpy/lstm") == ""


def test_the_hash_of_a_study_follows_its_content_alone(tmp_path: Path) -> None:
    path, content = tmp_path / "mine.yaml", yaml.safe_load(SMOKE.read_text())
    path.write_text("# a comment\n" + yaml.safe_dump(content))
    assert study_hash(load(path)) == study_hash(load(SMOKE))
    path.write_text(yaml.safe_dump(content | {"seed": content["seed"] + 1}))
    assert study_hash(load(path)) != study_hash(load(SMOKE))


def test_a_finished_batch_is_kept_under_all_that_its_rows_depend_on_and_nothing_else() -> None:
    part = vary(decay_defaults(), cells=["lstm"], lengths=[6])
    backend = {"name": "numpy", "device": "cpu", "dtype": "float64", "exact": False}
    usual = {"code": "abc", "seed": 1, "backend": backend, "slice": part, "lengths": [6]}

    def kept(**changes: Any) -> str:
        given = usual | changes
        settings = settings_of(vary(part, lengths=given["lengths"]), "lstm", "numpy")
        models = Models(SimpleNamespace(**given["backend"]), settings, given["slice"])
        return str(kept_at(Path("cache"), key(given["code"], given["seed"], models)))

    others: list[dict[str, Any]] = [
        {"code": "abd"},
        {"seed": 2},
        {"lengths": [7]},
        {"slice": vary(part, batch=9)},
    ]
    for name, value in (("name", "torch"), ("device", "cuda"), ("dtype", "float32"), ("exact", True)):
        others.append({"backend": backend | {name: value}})
    assert len({kept(), *(kept(**change) for change in others)}) == 1 + len(others)
    assert kept(slice=vary(part, cells=["gru", "lstm"], backends=["torch"], repetitions=99)) == kept()
