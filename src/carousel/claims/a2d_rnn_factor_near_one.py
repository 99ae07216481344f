"""A2d: do no weights bring the vanilla RNN's factor w sigma'(w h) near one?"""

import pandas as pd

from carousel.analysis.stats.slopes import rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import listed, number
from carousel.analysis.theory.scalar import flip_weight, largest_multiplier
from carousel.axes import BACKENDS
from carousel.claims.a1c_scalar_exponential import chains, scalar
from carousel.claims.evidence import planned, stack, unsearched, wide, witnessed
from carousel.claims.rules import (
    INCONCLUSIVE,
    MIN_SEARCHED,
    REFUTED,
    Claim,
    Tables,
    Verdict,
    confirmed,
    settings,
    universal,
)

NEAR = 1e-2  # of one, per step: a factor of 0.99 halves the gradient in 69 steps, one of 0.25 in half a step


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives of the scalar sigmoid chains, and the gradients of trained sigmoid RNNs."""
    return pd.concat([scalar(tables.decay, cell="rnn_sigmoid"), _trained(tables.decay)])


def _trained(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell="rnn_sigmoid", quantity="loss_h", path="full")
    return found[(found["trained"] != "no") & (found["step"] > 0)]


def measure(tables: Tables) -> pd.DataFrame:
    """Return per chain (and trained sigmoid RNN) the factor per step |w sigma'|, on every backend."""
    trained = wide(rates(_trained(tables.decay), "loss_h", "full"))
    space = stack([chains(tables.decay, cell="rnn_sigmoid"), trained])
    space = space if len(space) else chains(tables.decay, cell="rnn_sigmoid")
    return space.assign(**{name: 10 ** space[name] for name in BACKENDS})


def near(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the factor is within NEAR of one."""
    return (space[list(BACKENDS)] - 1).abs() <= NEAR


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict; a counterexample among the scalar chains is shown before a trained network."""
    broken = near(evidence)
    found, word = confirmed(evidence, broken), universal(evidence, broken)
    if word == INCONCLUSIVE:
        what = f"sigmoid chains over w and bias, at least {MIN_SEARCHED}, on every backend"
        return Verdict(word, unsearched(evidence, what), _alt(evidence), n=settings(evidence))
    shown = evidence[found] if word == REFUTED else evidence
    shown = next(part for part in (planned(_chains(shown)), _chains(shown), shown) if len(part))
    row = shown.loc[(shown[list(BACKENDS)].mean(axis=1) - 1).abs().idxmin()]
    condition = f"{_where(evidence[found])}{_positive(evidence)}"
    return Verdict(word, condition, _alt(evidence), n=settings(evidence), **witnessed(row))


def _chains(space: pd.DataFrame) -> pd.DataFrame:
    return space[(space["hidden"] == 1) & (space["trained"] == "no")]


def _where(found: pd.DataFrame) -> str:
    if found.empty:
        return ""
    chain = _chains(found)
    by_plan = planned(chain).drop_duplicates(["gain", "bias"])
    words = [f"w = {number(row['gain'])}, b = {number(row['bias'])}" for _, row in by_plan.iterrows()]
    by_search = len(chain.drop(planned(chain).index).drop_duplicates(["gain", "bias"]))
    searched = f", at {by_search} points of a search" if by_search else ""
    return f"Near one at {listed(words) or 'no chain'}{searched} and in {len(found) - len(chain)} trained networks. "


def _positive(space: pd.DataFrame) -> str:
    """Return in words where the claim holds, with theory's largest factor and the flip it leaves out."""
    chain = _chains(space)
    chain = chain[(chain["gain"] > 0) & (chain["bias"] == 0)]
    top = chain[list(BACKENDS)].max(axis=None) if len(chain) else float("nan")
    holds = "It holds for w > 0 without bias" if top < 1 - NEAR else "Without bias and w > 0"
    return (
        f"{holds}: the largest factor there is {number(top)} (theory {number(largest_multiplier()[1])}); "
        f"without bias the factor is minus one at w = {number(flip_weight())}."
    )


def _alt(space: pd.DataFrame) -> str:
    if space.empty:
        return "No sigmoid chain was measured."
    return (
        "Factor per step of the scalar sigmoid chain against the weight, with bias 0 and minus 2, dots on theory's "
        f"lines; the band is within {NEAR} of one. {_positive(space)}"
    )


CLAIM = Claim(
    id="A2d",
    who="answer 2",
    kind="universal",
    statement="No weights give the vanilla RNN w sigma'(w h) near 1.",
    reading="No scalar sigmoid chain (either sign of w, with or without bias) and no trained sigmoid RNN has a factor "
    "per step within 0.01 of one.",
    prediction="refuted: w = 4, b = -2 has the factor one at its fixed point; true for w > 0 without bias",
    unit="factor per step (the witness)",
    rule="One chain or trained network whose mean factor per step is within 0.01 of one on every backend refutes it; "
    f"none among at least {MIN_SEARCHED} settings supports it.",
    takeaway={
        "supported": "A sigmoid RNN cannot hold a gradient.",
        "refuted": "A bias can place a sigmoid unit on its steepest point: the vanilla RNN can hold a gradient, though "
        "only at isolated weights.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
