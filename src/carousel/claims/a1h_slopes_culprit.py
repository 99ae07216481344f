"""A1h: is the product of the activation's slopes the culprit, and is that why ReLU was adopted?"""

import pandas as pd

from carousel.analysis.stats.left import VANISHED
from carousel.analysis.stats.tables import SETTING, difference, paired, select
from carousel.analysis.text import number
from carousel.axes import STANDARD_DRIVE
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import by_state, reference, stack
from carousel.claims.lines import tested_and_lines
from carousel.claims.numbers import main, shown
from carousel.claims.robustness import to_settle
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    FEW,
    HOLDS,
    INCONCLUSIVE,
    LAG,
    MIN_REPETITIONS,
    MIN_SEARCHED,
    MIXED,
    UNCLEAR,
    comparison,
    conjunction,
)
from carousel.claims.weights_and_slopes import (
    NETWORKS,
    along_gain,
    by_share,
    grouped_by,
    kinds,
    leads,
    of,
    part,
    said_of_slopes,
    split,
    word_of,
)

RELU = "rnn_relu"
SATURATING = ("rnn_sigmoid", "rnn_tanh")
CULPRIT = "slopes cost more than weights"
RELIEF = "slopes cost less in the ReLU RNN"
JOINT = {CULPRIT: " in ", RELIEF: " than in "}  # between a half and whom it is said of
OWN = f"{CULPRIT} in tanh RNN {NETWORKS}"
SHOWN = (f"{CULPRIT} in PyTorch's default tanh RNN", OWN)  # the effect shown: the first that was measured
LOST = Margin(
    -VANISHED, f"decade at lag {LAG}", "a culprit is sought where less than a tenth is left: vanished"
)
MORE = Margin(0.0, "decades per step", "costing more is an order, however small")
NAMES = {HOLDS: "Yes", FAILS: "No", MIXED: "Depends on the weights", UNCLEAR: "Undecided"}


