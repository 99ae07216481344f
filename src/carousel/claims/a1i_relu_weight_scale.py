"""A1i: do a ReLU network's gradients, too, vanish or explode by the scale of its weights?"""

import pandas as pd

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import select
from carousel.analysis.text import number
from carousel.axes import STANDARD_DRIVE
from carousel.claims import rnn_trends
from carousel.claims.a1j_recurrent_weights import sensitivity
from carousel.claims.claim import Boundary, Claim, Tables, Verdict
from carousel.claims.evidence import compare, reference, stack
from carousel.claims.lines import tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.rnn_trends import LOST, threshold, words_of_vanishing
from carousel.claims.robustness import to_settle
from carousel.claims.rules import (
    FAILS,
    FEW,
    HOLDS,
    INCONCLUSIVE,
    LAG,
    MIN_REPETITIONS,
    UNCLEAR,
    combine,
    comparison,
    conjunction,
    trend,
)

RELU = "rnn_relu"
RISE = "the rate rises with the gain"
EXPLODES = ", explodes"  # how the parts on exploding end
SPAN = (0.5, 2.0)  # gains that the sweep must reach: nobody sees both signs from one side
SHOWN = 3  # settings that are named; more are counted


def rows(tables: Tables) -> pd.DataFrame:
    """Return the gradient of every ReLU network at initialisation."""
    return select(rnn_trends.rows(tables), cell=RELU)


def models(tables: Tables) -> pd.DataFrame:
    """Return every ReLU network with its rate and what is left at LAG."""
    return rnn_trends.models(tables._replace(decay=select(tables.decay, cell=RELU)))


