"""Q2: must back-propagating through sigmoid gates and tanh squashings make the gradient vanish?"""

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import VANISHED
from carousel.analysis.stats.tables import MODEL, difference, joined, repeated, select
from carousel.analysis.text import bias_order, listed, number
from carousel.claims import defaults
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import planned, reference, stack, trends
from carousel.claims.half_left import BIAS
from carousel.claims.lines import boundary, evidence_of, in_words, tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.robustness import to_settle
from carousel.claims.routes import (
    LAG,
    PART,
    along_bias,
    by_route,
    decades,
    few,
    named_parts,
    of_lstms,
)
from carousel.claims.rule_text import CONFIRMED, FEWER
from carousel.claims.rules import (
    ALPHA,
    DEPENDS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    MIXED,
    UNCLEAR,
    combine,
    trend,
)

INSIDE = 10  # steps: by then the error has entered the cell, and what entering costs has been paid
TENTH = Margin(
    -VANISHED,
    f"decades from lag {INSIDE} to lag {LAG}",
    "less than a tenth left is a gradient that has vanished",
)
PARTS = {"total": "the total", "through": "what passed a gate"}
BY = [*PART, "usual"]  # usual: whose default it is, in words


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient, in full and through the gates, of every LSTM at the start over LAG steps or more."""
    found = planned(of_lstms(tables.decay, "full", "gates"))
    found = found[(found["gain"] == 1) & (found["bias"] == 0) & (found["trained"] == "no")]
    return found[found["length"] >= LAG]


def models(tables: Tables) -> pd.DataFrame:
    """Return per model what is left by all routes and through the gates, at INSIDE and at LAG."""
    return repeated(by_route(rows(tables), (INSIDE, LAG), tuple(PARTS)), MIN_REPETITIONS)


MEANT = (
    f"Vanished means here that less than a tenth of what is left at lag {INSIDE}, in the cell, is left at lag {LAG}; "
    "K1 counts from the last state."
)


def measure(both: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return per part of the gradient, cell, forget bias and init what is left at LAG of what was at INSIDE.

    Beside it the medians of what is left of the loss's gradient at both, ``entered`` and ``at_lag``, and in words where
    along the forget bias each line stops vanishing.
    """
    return stack([_part(both, name, margin) for name in PARTS])


def _part(both: pd.DataFrame, name: str, margin: float) -> pd.DataFrame:
    models = _distance(both, name)
    models = models.assign(usual=defaults.named(models).fillna("") if len(models) else "")
    evidence = trends(models, BY, margin, "change")
    if evidence.empty:
        return evidence
    beside = models.groupby(BY, observed=True)[["entered", "at_lag"]].median()
    lines = along_bias(models, "change", -margin)
    evidence = evidence.merge(beside.reset_index(), "left", BY)
    names_ = evidence["usual"].where(evidence["usual"] != "", named_parts(evidence))
    evidence = evidence.assign(part=names_ + ": " + PARTS[name])
    return stack([evidence, evidence_of(lines, f"{PARTS[name]} stops vanishing")]).assign(path=name)


