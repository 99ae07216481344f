"""From the decay table to the lines of the hero: what is left of a gradient by lag, forget bias and route."""

from typing import NamedTuple

import pandas as pd

from carousel.analysis.stats.left import left
from carousel.analysis.stats.tables import grouped, select
from carousel.analysis.text import as_number, bias_order
from carousel.axes import LAGS, REFERENCE
from carousel.claims import defaults
from carousel.report.figures.data import prefer
from carousel.tables.runs import Runs

ROUTES = {"full": "all routes", "candidate": "gates frozen", "cell": "carousel alone"}  # path: its name
RIVAL = "rnn_tanh"
PLACE = ["slice", "init", "drive", "hidden", "length"]  # what the LSTM and its rival share
SLICES = ("reach", "bias", "grid")  # the first that was measured
SHOWN = 0.75  # of the length: nearer to its start the state is still small, and the curves bend


class Lines(NamedTuple):
    """The lines of one init, and where they were measured.

    table: ``cell``, ``forget_bias``, ``path``, ``lag``, and ``left``, log10 of the norm relative to that at lag 0, the
    mean over repetitions; ``low`` and ``high``, those of the repetitions that have least and most left. biases: in
    order. horizon: the last lag. drive: how strong the input is.
    """

    table: pd.DataFrame
    biases: list[str]
    horizon: int
    init: str
    hidden: int
    length: int
    repetitions: int
    drive: str


def lines(decay: pd.DataFrame | Runs) -> Lines | None:
    """Return the lines of LSTM and tanh RNN at the init of the first library; None where no LSTM was measured."""
    rows = _rows(decay)
    if rows.empty:
        return None
    place = rows.iloc[0]
    horizon = max((lag for lag in LAGS if lag <= SHOWN * place["length"]), default=int(place["length"]))
    lags = sorted({*rows.loc[rows["lag"] <= horizon, "lag"], horizon})
    models = pd.concat([left(rows, "loss_state", path, lags).assign(path=path) for path in ROUTES])
    keys = ["cell", "forget_bias", "path", "lag"]
    table = models.groupby(keys, observed=True)["left"].agg(left="mean", low="min", high="max").reset_index()
    biases = [bias for bias in bias_order(table["forget_bias"]) if _told(bias)]
    sizes = int(place["hidden"]), int(place["length"]), models["repetition"].nunique()
    return Lines(table, biases, horizon, str(place["init"]), *sizes, str(place["drive"]))


def curve(lines: Lines, cell: str, bias: str, path: str) -> pd.DataFrame:
    """Return ``lag``, ``left``, ``low`` and ``high`` of one line, ascending in lag; empty where it was not measured."""
    found = select(lines.table, cell=cell, forget_bias=bias, path=path)
    return found.sort_values("lag")[["lag", "left", "low", "high"]]


def at(lines: Lines, bias: str, path: str, lag: int, what: str = "left") -> float:
    """Return what the LSTM has left at one lag, in decades: on the mean, or its ``low`` or ``high``."""
    found = curve(lines, "lstm", bias, path).set_index("lag")[what]
    return float(found.get(lag, float("nan")))


def _rows(decay: pd.DataFrame | Runs) -> pd.DataFrame:
    """Return the rows of the place that the hero shows: LSTM and rival of one slice, init, drive, width and length."""
    rows = select(
        decay, quantity="loss_state", path=[*ROUTES], cell=["lstm", RIVAL], trained="no", gain=1.0, bias=0.0
    )
    rows = prefer(rows[rows["hidden"] > 1], "backend", REFERENCE)
    for column, values in (("slice", SLICES), ("init", [defaults.FIRST])):
        rows = prefer(rows, column, *values)
    for column in ("length", "hidden", "drive"):
        rows = rows[rows[column] == rows[column].max()] if column != "drive" else prefer(rows, column, "unit")
    _, places = grouped(rows, PLACE) if len(rows) else (None, rows)
    return rows if (rows["cell"] == "lstm").any() and len(places) == 1 else rows.iloc[:0]


def _told(bias: str) -> bool:
    """Return whether the control offers a forget bias: a number, or chrono for the length."""
    return as_number(bias) == as_number(bias) or bias == "chrono"
