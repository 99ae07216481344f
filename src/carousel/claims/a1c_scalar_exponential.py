"""A1c: does the gradient of the scalar chain decay or grow exponentially whenever the weight is not one?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.evidence import searched, unsearched, wide, witnessed
from carousel.claims.rules import (
    INCONCLUSIVE,
    MIN_SEARCHED,
    REFUTED,
    SCALAR,
    Claim,
    Tables,
    Verdict,
    confirmed,
    settings,
    universal,
)

ONE = 1e-3  # weights nearer to one than this count as one
SATURATING = ("rnn_sigmoid", "rnn_tanh")
CHAINS = (*SATURATING, "rnn_relu", "rnn_linear")
SHOWN = 3  # weights named in words; where more are found, from which to which


def scalar(decay: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Return the derivatives of every scalar chain, those that a search went through among them."""
    chain = {"cell": CHAINS, "hidden": 1, "trained": "no", "quantity": "loss_h", "path": "full"}
    found = select(decay, **(chain | wanted))
    return found[(found["slice"] == SCALAR) | searched(found)]


def chains(decay: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Return the rate of every scalar chain at its longest length, on every backend, weights as ``gain``."""
    space = wide(rates(scalar(decay, **wanted), "loss_h", "full"))
    longest = space.groupby(["cell", "gain", "bias"], observed=True)["length"].transform("max")
    return space[space["length"] == longest].reset_index(drop=True)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives of the bias-free scalar chains."""
    return scalar(tables.decay, bias=0.0)


def measure(tables: Tables) -> pd.DataFrame:
    """Return the space searched: the bias-free chains of all four activations over both signs of w."""
    return chains(tables.decay, bias=0.0)


def breaks(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the weight is not one and yet the gradient neither decays nor grows."""
    apart = (space["gain"] - 1).abs() > ONE
    return (space[list(BACKENDS)].abs() <= STEADY).mul(apart, axis=0)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the counterexample of the plainest activation if there is one."""
    broken = breaks(evidence)
    found, word = confirmed(evidence, broken), universal(evidence, broken)
    negative = set(evidence["cell"][evidence["gain"] < 0])
    if word != REFUTED and not negative.issuperset(CHAINS):
        word = INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = (
            f"chains of all four activations over both signs of w, at least {MIN_SEARCHED}, on every backend"
        )
        return Verdict(word, unsearched(evidence, what), _alt(evidence), n=settings(evidence))
    shown = evidence[found] if word == REFUTED else evidence
    row = shown.loc[shown[list(BACKENDS)].abs().mean(axis=1).idxmin()]
    condition = f"{_where(evidence[found])}{_bounded(evidence)}"
    return Verdict(word, condition, _alt(evidence), n=settings(evidence), **witnessed(row))


def _where(found: pd.DataFrame) -> str:
    if found.empty:
        return ""
    weights = found.groupby("cell", observed=True)["gain"].unique()
    words = [f"{cell} at {_weights(sorted(weights[cell]))}" for cell in weights.index]
    return f"Neither decays nor grows: {'; '.join(words)}. "


def _weights(found: list[float]) -> str:
    if len(found) <= SHOWN:
        return f"w = {listed([number(w) for w in found])}"
    return f"{len(found)} weights from {number(found[0])} to {number(found[-1])}"


def _bounded(space: pd.DataFrame) -> str:
    """Return in words how fast a saturating chain grows at most: a bounded state cannot keep growing."""
    rows = select(space, cell=SATURATING)
    if rows.empty:
        return ""
    top = rows.loc[rows[list(BACKENDS)].max(axis=1).idxmax()]
    largest = top[list(BACKENDS)].max()
    grows = "grow" if largest > STEADY else "never grow"
    return (
        f"Sigmoid and tanh chains {grows}: the highest rate is {number(largest)} decades per step "
        f"({top['cell']}, w = {number(top['gain'])})."
    )


def _alt(space: pd.DataFrame) -> str:
    if space.empty:
        return "No scalar chain was measured."
    finite = space[REFERENCE][np.isfinite(space[REFERENCE])]
    return (
        "Rate of the scalar chain's gradient against the weight, four activations, measured dots on theory's lines; "
        f"the rates run from {number(finite.min())} to {number(finite.max())} decades per step. {_bounded(space)}"
    )


CLAIM = Claim(
    id="A1c",
    who="answer 1",
    kind="universal",
    statement="If the weight is not 1, the gradient decays to zero exponentially or grows exponentially.",
    reading="In the bias-free scalar chain with any of the four activations, every w other than 1 gives a rate that "
    "is not zero.",
    prediction="refuted: w = -1 is a counterexample for the linear chain, and criticality is not at w = 1",
    unit="decades per step (the witness)",
    rule="One weight other than 1 (by more than 0.001) with a rate within a factor of 2 in 100 steps on both "
    f"backends refutes it; none among at least {MIN_SEARCHED} chains with both signs supports it.",
    takeaway={
        "supported": "Away from w = 1 a scalar chain has a time constant.",
        "refuted": "The weight alone does not set the rate: what counts is weight times slope where the chain settles.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
