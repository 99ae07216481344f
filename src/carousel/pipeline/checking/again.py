"""Checks of what is made from tables: made again, it is the same."""

import re
import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping
from itertools import islice, zip_longest
from os.path import commonprefix
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from carousel.claims import export
from carousel.pipeline.checking.results import Finding, Results, all_of, kind
from carousel.pipeline.commands import tables as commands
from carousel.pipeline.machines.comparison import CLOSE, difference, finite
from carousel.pipeline.machines.matching import columns
from carousel.pipeline.workflow import gathered as jobs_of
from carousel.tables import parquet, schemas
from carousel.tables.files import StoreError
from carousel.tables.provenance import brief

NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
EXPORTS = "claims.csv", "claims.json"
"""Texts that say what the table of claims says; `exported` holds them against it, not against one made again."""
WHEN = "sealed", "seal_commit", "seal_date"
"""Columns that say when a rule was fixed: who checks may lack the history of the code, or have a later seal."""
SHOWN = 5  # differences of a file


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
    study, _ = results.asked()
    yield from all_of(
        again(
            results, Made(commands.gather, (), {"out": f"{table}.parquet"}), tables=[*map(results.path, jobs)]
        )
        for table, jobs in jobs_of(study).items()
        if jobs
    )


def judged(results: Results) -> Iterator[Finding]:
    """How the verdicts differ from those that the tables give now."""
    results.decided_by()
    return again(results, JUDGED)


def exported(results: Results) -> Iterator[Finding]:
    """How the texts of the verdicts differ from their table."""
    table, origin = results.table("claims"), parquet.provenance(results.path("claims"))
    texts = table.to_csv(index=False), export.text(table, brief(origin))
    for file, text in zip(EXPORTS, texts, strict=True):
        if (results.folder / file).is_file():
            found = unlike_lines((results.folder / file).read_text("utf-8"), text)
            yield from shown(file, found)


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
        for file in (file for file in made.writes.values() if file not in EXPORTS):
            stored, new = results.folder / file, Path(folder, file)
            yield from shown(file, differences(stored, new) if stored.is_file() else iter(()))


def shown(file: str, differences: Iterator[str]) -> Iterator[Finding]:
    """The first differences of a file, and whether there are more."""
    yield from (Finding(file, said) for said in islice(differences, SHOWN))
    if next(differences, None):
        yield Finding(file, "and more differences from what is made again")


def differences(stored: Path, new: Path) -> Iterator[str]:
    """How a file differs from the one that is made again, a line each; rounding does not count."""
    if stored.read_bytes() == new.read_bytes():
        return iter(())
    return of_tables(stored, new) if stored.suffix == ".parquet" else of_texts(stored, new)


def of_texts(stored: Path, new: Path) -> Iterator[str]:
    """The lines that differ by more than rounding."""
    old, made = (path.read_text("utf-8") for path in (stored, new))
    return unlike_lines(old, made, same_but_for_rounding)


def unlike_lines(old: str, new: str, same: Callable[[str, str], bool] = str.__eq__) -> Iterator[str]:
    """The lines of two texts that are not the same."""
    for number, (one, other) in enumerate(zip_longest(old.splitlines(), new.splitlines(), fillvalue=""), 1):
        if not same(one, other):
            yield f"line {number} has {contrast(one, other)}"


def contrast(old: object, new: object) -> str:
    """Two values that differ, in words; of texts what stands around the place where they begin to."""
    if isinstance(old, str) and isinstance(new, str):
        at = len(commonprefix([old, new]))
        old, new = (text[max(at - 20, 0) : at + 40] for text in (old, new))
    return f"{old!r}, made again {new!r}"


def same_but_for_rounding(old: str, new: str) -> bool:
    """Whether two lines have the same words, and numbers that are the same but for rounding."""
    if old == new or NUMBER.split(old) != NUMBER.split(new):
        return old == new
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
    names = [name for name in parquet.names(new) if name not in WHEN]
    if parquet.names(stored) != parquet.names(new):
        raise StoreError(f"{stored}: its columns are others", stored)
    sizes = [next(columns(path, names[:1])) for path in (stored, new)]
    if len(sizes[0]) != len(sizes[1]):
        yield f"{len(sizes[0])} rows, made again {len(sizes[1])}"
        return
    pairs = zip(names, columns(stored, names), columns(new, names), strict=True)
    for name, old, made in pairs:
        for row in np.flatnonzero(unlike(old, made)):
            yield f"{which(new, int(row))}: {name} is {contrast(old[row].as_py(), made[row].as_py())}"


def unlike(old: pa.ChunkedArray, new: pa.ChunkedArray) -> np.ndarray:
    """Which entries of two columns differ; of numbers by more than rounding."""
    if pa.types.is_floating(new.type):
        return moved(old.cast(pa.float64()).to_numpy(), new.to_numpy()) > 0
    one, other = (column.cast(pa.string()) for column in (old, new))
    same = pc.or_kleene(pc.equal(one, other), pc.and_(pc.is_null(one), pc.is_null(other)))
    return ~pc.fill_null(same, False).to_numpy()


def which(path: Path, row: int) -> str:
    """What tells a row from others, in a few words."""
    names = schemas.names(kind(path.stem), "index", "factor")
    values = (column[row].as_py() for column in columns(path, names))
    return ", ".join(str(value) for value in values if value is not None)
