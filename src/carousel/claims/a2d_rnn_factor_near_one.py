"""A2d: do no weights bring the vanilla RNN's factor w sigma'(w h) near one?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import PAIR, RUN, select
from carousel.analysis.text import counted, listed, number
from carousel.analysis.theory.scalar import flip_weight, largest_multiplier
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.a1c_scalar_exponential import chains, scalar
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import planned, stack, unsearched, wide, with_margin
from carousel.claims.numbers import witnessed
from carousel.claims.rule_text import words_of_universal
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_SEARCHED,
    REFUTED,
    SUPPORTED,
    UNCLEAR,
    combine,
    confirmed,
    settings,
    universal,
)

WITHOUT, WITH, TRAINED = "without bias", "with bias", "trained sigmoid RNNs"
STATES = {SUPPORTED: HOLDS, REFUTED: FAILS, INCONCLUSIVE: UNCLEAR}
SHOWN = 3  # chains named in words


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives of the scalar sigmoid chains, and the gradients of trained sigmoid RNNs."""
    return pd.concat([scalar(tables.decay, cell="rnn_sigmoid"), _trained(tables.decay)])


def _trained(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell="rnn_sigmoid", quantity="loss_h", path="full")
    return found[(found["trained"] != "no") & (found["step"] > 0)]


def models(tables: Tables) -> pd.DataFrame:
    """Return per chain and trained sigmoid RNN the size of the factor per step, |w sigma'|, on every backend.

    ``part``: whether the chain has a bias, or the network was trained. ``positive``: the factor's sign is that of w.
    """
    space = chains(tables.decay, cell="rnn_sigmoid")
    space = space.assign(part=np.where(space["bias"] == 0, WITHOUT, WITH), positive=space["gain"] > 0)
    trained = wide(rates(_trained(tables.decay), "loss_h", "full")).assign(part=TRAINED, positive=True)
    trained = trained.assign(solved=_solved(tables.accuracy, trained))
    both = stack([space, trained]) if len(space) + len(trained) else space
    return both.assign(**{name: 10 ** both[name] for name in BACKENDS})


def _solved(accuracy: pd.DataFrame, trained: pd.DataFrame) -> float:
    """Return how many of the reference's `trained` networks solved their task; NaN where none was evaluated.

    Of the slices alone that measure them after training.
    """
    if accuracy.empty or trained.empty:
        return np.nan
    slices = [*trained["slice"].astype(str).unique()]
    own = select(accuracy, cell="rnn_sigmoid", backend=REFERENCE, slice=slices)
    return float(own.groupby([*RUN, "length"], observed=True)["solved"].any().sum()) if len(own) else np.nan


