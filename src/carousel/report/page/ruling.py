"""How the parts of a claim were decided: what was found of each, beside its margin, and on how much."""

import numpy as np
import pandas as pd

from carousel.analysis.text import count, counted
from carousel.claims.rules import FAILS, HOLDS, MIXED, UNCLEAR
from carousel.report.page.markup import interval, number, prose, table

SAID = {HOLDS: "holds", FAILS: "fails", MIXED: "depends on the setting", UNCLEAR: "undecided"}
MOST = 40  # parts that are shown; of more those nearest to their margin
HEAD = ("Part", "Found", "Margin", "Holm’s p", "Opposite", "Settings", "Repetitions", "Decided")


def ruling(evidence: pd.DataFrame) -> str:
    """A row per part that was tested, and per threshold; nothing for a claim that a search alone decides."""
    tested = evidence[evidence[["low", "high", "repetitions"]].notna().all(axis=1)]
    if len(tested) < 2:
        return ""
    shown = tested.loc[distance(tested).sort_values(kind="stable").index[:MOST]].sort_index()
    more = (
        f"The {MOST} nearest to their margin of {counted(len(tested), 'part')}; `evidence.parquet` has all. "
    )
    opposite = "*Opposite*: settings that say the opposite in every repetition, of all."
    said = f"{more if len(tested) > MOST else ''}{opposite}"
    return (
        f"{said}\n\n{table('Parts', HEAD, map(row, shown.to_dict('records')), (20, 12, 5, 7, 6, 5, 5, 14))}"
    )


def row(part: dict) -> tuple[str, ...]:
    """One part as cells of the table."""
    found = f"{number(part['effect'])} {interval(part['low'], part['high'])}"
    state = "" if pd.isna(part["state"]) else SAID.get(str(part["state"]), str(part["state"]))
    texts = (known(part[name], number) for name in ("margin", "p_holm"))
    sizes = (known(part[name], count) for name in ("settings", "repetitions"))
    why = part.get("why")
    said = f"{state}: {prose(why)}" if state and why else state
    return prose(part["part"]), found, *texts, opposite(part), *sizes, said


def opposite(part: dict) -> str:
    """How many settings say the opposite in every repetition, where the part is of several."""
    least = np.fmin(part["share"], part["reverse"])
    return "" if pd.isna(least) or pd.isna(part["settings"]) else count(round(least * part["settings"]))


def known(value: float, said: object) -> str:
    """A number in words, nothing for none."""
    return "" if pd.isna(value) else said(value)  # type: ignore[operator]


def distance(tested: pd.DataFrame) -> pd.Series:
    """How far each part's effect is from the nearer side of its margin, in half-widths of its interval."""
    half = ((tested["high"] - tested["low"]) / 2).replace(0.0, np.nan)
    sides = [(tested["effect"] - side * tested["margin"]).abs() for side in (1, -1)]
    return (np.minimum(*sides) / half).fillna(np.inf)
