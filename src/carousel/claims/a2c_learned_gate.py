"""A2c: can weights be learned that hold the forget gate near one, at 0.99995 per step?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, bias_order, listed
from carousel.analysis.theory.scalar import log10_sigmoid
from carousel.axes import BACKENDS
from carousel.claims.evidence import named, unsearched, wide
from carousel.claims.rules import (
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    WITH_FORGET_GATE,
    Claim,
    Tables,
    Verdict,
    confirmed,
    settings,
)

NET = 10.0  # the claim's net input: w = 10, x = 1
FACTOR = 0.99995  # as printed in the Q&A


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivative along the cell of every LSTM with a forget gate, before and after training."""
    return select(tables.decay, cell=WITH_FORGET_GATE, quantity="cec", path="cell")


def measure(tables: Tables) -> pd.DataFrame:
    """Return the rate along the cell on every backend, one row per LSTM with a forget gate."""
    return wide(rates(rows(tables), "cec", "cell"))


def holds(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the factor per step is at least FACTOR."""
    return space[list(BACKENDS)] >= np.log10(FACTOR)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: the printed number is right and one LSTM was seen to hold it."""
    found = confirmed(evidence, holds(evidence))
    right = round(float(10 ** log10_sigmoid(NET)), 5) == FACTOR
    own = evidence[evidence["forget_bias"].astype(str).map(as_number) == NET]
    tried = own[list(BACKENDS)].notna().all(axis=1).any()
    word = SUPPORTED if right and found.any() else REFUTED if tried else INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = f"an LSTM with forget bias {NET:g} on every backend"
        return Verdict(word, unsearched(evidence, what), _alt(evidence, found), n=settings(evidence))
    shown = evidence[found] if word == SUPPORTED else own.dropna(subset=list(BACKENDS))
    row = shown.loc[(shown[list(BACKENDS)].mean(axis=1) - np.log10(FACTOR)).abs().idxmin()]
    sides = {name: float(10 ** row[name]) for name in BACKENDS}
    condition = f"{_witness(row, found, word)} {_learned(evidence, found)}"
    mean, low, high = np.mean(list(sides.values())), min(sides.values()), max(sides.values())
    return Verdict(
        word, condition, _alt(evidence, found), float(mean), low, high, settings(evidence), by_backend=sides
    )


def _witness(row: pd.Series, found: pd.Series, word: str) -> str:
    if word == REFUTED:
        return f"No LSTM reaches it; the nearest is {named(row)}."
    gate = 10 ** float(log10_sigmoid(NET))
    return f"sigma(10) = {gate:.5f}. Witness: {named(row)}; {found.sum()} of {len(found)} LSTMs reach it."


def _learned(space: pd.DataFrame, found: pd.Series) -> str:
    """Return in words from which forget biases training reached such gates without starting there."""
    after = space[(space["trained"] != "no") & (space["step"] > 0)]
    if after.empty:
        return "Whether training reaches it was not measured."
    reached = found[after.index].groupby(after["forget_bias"].astype(str)).sum()
    best = after.groupby(after["forget_bias"].astype(str))[list(BACKENDS)].max().min(axis=1)
    words = [
        f"{bias} in {reached[bias]} (best factor {10 ** best[bias]:.4f})"
        for bias in bias_order(reached.index)
    ]
    return f"After training, by forget bias at the start, of {len(after)} networks: {listed(words)}."


def _alt(space: pd.DataFrame, found: pd.Series) -> str:
    if space.empty:
        return "No derivative along the cell was measured."
    return (
        "How far the factor per step along the cell stays below one, on a log axis, by forget bias, at the start and "
        f"after training; the line is one less {FACTOR}. {found.sum()} of {len(space)} LSTMs reach it. "
        f"{_learned(space, found)}"
    )


CLAIM = Claim(
    id="A2c",
    who="answer 2",
    kind="existence",
    statement="Weights can be learned that hold the gate near one: w = 10, x = 1 gives 0.99995 per step.",
    reading="sigma(10) = 0.99995 to five digits, and some LSTM's derivative along the cell shrinks by no more "
    "than that a step, on every backend.",
    prediction="supported; training seldom gets there from a low bias",
    unit="factor per step (the witness)",
    rule="Supported by the number and one witness that every backend confirms; refuted if LSTMs with forget bias 10 "
    "were measured on both and none is. How often training reaches it is reported and does not decide.",
    takeaway={
        "supported": "Such gates exist; do not wait for training to find them, start with a large forget bias.",
        "refuted": "A forget bias of 10 did not hold the gate at 0.99995.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
