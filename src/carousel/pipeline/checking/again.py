"""Checks of what is made from tables: made again, it is the same."""

import re
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from carousel.pipeline.checking.results import Finding, Results, all_of, kind
from carousel.pipeline.commands import tables as commands
from carousel.pipeline.machines.comparison import CLOSE, difference, finite
from carousel.pipeline.machines.matching import columns
from carousel.pipeline.workflow import gathered as jobs_of
from carousel.tables import parquet, schemas
from carousel.tables.files import StoreError

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
SHOWN = 5  # differences of a file; the rest is counted


class Made(NamedTuple):
    """What a command makes from tables."""

    command: Callable[[Namespace], None]
    reads: tuple[str, ...]  # tables, each the option of its name
    writes: Mapping[str, str]  # file by option


JUDGED = Made(
    commands.judge,
    ("decay", "accuracy", "dynamics", "calibration"),
    {
        "out": "claims.parquet",
        "csv": "claims.csv",
        "json": "claims.json",
        "evidence": "evidence.parquet",
        "agreement": "agreement.parquet",
    },
)
SUMMED = Made(commands.summarise, ("decay",), {"out": "summary.parquet", "routes": "routes.parquet"})
PUBLISHED = Made(
    commands.published, ("accuracy", "dynamics"), {"out": "published.parquet", "csv": "published.csv"}
)
EXPLORED = Made(
    commands.explore,
    ("decay", "accuracy", "summary", "routes"),
    {
        "explorer": "explorer.json",
        "advice": "advice.parquet",
        "half_lives": "half_lives.parquet",
        "learned": "learned.parquet",
    },
)


def gathered(results: Results) -> Iterator[Finding]:
    """How the gathered tables differ from those of the jobs put together again."""
    if results.study is None:
        raise StoreError("the text of the study is not there")
    yield from all_of(
        again(
            results, Made(commands.gather, (), {"out": f"{table}.parquet"}), tables=[*map(results.path, jobs)]
        )
        for table, jobs in jobs_of(results.study).items()
        if jobs
    )


def judged(results: Results) -> Iterator[Finding]:
    """How the verdicts differ from those that the tables give now."""
    if results.text is None:
        raise StoreError("the text of the study is not there")
    return again(results, JUDGED)


def derived(results: Results) -> Iterator[Finding]:
    """How what is summed up, advised and explored differs from what the tables give now."""
    return all_of(again(results, made) for made in (SUMMED, PUBLISHED, EXPLORED))


def again(results: Results, made: Made, **given: Any) -> Iterator[Finding]:
    """How the files of a command differ from those that it makes now, with `given` arguments beside its tables."""
    with tempfile.TemporaryDirectory(prefix="carousel-check-") as folder:
        out = {option: Path(folder, file) for option, file in made.writes.items()}
        made.command(
            Namespace(**{name: results.path(name) for name in made.reads}, study=results.text, **out, **given)
        )
        for file in made.writes.values():
            stored, new = results.folder / file, Path(folder, file)
            found = list(differences(stored, new)) if stored.is_file() else []
            yield from (Finding(file, said) for said in found[:SHOWN])
            if len(found) > SHOWN:
                yield Finding(file, f"and {len(found) - SHOWN} more differences from what is made again")


def differences(stored: Path, new: Path) -> Iterator[str]:
    """How a file differs from the one that is made again, a line each; rounding does not count."""
    if stored.read_bytes() == new.read_bytes():
        return iter(())
    return of_tables(stored, new) if stored.suffix == ".parquet" else of_texts(stored, new)


def of_texts(stored: Path, new: Path) -> Iterator[str]:
    """The lines that differ."""
    lines = (path.read_text("utf-8").splitlines() for path in (stored, new))
    for number, (old, made) in enumerate(zip_longest(*lines, fillvalue=""), 1):
        if old != made and not same_but_for_rounding(old, made):
            at = next(
                (k for k, (a, b) in enumerate(zip(old, made, strict=False)) if a != b),
                min(len(old), len(made)),
            )
            yield f"line {number} has {excerpt(old, at)!r}, made again {excerpt(made, at)!r}"


def excerpt(line: str, at: int) -> str:
    """What stands around a place of a line."""
    return line[max(at - 20, 0) : at + 40]


def same_but_for_rounding(old: str, new: str) -> bool:
    """Whether two lines have the same words, and numbers that are the same but for rounding."""
    if NUMBER.split(old) != NUMBER.split(new):
        return False
    one, other = (np.array(NUMBER.findall(line), float) for line in (old, new))
    return bool((moved(one, other) == 0).all())


def moved(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """By how much numbers differ; 0 for those that differ by rounding."""
    distance = difference(old, new)
    return np.where(distance <= CLOSE * np.maximum(1.0, np.abs(finite(old))), 0.0, distance)


def of_tables(stored: Path, new: Path) -> Iterator[str]:
    """The values that differ, and whether the provenance does."""
    parquet.verify(stored)
    if parquet.origin(stored) != parquet.origin(new):
        yield "its provenance is not that of the tables that it is made from"
    names = parquet.names(new)
    if parquet.names(stored) != names:
        raise StoreError(f"{stored}: its columns are others", stored)
    sizes = [next(columns(path, names[:1])) for path in (stored, new)]
    if len(sizes[0]) != len(sizes[1]):
        yield f"{len(sizes[0])} rows, made again {len(sizes[1])}"
        return
    pairs = zip(names, columns(stored, names), columns(new, names), strict=True)
    for name, old, made in pairs:
        for row in np.flatnonzero(unlike(old, made)):
            yield f"{which(new, int(row))}: {name} is {old[row].as_py()!r}, made again {made[row].as_py()!r}"


def unlike(old: pa.ChunkedArray, new: pa.ChunkedArray) -> np.ndarray:
    """Which entries of two columns differ; of numbers by more than rounding."""
    if pa.types.is_floating(new.type) and pa.types.is_floating(old.type):
        return moved(old.to_numpy(), new.to_numpy()) > 0
    return np.array([a != b for a, b in zip(old.to_pylist(), new.to_pylist(), strict=True)], bool)


def which(path: Path, row: int) -> str:
    """What tells a row from others, in a few words."""
    names = schemas.names(kind(path.stem), "index", "factor")
    values = (column[row].as_py() for column in columns(path, names))
    return ", ".join(str(value) for value in values if value is not None)