def near(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the factor is within the margin of one."""
    close = (space[list(BACKENDS)] - 1).abs().le(space["margin"], axis=0)
    return close.mul(space["positive"].astype(bool), axis=0)


def states(space: pd.DataFrame) -> pd.Series:
    """Return the state of each part: no chain (no network) of it has a factor near one."""
    words = {part: universal(rows, near(rows)) for part, rows in space.groupby("part", sort=False)}
    return pd.Series({part: STATES[word] for part, word in words.items()}, dtype=object)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over chains without and with bias, and trained networks where there are some.

    A counterexample among the planned chains is shown first, one of a trained network last.
    """
    found = states(evidence)
    word = combine(found)
    if word == INCONCLUSIVE or not {WITHOUT, WITH} <= set(found.index):
        what = (
            f"sigmoid chains over w without and with bias, at least {MIN_SEARCHED} of each, on every backend"
        )
        return Verdict(INCONCLUSIVE, unsearched(evidence, what), _alt(evidence), n=len(evidence))
    broken = evidence[confirmed(evidence, near(evidence))]
    shown = broken if len(broken) else evidence[evidence["positive"].astype(bool)]
    shown = next(rows for rows in (planned(_chains(shown)), _chains(shown), shown) if len(rows))
    row = shown.loc[(shown[list(BACKENDS)].mean(axis=1) - 1).abs().idxmin()]
    condition = " ".join([_without(evidence), _with(evidence, broken), *_networks(evidence, broken)])
    return Verdict(word, condition, _alt(evidence), n=len(evidence), states=dict(found), **witnessed(row))


def _chains(space: pd.DataFrame) -> pd.DataFrame:
    return space[space["part"] != TRAINED]


def _without(space: pd.DataFrame) -> str:
    """Return in words what the claim's own model reaches, and the flip that its sign leaves out."""
    own = space[(space["part"] == WITHOUT) & space["positive"].astype(bool)]
    top = own[list(BACKENDS)].max(axis=None) if len(own) else np.nan
    return (
        f"Without bias, the claim's own model, the largest factor is {number(top)} (theory "
        f"{number(largest_multiplier()[1])}); at w = {number(flip_weight())} it is minus one: not the one that the "
        "claim speaks of, but the error hardly decays there either."
    )


def _with(space: pd.DataFrame, broken: pd.DataFrame) -> str:
    every = space[space["part"] == WITH].drop_duplicates(["gain", "bias"])
    found = broken[broken["part"] == WITH].drop_duplicates(["gain", "bias"])
    if found.empty:
        return f"With bias no chain of {len(every)} is near one."
    words = [
        f"w = {number(row['gain'])}, b = {number(row['bias'])}"
        for _, row in stack([planned(found), found]).drop_duplicates(["gain", "bias"]).head(SHOWN).iterrows()
    ]
    return (
        f"With bias {len(found)} of {counted(len(every), 'chain')} are near one ({listed(words)}); the factor is one "
        "along the curve w h (1 - h) = 1 of w and b."
    )


def _networks(space: pd.DataFrame, broken: pd.DataFrame) -> list[str]:
    """Return what the trained networks do, where some were trained."""
    every, found = (rows[rows["part"] == TRAINED] for rows in (space, broken))
    if every.empty:
        return []
    networks = len(every.drop_duplicates([name for name in PAIR if name != "step"]))
    top, near_one = every[list(BACKENDS)].max(axis=None), number(len(found)) if len(found) else "none"
    few = ", too few to decide that apart" if settings(every) < MIN_SEARCHED else ""
    solved = every["solved"].iloc[0]
    learned = (
        ""
        if np.isnan(solved)
        else f" Their task was solved by {number(solved) if solved else 'none'} of them."
    )
    return [
        f"Of {counted(networks, 'trained sigmoid RNN')} in {counted(settings(every), 'setting')} (with the stage of "
        f"training{few}) {near_one} is near one; the largest factor is {number(top)}.{learned}"
    ]


def _alt(space: pd.DataFrame) -> str:
    if space.empty:
        return "No sigmoid chain was measured."
    return (
        "Factor per step of the scalar sigmoid chain against the weight, with bias 0 and minus 2, dots on theory's "
        f"lines; the band is within {number(space['margin'].iloc[0])} of one. {_without(space)}"
    )


NEAR = Margin(
    0.01, "per step, from one", "a factor of 0.99 halves the gradient in 69 steps, one of 0.25 in half a step"
)
CLAIM = Claim(
    id="A2d",
    who="answer 2",
    kind="universal",
    statement="No weights give the vanilla RNN w sigma'(w h) near 1.",
    reading="The claim's own model, h_t = sigma(w h_{t-1}), has no bias: no w gives it a factor per step near plus "
    "one. Apart from that, and said apart: no w and b give it to the chain with a bias, and no trained sigmoid RNN has "
    "it (of a network the mean factor of its gradient, with its biases). A factor of minus one, of a chain with a "
    "negative w, is not counted against the claim, which says 1.",
    prediction="depends: true without bias; with one, w = 4 and b = -2 has the factor one at its fixed point",
    unit="factor per step (the witness, or the largest)",
    rule=words_of_universal(
        f"One chain or network whose mean factor per step is positive and within {number(NEAR.value)} of one"
    )
    + " Chains without bias, chains with bias and trained networks are decided apart: where some hold and some fail, "
    "it depends.",
    takeaway={
        "supported": "A sigmoid RNN cannot hold a gradient.",
        "refuted": "A sigmoid RNN can hold a gradient, even without bias.",
        "depends": "It depends on the bias: without it the gradient of a sigmoid unit decays at every positive weight. "
        "A bias can place the unit where its factor is one, along one curve of weight and bias. With decay on either "
        "side of it that is a place to be tuned to, not one to rely on.",
    },
    models=models,
    measure=with_margin,
    decide=decide,
    rows=rows,
    margin=NEAR,
)
