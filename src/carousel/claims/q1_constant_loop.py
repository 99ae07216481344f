"""Q1: is the derivative around the cell's loop one, and does the gradient along it stay constant?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import bias_order, factor, listed, number
from carousel.claims.evidence import (
    ALONG_BIAS,
    boundary,
    labelled,
    main,
    missing,
    planned,
    relative_error,
    threshold,
    with_crossing,
)
from carousel.claims.rules import (
    DEPENDS,
    HOLDS,
    INCONCLUSIVE,
    LSTMS,
    MIN_CHECKED,
    WITH_FORGET_GATE,
    Claim,
    Tables,
    Verdict,
    combine,
    identity,
)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives along the cell of every LSTM at initialisation."""
    return planned(
        select(tables.decay, quantity="cec", path="cell", cell=LSTMS, trained="no", dtype="float64")
    )


def measure(tables: Tables) -> pd.DataFrame:
    """Return per cell, forget bias and backend: the largest ``error`` from one, and the rate's interval.

    Beside them, where along the forget bias an LSTM's derivative becomes constant.
    """
    loop = rows(tables)
    by = ["cell", "forget_bias"]
    errors = loop.assign(error=relative_error(loop["log10_norm"], np.zeros(len(loop))))
    errors = (
        errors.groupby([*by, "backend"], observed=True)["error"]
        .agg(error="max", checked="size")
        .reset_index()
    )
    rate = rates(loop, "cec", "cell")
    evidence = spread(rate, by).merge(errors, on=[*by, "backend"])
    along = select(rate, cell="lstm", slice=ALONG_BIAS)
    return with_crossing(evidence.assign(part=labelled(evidence)), along, "forget_bias", -STEADY)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: identity for every cell, or only for those without a forget gate."""
    states = identity(evidence)
    old, new = select(evidence, cell="lstm97"), select(evidence, cell=WITH_FORGET_GATE)
    word = combine(states) if len(old) and len(new) else INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = f"{MIN_CHECKED} derivatives of the 1997 cell and of each with a forget gate, in float64"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    where = threshold(new, "forget bias")
    condition = f"One in {listed(list(states.index[states == HOLDS])) or 'no cell'}; " + _steps(new)
    condition += f" It becomes constant {where}." if where else ""
    at = boundary(new, "forget bias") if word == DEPENDS else None
    return Verdict(word, condition, _alt(evidence), **main(_shown(new)), boundary=at)


def _shown(new: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose effect stands for the claim: a cell with a forget gate at the lowest bias."""
    shown = select(new, cell="lstm")
    shown = shown if len(shown) else new
    return shown[shown["forget_bias"].astype(str) == bias_order(shown["forget_bias"])[0]]


def _steps(new: pd.DataFrame) -> str:
    rate = new.groupby("forget_bias", observed=True)["effect"].median()
    words = [f"{factor(rate[bias])} at forget bias {bias}" for bias in bias_order(rate.index)]
    steady = [bias for bias in bias_order(rate.index) if abs(rate[bias]) <= STEADY]
    return (
        f"with a forget gate the factor per step is {listed(words)}"
        f" (within a factor of 2 in 100 steps at: {listed(steady) or 'none'})."
    )


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No derivative along the cell's loop was measured."
    old = select(evidence, cell="lstm97")["error"].max()
    return (
        "Lines of the derivative along the cell's loop against lag. The 1997 cell stays at one (largest "
        f"error {number(old)}); the cells with a forget gate fall: "
        + _steps(select(evidence, cell=WITH_FORGET_GATE))
    )


CLAIM = Claim(
    id="Q1",
    who="question",
    kind="identity, trend",
    statement="The loop around the cell (the constant error carousel, CEC) is an identity: its derivative is one, "
    "and the gradient along it stays constant.",
    reading="The derivative of c_T by c_t along the cell-to-cell path alone, gates held fixed, is 1 at every lag.",
    prediction="depends: true of the 1997 cell, false of every cell with a forget gate below one",
    unit="decades per step (lstm, lowest forget bias)",
    rule="A cell holds where the largest relative error from one is at most 1e-9 on every backend in float64 "
    "(rounding leaves 1e-12). All cells hold: supported; some: depends; none: refuted.",
    takeaway={
        "supported": "The carousel passes the gradient on unchanged.",
        "refuted": "Do not count on the carousel: it does not pass the gradient on unchanged in any cell.",
        "depends": "A library's LSTM has a forget gate: the gradient along its cell is held only as well as the "
        "forget bias holds that gate open.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
