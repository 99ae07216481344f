"""A3a: in the truncated scheme, does error that leaves the cell through a gate stop there?"""

from itertools import combinations

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL, PAIR, difference, joined, numbered, select
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import missing, planned, relative_error, stack, wide
from carousel.claims.numbers import main_error
from carousel.claims.rule_text import words_of_identity
from carousel.claims.rules import (
    FAILS,
    INCONCLUSIVE,
    LSTMS,
    MIN_CHECKED,
    REFUTED,
    TOLERANCE,
    combine,
    identity,
)

MEASURED = ("loss_h", "loss_c", "loss_state", "cec")
WEIGHTS = "truncated_norm"
AGREES = "the two derivations agree"
STOPS = "none of it reaches the state before"
CARRIES = "the cell keeps its own factors alone"
KEYS = [*MODEL, "lag"]


def rows(tables: Tables) -> pd.DataFrame:
    """Return the truncated gradient of every untrained LSTM in float64, and the carousel's own derivative.

    Without what an optimiser found: there two programs may diverge in the states before any derivative.
    """
    paths = ("truncated", "cell")
    return planned(
        select(tables.decay, cell=LSTMS, quantity=MEASURED, path=paths, dtype="float64", trained="no")
    )


def agreement(found: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag the gradients of each pair of backends, which share no derivative: ``error``.

    Once for either backend of a pair.
    """
    truncated = select(found, path="truncated")
    on = [*PAIR, "quantity", "lag"]
    each = {name: select(truncated, backend=name)[[*on, "log10_norm"]] for name in BACKENDS}
    pairs = []
    for left, right in combinations(BACKENDS, 2):
        both = joined(each[left], each[right], on, "_other")
        both = both.assign(error=relative_error(both["log10_norm"], both["log10_norm_other"]), part=AGREES)
        pairs += [both.assign(backend=name) for name in (left, right)]
    return stack(pairs)


def escaped(found: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag how much of the truncated gradient is back in h, where the gates' error would go.

    ``error`` is its share of the joint state's gradient: 0 where it is exactly zero in every sequence.
    """
    truncated = select(found, path="truncated")
    truncated = truncated[truncated["lag"] > 0]
    h, state = (select(truncated, quantity=name)[[*KEYS, "log10_norm"]] for name in ("loss_h", "loss_state"))
    both = joined(h, state, KEYS, "_state")
    share = 10.0 ** difference(both["log10_norm"], both["log10_norm_state"])
    return both.assign(error=np.where(np.isneginf(both["log10_norm"]), 0.0, share), part=STOPS)


def carried(found: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag how far the cell's truncated gradient is from the carousel's factors since lag 1.

    Read where a norm is one number or every factor is one: one unit, or no forget gate. ``error`` is relative.
    """
    single = found[(found["hidden"] == 1) | (found["cell"] == "lstm97")]
    c = _since(select(single, path="truncated", quantity="loss_c"))
    cec = _since(select(single, path="cell", quantity="cec"))
    both = joined(c, cec, KEYS, "_cec")
    return both.assign(error=relative_error(both["since"], both["since_cec"]), part=CARRIES)


def _since(table: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag above 1 how much log10 has changed ``since`` lag 1, where the error entered."""
    first = table.loc[table["lag"] == 1, [*MODEL, "log10_norm"]]
    both = joined(table.loc[table["lag"] > 1, [*KEYS, "log10_norm"]], first, MODEL, "_first")
    return both.assign(since=difference(both["log10_norm"], both["log10_norm_first"]))[[*KEYS, "since"]]


def weights(dynamics: pd.DataFrame) -> float:
    """Return how far the backends' truncated gradients of all weights are apart before training, in decades of norm.

    NaN where that was not measured. Training runs in float32, so that it decides nothing here.
    """
    found = select(dynamics, cell=LSTMS, quantity=WEIGHTS, step=0)
    each = wide(found, "value")[list(BACKENDS)].dropna().to_numpy()
    return float(np.abs(difference(each.max(axis=1), each.min(axis=1))).max()) if len(each) else np.nan


def measure(tables: Tables) -> pd.DataFrame:
    """Return per part and backend the largest ``error``, and the gap of the `weights`.

    checked: values; n: models.
    """
    found = rows(tables)
    parts = [part for part in (agreement(found), escaped(found), carried(found)) if len(part)]
    table = stack(
        [
            part[["part", "backend", "error"]].astype({"backend": str}).assign(model=numbered(part, PAIR))
            for part in parts
        ]
    )
    if table.empty:
        return table
    groups = table.groupby(["part", "backend"], sort=False)
    found = groups.agg(error=("error", "max"), checked=("error", "size"), n=("model", "nunique"))
    return found.reset_index().assign(weights=weights(tables.dynamics))


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over all three parts, refuted by one of them, with the largest error as its effect."""
    states = identity(evidence)
    word = REFUTED if FAILS in set(states) else combine(states)
    if word == INCONCLUSIVE or (word != REFUTED and len(states) < 3):
        what = f"{MIN_CHECKED} truncated gradients of LSTMs in float64 on every backend, one unit among them"
        return Verdict(INCONCLUSIVE, missing(evidence, what), _alt(evidence), states=dict(states))
    condition = _condition(evidence) + _weights(evidence)
    shown = main_error(evidence[evidence["part"] == evidence.loc[evidence["error"].idxmax(), "part"]])
    return Verdict(word, condition, _alt(evidence), **shown, states=dict(states))


def _condition(evidence: pd.DataFrame) -> str:
    worst = evidence.groupby("part", sort=False)["error"].max()
    words = {
        name: [
            f"{part} ({number(worst[part])})" for part in worst.index if (worst[part] <= TOLERANCE) == good
        ]
        for name, good in (("Holds", True), ("Fails", False))
    }
    return " ".join(f"{name}: {listed(parts)}." for name, parts in words.items() if parts)


def _weights(evidence: pd.DataFrame) -> str:
    gap = evidence["weights"].iloc[0]
    if np.isnan(gap):
        return ""
    return f" Of all weights together, in float32, the backends find the same norm to {number(gap)} decades."


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No truncated gradient was measured."
    return (
        "Above, the truncated gradient at the cell on the line of the carousel's own factors against lag; below, "
        f"the relative error of each comparison on a log axis. Largest: {_condition(evidence)}"
    )


CLAIM = Claim(
    id="A3a",
    who="answer 3",
    kind="identity",
    statement="In the truncated scheme, error that leaves the cell through a gate is not propagated further back; the "
    "gates' weights are updated from that step alone.",
    reading="Truncated as in 1997, at the gates and at the cell's input, not after some number of steps: the gradient "
    "derived by hand equals the automatic one with the paths cut; none of it is in h before the loss's own step, from "
    "where it could reach a gate; what is left in c since lag 1 is the product of the carousel's factors.",
    prediction="supported",
    unit="relative error, largest",
    rule=words_of_identity("each of the three parts")
    + " The third is read where a norm can be: one unit, or the LSTM of 1997.",
    takeaway={
        "supported": "In the truncated scheme only the carousel carries error back: what reaches a gate at a step "
        "trains its weights there and goes no further. That is another gradient than the true one.",
        "refuted": "What is called truncated here lets error through: check the code before comparing with 1997.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
