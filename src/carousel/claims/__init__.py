"""The claims of the Q&A: what each says, how it is decided, and the table of them all."""

import pandas as pd

from carousel.claims import (
    a1a,
    a1b,
    a1c,
    a1d,
    a1e,
    a1f,
    a1g,
    a1h,
    a1i,
    a1j,
    a2b,
    a2c,
    a2d,
    a2e,
    a2f,
    a2g,
    a3a,
    a3b,
    a4a,
    a4b,
    a4c,
    a4d,
    a4e,
    a4f,
    a4g,
    judging,
    k1,
    k2,
    k3,
    q1,
    q2,
)
from carousel.claims.agreement import agreement
from carousel.claims.claim import Claim, Tables, Verdict

CLAIMS: dict[str, Claim] = {
    "Q1": q1.CLAIM,
    "Q2": q2.CLAIM,
    "K1": k1.CLAIM,
    "K2": k2.K2,
    "K3": k3.CLAIM,
    "A1a": a1a.CLAIM,
    "A1b": a1b.CLAIM,
    "A1c": a1c.CLAIM,
    "A1d": a1d.CLAIM,
    "A1e": a1e.CLAIM,
    "A1f": a1f.CLAIM,
    "A1g": a1g.CLAIM,
    "A1h": a1h.CLAIM,
    "A1i": a1i.CLAIM,
    "A1j": a1j.CLAIM,
    "A2a": k2.A2A,
    "A2b": a2b.CLAIM,
    "A2c": a2c.CLAIM,
    "A2d": a2d.CLAIM,
    "A2e": a2e.CLAIM,
    "A2f": a2f.CLAIM,
    "A2g": a2g.CLAIM,
    "A3a": a3a.CLAIM,
    "A3b": a3b.CLAIM,
    "A4a": a4a.CLAIM,
    "A4b": a4b.CLAIM,
    "A4c": a4c.CLAIM,
    "A4d": a4d.CLAIM,
    "A4e": a4e.CLAIM,
    "A4f": a4f.CLAIM,
    "A4g": a4g.CLAIM,
}

__all__ = ["CLAIMS", "Claim", "Tables", "Verdict", "agreement", "judge"]


def judge(tables: Tables, calibration: pd.DataFrame) -> pd.DataFrame:
    """Return the claims table, one row per claim of CLAIMS, from the measured tables; none stands on a fault."""
    return judging.judge(CLAIMS, tables, calibration)
