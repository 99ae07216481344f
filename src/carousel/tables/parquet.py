"""Tables on disk: parquet with provenance, written whole or not at all.

The same table and provenance give the same bytes: no time stamps, categories in sorted order. No byte of a file can
change unnoticed: each is sealed by a checksum.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from carousel.tables.checksum import fault, seal

METADATA = b"carousel"
AGAIN = "; make room and start again, what was finished is kept"
ELSEWHERE = "; results need a folder that can be written to"
ADVICE = {errno.ENOSPC: AGAIN, errno.EDQUOT: AGAIN, errno.EROFS: ELSEWHERE, errno.EACCES: ELSEWHERE}
pa.set_memory_pool(pa.system_memory_pool())  # its own hands memory back to the kernel and fetches it again
BUFFER = 2**16  # bytes of a column that are read at a time
FORMAT = {"compression": "zstd", "write_page_checksum": True, "write_statistics": False}
Provenance = Mapping[str, Any]


class StoreError(Exception):
    """A file that is not a whole table of this package, or a folder in use; one line.

    `paths` are the tables that have to be made again.
    """

    def __init__(self, message: str, *paths: Path | str) -> None:
        super().__init__(message)
        self.paths = paths


def write(table: pd.DataFrame | pa.Table, path: Path | str, provenance: Provenance) -> None:
    """Write a table and its `provenance` (anything JSON holds) to `path`; the index is dropped.

    A reader sees the old file or the new one, never half of one, even after a power cut.
    """
    if isinstance(table, pd.DataFrame):
        table = _arrow(table)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA: canonical(provenance)})
    with whole(path) as file:
        pq.write_table(table, file, **FORMAT)
        seal(file)


def verify(path: Path | str) -> None:
    """Raise StoreError, one line with the reason, unless `path` is just as `write` left it."""
    if reason := damage(path):
        raise StoreError(f"{path}: {reason}", path)


def damage(path: Path | str) -> str:
    """Why a file is not just as `write` left it; nothing where it is."""
    try:
        return fault(path, METADATA)
    except OSError as error:
        return error.strerror or str(error)


def write_text(text: str, path: Path | str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with whole(path) as file:
        file.write(text.encode())


@contextmanager
def whole(path: Path | str) -> Iterator[IO[bytes]]:
    """A file to write to, under another name; it takes the place of `path` once all of it is on the disk.

    Raises StoreError where it cannot be written.
    """
    with _instead(Path(path)) as temporary, temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """The same for a folder of files; between the old one and the new there is none for a moment."""
    with _instead(Path(path)) as temporary:
        temporary.mkdir()
        yield temporary
        for made in (*temporary.rglob("*"), temporary):
            _sync(made)
        remove(Path(path))


@contextmanager
def _instead(path: Path) -> Iterator[Path]:
    """A path beside `path`; what the caller has put there takes its place, unless an error came between."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise StoreError(unwritten(path, error)) from None
    finally:
        remove(temporary)


def unwritten(path: Path, error: OSError) -> str:
    return f"{path}: cannot be written: {error.strerror or error}{ADVICE.get(error.errno or 0, '')}"


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


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
    """The same of a table that was verified just before."""
    return json.loads(schema(path).metadata[METADATA])


def names(path: Path | str) -> list[str]:
    """The columns of the table at `path`."""
    return list(schema(path).names)


def schema(path: Path | str) -> pa.Schema:
    """The columns and their types. Raises StoreError where there is no whole table."""
    return _checked(path, pq.read_schema)


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
        seal(file)


