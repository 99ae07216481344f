"""A1e: is there no exponentially fast decaying factor in the product of forget gates?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.curves import best_model
from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import repeated, select
from carousel.analysis.text import as_number, bias_order, listed, number
from carousel.claims.evidence import ALONG_BIAS, boundary, main, missing, planned, threshold, with_crossing
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    WITH_FORGET_GATE,
    Claim,
    Tables,
    Verdict,
    combine,
    trend,
)


def rows(tables: Tables) -> pd.DataFrame:
    """Return the product of forget gates of every LSTM at initialisation over LONG steps or more."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell=WITH_FORGET_GATE, trained="no", quantity="factor_product", path="formula")
    return planned(found[found["length"] >= LONG])


def slopes(decay: pd.DataFrame) -> pd.DataFrame:
    """Return the rate of the product of forget gates, one row per model."""
    return rates(_rows(decay), "factor_product", "formula")


def measure(tables: Tables) -> pd.DataFrame:
    """Return per forget bias and backend the rate with its interval, and the ``model`` most often best.

    Beside them, where along the forget bias the product stops decaying.
    """
    rate = repeated(slopes(tables.decay), MIN_REPETITIONS)
    evidence = spread(rate, ["forget_bias"])
    evidence = with_crossing(evidence, select(rate, slice=ALONG_BIAS), "forget_bias", -STEADY)
    best = best_model(rows(tables), "factor_product", "formula")
    model = best.groupby("forget_bias", observed=True)["best"].agg(lambda names: names.mode().iloc[0])
    bias = evidence["forget_bias"].astype(str)
    return evidence.assign(part=bias, model=bias.map({str(name): model[name] for name in model.index}))


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict and the forget biases between which it changes."""
    states = trend(evidence, decays=False)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of an LSTM at T of at least {LONG}, on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    first = bias_order(evidence["forget_bias"])[0]
    shown = evidence[evidence["part"] == first]
    at = boundary(evidence, "forget bias") if word == DEPENDS else None
    return Verdict(word, _condition(evidence, states), _alt(evidence), **main(shown), boundary=at)


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    order = bias_order(states.index)
    decays, level = ([bias for bias in order if states[bias] == state] for state in (FAILS, HOLDS))
    parts = [
        f"Decays at forget bias {listed(decays)}" if decays else "",
        f"does not at {listed(level)}" if level else "",
    ]
    numbers = [[n for bias in side if not np.isnan(n := as_number(bias))] for side in (decays, level)]
    change = ""
    if all(numbers) and max(numbers[0]) < min(numbers[1]):
        where = threshold(evidence, "forget bias")
        change = (
            f" It changes between {max(numbers[0]):g} and {min(numbers[1]):g}{f', {where}' if where else ''}."
        )
    return f"{'; '.join(part for part in parts if part)}.{change}"


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No product of forget gates was measured."
    groups = evidence.groupby("part")
    rate, model = groups["effect"].mean(), groups["model"].first()
    words = [f"{bias}: {number(rate[bias])} ({model[bias]})" for bias in bias_order(rate.index)]
    return (
        "Rate of the product of forget gates against forget bias, dots on the curve log10 sigma(bias). Decades per "
        "step and best model, by forget bias: " + "; ".join(words) + "."
    )


CLAIM = Claim(
    id="A1e",
    who="answer 1",
    kind="trend",
    statement="The product of forget gates contains no exponentially fast decaying factor.",
    reading="At initialisation the product of forget gates does not decay with lag, whatever the forget bias.",
    prediction="depends: on the forget bias",
    unit="decades per step (lowest forget bias)",
    rule="A forget bias decays (does not) where the 95 % interval of its rate lies below (above) a loss of a factor of "
    f"2 in 100 steps on every backend, with at least {MIN_REPETITIONS} repetitions.",
    takeaway={
        "supported": "Forget gates do not make the cell's gradient decay.",
        "refuted": "Forget gates are an exponentially decaying factor at every bias tried.",
        "depends": "A forget gate is an exponential factor like any other until its bias holds it open: use a large "
        "or chrono bias for long lags.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
