"""A1c: does w^n decay or grow exponentially whenever the weight is not one, and the gradient of the chain with it?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import searched, unsearched, wide, with_margin
from carousel.claims.numbers import witnessed
from carousel.claims.rule_text import words_of_universal
from carousel.claims.rules import INCONCLUSIVE, MIN_SEARCHED, REFUTED, SCALAR, confirmed, universal

SATURATING = ("rnn_sigmoid", "rnn_tanh")
CHAINS = (*SATURATING, "rnn_relu", "rnn_linear")
SOURCE = "rnn_sigmoid"  # the Q&A's own chain
SHOWN = 3  # weights named in words; where more are found, from which to which


def scalar(decay: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Return the derivatives of every scalar chain, those that a search went through among them."""
    chain = {"cell": CHAINS, "hidden": 1, "trained": "no", "quantity": "loss_h", "path": "full"}
    found = select(decay, **(chain | wanted))
    return found[(found["slice"] == SCALAR) | searched(found)]


def chains(decay: pd.DataFrame, **wanted: object) -> pd.DataFrame:
    """Return the rate of every scalar chain at its longest length, on every backend, weights as ``gain``.

    Of a chain's starts only those that live count, if there are: one below zero is no state of a ReLU.
    """
    rows = scalar(decay, **wanted)
    rows = rows.assign(n_zero=rows["n_zero"].mask(rows["n_zero"] < rows["n"], 0))
    space = wide(rates(rows, "loss_h", "full"))
    longest = space.groupby(["cell", "gain", "bias"], observed=True)["length"].transform("max")
    return space[space["length"] == longest].reset_index(drop=True)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives of the bias-free scalar chains."""
    return scalar(tables.decay, bias=0.0)


def models(tables: Tables) -> pd.DataFrame:
    """Return the bias-free chains of all activations over both signs of w, with the ``factor``'s rate, log10 |w|."""
    space = living(chains(tables.decay, bias=0.0))
    with np.errstate(divide="ignore"):
        factor = np.log10(np.abs(space["gain"].to_numpy(float)))
    return space.assign(factor=factor)


def living(space: pd.DataFrame) -> pd.DataFrame:
    """Return the chains without those that are dead from their start, where another start at the same weight lives.

    A start below zero is no state of a ReLU; a negative weight turns every ReLU chain off.
    """
    dead = np.isneginf(space[list(BACKENDS)]).any(axis=1)
    lives = (~dead).groupby([space["cell"].astype(str), space["gain"]]).transform("any")
    return space[~(dead & lives)].reset_index(drop=True)


def moving(space: pd.DataFrame) -> pd.DataFrame:
    """Return the chains whose factor w^n decays or grows: those that the claim speaks of."""
    return space[space["factor"].abs() > space["margin"]]


