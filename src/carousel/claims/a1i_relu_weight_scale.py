"""A1i: do a ReLU network's gradients, too, vanish or explode by the scale of its weights?"""

import pandas as pd

from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.tables import repeated, select
from carousel.analysis.text import number
from carousel.claims import a4g_rnn_distance as a4g
from carousel.claims.a1j_recurrent_weights import sensitivity
from carousel.claims.evidence import boundary, main, missing, stack
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    UNCLEAR,
    Boundary,
    Claim,
    Tables,
    Verdict,
    combine,
    conjunction,
    trend,
)

RELU = "rnn_relu"
RISE = "the rate rises with the gain"
SPAN = (0.5, 2.0)  # gains that the sweep must reach: nobody sees both signs from one side


def rows(tables: Tables) -> pd.DataFrame:
    """Return the gradient of every ReLU network at initialisation."""
    return select(a4g.rows(tables), cell=RELU)


def measure(tables: Tables) -> pd.DataFrame:
    """Return per init, gain and backend the rate and its crossing; over the swept gains, how fast it rises."""
    own = tables._replace(decay=select(tables.decay, cell=RELU))
    levels, rate = a4g.measure(own), a4g.slopes(own.decay).dropna(subset=["rate"])
    rise = spread(sensitivity(repeated(rate, MIN_REPETITIONS)).assign(part=RISE), ["part"], "sensitivity")
    return stack([levels, rise])


def grows(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part for the claim that it grows: decay in the mirror."""
    return trend(evidence.assign(low=-evidence["high"], high=-evidence["low"]), decays=True)


def states(evidence: pd.DataFrame) -> pd.Series:
    """Return the states of the three things claimed: it vanishes somewhere, explodes somewhere, and rises."""
    if evidence.empty:
        return pd.Series(dtype=object)
    levels, rise = (evidence[(evidence["part"] == RISE) == which] for which in (False, True))
    wide = len(levels) > 0 and levels["gain"].min() <= SPAN[0] and levels["gain"].max() >= SPAN[1]
    sides = {"vanishes": trend(levels, decays=True), "explodes": grows(levels)}
    found = {name: _somewhere(side) if wide else UNCLEAR for name, side in sides.items()}
    return pd.Series(found | {"rises": grows(rise).get(RISE, UNCLEAR)})


def _somewhere(side: pd.Series) -> str:
    """Return HOLDS where one part holds, FAILS where all fail."""
    if (side == HOLDS).any():
        return HOLDS
    return FAILS if len(side) and (side == FAILS).all() else UNCLEAR


def threshold_gain(evidence: pd.DataFrame) -> Boundary | None:
    """Return the gain at which vanishing ends, if it does within the sweep."""
    return boundary(evidence[evidence["part"] != RISE], "gain") if len(evidence) else None


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the rise of the rate as its effect and the gain at which its sign changes."""
    found = states(evidence)
    word = conjunction([combine(found[[name]]) for name in found.index]) if len(found) else INCONCLUSIVE
    if word == INCONCLUSIVE:
        low, high = SPAN
        what = f"{MIN_REPETITIONS} repetitions of ReLU networks, gains from {low:g} to {high:g}, on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    rise = evidence[evidence["part"] == RISE]
    threshold = threshold_gain(evidence)
    at = f" As the gain alone rises, vanishing ends at {threshold.value}." if threshold else ""
    return Verdict(word, _counts(evidence) + at, _alt(evidence), **main(rise), boundary=threshold)


def _counts(evidence: pd.DataFrame) -> str:
    """Return in words how many settings vanish and explode, and how much each doubling of the weights moves."""
    levels = evidence[evidence["part"] != RISE]
    down, up = (int((side == HOLDS).sum()) for side in (trend(levels, decays=True), grows(levels)))
    rise = evidence.loc[evidence["part"] == RISE, "effect"].mean()
    return (
        f"Of {levels['part'].nunique()} settings (init and gain) of the ReLU RNN {down} vanish and {up} explode. "
        f"Each tenfold of the recurrent weights moves the rate by {number(rise)} decades per step."
    )


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No ReLU network was measured."
    levels = evidence[evidence["part"] != RISE]
    ends = levels.groupby("gain")["effect"].median()
    return (
        "Rate of the ReLU network's gradient against the gain of its recurrent weights, with intervals and its two "
        f"parts, from {number(ends.iloc[0])} decades per step at gain {number(ends.index[0])} to "
        f"{number(ends.iloc[-1])} at gain {number(ends.index[-1])}. {_counts(evidence)}"
    )


CLAIM = Claim(
    id="A1i",
    who="reply",
    kind="trend",
    statement="Even with ReLU, multiplying by the weights again and again makes gradients vanish, or explode where "
    "nothing holds them.",
    reading="At initialisation the gradient of the ReLU RNN vanishes at some gain of its recurrent weights and "
    "explodes at another, and its rate rises with the gain.",
    prediction="supported: half of the units are off, so orthogonal weights turn near a gain of sqrt(2)",
    unit="decades per step, for each tenfold of the recurrent weights",
    rule="An init and gain vanishes (explodes) where the 95 % interval of the rate lies beyond a loss (a gain) of a "
    "factor of 2 in 100 steps on every backend. One that vanishes, one that explodes and a rate that rises with the "
    "gain support it; none on one side, or no rise, refutes it. Gains from "
    f"{SPAN[0]:g} to {SPAN[1]:g} and {MIN_REPETITIONS} repetitions at least.",
    takeaway={
        "supported": "ReLU leaves the weights' scale in charge: set the gain of the recurrent matrix to the boundary.",
        "refuted": "The scale of a ReLU network's weights does not decide between vanishing and exploding.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
