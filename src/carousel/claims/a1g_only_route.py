"""A1g: is the cell-to-cell derivative the only route by which gradient flows through time?"""

from collections.abc import Callable

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import MODEL, PAIR, select
from carousel.analysis.text import bias_order, listed, number
from carousel.axes import BACKENDS
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import planned, unsearched, wide
from carousel.claims.numbers import witnessed
from carousel.claims.routes import few_and_drawn, full_and_carousel, on_all
from carousel.claims.rule_text import words_of_universal
from carousel.claims.rules import INCONCLUSIVE, LSTMS, MIN_SEARCHED, REFUTED, confirmed, settings, universal
from carousel.claims.settings_text import named

OTHER = 0.5  # of the total's norm: what makes up half of the gradient is a route, not a correction


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient of every LSTM, before and after training, in full and by the cell alone."""
    return select(tables.decay, cell=LSTMS, quantity="loss_state", path=("full", "cell"))


def rests(gradients: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag of the window the ``rest``, what did not go by the carousel alone.

    |full - cell| / |full| of the state's gradient, from the two norms and their cosine, each the mean over sequences.
    It is no share: where the routes cancel it exceeds one.
    """
    both = full_and_carousel(gradients)
    with np.errstate(over="ignore", invalid="ignore"):
        ratio = np.power(10.0, -both["over"].to_numpy(float))
        square = 1 + ratio * (ratio - 2 * both["cosine"].to_numpy(float))
    return both.assign(rest=np.where(ratio == 0, 1.0, np.sqrt(np.maximum(square, 0.0))))


def measure(tables: Tables) -> pd.DataFrame:
    """Return the space searched: each LSTM's least rest over the lags on every backend; near and far, at the ends."""
    found = rests(rows(tables)).sort_values("lag")
    groups = found.groupby(MODEL, observed=True, dropna=False)["rest"]
    table = groups.agg(rest="min", near="first", far="last").reset_index()
    ends = table.groupby(PAIR, observed=True, dropna=False)[["near", "far"]].mean().reset_index()
    return wide(table, "rest").merge(ends, "left", PAIR)


def breaks(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether at every lag the rest is at least OTHER of the total."""
    return space[list(BACKENDS)] >= OTHER


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with its counterexample, a library's default LSTM if it is one."""
    found, word = confirmed(evidence, breaks(evidence)), universal(evidence, breaks(evidence))
    alt = _alt(evidence, found)
    if word == INCONCLUSIVE:
        what = f"a search of at least {MIN_SEARCHED} settings on every backend, without one-sided findings,"
        return Verdict(word, unsearched(evidence, what), alt, n=settings(evidence))
    row = _witness(evidence[found] if word == REFUTED else evidence)
    seen = "Counterexample" if word == REFUTED else "Largest rest"
    least = number(row[list(BACKENDS)].min())
    counts = _counts(evidence, found, few_and_drawn)
    condition = f"{seen}: {named(row)}, a rest of at least {least} at every lag. {counts}"
    return Verdict(word, condition, alt, n=settings(evidence), **witnessed(row))


def _witness(space: pd.DataFrame) -> pd.Series:
    """Return the row with the largest rest: of a library's default LSTM at the lowest forget bias, if there."""
    usual = select(space, init="torch", gain=1.0, cell="lstm", trained="no")
    usual = planned(usual[usual["hidden"] > 1])
    lowest = usual[usual["forget_bias"].astype(str) == next(iter(bias_order(usual["forget_bias"])), "")]
    space = lowest if len(lowest) else space
    return space.loc[space[list(BACKENDS)].min(axis=1).idxmax()]


def _counts(space: pd.DataFrame, found: pd.Series, shown: Callable[..., list[str]] = bias_order) -> str:
    """Return in words where the rest is at least OTHER: by forget bias, gain and training, and in the search.

    shown: which of the forget biases, and of the gains, are said.
    """
    space = on_all(space)
    found, by_plan = found[space.index], planned(space)
    start = by_plan[by_plan["step"] == 0]
    after, by_search = by_plan.index[by_plan["step"] > 0], space.index.difference(by_plan.index)
    parts = [
        f"It is half or more at every lag in {found.sum()} of {len(space)} LSTMs that every backend measured",
        _by(found, start["forget_bias"].astype(str), shown(start["forget_bias"].unique()), _at),
        _by(found, start["gain"].map(number), shown(start["gain"].map(number).unique()), "at gain {}".format),
        f"after training {_percent(found[after])}" if len(after) else "",
        f"of those the optimiser tried {_percent(found[by_search])}" if len(by_search) else "",
    ]
    near, far = (number(by_plan[name].median()) for name in ("near", "far"))
    by_lag = (
        f"Its median is {near} at the shortest lag of the window and {far} at the longest. It is no share: a rest "
        "beside a large part along the carousel may cancel some of it."
    )
    return f"{'; '.join(filter(None, parts))}. {by_lag}"


def _at(bias: str) -> str:
    return names.at_biases([bias])


def _by(found: pd.Series, factor: pd.Series, values: list[str], said: Callable[[str], str]) -> str:
    """Return in words the part found at each value of a factor."""
    return listed([f"{_percent(found[factor.index[factor == value]])} {said(value)}" for value in values])


def _percent(found: pd.Series) -> str:
    return f"{100 * found.mean():.0f} %"


def _alt(space: pd.DataFrame, found: pd.Series) -> str:
    if space.empty:
        return "No LSTM was measured on the path of its cell beside the total."
    return (
        "What does not go by the carousel alone, relative to an LSTM's total gradient: against lag by forget bias, "
        "and "
        f"by the gain of the recurrent weights before and after training. {_counts(space, found)}"
    )


CLAIM = Claim(
    id="A1g",
    who="comment",
    kind="universal",
    statement="The cell-to-cell derivative is the only route by which gradient flows through time.",
    reading="In no LSTM (any init, forget bias, gain, length, before and after training) does the gradient less its "
    "part along the carousel, the rest, make up half of the gradient's norm at every lag of the window.",
    prediction="refuted: the recurrent weights carry gradient too, more of it the larger they are",
    unit="rest over total, norms (the witness)",
    rule="|full - cell| / |full| of the state's gradient, from norms and cosine: the rest over the total. What "
    "makes up half of the gradient is a route. "
    + words_of_universal(f"One LSTM in which it is at least {OTHER:g} at every lag of the window"),
    takeaway={
        "supported": "An LSTM's gradient through time is its cell's: look at the forget gates alone.",
        "refuted": "The forget gates alone need not tell the gradient: at low forget biases nearly all of it goes "
        "through h and the recurrent weights, with chrono biases little. Measure the total.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
