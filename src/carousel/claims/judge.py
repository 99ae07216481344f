"""All claims against the measured tables."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pandas as pd

from carousel.analysis.stats.tested import holm
from carousel.axes import BACKENDS
from carousel.claims.rules import INCONCLUSIVE, Boundary, Claim, Tables, Verdict
from carousel.claims.settings_text import described
from carousel.claims.withheld import calibration_failures, withheld_if_uncalibrated
from carousel.tables.schemas import names

NOTHING = "Nothing to take away yet: the study is too small to decide."
UNCALIBRATED = "Nothing to take away: the instrument failed its calibration."


def judge(claims: Mapping[str, Claim], tables: Tables, calibration: pd.DataFrame) -> pd.DataFrame:
    """Return the claims table, one row per claim, decided from the measured tables alone.

    Comparisons are corrected together: Holm over every part of every claim of that kind. Where the calibration
    failed, every verdict is inconclusive.
    """
    wrong = calibration_failures(calibration)
    measured = cache(lambda measure: measure(tables))  # claims may share theirs
    evidence = correct({name: measured(claim.measure) for name, claim in claims.items()}, claims)
    nothing = UNCALIBRATED if wrong else NOTHING
    rows = [
        _row(claim, withheld_if_uncalibrated(claim.decide(evidence[name]), wrong), nothing)
        | {"settings": described(claim.rows(tables))}
        for name, claim in claims.items()
    ]
    return pd.DataFrame(rows, columns=names("claims", backends=BACKENDS))


def correct(evidence: dict[str, pd.DataFrame], claims: Mapping[str, Claim]) -> dict[str, pd.DataFrame]:
    """Return the evidence with p replaced by Holm's over the family: the parts of all comparisons.

    A part's p is the largest of its backends', for all have to agree.
    """
    tables = {
        name: table for name, table in evidence.items() if claims[name].kind == "comparison" and len(table)
    }
    parts = [(name, part, p) for name, table in tables.items() for part, p in _largest(table).items()]
    adjusted = holm([p for _, _, p in parts])
    by = {(name, part): p for (name, part, _), p in zip(parts, adjusted, strict=True)}
    corrected = {
        name: table.assign(p=[by[name, part] for part in table["part"]]) for name, table in tables.items()
    }
    return evidence | corrected


def _largest(table: pd.DataFrame) -> dict[str, float]:
    return table.groupby("part", sort=False)["p"].max().to_dict()


def _row(claim: Claim, found: Verdict, nothing: str) -> dict:
    takeaway = nothing if found.verdict == INCONCLUSIVE else claim.takeaway[found.verdict]
    return {
        "id": claim.id, "who": claim.who, "kind": claim.kind, "statement": claim.statement, "verdict": found.verdict,
        "effect": found.effect, "low": found.low, "high": found.high, "n": found.n, "unit": claim.unit,
        "rule": claim.rule, **dict.fromkeys(BACKENDS, np.nan), **found.by_backend, "condition": found.condition,
        "takeaway": takeaway, "figure": f"{claim.id}.svg", "alt": found.alt, "reading": claim.reading,
        "prediction": claim.prediction, **_threshold(found.boundary),
    }  # fmt: skip


def _threshold(found: Boundary | None) -> dict:
    """Return the columns of a boundary: in words, and its numbers."""
    numbers = (found.at, found.low, found.high) if found else (np.nan,) * 3
    words = f"{found.factor} {found.value}" if found else ""
    return {"boundary": words} | dict(
        zip(("boundary_at", "boundary_low", "boundary_high"), numbers, strict=True)
    )
