"""A folder of results as it is checked: its tables, where they say that they come from, and their study."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from carousel.pipeline.fingerprint import study_hash
from carousel.pipeline.validation import of_another_kind
from carousel.study.errors import StudyError
from carousel.study.files import config_folder, load
from carousel.study.schema import Study
from carousel.tables import parquet, runs
from carousel.tables.files import StoreError
from carousel.tables.machine_folders import FOLDER
from carousel.tables.provenance import malformed
from carousel.tables.schemas import MEASURED

STUDY = "study.yaml"
OTHERS = FOLDER, "stability"
"""Folders with tables of other machines and of other master seeds."""
UNCHECKED = "cache", "logs", "figures"


class Finding(NamedTuple):
    """What is wrong, in a line."""

    file: str  # inside the folder
    said: str


class Results(NamedTuple):
    """A folder of results. Its tables are called as their files, inside the folder and without suffix."""

    folder: Path
    damage: Mapping[str, str]  # why a table is not whole, or its provenance none; "" where both are
    origins: Mapping[str, Mapping[str, Any]]  # the provenances of those that are whole
    digest: str  # the hash of the study that most of them are of
    text: Path | None  # the file of the study of that hash; None where there is none
    study: Study | None  # what it says

    def path(self, name: str) -> Path:
        """The file of a table."""
        return self.folder / f"{name}.parquet"

    def table(self, name: str, *columns: str) -> pd.DataFrame:
        """A table, or some columns of it. Raises StoreError where it is not whole or not of its kind."""
        self.fit(name)
        return parquet.read(self.path(name), columns or None)

    def models(self, name: str, columns: Sequence[str]) -> pd.DataFrame:
        """A row per model of a table: the `columns` that tell models apart, and how many ``rows`` it has."""
        self.fit(name)
        found = runs.read(self.path(name), kind(name), columns)
        heads = found.heads.assign(rows=found.sizes).groupby([*columns], observed=True, dropna=False)
        return heads["rows"].sum().reset_index()

    def fit(self, name: str) -> None:
        """Raise StoreError where a table is not whole, or does not have the columns of its kind."""
        path = self.path(name)
        if wrong := self.damage.get(name, "") or of_another_kind(path, kind(name)):
            raise StoreError(f"{path}: {wrong}", path)

    def asked(self) -> tuple[Study, Path]:
        """The study and the folder of its text. Raises StoreError where that is nowhere."""
        if self.study is None or self.text is None:
            raise StoreError("the text of the study is not there")
        return self.study, self.text.parent

    def decided_by(self) -> tuple[Study, Path]:
        """What `asked` returns, of a study whose claims may be read. Raises StoreError where one is a program."""
        study, folder = self.asked()
        if programs := [each for each in study.claims if each.endswith(".py")]:
            raise StoreError(
                f"{self.text}: claims: {programs[0]} is a program; one that came with results is not run"
            )
        return study, folder

    def own(self) -> dict[str, Mapping[str, Any]]:
        """The provenances of the tables of this study on this machine."""
        return {name: origin for name, origin in self.origins.items() if top(name) not in OTHERS}


def opened(folder: Path) -> Results:
    """The results in `folder`. Raises StoreError where it has none."""
    names = sorted(found(folder)) if folder.is_dir() else []
    if not set(MEASURED) & {*names}:
        tables = ", ".join(f"{name}.parquet" for name in MEASURED)
        raise StoreError(
            f"{folder}: not a folder of results; allowed: one like results/standard, with {tables}"
        )
    paths = {name: folder / f"{name}.parquet" for name in names}
    damage = {name: parquet.damage(path) or malformed(parquet.origin(path)) for name, path in paths.items()}
    origins = {name: parquet.origin(path) for name, path in paths.items() if not damage[name]}
    hashes = Counter(str(each["study_hash"]) for each in origins.values() if "study_hash" in each)
    digest = hashes.most_common(1)[0][0] if hashes else ""
    text = text_of(folder, digest)
    return Results(folder, damage, origins, digest, text, load(text) if text else None)


def all_of(several: Iterable[Iterable[Finding]]) -> Iterator[Finding]:
    """All findings of several; raises the first StoreError of one when the others have been made."""
    errors = []
    for each in several:
        try:
            yield from each
        except StoreError as error:
            errors.append(error)
    if errors:
        raise errors[0]


def found(folder: Path) -> Iterator[str]:
    """The tables of a folder."""
    for path in folder.rglob("*.parquet"):
        name = path.relative_to(folder).as_posix().removesuffix(".parquet")
        if top(name) not in UNCHECKED and not path.name.startswith("."):
            yield name


def top(name: str) -> str:
    """The folder of a table inside the results; of a gathered table its name."""
    return name.partition("/")[0]


def kind(name: str) -> str:
    """The table whose columns a table has: "accuracy/numpy/adding/lstm.decay" is one of decay."""
    if top(name) == FOLDER:
        return Path(name).name
    known = {"stability": "claims", "search": "decay"} if "/" in name else {}
    return Path(name).suffix[1:] or known.get(top(name), top(name))


def text_of(folder: Path, digest: str) -> Path | None:
    """The file of the study of a hash: the one kept with the results, or one that comes with the package."""
    return next(
        (path for path in (folder / STUDY, *sorted(config_folder().glob("*.yaml"))) if says(path, digest)),
        None,
    )


def says(path: Path, digest: str) -> bool:
    """Whether a file is that of the study of a hash."""
    try:
        return study_hash(load(path)) == digest
    except StudyError:
        return False
