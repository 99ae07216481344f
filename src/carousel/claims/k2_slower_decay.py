"""K2 and A2a: does the LSTM's gradient vanish more slowly than a vanilla RNN's, and by how much?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import STEADY, half_life, rates
from carousel.analysis.stats.tables import difference, paired, repeated, select
from carousel.claims.evidence import (
    ALONG_BIAS,
    DECIDED,
    at_biases,
    bias_order,
    boundary,
    by_state,
    compare,
    listed,
    main,
    missing,
    number,
    planned,
    stack,
    turned,
    turning,
)
from carousel.claims.rules import (
    DEPENDS,
    INCONCLUSIVE,
    LONG,
    MIN_REPETITIONS,
    VANILLA,
    Claim,
    Tables,
    Verdict,
    combine,
    comparison,
    conjunction,
)

MUCH = float(np.log10(3))  # "not nearly as much": a half-life at least three times as long, half a decade
WELL = "orthogonal"  # the init that suits the RNN best: where along the forget bias the LSTM overtakes is read there
OWN = "lstm's own gradient vanishes"


def rows(tables: Tables) -> pd.DataFrame:
    """Return the total gradient of LSTM and vanilla RNNs at initialisation over LONG steps or more."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    found = select(decay, cell=("lstm", *VANILLA), trained="no", quantity="loss_state", path="full")
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def pairs(decay: pd.DataFrame) -> pd.DataFrame:
    """Return every LSTM at initialisation beside each vanilla RNN of the same init, gain, length and seed.

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


def measure_slower(tables: Tables) -> pd.DataFrame:
    """Return the evidence for K2: the difference of rates to each rival, and whether the LSTM's decays."""
    return _measure(tables.decay, "slower", 0.0)


def measure_ratio(tables: Tables) -> pd.DataFrame:
    """Return the evidence for A2a: the ratio of half-lives to each rival, and whether the LSTM's decays."""
    return _measure(tables.decay, "ratio", MUCH)


