"""Rows and columns of the measured tables: which are one model, one setting, one run; and which belong together."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from carousel.tables import schemas
from carousel.tables.runs import Runs

MODEL = schemas.names("decay", "factor", "place")
PAIR = [name for name in MODEL if name not in ("backend", "device")]  # the same model on either backend
SETTING = [name for name in PAIR if name != "repetition"]
RUN = [name for name in schemas.names("accuracy", "factor", "place") if name != "length"]


def select(table: pd.DataFrame | Runs, **wanted: object) -> pd.DataFrame:
    """Return the rows whose columns equal the values given (a list or tuple: any of them)."""
    if isinstance(table, Runs):
        still = {name: value for name, value in wanted.items() if name in table.heads}
        rest = {name: value for name, value in wanted.items() if name not in still}
        return select(table.rows(_where(table.heads, still)), **rest)
    keep = _where(table, wanted)
    return table if keep.all() else table[keep]


def heads(table: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return a table with every value that occurs in the columns that say what a row is about, in order."""
    return table.heads if isinstance(table, Runs) else table


def _where(table: pd.DataFrame, wanted: Mapping[str, object]) -> np.ndarray:
    """Return which rows `select` keeps."""
    keep = np.ones(len(table), bool)
    for name, value in wanted.items():
        keep &= _among(table[name], list(value) if isinstance(value, (list, tuple)) else [value])
    return keep


def _among(column: pd.Series, values: list) -> np.ndarray:
    """Return which entries are one of ``values``; of a category the codes are compared, not the texts."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return (column == values[0] if len(values) == 1 else column.isin(values)).to_numpy()
    codes = column.array.codes
    found = np.zeros(len(codes), bool)
    for code in np.flatnonzero(column.cat.categories.isin(values)):
        found |= codes == code
    return found


def grouped(rows: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, pd.DataFrame]:
    """Return each row's group number [rows], in order of appearance, and the groups, one row each: their ``columns``.

    Rows of one group mostly stand together: the groups are made of runs of equal rows, which are far fewer.
    """
    codes = numbered(rows, columns)
    _, first = np.unique(codes, return_index=True)
    return codes, rows.take(first)[columns].reset_index(drop=True)


def numbered(rows: pd.DataFrame, columns: list[str]) -> np.ndarray:
    """Return the group number of each row."""
    values = [_numbers(rows[name]) for name in columns]
    changes = np.arange(len(rows)) == 0
    for column in values:
        changes[1:] |= column[1:] != column[:-1]
    start = np.flatnonzero(changes)
    code = np.zeros(len(start), int)
    for heads in (column[start] for column in values):
        if (heads != heads[:1]).any():
            each, seen = pd.factorize(heads, use_na_sentinel=False)
            code, _ = pd.factorize(code * len(seen) + each)
    return np.repeat(code, np.diff(start, append=len(rows)))


def _numbers(column: pd.Series) -> np.ndarray:
    """Return a column as an array that compares fast: a category or text by its code."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return column.array.codes
    return column.to_numpy() if column.dtype.kind in "biuf" else pd.factorize(column)[0]


def joined(left: pd.DataFrame, right: pd.DataFrame, on: list[str], suffix: str = "") -> pd.DataFrame:
    """Return the rows that agree in the many columns ``on``; other columns of ``right`` may need a ``suffix``.

    The columns are made one number first, so that they are compared once.
    """
    both = pd.concat([left[on], right[on]])
    key = numbered(both, [name for name in on if name != "lag"])
    key = key * (both["lag"].max() + 1) + both["lag"].to_numpy() if "lag" in on else key
    left, right = left.assign(key=key[: len(left)]), right.drop(columns=on).assign(key=key[len(left) :])
    return left.merge(right, on="key", suffixes=("", suffix or None)).drop(columns="key")


