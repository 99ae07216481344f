"""A4b: is the derivative of the 1997 cell's state by an earlier state zero, as it changes only by addition?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.analysis.text import number
from carousel.claims.evidence import missing
from carousel.claims.rules import (
    INCONCLUSIVE,
    MIN_CHECKED,
    REFUTED,
    SUPPORTED,
    TOLERANCE,
    Claim,
    Tables,
    Verdict,
    combine,
    identity,
)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives along the 1997 cell at every lag above 0."""
    loop = select(tables.decay, quantity="cec", path="cell", cell="lstm97", dtype="float64")
    return loop[loop["lag"] > 0]


def measure(tables: Tables) -> pd.DataFrame:
    """Return per backend the derivative along the cell: ``effect``, ``low``, ``high``, ``error`` from zero, n."""
    loop = rows(tables)
    table = loop.assign(part="derivative", derivative=10.0 ** loop["log10_norm"])
    groups = table.groupby(["part", "backend"], observed=True)["derivative"]
    evidence = groups.agg(effect="median", low="min", high="max", n="size").reset_index()
    return evidence.assign(error=evidence["high"], checked=evidence["n"])


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: supported at zero, refuted where no derivative is within TOLERANCE of zero."""
    word = combine(identity(evidence))
    if word == REFUTED and evidence["low"].min() <= TOLERANCE:
        word = INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = f"{MIN_CHECKED} derivatives of the 1997 cell in float64 on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    sides = {str(row["backend"]): float(row["effect"]) for _, row in evidence.iterrows()}
    low, high, n = float(evidence["low"].min()), float(evidence["high"].max()), int(evidence["n"].sum())
    one = np.abs([low - 1, high - 1]).max()
    condition = (
        (f"It is one: off by at most {number(one)}." if one else "It is one, exactly.")
        if one <= TOLERANCE
        else f"It lies between {number(low)} and {number(high)}."
    )
    condition = "It is zero at every lag." if word == SUPPORTED else condition
    return Verdict(
        word, condition, _alt(evidence), float(evidence["effect"].mean()), low, high, n, by_backend=sides
    )


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "The 1997 cell was not measured."
    low, high = number(evidence["low"].min()), number(evidence["high"].max())
    return f"Derivative of the 1997 cell's state by an earlier state against lag: between {low} and {high}; claimed: 0."


CLAIM = Claim(
    id="A4b",
    who="answer 4",
    kind="identity",
    statement="In the 1997 cell the state changes only by addition, so the derivative of the state by an earlier state "
    "is zero.",
    reading="The derivative of c_T by c_t along the cell of lstm97 is 0 at every lag above 0.",
    prediction="refuted: an addition has derivative one",
    unit="derivative",
    rule="Supported if it is within 1e-9 of zero at every lag on every backend in float64; refuted if at none.",
    takeaway={
        "supported": "Nothing flows along the 1997 cell.",
        "refuted": "Adding to a state passes its gradient on whole: the derivative is one, the point of the cell.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