def _distance(both: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return per model what is left by one route: at INSIDE, ``entered``, at LAG, ``at_lag``; their ``change``."""
    entered, at_lag = (
        both.loc[both["lag"] == lag, [*MODEL, name]].rename(columns={name: column})
        for lag, column in ((INSIDE, "entered"), (LAG, "at_lag"))
    )
    models = joined(entered, at_lag, MODEL)
    return models.assign(change=difference(models["at_lag"], models["entered"])).dropna(subset=["change"])


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over the total and what passed a gate, of every cell, forget bias and init."""
    evidence, lines = tested_and_lines(evidence)
    states = trend(evidence, decays=True)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of LSTMs at T of at least {LAG} on every backend"
        return Verdict(word, to_settle(evidence, states, what), _alt(evidence), states=dict(states))
    own = reference(evidence)
    condition = " ".join([MEANT, *(_path_words(own, states, path, lines) for path in PARTS), _entered(own)])
    at = boundary(select(lines, path="total"), BIAS) if word == DEPENDS and len(lines) else None
    return Verdict(
        word, condition, _alt(evidence), **main(_shown(evidence)), boundary=at, states=dict(states)
    )


def _path_words(own: pd.DataFrame, states: pd.Series, path: str, lines: pd.DataFrame) -> str:
    """Return in words where one part of the gradient vanishes: the total by forget bias, and the thresholds."""
    own = own[own["path"] == path]
    state = own["part"].map(states)
    where = (
        _places(own, state == HOLDS)
        if path == "total"
        else f"in {(state == HOLDS).sum()} of {len(own)} parts"
    )
    open_ = state.isin([UNCLEAR, MIXED]).sum()
    undecided = f" Of these {len(own)} parts {open_} are undecided or depend on the setting." if open_ else ""
    at = in_words(select(lines, path=path), BIAS) if len(lines) and path == "total" else ""
    stops = f" It stops vanishing {at}." if at else ""
    return f"{PARTS[path].capitalize()} has vanished {where}.{undecided}{stops}"


def _places(own: pd.DataFrame, vanished: pd.Series) -> str:
    """Return in words at which forget biases the parts (cells and inits) have all vanished, some, or none."""
    usual, bias = own["usual"] != "", own["forget_bias"].astype(str)
    share = vanished[~usual].groupby(bias[~usual]).mean()
    said = {
        "everywhere": share[share == 1],
        "with some inits": share[(share > 0) & (share < 1)],
        "nowhere": share[share == 0],
    }
    words = [f"{who} {names.at_biases(bias_order(which.index))}" for who, which in said.items() if len(which)]
    library = own.loc[usual & vanished & (own["cell"] == "lstm"), "usual"]
    words = [f"in {listed(sorted(library))}", *words] if len(library) else words
    return "; ".join(words)


def _entered(own: pd.DataFrame) -> str:
    """Return in words what is left at INSIDE and at LAG, by forget bias: what entering costs, and the distance."""
    total = own[(own["path"] == "total") & (own["usual"] == "")]
    medians = total.groupby(total["forget_bias"].astype(str))[["entered", "at_lag"]].median()
    words = [
        f"{decades(medians.loc[bias, 'entered'])} and {decades(medians.loc[bias, 'at_lag'])} {names.at_biases([bias])}"
        for bias in few(medians.index)
    ]
    return (
        f"Of the gradient by the last state the total has left at lag {INSIDE} and at lag {LAG}, in the median: "
        f"{'; '.join(words)}."
    )


def _shown(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that stand for the claim: the total of PyTorch's default LSTM, or of the lowest forget bias."""
    total = evidence[evidence["path"] == "total"]
    usual = total[total["usual"] == defaults.LSTM]
    if len(usual):
        return usual
    lstm = total[total["cell"] == "lstm"]
    lstm = lstm if len(lstm) else total
    torch = lstm[lstm["init"] == defaults.FIRST]
    lstm = torch if len(torch) else lstm
    return lstm[lstm["forget_bias"].astype(str) == bias_order(lstm["forget_bias"].astype(str))[0]]


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No gradient through the gates was measured."
    left = evidence.groupby(["path", evidence["forget_bias"].astype(str)], sort=False)["effect"].median()
    words = [
        f"{PARTS[path]} {names.at_biases([bias])} {number(value)}" for (path, bias), value in left.items()
    ]
    return (
        f"Two panels of gradient norm against lag. Decades from lag {INSIDE} to lag {LAG} by forget bias: "
        f"{'; '.join(words)}."
    )


CLAIM = Claim(
    id="Q2",
    who="question",
    kind="trend",
    statement="Gates are sigmoids (slope at most 1/4) and the squashings are tanh, so back-propagating through them "
    "must make the gradient vanish.",
    reading="At the start, in every LSTM (by cell, forget bias and init), both the state's gradient and the part of "
    "it "
    f"that passed through a gate vanish with distance: less than a tenth is left {LAG} steps back of what was left "
    f"{INSIDE} "
    "steps back. What is lost by then, on entering the cell, is shown beside it. Each library's default LSTM is a "
    "part of its own.",
    prediction="depends: whatever passes a gate returns to the cell and then lives as long as the cell's own "
    "path, so the forget bias decides",
    unit=f"decades from lag {INSIDE} to lag {LAG} (the total, PyTorch's default LSTM)",
    rule="A part (total or through the gates, cell, forget bias, init) has vanished (has not) where the 95 % "
    "interval of "
    f"what is left at lag {LAG} over what is left at lag {INSIDE} lies below (above) {number(10**VANISHED)}. "
    f"Either takes a Holm's p over the parts of the claim of at most {ALPHA:g}. {FEWER} {CONFIRMED} "
    "All: supported; none: refuted; some: depends.",
    takeaway={
        "supported": "Slopes below 1/4 do make the gradient vanish: look for other cells.",
        "refuted": "The slopes of gates and squashings do not make the gradient vanish.",
        "depends": "An error that is held in the cell pays the output gate and a squashing on entering alone. At low "
        "forget biases it is not held: what survives goes through h, pays them at every step, and vanishes. Set the "
        "forget bias.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=TENTH,
)
