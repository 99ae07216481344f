"""Columns of texts: as categories, and as places in a list of them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from jaxtyping import Int


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
    place_of = {text: place for place, text in enumerate(kinds)}
    known = [place_of.get(text, -1) for text in array.dictionary.to_pylist()]
    places = np.array([*known, -1], np.min_scalar_type(-len(kinds) - 1))
    return places[np.asarray(array.indices.fill_null(-1))]


def categories(code: Int[np.ndarray, " N"], kinds: Sequence[str]) -> pa.DictionaryArray:
    """The inverse of `coded`: categories by their places in `kinds`."""
    return pa.DictionaryArray.from_arrays(pa.array(code, mask=code < 0), pa.array(kinds, pa.string()))


def arrow(frame: pd.DataFrame) -> pa.Table:
    """`frame` as Arrow has it, without its index.

    Categories are those in use, in sorted order, so that how they were built leaves no trace.
    """
    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    for place, column in enumerate(table.columns):
        if pa.types.is_dictionary(column.type):
            kinds = texts_in([column])
            table = table.set_column(place, table.field(place).name, categories(coded(column, kinds), kinds))
    return table
