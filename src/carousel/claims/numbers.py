"""The numbers of a verdict, from the rows of evidence that stand for it."""

from typing import Any

import numpy as np
import pandas as pd

from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.evidence import reference


def shown(evidence: pd.DataFrame, *parts: str) -> pd.DataFrame:
    """Return the rows whose effect stands for a claim: of the first of ``parts`` that was measured, or else of any."""
    found = [name for name in (*parts, evidence["part"].iloc[0]) if (evidence["part"] == name).any()]
    return evidence[evidence["part"] == found[0]]


def main(rows: pd.DataFrame) -> dict:
    """Return the verdict's numbers from its rows of evidence, parts averaged: the reference's, and each backend's."""
    own = reference(rows) if len(rows) else rows
    if own.empty:
        return {}
    by = rows.groupby(rows["backend"].astype(str))["shared"].mean()
    return {
        "effect": float(own["effect"].mean()), "low": float(own["low"].min()), "high": float(own["high"].max()),
        "n": int(own["n"].sum()), "by_backend": {name: float(by.get(name, np.nan)) for name in BACKENDS},
    }  # fmt: skip


def main_error(rows: pd.DataFrame) -> dict[str, Any]:
    """Return an identity's numbers from its rows of evidence: the largest ``error``, on each backend and on all.

    n: the models of the reference, parts added.
    """
    sides = rows.groupby(rows["backend"].astype(str))["error"].max()
    return {
        "effect": float(sides.max()), "low": float(sides.min()), "high": float(sides.max()),
        "n": int(reference(rows)["n"].sum()), "by_backend": {name: float(sides[name]) for name in BACKENDS},
    }  # fmt: skip


def witnessed(row: pd.Series) -> dict[str, Any]:
    """Return the verdict's numbers from one row of a `wide` table: the reference's, and each backend's."""
    sides = {backend: float(row[backend]) for backend in BACKENDS}
    effect = sides[REFERENCE]
    return {"effect": effect, "low": effect, "high": effect, "by_backend": sides}
