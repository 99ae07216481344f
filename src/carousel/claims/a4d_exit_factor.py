"""A4d: does error leave where the input gate opens, shrunk by the gate, the squashing and the affine map?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.crossing import crossing
from carousel.analysis.stats.tables import MODEL, grouped, repeated, select
from carousel.analysis.text import listed, number
from carousel.claims.evidence import (
    DECIDED,
    boundary,
    by_state,
    compare,
    main,
    missing,
    stack,
    threshold,
    with_crossing,
)
from carousel.claims.rules import (
    DEPENDS,
    INCONCLUSIVE,
    LSTMS,
    MIN_REPETITIONS,
    Claim,
    Tables,
    Verdict,
    combine,
    comparison,
)

CHANGED = 0.01  # of the error must be lost: a factor within a hundredth of one is "near one" in A2d, too
PARTS = {
    "exit_gate": "the input gate",
    "exit_squash": "the squashing",
    "exit_affine": "the affine map",
    "exit": "all three together",
}
OPENING = "more leaves where the input gate opens wider"
BY_GAIN = "factors"  # the slice that differs in the gain


def rows(tables: Tables) -> pd.DataFrame:
    """Return the exit factor and its three parts in every LSTM: medians over steps and sequences."""
    return select(tables.dynamics, cell=LSTMS, quantity=tuple(PARTS), axis=("all", "unit"), quantile=0.5)


def factors(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model and factor: the median ``factor`` over its units, and ``lost`` = 1 - factor."""
    found = select(found, axis="all").rename(columns={"value": "factor"})
    return found.assign(lost=1 - found["factor"])


def units(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per unit of each model with its typical ``opening`` of the input gate and its ``exit`` factor."""
    found = select(found, axis="unit")
    left, right = (
        select(found, quantity=quantity)[[*MODEL, "index", "value"]].rename(columns={"value": name})
        for quantity, name in (("exit_gate", "opening"), ("exit", "exit"))
    )
    return left.merge(right, on=[*MODEL, "index"])


def openings(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model: ``rank``, the correlation of opening and exit over its units (Spearman); 0 if alike."""
    each = units(found)
    codes, models = grouped(each, MODEL)
    ranks = each.groupby(codes)[["opening", "exit"]].rank()
    x, y = (ranks - ranks.groupby(codes).transform("mean")).to_numpy(float).T
    xy, xx, yy = (np.bincount(codes, values, len(models)) for values in (x * y, x * x, y * y))
    scale = np.sqrt(xx * yy)
    return models.assign(rank=np.where(scale > 0, xy / np.where(scale > 0, scale, 1.0), 0.0))


def measure(tables: Tables) -> pd.DataFrame:
    """Return per factor and backend the share ``lost`` against CHANGED, and the rank correlation with the opening.

    Beside the affine map, the gain from which it no longer shrinks: over all inits, and in words for each.
    """
    found = repeated(rows(tables), MIN_REPETITIONS)
    table = factors(found)
    parts = [compare(select(table, quantity=name), "lost", words, CHANGED) for name, words in PARTS.items()]
    evidence = stack([*parts, compare(openings(found), "rank", OPENING, 0.0)])
    if evidence.empty:
        return evidence
    affine = select(table, quantity="exit_affine", slice=BY_GAIN)
    return with_crossing(evidence, affine, "gain", 1 - CHANGED, "factor", log=True).assign(
        inits=_inits(affine)
    )


def _inits(affine: pd.DataFrame) -> str:
    """Return in words the gain from which the affine map no longer shrinks, by init."""
    found = {
        str(init): crossing(group, "gain", "factor", 1 - CHANGED, log=True)
        for init, group in affine.groupby("init", observed=True)
    }
    return listed([f"{number(at.at)} ({init})" for init, at in found.items() if np.isfinite(at.at)])


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over the three factors, their product and the opening."""
    if evidence.empty:
        what = f"exit factors of LSTMs in {MIN_REPETITIONS} repetitions on every backend"
        return Verdict(INCONCLUSIVE, missing(evidence, what), "No exit factor was measured.")
    states = comparison(evidence)
    word = combine(states)
    shown = main(evidence[evidence["part"] == PARTS["exit"]])
    if word == INCONCLUSIVE:
        return Verdict(
            word, f"{missing(evidence, 'more repetitions')} {_words(evidence)}", _alt(evidence), **shown
        )
    at = boundary(evidence, "gain") if word == DEPENDS else None
    return Verdict(word, _condition(evidence, states), _alt(evidence), **shown, boundary=at)


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    parts = by_state(states, DECIDED)
    where, inits = threshold(evidence, "gain"), evidence["inits"].iloc[0]
    gain = (
        [f"The affine map stops shrinking the error {where}{f'; by init {inits}' if inits else ''}."]
        if where
        else []
    )
    return " ".join([*parts, _words(evidence), *gain])


def _words(evidence: pd.DataFrame) -> str:
    effect = evidence.groupby("part", sort=False)["effect"].mean()
    each = [f"{words} {number(1 - effect[words])}" for words in PARTS.values() if words in effect]
    rank = (
        f" Rank correlation of opening and exit, unit by unit: {number(effect[OPENING])}."
        if OPENING in effect
        else ""
    )
    return f"Typical factors: {', '.join(each)}.{rank}"


def _alt(evidence: pd.DataFrame) -> str:
    return (
        "Above, exit factor against the opening of the input gate, a dot per unit, and the line where the other two "
        f"factors take nothing away; below, the affine map's factor against the gain, by init. {_words(evidence)}"
    )


CLAIM = Claim(
    id="A4d",
    who="answer 4",
    kind="comparison",
    statement="Error leaves where the input gate opens, and is shrunk by the gate, the squashing and the affine map.",
    reading="In every LSTM, at the start and after training, each of the three factors of the exit (the opening of "
    "the input gate, the slope of the squashing, the norm of the unit's row of R_z) is typically below one, and so is "
    "their product; and of a network's units those with the wider open gate send more back.",
    prediction="depends: gate and squashing cannot but shrink, the affine map does only below a gain of the weights",
    unit="share of the error lost (all three together)",
    rule=f"A factor holds where the 95 % interval of the share lost lies above {CHANGED:g} on every backend, Holm's p "
    "is at most 0.05 and at most 5 % of settings keep or raise the error in every repetition; more: it depends. The "
    "opening holds where the interval of the rank correlation over units lies above 0. At least "
    f"{MIN_REPETITIONS} repetitions.",
    takeaway={
        "supported": "What leaves the cell has paid three times: do not count on it for long lags.",
        "refuted": "Leaving the cell does not shrink the error.",
        "depends": "A gate and a squashing always take their share; the weights give it back if they are large, so a "
        "large gain lets error circulate outside the cell.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
