"""A long table in little memory: what holds still over a run of rows is kept once per run.

In a table of millions of rows by lag all that says which model, quantity and path it is repeats from one lag to the
next. A selection by these columns looks at runs, and only the rows that it returns are written out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from carousel.tables import parquet, schemas
from carousel.tables.categories import encoded

ROWS = 2**18  # that are read at a time
SMALL = np.iinfo(np.int32).max
FACTORS = "place", "factor", "condition"  # roles of columns that hold still, whatever they hold


@dataclass(frozen=True)
class Runs:
    """A table as runs of rows."""

    heads: pd.DataFrame  # a row per run: the columns that hold still in it
    sizes: np.ndarray  # rows of each run
    numbers: dict[str, np.ndarray]  # the other columns, with a number per row
    columns: list[str]  # all of them, in order

    def __len__(self) -> int:
        return int(self.sizes.sum())

    def rows(self, wanted: np.ndarray) -> pd.DataFrame:
        """The rows of the runs that are `wanted` [runs]; their index is their place in the whole table."""
        sizes = self.sizes[wanted]
        first = np.cumsum(self.sizes)[wanted] - sizes
        run = np.repeat(np.arange(len(sizes)), sizes)
        place = np.arange(len(run)) + (first - (np.cumsum(sizes) - sizes))[run]
        still = self.heads[wanted]
        found = {name: still[name].array.take(run) for name in still}
        for name, values in self.numbers.items():
            found[name] = values[place].astype(np.int64) if values.dtype == np.int32 else values[place]
        return pd.DataFrame({name: found[name] for name in self.columns}, index=place, copy=False)


def read(path: Path | str, table: str, columns: Sequence[str] | None = None) -> Runs:
    """The table of that name at `path`, or of `columns` those that it has. Raises StoreError."""
    parquet.verify(path)
    names = [name for name in parquet.names(path) if columns is None or name in columns]
    still = [name for name in names if holds_still(table, name)]
    whole, sizes = [parquet.schema(path).empty_table().select(still)], [np.empty(0, int)]
    numbers = {name: empty(path, name) for name in names if name not in still}
    done = 0
    for batch in parquet.batches(path, ROWS, names):
        start = starts(batch.select(still))
        whole.append(batch.select(still).take(pa.array(start)))
        sizes.append(np.diff(start, append=len(batch)))
        for name in numbers:
            numbers[name] = filled(numbers[name], done, batch[name].to_numpy())
        done += len(batch)
    heads = pa.concat_tables(whole, promote_options="permissive").unify_dictionaries().to_pandas()
    return Runs(heads, np.concatenate(sizes), numbers, names)


def empty(path: Path | str, name: str) -> np.ndarray:
    """An array for a column of a file, not yet written; whole numbers as the small ones that they nearly always are."""
    kind = parquet.schema(path).field(name).type
    return np.empty(parquet.length(path), np.int32 if pa.types.is_integer(kind) else kind.to_pandas_dtype())


def filled(array: np.ndarray, start: int, values: np.ndarray) -> np.ndarray:
    """`array` with `values` from `start` on, in a wider type where these need one."""
    if array.dtype == np.int32 and len(values) and max(-int(values.min()), int(values.max())) > SMALL:
        array = array.astype(np.int64)
    array[start : start + len(values)] = values
    return array


def holds_still(table: str, name: str) -> bool:
    """Does a column say what a row is about? Texts do, and factors; a lag and what was measured do not."""
    column = schemas.schema(table)[name]
    return column.type in ("category", "text") or column.role in FACTORS


def starts(rows: pa.Table) -> np.ndarray:
    """The places at which a run of equal rows starts."""
    changes = np.arange(len(rows)) == 0
    for column in rows.columns:
        numbers = encoded(column).indices if pa.types.is_dictionary(column.type) else column
        values = (
            numbers.to_numpy() if isinstance(numbers, pa.ChunkedArray) else np.asarray(numbers.fill_null(-1))
        )
        changes[1:] |= values[1:] != values[:-1]
    return np.flatnonzero(changes)