def sample(table: pd.DataFrame, column: str, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return what statistics need of a table: ``backend``, ``setting``, ``repetition`` and ``value``, after ``by``.

    One row for each row with a value in ``column``; setting numbers what is the same but for backend and repetition.
    """
    rows = table.dropna(subset=[column])
    keys = [name for name in [*SETTING, "task", "rival"] if name in rows]
    return rows[[*by]].assign(
        backend=rows["backend"], setting=numbered(rows, keys),
        repetition=rows["repetition"], value=rows[column].astype(float),
    )  # fmt: skip


def by_repetition(table: pd.DataFrame, column: str, how: str = "median") -> np.ndarray:
    """Return one value per repetition: the median (or mean) of ``column`` over the settings, the same in each.

    Where the median would be the mean of two opposite infinities it is the lower one.
    """
    rows = crossed(table[table[column].notna()])
    one = np.zeros(len(rows), int)
    values = rows[column].to_numpy(float)
    return centres_by_repetition(one, rows["repetition"].to_numpy(int), values, how)[1]


def samples(
    group: np.ndarray, setting: np.ndarray, repetition: np.ndarray, values: np.ndarray, how: str, size: int
) -> list[np.ndarray]:
    """Return one sample per group, from 0 to ``size``: what `by_repetition` returns of its rows.

    group, setting, repetition, values [rows]: of each row the numbers of its group and setting.
    """
    keep = complete(group, setting, repetition)
    of, found = centres_by_repetition(group[keep], repetition[keep], values[keep], how)
    return np.split(found, np.cumsum(np.bincount(of, minlength=size))[:-1])


def centres_by_repetition(
    group: np.ndarray, repetition: np.ndarray, values: np.ndarray, how: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups and the median (or mean) of the values [rows] of each of their repetitions, in order."""
    width = repetition.max(initial=0) + 1
    groups = pd.Series(values).groupby(group * width + repetition)
    found = groups.agg(how)
    unknown = found.isna()
    found = found.where(~unknown, groups.min()) if unknown.any() else found
    return found.index.to_numpy() // width, found.to_numpy(float)


def crossed(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the settings with at least as many repetitions as most, in the repetitions that all share.

    Else the settings behind a repetition's value would differ from one repetition to the next.
    """
    keys = [name for name in ["backend", *SETTING, "task", "rival"] if name in table]
    if not keys or table.empty:
        return table
    one = np.zeros(len(table), int)
    return table[complete(one, numbered(table, keys), table["repetition"].to_numpy())]


def complete(group: np.ndarray, setting: np.ndarray, repetition: np.ndarray) -> np.ndarray:
    """Return which rows [rows] of each group `crossed` keeps, by the numbers of the groups and of their settings."""
    if len(setting) == 0:
        return np.zeros(0, bool)
    codes, settings = pd.factorize(group * (setting.max() + 1) + setting)
    places, names = pd.factorize(repetition)
    seen = np.zeros((len(settings), len(names)), bool)
    seen[codes, places] = True
    of, count = settings // (setting.max() + 1), seen.sum(axis=1)
    most = count >= lower_medians(of, count, group.max() + 1)[of]
    shared = np.ones((group.max() + 1, len(names)), bool)
    np.logical_and.at(shared, of[most], seen[most])
    return most[codes] & shared[group, places]


def lower_medians(groups: np.ndarray, values: np.ndarray, size: int) -> np.ndarray:
    """Return the lower median of each group, shape (size,): ``groups`` numbers each value's; of none any value."""
    order, count = np.lexsort([values, groups]), np.bincount(groups, minlength=size)
    start = np.cumsum(count) - count
    return values[order][np.where(count > 0, start + (count - 1) // 2, 0)]


def repeated(table: pd.DataFrame, minimum: int) -> pd.DataFrame:
    """Return the rows of settings of which some backend measured at least ``minimum`` repetitions."""
    keys = [name for name in [*SETTING, "task", "rival"] if name in table]
    counts = table["repetition"].groupby(numbered(table, keys)).transform("nunique")
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