def concat(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns one below the other, as `stack` puts them."""
    return stack([pa.Table.from_pandas(frame, preserve_index=False) for frame in frames]).to_pandas()


def stack(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of the same columns one below the other: texts become categories, which the rows are sorted by.

    Rows whose texts are all equal keep their order. So it is the runs of them that are sorted, and no number is copied.
    Raises StoreError if the columns differ, or there is no table.
    """
    if len({tuple(table.column_names) for table in tables}) != 1:
        raise StoreError("tables with different columns, or none, cannot be put together")
    # parquet forgets what an empty column holds
    tables = [table.combine_chunks() for table in tables if len(table)] or tables[:1]
    kinds = {c: texts_in([table[c] for table in tables]) for c in text_columns(tables[0])}
    codes = [np.array([coded(table[c], kinds[c]) for c in kinds]) for table in tables]
    runs = _runs(codes) if kinds else [(k, 0, len(table)) for k, table in enumerate(tables)]
    numbers = [table.drop_columns([*kinds]) for table in tables]
    rows = [numbers[k].slice(start, end - start) for k, start, end in runs]
    whole = pa.concat_tables(rows or numbers, promote_options="permissive")
    for place, (c, texts) in enumerate(kinds.items()):
        code = np.concatenate([codes[k][place, start:end] for k, start, end in runs] or [codes[0][place]])
        column = pa.DictionaryArray.from_arrays(pa.array(code, mask=code < 0), pa.array(texts, pa.string()))
        whole = whole.append_column(c, column)
    return whole.select(tables[0].column_names)


def text_columns(table: pa.Table) -> list[str]:
    """The columns that hold texts."""
    return [field.name for field in table.schema if is_text(field.type)]


def is_text(kind: pa.DataType) -> bool:
    """Does a column of this type hold texts, or categories of them?"""
    tests = pa.types.is_dictionary, pa.types.is_string, pa.types.is_large_string
    return any(test(kind) for test in tests)


def encoded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    """A column of text as categories, in one piece."""
    array = column.combine_chunks()
    return array if pa.types.is_dictionary(array.type) else array.dictionary_encode()


def texts_in(columns: Sequence[pa.ChunkedArray]) -> list[str]:
    """The texts that occur, in order."""
    return sorted({text for column in columns for text in column.unique().to_pylist()} - {None})


def coded(column: pa.ChunkedArray, kinds: list[str]) -> np.ndarray:
    """A column of text as places in `kinds`, -1 where there is no text."""
    array = encoded(column)
    places = {text: place for place, text in enumerate(kinds)}
    known = [places.get(text, -1) for text in array.dictionary.to_pylist()]
    return np.array([*known, -1], np.min_scalar_type(-len(kinds) - 1))[array.indices.fill_null(-1)]


def _runs(codes: Sequence[np.ndarray]) -> list[tuple[int, int, int]]:
    """Table, start and end of each run of equal columns of `codes` [texts, rows], in order; equal runs keep theirs."""
    starts = [
        np.flatnonzero(np.append(True, (code[:, 1:] != code[:, :-1]).any(axis=0))[: code.shape[1]])
        for code in codes
    ]
    ends = [np.append(start, code.shape[1]).tolist() for start, code in zip(starts, codes, strict=True)]
    runs = [(k, *run) for k, end in enumerate(ends) for run in pairwise(end)]
    keys = np.concatenate([code[:, start] for start, code in zip(starts, codes, strict=True)], axis=1)
    return [runs[place] for place in np.lexsort(keys[::-1])]


def cached(
    folder: Path | str, key: Mapping[str, Any], compute: Callable[[], Mapping[str, pd.DataFrame]]
) -> dict[str, pd.DataFrame]:
    """The tables of `key`, by name: from `folder` if they were finished before, else computed and kept there.

    The key says everything that the tables depend on, the code's fingerprint included; its hash names the one file
    that holds them all. A damaged file is computed again.
    """
    path = kept_at(folder, key)
    if path.exists():
        with suppress(StoreError):
            return _unbundled(load(path))
    write(_bundled(compute()), path, key)
    return _unbundled(load(path))


def _bundled(tables: Mapping[str, pd.DataFrame]) -> pa.Table:
    """`tables` as one table with one row: a column per table, which holds the bytes of its file."""
    return pa.table({name: pa.array([_file(table)], pa.large_binary()) for name, table in tables.items()})


def _unbundled(bundle: pa.Table) -> dict[str, pd.DataFrame]:
    """The tables that `_bundled` put together."""
    (row,) = bundle.to_pylist()
    return {name: pq.read_table(pa.BufferReader(file)).to_pandas() for name, file in row.items()}


def _file(table: pd.DataFrame) -> bytes:
    """A table as the bytes of a parquet file; the index is dropped."""
    file = pa.BufferOutputStream()
    pq.write_table(_arrow(table), file, **FORMAT)
    return file.getvalue().to_pybytes()


def kept_at(folder: Path | str, key: Mapping[str, Any]) -> Path:
    """Where `cached` keeps the tables of `key`."""
    return Path(folder) / f"{hashlib.sha256(canonical(key)).hexdigest()[:32]}.parquet"


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no blanks: equal contents, equal bytes. Refuses NaN and infinity."""
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _arrow(frame: pd.DataFrame) -> pa.Table:
    """`frame` as Arrow has it, without its index.

    Categories are those in use, in sorted order, so that how they were built leaves no trace.
    """
    texts = frame.select_dtypes("category")
    in_use = {c: sorted(kind for kind in texts[c].unique() if pd.notna(kind)) for c in texts}
    settled = frame.assign(**{c: texts[c].cat.set_categories(kinds) for c, kinds in in_use.items()})
    return pa.Table.from_pandas(settled, preserve_index=False)


def _checked(path: Path | str, how: Callable[..., Any], **options: Any) -> Any:
    try:
        return how(path, **options)
    except (OSError, pa.ArrowException) as error:
        reason = getattr(error, "strerror", None) or str(error).partition("\n")[0] or type(error).__name__
        raise StoreError(f"{path}: {reason}", path) from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
