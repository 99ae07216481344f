"""A study: what is to be measured, read from yaml and checked before anything starts.

Every key is required and no other is allowed, so a study says all it does and a small study inherits nothing.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from carousel.study.errors import Loc, StudyError, allowed, explain, nearest, short, shown
from carousel.study.values import (
    DTYPES,
    NAME,
    Backend,
    Bounds,
    Cells,
    Count,
    DecayDtype,
    Device,
    Dtype,
    ForgetBias,
    Gradient,
    Index,
    Init,
    Inits,
    Label,
    Many,
    Measure,
    Objective,
    Positive,
    Scale,
    SearchLabel,
    Snapshot,
    Task,
    Title,
    Width,
    distinct,
    listed,
)
from carousel.study.yaml_reader import text_of, values
from carousel.tasks import TASKS

T = TypeVar("T")
MOST_POINTS = 100_000  # of a search
MOST_NUMBERS = 2**36  # of a model's states, which are kept for the way back: half a terabyte in float64


class _Checked(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class _Sweep(_Checked):
    """The keys that every slice has; the comments of config/standard.yaml explain them."""

    slice: Label
    backends: Many[Backend]
    device: Device
    dtype: Dtype
    cells: Cells
    inits: Inits
    gains: Many[float]
    forget_biases: Many[ForgetBias]
    hidden: Many[Width]
    repetitions: Count
    batch: Count


def _states_fit(longest: T, info: ValidationInfo) -> T:
    """That the states of one model, [steps, hidden, batch], could be held by some machine."""
    sizes = [info.data.get("hidden", 1), longest, info.data.get("batch", 1)]
    hidden, length, batch = (max(size) if isinstance(size, tuple) else size for size in sizes)
    if hidden * length * batch > MOST_NUMBERS:
        most = MOST_NUMBERS // (hidden * batch)
        raise ValueError(f"allowed with hidden {hidden} and batch {batch}: at most {most}")
    return longest


class _Driven(_Sweep):
    """The keys of a slice whose networks are driven by noise."""

    lengths: Many[Count]
    biases: Many[float]
    input_size: Width
    input_scale: Scale
    state_scale: Scale

    _fits = field_validator("lengths")(_states_fit)


class DecaySlice(_Driven):
    """One product of lists to measure the decay over."""

    dtype: DecayDtype
    measures: Many[Measure]
    lags_per_octave: Index

    @field_validator("dtype")
    @classmethod
    def _numbers_of_the_backends(cls, dtype: str, info: ValidationInfo) -> str:
        if dtype not in DTYPES and "numpy" in info.data.get("backends", ()):
            raise ValueError(f"allowed on numpy: {', '.join(DTYPES)}")
        return dtype

    @field_validator("measures")
    @classmethod
    def _gradients_of_short_numbers(cls, measures: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("dtype", DTYPES[0]) not in DTYPES and measures != ("gradient",):
            raise ValueError(f"allowed in {info.data['dtype']}: [gradient]")
        return measures


class DynamicsSlice(_Driven):
    """One product of lists to measure exponents, gates and factors over."""

    warm_up: Index
    exponents: Count


class SearchSlice(_Checked):
    """One space to search for a counterexample; not a product of lists. Both backends measure every point."""

    backends: ClassVar[tuple[str, ...]] = ("numpy", "torch")
    measures: ClassVar[tuple[str, ...]] = ("gradient",)

    slice: SearchLabel
    objectives: Many[Objective]
    device: Device
    dtype: Dtype
    cells: Cells
    init: Init
    gain: Bounds
    bias: Bounds
    forget_bias: Bounds
    hidden: Width
    batch: Count
    length: Annotated[int, Field(ge=10, le=10_000_000)]  # shorter ones leave no window to fit a rate on
    repetitions: Count
    input_size: Width
    input_scale: Scale
    state_scale: Scale
    lags_per_octave: Index
    grid: Annotated[int, Field(ge=5, le=MOST_POINTS)]
    population: Annotated[int, Field(ge=5, le=MOST_POINTS)]  # differential evolution needs five
    generations: Count

    _fits = field_validator("length")(_states_fit)

    @field_validator("grid")
    @classmethod
    def _points_in_all(cls, grid: int, info: ValidationInfo) -> int:
        bounds = [info.data.get(axis, (0, 0)) for axis in ("gain", "bias", "forget_bias")]
        if grid ** sum(low < high for low, high in bounds) > MOST_POINTS:
            raise ValueError(f"allowed: at most {MOST_POINTS} points in all")
        return grid


class TrainingSlice(_Sweep):
    """One product of lists to train over."""

    tasks: Many[Task]
    lengths: Many[Count]
    gradients: Many[Gradient]
    steps: Count
    learning_rate: Positive
    clip: Positive
    test_size: Count
    evaluate_every: Count
    snapshots: Many[Index]
    measures: Many[Snapshot]
    sequences: Count
    lags_per_octave: Index

    _fits = field_validator("lengths")(_states_fit)

    @field_validator("lengths")
    @classmethod
    def _lengths_of_the_tasks(cls, lengths: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        for task in info.data.get("tasks", ()):
            if min(lengths) < TASKS[task].shortest:
                raise ValueError(f"allowed for {task}: {TASKS[task].shortest} or more")
        return lengths

    @field_validator("test_size")
    @classmethod
    def _sequences_to_test_on(cls, size: int, info: ValidationInfo) -> int:
        for task in info.data.get("tasks", ()):
            most = TASKS[task].test_sequences
            if most and size > most:
                raise ValueError(f"allowed for {task}: at most {most}")
        return size

    @field_validator("evaluate_every")
    @classmethod
    def _within_the_steps(cls, every: int, info: ValidationInfo) -> int:
        if every > info.data.get("steps", every):
            raise ValueError(f"allowed: at most steps, {info.data['steps']}")
        return every

    @field_validator("sequences")
    @classmethod
    def _sequences_of_a_batch(cls, sequences: int, info: ValidationInfo) -> int:
        if sequences > info.data.get("batch", sequences):
            raise ValueError(f"allowed: at most batch, {info.data['batch']}")
        return sequences

    @field_validator("snapshots")
    @classmethod
    def _snapshots_within_the_steps(cls, snapshots: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        if max(snapshots) > info.data.get("steps", max(snapshots)):
            raise ValueError(f"allowed: 0 to steps, {info.data['steps']}")
        return snapshots


Slice = TypeVar("Slice", DecaySlice, DynamicsSlice, TrainingSlice)
AnySlice = DecaySlice | DynamicsSlice | TrainingSlice
NoisySlice = DecaySlice | DynamicsSlice | SearchSlice
"""Those whose networks are driven by noise."""


class Study(_Checked):
    """A checked study, frozen."""

    title: Title
    seed: Annotated[int, Field(ge=0, lt=2**63)]
    decay: Annotated[tuple[DecaySlice, ...], BeforeValidator(listed)]
    dynamics: Annotated[tuple[DynamicsSlice, ...], BeforeValidator(listed)]
    search: Annotated[tuple[SearchSlice, ...], BeforeValidator(listed)]
    training: Annotated[tuple[TrainingSlice, ...], BeforeValidator(listed)]

    @field_validator("decay", "dynamics", "search", "training")
    @classmethod
    def _names_once(cls, slices: tuple[Any, ...]) -> tuple[Any, ...]:
        distinct(tuple(s.slice for s in slices))
        return slices


LISTS = {
    "backend": "backends",
    "cell": "cells",
    "task": "tasks",
    "init": "inits",
    "gain": "gains",
    "forget_bias": "forget_biases",
    "bias": "biases",
    "hidden": "hidden",
    "length": "lengths",
    "gradient": "gradients",
}
"""The keys of a slice whose lists span its product, by what one of their values is called."""


def load(path: Path | str) -> Study:
    """The study at `path`. Raises StudyError."""
    path = Path(path)
    try:
        return Study.model_validate(values(text_of(path), path))
    except ValidationError as error:
        raise explain(f"{shown(path)}: ", error, _keys) from None


def vary(part: Slice, **changes: Any) -> Slice:
    """`part` with other values for some keys, checked as `load` checks them. Raises StudyError."""
    try:
        return type(part).model_validate(part.model_dump() | changes)
    except ValidationError as error:
        raise explain("", error, lambda _: list(type(part).model_fields)) from None


def _keys(loc: Loc) -> list[str]:
    parts: dict[int | str, type[BaseModel]] = {
        "decay": DecaySlice,
        "dynamics": DynamicsSlice,
        "search": SearchSlice,
        "training": TrainingSlice,
    }
    return list((parts[loc[0]] if loc else Study).model_fields)


def find(study: str) -> Path:
    """The file of `study`: one of config/, or itself the path of a yaml file. Raises StudyError."""
    path = Path(study)
    if path.suffix in (".yaml", ".yml"):
        return _named(path)
    names = sorted(map(name, config_folder().glob("*.yaml")))
    if study not in names:
        raise StudyError(f"study: found {short(study)}; {allowed(study, names)}; or the path of a yaml file")
    return config_folder() / f"{study}.yaml"


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
    """config/: inside the package where it was installed from a wheel, beside src/ in a checkout."""
    packaged = Path(__file__).parents[1] / "config"
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "config"


@cache
def _standard() -> Study:
    return load(config_folder() / "standard.yaml")


def decay_defaults() -> DecaySlice:
    """The first decay slice of config/standard.yaml: what a caller of the Python API leaves unsaid."""
    return _standard().decay[0]


def dynamics_defaults() -> DynamicsSlice:
    """The first dynamics slice of config/standard.yaml, for the same purpose."""
    return _standard().dynamics[0]


def training_defaults() -> TrainingSlice:
    """The first training slice of config/standard.yaml, for the same purpose."""
    return _standard().training[0]


def decay_jobs(study: Study) -> list[tuple[str, str]]:
    """(backend, cell) of each decay job."""
    return _unique((b, c) for s in study.decay for b in s.backends for c in s.cells)


def dynamics_jobs(study: Study) -> list[tuple[str, str]]:
    """(backend, cell) of each dynamics job."""
    return _unique((b, c) for s in study.dynamics for b in s.backends for c in s.cells)


def search_job(study: Study, name: str) -> SearchSlice:
    """The search called `name`, which is one job. Raises StudyError."""
    found = {part.slice: part for part in study.search}
    if name not in found:
        raise StudyError(f"no job for {short(name)}; {allowed(name, found)}")
    return found[name]


def accuracy_jobs(study: Study) -> list[tuple[str, str, str]]:
    """(backend, task, cell) of each training job."""
    return _unique((b, t, c) for s in study.training for b in s.backends for t in s.tasks for c in s.cells)


def _unique(jobs: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(jobs))


def check_devices(study: Study) -> None:
    """Raise StudyError where a slice asks for a CUDA device that is not here; loads torch only then."""
    parts: list[AnySlice | SearchSlice] = [*study.decay, *study.dynamics, *study.search, *study.training]
    slices = [s for s in parts if "torch" in s.backends and s.device != "cpu"]
    if not slices:
        return
    import torch

    present = torch.cuda.device_count()
    for s in slices:
        if int(s.device.partition(":")[2] or 0) >= present:
            here = f"this machine has {present or 'no'} CUDA device{'s' if present > 1 else ''}"
            raise StudyError(f"slice {s.slice}: device: found {s.device}, but {here}; allowed: cpu")
