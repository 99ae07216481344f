"""Q2: must back-propagating through sigmoid gates and tanh squashings make the gradient vanish?"""

import pandas as pd

from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import repeated, select
from carousel.analysis.text import at_biases, bias_order, listed, number
from carousel.claims.evidence import (
    ALONG_BIAS,
    boundary,
    labelled,
    main,
    missing,
    planned,
    stack,
    threshold,
    with_crossing,
)
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    LSTMS,
    MIN_REPETITIONS,
    Claim,
    Tables,
    Verdict,
    combine,
    trend,
)

PATHS = {"full": "the total", "gates": "the part through the gates"}
VERBS = {HOLDS: "vanishes", FAILS: "does not vanish"}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient, by both paths, of every LSTM at initialisation over LONG steps or more."""
    found = select(tables.decay, cell=LSTMS, trained="no", quantity="loss_state", path=tuple(PATHS))
    return planned(found[(found["length"] >= LONG) & (found["hidden"] > 1)])


def measure(tables: Tables) -> pd.DataFrame:
    """Return per path, cell, forget bias and backend the rate of the state's gradient, with its interval.

    Beside them, where along the forget bias the path stops vanishing in the LSTM.
    """
    found = rows(tables)
    return stack([_path(found, path) for path in PATHS])


def _path(found: pd.DataFrame, path: str) -> pd.DataFrame:
    rate = repeated(rates(found, "loss_state", path), MIN_REPETITIONS)
    evidence = spread(rate, ["cell", "forget_bias"])
    evidence = with_crossing(evidence, select(rate, cell="lstm", slice=ALONG_BIAS), "forget_bias", -STEADY)
    return evidence.assign(path=path, part=labelled(evidence) + " " + PATHS[path])


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over both paths of every cell and forget bias."""
    states = trend(evidence, decays=True)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of LSTMs at T of at least {LONG} on every backend"
        return Verdict(word, missing(evidence, what), _alt(evidence))
    condition = " ".join(_path_words(evidence, states, path) for path in PATHS)
    at = boundary(select(evidence, path="gates"), "forget bias") if word == DEPENDS else None
    return Verdict(word, condition, _alt(evidence), **main(_shown(evidence)), boundary=at)


def _path_words(evidence: pd.DataFrame, states: pd.Series, path: str) -> str:
    """Return in words at which forget biases one path vanishes and at which it does not."""
    seen = evidence[evidence["path"] == path].drop_duplicates("part")
    seen = seen.assign(state=seen["part"].map(states))
    sides = {state: _biases(seen, state) for state in (HOLDS, FAILS)}
    words = [f"{VERBS[state]} {at_biases(names)}" for state, names in sides.items() if names]
    where = threshold(select(evidence, path=path), "forget bias") if all(sides.values()) else ""
    change = f"; in the LSTM it changes {where}" if where else ""
    return f"{PATHS[path].capitalize()} {'; it '.join(words) or 'is undecided'}{change}."


def _biases(seen: pd.DataFrame, state: str) -> list[str]:
    """Return the forget biases in that state, with the cell's name where another cell is in another state."""
    same = seen.groupby(seen["forget_bias"].astype(str))["state"].nunique() == 1
    seen = seen[seen["state"] == state]
    cells = {
        bias: seen[seen["forget_bias"].astype(str) == bias]["cell"]
        for bias in bias_order(seen["forget_bias"])
    }
    return [bias if same[bias] else f"{bias} ({listed(list(cells[bias].astype(str)))})" for bias in cells]


def _shown(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose effect stands for the claim: the gate-mediated part at the lowest forget bias."""
    gates = select(evidence, path="gates")
    lstm = select(gates, cell="lstm")
    shown = lstm if len(lstm) else gates
    return shown[shown["forget_bias"].astype(str) == bias_order(shown["forget_bias"])[0]]


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No gradient through the gates was measured."
    rate = evidence.groupby("part", sort=False)["effect"].mean()
    words = [f"{part} {number(rate[part])}" for part in rate.index]
    return "Two panels of gradient norm against lag. Rates in decades per step: " + "; ".join(words) + "."


CLAIM = Claim(
    id="Q2",
    who="question",
    kind="trend",
    statement="Gates are sigmoids (slope at most 1/4) and the squashings are tanh, so back-propagating through them "
    "must make the gradient vanish.",
    reading="At initialisation the part of the state's gradient that passed through a gate, and the total, "
    "both decay with lag in every LSTM.",
    prediction="depends: whatever passes a gate returns to the cell and then lives as long as the cell's own "
    "path, so the forget bias decides",
    unit="decades per step (through the gates, lstm, lowest forget bias)",
    rule="A part (path, cell, forget bias) vanishes where the 95 % interval of its rate lies below a factor of 2 "
    f"in 100 steps on every backend, with at least {MIN_REPETITIONS} repetitions. All: supported; some: depends.",
    takeaway={
        "supported": "Slopes below 1/4 do make the gradient vanish: look for other cells.",
        "refuted": "The slopes of gates and squashings do not add up over time.",
        "depends": "The slopes of gates and squashings are paid on entering and leaving the cell; what is paid at "
        "every step is the forget gate, so set its bias.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