def breaks(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the gradient does not decay (grow) although the factor w^n does."""
    rate, margin = space[list(BACKENDS)], space["margin"]
    decays, grows = rate.lt(-margin, axis=0), rate.gt(margin, axis=0)
    return (~decays).mul(space["factor"] < 0, axis=0) | (~grows).mul(space["factor"] > 0, axis=0)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict; the counterexample shown is the Q&A's own chain where the gradient is furthest from w^n."""
    space = moving(evidence)
    broken = breaks(space)
    found, word = confirmed(space, broken), universal(space, broken)
    negative = set(space["cell"][space["gain"] < 0])
    if word != REFUTED and not negative.issuperset(CHAINS):
        word = INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = (
            f"chains of all four activations over both signs of w, at least {MIN_SEARCHED}, on every backend"
        )
        return Verdict(word, unsearched(space, what), _alt(evidence), n=len(space))
    condition = f"{_where(space[found])}{_as_said(space, found)}{_bounded(space)}{_at_one(evidence)}"
    row = _shown(space[found] if word == REFUTED else space)
    return Verdict(word, condition, _alt(evidence), n=len(space), **witnessed(row))


def _shown(space: pd.DataFrame) -> pd.Series:
    """Return the chain whose gradient is furthest from w^n, of the Q&A's own activation if there is one."""
    own = select(space, cell=SOURCE)
    rows = own if len(own) else space
    apart = (rows[REFERENCE] - rows["factor"]).abs()
    return rows.loc[apart.where(np.isfinite(apart), -1.0).idxmax()]


def _where(found: pd.DataFrame) -> str:
    """Return in words the chains whose gradient does not do as the factor does."""
    words = []
    verbs = {True: "w^n grows and the gradient does not", False: "w^n decays and the gradient does not"}
    for grows, verb in verbs.items():
        side = found[(found["factor"] > 0) == grows]
        each = [_chain(cell, rows) for cell, rows in side.groupby("cell", observed=True)]
        words += [f"{verb}: {'; '.join(each)}. "] if each else []
    return "".join(words)


def _as_said(space: pd.DataFrame, found: pd.Series) -> str:
    """Return in words where the gradient of every chain does as the factor does."""
    sides = {"decays": space["factor"] < 0, "grows": space["factor"] > 0}
    words = []
    for verb, side in sides.items():
        broken = found[side].groupby(space["cell"][side].astype(str)).any()
        cells = [_activation(cell) for cell in broken.index[~broken]]
        words += [f"{verb} with it in all {listed(cells)} chains"] if cells else []
    return f"The gradient {' and '.join(words)}. " if words else ""


def _chain(cell: str, rows: pd.DataFrame) -> str:
    dead = " (dead)" if np.isneginf(rows[REFERENCE]).all() else ""
    return f"{_activation(cell)}{dead} at {_weights(sorted(rows['gain'].unique()))}"


def _activation(cell: str) -> str:
    """Return the activation of a chain."""
    return f"{cell}".removeprefix("rnn_").replace("relu", "ReLU")


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
    grows = "grow" if largest > top["margin"] else "never grow"
    return (
        f"Sigmoid and tanh chains {grows}: the highest rate is {number(largest)} decades per step "
        f"({_activation(top['cell'])}, w = {number(top['gain'])})."
    )


def _at_one(space: pd.DataFrame) -> str:
    """Return in words what the saturating chains' gradient does at w = 1, where w^n stays one."""
    rows = select(space, cell=SATURATING, gain=1.0)
    rates_ = rows.groupby(rows["cell"].astype(str))[REFERENCE].median()
    words = [f"{number(rates_[cell])} ({_activation(cell)})" for cell in rates_.index]
    return f" At w = 1, where w^n stays one, the rates are {listed(words)} decades per step." if words else ""


def _alt(space: pd.DataFrame) -> str:
    if space.empty:
        return "No scalar chain was measured."
    finite = space[REFERENCE][np.isfinite(space[REFERENCE])]
    return (
        "Rate of the scalar chain's gradient against the weight, four activations, measured dots on theory's lines; "
        f"the rates run from {number(finite.min())} to {number(finite.max())} decades per step. {_bounded(space)}"
    )


MARGIN = Margin(
    STEADY, "decades per step", "less than a factor of 2 in 100 steps is neither decay nor growth"
)
CLAIM = Claim(
    id="A1c",
    who="answer 1",
    kind="universal",
    statement="If the weight is not 1, the factor w^n decays to zero exponentially or grows exponentially, and the "
    "gradient with it.",
    reading='In the answer "it" is the factor w^n. That alone is arithmetic: its size is |w|^n, which decays or grows '
    "for every w but 1 and -1. At -1 it only changes sign, which we do not hold against the claim. The answer calls "
    "it the crucial factor, so what is decided is whether the gradient goes with it. In the bias-free scalar chain, "
    "with any of four activations and either sign of w, the gradient decays (grows) exponentially wherever w^n does. A "
    "ReLU chain that starts below zero, where none of its states is, does not count.",
    prediction="refuted: sigmoid and tanh chains have bounded states, so their gradient never grows whatever w is",
    unit="decades per step (the witness)",
    rule=words_of_universal(
        f"One chain whose w^n decays (grows) by more than {number(MARGIN.value)} {MARGIN.unit} and whose gradient does "
        "not"
    )
    + " The chains searched have to include every activation with a negative w. A chain counts by its live starts, "
    "if it has any.",
    takeaway={
        "supported": "The weight alone says whether a scalar chain's gradient decays or grows.",
        "refuted": "The weight alone does not set the rate: what counts is weight times slope where the chain settles, "
        "and a bounded unit's gradient does not go on growing.",
    },
    models=models,
    measure=with_margin,
    decide=decide,
    rows=rows,
    margin=MARGIN,
)
