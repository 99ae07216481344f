"""A1h: is the product of the activation's slopes the culprit, and is that why ReLU was adopted?"""

import pandas as pd

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import SETTING, difference, paired, select
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
    conjunction,
)
from carousel.claims.weights_and_slopes import NETWORKS, judged, led, part, split, with_crossings, word_of

RELU = "rnn_relu"
SATURATING = ("rnn_sigmoid", "rnn_tanh")
CULPRIT = "slopes cost more than weights"
RELIEF = "slopes cost less in rnn_relu"
SHOWN = f"{CULPRIT} in rnn_tanh {NETWORKS}"
NAMES = {HOLDS: "Holds", FAILS: "Fails", MIXED: "Depends on the weights", UNCLEAR: "Undecided"}


def vanishing(table: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of saturating units whose gradient vanishes in the median; ``culprit``: weights - slopes.

    Only there is a culprit to be found. What the slopes cost more than the weights do, in decades per step.
    """
    rows = select(table, cell=SATURATING)
    keys = [rows[key] for key in ["backend", *SETTING]]
    typical = rows["rate"].groupby(keys, observed=True).transform("median")
    return rows.assign(culprit=rows["weights"] - rows["slopes"])[typical < -STEADY]


def against_relu(table: pd.DataFrame) -> pd.DataFrame:
    """Return every ReLU model beside the saturating one of the same seed, init and gain: ``relief``.

    What the slopes cost per step less in the ReLU's gradient than in the rival's, in decades.
    """
    both = stack([paired(table, RELU, rival, "slopes").assign(rival=rival) for rival in SATURATING])
    return both.assign(relief=difference(both["slopes"], both["slopes_right"])) if len(both) else both


def rows(tables: Tables) -> pd.DataFrame:
    """Return both parts of the rate of every vanilla RNN at initialisation, one row per model."""
    return split(tables.decay)


def measure(tables: Tables) -> pd.DataFrame:
    """Return, for networks and chains of each saturating unit, the evidence for CULPRIT and for RELIEF."""
    table = rows(tables)
    culprit, relief = vanishing(table), against_relu(table)
    found = [
        part(group, "culprit", f"{CULPRIT} in {cell} {kind}").assign(half=CULPRIT)
        for (cell, kind), group in culprit.groupby(["cell", "kind"], observed=True)
    ]
    if len(relief):
        found += [
            part(group, "relief", f"{RELIEF} than in {rival} {kind}").assign(half=RELIEF)
            for (rival, kind), group in relief.groupby(["rival", "kind"], observed=True)
        ]
    return with_crossings(stack(found), table) if found else stack(found)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over both halves; its effect is what slopes cost more than weights in tanh networks."""
    states = judged(evidence)
    halves = (
        [states[states.index.str.startswith(half)] for half in (CULPRIT, RELIEF)] if len(states) else [states]
    )
    word = conjunction([word_of(half) for half in halves])
    if word == INCONCLUSIVE:
        what = f"ReLU beside tanh and sigmoid, {MIN_REPETITIONS} networks and {MIN_SEARCHED} chains, on every backend,"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    own = evidence[evidence["part"] == SHOWN]
    own = own if len(own) else evidence[evidence["part"] == evidence["part"].iloc[0]]
    at = boundary(own, "gain") if word == DEPENDS else None
    return Verdict(word, _condition(evidence, states), _alt(evidence), **main(own), boundary=at)


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    effects = evidence[evidence["kind"] == NETWORKS].groupby("part", sort=False)["effect"].mean()
    words = {name: f"{name} ({number(effects[name])})" if name in effects else name for name in states.index}
    return " ".join(
        [*by_state(states.rename(words), NAMES), led(evidence[evidence["half"] == CULPRIT])]
    ).strip()


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "The slopes' part of the gradient was not measured."
    networks = evidence[evidence["kind"] == NETWORKS]
    effects = networks.groupby("part", sort=False)["effect"].mean()
    words = [f"{name} {number(effects[name])}" for name in effects.index]
    return (
        "What the slopes cost a step against the gain of orthogonal weights, for sigmoid, tanh and ReLU networks, with "
        f"the weights' own part dashed. In decades per step: {'; '.join(words) or 'no network was measured'}."
    )


CLAIM = Claim(
    id="A1h",
    who="comment",
    kind="comparison",
    statement="The culprit is the product of activation slopes (all below one), and that is why ReLU was adopted.",
    reading="Where the gradient of a sigmoid or tanh RNN vanishes, slopes cost it more than weights do; and slopes "
    "cost a ReLU RNN of the same init, gain and seed less than either.",
    prediction="depends: on the gain; a ReLU unit that is off costs more than the slope of a tanh near zero",
    unit="decades per step, slopes' cost less weights', rnn_tanh",
    rule="Networks, paired by seed: each half and activation holds (fails) where the 95 % interval lies above (below) "
    "0 on every backend, Holm's p is at most 0.05 and at most 5 % of settings say the opposite; "
    f"{MIN_REPETITIONS} repetitions. Chains: by the share of at least {MIN_SEARCHED} weights. One half refuted refutes "
    "the whole.",
    takeaway={
        "supported": "Saturation is what kills the gradient of a vanilla RNN, and ReLU avoids it.",
        "refuted": "Changing the activation to ReLU does not cure what shrinks the gradient of a vanilla RNN.",
        "depends": "Slopes are the culprit for large weights and sigmoids; units that are off cost a ReLU RNN its "
        "share, so set the scale of the weights whatever the activation.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
