"""What a command is given to read: each table is whole, has its columns, and is of the present study and code.

The Snakefile passes to its jobs which study runs (rebuild.CONFIG). A command that a person calls checks all but that.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from carousel.axes import BACKENDS
from carousel.pipeline.fingerprint import code, study_hash
from carousel.pipeline.rebuild import place, running
from carousel.study.files import load
from carousel.study.schema import Study
from carousel.tables.files import StoreError
from carousel.tables.layout import misfit
from carousel.tables.machine_folders import FOLDER
from carousel.tables.parquet import damage, names, origin, read, schema
from carousel.tables.provenance import malformed
from carousel.tables.runs import Runs, read as read_runs
from carousel.tables.schemas import TABLES

JOBS = {"decay", "dynamics", "depth", "accuracy", "tuning", "search", "calibration"}
"""Folders of a study for the tables of its jobs, each of one job, which is called as its table."""
OTHERS = FOLDER, "stability"
"""Folders of a study for tables of other machines and other seeds; the commands that put them there check them."""


class Now(NamedTuple):
    """The study that runs: its folder in results/, hash, content, and whether it takes the plain path."""

    name: str
    digest: str
    study: Study
    exact: bool


def table(path: Path, kind: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The table at `path`, checked. Raises StoreError."""
    check([path], kind)
    return read(path, columns)


def runs(path: Path, kind: str, columns: Sequence[str] | None = None) -> Runs:
    """The table at `path`, checked, in little memory. Raises StoreError."""
    check([path], kind)
    return read_runs(path, kind, columns)


def check(paths: Iterable[Path], kind: str = "") -> list[dict[str, Any]]:
    """The provenances of tables, checked. Raises StoreError, one line for all those that must not be read."""
    paths = list(paths)
    if wrong := {path: reason for path in paths if (reason := fault(path, kind))}:
        first, *others = wrong
        more = f" (and {len(others)} more such tables)" if others else ""
        raise StoreError(f"{first}: {wrong[first]}{more}", *wrong)
    odd = [path for path in paths if kind and names(path) != names(paths[0])]
    if odd:
        raise StoreError(f"{odd[0]}: its columns are not those of {paths[0]}", paths[0], odd[0])
    return [origin(path) for path in paths]


def fault(path: Path, kind: str = "") -> str:
    """Why a table must not be read as one of its `kind`; nothing for one that may."""
    wrong = damage(path) or of_another_kind(path, kind)
    return wrong or malformed(origin(path)) or mismatch(path, origin(path))


def of_another_kind(path: Path, kind: str) -> str:
    """What a table has that those of its `kind` have not, or lacks; nothing where it is one, or of no known kind."""
    wrong = misfit(schema(path), kind, BACKENDS) if kind in TABLES else ""
    return f"not a table of {kind}, {wrong}" if wrong else ""


def mismatch(path: Path, origin: Mapping[str, Any]) -> str:
    """Where a table's provenance is not that of its job, study and code now; nothing where it is."""
    study, inside = place(path) or ("", "")
    jobs = origin.get("jobs", {})
    folder = inside.rpartition("/")[0].partition("/")[0]
    if folder in OTHERS:
        return ""
    if folder in JOBS and [*jobs] != [inside.removesuffix(".parquet")]:
        return f"the table of {', '.join(jobs) or 'no job that it names'}"
    now = current(**running())
    if now is None or now.name != study:
        return ""
    if origin.get("study_hash", now.digest) != now.digest:
        other = f"{origin.get('study')}, {origin['study_hash']}"
        return f"measured for another study ({other}) than {now.name} as it is now ({now.digest})"
    if origin.get("exact", now.exact) != now.exact:
        return f"measured with exact={str(origin['exact']).lower()}"
    changed = [job for job, made in jobs.items() if made != code(job, now.study)]
    return f"measured by other code than that of now ({changed[0]})" if changed else ""


@cache
def current(study: str = "", exact: str = "false") -> Now | None:
    """The study of the run around this process; None outside a run."""
    if not study:
        return None
    content = load(study)
    return Now(Path(study).stem, study_hash(content), content, exact == "true")
