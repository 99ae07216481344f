"""Recommended settings: those that carry a gradient over a lag, and what was learned with them."""

import math
from types import SimpleNamespace
from typing import Any

import pandas as pd

from carousel.analysis.text import count, listed, steps
from carousel.report import names
from carousel.report.page.markup import escape, number, table
from carousel.report.page.measurements import drawn

CELLS = ("lstm", "gru", "rnn_tanh", "rnn_relu")  # what libraries have
WORDS = {"task": names.task, "cell": names.cell, "init": names.init, "forget_bias": names.forget_bias}
NOTHING = "This study measured no setting that could be recommended."


def recommended(data: SimpleNamespace) -> str:
    """A row per lag, a column per cell: the setting closest to a library's own that keeps the gradient."""
    found = data.advice.set_index(["lag", "cell"])
    cells = [name for name in CELLS if name in set(data.advice["cell"])]
    if not cells:
        return NOTHING
    rows = [
        (f"{count(lag)} steps", *(choice(found, lag, cell) for cell in cells))
        for lag in sorted(set(data.advice["lag"]))
    ]
    head = ("Lag", *(names.cell(name) for name in cells))
    return table("What to set", head, rows, (9, *[20] * len(cells)))


def choice(found: pd.DataFrame, lag: int, cell: str) -> str:
    """One cell of the table: init, forget bias, half-life; or that no setting does it."""
    if (lag, cell) not in found.index:
        return "not measured"
    row = found.loc[(lag, cell)]
    if not row["kept"]:
        return f"none of the {count(row['n'])} measured" if row["n"] > 1 else "not the one measured"
    bias = (
        ""
        if row["forget_bias"] == "none"
        else f", forget bias {escape(names.forget_bias(row['forget_bias']))}"
    )
    return f"{escape(names.init(row['init']))} init{bias}: {life(row['half_life'])}"


def life(half_life: float) -> str:
    """A half-life in words."""
    return "does not shrink" if math.isinf(half_life) else f"halves in {steps(half_life)}"


def longest_solved(data: SimpleNamespace) -> str:
    """For each task, the longest length that anything solved: what did so most often, and the LSTM at its best."""
    parts = [part for _, part in data.learned.groupby("task", observed=True)]
    return "\n".join(f"- *{escape(names.task(part['task'].iloc[0]))}*: {solved_most(part)}" for part in parts)


def solved_most(rows: pd.DataFrame) -> str:
    """The longest length of one task that anything solved, and what did so most often."""
    solved, longest = rows[rows["solved"] > 0], rows["length"].max()
    if solved.empty:
        return "no setting solved any length in the training that this study gave it."
    length = solved["length"].max()
    here = rows[rows["length"] == length]
    text = f"{count(length)} steps were solved most often by {often(here)}"
    own = here[here["cell"] == "lstm"]
    if len(own) and own["solved"].max() < here["solved"].max():
        text += f"; of the LSTMs, by {often(own)}"
    return f"{text}. Nothing solved {count(longest)} steps." if length < longest else f"{text}."


def often(rows: pd.DataFrame) -> str:
    """The settings with the largest share of solved seeds, and that share."""
    first = rows[rows["solved"] == rows["solved"].max()]
    row = first.iloc[0]
    share = rf"{count(row['solved'])} of {count(row['seeds'])} seeds \[{row['low']:.0%}, {row['high']:.0%}\]"
    return f"{listed([setting(each) for each in first.itertuples()])}, in {share}"


def setting(row: Any) -> str:
    """Cell and forget bias."""
    bias = names.forget_bias(row.forget_bias)
    return escape(names.cell(row.cell)) + ("" if bias == "none" else f" at forget bias {escape(bias)}")


def learned(data: SimpleNamespace) -> str:
    """The picture, and a row per task and setting: half-life before training, seeds that solved each length."""
    if data.learned.empty:
        return "This study trained nothing."
    lengths = sorted(set(data.learned["length"]))
    groups = data.learned.groupby([*WORDS], observed=True)
    rows = [
        (
            *(escape(said(value)) for said, value in zip(WORDS.values(), key, strict=True)),
            number(group["half_life"].iloc[-1]),
            *shares(group, lengths),
        )
        for key, group in groups
    ]
    head = ("Task", "Cell", "Init", "Forget bias", "Half-life", *(f"{length} steps" for length in lengths))
    text = table("Learning against decay", head, rows, (12, 8, 8, 6, 7, *[7] * len(lengths)))
    return f"{drawn(data, 'learned')}\n\n{text}"


def shares(group: pd.DataFrame, lengths: list[int]) -> list[str]:
    """The seeds that solved each length, of those tried."""
    found = {row.length: f"{count(row.solved)} of {count(row.seeds)}" for row in group.itertuples()}
    return [found.get(length, "") for length in lengths]


def rate_and_length(data: SimpleNamespace) -> str:
    """What the claims table says of the rate before training and the longest lag learned."""
    rows = data.claims[data.claims["id"] == "K3"]
    return f"{escape(rows['condition'].iloc[0])} [K3](#K3) has more." if len(rows) else ""
