"""What is left of an LSTM's gradient by route: everything, the gates frozen, the carousel alone, and by the input."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order, count, number
from carousel.axes import REFERENCE
from carousel.report import names
from carousel.report.page.markup import escape, table

CELL = "lstm"
LIBRARIES = ("libraries",)  # the slice of the libraries' defaults
ALONG_BIAS = ("grid", "bias")  # the slices that differ in the forget bias alone
SHORT = (10, 100)  # lags at which a line of forget biases is shown
SHOWN = {  # quantity, path: the head of its column
    ("loss_state", "full"): "All routes",
    ("loss_state", "candidate"): "Gates frozen",
    ("loss_state", "cell"): "Carousel alone",
    ("loss_x", "full"): "By the input",
}
WHERE = ["init", "forget_bias", "trained", "step", "lag"]  # what a line of a table is of
NOTHING = "This study did not measure it."


def defaults(data: SimpleNamespace) -> str:
    """The libraries' default LSTMs before training, at every lag that their sequences reach."""
    rows = longest(select(own(data.routes), slice=LIBRARIES, trained="no"))
    named = [(f"{names.init(init)} init", lag) for init, lag in zip(rows["init"], rows["lag"], strict=True)]
    return by_route("Libraries' defaults", ("Init", "Lag"), rows.assign(named=named), (18, 7))


def biases(data: SimpleNamespace) -> str:
    """One init along the forget bias before training, at the lags of SHORT."""
    rows = select(own(data.routes), slice=ALONG_BIAS, trained="no", lag=SHORT)
    rows = longest(rows[rows["drive"] == most(rows["drive"])])
    rows = in_order(rows[rows["init"] == most(rows["init"])])
    named = list(zip(map(names.forget_bias, rows["forget_bias"]), rows["lag"], strict=True))
    said = f"{names.init(most(rows['init']))} init" if len(rows) else ""
    return f"{escape(said)}\n\n" * bool(said) + by_route(
        "Forget biases", ("Forget bias", "Lag"), rows.assign(named=named), (18, 7)
    )


def training(data: SimpleNamespace) -> str:
    """Before and after training, slice by slice, at the longest lag that its longest sequences reach.

    Slices that train by another gradient, too, are left out: they repeat settings of the others.
    """
    rows = own(data.routes)
    rows = rows[rows["trained"] != "no"]
    rows = rows[~rows["slice"].isin(rows.loc[rows["gradient"] != "full", "slice"])]
    shown = [in_order(ends(group)) for _, group in rows.groupby("slice", sort=False)]
    rows = pd.concat(shown) if shown else rows
    named = [
        (
            names.spelled(row.slice),
            names.task(row.trained),
            names.init(row.init),
            names.forget_bias(row.forget_bias),
            count(row.step),
            row.lag,
        )
        for row in rows.itertuples()
    ]
    head = ("Slice", "Task", "Init", "Forget bias", "Steps of training", "Lag")
    return by_route("Before and after training", head, rows.assign(named=named), (8, 8, 9, 8, 8, 5))


def own(routes: pd.DataFrame) -> pd.DataFrame:
    """The reference backend's rows of the LSTM at gain 1, the texts as texts."""
    rows = select(routes, cell=CELL, backend=REFERENCE, gain=1.0, bias=0.0)
    texts = ["slice", "init", "forget_bias", "drive", "trained", "gradient", "quantity", "path"]
    return rows.astype(dict.fromkeys(texts, str))


def longest(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the longest sequences."""
    return rows[rows["length"] == rows["length"].max()]


def ends(rows: pd.DataFrame) -> pd.DataFrame:
    """Of one training slice the longest sequences and lag, at the first and the last step of training."""
    rows = longest(rows)
    rows = rows[rows["lag"] == rows["lag"].max()]
    return rows[rows["step"].isin([rows["step"].min(), rows["step"].max()])]


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows by forget bias."""
    place = bias_order(rows["forget_bias"]).index
    return rows.sort_values("forget_bias", key=lambda column: column.map(place), kind="stable")


def most(column: pd.Series) -> str:
    """The most frequent value; nothing where there is none."""
    return next(iter(column.value_counts().index), "")


def by_route(name: str, head: Sequence[str], rows: pd.DataFrame, widths: Sequence[int]) -> str:
    """A line per setting and lag, a column per route of SHOWN; `named` has the first cells of a line."""
    rows = rows[[pair in SHOWN for pair in zip(rows["quantity"], rows["path"], strict=True)]]
    if rows.empty:
        return NOTHING
    keys = [*WHERE, "slice", "drive", "hidden"]
    lines = [
        (*(escape(cell) for cell in group["named"].iloc[0]), *cells(group))
        for _, group in rows.groupby(keys, observed=True, sort=False)
    ]
    wide = [*widths, *[16] * len(SHOWN)]
    return table(name, (*head, *SHOWN.values()), lines, wide)


def cells(rows: pd.DataFrame) -> list[str]:
    """What is left by each route of SHOWN, with its interval; of all routes the word for it."""
    found = {(row.quantity, row.path): row for row in rows.itertuples()}
    return [left(found[pair]) if pair in found else "" for pair in SHOWN]


def left(row: Any) -> str:
    """What is left in decades, its interval and state."""
    known = pd.notna(row.low) and pd.notna(row.high)
    between = f" \\[{number(row.low)}, {number(row.high)}\\]" if known else ""
    return f"{number(row.left)}{between}, {escape(row.state)}"
