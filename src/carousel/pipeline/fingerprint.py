"""Which source files a result rests on, read off the import statements, and hashes of files, studies and versions.

Snakemake does not see imported modules: the rules name these files as their inputs, and the cache of finished
batches keys on their content. Editing one cell's file so re-measures that cell, and the cells of its file, alone.
"""

import ast
import hashlib
import os
from collections.abc import Iterable, Iterator, Set
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from carousel import project_folder
from carousel.axes import BACKENDS
from carousel.cells import CELLS
from carousel.study.jobs import search_job
from carousel.study.schema import Study
from carousel.tables import schemas
from carousel.tables.provenance import content_hash
from carousel.tables.quantities import QUANTITIES

PACKAGE = Path(__file__).parents[1]
PROJECT = project_folder()

TABLES = frozenset(
    {
        "carousel",
        "carousel.cells",
        "carousel.engine.backends.table",
        "carousel.study.files",
        "carousel.study.jobs",
        "carousel.study.schema",
        "carousel.study.slices",
    }
)
"""Where the search stops: these modules name every cell, backend, setting and rule, and change no number. The cells and
backends of a job are added by name."""
WORDS = frozenset(f"carousel.tables.{name}" for name in ("columns", "derived", "quantities", "schemas"))
"""Where it stops for what measures: a word that describes a column is no reason to measure again. A fingerprint has the
columns' names and types beside the files, and a table of other columns is refused where it is read."""

MEASURING = {
    "decay": "carousel.measures.decay",
    "dynamics": "carousel.measures.dynamics",
    "depth": "carousel.measures.depth",
    "accuracy": "carousel.measures.training.climb",
}
"""The tables that are measured cell by cell on each backend, and the module that each begins with."""
STARTS = {
    **{table: (module,) for table, module in MEASURING.items()},
    "tuning": ("carousel.measures.training.tuning",),
    "search": ("carousel.measures.search",),
    "calibration": ("carousel.measures.calibration.calibrate",),
    "gather": ("carousel.tables.merge",),
    "summarise": ("carousel.analysis.routes", "carousel.analysis.summary"),
    "judge": (
        "carousel.claims",
        "carousel.claims.judge",
        "carousel.claims.agreement",
        "carousel.claims.export",
        "carousel.claims.seals",
        "carousel.claims.brought",
    ),
    "published": ("carousel.claims.published",),
    "explore": ("carousel.report.explorer", "carousel.report.recommendations"),
    "draw": ("carousel.report.figures.draw",),
    "diagnosed": ("carousel.diagnosis.diagnose",),
    "machines": ("carousel.pipeline.machines.other_machines",),
}
"""What is measured or made, and the modules that each begins with."""
MEASURED = {*MEASURING, "tuning", "search", "calibration"}
LIBRARIES = "numpy", "numba"
"""The packages that every measurement rests on, as far as they are installed."""


def files(made: str, backends: Iterable[str] = (), cells: Iterable[str] = ()) -> list[str]:
    """The files behind what is `made`, a key of STARTS, on these backends and of these cells.

    Paths are relative to the working directory.
    """
    classes = (BACKENDS[name].factory.partition(":")[0] for name in backends)
    maps = (CELLS[cell].forward.__module__ for cell in cells)
    stop = TABLES | WORDS if made in MEASURED else TABLES
    return _paths(closure(*STARTS[made], *classes, *maps, stop=stop))


def judging() -> list[str]:
    """The files behind the verdicts, beside the tables: their code, and the seals of the package's claims."""
    return [*files("judge"), *(os.path.relpath(path) for path in PACKAGE.glob("claims/seals.json"))]


def everything() -> list[str]:
    """All files of the package."""
    return sorted(os.path.relpath(path) for path in PACKAGE.rglob("*.py"))


def report() -> list[str]:
    """The files behind the page, beside the tables: its modules, all of report/, the record of other master seeds."""
    named = "benchmarks/stability.csv", "docs/published/published.csv", "docs/full/claims.csv"
    records = [PROJECT / name for name in named]
    shown = [*(PROJECT / "report").iterdir(), *records]
    text = sorted(os.path.relpath(path) for path in shown if path.is_file())
    modules = (f"carousel.report.page.{path.stem}" for path in PACKAGE.glob("report/page/[a-z]*.py"))
    return [*text, *_paths(closure(*modules))]