def vanishing(table: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return the settings of saturating units that lose more than the margin at LAG in the median.

    Only there is a culprit to be found. ``culprit``: what the slopes cost more than the weights, decades per step.
    """
    rows = select(table, cell=SATURATING)
    keys = [rows[key] for key in ["backend", *SETTING]]
    typical = rows["left"].groupby(keys, observed=True).transform("median")
    return rows.assign(culprit=rows["weights"] - rows["slopes"])[typical < -margin]


def against_relu(table: pd.DataFrame) -> pd.DataFrame:
    """Return every ReLU model beside the saturating one of the same seed, init and gain: ``relief``.

    What the slopes cost per step less in the ReLU's gradient than in the rival's, in decades.
    """
    both = stack([paired(table, RELU, rival, "slopes").assign(rival=rival) for rival in SATURATING])
    return both.assign(relief=difference(both["slopes"], both["slopes_right"])) if len(both) else both


def rows(tables: Tables) -> pd.DataFrame:
    """Return both parts of the rate of every vanilla RNN at initialisation, one row per model."""
    return split(tables.decay)


def measure(table: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return, for networks, chains and libraries' defaults of each saturating unit, the evidence for both halves."""
    culprit, relief = vanishing(table, margin), against_relu(table)
    found = [
        part(group, "culprit", f"{CULPRIT}{JOINT[CULPRIT]}{name}").assign(half=CULPRIT)
        for name, group in grouped_by(culprit)
    ]
    found += [
        part(group, "relief", f"{RELIEF}{JOINT[RELIEF]}{name}").assign(half=RELIEF)
        for name, group in (grouped_by(relief, "rival") if len(relief) else ())
    ]
    evidence = stack(found)
    return stack(
        [evidence.assign(moved=said_of_slopes(table)) if len(evidence) else evidence, along_gain(table)]
    )


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over both halves; its effect is what slopes cost more than weights in a default tanh RNN."""
    evidence, lines = tested_and_lines(evidence)
    states = pd.concat([comparison(of(NETWORKS, evidence)), by_share(evidence)])
    halves = [states[states.index.str.startswith(half)] for half in (CULPRIT, RELIEF)] if len(states) else []
    words = [word_of(half, kinds(evidence)) for half in halves]
    word = conjunction(words) if words else INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = f"ReLU beside tanh and sigmoid, {MIN_REPETITIONS} networks and {MIN_SEARCHED} chains, on every backend,"
        return Verdict(word, to_settle(evidence, states[:0], what), _alt(evidence), states=dict(states))
    at = leads(lines) if word == DEPENDS else None
    known = {"states": dict(states), **main(shown(evidence, *SHOWN))}
    return Verdict(word, _condition(evidence, states), _alt(evidence), boundary=at, **known)


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    """Return in words where each half holds, with the effects on networks."""
    effects = _effects(evidence)
    return " ".join(_half(half, states, effects) for half in (CULPRIT, RELIEF))


def _half(half: str, states: pd.Series, effects: pd.Series) -> str:
    own = states[states.index.str.startswith(half)]
    words = {
        name: name.removeprefix(half).removeprefix(JOINT[half])
        + (f" ({number(effects[name])})" if name in effects else "")
        for name in own.index
    }
    said = by_state(own.rename(words), NAMES)
    return f"{half[0].upper()}{half[1:]}{JOINT[half].rstrip()}: " + " ".join(
        text[0].lower() + text[1:] for text in said
    ).replace(". ", "; ")


def _effects(evidence: pd.DataFrame) -> pd.Series:
    """Return the effect of each part on networks."""
    return reference(select(evidence, kind=NETWORKS)).groupby("part", sort=False)["effect"].mean()


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "The slopes' part of the gradient was not measured."
    effects = _effects(evidence)
    words = [f"{name} {number(effects[name])}" for name in effects.index]
    return (
        "What the slopes cost a step against the gain of orthogonal weights, for sigmoid, tanh and ReLU networks, with "
        f"the weights' own part dashed. In decades per step: {'; '.join(words) or 'no network was measured'}. "
        f"{evidence['moved'].iloc[0]}"
    )


CLAIM = Claim(
    id="A1h",
    who="comment",
    kind="comparison",
    statement="The culprit is the product of activation slopes (all below one), and that is why ReLU was adopted.",
    reading=f"Where the gradient of a sigmoid or tanh RNN vanishes (less than a tenth left at lag {LAG}), slopes cost "
    "it more than weights do. And they cost a ReLU RNN of the same init, gain, width and seed less than either. In "
    f"networks at drive {STANDARD_DRIVE}, as libraries start them, and in the bias-free chain. The comment has "
    "feed-forward networks in mind and asks why ReLU was adopted; why is not measured, only whether slopes cost it "
    "less.",
    prediction="depends: on the gain; a ReLU unit that is off costs more than the slope of a tanh near zero",
    unit="decades per step, slopes' cost less weights', PyTorch's default tanh RNN",
    rule=words_of_comparison(
        MORE, "what slopes cost networks more than weights do, and more than they cost the ReLU RNN"
    )
    + f" A culprit is sought where the median setting has lost more than {LOST.value:g} {LOST.unit}. Chains have no "
    f"chance in them and take no share of Holm's: by the share of at least {MIN_SEARCHED} weights, of which at most "
    f"{FEW:.0%} may say the opposite, on every backend. One half refuted refutes the whole.",
    takeaway={
        "supported": "Saturation is what kills the gradient of a vanilla RNN, and ReLU avoids it.",
        "refuted": "Changing the activation to ReLU does not cure what shrinks the gradient of a vanilla RNN.",
        "depends": "Slopes are the culprit in sigmoid networks and near a weight of one; small weights shrink the "
        "gradient themselves. Units that are off cost a ReLU RNN its share, so set the weights' "
        "scale whatever the activation.",
    },
    models=rows,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=LOST,
)
