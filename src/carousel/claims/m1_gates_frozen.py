"""M1: are the gates' slopes what is paid, or is as much of the gradient left with every gate frozen?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import difference, repeated
from carousel.analysis.text import bias_order, number
from carousel.axes import LAGS
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import levels, planned, reference
from carousel.claims.numbers import main
from carousel.claims.robustness import to_settle
from carousel.claims.routes import ALONG, LAG, PART, by_bias, by_route, named_parts, of_lstms
from carousel.claims.rule_text import words_of_equivalence
from carousel.claims.rules import FAILS, HOLDS, INCONCLUSIVE, MIN_REPETITIONS, UNCLEAR, combine, equivalence

SAME = Margin(
    float(np.log10(2)), f"decades at lag {LAG}", "a factor of two, as little as half of the gradient"
)
CELLS = ("lstm97", "lstm")
START = (*ALONG, "libraries", "long")  # slices of networks at the start
TRAINED_LAG = 30  # steps: networks were trained on sequences of 60 steps or so
TOGETHER = "A part has all its lengths together; the figure has a mark for each setting."
SAID = {HOLDS: "The same", FAILS: "Not the same", UNCLEAR: "Undecided"}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient of LSTMs before training and after it, in full and with frozen gates."""
    found = planned(of_lstms(tables.decay, "full", "candidate"))
    found = found[found["cell"].isin(CELLS) & (found["slice"].isin(START) | (found["step"] > 0))]
    found = found[
        (found["gain"] == 1) & (found["bias"] == 0) & (found["gradient"].astype(str) != "truncated")
    ]
    last = found["step"] == found.groupby(found["slice"].astype(str))["step"].transform("max")
    return found[last]


def frozen(tables: Tables, lags: tuple[int, ...] = LAGS) -> pd.DataFrame:
    """Return per model and lag by how many decades what is left with frozen gates exceeds what is left: ``gap``."""
    both = by_route(rows(tables), lags, ("total", "frozen"))
    return both.assign(gap=difference(both["frozen"], both["total"])).dropna(subset=["gap"])


def models(tables: Tables) -> pd.DataFrame:
    """Return what is `frozen` of the settings that were measured often enough."""
    return repeated(frozen(tables), MIN_REPETITIONS)


def measure(each: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return per cell, forget bias, init and training the gap at LAG (after training at TRAINED_LAG).

    Beside it, in words, the gap at every lag: ``by_lag``.
    """
    if each.empty:
        return each
    lag = np.where(each["trained"].astype(str) == "no", LAG, TRAINED_LAG)
    evidence = levels(each[each["lag"] == lag], PART, margin, "gap")
    return evidence.assign(part=named_parts(evidence), by_lag=_by_lag(each)) if len(evidence) else evidence


def _by_lag(each: pd.DataFrame) -> str:
    """Return in words the share of models before training that are within a factor of two, at each lag."""
    start = reference(each)
    start = start[start["trained"].astype(str) == "no"]
    within = start["gap"].abs().le(SAME.value).groupby(start["lag"]).mean()
    words = [f"{share:.0%} at lag {lag}" for lag, share in within.items()]
    return f"Single models before training that are within a factor of two: {', '.join(words)}."


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: as much is left with frozen gates, or by how much more or less."""
    states = equivalence(evidence)
    word = combine(states)
    alt = _alt(evidence)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of LSTMs at T of at least {LAG} on every backend"
        return Verdict(word, to_settle(evidence, states, what), alt, states=dict(states))
    rows_ = reference(evidence)
    parts = {state: rows_[rows_["part"].map(states) == state] for state in SAID}
    most = max(parts, key=lambda state: len(parts[state]))
    words = [_state_words(parts[state], rows_, SAID[state], state == most) for state in SAID]
    said = [*words, TOGETHER, _direction(rows_, states), evidence["by_lag"].iloc[0]]
    condition = " ".join(text for text in said if text)
    return Verdict(word, condition, alt, **main(_shown(evidence)), states=dict(states))


def _state_words(own: pd.DataFrame, every: pd.DataFrame, said: str, most: bool) -> str:
    """Return in words how many parts are in one state, and which; of the ``most`` how many are after training."""
    after = (own["trained"].astype(str) != "no").sum()
    which = f" (after training {after})" if most else f": {by_bias(own, every)}"
    return f"{said} in {len(own)} of {len(every)} parts{which}." if len(own) else ""


def _direction(rows_: pd.DataFrame, states: pd.Series) -> str:
    """Return in words in which direction freezing changes the gradient where it is not the same."""
    apart = rows_[rows_["part"].map(states) == FAILS]
    if apart.empty:
        return ""
    more, less = (apart["effect"] > 0).sum(), (apart["effect"] < 0).sum()
    return (
        f"Freezing the gates leaves less in {less} of those that are not the same (what passes their slopes adds to "
        f"the gradient) and more in {more}."
    )


def _shown(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of one setting: PyTorch's default LSTM, or else the first LSTM."""
    lstm = evidence[(evidence["cell"] == "lstm") & (evidence["trained"].astype(str) == "no")]
    lstm = lstm if len(lstm) else evidence
    usual = lstm[lstm["init"] == "torch"]
    usual = usual if len(usual) else lstm
    lowest = bias_order(usual["forget_bias"])[0]
    first = usual[usual["forget_bias"].astype(str) == lowest]
    return first[first["part"] == first["part"].iloc[0]]


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No LSTM was measured with its gates frozen."
    own = reference(evidence)
    return (
        "What is left with every gate frozen against what is left by all routes, decades, a dot per setting, before "
        "and "
        "after training, with a line where both are the same and a band of a factor of two. Median gap over the "
        "settings "
        f"{number(own['effect'].median())} decades, from {number(own['effect'].min())} to "
        f"{number(own['effect'].max())}."
    )


CLAIM = Claim(
    id="M1",
    who="this study",
    kind="comparison",
    statement="The gates' slopes are not what is paid: with every gate frozen as much of the gradient is left.",
    reading="With every gate held no error passes a gate's slope. As much is left of the state's gradient then as by "
    f"all routes, at lag {LAG} (after training at lag {TRAINED_LAG}): in the LSTM and that of 1997, at each forget "
    "bias and init, before and after training.",
    prediction="supported at the start: the gates' slopes are paid by what passes them, which is little of the "
    "gradient",
    unit=f"decades, gates frozen over all routes at lag {LAG} (PyTorch's init, lowest forget bias)",
    rule=words_of_equivalence(
        SAME,
        "Paired by model, what is left with frozen gates over what is left by all routes",
    )
    + " One part by cell, forget bias, init and training at gain 1; each repetition is the median over widths, lengths "
    "and drives.",
    takeaway={
        "supported": "Do not blame the slopes of the gates: without them as much of the gradient vanishes.",
        "refuted": "The slopes of the gates decide how much of the gradient is left.",
        "depends": "Do not blame the slopes of the gates in general: in some settings as much of the gradient is left "
        "without them. The condition says where it is not so, in which direction, and how that grows with the lag.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=SAME,
)
