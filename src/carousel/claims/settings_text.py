"""The settings that a claim rests on, in words."""

import pandas as pd

from carousel.analysis.stats.tables import SETTING, grouped
from carousel.analysis.text import bias_order, counted, listed, number
from carousel.tables.columns import FACTORS

WORDS = {name: column.words for name, column in FACTORS.items() if column.words}
TEXTS = "forget_bias", "drive"  # factors of numbers and names, as texts
LISTED = 12  # values of a factor that are listed; more are counted


def described(rows: pd.DataFrame) -> str:
    """Return how many settings and models are behind measured rows, and the values of each factor that varies.

    A model on several backends is one model. Where a task is trained the step is one of evaluation, and no factor.
    """
    factors = {name for name in (*SETTING, *WORDS) if name in rows} - ({"step"} if "task" in rows else set())
    models = _distinct(rows, [name for name in rows if name in {*factors, "repetition"}])
    if models.empty:
        return "Nothing was measured."
    settings = len(_distinct(models, [name for name in models if name != "repetition"]))
    varied = {name: models[name].dropna().unique() for name in WORDS if name in factors}
    words = [f"{WORDS[name]} {_values(name, seen)}" for name, seen in varied.items() if len(seen) > 1]
    count = f"{counted(settings, 'setting')}, {counted(len(models), 'model')}"
    return f"{count}; varied: {'; '.join(words)}." if words else f"{count}."


def slices(rows: pd.DataFrame) -> str:
    """Return the names of the slices that measured rows are in, separated by spaces."""
    return " ".join(sorted(set(rows["slice"].astype(str)))) if len(rows) else ""


def _distinct(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return grouped(rows, columns)[1]


def _values(name: str, seen: pd.Series) -> str:
    """Return the values of a factor: all of them, or from which to which where there are many."""
    if len(seen) <= LISTED:
        order = bias_order(seen) if name in TEXTS else sorted(seen)
        return listed([number(value) if isinstance(value, float) else f"{value}" for value in order])
    numbers = pd.to_numeric(pd.Series(seen).astype(str), errors="coerce").dropna()
    spread = f" from {number(numbers.min())} to {number(numbers.max())}" if len(numbers) else ""
    return f"{len(seen)} values{spread}"
