"""Which source files a result rests on, read off the import statements.

Snakemake does not see imported modules: the rules name these files as their inputs, and the cache of finished
blocks keys on their content. Editing one cell's file so re-measures that cell, and the cells of its file, alone.
"""

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Set
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from carousel.axes import BACKENDS
from carousel.cells import CELLS
from carousel.tables import schemas
from carousel.tables.quantities import QUANTITIES

PACKAGE = Path(__file__).parents[1]

TABLES = frozenset(
    {
        "carousel",
        "carousel.cells",
        "carousel.engine.backends.table",
        "carousel.study.schema",
    }
)
"""Where the search stops: these modules name every cell, backend, setting and rule, and change no number. The one cell
and the one backend of a job are added by name."""
WORDS = frozenset(f"carousel.tables.{name}" for name in ("columns", "derived", "quantities", "schemas"))
"""Where it stops for what measures: a word that describes a column is no reason to measure again. A fingerprint has the
columns' names and types beside the files, and a table of other columns is refused where it is read."""


JOBS = {
    "decay": "carousel.measures.decay",
    "dynamics": "carousel.measures.dynamics",
    "accuracy": "carousel.measures.training.train",
}
"""The verbs that measure one cell on one backend, and the module that each begins with."""


def measuring(verb: str, backend: str, cell: str) -> list[str]:
    """The files behind one job; `verb` is a key of JOBS. Paths are relative to the working directory."""
    own = JOBS[verb], f"carousel.engine.backends.{backend}", CELLS[cell].forward.__module__
    return _paths(closure(*own, stop=TABLES | WORDS))


def searching(cells: Iterable[str]) -> list[str]:
    """The files behind a search over `cells`, which both backends have a part in."""
    own = (CELLS[cell].forward.__module__ for cell in cells)
    backends = (f"carousel.engine.backends.{name}" for name in BACKENDS)
    return _paths(closure("carousel.measures.search", *backends, *own, stop=TABLES | WORDS))


def calibrating(backend: str) -> list[str]:
    """The files behind the calibration of one backend: of all cells, for it plants what it likes."""
    cells = {cell.forward.__module__ for cell in CELLS.values()}
    own = "carousel.measures.calibration.calibrate", f"carousel.engine.backends.{backend}"
    return _paths(closure(*own, *cells, stop=TABLES | WORDS))


def gathering() -> list[str]:
    """The files behind the gathered tables."""
    return _paths(closure("carousel.tables.merge"))


def claims() -> list[str]:
    """The files behind the verdicts."""
    return _paths(
        closure(
            "carousel.claims", "carousel.claims.judge", "carousel.claims.agreement", "carousel.claims.export"
        )
    )


def summary() -> list[str]:
    """The files behind the decay summaries."""
    return _paths(closure("carousel.analysis.summary"))


def exploring() -> list[str]:
    """The files behind the explorer and the advice."""
    return _paths(closure("carousel.report.explorer", "carousel.report.recommendations"))


def figures() -> list[str]:
    """The files behind the figures."""
    return _paths(closure("carousel.report.figures.draw"))


def elsewhere() -> list[str]:
    """The files behind the comparison with other machines."""
    return _paths(closure("carousel.pipeline.machines.other_machines"))


def everything() -> list[str]:
    """All files of the package."""
    return sorted(os.path.relpath(path) for path in PACKAGE.rglob("*.py"))


def report() -> list[str]:
    """The files behind the page, beside the tables: its modules, and all of report/."""
    text = sorted(str(path) for path in Path("report").iterdir() if path.is_file())
    modules = (f"carousel.report.page.{path.stem}" for path in PACKAGE.glob("report/page/[a-z]*.py"))
    return [*text, *_paths(closure(*modules))]


def fingerprint(verb: str, backend: str, cell: str) -> str:
    """A hash of the code behind one job and of the versions of NumPy and its backend: for the keys of a cache."""
    return digest(measuring(verb, backend, cell), "numpy", backend)


def search_fingerprint(cell: str) -> str:
    """The same for the search of one cell."""
    return digest(searching([cell]), *BACKENDS, "scipy")


def digest(paths: Iterable[str], *packages: str) -> str:
    """A hash of what stands in files, of the layout of the tables, and of the versions of packages."""
    text = "".join(Path(path).read_text(encoding="utf-8") for path in paths) + layout()
    versions = {name: version(name) for name in (*packages, "numba") if find_spec(name)}
    return hashlib.sha256(f"{text}{sorted(versions.items())}".encode()).hexdigest()[:16]


def layout() -> str:
    """The columns of the measured tables with their types, and what measures which quantity, as a text."""
    measured = {table: schemas.types(table) for table in schemas.MEASURED}
    return json.dumps([measured, {each.name: each.kind for each in QUANTITIES}])


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
    """The modules of the package that `module` imports, at its top or later."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(_file(module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if name.split(".")[0] == "carousel" and _file(name).exists())


def _file(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _paths(modules: set[str]) -> list[str]:
    return sorted(os.path.relpath(_file(module)) for module in modules)
