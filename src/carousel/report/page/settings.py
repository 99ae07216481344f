"""The decay of the study's settings as tables, read from summary.parquet."""

from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import bias_order, count
from carousel.axes import BACKENDS, REFERENCE
from carousel.report import names
from carousel.report.page.markup import escape, interval, number, per_cent, table

GRID = "grid"  # the slice that sweeps cell, init and forget bias; a study without one shows its largest
BREADTH = "breadth"  # the slice that has every cell
NOTHING = "This study measured no decay before training."


def untrained(summary: pd.DataFrame, wanted: str = GRID) -> pd.DataFrame:
    """The settings of the tables: the full gradient before training in one slice, at its longest length."""
    full = {"quantity": "loss_state", "path": "full", "trained": "no"}
    part = summary[(summary[list(full)].astype(str) == full).all(axis=1)]
    for name, choice in (("backend", REFERENCE), ("slice", wanted)):
        part = part[part[name] == (choice if choice in set(part[name]) else common(part[name]))]
    for name in ("length", "hidden"):
        part = part[part[name] == part[name].max()]
    for name in ("device", "dtype", "gain", "bias"):
        part = part[part[name] == common(part[name])]
    return part


def common(column: pd.Series) -> object:
    """The most frequent value, None where there is none."""
    return next(iter(column.value_counts().index), None)


def rates(data: SimpleNamespace) -> str:
    """A row per cell and forget bias at the init that most slices use."""
    part = untrained(data.summary)
    slices = data.summary[["init", "slice"]].drop_duplicates()
    init = common(slices.loc[slices["init"].isin(set(part["init"])), "init"])
    return by_setting("Decay by setting", part[part["init"] == init]) if len(part) else NOTHING


def breadth(data: SimpleNamespace) -> str:
    """The rates of every cell that there is, at the init that most have."""
    if BREADTH not in set(data.summary["slice"].astype(str)):
        return "This study did not measure every cell."
    part = untrained(data.summary, BREADTH)
    return by_setting("Decay of every cell", part[part["init"] == common(part["init"])])


def by_setting(name: str, part: pd.DataFrame) -> str:
    """A row per setting, the fastest decay first, below what all of them share."""
    part = part.sort_values("rate", kind="stable")
    rows = [
        (*setting(row.cell, row.forget_bias), f"{number(row.rate)} {interval(row.low, row.high)}",
         number(row.half_life), lost(row.float32_lag, row.float32_end, row.float32_extrapolated),
         lost(row.float64_lag, row.float64_end, row.float64_extrapolated), shape(row), regime(row))
        for row in part.itertuples()
    ]  # fmt: skip
    head = (
        "Cell",
        "Forget bias",
        "Rate and interval",
        "Half-life",
        "float32",
        "float64",
        "Best fit",
        "Regime",
    )
    return f"{which(part.iloc[0])}\n\n" + table(name, head, rows, (13, 8, 22, 9, 11, 11, 16, 16))


def setting(cell: str, bias: str) -> tuple[str, str]:
    """Two cells of a table: the recurrent cell and its forget bias."""
    return escape(names.cell(cell)), escape(names.forget_bias(bias))


def which(row: pd.Series) -> str:
    """The factors that all rows of the table share."""
    label = BACKENDS[row["backend"]].label
    return (
        f"Init *{escape(names.init(row['init']))}*, gain {row['gain']:g}, drive {escape(row['drive'])}, "
        f"{row['hidden']} units, {count(row['length'])} steps, {row['repetitions']} repetitions, measured by "
        f"{label} in {escape(row['dtype'])}."
    )


def lost(lag: float, end: str, extrapolated: bool) -> str:
    """The lag at which a precision loses the gradient; "about" where it lies beyond the lags measured."""
    if end not in ("underflow", "overflow"):
        return escape(end)
    word = {"underflow": "", "overflow": " (overflow)"}[end]
    return f"{'about ' if extrapolated else ''}{count(round(lag))}{word}"


def shape(row: pd.Series) -> str:
    """The best model and the share of the repetitions that it is the best in."""
    return f"{escape(row.best)} ({per_cent(row.best_share)})" if row.best != "none" else "none"


def regime(row: pd.Series) -> str:
    """The regime with its margin, where it has one."""
    return f"{escape(row.regime)}, by {number(row.margin)}" if row.margin > 0 else escape(row.regime)


def half_lives(data: SimpleNamespace) -> str:
    """The half-life by init, a row per cell and forget bias; nothing where there is one init."""
    part = untrained(data.summary)
    inits = sorted(set(part["init"].astype(str)))
    if len(inits) < 2:
        return ""
    order = bias_order(part["forget_bias"])
    groups = part.assign(init=part["init"].astype(str)).groupby(["cell", "forget_bias"], observed=True)
    rows = [
        (*setting(cell, bias), *(life(group[group["init"] == init]) for init in inits))
        for (cell, bias), group in sorted(groups, key=lambda pair: (pair[0][0], order.index(pair[0][1])))
    ]
    head = ("Cell", "Forget bias", *(escape(names.init(init)) for init in inits))
    return "Half-lives in steps, by init:\n\n" + table("Half-lives", head, rows, (13, 8, *[10] * len(inits)))


def life(rows: pd.DataFrame) -> str:
    """The half-life of a setting, or its regime where it does not vanish."""
    if rows.empty:
        return ""
    row = rows.iloc[0]
    return number(row["half_life"]) if row["regime"] == "vanishing" else escape(row["regime"])
