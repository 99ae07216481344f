"""What would settle an open claim, what would change a decided one, and which verdicts depend on their margin."""

from typing import Any

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import LEVEL
from carousel.analysis.text import count, listed, number
from carousel.claims.claim import Claim, Verdict
from carousel.claims.evidence import missing, reference
from carousel.claims.rules import (
    ALPHA,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    TOLERANCE,
    UNCLEAR,
    agreed,
)
from carousel.claims.undecided_text import in_full

FACTORS = {"at_half_margin": 0.5, "at_twice_margin": 2.0}
MOST = 1000  # repetitions: where more would be needed, the effect is as good as at its margin
SHOWN = 3  # parts that are named


def at_other_margins(claim: Claim, models: Any, withheld: bool = False) -> dict[str, str]:
    """Return the verdict at half and at twice the margin; empty without one, and where verdicts are withheld."""
    if claim.margin is None or withheld:
        return dict.fromkeys(FACTORS, "")
    return {name: claim.decide(claim.at(models, factor)).verdict for name, factor in FACTORS.items()}


def to_settle(evidence: pd.DataFrame, states: pd.Series, what: str) -> str:
    """Return what would settle the undecided parts: the repetitions that their intervals and corrected p ask for.

    ``what`` has to be measured first where there is nothing to compute that from.
    """
    rows = reference(evidence) if len(evidence) else evidence
    open_ = rows[rows["part"].map(states) == UNCLEAR] if len(rows) else rows
    if open_.empty or missing(evidence, what) != missing(open_.head(0), what) or "edge" not in open_:
        return missing(evidence, what)
    if (open_["repetitions"] < MIN_REPETITIONS).any():
        return f"Undecided: {what} would settle it."
    agree, family = agreed(evidence), max(int((rows["p_holm"] > ALPHA).sum()), 1)
    said = [_needed(row, bool(agree[row["part"]]), family) for _, row in open_.head(SHOWN).iterrows()]
    more = f" (and {len(open_) - SHOWN} more parts)" if len(open_) > SHOWN else ""
    return f"Undecided: {'; '.join(said)}{more}."


def _needed(row: pd.Series, confirmed: bool, family: int) -> str:
    name = f"{row['part']} ({number(row['effect'])} against {number(row['edge'])})"
    if not confirmed:
        return f"{name}, on which the backends differ by more than the sampling error"
    half, off = (row["high"] - row["low"]) / 2, abs(row["effect"] - row["edge"])
    if half < off and row["p_holm"] <= ALPHA:
        return f"{name}, of which some settings say the opposite"
    needed = repetitions(half, off, int(row["repetitions"]), family)
    if needed is None:
        return f"{name}, which lies at its margin"
    return f"{name}, which takes about {count(needed)} repetitions"


def repetitions(half: float, off: float, measured: int, family: int) -> int | None:
    """Return how many repetitions decide a part that lies ``off`` its margin; None where MOST are not enough.

    half: half the width of its interval over the repetitions ``measured``, which narrows as one over their root. It
    has to become less than ``off``, and Student's two-sided p, times the ``family`` of parts that Holm's correction
    has left, at most ALPHA.
    """
    from scipy.special import stdtr, stdtrit

    n = np.arange(measured + 1, MOST)
    narrow = half * np.sqrt(measured / n)
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = stdtrit(measured - 1, (1 + LEVEL) / 2) * off / narrow  # standard errors that it is off
        enough = (narrow < off) & (2 * family * stdtr(n - 1, -errors) <= ALPHA)
    return int(n[enough][0]) if enough.any() else None


def to_change(claim: Claim, evidence: pd.DataFrame, found: Verdict) -> str:
    """Return what would change a decided verdict: how far its closest part is from its margin."""
    if found.verdict == INCONCLUSIVE:
        return ""
    if "error" in evidence and "edge" not in evidence:
        return _of_error(evidence)
    if "edge" in evidence:
        return _closest(evidence, found)
    words = {
        "supported": "One counterexample that every backend confirms.",
        "refuted": "A fault in the witness: every backend would have to take it back.",
    }
    if claim.kind == "existence":
        words = {"supported": words["refuted"], "refuted": "One witness that every backend confirms."}
    return words.get(found.verdict, "")


def _of_error(evidence: pd.DataFrame) -> str:
    """Return what would change a verdict on errors: the largest that passes, the smallest that does not."""
    worst = evidence.groupby("part")["error"].max()
    limit = float(evidence["margin"].iloc[0]) if "margin" in evidence else TOLERANCE
    passed, failed = worst[worst <= limit], worst[worst > limit]
    if passed.empty or failed.empty:
        return f"A largest error on the other side of {number(limit)}; it is {number(worst.max())}."
    return (
        f"Errors on the other side of {number(limit)}: of the parts that hold the largest is "
        f"{number(passed.max())}, of the others the smallest {number(failed.min())}."
    )


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
    """Return one row per part and backend of a claim's evidence, with its state and why; one for a space searched."""
    if "part" not in evidence or evidence.empty or not {"effect", "error"} & set(evidence):
        whole = {"part": "all", "effect": found.effect, "low": found.low, "high": found.high, "n": found.n}
        rows = [whole | {"backend": backend, "shared": value} for backend, value in found.by_backend.items()]
        return pd.DataFrame(rows).assign(id=name, state=found.verdict, why="")
    effect = {} if "effect" in evidence else {"effect": evidence["error"]}
    open_ = in_full(evidence, found.states)
    why = [open_.get(str(part), "") for part in evidence["part"]]
    return evidence.assign(id=name, state=evidence["part"].map(dict(found.states)), why=why, **effect)


def flips(verdicts: pd.DataFrame) -> str:
    """Return in words which verdicts are others at half or at twice their margin."""
    said = []
    for column, words in (("at_half_margin", "half"), ("at_twice_margin", "twice")):
        other = verdicts[(verdicts[column] != "") & (verdicts[column] != verdicts["verdict"])]
        names = [f"{row.id} ({getattr(row, column)})" for row in other.itertuples()]
        said.append(f"at {words} its margin {listed(names) or 'none'}")
    return f"Verdicts that change: {'; '.join(said)}."
