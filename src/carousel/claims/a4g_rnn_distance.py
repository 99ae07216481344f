"""A4g: in the basic RNN, is the error smaller the longer the distance?"""

import pandas as pd

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import select
from carousel.analysis.text import number
from carousel.axes import STANDARD_DRIVE
from carousel.claims import rnn_trends
from carousel.claims.claim import Boundary, Claim, Margin, Verdict
from carousel.claims.evidence import reference
from carousel.claims.lines import tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.rnn_trends import headline, said_of_libraries, said_of_lines, said_of_moves, threshold
from carousel.claims.robustness import to_settle
from carousel.claims.rule_text import words_of_trend
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    MIXED,
    UNCLEAR,
    VANILLA,
    combine,
    trend,
)

CONSTANT = Margin(STEADY, "decades per step", "less than a factor of 2 in 100 steps is called constant")


def measure(models: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return the rate with its interval per cell, init, gain and width, and of each library's default."""
    return rnn_trends.measure(models, "rate", margin)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict and, per cell and init, the gains at which the gradient is flat or rises."""
    evidence, lines = tested_and_lines(evidence)
    states = trend(evidence, decays=True)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of vanilla RNNs at T of at least {LONG}, on every backend"
        return Verdict(word, to_settle(evidence, states, what), _alt(evidence), states=dict(states))
    at = _boundary(lines) if word == DEPENDS else None
    known = {"states": dict(states), **main(headline(evidence, "rnn_tanh"))}
    return Verdict(word, _condition(evidence, states, lines), _alt(evidence), boundary=at, **known)


def _boundary(lines: pd.DataFrame) -> Boundary | None:
    """Return the gain at which the tanh RNN stops decaying, or else the first cell that does."""
    found = (threshold(lines, cell) for cell in sorted(VANILLA, key=lambda cell: cell != "rnn_tanh"))
    return next((at for at in found if at), None)


def _condition(evidence: pd.DataFrame, states: pd.Series, lines: pd.DataFrame) -> str:
    flat, unclear = "; ".join(states.index[states == FAILS]), int((states == UNCLEAR).sum())
    counts = f"Flat or rising in {(states == FAILS).sum()} of {len(states)} settings: {flat or 'none'}."
    mixed = "; ".join(states.index[states == MIXED])
    open_ = f"Depends on the length: {mixed}. " * bool(mixed) + f"Undecided: {unclear} more." * bool(unclear)
    more = [
        said_of_libraries(evidence, "rate"),
        said_of_lines(evidence, lines, "the decay ends"),
        said_of_moves(select(evidence, cell="rnn_tanh")),
    ]
    return " ".join(text for text in [counts, open_, *more] if text)


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No vanilla RNN was measured."
    rates = reference(evidence)["effect"]
    return (
        "Rate of the gradient of vanilla RNNs against the gain of the recurrent weights, a mark per setting, from "
        f"{number(rates.min())} to {number(rates.max())} decades per step."
    )


CLAIM = Claim(
    id="A4g",
    who="answer 4",
    kind="trend",
    statement="In the basic RNN each step applies an affine map and a nonlinearity, so the longer the distance the "
    "smaller the error.",
    reading="At initialisation the gradient of the sigmoid, tanh and ReLU RNN decays with lag, whatever the init, the "
    f"gain of its recurrent weights and its width, at drive {STANDARD_DRIVE}, and as libraries start it.",
    prediction="depends: on the gain; it is flat near criticality and rises beyond",
    unit="decades per step (PyTorch's default tanh RNN)",
    rule=words_of_trend(
        CONSTANT,
        f"A part is a cell, init, gain and width (drive {STANDARD_DRIVE}), or a library's default. It",
    )
    + " All: supported; none: refuted; some: depends.",
    takeaway={
        "supported": "In a vanilla RNN the error shrinks with distance.",
        "refuted": "In a vanilla RNN the error does not shrink with distance.",
        "depends": "In a sigmoid RNN distance shrinks the error at every weight scale, in a tanh or ReLU RNN below a "
        "critical one, which the init and, of tanh, the input move: tune the gain.",
    },
    models=rnn_trends.models,
    measure=measure,
    decide=decide,
    rows=rnn_trends.rows,
    margin=CONSTANT,
)
