"""A2e: is 0.224, the largest w sigma'(w h) at h = 1, the factor by which the gradient dies?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import listed, number
from carousel.analysis.theory.scalar import fixed_points, largest_factor, multiplier
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import missing
from carousel.claims.numbers import main
from carousel.claims.rules import HOLDS, INCONCLUSIVE, SCALAR, combine, identity

WEIGHT, FACTOR = 1.5434, 0.224  # as printed in the Q&A
WEIGHT_DIGIT, FACTOR_DIGIT = 5e-5, 5e-4  # half a unit of the last digit that is printed of them
MAXIMUM, RATE = "maximum", "rate"
STATE = 1.0  # the claim's h
SAME = 1e-3  # relative: the weight of a chain that counts as the claim's, given in five digits


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivative of the bias-free sigmoid chain with w = 1.5434."""
    found = select(
        tables.decay, slice=SCALAR, cell="rnn_sigmoid", quantity="loss_h", path="full", trained="no", bias=0.0
    )
    return found[(found["gain"] / WEIGHT - 1).abs() <= SAME]


def measure(tables: Tables) -> pd.DataFrame:
    """Return per backend how far two numbers are from those printed, in units that the digits printed allow.

    The part ``maximum`` is theory's largest w sigma'(w h) at h = 1, ``rate`` the factor per step that was measured.
    """
    table = rates(rows(tables), "loss_h", "full")
    groups = table.groupby(table["backend"].astype(str)) if len(table) else ()
    return pd.DataFrame(
        [
            part | {"backend": name}
            for name, group in groups
            for part in (_maximum(), _factor(10 ** group["rate"]))
        ]
    )


def _maximum() -> dict:
    weight, factor = largest_factor(STATE)
    off = max(abs(weight - WEIGHT) / WEIGHT_DIGIT, abs(factor - FACTOR) / FACTOR_DIGIT)
    return {
        "part": MAXIMUM, "effect": factor, "low": factor, "high": factor, "edge": np.nan, "n": 0, "checked": 1,
        "error": off,
    }  # fmt: skip


def _factor(factors: pd.Series) -> dict:
    return {
        "part": RATE, "effect": factors.mean(), "low": factors.min(), "high": factors.max(), "n": len(factors),
        "edge": _edge(factors.mean()), "checked": len(factors),
        "error": float((factors - FACTOR).abs().max()) / FACTOR_DIGIT,
    }  # fmt: skip


def _edge(factor: float) -> float:
    """Return the factor beyond which other digits would be printed, on the side of ``factor``."""
    return float(FACTOR + np.copysign(FACTOR_DIGIT, factor - FACTOR))


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict on the maximum and on the rate together; its effect is the factor that was measured."""
    states = identity(evidence, tolerance=1.0, least=1)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"the bias-free sigmoid chain at w = {WEIGHT} on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    numbers = main(evidence[evidence["part"] == RATE].assign(shared=lambda rows: rows["effect"]))
    return Verdict(
        word, _condition(states, numbers["effect"]), _alt(evidence), states=dict(states), **numbers
    )


def _condition(states: pd.Series, factor: float) -> str:
    first = "is right" if states[MAXIMUM] == HOLDS else "is wrong"
    second = (
        "is the rate that occurs"
        if states[RATE] == HOLDS
        else f"is not the rate that occurs: the chain loses a factor of {number(factor)} per step"
    )
    return f"The maximum {first}; it {second}. {_settles()}"


def _settles() -> str:
    """Return in words where the chain settles and what its factor is there, by theory."""
    points = fixed_points("sigmoid", WEIGHT, 0.0)
    words = [f"h = {h:.4f} with factor {float(multiplier('sigmoid', WEIGHT, 0.0, h)):.4f}" for h in points]
    return (
        f"At w = {WEIGHT} the chain settles at {listed(words)}. No chain sits at h = {STATE:g}: a sigmoid stays below "
        "one."
    )


def _alt(evidence: pd.DataFrame) -> str:
    rate = evidence[evidence["part"] == RATE] if len(evidence) else evidence
    seen = (
        f"measured at w = {WEIGHT}: {number(rate['effect'].mean())}" if len(rate) else "nothing was measured"
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
    "weight loses that factor per step.",
    prediction="depends: the maximum is right, but the chain does not sit at h = 1, so the rate is another",
    unit="factor per step at w = 1.5434",
    rule=f"The maximum by theory within {number(WEIGHT_DIGIT)} of the weight {WEIGHT} and {number(FACTOR_DIGIT)} of "
    f"the factor {FACTOR}, and the factor measured on every backend within {number(FACTOR_DIGIT)} of it: to the digits "
    "printed, since the claim gives no more. Both right: supported; neither: refuted; one: depends.",
    takeaway={
        "supported": "0.224 per step is what such a unit loses.",
        "refuted": "Neither the number nor the rate stands.",
        "depends": "Evaluate the slope where the network sits, not at a state chosen for convenience.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