def fingerprint(table: str, backend: str, cell: str) -> str:
    """A hash of the code behind one job and of the versions of its libraries: for the keys of a cache."""
    return _with_versions(files(table, [backend], [cell]), BACKENDS[backend].package)


def search_fingerprint(cell: str) -> str:
    """A hash of the code behind the search of one cell and of the versions of its libraries."""
    packages = (backend.package for backend in BACKENDS.values())
    return _with_versions(files("search", BACKENDS, [cell]), *packages, "scipy")


def code(job: str, study: Study | None = None) -> str:
    """A hash of the files behind a job, which is called as its table ("accuracy/numpy/adding/lstm.decay").

    Only a search needs its `study`. "" where the package has no such job. No version of a package is in it, so that
    machines agree on it.
    """
    found = job_files(job, study)
    return _code(tuple(found)) if found else ""


def job_files(job: str, study: Study | None = None) -> list[str]:
    """The files behind a job that `code` takes; none where the package has no such job."""
    table, *names = job.split("/")
    if table == "search":
        return files(table, BACKENDS, search_job(study, names[0]).cells) if study else []
    if table == "tuning":
        return files(table, BACKENDS, names[-1:]) if names[-1:] and names[-1] in CELLS else []
    if not names or names[0] not in BACKENDS:
        return []
    if table == "calibration":
        return files(table, names[:1], CELLS)
    cell = names[-1].partition(".")[0]
    return files(table, names[:1], [cell]) if table in MEASURING and cell in CELLS else []


def study_hash(study: Study) -> str:
    """A hash of what a study measures; comments and layout of its file do not count, nor does what it decides."""
    return content_hash(study.model_dump(mode="json", exclude={"claims"}))


def sweep(study: Study) -> str:
    """A hash of what a study measures, whatever it is called and whatever it is measured on."""
    where = {"title", "backends", "device", "dtype"}

    def kept(value: Any) -> Any:
        if isinstance(value, list):
            return [kept(each) for each in value]
        return {k: kept(v) for k, v in value.items() if k not in where} if isinstance(value, dict) else value

    return content_hash(kept(study.model_dump(mode="json", exclude={"claims"})))


def files_hash(paths: Iterable[str]) -> str:
    """A hash of what stands in files."""
    text = "".join(Path(path).read_text(encoding="utf-8") for path in paths)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


_code = cache(files_hash)


def _with_versions(paths: Iterable[str], *packages: str) -> str:
    versions = {name: version(name) for name in (*LIBRARIES, *packages) if find_spec(name)}
    return content_hash({"code": files_hash(paths), "layout": layout(), "versions": versions})


def layout() -> Any:
    """The columns of the measured tables with their types, and what measures which quantity."""
    measured = {table: schemas.types(table) for table in schemas.MEASURED}
    return [measured, {each.name: each.kind for each in QUANTITIES}]


def closure(*modules: str, stop: Set[str] = TABLES) -> set[str]:
    """`modules` and all modules of the package that they import, directly or not, up to those in `stop`."""
    found: set[str] = set()
    todo = list(modules)
    while todo:
        module = todo.pop()
        if module not in found:
            found.add(module)
            todo += imports(module) - stop
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the package that `module` imports, at its top or in a function."""
    names: set[str] = set()
    for node in statements(ast.parse(_file(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if name.split(".")[0] == "carousel" and _file(name).exists())


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """All that stand in a module, those in a function too; expressions, nearly all of a tree, are left out."""
    for body in ("body", "orelse", "finalbody", "handlers", "cases"):
        found = getattr(node, body, ())
        for each in found if isinstance(found, list) else ():
            yield each
            yield from statements(each)


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _paths(modules: set[str]) -> list[str]:
    return sorted(os.path.relpath(_file(module)) for module in modules)
