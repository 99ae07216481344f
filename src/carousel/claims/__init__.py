"""The claims of the Q&A: what each says, how it is decided, and the table of them all."""

import pandas as pd

from carousel.claims import a1a, a1c, a1d, a1e, a2c, a2d, a2e, a4b, a4g, judging, k1, k2, k3, q1, q2
from carousel.claims.agreement import agreement
from carousel.claims.claim import Claim, Tables, Verdict

CLAIMS: dict[str, Claim] = {
    "Q1": q1.CLAIM,
    "Q2": q2.CLAIM,
    "K1": k1.CLAIM,
    "K2": k2.K2,
    "K3": k3.CLAIM,
    "A1a": a1a.CLAIM,
    "A1c": a1c.CLAIM,
    "A1d": a1d.CLAIM,
    "A1e": a1e.CLAIM,
    "A2a": k2.A2A,
    "A2c": a2c.CLAIM,
    "A2d": a2d.CLAIM,
    "A2e": a2e.CLAIM,
    "A4b": a4b.CLAIM,
    "A4g": a4g.CLAIM,
}

__all__ = ["CLAIMS", "Claim", "Tables", "Verdict", "agreement", "judge"]


def judge(tables: Tables, calibration: pd.DataFrame) -> pd.DataFrame:
    """Return the claims table, one row per claim of CLAIMS, from the measured tables; none stands on a fault."""
    return judging.judge(CLAIMS, tables, calibration)
