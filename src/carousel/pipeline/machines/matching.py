"""Rows that two tables on disk have in common, found by their factors, one column in memory at a time."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from carousel.tables import schemas
from carousel.tables.categories import encoded, is_text
from carousel.tables.columns import TYPES
from carousel.tables.files import StoreError
from carousel.tables.layout import holds
from carousel.tables.parquet import schema


class Kind(NamedTuple):
    """A kind of table: the columns that identify its rows, those that were measured, and that of their error."""

    factors: list[str]
    values: list[str]
    error: str = ""


IDENTITY = "factor", "condition", "index"
"""The roles of the columns that say what a row is, wherever it was measured."""
KINDS = {
    table: Kind(
        schemas.names(table, *IDENTITY), schemas.names(table, "value"), *schemas.names(table, "error")
    )
    for table in schemas.MEASURED
}
COLUMNS = {column.name: column for table in schemas.MEASURED for column in schemas.TABLES[table]}
"""Every column of the measured tables, for the words that describe a row."""
TEXTS, NUMBERS = ("text",), ("float", "int", "bool")
"""What columns of texts and of numbers hold, of tables.columns.TYPES."""
MIX = np.uint64(0x9E3779B97F4A7C15)


class Pairs(NamedTuple):
    """The rows of two tables that have the same factors: their places in each, and how many rows each has."""

    left: np.ndarray
    right: np.ndarray
    left_rows: int
    right_rows: int


def pairs(left: Path, right: Path, factors: Sequence[str]) -> Pairs:
    """Match the rows of two tables. Raises StoreError where factors do not identify the rows of a table."""
    one, other = keys(left, factors), keys(right, factors)
    if len(one) == len(other) and (one == other).all():
        places = np.arange(len(one))
        distinct(np.sort(one), left)
        return Pairs(places, places, len(one), len(other))
    order, reverse = np.argsort(one), np.argsort(other)
    one, other = one[order], other[reverse]
    distinct(one, left)
    distinct(other, right)
    at = np.searchsorted(one, other)
    same = np.append(one, np.uint64(0))[at] == other
    same &= at < len(one)
    return Pairs(order[at[same]], reverse[same], len(one), len(other))


def distinct(keys: np.ndarray, path: Path) -> None:
    """Raise StoreError where sorted keys repeat."""
    if twice := int((keys[1:] == keys[:-1]).sum()):
        raise StoreError(
            f"{path}: {twice} rows have the factors of another row; such tables cannot be compared"
        )


def keys(path: Path, factors: Sequence[str]) -> np.ndarray:
    """A 64-bit hash of every row's factors; equal factors, equal keys, on any machine."""
    found = np.zeros(0, np.uint64)
    for place, column in enumerate(columns(path, factors)):
        own = hashes(column)
        found = (found if place else np.zeros(len(own), np.uint64)) * MIX ^ own
        found ^= found >> np.uint64(29)
    return found


def hashes(column: pa.ChunkedArray) -> np.ndarray:
    """A 64-bit hash of every entry of a column; numbers by their value, texts by their letters."""
    if not is_text(column.type):
        numbers = column.cast(pa.float64()).to_numpy() + 0.0  # there is a zero below zero
        return pd.util.hash_array(numbers)
    codes, texts = coded(column)
    return np.append(pd.util.hash_array(np.array(texts, dtype=object)), np.uint64(1))[codes]


def coded(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """A column of texts as places in a list of them, -1 where there is none."""
    array = encoded(column)
    return array.indices.fill_null(-1).to_numpy(zero_copy_only=False), array.dictionary.to_pylist()


def columns(
    path: Path, names: Sequence[str], kinds: Sequence[str] = (*TEXTS, *NUMBERS)
) -> Iterator[pa.ChunkedArray]:
    """Columns of a table that was verified, one after another. Raises StoreError where it lacks one of these kinds."""
    there = schema(path)
    if lacking := [name for name in names if name not in there.names]:
        raise StoreError(f"{path}: it has no column {lacking[0]}, and cannot be compared")
    if odd := [name for name in names if not any(holds(there.field(name).type, each) for each in kinds)]:
        raise StoreError(
            f"{path}: in its column {odd[0]} does not stand {TYPES[kinds[0]]}; it cannot be compared"
        )
    with pq.ParquetFile(path) as file:
        for name in names:
            yield file.read([name], use_threads=False)[name]


def numbers(path: Path, name: str) -> np.ndarray:
    """A column of numbers."""
    (column,) = columns(path, [name], NUMBERS)
    return column.cast(pa.float64()).to_numpy()


def texts(path: Path, name: str) -> pd.Categorical:
    """A column of texts."""
    (column,) = columns(path, [name], TEXTS)
    codes, kinds = coded(column)
    return pd.Categorical.from_codes(codes, pd.Index(kinds, dtype=object))


def described(path: Path, factors: Sequence[str], places: Sequence[int]) -> list[str]:
    """Rows in words, by those of their factors that are not as ever: "lstm, torch init, gain 2, lag 100"."""
    taken = [column.take(pa.array(places, pa.int64())).to_pylist() for column in columns(path, factors)]
    return [", ".join(filter(None, map(said, factors, row))) for row in zip(*taken, strict=True)]


def said(factor: str, value: object) -> str:
    """One factor of a row in words; nothing where it goes without saying."""
    column = COLUMNS[factor]
    if value is None or value == column.usual:
        return ""
    word = f"{value:g}" if isinstance(value, float) else str(value)
    return (column.said or f"{factor.replace('_', ' ')} {{}}").format(word)
