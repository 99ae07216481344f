"""A2f: what if the activation is ReLU? Its gradient beside those of the saturating units, by gain and init."""

import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.analysis.text import listed, number
from carousel.claims.a4g_rnn_distance import measure, rows
from carousel.claims.evidence import boundary, main, missing, threshold
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    Claim,
    Verdict,
    combine,
    trend,
)

RELU = "rnn_relu"
SATURATING = ("rnn_tanh", "rnn_sigmoid")


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return ReLU's verdict over its inits and gains, with the gain at which each activation stops vanishing."""
    own = select(evidence, cell=RELU) if len(evidence) else evidence
    states = trend(own, decays=False)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of ReLU networks on every backend, with clear rates,"
        return Verdict(word, missing(own, what), _alt(evidence))
    at = boundary(own, "gain") if word == DEPENDS else None
    condition = f"{_counts(states)} {_thresholds(evidence)}".strip()
    return Verdict(word, condition, _alt(evidence), **main(_usual(own)), boundary=at)


def _usual(own: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand for the claim: orthogonal weights of gain 1, or the first part."""
    found = select(own, init="orthogonal", gain=1.0)
    return found if len(found) else own[own["part"] == own["part"].iloc[0]]


def _counts(states: pd.Series) -> str:
    holds, fails = (int((states == state).sum()) for state in (HOLDS, FAILS))
    return f"Of {len(states)} settings (init and gain) of the ReLU RNN {fails} vanish and {holds} do not."


def _thresholds(evidence: pd.DataFrame) -> str:
    """Return in words the gain at which each activation's gradient stops vanishing."""
    found = {cell: select(evidence, cell=cell) for cell in (RELU, *SATURATING)}
    words = {cell: threshold(table, "gain") for cell, table in found.items() if len(table)}
    said = listed([f"{cell} {where}" for cell, where in words.items() if where])
    return f"As the gain alone rises, vanishing ends: {said}." if said else ""


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No vanilla RNN was measured."
    init = "orthogonal" if (evidence["init"] == "orthogonal").any() else str(evidence["init"].iloc[0])
    own = select(evidence, init=init)
    words = [
        _ends(cell, select(own, cell=cell)) for cell in (RELU, *SATURATING) if (own["cell"] == cell).any()
    ]
    return (
        "Three panels of gradient norm against lag, one per activation, a line per gain of the recurrent weights. "
        f"Rates in decades per step, {init} init: {'; '.join(words)}."
    )


def _ends(cell: str, rows: pd.DataFrame) -> str:
    rate = rows.groupby("gain")["effect"].mean()
    low, high = (f"{number(rate[gain])} at gain {gain:g}" for gain in (rate.index.min(), rate.index.max()))
    return f"{cell} {low} to {high}"


CLAIM = Claim(
    id="A2f",
    who="comment",
    kind="trend",
    statement="What if the activation is ReLU?",
    reading="The answer that is decided: with ReLU the vanilla RNN's gradient does not vanish, whatever the init and "
    "the gain of its recurrent weights.",
    prediction="depends: on the gain; units that are off cost ReLU about as much as weights of 1/sqrt(2)",
    unit="decades per step (rnn_relu, orthogonal init, gain 1)",
    rule="An init and gain vanishes (does not) where the 95 % interval of ReLU's rate lies below (above) a loss of a "
    f"factor of 2 in 100 steps on every backend, with at least {MIN_REPETITIONS} repetitions. None vanishes: "
    "supported; all: refuted; some: depends. Tanh and sigmoid are measured beside it.",
    takeaway={
        "supported": "With ReLU a vanilla RNN keeps its gradient.",
        "refuted": "ReLU does not save a vanilla RNN's gradient.",
        "depends": "ReLU trades saturation for dead units: it keeps the gradient only above a gain, and just beyond "
        "that gain nothing holds it.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
