"""What a claim in YAML asks of the tables that they do not have: wishes of its filter, values of a list, lags."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from carousel.claims.claim import Tables
from carousel.claims.form import Form, asked, chosen
from carousel.study.errors import allowed, short


def absent(form: Form, tables: Tables) -> list[str]:
    """A line for each value of the filter, else of the pairing, that no row has beside what stands before it."""
    found = _lines(form, tables, {})
    return [f"filter: {line}" for line in found] or [
        f"pairing: {line}" for line in _lines(form, tables, form.pairing)
    ]


def _lines(form: Form, tables: Tables, change: Mapping[str, Any]) -> list[str]:
    wanted, table = asked(form, change), getattr(tables, form.table)
    quantity = wanted.pop("quantity")
    rows = chosen(table, {} if form.table == "accuracy" else {"quantity": quantity})
    return [*_of_filter(form, rows, wanted)]


def _of_filter(form: Form, rows: pd.DataFrame, wanted: Mapping[str, Any]) -> Iterator[str]:
    for name, value in wanted.items():
        there = rows[name]
        for each in value if isinstance(value, list) else [value]:
            if chosen(rows, {name: each}).empty:
                yield f"{name}: found {short(each)}; {allowed(each, sorted(there.astype(str).unique()))}"
        rows = chosen(rows, {name: value})
        if rows.empty:
            return
    if beyond := [lag for lag in form.lag if lag > rows["lag"].max()]:
        yield f"lag: found {beyond[0]}; allowed: up to {rows['lag'].max()}"
