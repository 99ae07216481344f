"""A1b: is the factor of the weights the crucial one in the derivative of a recurrent network?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import SETTING
from carousel.analysis.text import listed, number
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
    MIN_REPETITIONS,
    MIN_SEARCHED,
    MIXED,
    UNCLEAR,
    comparison,
)
from carousel.claims.weights_and_slopes import (
    NETWORKS,
    along_gain,
    by_share,
    grouped_by,
    kinds,
    leads,
    led,
    of,
    part,
    said_of_slopes,
    split,
    word_of,
)

SHOWN = (
    "PyTorch's default tanh RNN",
    f"tanh RNN {NETWORKS}",
)  # the effect shown: the first that was measured
ONE = Margin(
    STEADY, "decades per step", "a weights' part within a factor of 2 in 100 steps of one is left out"
)
LARGER = Margin(0.0, "decades per step", "the larger part leads, however little")
LEADS = {
    HOLDS: "The weights lead",
    FAILS: "The slopes lead",
    MIXED: "It depends on the weights",
    UNCLEAR: "Undecided",
}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the `split` of the settings whose weights' part is not one: of those alone the claim speaks."""
    return not_one(split(tables.decay), ONE.value)


def not_one(table: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return the settings in which the weights' part is beyond the margin in the median, or a dead unit hid it."""
    size = table["weights"].abs().mask(np.isneginf(table["slopes"]), np.inf)
    typical = size.groupby([table[key] for key in ["backend", *SETTING]], observed=True).transform("median")
    return table[typical > margin]


def models(tables: Tables) -> pd.DataFrame:
    """Return both parts of the rate of every vanilla RNN at initialisation, one row per model."""
    return split(tables.decay)


def measure(whole: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return per activation, networks and chains, how much larger the weights' part is than the slopes'."""
    evidence = stack([part(group, "lead", name) for name, group in grouped_by(not_one(whole, margin))])
    if evidence.empty:
        return evidence
    said = {"moved": said_of_slopes(whole), "left_out": _left_out(whole, set(evidence["part"]))}
    return stack([evidence.assign(**said), along_gain(whole)])


def _left_out(whole: pd.DataFrame, parts: set[str]) -> str:
    """Return in words the parts of which the claim does not speak, for the weights' part of all in them is one."""
    found = [name for name, _ in grouped_by(whole) if name not in parts]
    return f"The weights' part is one, so that the claim says nothing, in {listed(found)}." if found else ""


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the lead of the weights' part in PyTorch's default tanh RNN as its effect."""
    evidence, lines = tested_and_lines(evidence)
    states = pd.concat([comparison(of(NETWORKS, evidence)), by_share(evidence)])
    word = word_of(states, kinds(evidence)) if len(evidence) else INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} networks and {MIN_SEARCHED} chains of each activation on every backend"
        return Verdict(
            word, to_settle(evidence, states[:0], what), _alt(evidence, lines), states=dict(states)
        )
    at = leads(lines) if word == DEPENDS else None
    known = {"states": dict(states), **main(shown(evidence, *SHOWN))}
    return Verdict(word, _condition(evidence, states, lines), _alt(evidence, lines), boundary=at, **known)


def _condition(evidence: pd.DataFrame, states: pd.Series, lines: pd.DataFrame) -> str:
    said = [*by_state(states, LEADS), evidence["left_out"].iloc[0], led(lines)]
    return " ".join(text for text in said if text)


def _alt(evidence: pd.DataFrame, lines: pd.DataFrame) -> str:
    if evidence.empty:
        return "The parts of weights and slopes were not measured."
    share = reference(evidence).groupby("part", sort=False)["share"].mean()
    words = [f"{name} {number(100 * share[name])} %" for name in share.index]
    return (
        "The slopes' part of each gradient's rate against the weights' part, chains above and networks below, one "
        f"mark per setting. The weights' part is the larger in: {'; '.join(words)}. {led(lines)} "
        f"{evidence['moved'].iloc[0]}"
    ).strip()


CLAIM = Claim(
    id="A1b",
    who="answer 1",
    kind="comparison",
    statement="The factor w^n is the crucial one.",
    reading="The gradient's rate has two parts, weights and slopes. Wherever the weights' is not one, it is the larger "
    f"in size: in the bias-free chain, in networks of any init, gain and width at drive {STANDARD_DRIVE}, and as "
    "libraries start them, for sigmoid, tanh and ReLU.",
    prediction="depends: true for ReLU; a saturating unit's slope falls as its weight grows and takes the lead",
    unit="decades per step, weights' part less slopes', PyTorch's default tanh RNN",
    rule=words_of_comparison(LARGER, "|weights| - |slopes| of networks, in decades per step")
    + " Each repetition is the median over the settings of a part."
    f" Chains have no chance in them and take no share of Holm's: by the share of at least {MIN_SEARCHED} weights, "
    f"of which at most {FEW:.0%} may say the opposite, on every backend. Settings whose weights' part is within "
    f"{number(ONE.value)} {ONE.unit} of one are left out.",
    takeaway={
        "supported": "Look at the recurrent weights first: they set the rate.",
        "refuted": "Look at the slopes of the activation first: they set the rate, whatever the weights.",
        "depends": "Neither factor is the crucial one everywhere: which of them leads depends on the activation and on "
        "the scale of the weights. Measure both before blaming either.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=ONE,
)
