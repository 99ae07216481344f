"""A study: what is to be measured, checked before anything starts.

Every key is required and no other is allowed, so a study says all it does and a small study inherits nothing.
"""

from pathlib import PurePath
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, field_validator

from carousel.study.errors import allowed, explain
from carousel.study.slices import (
    Checked,
    DecaySlice,
    DepthSlice,
    DynamicsSlice,
    SearchSlice,
    Slice,
    TrainingSlice,
)
from carousel.study.values import Many, Title, distinct, listed

SEEDS = 2**63
STANDARD_CLAIMS = "standard"
"""What a study calls the claims of the package."""
CLAIM_FILES = ".yaml", ".yml", ".py"


class Study(Checked):
    """A checked study, frozen."""

    title: Title
    seed: Annotated[int, Field(ge=0, lt=SEEDS)]
    claims: Many[str]  # what is decided from its tables: no measurement depends on it
    decay: Annotated[tuple[DecaySlice, ...], BeforeValidator(listed)]
    dynamics: Annotated[tuple[DynamicsSlice, ...], BeforeValidator(listed)]
    depth: Annotated[tuple[DepthSlice, ...], BeforeValidator(listed)]
    search: Annotated[tuple[SearchSlice, ...], BeforeValidator(listed)]
    training: Annotated[tuple[TrainingSlice, ...], BeforeValidator(listed)]

    @field_validator("claims")
    @classmethod
    def _names_or_files(cls, claims: tuple[str, ...]) -> tuple[str, ...]:
        for each in claims:
            if each != STANDARD_CLAIMS and PurePath(each).suffix not in CLAIM_FILES:
                raise ValueError(
                    f"{allowed(each, [STANDARD_CLAIMS])}; or the path of a file in {', '.join(CLAIM_FILES)}"
                )
        return claims

    @field_validator("decay", "dynamics", "depth", "search", "training")
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
    "drive": "drives",
    "hidden": "hidden",
    "length": "lengths",
    "layers": "layers",
    "residual": "residual",
    "gradient": "gradients",
    "learning_rate": "learning_rates",
}
"""The keys of a slice whose lists span its product, by what one of their values is called."""


def vary(slice_: Slice, **changes: Any) -> Slice:
    """`slice_` with other values for some keys, checked as `load` checks them. Raises StudyError."""
    try:
        return type(slice_).model_validate(slice_.model_dump() | changes)
    except ValidationError as error:
        raise explain("", error, lambda _: list(type(slice_).model_fields)) from None


SINGULAR = {plural: single for single, plural in LISTS.items()} | {"checked": "repetitions"}
UNNAMED = "slice", "snapshots"  # keys that a single setting does not have


def single(slice_: Slice, **values: Any) -> Slice:
    """`slice_` with one value in each of its lists, by the keys of LISTS; the first where nothing is given.

    Checked as `load` checks them. Raises StudyError, in the words of `values`.
    """
    lists = {key: both[:1] for key, both in slice_.model_dump().items() if key in LISTS.values()}
    given = {LISTS.get(key, key): [value] if key in LISTS else value for key, value in values.items()}
    try:
        return type(slice_).model_validate(slice_.model_dump() | lists | given)
    except ValidationError as error:
        raise explain("", error, lambda _: names_of(slice_), in_singular) from None


def names_of(slice_: Slice) -> list[str]:
    """The keys of a slice as one setting has them."""
    keys = [SINGULAR.get(key, key) for key in type(slice_).model_fields if key not in UNNAMED]
    return list(dict.fromkeys(keys))


def in_singular(problem: Any) -> Any:
    """A problem of a slice as one setting has it: with `length` and its value for `lengths[0]` or `lengths`."""
    key, *inside = problem["loc"] or ("",)
    if key not in SINGULAR:
        return problem
    value = problem["input"][0] if not inside and key in LISTS.values() else problem["input"]
    return problem | {"loc": (SINGULAR[key], *inside[1:]), "input": value}
