"""A1j: does the LSTM's derivative depend on the recurrent weights, through the gates that they feed?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import STEADY, least_squares, rates
from carousel.analysis.stats.tables import MODEL, grouped, repeated, select
from carousel.analysis.text import bias_order, listed, number
from carousel.claims.evidence import ALONG_GAIN, compare, main, missing, planned, stack
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    MIXED,
    UNCLEAR,
    Claim,
    Tables,
    Verdict,
    combine,
    comparison,
)

LEAST = float(STEADY / np.log10(2))  # weights twice as large move 100 steps' gradient by a factor of 2
PARTS = {("cec", "cell"): "along the cell", ("loss_state", "full"): "the total gradient"}
RIVAL = "rnn_tanh"
LEAST_GAINS = 3  # fewer are no sweep
NETWORK = [name for name in MODEL if name not in ("slice", "gain")]  # what is one network at several gains
VERBS = {
    HOLDS: "Moved by the weights",
    FAILS: "Independent of them",
    MIXED: "Moved at one forget bias and not at another",
    UNCLEAR: "Undecided",
}


def sensitivity(table: pd.DataFrame, column: str = "rate") -> pd.DataFrame:
    """Return one row per network measured at LEAST_GAINS gains or more, all else being equal: its ``sensitivity``.

    That is the least-squares slope of ``column`` against log10 gain, over the gains at which the column is finite.
    """
    rows = select(table, slice=ALONG_GAIN)
    rows = rows[np.isfinite(rows[column])]
    rows = rows[
        rows.groupby(NETWORK, observed=True, dropna=False)["gain"].transform("nunique") >= LEAST_GAINS
    ]
    codes, networks = grouped(rows, NETWORK)
    x, y = np.log10(rows["gain"].to_numpy(float)), rows[column].to_numpy(float)
    return networks.assign(sensitivity=least_squares(codes, x, y, len(networks))[0])


def rows(tables: Tables) -> pd.DataFrame:
    """Return the rate of every LSTM, in total and along its cell, and of every tanh RNN, one row per model."""
    table = select(tables.decay, cell=("lstm", RIVAL), trained="no", quantity=("cec", "loss_state"))
    table = planned(table[(table["length"] >= LONG) & (table["hidden"] > 1)])
    found = [rates(table, *which).assign(quantity=which[0]) for which in PARTS]
    return pd.concat(found).dropna(subset=["rate"])


def sensitivities(tables: Tables) -> pd.DataFrame:
    """Return per LSTM, seed and forget bias how much its rate moves with the weights' scale: ``moved``.

    The size of the slope of the rate against log10 gain; ``moved_right`` is the tanh RNN's of the same seed.
    """
    table = rows(tables)
    found = [sensitivity(part).assign(quantity=name) for name, part in table.groupby("quantity")]
    each = pd.concat(found).assign(moved=lambda part: part["sensitivity"].abs()) if found else table
    return _with_rival(each) if len(each) else each


def _with_rival(each: pd.DataFrame) -> pd.DataFrame:
    on = [name for name in NETWORK if name not in ("cell", "forget_bias")]
    rival = select(each, cell=RIVAL, quantity="loss_state")[[*on, "moved"]]
    return select(each, cell="lstm").merge(rival, "left", on, suffixes=("", "_right"))


def measure(tables: Tables) -> pd.DataFrame:
    """Return per derivative and backend how far the rate moves with the weights, and its share of the RNN's."""
    each = sensitivities(tables)
    if each.empty:
        return each
    each = repeated(each, MIN_REPETITIONS)
    return stack([_compared(each[each["quantity"] == name], part) for (name, _), part in PARTS.items()])


def _compared(each: pd.DataFrame, part: str) -> pd.DataFrame:
    found = compare(each, "moved", part, LEAST)
    if found.empty:
        return found
    shares = spread(each.assign(ratio=each["moved"] / each["moved_right"]), ["quantity"], "ratio")
    shares = shares.set_index(shares["backend"].astype(str))[["effect", "low", "high"]].add_prefix("ratio_")
    return found.assign(backend=found["backend"].astype(str), by_bias=_by_bias(each)).join(
        shares, on="backend"
    )


def _by_bias(each: pd.DataFrame) -> str:
    """Return in words the sensitivity at each forget bias."""
    median = each.groupby(each["forget_bias"].astype(str))["moved"].median()
    return listed([f"{number(median[bias])} at forget bias {bias}" for bias in bias_order(median.index)])


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the sensitivity of the total gradient's rate as its effect."""
    states = comparison(evidence)
    word = combine(states)
    words = _condition(evidence, states) if len(evidence) else ""
    shown = evidence[evidence["part"] == PARTS["loss_state", "full"]] if len(evidence) else evidence
    if word == INCONCLUSIVE:
        what = f"more than {MIN_REPETITIONS} repetitions of LSTMs at {LEAST_GAINS} gains or more on every backend"
        words = f"{missing(evidence, what)} {words}".strip()
    return Verdict(word, words, _alt(evidence), **main(shown))


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    by = {state: listed(list(states.index[states == state])) for state in VERBS}
    return " ".join(
        [f"{VERBS[state]}: {parts}." for state, parts in by.items() if parts] + [_measured(evidence)]
    )


def _measured(evidence: pd.DataFrame) -> str:
    """Return in words each derivative's sensitivity by forget bias, and the last one's share of the tanh RNN's."""
    parts = evidence.drop_duplicates("part")
    words = [f"{row['part']} {row['by_bias']}" for _, row in parts.iterrows()]
    ratio, low, high = parts.iloc[-1][["ratio_effect", "ratio_low", "ratio_high"]]
    share = f" {parts.iloc[-1]['part'].capitalize()} moves {number(ratio)} times as far as the tanh RNN's"
    rival = f"{share} ({number(low)} to {number(high)})." if np.isfinite(ratio) else ""
    return f"Decades per step for each tenfold of the recurrent weights: {'; '.join(words)}.{rival}"


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No LSTM was measured at several gains."
    return (
        "Rate against the gain of the recurrent weights: the tanh RNN, and the LSTM by forget bias (solid: the total "
        f"gradient, dashed: along the cell). {_measured(evidence)}"
    )


CLAIM = Claim(
    id="A1j",
    who="comment",
    kind="comparison",
    statement="The forget gate's input depends on the weights through the previous output, so the LSTM's derivative is "
    "not independent of the weights.",
    reading="Scaling the recurrent weights moves the rate of the LSTM's derivative, along the cell (where the gates "
    "alone can carry it) and in total, beside a tanh RNN of the same seed.",
    prediction="supported in total; along the cell the gates move both ways and much of it cancels",
    unit="decades per step for each tenfold of the recurrent weights, total gradient",
    rule="Per seed and forget bias, the size of the least-squares slope of the rate against log10 gain. A derivative "
    "depends on the weights where its 95 % interval lies above "
    f"{LEAST:.3f} (twice the weights move 100 steps by a factor of 2) on every backend, Holm's p is at most 0.05 and "
    f"at most 5 % of settings say the opposite. At least {MIN_REPETITIONS} repetitions.",
    takeaway={
        "supported": "An LSTM's decay, too, is a matter of its recurrent weights, and training moves it.",
        "refuted": "The scale of an LSTM's recurrent weights leaves its gradient as it is: set the forget bias.",
        "depends": "Whether the recurrent weights move an LSTM's gradient depends on the route and the forget bias.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
