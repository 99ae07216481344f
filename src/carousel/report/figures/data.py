"""From the measured tables to what a figure draws."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import SETTING, select
from carousel.axes import BACKENDS, LIBRARIES, NOISE, REFERENCE, STANDARD_DRIVE
from carousel.claims import defaults


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
        ("slice", ["grid", "spectrum"]),
        ("init", ["torch", "orthogonal"]),
        ("gain", [1.0]),
        ("bias", [0.0]),
        ("drive", [*NOISE]),
    ):
        table = prefer(table, column, *values)
    return prefer(longest(table), "hidden", 32)


def curves(table: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return log10 norm against lag per group: the median over the sample's repetitions, ascending in lag."""
    keys = [*by, "lag"]
    return sample(table).groupby(keys, observed=True)["log10_norm"].median().reset_index().sort_values(keys)


def sample(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the reference backend, which measured every repetition; of another where it measured none."""
    return prefer(table, "backend", REFERENCE)


def settings(table: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """Return the median over the sample's repetitions of the ``columns``, one row per setting."""
    table = sample(table) if "backend" in table else table
    keys = [name for name in [*SETTING, "rival"] if name in table]
    return table.groupby(keys, observed=True, dropna=False)[list(columns)].median().reset_index()


def comparable(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings that weights are compared by: at the standard drive, and the defaults of a ``library``."""
    table = with_library(table)
    return table[(table["library"] != "") | (table["drive"].astype(str) == STANDARD_DRIVE)]


def with_library(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings with the ``library`` whose defaults each is, nothing for the others."""
    usual = (table["slice"].astype(str) == defaults.SLICE) & table["init"].isin([*LIBRARIES])
    return table.assign(library=table["init"].astype(str).map(LIBRARIES).where(usual, ""))


def valued(space: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a column per backend with ``value``: the reference's, or another's where it has none."""
    measured = [name for name in BACKENDS if name in space and space[name].notna().any()]
    return space.assign(value=space[measured[0]] if measured else np.nan)


def jitter(n: int) -> np.ndarray:
    """Return n horizontal shifts in [-0.3, 0.3], the same ones every time, that keep dots apart."""
    return 0.6 * ((np.arange(n) * 0.6180339887) % 1) - 0.3
