"""Why a part is undecided, in words: every reason that applies."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from carousel.analysis.text import counted, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.evidence import reference
from carousel.claims.rules import ALPHA, MIN_REPETITIONS, UNCLEAR, agreed

ALONE = "no second backend measured it"
APART = "a second backend does not confirm it"
FEWER = "it has too few repetitions"
ALIKE = "too many pairs are censored alike"
SILENT = "what was measured does not bear on it"
WIDE = "its interval reaches over the margin"
CHANCE = f"Holm's p is above {ALPHA:g}"
OPPOSITE = "some settings say the opposite"


def reasons(evidence: pd.DataFrame, states: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return for each undecided part its reasons, in the order of the constants: in short, and with its numbers."""
    if not {"part", "backend", "shared", "low", "edge", "repetitions", "p_holm"} <= {
        *evidence
    }:  # nothing was tested
        return {}
    own = reference(evidence).drop_duplicates("part").set_index("part", drop=False)
    open_ = own[own["part"].map(dict(states)) == UNCLEAR]
    confirmed = agreed(evidence) if len(open_) else {}
    sides = {part: rows for part, rows in evidence.groupby("part") if part in open_.index}
    found = {
        str(part): ({} if confirmed[part] else _unconfirmed(row, sides[part])) | _own(row)
        for part, row in open_.iterrows()
    }
    return {part: each or {OPPOSITE: OPPOSITE} for part, each in found.items()}


def in_full(evidence: pd.DataFrame, states: Mapping[str, str]) -> dict[str, str]:
    """Return the `reasons` of each undecided part in a line."""
    return {part: "; ".join(each.values()) for part, each in reasons(evidence, states).items()}


def _unconfirmed(row: pd.Series, sides: pd.DataFrame) -> dict[str, str]:
    """Return that no other backend measured a part, or what each finds over what every backend measured."""
    others = sides[sides["backend"].astype(str) != REFERENCE]
    if others["shared"].isna().all():
        return {ALONE: ALONE}
    found = [f"{BACKENDS[str(side.backend)].label} {number(side.shared)}" for side in others.itertuples()]
    many = others["repetitions"].min() if "repetitions" in others else np.nan
    over = f"the {counted(int(many), 'repetition')} that" if many > 0 else "what"
    own = f"{BACKENDS[REFERENCE].label} {number(row['shared'])}"
    return {APART: f"{APART} (over {over} every backend measured: {own}, {', '.join(found)})"}


def _own(row: pd.Series) -> dict[str, str]:
    """Return what the reference's own row lacks to be decided."""
    found: dict[str, str] = {}
    if not row["repetitions"] >= MIN_REPETITIONS:
        return {FEWER: f"fewer than {MIN_REPETITIONS} repetitions"}
    if not row.get("informative", True):
        share = row.get("informative_share", np.nan)
        alike = f"{1 - share:.0%} of the pairs are censored alike".replace("%", " %")
        return {SILENT: SILENT} if np.isnan(share) else {ALIKE: alike}
    if row["low"] <= row["edge"] <= row["high"]:
        found |= {WIDE: WIDE}
    if row["p_holm"] > ALPHA:
        found |= {CHANCE: f"Holm's p is {number(row['p_holm'])}"}
    return found