def measure(table: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return what is left at LAG, against a loss and against a gain of the margin; and how fast the rate rises."""
    falls = rnn_trends.measure(table, "left", margin)
    fixed = rnn_trends.fixed(table)
    grows = compare(fixed, "left", "", margin, by=rnn_trends.BY).assign(kind="grows", library="")
    grows = grows.assign(part=[rnn_trends.part(row) + EXPLODES for row in grows.itertuples()])
    rise = compare(sensitivity(fixed), "sensitivity", RISE, STEADY).assign(kind="rise")
    return stack([falls.assign(kind="falls"), grows, rise])


def states(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part: a vanishing one as every trend, an exploding one and the rise as comparisons."""
    if evidence.empty:
        return pd.Series(dtype=object)
    falls = evidence["kind"] == "falls"
    return pd.concat([trend(evidence[falls], decays=True), comparison(evidence[~falls])])


def claimed(evidence: pd.DataFrame, each: pd.Series) -> pd.Series:
    """Return the states of the three things claimed: it vanishes somewhere, explodes somewhere, and rises."""
    if evidence.empty:
        return pd.Series(dtype=object)
    swept = select(evidence, kind=("falls", "grows"), library="")
    wide = len(swept) > 0 and swept["gain"].min() <= SPAN[0] and swept["gain"].max() >= SPAN[1]
    sides = {"vanishes": "falls", "explodes": "grows"}
    parts = {name: each[each.index.isin(select(swept, kind=kind)["part"])] for name, kind in sides.items()}
    found = {name: _somewhere(side) if wide else UNCLEAR for name, side in parts.items()}
    return pd.Series(found | {"rises": each.get(RISE, UNCLEAR)})


def _somewhere(side: pd.Series) -> str:
    """Return HOLDS where one part holds, FAILS where all fail."""
    if (side == HOLDS).any():
        return HOLDS
    return FAILS if len(side) and (side == FAILS).all() else UNCLEAR


def threshold_gain(evidence: pd.DataFrame) -> Boundary | None:
    """Return the gain at which vanishing ends, if it does within the sweep."""
    return threshold(tested_and_lines(evidence)[1], RELU)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the rise of the rate as its effect and the gain at which vanishing ends."""
    at = threshold_gain(evidence)
    evidence, lines = tested_and_lines(evidence)
    each = states(evidence)
    found = claimed(evidence, each)
    word = conjunction([combine(found[[name]]) for name in found.index]) if len(found) else INCONCLUSIVE
    if word == INCONCLUSIVE:
        low, high = SPAN
        what = f"{MIN_REPETITIONS} repetitions of ReLU networks, gains from {low:g} to {high:g}, on every backend"
        return Verdict(word, _to_settle(evidence, each, found, what), _alt(evidence, each), states=dict(each))
    said = [
        _counts(evidence, each),
        rnn_trends.said_of_lines(evidence[evidence["kind"] == "falls"], lines, "vanishing ends"),
        rnn_trends.said_of_moves(evidence[evidence["kind"] == "falls"]),
    ]
    condition = " ".join(text for text in said if text)
    rise = evidence[evidence["part"] == RISE]
    return Verdict(word, condition, _alt(evidence, each), boundary=at, states=dict(each), **main(rise))


def _to_settle(evidence: pd.DataFrame, each: pd.Series, found: pd.Series, what: str) -> str:
    """Return what would settle it: the rise if that alone is open, else the sweep that was not wide enough."""
    rise = evidence[evidence["part"] == RISE] if len(evidence) else evidence
    alone = len(found) > 0 and list(found.index[found == UNCLEAR]) == ["rises"] and len(rise) > 0
    return (
        to_settle(rise if alone else evidence, each, what) if alone else to_settle(evidence, each[:0], what)
    )


def _counts(evidence: pd.DataFrame, each: pd.Series) -> str:
    """Return in words how many settings vanish and explode, and how much each tenfold of the weights moves."""
    own = reference(evidence)
    down, up = ((each == HOLDS).reindex(select(own, kind=kind)["part"]).sum() for kind in ("falls", "grows"))
    rise = own.loc[own["part"] == RISE, "effect"].mean()
    return (
        f"Of {(own['kind'] == 'falls').sum()} settings (init, gain and width, or a library's default) of the ReLU RNN "
        f"{down} vanish. Of {(own['kind'] == 'grows').sum()} at drive {STANDARD_DRIVE} {up} explode{_which(each)}. "
        f"Each tenfold of the recurrent weights moves the rate by {number(rise)} decades per step."
    )


def _which(each: pd.Series) -> str:
    """Return in words the settings that explode, where they are few."""
    found = [part.removesuffix(EXPLODES) for part in each.index[each == HOLDS] if part.endswith(EXPLODES)]
    return f": {'; '.join(found)}" if 0 < len(found) <= SHOWN else ""


def _alt(evidence: pd.DataFrame, each: pd.Series) -> str:
    if evidence.empty:
        return "No ReLU network was measured."
    rate = select(reference(evidence), kind="falls", library="").groupby("gain")["rate_mean"].median()
    ends = (
        [f"{number(rate[gain])} at gain {gain:g}" for gain in rate.index[[0, -1]]] if len(rate) else ["none"]
    )
    return (
        "Rate of the ReLU network's gradient against the gain of its recurrent weights, with intervals and its two "
        f"parts, in decades per step from {' to '.join(ends)}. {_counts(evidence, each)}"
    )


CLAIM = Claim(
    id="A1i",
    who="reply",
    kind="trend",
    statement="Even with ReLU, multiplying by the weights again and again makes gradients vanish, or explode where "
    "nothing holds them.",
    reading=f"At initialisation, at drive {STANDARD_DRIVE}, the gradient of the ReLU RNN vanishes at some gain of its "
    f"recurrent weights (less than a tenth left at lag {LAG}) and explodes at another (more than ten times). Its rate "
    "rises with the gain.",
    prediction="supported: half of the units are off, so orthogonal weights turn near a gain of sqrt(2)",
    unit="decades per step, for each tenfold of the recurrent weights",
    rule=words_of_vanishing(LOST)
    + " It explodes where the interval lies above a gain of as much, likewise, and at "
    f"most {FEW:.0%} of its settings say the opposite in every repetition. One that "
    "vanishes, one that explodes and a rate that rises with the gain by more than a factor of 2 in 100 steps for each "
    "tenfold support it; none on one side, or no such rise, refutes it; a "
    "rise in some networks and a fall in others: depends. Gains from "
    f"{SPAN[0]:g} to {SPAN[1]:g} at least.",
    takeaway={
        "supported": "ReLU leaves the weights' scale in charge: set the gain of the recurrent matrix to the boundary.",
        "refuted": "The scale of a ReLU network's weights does not decide between vanishing and exploding.",
        "depends": "The scale of the weights decides between vanishing and exploding in some ReLU networks only.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=LOST,
)
