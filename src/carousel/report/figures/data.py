"""From the measured tables to what a figure draws."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import SETTING, select
from carousel.axes import BACKENDS, NOISE


def prefer(table: pd.DataFrame, column: str, *values: object) -> pd.DataFrame:
    """Return the rows with the first of ``values`` that occurs, or else with the first value there is."""
    seen = list(table[column].unique())
    chosen = next((value for value in values if value in seen), seen[0] if seen else None)
    return select(table, **{column: chosen})


def longest(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the longest sequences."""
    return table[table["length"] == table["length"].max()]


def usual(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings that figures show: the main grid, a library's own init, the longest sequences."""
    table = select(table, trained="no")
    for column, values in (
        ("slice", ["grid"]),
        ("init", ["torch", "orthogonal"]),
        ("gain", [1.0]),
        ("bias", [0.0]),
        ("drive", [*NOISE]),
    ):
        table = prefer(table, column, *values)
    return prefer(longest(table), "hidden", 32)


def curves(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return log10 norm against lag per group and backend: the median over repetitions, ascending in lag."""
    keys = [*by, "backend", "lag"]
    return table.groupby(keys, observed=True)["log10_norm"].median().reset_index().sort_values(keys)


def settings(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the median over repetitions and backends of the ``columns``, one row per setting."""
    keys = [name for name in [*SETTING, "rival"] if name in table]
    return table.groupby(keys, observed=True, dropna=False)[list(columns)].median().reset_index()


def either(space: pd.DataFrame) -> pd.DataFrame:
    """Return the space with ``value``: the mean of the backends that measured."""
    return space.assign(value=space[list(BACKENDS)].mean(axis=1))


def jitter(n: int) -> np.ndarray:
    """Return n horizontal shifts in [-0.3, 0.3], the same ones every time, that keep dots apart."""
    return 0.6 * ((np.arange(n) * 0.6180339887) % 1) - 0.3
