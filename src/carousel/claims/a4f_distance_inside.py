"""A4f: between the error's entry into the cell and its exit, does the distance not matter?"""

import pandas as pd

from carousel.analysis.stats.curves import best_model
from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import repeated, select
from carousel.analysis.text import at_biases, bias_order, listed, number
from carousel.claims.a1f_surviving_path import lstm_threshold
from carousel.claims.evidence import (
    ALONG_BIAS,
    boundary,
    labelled,
    main,
    missing,
    planned,
    stack,
    with_crossing,
)
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    LSTMS,
    MIN_REPETITIONS,
    UNCLEAR,
    Claim,
    Tables,
    Verdict,
    combine,
    trend,
)

PATHS = {"truncated": "Between entry and exit (truncated) the gradient", "full": "The total"}
KEYS = ["cell", "forget_bias"]


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient of LSTMs of several units at the start, truncated and in full."""
    found = select(tables.decay, cell=LSTMS, trained="no", quantity="loss_state", path=tuple(PATHS))
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def measure(tables: Tables) -> pd.DataFrame:
    """Return per path, cell, forget bias and backend the rate with its interval, and the ``model`` most often best."""
    found = rows(tables)
    return stack([_path(found, path) for path in PATHS])


def _path(found: pd.DataFrame, path: str) -> pd.DataFrame:
    """Return one path's evidence; paid: log10 of what is left of the error when it has entered, its median."""
    models = repeated(rates(found, "loss_state", path), MIN_REPETITIONS)
    best = repeated(best_model(found, "loss_state", path), MIN_REPETITIONS)
    more = best.groupby(KEYS, observed=True)["best"].agg(lambda names: names.mode().iloc[0]).to_frame("model")
    more["paid"] = models.groupby(KEYS, observed=True)["intercept"].median()
    evidence = spread(models, KEYS).merge(more.reset_index(), "left", KEYS).astype(dict.fromkeys(KEYS, str))
    evidence = with_crossing(evidence, select(models, slice=ALONG_BIAS, cell="lstm"), "forget_bias", -STEADY)
    return evidence.assign(path=path, part=f"{path} " + labelled(evidence))


def flat(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part: its whole interval lies within a factor of 2 in 100 steps, up and down."""
    if evidence.empty:
        return trend(evidence, decays=False)
    falls = trend(evidence, decays=False)
    rises = trend(evidence.assign(low=-evidence["high"], high=-evidence["low"]), decays=False)
    return falls.where(falls == rises, UNCLEAR).mask((falls == FAILS) | (rises == FAILS), FAILS)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict, the forget biases at which distance counts, and the one from which on it does not."""
    states = flat(evidence)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of LSTMs at T of at least {LONG} on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    inside = select(evidence, path="truncated")
    both = {HOLDS, FAILS} <= set(states)
    said = [_words(evidence, states, path) for path in PATHS]
    condition = f"{said[0]}{lstm_threshold(inside) if both else ''} {said[1]}{_paid(inside)}"
    at = boundary(inside, "forget bias") if both else None
    return Verdict(word, condition, _alt(evidence), **main(_shown(evidence)), boundary=at)


def _words(evidence: pd.DataFrame, states: pd.Series, path: str) -> str:
    """Return in words where the gradient of one path is flat, falls and rises with lag: by forget bias."""
    found = select(evidence, path=path).drop_duplicates("part")
    found = found.assign(verb=_verbs(found, states))
    same = found.groupby("forget_bias")["verb"].nunique() == 1
    words = []
    for verb, group in found.groupby("verb"):
        names = [_name(group, bias, same[bias]) for bias in bias_order(group["forget_bias"])]
        words.append(f"{verb} {at_biases(names)}")
    return f"{PATHS[path]} {'; '.join(words) or 'was not measured'}."


def _verbs(found: pd.DataFrame, states: pd.Series) -> pd.Series:
    state = found["part"].map(states)
    fails = found["effect"].gt(0).map({True: "rises", False: "falls"})
    return state.map({HOLDS: "is flat", UNCLEAR: "is undecided"}).fillna(fails)


def _name(group: pd.DataFrame, bias: str, same: bool) -> str:
    return bias if same else f"{bias} ({listed(list(group.loc[group['forget_bias'] == bias, 'cell']))})"


def _paid(inside: pd.DataFrame) -> str:
    """Return in words what is left of the error once it has entered the 1997 cell."""
    paid = select(inside, cell="lstm97")["paid"]
    return (
        f" Entering leaves {number(10 ** paid.iloc[0])} of it in the 1997 cell (median)." if len(paid) else ""
    )


def _shown(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose effect stands for the claim: the total of the 1997 cell, or the first part."""
    old = select(evidence, path="full", cell="lstm97")
    return old if len(old) else evidence[evidence["part"] == evidence["part"].iloc[0]]


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No LSTM was measured with its gradient truncated."
    groups = select(evidence, cell=("lstm97", "lstm")).groupby("part", sort=False)
    rate, model = groups["effect"].mean(), groups["model"].first()
    words = [f"{part} {number(rate[part])} ({model[part]})" for part in rate.index]
    return (
        "Gradient norm against lag, truncated and in full, and the rate of both by forget bias. Decades per step and "
        f"best model: {'; '.join(words)}."
    )


CLAIM = Claim(
    id="A4f",
    who="answer 4",
    kind="trend",
    statement="In an LSTM layer the error is reduced only on entering and leaving; distance travelled inside does not "
    "matter.",
    reading="At initialisation the norm of the state's gradient is flat in lag once the error has entered the cell: in "
    "the truncated gradient, where what leaves the cell does not come back, and in the total.",
    prediction="depends: flat in the 1997 cell; with a forget gate only from a bias near 5 on",
    unit="decades per step (1997 cell, total)",
    rule="A path, cell and forget bias is flat where the 95 % interval of its rate lies within a factor of 2 in 100 "
    "steps, up and down, on every backend, and is not where it lies outside; at least "
    f"{MIN_REPETITIONS} repetitions. All flat: supported; some: depends. For the gradient of the state the truncated "
    "path is the carousel alone.",
    takeaway={
        "supported": "Inside an LSTM distance costs the gradient nothing.",
        "refuted": "Distance costs the gradient inside an LSTM too.",
        "depends": "Distance is free in the 1997 cell and behind a forget gate held open: a library's LSTM pays at "
        "every step unless you set its bias.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
