"""What would settle an open claim, what would change a decided one, and which verdicts depend on their margin."""

import numpy as np
import pandas as pd

from carousel.analysis.text import count, listed, number
from carousel.claims.evidence import missing, reference
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    TOLERANCE,
    UNCLEAR,
    Claim,
    Tables,
    Verdict,
    agreed,
)

FACTORS = {"at_half_margin": 0.5, "at_twice_margin": 2.0}
MOST = 1000  # repetitions: where more would be needed, the effect is as good as at its margin
SHOWN = 3  # parts that are named


def at_other_margins(claim: Claim, tables: Tables, withheld: bool = False) -> dict[str, str]:
    """Return the verdict at half and at twice the margin; empty without one, and where verdicts are withheld."""
    if claim.margin is None or withheld:
        return dict.fromkeys(FACTORS, "")
    return {name: claim.decide(claim.evidence(tables, factor)).verdict for name, factor in FACTORS.items()}


def to_settle(evidence: pd.DataFrame, states: pd.Series, what: str) -> str:
    """Return what would settle the undecided parts: the repetitions that their intervals' widths ask for.

    An interval narrows as one over the root of the repetitions; it has to become as narrow as the effect is far from
    its margin. ``what`` has to be measured first where there is nothing to compute that from.
    """
    rows = reference(evidence) if len(evidence) else evidence
    open_ = rows[rows["part"].map(states) == UNCLEAR] if len(rows) else rows
    if open_.empty or missing(evidence, what) != missing(open_.head(0), what) or "edge" not in open_:
        return missing(evidence, what)
    if (open_["repetitions"] < MIN_REPETITIONS).any():
        return f"Undecided: {what} would settle it."
    agree = agreed(evidence)
    said = [_needed(row, bool(agree[row["part"]])) for _, row in open_.head(SHOWN).iterrows()]
    more = f" (and {len(open_) - SHOWN} more parts)" if len(open_) > SHOWN else ""
    return f"Undecided: {'; '.join(said)}{more}."


def _needed(row: pd.Series, confirmed: bool) -> str:
    name = f"{row['part']} ({number(row['effect'])} against {number(row['edge'])})"
    if not confirmed:
        return f"{name}, on which the backends differ by more than the sampling error"
    half, off = (row["high"] - row["low"]) / 2, abs(row["effect"] - row["edge"])
    needed = row["repetitions"] * (half / off) ** 2 if off else np.inf
    if not needed < MOST:
        return f"{name}, which lies at its margin"
    return f"{name}, which takes about {count(int(np.ceil(max(needed, row['repetitions'] + 1))))} repetitions"


def to_change(claim: Claim, evidence: pd.DataFrame, found: Verdict) -> str:
    """Return what would change a decided verdict: how far its closest part is from its margin."""
    if found.verdict == INCONCLUSIVE:
        return ""
    if "error" in evidence and "edge" not in evidence:
        worst = found.effect if claim.kind == "identity" else evidence["error"].max()
        return f"A largest error on the other side of {number(TOLERANCE)}; it is {number(worst)}."
    if "edge" in evidence:
        return _closest(evidence, found)
    words = {
        "supported": "One counterexample that every backend confirms.",
        "refuted": "A fault in the witness: every backend would have to take it back.",
    }
    if claim.kind == "existence":
        words = {"supported": words["refuted"], "refuted": "One witness that every backend confirms."}
    return words.get(found.verdict, "")


def _closest(evidence: pd.DataFrame, found: Verdict) -> str:
    rows = reference(evidence)
    decided = rows[rows["part"].map(dict(found.states)).isin([HOLDS, FAILS])]
    half = (decided["high"] - decided["low"]).abs() / 2
    off = (decided["effect"] - decided["edge"]).abs()
    finite = off[np.isfinite(off)]
    if finite.empty:
        return ""
    row = decided.loc[finite.idxmin()]
    width = half[finite.idxmin()]
    widths = f", {number(off[finite.idxmin()] / width)} half-widths of its interval away" if width > 0 else ""
    return f"Closest to its margin: {row['part']}, {number(row['effect'])} against {number(row['edge'])}{widths}."


def parts(name: str, evidence: pd.DataFrame, found: Verdict) -> pd.DataFrame:
    """Return one row per part and backend of a claim's evidence, with its state; one for a space that is searched."""
    if "part" not in evidence or evidence.empty or not {"effect", "error"} & set(evidence):
        whole = {"part": "all", "effect": found.effect, "low": found.low, "high": found.high, "n": found.n}
        rows = [whole | {"backend": backend, "shared": value} for backend, value in found.by_backend.items()]
        return pd.DataFrame(rows).assign(id=name, state=found.verdict)
    effect = {} if "effect" in evidence else {"effect": evidence["error"]}
    return evidence.assign(id=name, state=evidence["part"].map(dict(found.states)), **effect)


def flips(verdicts: pd.DataFrame) -> str:
    """Return in words which verdicts are others at half or at twice their margin."""
    said = []
    for column, words in (("at_half_margin", "half"), ("at_twice_margin", "twice")):
        other = verdicts[(verdicts[column] != "") & (verdicts[column] != verdicts["verdict"])]
        names = [f"{row.id} ({getattr(row, column)})" for row in other.itertuples()]
        said.append(f"at {words} its margin {listed(names) or 'none'}")
    return f"Verdicts that change: {'; '.join(said)}."
