"""Tables on disk: parquet with provenance, written whole or not at all.

The same table and provenance give the same bytes: no time stamps, categories in sorted order. No byte of a file can
change unnoticed: each has a checksum over all of them.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from carousel.tables import checksum
from carousel.tables.categories import arrow
from carousel.tables.files import StoreError, whole

METADATA = b"carousel"
pa.set_memory_pool(pa.system_memory_pool())  # its own hands memory back to the kernel and fetches it again
BUFFER = 2**16  # bytes of a column that are read at a time
FORMAT = {"compression": "zstd", "write_page_checksum": True, "write_statistics": False}
Provenance = Mapping[str, Any]


def write(table: pd.DataFrame | pa.Table, path: Path | str, provenance: Provenance) -> None:
    """Write a table and its `provenance` (anything JSON holds) to `path`; the index is dropped.

    A reader sees the old file or the new one, never half of one, even after a power cut.
    """
    if isinstance(table, pd.DataFrame):
        table = arrow(table)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA: canonical(provenance)})
    with whole(path) as file:
        pq.write_table(table, file, **FORMAT)
        checksum.append(file)


def verify(path: Path | str) -> None:
    """Raise StoreError, one line with the reason, unless `path` is just as `write` left it."""
    if reason := damage(path):
        raise StoreError(f"{path}: {reason}", path)


def damage(path: Path | str) -> str:
    """Why a file is not just as `write` left it; nothing where it is."""
    try:
        return checksum.damage(path, METADATA)
    except OSError as error:
        return error.strerror or str(error)


def read(path: Path | str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """The table at `path`, its categories restored, or of `columns` those that it has.

    One column after the other: Arrow keeps what it read until all is converted. Raises StoreError where there is no
    whole table.
    """
    verify(path)
    there = [name for name in names(path) if columns is None or name in columns]
    return _checked(path, _by_column, columns=there)


def _by_column(path: Path | str, columns: Sequence[str]) -> pd.DataFrame:
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        found = {name: file.read(columns=[name]).to_pandas()[name] for name in columns}
    return pd.DataFrame(found, copy=False)


def load(path: Path | str) -> pa.Table:
    """The table as Arrow has it. Raises StoreError where there is no whole one."""
    verify(path)
    table: pa.Table = _checked(path, pq.read_table, partitioning=None, page_checksum_verification=True)
    return table


def provenance(path: Path | str) -> dict[str, Any]:
    """What `write` was told about the origin of the table at `path`. Raises StoreError as `read` does."""
    verify(path)
    return origin(path)


def origin(path: Path | str) -> dict[str, Any]:
    """What `provenance` returns, of a table that was verified just before."""
    return json.loads(schema(path).metadata[METADATA])


def names(path: Path | str) -> list[str]:
    """The columns of the table at `path`."""
    return list(schema(path).names)


def schema(path: Path | str) -> pa.Schema:
    """The columns and their types. Raises StoreError where there is no whole table."""
    return _checked(path, pq.read_schema)


def length(path: Path | str) -> int:
    """The rows of the table at `path`, which was verified just before."""
    return int(pq.read_metadata(path).num_rows)


def batches(path: Path | str, rows: int, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The table at `path`, or `columns` of it, so many rows at a time. Raises StoreError as `read` does."""
    options = {"page_checksum_verification": True, "pre_buffer": False, "buffer_size": BUFFER}
    file = _checked(path, pq.ParquetFile, **options)
    with file:
        rest = file.iter_batches(rows, columns=columns, use_threads=False)
        while (batch := _checked(path, lambda _: next(rest, None))) is not None:
            if len(batch):
                yield pa.Table.from_batches([batch])


def write_groups(
    groups: Iterable[pa.Table], schema: pa.Schema, path: Path | str, provenance: Provenance
) -> None:
    """Write tables of one schema as `write` does, one row group each."""
    schema = schema.with_metadata({METADATA: canonical(provenance)})
    with whole(path) as file:
        with pq.ParquetWriter(file, schema, **FORMAT) as writer:
            for group in groups:
                writer.write_table(
                    group.replace_schema_metadata(schema.metadata), row_group_size=len(group) or 1
                )
        checksum.append(file)


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no blanks: equal contents, equal bytes. Refuses NaN and infinity."""
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _checked(path: Path | str, how: Callable[..., Any], **options: Any) -> Any:
    try:
        return how(path, **options)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        raise StoreError(f"{path}: {reason}", path) from None
