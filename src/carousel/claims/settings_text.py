"""Settings in words: of one model, of a part of the evidence, and all that a claim rests on."""

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import SETTING, grouped
from carousel.analysis.text import bias_order, counted, listed, number
from carousel.claims import defaults
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
    return f"{count}. Varied: {'; '.join(words)}." if words else f"{count}."


def slices(rows: pd.DataFrame) -> str:
    """Return the names of the slices that measured rows are in, separated by spaces."""
    return " ".join(sorted(map(str, rows["slice"].unique()))) if len(rows) else ""


def _distinct(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    return grouped(rows, columns)[1]


def _values(name: str, seen: pd.Series) -> str:
    """Return the values of a factor: all of them, or from which to which where there are many."""
    if len(seen) <= LISTED:
        order = bias_order(seen) if name in TEXTS else sorted(seen)
        return listed(
            [number(value) if isinstance(value, float) else names.value(name, f"{value}") for value in order]
        )
    numbers = pd.to_numeric(pd.Series(seen).astype(str), errors="coerce").dropna()
    spread = f" from {number(numbers.min())} to {number(numbers.max())}" if len(numbers) else ""
    return f"{len(seen)} values{spread}"


def named(row: pd.Series) -> str:
    """Return a setting in words: cell, init, gain, forget bias, length, training."""
    if row["slice"] == defaults.SLICE:
        return f"{names.default(str(row['init']), str(row['cell']))}, T = {row['length']}"
    words = [names.cell(str(row["cell"])), f"{names.init(str(row['init']))} init"]
    words += [f"gain {row['gain']:g}"] if row["gain"] != 1 else []
    words += [f"bias {row['bias']:g}"] if row["bias"] != 0 else []
    words += [names.at_bias(str(row["forget_bias"]))] if row["forget_bias"] != "none" else []
    words += [f"T = {row['length']}"]
    words += (
        [f"trained on {names.task(str(row['trained']))} for {row['step']} steps"]
        if row["trained"] != "no"
        else []
    )
    return ", ".join(words)


def in_words(table: pd.DataFrame) -> pd.Series:
    """Return cell and forget bias of each row in words."""
    labels = labelled(table)
    return labels.map({label: names.label(label) for label in labels.unique()})


def labelled(table: pd.DataFrame) -> pd.Series:
    """Return "cell/forget bias" for each row, or the cell alone where it has no forget gate."""
    bias = table["forget_bias"].astype(str)
    return table["cell"].astype(str) + ("/" + bias).where(bias != "none", "")
