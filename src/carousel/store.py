"""Tables on disk: parquet with provenance, written whole or not at all.

The same table and provenance give the same bytes: no time stamps, categories in sorted order.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.api.types import is_string_dtype, union_categoricals

METADATA = b"carousel"
Provenance = Mapping[str, Any]


class StoreError(Exception):
    """A file that is not a whole table of this package, or a folder in use; one line."""


def write(frame: pd.DataFrame, path: Path | str, provenance: Provenance) -> None:
    """Write `frame` and its `provenance` (anything JSON holds) to `path`; the index is dropped.

    A reader sees the old file or the new one, never half of one, even after a power cut.
    """
    table = pa.Table.from_pandas(_settled(frame), preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), METADATA: canonical(provenance)})
    with whole(path) as file:
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)


def write_text(text: str, path: Path | str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with whole(path) as file:
        file.write(text.encode())


@contextmanager
def whole(path: Path | str) -> Iterator[IO[bytes]]:
    """A file to write to, under another name; it takes the place of `path` once all of it is on the disk."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)


def read(path: Path | str) -> pd.DataFrame:
    """The table at `path`, its categories restored. Raises StoreError where there is no whole table."""
    table: pa.Table = _checked(path, pq.read_table, partitioning=None, page_checksum_verification=True)
    if METADATA not in (table.schema.metadata or {}):
        raise StoreError(f"{path}: a table without provenance, not made by carousel")
    return table.to_pandas()


def provenance(path: Path | str) -> dict[str, Any]:
    """What `write` was told about the origin of the table at `path`. Raises StoreError as `read` does."""
    metadata = _checked(path, pq.read_schema).metadata or {}
    if METADATA not in metadata:
        raise StoreError(f"{path}: a table without provenance, not made by carousel")
    return json.loads(metadata[METADATA])


def concat(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns one below the other: texts become categories, which the rows are sorted by.

    Rows whose texts are all equal keep their order. Raises StoreError if the columns differ, or there is no table.
    """
    if len({tuple(frame.columns) for frame in frames}) != 1:
        raise StoreError("tables with different columns, or none, cannot be put together")
    frames = [frame for frame in frames if len(frame)] or frames[
        :1
    ]  # parquet forgets what an empty column holds
    texts = _texts(frames[0])
    columns = {c: _joined([f[c] for f in frames], c in texts) for c in frames[0].columns}
    frame = _settled(pd.DataFrame(columns))
    order = np.lexsort([frame[c].cat.codes for c in reversed(texts)]) if texts else slice(None)
    return frame.iloc[order].reset_index(drop=True)


def cached(folder: Path | str, key: Mapping[str, Any], compute: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """The table of `key`: from `folder` if it was finished before, else computed and kept there.

    The key says everything that the table depends on, the code's fingerprint included; its hash names the file.
    A damaged file is computed again.
    """
    path = Path(folder) / f"{hashlib.sha256(canonical(key)).hexdigest()[:32]}.parquet"
    if path.exists():
        try:
            return read(path)
        except StoreError:
            path.unlink()
    write(compute(), path, key)
    return read(path)


def lock(folder: Path | str) -> IO[str]:
    """Keep `folder` to this process while the returned file is open. Raises StoreError if another one has it.

    The kernel frees it when the process ends, however it ends: there is no stale lock.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / ".lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StoreError(f"{folder}: another run is writing here; wait for it or stop it") from None
    return file


def canonical(value: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and no blanks: equal contents, equal bytes. Refuses NaN and infinity."""
    return json.dumps(dict(value), sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _settled(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories in use only, in sorted order, so that how they were built leaves no trace."""
    columns = frame.select_dtypes("category").columns
    return frame.assign(
        **{c: frame[c].cat.set_categories(sorted(frame[c].dropna().unique())) for c in columns}
    )


def _joined(columns: Sequence[pd.Series], text: bool) -> pd.Series:
    if not text:
        return pd.concat(columns, ignore_index=True)
    return pd.Series(union_categoricals([c.astype("category") for c in columns], sort_categories=True))


def _texts(frame: pd.DataFrame) -> list[str]:
    return [
        column
        for column, kind in frame.dtypes.items()
        if isinstance(kind, pd.CategoricalDtype) or is_string_dtype(kind)
    ]


def _checked(path: Path | str, how: Callable[..., Any], **options: Any) -> Any:
    try:
        return how(path, **options)
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(f"{path}: not a whole parquet file ({reason})") from None


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
