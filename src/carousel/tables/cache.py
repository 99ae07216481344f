"""Tables that are computed once: kept in a folder under a hash of all that they depend on."""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from carousel.tables.categories import arrow
from carousel.tables.files import StoreError
from carousel.tables.parquet import FORMAT, canonical, load, write


def cached(
    folder: Path | str, key: Mapping[str, Any], compute: Callable[[], Mapping[str, pd.DataFrame]]
) -> dict[str, pa.Table]:
    """The tables of `key`, by name: from `folder` if they were finished before, else computed and kept there.

    The key says everything that the tables depend on, the code's fingerprint included; its hash names the one file
    that holds them all. A damaged file is computed again.
    """
    path = kept_at(folder, key)
    if path.exists():
        with suppress(StoreError):
            return _unbundled(load(path))
    bundle = _bundled(compute())
    write(bundle, path, key)
    return _unbundled(bundle)


def _bundled(tables: Mapping[str, pd.DataFrame]) -> pa.Table:
    """`tables` as one table with one row: a column per table, which holds the bytes of its file."""
    return pa.table({name: pa.array([_file(table)], pa.large_binary()) for name, table in tables.items()})


def _unbundled(bundle: pa.Table) -> dict[str, pa.Table]:
    """The tables that `_bundled` put together, as they are read from a file."""
    (row,) = bundle.to_pylist()
    return {name: pq.read_table(pa.BufferReader(file)) for name, file in row.items()}


def _file(table: pd.DataFrame) -> bytes:
    """A table as the bytes of a parquet file; the index is dropped."""
    file = pa.BufferOutputStream()
    pq.write_table(arrow(table), file, **FORMAT)
    return file.getvalue().to_pybytes()


def kept_at(folder: Path | str, key: Mapping[str, Any]) -> Path:
    """Where `cached` keeps the tables of `key`."""
    return Path(folder) / f"{hashlib.sha256(canonical(key)).hexdigest()[:32]}.parquet"
