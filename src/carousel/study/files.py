"""The files of studies: where they are, what they say, and what the standard one says first."""

from functools import cache
from pathlib import Path

from pydantic import BaseModel, ValidationError

from carousel import project_folder
from carousel.study.errors import Loc, StudyError, allowed, explain, nearest, short, shown
from carousel.study.schema import Study
from carousel.study.slices import DecaySlice, DepthSlice, DynamicsSlice, SearchSlice, TrainingSlice
from carousel.study.values import NAME
from carousel.study.yaml_reader import text_of, values


def load(path: Path | str) -> Study:
    """The study at `path`. Raises StudyError."""
    path = Path(path)
    return _read(text_of(path), path)


@cache
def _read(text: str, path: Path) -> Study:
    """The study that is this text, which stands at `path`. Raises StudyError."""
    try:
        return Study.model_validate(values(text, path))
    except ValidationError as error:
        raise explain(f"{shown(path)}: ", error, _keys) from None


def _keys(loc: Loc) -> list[str]:
    parts: dict[int | str, type[BaseModel]] = {
        "decay": DecaySlice,
        "dynamics": DynamicsSlice,
        "depth": DepthSlice,
        "search": SearchSlice,
        "training": TrainingSlice,
    }
    return list((parts[loc[0]] if loc else Study).model_fields)


def find(study: str) -> Path:
    """The file of `study`: one of config/, or itself the path of a yaml file. Raises StudyError."""
    path = Path(study)
    if path.suffix in (".yaml", ".yml"):
        return _named(path)
    if study not in names():
        raise StudyError(
            f"study: found {short(study)}; {allowed(study, names())}; or the path of a yaml file"
        )
    return config_folder() / f"{study}.yaml"


def names() -> list[str]:
    """The names of the package's own studies."""
    return sorted(map(name, config_folder().glob("*.yaml")))


def _named(path: Path) -> Path:
    """`path`, if results can be named after its file and Snakemake takes it for a path. Raises StudyError."""
    if not NAME.fullmatch(name(path)):
        words = "the file's name names the results; allowed: letters, digits, _ and -, 64 at most"
        raise StudyError(f"{shown(path)}: {words}")
    if not str(path).isprintable() or set("{}") & set(str(path)):
        raise StudyError(f"{shown(path)}: allowed: a path without braces and control characters")
    try:
        there = path.is_file()
    except OSError as error:
        raise StudyError(f"{shown(path)}: cannot be read ({error.strerror})") from None
    if not there:
        raise StudyError(f"{shown(path)}: there is no such study file{nearest(path.name, _beside(path))}")
    return path


def _beside(path: Path) -> list[str]:
    """The other yaml files of the folder."""
    return sorted(file.name for file in path.parent.glob(f"*{path.suffix}"))


def name(path: Path | str) -> str:
    """The name of a study, and of its folder in results/: that of its file."""
    return Path(path).stem


def config_folder() -> Path:
    """Where the package's own studies are."""
    return project_folder() / "config"


@cache
def _standard() -> Study:
    return load(config_folder() / "standard.yaml")


def decay_defaults() -> DecaySlice:
    """The first decay slice of config/standard.yaml: what a caller of the Python API leaves unsaid."""
    return _standard().decay[0]


def dynamics_defaults() -> DynamicsSlice:
    """The first dynamics slice of config/standard.yaml: what a caller of the Python API leaves unsaid."""
    return _standard().dynamics[0]


def depth_defaults() -> DepthSlice:
    """The first depth slice of config/standard.yaml: what a caller of the Python API leaves unsaid."""
    return _standard().depth[0]


def training_defaults() -> TrainingSlice:
    """The first training slice of config/standard.yaml: what a caller of the Python API leaves unsaid."""
    return _standard().training[0]
