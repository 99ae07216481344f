"""Many tables on disk as one, in the order of `stacking.stack`, in memory that does not grow with their rows.

A job's table has its rows in order already, so that putting tables together is a merge: a batch of each table is
held, and a row group of the result.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from pathlib import Path

import numpy as np
import pyarrow as pa

from carousel.tables import parquet
from carousel.tables.categories import categories, coded, text_columns, texts_in
from carousel.tables.files import StoreError
from carousel.tables.stacking import stack

ROWS = 2**18  # of a row group: 35 MB of a decay table
HELD = 4  # as many rows in all batches together, in row groups: smaller batches take longer
FEWEST = 2**10  # of a batch, however many tables there are
Kinds = Mapping[str, list[str]]
"""Per column of text, the texts that occur, in order."""


@dataclass(frozen=True)
class Survey:
    """What has to be known of a table before the merge; ``ordered``: its rows are in the order of `stacking.stack`."""

    path: Path
    schema: pa.Schema
    rows: int
    kinds: Kinds
    ordered: bool


def gather(paths: Sequence[Path], out: Path, origin: parquet.Provenance, rows: int = ROWS) -> None:
    """Write the tables at `paths` one below the other, with their `origin`, in row groups of `rows`.

    Raises StoreError if one is not a whole table, if their columns differ, or if there is none.
    """
    surveys = [survey(path) for path in paths]
    if len({tuple(each.schema.names) for each in surveys}) != 1:
        raise StoreError("tables with different columns, or none, cannot be put together")
    # parquet forgets what an empty column holds
    surveys = [each for each in surveys if each.rows] or surveys[:1]
    texts = [c for c in surveys[0].schema.names if any(c in each.kinds for each in surveys)]
    kinds = {c: sorted({text for each in surveys for text in each.kinds.get(c, ())}) for c in texts}
    schema, batch = common([each.schema for each in surveys], kinds), max(FEWEST, HELD * rows // len(surveys))
    readers = [Reader(tables(each, batch), kinds, schema) for each in surveys]
    parquet.write_groups(regrouped(merged(readers), rows), schema, out, origin)


def survey(path: Path) -> Survey:
    """Read the columns of text of the table at `path`."""
    schema = parquet.schema(path)
    texts = text_columns(schema.empty_table())
    found: dict[str, set[str]] = {c: set() for c in texts}
    rows, ordered, last = 0, True, list[tuple[bool, str]]()
    for table in parquet.batches(path, ROWS, texts or schema.names[:1]):
        kinds = {c: texts_in([table[c]]) for c in texts}
        keys = runs(codes(table, kinds))[1]
        ordered &= keys == sorted(keys) and last <= words(table, 0, texts)
        found = {c: found[c].union(kinds[c]) for c in texts}
        rows, last = rows + len(table), words(table, len(table) - 1, texts)
    return Survey(path, schema, rows, {c: sorted(found[c]) for c in texts}, ordered)


def words(table: pa.Table, row: int, texts: Iterable[str]) -> list[tuple[bool, str]]:
    """The texts of one row, to be compared; no text comes before any."""
    found = [table[c][row].as_py() for c in texts]
    return [(text is not None, text or "") for text in found]


def common(schemas: Sequence[pa.Schema], kinds: Kinds) -> pa.Schema:
    """The schema of the result: texts are categories, a number has the widest of its types."""
    small = {c: pa.from_numpy_dtype(np.min_scalar_type(-len(texts) - 1)) for c, texts in kinds.items()}
    category = {c: pa.dictionary(small[c], pa.string()) for c in kinds}
    typed = [pa.schema([f.with_type(category.get(f.name, f.type)) for f in schema]) for schema in schemas]
    return pa.unify_schemas(typed, promote_options="permissive")


def tables(found: Survey, batch: int) -> Iterator[pa.Table]:
    """The rows of a table in order, `batch` at a time; one that is not in order is loaded and put so."""
    if found.ordered:
        yield from parquet.batches(found.path, batch)
    else:
        whole = stack([parquet.load(found.path)])
        yield from (whole.slice(start, batch) for start in range(0, len(whole), batch))


def codes(table: pa.Table, kinds: Kinds) -> np.ndarray:
    """The columns of text as places in `kinds` [texts, rows], -1 where there is no text."""
    empty = np.empty((0, len(table)), np.int8)
    return np.array([coded(table[c], kinds[c]) for c in kinds]) if kinds else empty


def runs(codes: np.ndarray) -> tuple[list[int], list[bytes]]:
    """Where each run of equal columns of `codes` starts, and where the last one ends; and keys that sort as they do."""
    changes = (codes[:, 1:] != codes[:, :-1]).any(axis=0)
    starts = np.append(0, np.flatnonzero(changes) + 1)
    keys = (codes[:, starts].astype(np.int64) + 1).astype(">u4").T
    return [*starts.tolist(), codes.shape[1]], [key.tobytes() for key in keys]


class Reader:
    """The rows of one table, run by run; a batch of them is at hand."""

    def __init__(self, tables: Iterator[pa.Table], kinds: Kinds, schema: pa.Schema) -> None:
        self.tables, self.kinds, self.schema = tables, kinds, schema
        self.at, self.keys = 0, list[bytes]()

    def key(self) -> bytes | None:
        """The key of the next run; None at the end."""
        if self.at == len(self.keys):
            batch = next(self.tables, None)
            if batch is None:
                return None
            found = codes(batch, self.kinds)
            self.batch, (self.starts, self.keys), self.at = self.recoded(batch, found), runs(found), 0
        return self.keys[self.at]

    def recoded(self, batch: pa.Table, codes: np.ndarray) -> pa.Table:
        """`batch` with the categories and types of the result."""
        texts = {c: categories(code, self.kinds[c]) for c, code in zip(self.kinds, codes, strict=True)}
        columns = [texts.get(c, batch[c]) for c in self.schema.names]
        return pa.table(columns, self.schema.names).cast(self.schema)

    def take(self, limit: tuple[bytes, bool] | None) -> pa.Table:
        """The rows of the batch up to a key, and with it where the second is true; all without a limit."""
        start, end = self.at, len(self.keys)
        if limit:
            end = (bisect_right if limit[1] else bisect_left)(self.keys, limit[0], start)
        self.at = end
        return self.batch.slice(self.starts[start], self.starts[end] - self.starts[start])


def merged(readers: Sequence[Reader]) -> Iterator[pa.Table]:
    """All rows, in order; those of equal texts in the order of the readers."""
    heap = [(key, place) for place, reader in enumerate(readers) if (key := reader.key()) is not None]
    heapify(heap)
    while heap:
        place = heappop(heap)[1]
        yield readers[place].take((heap[0][0], place < heap[0][1]) if heap else None)
        if (key := readers[place].key()) is not None:
            heappush(heap, (key, place))


def regrouped(pieces: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """The rows of `pieces` in tables of `rows`, the last one of what is left, whatever pieces they came in."""
    held, count = list[pa.Table](), 0
    for piece in pieces:
        while len(piece):
            part = piece.slice(0, rows - count)
            held.append(part)
            count, piece = count + len(part), piece.slice(len(part))
            if count == rows:
                count = 0
                yield joined(held)
    if held:
        yield joined(held)


def joined(held: list[pa.Table]) -> pa.Table:
    """One table of all that are held, which are then let go."""
    table = pa.concat_tables(held).combine_chunks()
    held.clear()
    return table
