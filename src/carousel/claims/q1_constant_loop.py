"""Q1: is the derivative around the cell's loop one, and does the gradient along it stay constant?"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.slopes import STEADY, rates
from carousel.analysis.stats.tables import select
from carousel.analysis.text import factor, listed, number
from carousel.claims import defaults
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import missing, planned, reference, relative_error, stack, trends
from carousel.claims.half_left import by_lag, evidence_of, from_bias, one_threshold
from carousel.claims.lines import tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.routes import few
from carousel.claims.rules import (
    DEPENDS,
    HOLDS,
    INCONCLUSIVE,
    LSTMS,
    MIN_CHECKED,
    TOLERANCE,
    WITH_FORGET_GATE,
    combine,
    identity,
)
from carousel.claims.settings_text import in_words

KEYS = ["cell", "forget_bias"]


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives along the cell of every LSTM at initialisation."""
    return planned(
        select(tables.decay, quantity="cec", path="cell", cell=LSTMS, trained="no", dtype="float64")
    )


def measure(tables: Tables) -> pd.DataFrame:
    """Return per cell and forget bias the largest ``error`` from one, and the rate; and the thresholds of each line."""
    loop = rows(tables)
    if loop.empty:
        return pd.DataFrame()
    loop = loop.assign(part=defaults.named(loop).fillna(in_words(loop)))
    errors = loop.assign(error=relative_error(loop["log10_norm"], np.zeros(len(loop))))
    errors = errors.groupby(["part", "backend"], observed=True)["error"].agg(error="max", checked="size")
    factors = loop.drop_duplicates("part")[["part", *KEYS]].astype(dict.fromkeys(KEYS, str))
    rate = rates(loop, "cec", "cell")
    rate = trends(rate.assign(part=defaults.named(rate).fillna(in_words(rate))), ["part"], STEADY)
    evidence = (
        rate.drop(columns="edge")
        .merge(errors.reset_index(), on=["part", "backend"])
        .merge(factors, on="part")
    )
    return stack([evidence, evidence_of(by_lag(select(loop, cell="lstm"), "cec", "cell"))])


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: identity for every cell, or only for those without a forget gate."""
    checked, lines = tested_and_lines(evidence)
    states = identity(checked)
    old, new = (
        select(checked, cell=cells) if len(checked) else checked for cells in ("lstm97", WITH_FORGET_GATE)
    )
    word = combine(states) if len(old) and len(new) else INCONCLUSIVE
    if word == INCONCLUSIVE:
        what = f"{MIN_CHECKED} derivatives of the 1997 cell and of each with a forget gate, in float64"
        return Verdict(word, missing(checked, what), _alt(checked), states=dict(states))
    condition = (
        f"Along the cell alone it is one in {listed(list(states.index[states == HOLDS])) or 'no cell'}. "
    )
    condition += _steps(new) + (f" {from_bias(lines)}" if len(lines) else "")
    at = one_threshold(lines) if word == DEPENDS and len(lines) else None
    return Verdict(
        word, condition, _alt(checked), **main(defaults.headline(new)), boundary=at, states=dict(states)
    )


def _steps(new: pd.DataFrame) -> str:
    own = reference(new)
    default = own["part"].str.contains("default")
    rate = own[~default].groupby("forget_bias")["effect"].median()
    words = [f"{factor(row['effect'])} in {row['part']}" for _, row in own[default].iterrows()]
    words += [f"{factor(rate[bias])} {names.at_biases([bias])}" for bias in few(rate.index)]
    return f"With a forget gate the factor per step is: {'; '.join(words)}."


def _alt(checked: pd.DataFrame) -> str:
    if checked.empty:
        return "No derivative along the cell's loop was measured."
    old = select(checked, cell="lstm97")["error"].max()
    return (
        "Lines of the derivative along the cell's loop against lag. The 1997 cell stays at one (largest "
        f"error {number(old)}); the cells with a forget gate fall: "
        + _steps(select(checked, cell=WITH_FORGET_GATE))
    )


CLAIM = Claim(
    id="Q1",
    who="question",
    kind="identity",
    statement="The loop around the cell (the constant error carousel, CEC) is an identity: along the cell alone its "
    "derivative is one, and the gradient stays constant.",
    reading="The derivative of c_T by c_t along the cell-to-cell path alone, gates frozen, is 1 at every lag. "
    "In the 1997 cell nothing else can come out: there it checks the instrument. With a forget gate it is the "
    "product of the gates. Half of it is left after n steps from the forget bias ln(n / ln 2) on where the bias alone "
    "moves the gates; whatever else moves them raises that.",
    prediction="depends: true of the 1997 cell, false of every cell with a forget gate below one",
    unit="decades per step (PyTorch's default LSTM, else the lowest forget bias)",
    rule=f"A cell and forget bias holds where the largest relative error from one is at most {number(TOLERANCE)} on "
    f"every backend in float64, over at least {MIN_CHECKED} values on each (rounding leaves 1e-12). All hold: "
    "supported; some: depends; none: refuted.",
    takeaway={
        "supported": "The carousel passes the gradient on unchanged.",
        "refuted": "Do not count on the carousel: it does not pass the gradient on unchanged in any cell.",
        "depends": "A library's LSTM has a forget gate: the gradient along its cell is held only as well as the "
        "forget bias holds that gate open.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
