"""An LSTM's gradient against a vanilla RNN's, paired by seed: the evidence and the decision that K2 and A2a share."""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import STEADY, half_life, rates
from carousel.analysis.stats.tables import difference, paired, repeated, select
from carousel.analysis.text import at_biases, bias_order, listed, number
from carousel.claims.evidence import (
    ALONG_BIAS,
    DECIDED,
    boundary,
    by_state,
    compare,
    main,
    missing,
    planned,
    stack,
    threshold,
    with_crossing,
)
from carousel.claims.rules import (
    DEPENDS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    VANILLA,
    Tables,
    Verdict,
    combine,
    comparison,
    conjunction,
)

WELL = "orthogonal"  # the init that suits the RNN best: where along the forget bias the LSTM overtakes is read there
OWN = "lstm's own gradient vanishes"


def rows(tables: Tables) -> pd.DataFrame:
    """Return the total gradient of LSTM and vanilla RNNs at initialisation over LONG steps or more."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell=("lstm", *VANILLA), trained="no", quantity="loss_state", path="full")
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def pairs(decay: pd.DataFrame) -> pd.DataFrame:
    """Return every LSTM at initialisation paired with each vanilla RNN of the same init, gain, length and seed.

    Columns: rate (of the LSTM), rate_right (of the rival), rival, slower = rate - rate_right, and
    ratio = log10 of the LSTM's half-life over the rival's (NaN where neither gradient decays).
    """
    table = rates(_rows(decay), "loss_state", "full").dropna(subset=["rate"])
    both = stack([paired(table, "lstm", rival).assign(rival=rival) for rival in VANILLA])
    if both.empty:
        return both
    left, right = half_life(both["rate"]), half_life(both["rate_right"])
    with np.errstate(divide="ignore"):
        ratio = difference(np.log10(left), np.log10(right))
    neither = (left == np.inf) & (right == np.inf)
    return both.assign(
        slower=difference(both["rate"], both["rate_right"]), ratio=np.where(neither, np.nan, ratio)
    )


def measure(decay: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    """Return per rival and backend a ``column`` of `pairs` against its margin, and whether the LSTM's own decays."""
    both = pairs(decay)
    if both.empty:
        return both
    alone = select(decay, slice=ALONG_BIAS, init=WELL).assign(slice="")  # an RNN is in one of the slices
    along = pairs(alone)
    parts = [
        with_crossing(
            _against(group, column, margin), select(along, rival=rival), "forget_bias", margin, column
        )
        for rival, group in repeated(both, MIN_REPETITIONS).groupby("rival")
    ]
    own = repeated(both.drop(columns="rival").drop_duplicates(subset=_keys(both)), MIN_REPETITIONS)
    vanishing = compare(own.assign(vanishing=-STEADY - own["rate"]), "vanishing", OWN, 0.0)
    return stack([*parts, vanishing.assign(reversed="", where="")])


def _keys(both: pd.DataFrame) -> list[str]:
    return [name for name in both.columns if name not in ("rival", "rate_right", "slower", "ratio")]


def _against(group: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    part = f"lstm against {group['rival'].iloc[0]}"
    count, where = _reversed(group)
    return compare(group, column, part, margin).assign(reversed=count, where=where)


def _reversed(group: pd.DataFrame) -> tuple[str, str]:
    """Return in words in how many settings the RNN's gradient lasts longer than the LSTM's, and in which."""
    by = ["init", "gain", "forget_bias", "length", "slice", "hidden", "bias"]
    median = group.groupby(by, observed=True)["slower"].median().reset_index()
    worse = median[median["slower"] < 0]
    if worse.empty:
        return f"in none of {len(median)} settings", ""
    counts = worse["forget_bias"].astype(str).value_counts()
    words = [f"{counts[bias]} {at_biases([bias])}" for bias in bias_order(counts.index)]
    init = worse["init"].astype(str).mode().iloc[0]
    return f"in {len(worse)} of {len(median)} settings", f"{listed(words)}; most often {init} init"


def decide(evidence: pd.DataFrame, unit: str) -> Verdict:
    """Return the verdict: the LSTM's gradient vanishes, and beyond its margin from each rival's."""
    if evidence.empty:
        what = f"LSTM and vanilla RNN at T of at least {LONG}, {MIN_REPETITIONS} repetitions, every backend"
        return Verdict(INCONCLUSIVE, missing(evidence, what), "No pair of LSTM and vanilla RNN was measured.")
    states = comparison(evidence)
    word = conjunction([combine(states.drop(OWN, errors="ignore")), combine(states[states.index == OWN])])
    shown = evidence[evidence["part"] != OWN]
    shown = (
        shown[shown["part"] == "lstm against rnn_tanh"]
        if "lstm against rnn_tanh" in set(shown["part"])
        else shown
    )
    if word == INCONCLUSIVE:
        return Verdict(word, missing(evidence, "more repetitions"), _alt(evidence, unit), **main(shown))
    at = boundary(shown, "forget bias") if word == DEPENDS and shown["part"].nunique() == 1 else None
    return Verdict(word, _condition(evidence, states), _alt(evidence, unit), **main(shown), boundary=at)


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    parts = by_state(states, DECIDED)
    worse = evidence[evidence["reversed"] != ""].drop_duplicates("part")
    worse = worse.assign(rival=worse["part"].astype(str).str.removeprefix("lstm against "))
    counts = listed([f"{row['reversed']} ({row['rival']})" for _, row in worse.iterrows()])
    where = [f"{row['rival']}: {row['where']}." for _, row in worse.iterrows() if row["where"]]
    return " ".join(
        [f"The RNN's gradient lasts longer than the LSTM's {counts}.", *parts, *where, *_thresholds(evidence)]
    )


def _thresholds(evidence: pd.DataFrame) -> list[str]:
    """Return in words from which forget bias the LSTM passes its margin, rival by rival."""
    parts = evidence[evidence["part"] != OWN].groupby("part", sort=False)
    thresholds = {
        str(part).removeprefix("lstm against "): threshold(group, "forget bias") for part, group in parts
    }
    words = [f"against {rival} {where}" for rival, where in thresholds.items() if where]
    return (
        [f"With {WELL} init it begins to hold, as the forget bias rises, {listed(words)}."] if words else []
    )


def _alt(evidence: pd.DataFrame, unit: str) -> str:
    effects = evidence[evidence["part"] != OWN].groupby("part", sort=False)["effect"].mean()
    words = [f"{part}: {number(effects[part])}" for part in effects.index]
    return f"Each dot is one pair of networks. Median over settings, {unit}: " + "; ".join(words) + "."
