"""The filters of claims in YAML: which columns a table has, and what each of their values may be."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from carousel.axes import TASK_DRIVE
from carousel.cells import CELLS
from carousel.inits import DEFAULT
from carousel.study import values
from carousel.study.errors import allowed, rule, short
from carousel.tables.quantities import PATHS, QUANTITIES, member, quantity
from carousel.tables.schemas import TABLES

COLUMN_ROLES = "factor", "condition", "place", "index"
NO_FILTER = "quantity", "lag", "repetition"  # they have keys of their own, or none
BOUNDS = "from", "to", "not"
NAMED: Mapping[str, Any] = {
    "backend": values.Backend,
    "cell": values.Cell,
    "init": values.Init,
    "task": values.Task,
    "trained": values.Task,
    "gradient": values.Gradient,
    "forget_bias": values.ForgetBias,
    "drive": values.Drive,
    "slice": values.Label,
}
"""The columns of names, and the type that checks them in a study."""
SPECIAL = {"trained": "no", "gradient": "none", "forget_bias": "none", "drive": TASK_DRIVE}
"""What the tables have beside what a study may say."""
NUMBERS: Mapping[str, Callable[[Any], bool]] = {
    "int": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "float": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "bool": lambda value: isinstance(value, bool),
}


def columns(table: str) -> dict[str, str]:
    """The columns of a table that a filter may name, and their types."""
    found = (column for column in TABLES[table] if column.role in COLUMN_ROLES)
    return {column.name: column.type for column in found if column.name not in NO_FILTER}


def checked(filter_: Mapping[str, Any], table: str, more: Mapping[str, str] = {}) -> dict[str, Any]:
    """A filter with its values as the table has them. Raises ValueError, in a line.

    more: further keys that are allowed, and their types.
    """
    types = columns(table) | dict(more)
    if unknown := [name for name in filter_ if name not in types]:
        raise ValueError(f"found the column {short(unknown[0])}; {allowed(unknown[0], types)}")
    return {name: _value(name, types[name], value) for name, value in filter_.items()}


def _value(name: str, kind: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        if wrong := set(value) - set(BOUNDS) or not value:
            raise ValueError(
                f"{name}: found {short(wrong)}; allowed: a value, a list, or some of {', '.join(BOUNDS)}"
            )
        return {key: _one(name, kind, bound) for key, bound in value.items()}
    if isinstance(value, list):
        return [_one(name, kind, each) for each in value]
    return _one(name, kind, value)


def _one(name: str, kind: str, value: Any) -> Any:
    """One value as the table has it. Raises ValueError."""
    if kind in NUMBERS:
        if not NUMBERS[kind](value):
            raise ValueError(f"{name}: found {short(value)}; allowed: {TYPE_WORDS[kind]}")
        return float(value) if kind == "float" else value
    if name in SPECIAL and value == SPECIAL[name]:
        return value
    if name == "forget_bias" and value == DEFAULT:
        raise ValueError(
            f"{name}: found {short(value)}; allowed: the number that the library sets, as the tables have it"
        )
    try:
        return TypeAdapter(NAMED.get(name, str)).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        raise ValueError(f"{name}: found {short(value)}; {rule(first)}") from None


TYPE_WORDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}


def member_of(name: str) -> None:
    """Check the state that a quantity is built for. Raises ValueError for one that no cell has."""
    pattern, own = quantity(name).name, member(name)
    states = dict.fromkeys(state for cell in CELLS.values() for state in cell.states)
    if "{state}" in pattern and own not in states:
        built = [pattern.format(state=state) for state in states]
        others = [each.name for each in QUANTITIES if each.table == "decay" and each.name != pattern]
        raise ValueError(f"quantity: found {short(name)}; {allowed(name, [*others, *built])}")


def path_of(name: str, path: Any) -> None:
    """Check the path of a quantity of the decay table. Raises ValueError."""
    paths = quantity(name).paths
    if path not in paths:
        raise ValueError(f"filter: path: found {short(path)}; {allowed(path, paths or PATHS)}")
