"""What the section on stacks of layers prints: what depth does to the reach, as a sentence, a picture and a table."""

from collections.abc import Sequence
from types import SimpleNamespace

import pandas as pd

from carousel.analysis.depth import SETTING, against_one
from carousel.analysis.stats.tables import select
from carousel.report import names
from carousel.report.figures.data import sample
from carousel.report.page.markup import escape, number, table
from carousel.report.page.measurements import absent, drawn
from carousel.tables.columns import FACTORS

NAMED = ["init", "cell", "forget_bias"]  # what every line says of its setting, and is sorted by
ENDS = [0, -1]  # of the lags: the shortest and the longest are shown


def depth(data: SimpleNamespace) -> str:
    """The sentence, the picture and the table."""
    found = against_one(sample(data.depth))
    lags = sorted(found["lag"].unique())
    if not lags or found["layers"].max() == 1:
        return absent("stacks beside single layers")
    found = select(found, lag=[lags[end] for end in ENDS])
    return "\n\n".join([sentence(found), drawn(data, "depth"), by_stack(found)])


def sentence(found: pd.DataFrame) -> str:
    """In how many settings the deepest stacks bring more to their lowest layer than a single layer gets, or less."""
    deepest = found[found["layers"] == found["layers"].max()]
    parts = [
        f"{kind(residual)}: {'; '.join(counts(lag, rows) for lag, rows in part.groupby('lag'))}."
        for residual, part in deepest.groupby("residual")
    ]
    lowest = f"the lowest of {deepest['layers'].iloc[0]} layers"
    helps = f"Depth helps where at least twice as much of the gradient arrives at {lowest} as at a single one"
    return " ".join([f"{helps}, and hurts where at most half does.", *parts])


def kind(residual: bool) -> str:
    """What stacks are called at the start of a sentence."""
    return "With residual connections" if residual else "Plain stacks"


def counts(lag: int, rows: pd.DataFrame) -> str:
    """One lag: in how many settings depth helps, in how many it hurts, and by how much in the median one."""
    seen = rows["change"].value_counts()
    more, less, typical = seen.get("more", 0), seen.get("less", 0), rows["gained"].median()
    return (
        f"{lag} steps back it helps in {more} of {len(rows)} settings and hurts in {less} "
        f"(median gain: {number(typical)} decades)"
    )


def by_stack(found: pd.DataFrame) -> str:
    """A line per setting and lag, a column per stack: what is left at the lowest layer, against a single one."""
    stacks = sorted({(bool(r), int(n)) for n, r in zip(found["layers"], found["residual"], strict=True)})
    others = [name for name in SETTING if name not in NAMED]
    varied = [name for name in others if found[name].nunique() > 1]
    lines = []
    for _, part in found.groupby([*NAMED, *others, "lag"], observed=True):
        cells = {(bool(row.residual), int(row.layers)): left(row) for row in part.itertuples()}
        first = part.iloc[0]
        setting = escape(setting_text(first, varied))
        lines.append((setting, str(first["lag"]), *(cells.get(stack, "") for stack in stacks)))
    heads = (f"{n} layer{'s' * (n > 1)}{', residual' * residual}" for residual, n in stacks)
    return table("Stacks of layers", ("Setting", "Lag", *heads), lines, (24, 5, *[12] * len(stacks)))


def setting_text(row: pd.Series, varied: Sequence[str]) -> str:
    """A setting in words: cell, forget bias and init, and those of the other factors that vary."""
    known = names.setting(str(row["cell"]), str(row["forget_bias"])), f"{names.init(str(row['init']))} init"
    return ", ".join([*known, *(f"{FACTORS[name].words or name} {row[name]}" for name in varied)])


def left(row: object) -> str:
    """What is left, and what that is against a single layer."""
    layers, value, change = (getattr(row, name) for name in ("layers", "left", "change"))
    return number(value) if layers == 1 else f"{number(value)}, {change}"
