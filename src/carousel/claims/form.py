"""A claim as data: which rows of a table, which number of each model, and the rule that decides it.

What this form cannot say is said in Python, as the modules beside this one do.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from carousel.analysis.stats.left import LOSS, left
from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import MODEL, RUN, difference, joined, repeated, select
from carousel.claims.claim import Tables
from carousel.claims.evidence import planned, wide
from carousel.claims.rules import MIN_REPETITIONS
from carousel.tables.runs import Runs

ABOVE, BELOW, WITHIN, OUTSIDE, EQUAL = "above", "below", "within", "outside", "equal"
SEARCHES = "universal", "existence"
SIDES = ABOVE, BELOW, WITHIN, OUTSIDE
MARGINS = WITHIN, OUTSIDE, EQUAL  # relations to a margin on both sides; the others are to a threshold
RELATIONS = {
    "comparison": SIDES,
    "trend": SIDES,
    "universal": SIDES,
    "existence": SIDES,
    "identity": (EQUAL,),
}
"""The relations that each kind of claim may state, of a number to its threshold or margin."""
TABLES = "decay", "dynamics", "accuracy"
SCORES = "accuracy", "loss", "solved"
"""What is a quantity in the table of accuracies: a column, of the last evaluation of a run."""


@dataclass(frozen=True)
class Form:
    """What decides a claim that is written as data; `form_text` says it in words."""

    kind: str
    table: str  # of TABLES
    quantity: str
    filter: Mapping[str, Any] = field(hash=False)  # column -> a value, a list of them, or bounds
    lag: tuple[
        int, ...
    ]  # what is left at it, or from the first to the second; none: the rate in decades per step
    relation: str
    threshold: float  # of "within" and "equal" the margin
    pairing: Mapping[str, Any] = field(hash=False)  # what the other model of a pair has instead
    family: tuple[str, ...]  # the columns whose values are decided apart
    shown: Mapping[str, Any] = field(default_factory=dict, hash=False)  # whose effect stands for the claim


def chosen(table: pd.DataFrame | Runs, wanted: Mapping[str, Any]) -> pd.DataFrame:
    """Return the rows whose columns have the values ``wanted``: one, any of a list, or one within bounds.

    bounds: a mapping with some of ``from``, ``to`` (both included) and ``not``.
    """
    bounds = {name: value for name, value in wanted.items() if isinstance(value, Mapping)}
    rows = select(table, **{name: value for name, value in wanted.items() if name not in bounds})
    for name, value in bounds.items():
        rows = rows[_within(rows[name], value)]
    return rows


def _within(column: pd.Series, bounds: Mapping[str, Any]) -> pd.Series:
    keep = pd.Series(True, column.index)
    for name, bound in bounds.items():
        keep &= {"from": column.ge, "to": column.le, "not": column.ne}[name](bound)
    return keep


def values(form: Form, tables: Tables) -> pd.DataFrame:
    """Return the ``value`` of each model: of a pair that of the one of the filter less that of the other.

    One row per model, MODEL beside it (of accuracies what names a run). For a search of what is always or ever so
    every row counts; else those of a search are left out, and settings of fewer than MIN_REPETITIONS repetitions.
    """
    own = _values(form, tables, {})
    if form.pairing:
        own = _less(own, _values(form, tables, form.pairing), form.pairing)
    return own if form.kind in SEARCHES else repeated(own, MIN_REPETITIONS)


def asked(form: Form, change: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the rows have to be, or those of the other model of a pair, which has the ``change``.

    The forget bias that is asked of one cell is not asked of another: it may have no forget gate.
    """
    own = {
        name: value for name, value in form.filter.items() if name != "forget_bias" or "cell" not in change
    }
    return {**own, "quantity": form.quantity, **change}


def _values(form: Form, tables: Tables, change: Mapping[str, Any]) -> pd.DataFrame:
    wanted = asked(form, change)
    found = READERS[form.table](form, getattr(tables, form.table), wanted)
    if form.kind not in SEARCHES and "slice" not in wanted:
        found = planned(found)
    return found.dropna(subset=["value"]).reset_index(drop=True)


