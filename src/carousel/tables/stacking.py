"""Tables of the same columns one below the other, in memory, sorted by their texts."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Int

from carousel.tables.categories import categories, coded, text_columns, texts_in
from carousel.tables.files import StoreError


def concat(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of the same columns one below the other, as `stack` puts them."""
    return stack([pa.Table.from_pandas(frame, preserve_index=False) for frame in frames]).to_pandas()


def stack(tables: Sequence[pa.Table]) -> pa.Table:
    """Tables of the same columns one below the other: texts become categories, which the rows are sorted by.

    Rows whose texts are all equal keep their order. Raises StoreError if the columns differ, or there is no table.
    """
    if len({tuple(table.column_names) for table in tables}) != 1:
        raise StoreError("tables with different columns, or none, cannot be put together")
    # parquet forgets what an empty column holds
    tables = [table for table in tables if len(table)] or tables[:1]
    kinds = {c: texts_in([table[c] for table in tables]) for c in text_columns(tables[0])}
    codes = [np.concatenate([coded(table[c], kinds[c]) for table in tables]) for c in kinds]
    whole = pa.concat_tables([table.drop_columns([*kinds]) for table in tables], promote_options="permissive")
    if codes:
        order = _order(np.array(codes))
        whole, codes = whole.take(order), [code[order] for code in codes]
    for (c, texts), code in zip(kinds.items(), codes, strict=True):
        whole = whole.append_column(c, categories(code, texts))
    return whole.select(tables[0].column_names).replace_schema_metadata(None)


def _order(codes: Int[np.ndarray, "texts rows"]) -> Int[np.ndarray, " rows"]:
    """The places of the columns of `codes` in sorted order, equal ones in theirs.

    There are fewer runs of equal columns than columns: those are what is sorted.
    """
    rows = codes.shape[1]
    starts = np.flatnonzero(np.append(True, (codes[:, 1:] != codes[:, :-1]).any(axis=0))[:rows])
    sorted_runs = np.lexsort(codes[::-1, starts])
    lengths = np.diff(starts, append=rows)[sorted_runs]
    ahead = np.cumsum(lengths) - lengths
    return np.repeat(starts[sorted_runs] - ahead, lengths) + np.arange(rows)
