"""Where the files of claims that a study names are, and those of their seals."""

from collections.abc import Iterable
from pathlib import Path

from carousel.study.files import config_folder
from carousel.study.schema import STANDARD_CLAIMS


def paths(named: Iterable[str], folder: Path) -> list[Path]:
    """The files that a study in `folder` names: each beside it, or in the folder of the package's studies."""
    given = [Path(each) for each in named if each != STANDARD_CLAIMS]
    places = ((folder / each, config_folder() / each) for each in given)
    return [next((path for path in both if path.is_file()), both[0]) for both in places]


def seals_of(path: Path) -> Path:
    """Where the seals of a file of claims stand."""
    return path.with_name(f"{path.stem}.seals.json")