def _of_decay(form: Form, decay: pd.DataFrame | Runs, wanted: dict[str, Any]) -> pd.DataFrame:
    """Return the rate of each model, or what is left at the lag in decades, or between two lags."""
    quantity, path = wanted.pop("quantity"), wanted.pop("path")
    rows = chosen(decay, {**wanted, "quantity": [quantity, LOSS[0]], "path": [path, LOSS[1]]})
    if not form.lag:
        return rates(rows, quantity, path)[[*MODEL, "rate"]].rename(columns={"rate": "value"})
    found = left(rows, quantity, path, form.lag)
    first, last = (select(found, lag=lag).drop(columns="lag") for lag in (form.lag[0], form.lag[-1]))
    if len(form.lag) == 1:
        return last.rename(columns={"left": "value"})
    both = joined(last, first, MODEL, "_first")
    return both[MODEL].assign(value=difference(both["left"], both["left_first"]))


def _of_dynamics(form: Form, dynamics: pd.DataFrame | Runs, wanted: dict[str, Any]) -> pd.DataFrame:
    return chosen(dynamics, wanted)[[*MODEL, "value"]]


def _of_accuracy(form: Form, accuracy: pd.DataFrame, wanted: dict[str, Any]) -> pd.DataFrame:
    column = wanted.pop("quantity")
    run = [*RUN, "length"]
    last = chosen(accuracy, wanted).sort_values("step", kind="stable").drop_duplicates(run, keep="last")
    return last[run].assign(value=last[column].astype(float))


READERS: Mapping[str, Callable[[Form, Any, dict[str, Any]], pd.DataFrame]] = {
    "decay": _of_decay,
    "dynamics": _of_dynamics,
    "accuracy": _of_accuracy,
}


def _less(own: pd.DataFrame, other: pd.DataFrame, pairing: Mapping[str, Any]) -> pd.DataFrame:
    """Return the models of ``own`` that have a partner in ``other``, less its value."""
    on = shared(own, other, pairing)
    both = own.merge(other[[*on, "value"]].drop_duplicates(on), on=on, suffixes=("", "_other"))
    return both.assign(value=difference(both["value"], both["value_other"])).drop(columns="value_other")


def shared(own: pd.DataFrame, other: pd.DataFrame, pairing: Mapping[str, Any]) -> list[str]:
    """Return the columns in which the two models of a pair agree: all but those of the pairing.

    Nor the forget bias where one of two cells has none.
    """
    without = {"forget_bias"} if "cell" in pairing and _none(own) != _none(other) else set()
    return [name for name in own if name in other and name not in {"value", *pairing, *without}]


def _none(models: pd.DataFrame) -> bool:
    return bool(models["forget_bias"].eq("none").all())


def space(form: Form, tables: Tables) -> pd.DataFrame:
    """Return one row per model that is searched, with its value on each backend in a column of its name."""
    return wide(values(form, tables), "value")


def errors(form: Form, tables: Tables) -> pd.DataFrame:
    """Return per model and lag ``measured`` and ``formula``, both log10, of the quantity and of what it is to equal."""
    table = getattr(tables, form.table)
    own, other = (chosen(table, asked(form, change)) for change in ({}, form.pairing))
    keys = [*MODEL, "lag"]
    both = joined(own[[*keys, "log10_norm"]], other[[*keys, "log10_norm"]], keys, "_formula")
    return both.rename(columns={"log10_norm": "measured", "log10_norm_formula": "formula"})


def holds(form: Form, values: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Return which values, a column per backend, are in the relation to the threshold; of none measured False."""
    found = {
        ABOVE: values > threshold,
        BELOW: values < threshold,
        WITHIN: values.abs() <= threshold,
        OUTSIDE: values.abs() > threshold,
    }
    return found[form.relation]
