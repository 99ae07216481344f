"""The schema of every table by its name, and what its readers ask of it."""

from collections.abc import Iterable

from carousel.tables import columns, derived
from carousel.tables.columns import Column

TABLES: dict[str, tuple[Column, ...]] = {
    "decay": columns.DECAY,
    "dynamics": columns.DYNAMICS,
    "depth": columns.DEPTH,
    "accuracy": columns.ACCURACY,
    "tuning": columns.TUNING,
    "calibration": columns.CALIBRATION,
    "summary": derived.SUMMARY,
    "routes": derived.ROUTES,
    "claims": derived.CLAIMS,
    "evidence": derived.EVIDENCE,
    "agreement": derived.AGREEMENT,
    "advice": derived.ADVICE,
    "half_lives": derived.HALF_LIVES,
    "learned": derived.LEARNED,
    "published": derived.PUBLISHED,
    "timings": derived.TIMINGS,
    "machines": derived.MACHINES,
    "stability": derived.STABILITY,
    "comparison": derived.COMPARISON,
}
MEASURED = "decay", "dynamics", "depth", "accuracy", "tuning", "calibration"
"""The tables that jobs measure; the others are made from them, or from logs."""


def schema(table: str, backends: Iterable[str] = ()) -> dict[str, Column]:
    """The columns of a table by name, in file order; `backends` where it has a column per backend."""
    return {
        name: column._replace(name=name)
        for column in TABLES[table]
        for name in (backends if column.name == "{backend}" else [column.name])
    }


def names(table: str, *roles: str, backends: Iterable[str] = ()) -> list[str]:
    """The names of a table's columns in file order: those of some roles, or all."""
    found = schema(table, backends).items()
    return [name for name, column in found if not roles or column.role in roles]


def categories(table: str) -> list[str]:
    """The columns of a table that are categories."""
    return [column.name for column in TABLES[table] if column.type == "category"]


def types(table: str) -> dict[str, str]:
    """What each column of a table holds, of columns.TYPES."""
    return {column.name: column.type for column in TABLES[table]}
