"""A2e: is 0.224, the largest w sigma'(w h) at h = 1, the factor by which the gradient dies?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import listed, number
from carousel.analysis.theory.scalar import fixed_points, largest_factor, multiplier
from carousel.axes import BACKENDS
from carousel.claims.evidence import missing
from carousel.claims.rules import (
    DEPENDS,
    INCONCLUSIVE,
    REFUTED,
    SCALAR,
    SUPPORTED,
    Claim,
    Tables,
    Verdict,
    combine,
    identity,
)

WEIGHT, FACTOR = 1.5434, 0.224  # as printed in the Q&A
PRINTED = (4, 3)  # their digits after the point
DIGIT = 5e-4  # half a unit of the last digit of FACTOR
STATE = 1.0  # the claim's h
SAME = 1e-3  # relative: the weight of a chain that counts as the claim's, given in five digits


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivative of the bias-free sigmoid chain with w = 1.5434."""
    found = select(
        tables.decay, slice=SCALAR, cell="rnn_sigmoid", quantity="loss_h", path="full", trained="no", bias=0.0
    )
    return found[(found["gain"] / WEIGHT - 1).abs() <= SAME]


def measure(tables: Tables) -> pd.DataFrame:
    """Return per backend the factor per step of the chain with w = 1.5434, and how far it is from 0.224."""
    table = rates(rows(tables), "loss_h", "full")
    groups = table.groupby(table["backend"].astype(str)) if len(table) else ()
    return pd.DataFrame([_factor(10 ** group["rate"]) | {"backend": backend} for backend, group in groups])


def _factor(factors: pd.Series) -> dict:
    return {
        "part": "rate", "effect": factors.mean(), "low": factors.min(), "high": factors.max(), "n": len(factors),
        "checked": len(factors),
        "error": float((factors - FACTOR).abs().max()),
    }  # fmt: skip


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict on the maximum and on the rate together."""
    weight, factor = largest_factor(STATE)
    maximum = (round(weight, PRINTED[0]), round(factor, PRINTED[1])) == (WEIGHT, FACTOR)
    rate = combine(identity(evidence, DIGIT, least=1))
    if rate == INCONCLUSIVE:
        what = f"the bias-free sigmoid chain at w = {WEIGHT} on every backend"
        return Verdict(rate, missing(evidence, what), _alt(evidence))
    word = {(True, SUPPORTED): SUPPORTED, (False, REFUTED): REFUTED}.get((maximum, rate), DEPENDS)
    sides = {str(row["backend"]): float(row["effect"]) for _, row in evidence.iterrows()}
    low, high, n = float(evidence["low"].min()), float(evidence["high"].max()), int(evidence["n"].sum())
    mean = float(np.mean([sides[name] for name in BACKENDS]))
    return Verdict(
        word, _condition(maximum, rate, mean), _alt(evidence), mean, low, high, n, by_backend=sides
    )


def _condition(maximum: bool, rate: str, factor: float) -> str:
    first = "is right" if maximum else "is wrong"
    second = (
        "is the rate that occurs"
        if rate == SUPPORTED
        else f"is not the rate that occurs: the chain loses a factor of {number(factor)} a step"
    )
    return f"The maximum {first}; it {second}. {_settles()}"


def _settles() -> str:
    """Return in words where the chain settles and what its factor is there, by theory."""
    points = fixed_points("sigmoid", WEIGHT, 0.0)
    words = [f"h = {h:.4f} with factor {float(multiplier('sigmoid', WEIGHT, 0.0, h)):.4f}" for h in points]
    return f"At w = {WEIGHT} the chain settles at {listed(words)}, not at h = {STATE:g}."


def _alt(evidence: pd.DataFrame) -> str:
    seen = (
        f"measured at w = {WEIGHT}: {number(evidence['effect'].mean())}"
        if len(evidence)
        else "nothing was measured"
    )
    weight, factor = largest_factor(STATE)
    return (
        f"Two curves against w: w sigma'(w) for a state held at one, with its maximum {factor:.4f} at "
        f"w = {weight:.4f}, and the factor at the point where the chain settles; {seen}."
    )


CLAIM = Claim(
    id="A2e",
    who="answer 2",
    kind="identity",
    statement="At h = 1 the largest value of w sigma'(w h) is 0.224, at w = 1.5434, so the gradient dies as 0.224^n.",
    reading="(1) The maximum over w of w sigma'(w) is 0.224 at 1.5434, to the digits given. (2) The chain with that "
    "weight loses that factor a step.",
    prediction="depends: the maximum is right, but the chain does not sit at h = 1, so the rate is another",
    unit="factor per step at w = 1.5434",
    rule="Both to the digits printed, since the claim gives no more; the measured factor on every backend. Both right: "
    "supported; neither: refuted; one: depends.",
    takeaway={
        "supported": "0.224 a step is what such a unit loses.",
        "refuted": "Neither the number nor the rate stands.",
        "depends": "Evaluate the slope where the network sits, not at a state chosen for convenience.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
