"""Rows and columns of the measured tables: which are one model, one setting, one run; and which belong together."""

import numpy as np
import pandas as pd

MODEL = ["backend", "device", "dtype", "slice", "cell", "init", "gain", "forget_bias", "bias", "hidden",
         "length", "repetition", "trained", "step", "gradient"]  # fmt: skip
PAIR = [name for name in MODEL if name not in ("backend", "device")]  # the same model on either backend
SETTING = [name for name in PAIR if name != "repetition"]
RUN = ["backend", "device", "dtype", "slice", "cell", "init", "gain", "forget_bias", "hidden", "task",
       "repetition", "gradient"]  # fmt: skip


def select(table: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Return the rows whose columns equal the values given (a list or tuple: any of them)."""
    keep = np.ones(len(table), bool)
    for name, value in wanted.items():
        values = list(value) if isinstance(value, (list, tuple)) else [value]
        keep &= table[name].isin(values).to_numpy()
    return table[keep]


def by_repetition(table: pd.DataFrame, column: str, how: str = "median") -> np.ndarray:
    """Return one value per repetition: the median (or mean) of ``column`` over the settings, the same in each.

    Where the median would be the mean of two opposite infinities it is the lower one.
    """
    groups = crossed(table.dropna(subset=[column])).groupby("repetition", observed=True)[column]
    values = groups.agg(how)
    return values.where(values.notna(), groups.min()).to_numpy(float)


def crossed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the settings with at least as many repetitions as most, in the repetitions that all share.

    Else the settings behind a repetition's value would differ from one repetition to the next.
    """
    keys = [name for name in ["backend", *SETTING, "task", "rival"] if name in table]
    if not keys or table.empty:
        return table
    codes = table.groupby(keys, observed=True, dropna=False).ngroup().to_numpy()
    places, names = pd.factorize(table["repetition"])
    seen = np.zeros((codes.max() + 1, len(names)), bool)
    seen[codes, places] = True
    most = seen.sum(axis=1) >= np.quantile(seen.sum(axis=1), 0.5, method="lower")
    return table[most[codes] & seen[most].all(axis=0)[places]]


def repeated(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Return the rows of settings measured in at least ``minimum`` repetitions, backend by backend."""
    keys = [name for name in ["backend", *SETTING, "task", "rival"] if name in table]
    counts = table.groupby(keys, observed=True, dropna=False)["repetition"].transform("nunique")
    return table[counts >= minimum]


def paired(table: pd.DataFrame, left: str, right: str, column: str = "rate") -> pd.DataFrame:
    """Return the models of cell ``left`` with ``column`` of cell ``right`` beside it as ``column_right``.

    Paired on everything but cell and forget bias: both cells saw the same seeds, data and length.
    """
    on = [name for name in [*MODEL, "task"] if name in table and name not in ("cell", "forget_bias")]
    other = select(table, cell=right)[[*on, column]].drop_duplicates(on)
    return select(table, cell=left).merge(other, on=on, suffixes=("", "_right"))


def difference(left: pd.Series, right: pd.Series) -> np.ndarray:
    """Return left - right, where two equal infinities differ by nothing."""
    left, right = np.asarray(left, float), np.asarray(right, float)
    with np.errstate(invalid="ignore"):
        return np.where(left == right, 0.0, left - right)
