"""A4a: is the vanilla LSTM the 1997 cell with a forget gate and peepholes added, and nothing else?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL, joined, select
from carousel.analysis.text import as_number, bias_order, listed, number
from carousel.axes import BACKENDS
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import missing, relative_error
from carousel.claims.numbers import main_error
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LSTMS,
    MIN_CHECKED,
    REFUTED,
    TOLERANCE,
    UNCLEAR,
    combine,
    identity,
)
from carousel.claims.settings_text import in_words

SAME = (
    "same"  # the slice in which the three cells share the draws of all the weights that they have in common
)
OPEN = 40.0  # forget biases above it: sigma(40) is 1 to the last bit of a float64, while net inputs of a few stay below
APART = 0.01  # relative: a change of 1 % is one that training could feel, and ten million times the tolerance
EQUAL = "LSTM, forget gate held open"


def rows(tables: Tables) -> pd.DataFrame:
    """Return the full gradient of the three cells of that slice, in float64."""
    return select(tables.decay, slice=SAME, cell=LSTMS, dtype="float64", trained="no", path="full")


def pairs(decay_rows: pd.DataFrame) -> pd.DataFrame:
    """Return every gradient of an LSTM beside the 1997 cell's of the same draws: relative ``error``, and ``part``."""
    on = [name for name in MODEL if name not in ("cell", "forget_bias")] + ["quantity", "lag"]
    old = select(decay_rows, cell="lstm97")[[*on, "log10_norm"]]
    new = select(decay_rows, cell=("lstm", "lstm_peephole"))
    both = joined(new[[*on, "cell", "forget_bias", "log10_norm"]], old, on, "_97")
    bias = both["forget_bias"].astype(str)
    held = (bias.map(as_number) > OPEN) & (both["cell"] == "lstm")
    part = np.where(held, EQUAL, in_words(both))
    return both.assign(error=relative_error(both["log10_norm"], both["log10_norm_97"]), part=part)


def measure(tables: Tables) -> pd.DataFrame:
    """Return per part and backend the largest ``error``, and the ``least`` over models of each one's largest.

    checked: values; n: models.
    """
    both = pairs(rows(tables))
    keys = [name for name in MODEL if name in both and name != "backend"]
    models = (
        both.groupby(["part", "backend", *keys], observed=True)["error"].agg(["max", "size"]).reset_index()
    )
    groups = models.groupby(["part", "backend"], observed=True)
    return groups.agg(
        error=("max", "max"), least=("max", "min"), checked=("size", "sum"), n=("size", "size")
    ).reset_index()


def states(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part: the open one holds if equal, any other if every model of it is APART."""
    equal = identity(select(evidence, part=EQUAL))
    others = evidence[evidence["part"] != EQUAL].groupby("part", sort=False)
    return pd.concat([equal, pd.Series({str(part): _apart(group) for part, group in others}, dtype=object)])


def _apart(group: pd.DataFrame) -> str:
    """Return whether all models differ, on every backend; it fails where one is equal to within TOLERANCE."""
    if set(group["backend"].astype(str)) != set(BACKENDS) or (group["checked"] < MIN_CHECKED).any():
        return UNCLEAR
    if (group["least"] > APART).all():
        return HOLDS
    return FAILS if (group["least"] <= TOLERANCE).all() else UNCLEAR


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: equal where the gate is open and peepholes are absent, and nowhere else."""
    found = states(evidence)
    others = found.drop(EQUAL, errors="ignore")
    word = REFUTED if FAILS in set(found) else combine(found)
    if word == INCONCLUSIVE or EQUAL not in found or not len(others):
        what = f"the slice {SAME!r} with an open forget gate and others, in float64 on every backend"
        return Verdict(INCONCLUSIVE, missing(evidence, what), _alt(evidence), states=dict(found))
    shown = main_error(select(evidence, part=EQUAL)) | {"n": main_error(evidence)["n"]}
    return Verdict(word, _condition(evidence, found), _alt(evidence), **shown, states=dict(found))


def _condition(evidence: pd.DataFrame, found: pd.Series) -> str:
    equal = select(evidence, part=EQUAL)["error"].max()
    others = evidence[evidence["part"] != EQUAL]
    nearest = others.loc[others["least"].idxmin()]
    verb = "Equal" if found[EQUAL] == HOLDS else "Not equal"
    broken = [part for part in found.index if part != EQUAL and found[part] == FAILS]
    also = f" It is also equal here: {listed(broken)}." if broken else ""
    return (
        f"{verb} with the forget gate open and no peepholes: off by at most {number(equal)}. Elsewhere the nearest is "
        f"{nearest['part']}, off by a factor of {number(np.exp(nearest['least']))} or more at some lag.{also}"
    )


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No LSTM was measured beside a 1997 cell of the same draws."
    least = evidence.groupby("part")["least"].min()
    words = [f"{part} {number(least[part])}" for part in _ordered(evidence)]
    return (
        "Relative difference of an LSTM's gradient from that of the 1997 cell with the same weights, against lag, on a "
        "log axis. What the nearest model comes to at some lag, in logarithms of the gradients' ratio: "
        f"{'; '.join(words)}."
    )


def _ordered(evidence: pd.DataFrame) -> list[str]:
    """Return the parts by cell, and by forget bias within a cell."""
    parts = pd.Series(evidence["part"].unique())
    biases = bias_order(parts.str.rpartition(" ")[2])
    return sorted(parts, key=lambda part: (part.partition(" at ")[0], biases.index(part.rpartition(" ")[2])))


CLAIM = Claim(
    id="A4a",
    who="answer 4",
    kind="identity",
    statement="The vanilla LSTM of Greff et al. differs from the 1997 one: it has forget gates and peepholes.",
    reading="With the same weights and the same input, the LSTM without peepholes and with its forget gate at one "
    "has the gradients of the 1997 cell, at every lag; with another forget bias, or with peepholes, it has not.",
    prediction="supported",
    unit="relative error, largest",
    rule=f"Supported if the gradients of h, c, both and the input differ by at most {number(TOLERANCE)}, relative, at "
    f"forget bias above {OPEN:g} without peepholes, and in every other model by more than {100 * APART:g} % at some "
    f"lag. On every backend in float64, over at least {MIN_CHECKED} values each. Refuted if they differ in the first, "
    f"or agree to {number(TOLERANCE)} at every lag in a model of the others.",
    takeaway={
        "supported": "An LSTM without peepholes is the 1997 cell plus a forget gate: a very large forget bias gives "
        "you the old cell back.",
        "refuted": "Vanilla LSTM and 1997 cell are not one another's special case: do not carry results over.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
