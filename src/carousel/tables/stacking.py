"""Tables of the same columns one below the other, in memory, sorted by their texts."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa

from carousel.tables.categories import categories, coded, text_columns, texts_in
from carousel.tables.files import StoreError


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
    whole = pa.concat_tables(rows or numbers, promote_options="permissive").combine_chunks()
    for place, (c, texts) in enumerate(kinds.items()):
        code = np.concatenate([codes[k][place, start:end] for k, start, end in runs] or [codes[0][place]])
        whole = whole.append_column(c, categories(code, texts))
    return whole.select(tables[0].column_names).replace_schema_metadata(None)


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
