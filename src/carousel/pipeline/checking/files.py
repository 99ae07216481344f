"""Checks of files: the tables of the study are there, whole, with their columns, and of one study."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from carousel.axes import BACKENDS
from carousel.pipeline.checking.results import STUDY, Finding, Results, kind, top
from carousel.pipeline.fingerprint import study_hash
from carousel.pipeline.validation import JOBS
from carousel.pipeline.workflow import gathered
from carousel.study.errors import StudyError
from carousel.study.files import load
from carousel.tables import parquet
from carousel.tables.layout import misfit
from carousel.tables.provenance import merge
from carousel.tables.schemas import TABLES

WITHOUT_STUDY = "calibration", "timings"
"""Tables that no study is behind."""
OPTIONAL = "tuning", "stability", "comparison"
"""Tables that a study may lack."""
TEXTS = "claims.csv", "claims.json", "published.csv"


def present(results: Results) -> Iterator[Finding]:
    """The tables and texts that are not there, and the tables that no study has."""
    jobs = gathered(results.study) if results.study else {}
    wanted = [name for name in TABLES if name not in OPTIONAL or jobs.get(name)]
    wanted += [name for names in jobs.values() for name in names]
    yield from (Finding(f"{name}.parquet", "is missing") for name in wanted if name not in results.damage)
    yield from (Finding(name, "is missing") for name in TEXTS if not (results.folder / name).is_file())
    for name in results.damage:
        if kind(name) not in TABLES:
            yield Finding(f"{name}.parquet", "no table of a study is called so")


def whole(results: Results) -> Iterator[Finding]:
    """The tables that are not as they were written."""
    return (Finding(f"{name}.parquet", reason) for name, reason in results.damage.items() if reason)


def columns(results: Results) -> Iterator[Finding]:
    """The tables whose columns are not those of their kind."""
    for name in results.origins:
        if kind(name) in TABLES and (
            wrong := misfit(parquet.schema(results.path(name)), kind(name), BACKENDS)
        ):
            yield Finding(f"{name}.parquet", f"not a table of {kind(name)}, {wrong}")


def study(results: Results) -> Iterator[Finding]:
    """That the text of the study is there, and is that of the tables."""
    path = results.folder / STUDY
    if path.is_file():
        try:
            digest = study_hash(load(path))
        except StudyError as error:
            yield Finding(STUDY, str(error))
        else:
            if digest != results.digest:
                yield Finding(STUDY, f"another study ({digest}) than that of the tables ({results.digest})")
    elif results.study is None:
        yield Finding(
            STUDY, f"is missing, and no study of the package has the tables' hash, {results.digest}"
        )


def provenance(results: Results) -> Iterator[Finding]:
    """The tables that say of themselves that they are of another job, study, seed or path than they should be."""
    for name, origin in results.own().items():
        yield from (Finding(f"{name}.parquet", said) for said in mismatches(results, name, origin))
    if results.study:
        for table, jobs in gathered(results.study).items():
            yield from other_jobs(results, table, jobs)


def mismatches(results: Results, name: str, origin: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with where one table comes from."""
    jobs = origin.get("jobs", {})
    if "/" in name and top(name) in JOBS and [*jobs] != [name]:
        yield f"the table of {', '.join(jobs) or 'no job that it names'}"
    if kind(name) in WITHOUT_STUDY:
        return
    if origin.get("study_hash") != results.digest:
        other = f"{origin.get('study', 'it does not say which')}, {origin.get('study_hash', 'no hash')}"
        yield f"measured for another study ({other}) than most tables here ({results.digest})"
    elif results.study and origin.get("seed") != results.study.seed:
        yield f"measured with master seed {origin.get('seed')}; that of the study is {results.study.seed}"
    if (exact := origin.get("exact")) != (usual := results.origins.get("decay", origin).get("exact")):
        yield f"measured with exact={exact}, decay.parquet with exact={usual}"


def other_jobs(results: Results, table: str, jobs: Iterable[str]) -> Iterator[Finding]:
    """Whether a gathered table is of other jobs, or of jobs by other code, than the tables of jobs say."""
    here = [results.origins[job] for job in jobs if job in results.origins]
    if table not in results.origins or not here:
        return
    said, wanted = results.origins[table].get("jobs", {}), merge(here).get("jobs", {})
    if odd := sorted({job for job, _ in {*said.items()} ^ {*wanted.items()}}):
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        yield Finding(
            f"{table}.parquet", f"not gathered from the tables of jobs that are here: {odd[0]}{more}"
        )
