"""A table against its schema: put in its layout before it is written, and checked when it is read."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pandas as pd
import pyarrow as pa

from carousel.tables.categories import is_text
from carousel.tables.columns import TYPES
from carousel.tables.schemas import categories, names, schema

TESTS: dict[str, Callable[[pa.DataType], bool]] = {  # of a column of each of TYPES, as Arrow has it
    "category": is_text,
    "text": is_text,
    "float": pa.types.is_floating,
    "int": pa.types.is_integer,
    "bool": pa.types.is_boolean,
}


def laid_out(columns: pd.DataFrame | Mapping[str, Any], table: str) -> pd.DataFrame:
    """`columns` as a table: in file order, categories as such, a condition that is lacking NaN.

    Raises KeyError for any other column that is lacking.
    """
    lacking = dict.fromkeys(names(table, "condition"), float("nan"))
    whole = lacking | dict(columns)
    frame = pd.DataFrame({name: whole[name] for name in names(table)}, copy=False)
    kinds = frame.dtypes
    texts = [name for name in categories(table) if not isinstance(kinds[name], pd.CategoricalDtype)]
    return frame.astype(dict.fromkeys(texts, "category")) if texts else frame


def misfit(found: pa.Schema, table: str, backends: Iterable[str]) -> str:
    """What is wrong with the columns of a table of that name; nothing where they are those of its schema."""
    wanted = schema(table, backends)
    if lacking := [name for name in wanted if name not in found.names]:
        return f"it has no column {lacking[0]}"
    if more := [name for name in found.names if name not in wanted]:
        return f"it has a column {more[0]}"
    if wrong := [column for name, column in wanted.items() if not holds(found.field(name).type, column.type)]:
        return f"in its column {wrong[0].name} does not stand {TYPES[wrong[0].type]}"
    return "" if found.names == [*wanted] else "its columns are in another order"


def holds(kind: pa.DataType, wanted: str) -> bool:
    """Does a column of this type hold what is `wanted`? One of a table without rows may have lost its type."""
    return pa.types.is_null(kind) or TESTS[wanted](kind)
