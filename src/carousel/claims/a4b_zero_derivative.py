"""A4b: is the derivative of the 1997 cell's state by an earlier state zero, as it changes only by addition?"""

import pandas as pd

from carousel.analysis.stats.tables import MODEL, numbered, select
from carousel.analysis.text import number
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import missing
from carousel.claims.numbers import main
from carousel.claims.rules import INCONCLUSIVE, MIN_CHECKED, REFUTED, SUPPORTED, TOLERANCE, combine, identity


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives along the 1997 cell at every lag above 0."""
    loop = select(tables.decay, quantity="cec", path="cell", cell="lstm97", dtype="float64")
    return loop[loop["lag"] > 0]


def measure(tables: Tables) -> pd.DataFrame:
    """Return per backend the derivative along the cell: ``effect``, ``low``, ``high``, ``error`` from zero.

    checked: derivatives; n: models.
    """
    loop = rows(tables)
    table = loop.assign(part="derivative", derivative=10.0 ** loop["log10_norm"], model=numbered(loop, MODEL))
    evidence = table.groupby(["part", "backend"], observed=True).agg(
        effect=("derivative", "median"), low=("derivative", "min"), high=("derivative", "max"),
        checked=("derivative", "size"), n=("model", "nunique"),
    )  # fmt: skip
    return evidence.reset_index().assign(
        error=evidence["high"].to_numpy(), shared=evidence["effect"].to_numpy()
    )


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: supported at zero, refuted where no derivative is within TOLERANCE of zero."""
    states = identity(evidence)
    word = combine(states)
    if word == REFUTED and evidence["low"].min() <= TOLERANCE:
        word = INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = f"{MIN_CHECKED} derivatives of the 1997 cell in float64 on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence), states=dict(states))
    condition = "it is zero at every lag." if word == SUPPORTED else _value(evidence)
    return Verdict(
        word, f"Along the cell alone: {condition}", _alt(evidence), **main(evidence), states=dict(states)
    )


def _value(evidence: pd.DataFrame) -> str:
    low, high = float(evidence["low"].min()), float(evidence["high"].max())
    one = max(abs(low - 1), abs(high - 1))
    if one > TOLERANCE:
        return f"it lies between {number(low)} and {number(high)}."
    return f"it is one, off by at most {number(one)}." if one else "it is one, exactly."


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "The 1997 cell was not measured."
    low, high = number(evidence["low"].min()), number(evidence["high"].max())
    return f"Derivative of the 1997 cell's state by an earlier state against lag: between {low} and {high}; claimed: 0."


CLAIM = Claim(
    id="A4b",
    who="answer 4",
    kind="identity",
    statement="In the 1997 cell the state changes only by addition, so the derivative of the state by an earlier "
    "state, along the cell alone, is zero.",
    reading="The derivative of c_T by c_t along the cell of the LSTM of 1997, gates frozen, is 0 at every lag "
    "above 0. The answer says zero and argues as if it were one; what it says is decided. An addition passes a "
    "derivative on as it is, so this checks the instrument.",
    prediction="refuted: an addition has derivative one",
    unit="derivative",
    rule=f"Supported if it is within {number(TOLERANCE)} of zero at every lag on every backend in float64, over at "
    f"least {MIN_CHECKED} values on each; refuted if at none.",
    takeaway={
        "supported": "Nothing flows along the 1997 cell.",
        "refuted": "Adding to a state passes its gradient on whole: the derivative is one, the point of the cell.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
