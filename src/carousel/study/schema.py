"""A study: what is to be measured, checked before anything starts.

Every key is required and no other is allowed, so a study says all it does and a small study inherits nothing.
"""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, field_validator

from carousel.study.errors import explain
from carousel.study.slices import Checked, DecaySlice, DynamicsSlice, SearchSlice, Slice, TrainingSlice
from carousel.study.values import Title, distinct, listed


class Study(Checked):
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
    "drive": "drives",
    "hidden": "hidden",
    "length": "lengths",
    "gradient": "gradients",
}
"""The keys of a slice whose lists span its product, by what one of their values is called."""


def vary(slice_: Slice, **changes: Any) -> Slice:
    """`slice_` with other values for some keys, checked as `load` checks them. Raises StudyError."""
    try:
        return type(slice_).model_validate(slice_.model_dump() | changes)
    except ValidationError as error:
        raise explain("", error, lambda _: list(type(slice_).model_fields)) from None
