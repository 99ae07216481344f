"""The kinds of value that a study's keys take, as types that check themselves (pydantic)."""

import re
import sys
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from carousel.axes import BACKENDS, UNIT_DRIVE
from carousel.cells import CELLS
from carousel.inits import DEFAULT, FORGET_BIASES, INITS, as_written, forget_bias_text
from carousel.study.errors import allowed, nearest
from carousel.tasks import TASKS

DTYPES = (
    "float32",
    "float64",
)  # in which all is measured; in the others gradients alone: a norm wants these digits
DECAY_DTYPES = tuple(dict.fromkeys(dtype for entry in BACKENDS.values() for dtype in entry.dtypes))
DEVICES = tuple(dict.fromkeys(kind for entry in BACKENDS.values() for kind in entry.devices))  # the CPU first
MEASURES = ("gradient", "jacobian")
SNAPSHOTS = ("gradient", "jacobian", "gates", "exponents", "truncation")  # measured again during training
GRADIENTS = ("full", "truncated")
END = "end"  # a snapshot at the step at which a model stops
MOST = 10_000_000
OBJECTIVES = (
    "steadiest",
    "fastest_decay",
    "other_routes",
    "unchanged",
    "cancelled",
)  # of a search, see search.py
SEARCH = re.compile(r"search_[A-Za-z0-9_-]{1,57}")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
DEVICE = re.compile(rf"{DEVICES[0]}|({'|'.join(DEVICES[1:])})(:\d{{1,2}})?")

T = TypeVar("T")


def _one_of(names: Iterable[str]) -> AfterValidator:
    def check(name: str) -> str:
        if name not in names:
            raise ValueError(allowed(name, names))
        return name

    return AfterValidator(check)


def _matching(pattern: re.Pattern[str], words: str) -> AfterValidator:
    def check(text: str) -> str:
        if not pattern.fullmatch(text):
            raise ValueError(f"allowed: {words}")
        return text

    return AfterValidator(check)


def listed(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("allowed: a list with at least one entry, as in [a, b]")
    return tuple(value)


def distinct(values: tuple[T, ...]) -> tuple[T, ...]:
    for value, times in Counter(values).items():
        if times > 1:
            raise ValueError(f"allowed: each entry once ({value} stands twice)")
    return values


def _title(text: str) -> str:
    if not text.isprintable() or not text.strip():
        raise ValueError("allowed: text on one line, without control characters")
    return text


def _bounds(value: Any) -> tuple[Any, ...]:
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("allowed: two numbers, the lower first, as in [-1, 1]; [0, 0] keeps it at 0")
    return tuple(value)


def _in_order(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError("allowed: the lower bound first")
    return bounds


def _forget_bias(value: Any) -> str:
    try:
        return forget_bias_text(value)
    except OverflowError:
        raise ValueError("allowed: a finite number") from None
    except ValueError as error:
        raise ValueError(f"{error}{nearest(value, (DEFAULT, *FORGET_BIASES))}") from None


def _when(value: Any) -> int | str:
    """A step of training, or the word for the step at which a model stops."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if value == END or (whole and 0 <= value <= MOST):
        return value
    raise ValueError(f"allowed: a whole number from 0 to {MOST}, or {END}{nearest(value, [END])}")


def _drive(value: Any) -> str:
    """The drive in the one form that it has from a study to the page: "0.25", "4", "unit"."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value <= sys.float_info.max:
        return repr(float(value) + 0.0).removesuffix(".0")  # to its last digit, and zero without a sign
    if not number and value == UNIT_DRIVE:
        return UNIT_DRIVE
    raise ValueError(
        f"allowed: a finite number of zero or more, or {UNIT_DRIVE}{nearest(value, [UNIT_DRIVE])}"
    )


def _drive_as_written(drive: str) -> float | str:
    return drive if drive == UNIT_DRIVE else float(drive)


def _everything(names: Iterable[str]) -> BeforeValidator:
    """The word all stands for the whole table, so that a new row of it is measured without an edit here."""

    def spread(value: Any) -> Any:
        if isinstance(value, str) and value != "all":
            raise ValueError("allowed: all, or a list with at least one entry, as in [a, b]")
        return list(names) if isinstance(value, str) else value

    return BeforeValidator(spread)


Title = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_title)]
Many = Annotated[tuple[T, ...], BeforeValidator(listed), AfterValidator(distinct)]
Count = Annotated[int, Field(ge=1, le=MOST)]
Width = Annotated[int, Field(ge=1, le=65_536)]
Layers = Annotated[int, Field(ge=1, le=64)]
Index = Annotated[int, Field(ge=0, le=MOST)]
When = Annotated[Any, AfterValidator(_when)]
Scale = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
Bounds = Annotated[tuple[float, float], BeforeValidator(_bounds), AfterValidator(_in_order)]
SearchLabel = Annotated[str, _matching(SEARCH, "search_ and a short name of letters, digits, _ and -")]
Label = Annotated[str, _matching(NAME, "a short name of letters, digits, _ and -")]
Device = Annotated[str, _matching(DEVICE, f"{', '.join(DEVICES)} or {DEVICES[-1]}:N")]
ForgetBias = Annotated[str, BeforeValidator(_forget_bias), PlainSerializer(as_written)]
Drive = Annotated[str, BeforeValidator(_drive), PlainSerializer(_drive_as_written)]
Backend = Annotated[str, _one_of(BACKENDS)]
Dtype = Annotated[str, _one_of(DTYPES)]
DecayDtype = Annotated[str, _one_of(DECAY_DTYPES)]
Cell = Annotated[str, _one_of(CELLS)]
Init = Annotated[str, _one_of(INITS)]
Task = Annotated[str, _one_of(TASKS)]
Gradient = Annotated[str, _one_of(GRADIENTS)]
Objective = Annotated[str, _one_of(OBJECTIVES)]
Measure = Annotated[str, _one_of(MEASURES)]
Snapshot = Annotated[str, _one_of(SNAPSHOTS)]
Cells = Annotated[Many[Cell], _everything(CELLS)]
Inits = Annotated[Many[Init], _everything(INITS)]
