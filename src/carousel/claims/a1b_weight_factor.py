"""A1b: is the factor of the weights the crucial one in the derivative of a recurrent network?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import SETTING
from carousel.analysis.text import number
from carousel.claims.evidence import boundary, by_state, main, missing, stack
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    MIN_SEARCHED,
    MIXED,
    UNCLEAR,
    Claim,
    Tables,
    Verdict,
)
from carousel.claims.weights_and_slopes import NETWORKS, judged, led, part, split, with_crossings, word_of

SHOWN = f"rnn_tanh {NETWORKS}"
LEADS = {
    HOLDS: "The weights lead",
    FAILS: "The slopes lead",
    MIXED: "It depends on the weights",
    UNCLEAR: "Undecided",
}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the `split` of the settings whose weights' part is not one: of those alone the claim speaks."""
    return not_one(split(tables.decay))


def not_one(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings in which the weights' part is beyond STEADY in the median, or a dead unit hid it."""
    size = table["weights"].abs().mask(np.isneginf(table["slopes"]), np.inf)
    typical = size.groupby([table[key] for key in ["backend", *SETTING]], observed=True).transform("median")
    return table[typical > STEADY]


def measure(tables: Tables) -> pd.DataFrame:
    """Return per activation, networks and chains, how much larger the weights' part is than the slopes'."""
    whole = split(tables.decay)
    groups = not_one(whole).groupby(["cell", "kind"], observed=True)
    evidence = stack([part(group, "lead", f"{cell} {kind}") for (cell, kind), group in groups])
    return with_crossings(evidence, whole) if len(evidence) else evidence


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the lead of the weights' part in networks of tanh units as its effect."""
    states = judged(evidence)
    word = word_of(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} networks and {MIN_SEARCHED} chains of each activation on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    own = evidence[evidence["part"] == SHOWN]
    own = own if len(own) else evidence[evidence["part"] == evidence["part"].iloc[0]]
    at = boundary(own, "gain") if word == DEPENDS else None
    return Verdict(word, _condition(evidence, states), _alt(evidence), **main(own), boundary=at)


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    return " ".join([*by_state(states, LEADS), led(evidence)]).strip()


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "The parts of weights and slopes were not measured."
    share = evidence.groupby("part", sort=False)["share"].mean()
    words = [f"{name} {number(100 * share[name])} %" for name in share.index]
    return (
        "The slopes' part of each gradient's rate against the weights' part, chains above and networks below, one "
        f"mark per setting. The weights' part is the larger in: {'; '.join(words)}. {led(evidence)}"
    ).strip()


CLAIM = Claim(
    id="A1b",
    who="answer 1",
    kind="comparison",
    statement="The factor w^n is the crucial one.",
    reading="Of the two parts of the gradient's rate, weights and slopes, the weights' is the larger in size wherever "
    "it is not one: in the bias-free chain and in networks, for sigmoid, tanh and ReLU.",
    prediction="depends: true for ReLU; a saturating unit's slope falls as its weight grows and takes the lead",
    unit="decades per step, weights' part less slopes', rnn_tanh",
    rule="Networks, paired by seed: the weights lead (the slopes do) where the 95 % interval of |weights| - |slopes| "
    "lies above (below) 0 on every backend, Holm's p is at most 0.05 and at most 5 % of settings say the opposite; "
    f"{MIN_REPETITIONS} repetitions. Chains have no chance in them: by the share of at least {MIN_SEARCHED} weights. "
    "Settings whose weights' part is within a factor of 2 in 100 steps of one are left out.",
    takeaway={
        "supported": "Look at the recurrent weights first: they set the rate.",
        "refuted": "Look at the slopes of the activation first: they set the rate, whatever the weights.",
        "depends": "Neither factor is the crucial one everywhere: small weights set the rate themselves, large ones "
        "by saturating the units.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
