"""What the published findings are read from: one number per repetition, on the reference backend."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.stats.attractor import kaplan_yorke
from carousel.analysis.stats.learning import time_to_solve
from carousel.analysis.stats.tables import select
from carousel.axes import REFERENCE


class Measured(NamedTuple):
    """The gathered tables that findings are read from."""

    accuracy: pd.DataFrame
    dynamics: pd.DataFrame


Values = Callable[[Measured], pd.Series]
"""One number per repetition; none where the study lacks the rows."""
Factors = dict[str, Any]


def network(slice_: str, length: int, cell: str, init: str, forget_bias: str = "none") -> Factors:
    """The factors that name the runs of one network."""
    return {"slice": slice_, "length": length, "cell": cell, "init": init, "forget_bias": forget_bias}


def sooner(first: Factors, second: Factors) -> Values:
    """Octaves of steps by which the `first` network solves its task before the `second`, for an order.

    One that does not solve it counts as if it did so at the last step, so that the effect is no farther from zero than
    it would be with more steps. NaN where no run of either does.
    """

    def values(tables: Measured) -> pd.Series:
        last = np.log2(max(rows_of(tables.accuracy, which)["step"].max() for which in (first, second)))
        bounds = above(*(within(octaves_to_solve(which), last) for which in (second, first)))(tables)
        return bounds * np.nan if as_soon(first, second)(tables).isna().all() else bounds

    return values


def as_soon(first: Factors, second: Factors) -> Values:
    """As `sooner`, for a plateau: infinite where one of the two does not solve its task, NaN where neither does."""
    return above(octaves_to_solve(second), octaves_to_solve(first))


def octaves_to_solve(which: Factors) -> Values:
    """log2 of the steps until the task is solved, infinite where it is not."""

    def values(tables: Measured) -> pd.Series:
        runs = time_to_solve(rows_of(tables.accuracy, which)).set_index("repetition")
        return np.log2(runs["time"].astype(float).clip(lower=1)).where(runs["solved"].astype(bool), np.inf)

    return values


def below_baseline(which: Factors) -> Values:
    """By how much the test loss at the last evaluation is below that of the best predictor without memory."""

    def values(tables: Measured) -> pd.Series:
        rows = rows_of(tables.accuracy, which).sort_values("step").groupby("repetition").tail(1)
        return rows.set_index("repetition")["baseline_loss"] - rows.set_index("repetition")["loss"]

    return values


def largest_exponent(which: Factors) -> Values:
    """The largest Lyapunov exponent before training, in decades per step."""
    return lambda tables: spectra(tables, which).get(1, pd.Series(dtype=float))


def dimension_per_unit(which: Factors) -> Values:
    """The Kaplan-Yorke dimension of the attractor before training, over the number of units."""
    return lambda tables: spectra(tables, which).apply(kaplan_yorke, axis=1).astype(float) / which["hidden"]


def spectra(tables: Measured, which: Factors) -> pd.DataFrame:
    """The exponents before training, a row per repetition, a column per exponent from 1."""
    rows = rows_of(tables.dynamics, which | {"quantity": "lyapunov", "trained": "no"})
    return rows.pivot(index="repetition", columns="index", values="value")


def rows_of(table: pd.DataFrame, which: Factors) -> pd.DataFrame:
    """The rows of the reference backend with these factors."""
    return select(table, backend=REFERENCE, **which)


def within(values: Values, most: float) -> Values:
    """What is larger than `most` as if it were so much."""
    return lambda tables: values(tables).clip(upper=most)


def negative(values: Values) -> Values:
    """What has the opposite sign."""
    return lambda tables: -values(tables)


def above(first: Values, second: Values) -> Values:
    """By how much the first is above the second, where both have a repetition."""

    def values(tables: Measured) -> pd.Series:
        both = pd.concat([first(tables), second(tables)], axis=1, join="inner", keys=("first", "second"))
        return both["first"] - both["second"]

    return values
