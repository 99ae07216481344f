"""All claims against the measured tables."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.axes import BACKENDS
from carousel.claims.claim import Boundary, Claim, Tables, Verdict
from carousel.claims.depends import depends_on
from carousel.claims.robustness import at_other_margins, parts, to_change
from carousel.claims.rules import INCONCLUSIVE
from carousel.claims.settings_text import described, slices
from carousel.claims.withheld import calibration_failures, withheld_if_uncalibrated
from carousel.tables.schemas import names

NOTHING = "Nothing to take away yet: the study is too small to decide."
NONE = "none"  # of a claim that nobody has looked for a seal of
UNCALIBRATED = "Nothing to take away: the instrument failed its calibration."


class Judgement(NamedTuple):
    """What is decided: a row per claim, and the evidence behind it, a row per part and backend."""

    claims: pd.DataFrame
    evidence: pd.DataFrame


def judge(claims: Mapping[str, Claim], tables: Tables, calibration: pd.DataFrame) -> Judgement:
    """Decide the claims from the measured tables alone.

    Where the calibration failed, every verdict is inconclusive.
    """
    wrong = calibration_failures(calibration)
    nothing = UNCALIBRATED if wrong else NOTHING
    rows, evidence = [], []
    for name, claim in claims.items():
        models = claim.models(tables)
        measured = claim.at(models)
        found = claim.decide(measured)
        shown = withheld_if_uncalibrated(found, wrong)
        rests_on = claim.rows(tables)
        rows.append(
            _row(claim, shown, nothing)
            | {"settings": described(rests_on), "slices": slices(rests_on)}
            | {"would_change": to_change(claim, measured, shown), "depends_on": depends_on(measured, shown)}
            | at_other_margins(claim, models, withheld=bool(wrong))
        )
        evidence.append(parts(name, measured, found))
    return Judgement(
        pd.DataFrame(rows, columns=names("claims", backends=BACKENDS)),
        pd.concat(evidence, ignore_index=True).reindex(columns=names("evidence")),
    )


def _row(claim: Claim, found: Verdict, nothing: str) -> dict:
    takeaway = nothing if found.verdict == INCONCLUSIVE else claim.takeaway[found.verdict]
    return {
        "id": claim.id, "who": claim.who, "kind": claim.kind, "statement": claim.statement, "verdict": found.verdict,
        "effect": found.effect, "low": found.low, "high": found.high, "n": found.n, "unit": claim.unit,
        "rule": claim.rule, **dict.fromkeys(BACKENDS, np.nan), **found.by_backend, "condition": found.condition,
        "takeaway": takeaway, "figure": f"{claim.id}.svg", "alt": found.alt, "reading": claim.reading,
        "prediction": claim.prediction, **_threshold(found.boundary),
        "margin": claim.margin.words if claim.margin else "", "register": claim.register,
        "source": claim.source.url if claim.source else "", "quote": claim.source.quote if claim.source else "",
        "thresholds": "", "seal": "", "sealed": NONE, "seal_commit": "", "seal_date": "",
    }  # fmt: skip


def _threshold(found: Boundary | None) -> dict:
    """Return the columns of a boundary: in words, and its numbers."""
    numbers = (found.at, found.low, found.high) if found else (np.nan,) * 3
    words = f"{found.factor} {found.value}" if found else ""
    return {"boundary": words} | dict(
        zip(("boundary_at", "boundary_low", "boundary_high"), numbers, strict=True)
    )