def _measure(decay: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    both = pairs(decay)
    if both.empty:
        return both
    along = pairs(
        select(decay, slice=ALONG_BIAS, init=WELL).assign(slice="")
    )  # an RNN is in one of the slices
    parts = [
        turned(_versus(group, column, margin), select(along, rival=rival), "forget_bias", margin, column)
        for rival, group in repeated(both, MIN_REPETITIONS).groupby("rival")
    ]
    own = repeated(both.drop(columns="rival").drop_duplicates(subset=_keys(both)), MIN_REPETITIONS)
    vanishing = compare(own.assign(vanishing=-STEADY - own["rate"]), "vanishing", OWN, 0.0)
    return stack([*parts, vanishing.assign(outlived="", where="")])


def _keys(both: pd.DataFrame) -> list[str]:
    return [name for name in both.columns if name not in ("rival", "rate_right", "slower", "ratio")]


def _versus(group: pd.DataFrame, column: str, margin: float) -> pd.DataFrame:
    part = f"lstm against {group['rival'].iloc[0]}"
    outlived, where = _reversed(group)
    return compare(group, column, part, margin).assign(outlived=outlived, where=where)


def _reversed(group: pd.DataFrame) -> tuple[str, str]:
    """Return in words in how many settings the RNN's gradient outlives the LSTM's, and in which."""
    by = ["init", "gain", "forget_bias", "length", "slice", "hidden", "bias"]
    median = group.groupby(by, observed=True)["slower"].median().reset_index()
    worse = median[median["slower"] < 0]
    if worse.empty:
        return f"in none of {len(median)} settings", ""
    counts = worse["forget_bias"].astype(str).value_counts()
    words = [f"{counts[bias]} {at_biases([bias])}" for bias in bias_order(counts.index)]
    init = worse["init"].astype(str).mode().iloc[0]
    return f"in {len(worse)} of {len(median)} settings", f"{listed(words)}; most often {init} init"


def decide_slower(evidence: pd.DataFrame) -> Verdict:
    """Return K2's verdict: it vanishes, and more slowly than each rival's."""
    return _decide(evidence, "decades per step slower")


def decide_ratio(evidence: pd.DataFrame) -> Verdict:
    """Return A2a's verdict: it vanishes, with a half-life MUCH longer than each rival's."""
    return _decide(evidence, "decades of half-life")


def _decide(evidence: pd.DataFrame, unit: str) -> Verdict:
    if evidence.empty:
        what = f"LSTM and vanilla RNN at T of at least {LONG}, {MIN_REPETITIONS} repetitions, both backends"
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
    worse = evidence[evidence["outlived"] != ""].drop_duplicates("part")
    worse = worse.assign(rival=worse["part"].astype(str).str.removeprefix("lstm against "))
    counts = listed([f"{row['outlived']} ({row['rival']})" for _, row in worse.iterrows()])
    where = [f"{row['rival']}: {row['where']}." for _, row in worse.iterrows() if row["where"]]
    return " ".join([f"The RNN's gradient outlives the LSTM's {counts}.", *parts, *where, *_turns(evidence)])


def _turns(evidence: pd.DataFrame) -> list[str]:
    """Return in words from which forget bias the LSTM passes its margin, rival by rival."""
    parts = evidence[evidence["part"] != OWN].groupby("part", sort=False)
    turns = {str(part).removeprefix("lstm against "): turning(group, "forget bias") for part, group in parts}
    words = [f"against {rival} {turn}" for rival, turn in turns.items() if turn]
    return (
        [f"With {WELL} init it begins to hold, as the forget bias rises, {listed(words)}."] if words else []
    )


def _alt(evidence: pd.DataFrame, unit: str) -> str:
    effects = evidence[evidence["part"] != OWN].groupby("part", sort=False)["effect"].mean()
    words = [f"{part}: {number(effects[part])}" for part in effects.index]
    return f"Each dot is one pair of networks. Median over settings, {unit}: " + "; ".join(words) + "."


K2 = Claim(
    id="K2",
    who="comment",
    kind="comparison",
    statement="LSTM gradients do vanish, only more slowly than a vanilla RNN's.",
    reading="At initialisation the LSTM's total gradient decays, at a rate above (slower than) that of the sigmoid, "
    "tanh and ReLU RNN of the same init, gain, length and seed.",
    prediction="depends: on the forget bias, and reversed for orthogonal and ReLU networks near criticality",
    unit="decades per step, lstm less rnn_tanh",
    rule="Paired by seed. A rival holds where the 95 % interval of the difference lies above 0 on both backends, "
    "Holm's p is at most 0.05 and at most 5 % of settings reverse it in every repetition. The LSTM's own "
    f"decay is a fourth part that must hold too. At least {MIN_REPETITIONS} repetitions.",
    takeaway={
        "supported": "An LSTM buys time against vanishing, not freedom from it.",
        "refuted": "An LSTM's gradient does not outlive a vanilla RNN's.",
        "depends": "The cell alone does not order the decay: with a low forget bias a well initialised vanilla RNN "
        "can keep its gradient longer.",
    },
    measure=measure_slower,
    decide=decide_slower,
    rows=rows,
)

A2A = Claim(
    id="A2a",
    who="answer 2",
    kind="comparison",
    statement="Both products contain factors that can vanish: the LSTM suffers too, but not nearly as much.",
    reading="At initialisation the half-life of the LSTM's total gradient is at least three times that of the "
    "sigmoid, tanh and ReLU RNN of the same init, gain, length and seed.",
    prediction="depends: on the forget bias and the rival",
    unit="decades of half-life, lstm over rnn_tanh",
    rule="As K2, on log10 of the ratio of half-lives, with margin log10(3): half a decade is the least that "
    'deserves "not nearly as much". Pairs in which neither gradient decays are left out.',
    takeaway={
        "supported": "Against a vanilla RNN an LSTM multiplies the reach of the gradient.",
        "refuted": "Do not expect an LSTM to multiply the reach of the gradient.",
        "depends": "How much longer an LSTM's gradient lives is set by its forget bias, not by its being an LSTM.",
    },
    measure=measure_ratio,
    decide=decide_ratio,
    rows=rows,
)
