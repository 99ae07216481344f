"""K1: are LSTMs not vulnerable to vanishing gradients?"""

import pandas as pd

from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import at_biases, bias_order, listed, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.evidence import named, planned, unsearched, wide, witnessed
from carousel.claims.rules import (
    INCONCLUSIVE,
    LSTMS,
    MIN_SEARCHED,
    REFUTED,
    Claim,
    Tables,
    Verdict,
    confirmed,
    settings,
    universal,
)

LOST = 1.0  # decades over the whole sequence: a slope counts as vanishing only if it costs a factor of ten


def rows(tables: Tables) -> pd.DataFrame:
    """Return the total gradient of every LSTM, those of a search among them."""
    return select(tables.decay, cell=LSTMS, quantity="loss_state", path="full")


def measure(tables: Tables) -> pd.DataFrame:
    """Return the space searched: the total gradient's rate on every backend, one row per LSTM."""
    return wide(rates(rows(tables), "loss_state", "full"))


def vanishes(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the rate is below -STEADY and costs at least LOST over the sequence."""
    lost = space[list(BACKENDS)].mul(space["length"], axis=0) <= -LOST
    return lost & (space[list(BACKENDS)] < -STEADY)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the fastest decay found in a network of more than one unit if there is one."""
    breaks = vanishes(evidence)
    found = confirmed(evidence, breaks)
    word = universal(evidence, breaks)
    if word == INCONCLUSIVE:
        what = f"a search of at least {MIN_SEARCHED} settings on every backend, without one-sided findings"
        return Verdict(word, unsearched(evidence, what), _alt(evidence, found), n=settings(evidence))
    witness = _witness(evidence[found] if word == REFUTED else evidence)
    seen = f"Counterexample: {named(witness)}" if word == REFUTED else f"Lowest rate: {named(witness)}"
    condition = f"{seen}. {_shares(evidence, found)}"
    return Verdict(word, condition, _alt(evidence, found), n=settings(evidence), **witnessed(witness))


def _witness(space: pd.DataFrame) -> pd.Series:
    """Return the row that every backend sees decay fastest, a library's default LSTM if there is one."""
    usual = select(space, init="torch", gain=1.0, cell="lstm", trained="no")
    usual = usual[usual["hidden"] > 1]
    space = usual if len(usual) else space
    return space.loc[space[list(BACKENDS)].max(axis=1).idxmin()]


def _shares(space: pd.DataFrame, found: pd.Series) -> str:
    by_plan = planned(space)
    share = found[by_plan.index].groupby(by_plan["forget_bias"].astype(str)).mean()
    words = [f"{100 * share[bias]:.0f} % {at_biases([bias])}" for bias in bias_order(share.index)]
    after = space["step"] > 0
    trained = f" After training: {100 * found[after].mean():.0f} % of {after.sum()}." if after.any() else ""
    by_search = found.drop(by_plan.index)
    searched = f" In a search: {by_search.sum()} of {len(by_search)}." if len(by_search) else ""
    where = f" ({listed(words)})" if words else ""
    return f"Vanishing: {found[by_plan.index].sum()} of {len(by_plan)} LSTMs{where}.{trained}{searched}"


def _alt(space: pd.DataFrame, found: pd.Series) -> str:
    if space.empty:
        return "No LSTM was measured."
    rate = space[REFERENCE].median()
    return (
        "Dots of the rate at which the total gradient of an LSTM decays, by forget bias, at the start and after "
        f"training; the median is {number(rate)} decades per step. {_shares(space, found)}"
    )


CLAIM = Claim(
    id="K1",
    who="comment",
    kind="universal",
    statement="LSTMs are not vulnerable to vanishing gradients.",
    reading="No LSTM of the sweep (any init, forget bias, gain, length, before and after training) has a total "
    "gradient that decays with lag.",
    prediction="refuted",
    unit="decades per step (the witness)",
    rule="One LSTM whose total gradient decays by more than a factor of 2 in 100 steps, and by a factor of "
    f"ten over its sequence, on every backend refutes it; none in at least {MIN_SEARCHED} settings supports it.",
    takeaway={
        "supported": "No LSTM of the sweep lost its gradient.",
        "refuted": "An LSTM can lose its gradient, and with a library's default bias it does: measure your own.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
