"""The slices of a study: what keys each kind has, and which values they may have."""

from typing import Annotated, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from carousel.axes import BACKENDS
from carousel.study.values import (
    DTYPES,
    END,
    MOST,
    Backend,
    Bounds,
    Cells,
    Count,
    DecayDtype,
    Device,
    Drive,
    Dtype,
    ForgetBias,
    Gradient,
    Index,
    Init,
    Inits,
    Label,
    Layers,
    Many,
    Measure,
    Objective,
    Positive,
    Scale,
    SearchLabel,
    Snapshot,
    Task,
    When,
    Width,
)
from carousel.tasks import TASKS

T = TypeVar("T")
MOST_POINTS = 100_000  # of a search
COUNTED = 2  # steps that Lyapunov exponents take at least
MOST_NUMBERS = 2**36  # of a model's states, which are kept for the way back: half a terabyte in float64


class Checked(BaseModel):
    """Keys and values that are checked and then frozen: every key is required, and no other is allowed."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class _Sweep(Checked):
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
    checked: Count
    batch: Count

    @field_validator("checked")
    @classmethod
    def _among_the_repetitions(cls, checked: int, info: ValidationInfo) -> int:
        if checked > info.data.get("repetitions", checked):
            raise ValueError(f"allowed: at most repetitions, {info.data['repetitions']}")
        return checked

    @field_validator("dtype")
    @classmethod
    def _numbers_of_the_backends(cls, dtype: str, info: ValidationInfo) -> str:
        for name in info.data.get("backends", ()):
            if dtype not in BACKENDS[name].dtypes:
                raise ValueError(f"allowed on {name}: {', '.join(BACKENDS[name].dtypes)}")
        return dtype


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
    drives: Many[Drive]
    input_size: Width
    state_scale: Scale

    _fits = field_validator("lengths")(_states_fit)


class DecaySlice(_Driven):
    """One product of lists to measure the decay over."""

    dtype: DecayDtype
    measures: Many[Measure]
    lags_per_octave: Index

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

    @field_validator("lengths")
    @classmethod
    def _steps_to_count(cls, lengths: tuple[int, ...]) -> tuple[int, ...]:
        if min(lengths) < COUNTED:
            raise ValueError(f"allowed: {COUNTED} or more")
        return lengths

    @field_validator("warm_up")
    @classmethod
    def _steps_that_count(cls, warm_up: int, info: ValidationInfo) -> int:
        shortest = min(info.data.get("lengths", [warm_up * 2 + COUNTED]))
        if shortest - 2 * warm_up < COUNTED:
            most = (shortest - COUNTED) // 2
            raise ValueError(f"allowed with length {shortest}: at most {most}; twice that does not count")
        return warm_up


class DepthSlice(_Driven):
    """One product of lists to measure the gradient in stacks over."""

    layers: Many[Layers]
    residual: Many[bool]
    lags_per_octave: Index


class SearchSlice(Checked):
    """One space to search for a counterexample; not a product of lists. Every backend measures every point."""

    backends: ClassVar[tuple[str, ...]] = tuple(BACKENDS)
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
    drive: Drive
    input_size: Width
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
    climb: bool
    gradients: Many[Gradient]
    steps: Count
    stop_when_solved: bool
    learning_rates: Many[Positive]
    tuning_length: Count
    tuning_repetitions: Count
    clip: Positive
    test_size: Count
    evaluate_every: Count
    snapshots: Many[When]
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

    @field_validator("tuning_length")
    @classmethod
    def _length_of_the_tasks(cls, length: int, info: ValidationInfo) -> int:
        if len(info.data.get("learning_rates", ())) > 1:  # otherwise nothing is chosen
            cls._lengths_of_the_tasks((length,), info)
        return _states_fit(length, info)

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
    def _snapshots_within_the_steps(
        cls, snapshots: tuple[int | str, ...], info: ValidationInfo
    ) -> tuple[int | str, ...]:
        steps = info.data.get("steps", MOST)
        if any(step > steps for step in snapshots if isinstance(step, int)):
            raise ValueError(f"allowed: 0 to steps, {steps}, and {END}")
        return snapshots


Slice = TypeVar("Slice", DecaySlice, DynamicsSlice, DepthSlice, TrainingSlice)
AnySlice = DecaySlice | DynamicsSlice | DepthSlice | TrainingSlice
NoisySlice = DecaySlice | DynamicsSlice | DepthSlice | SearchSlice
"""Those whose networks are driven by noise."""
