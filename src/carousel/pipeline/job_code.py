"""The jobs behind a table, named as their tables are ("accuracy/numpy/adding/lstm.decay"), and the code behind them."""

import hashlib
from functools import cache
from pathlib import Path

from carousel.cells import CELLS
from carousel.pipeline import fingerprint
from carousel.study.schema import Study, search_job


def code(job: str, study: Study | None = None) -> str:
    """A hash of the source files behind a job; only a search needs its study. "" where the package has no such job.

    No version of a package is in it, so that machines agree on it.
    """
    verb, *rest = job.split("/")
    if verb == "search" and study is not None:
        return _hash(tuple(fingerprint.searching(search_job(study, rest[0]).cells)))
    if verb == "calibration":
        return _hash(tuple(fingerprint.calibrating(rest[0])))
    cell = rest[-1].partition(".")[0] if rest else ""
    known = verb in fingerprint.JOBS and cell in CELLS
    return _hash(tuple(fingerprint.measuring(verb, rest[0], cell))) if known else ""


@cache
def _hash(files: tuple[str, ...]) -> str:
    return hashlib.sha256("".join(map(_text, files)).encode()).hexdigest()[:16]


@cache
def _text(file: str) -> str:
    return Path(file).read_text(encoding="utf-8")
