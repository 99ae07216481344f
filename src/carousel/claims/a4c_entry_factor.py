"""A4c: do output gate and squashing shrink the error only a little as it enters the carousel?"""

import pandas as pd

from carousel.analysis.stats.tables import repeated, select
from carousel.analysis.text import number
from carousel.claims.evidence import by_state, compare, main, missing, stack
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LSTMS,
    MIN_REPETITIONS,
    MIXED,
    UNCLEAR,
    Claim,
    Tables,
    Verdict,
    combine,
    comparison,
)

LITTLE = (
    0.5  # of the error must get in: a factor of 2 is the least that counts as a change anywhere here (STEADY)
)
SEEN = {"entry": "entry", "gate_o": "output gate"}
STAGES = {False: "at the start", True: "after training"}
KEYS = ["backend", "part"]
SAID = {
    HOLDS: "More than half gets in",
    FAILS: "Less than half gets in",
    MIXED: "It depends on the setting",
    UNCLEAR: "Undecided",
}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the entry factor and the output gate of every LSTM: its median over units, steps and sequences.

    Both are measured unit by unit; so the least of its units and the quantile 0.05 of each are among the rows.
    """
    found = select(
        tables.dynamics, cell=LSTMS, quantity=tuple(SEEN), axis=("all", "unit"), quantile=(0.05, 0.5)
    )
    found = repeated(found, MIN_REPETITIONS)
    stage = (found["step"] > 0).map(STAGES)
    return found.assign(stage=stage, part=found["cell"].astype(str) + " " + stage)


def entries(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model with its median ``entry`` factor."""
    return select(found, quantity="entry", axis="all", quantile=0.5).rename(columns={"value": "entry"})


def measure(tables: Tables) -> pd.DataFrame:
    """Return per cell and stage of training: the entry factor against LITTLE; with it gate, units and low quantile."""
    found = rows(tables)
    each = entries(found).groupby("part", observed=True)
    evidence = stack([compare(group, "entry", str(part), LITTLE) for part, group in each])
    if evidence.empty:
        return evidence
    evidence = evidence.assign(
        informative=evidence["high"] <= 1
    )  # an error that grows is not shrunk a little
    return evidence.merge(_details(found), on=KEYS)


def _details(found: pd.DataFrame) -> pd.DataFrame:
    """Return per part and backend: the output gate, what one moment in twenty lets in, the share ``closed``."""
    gate = select(found, quantity="gate_o", axis="all", quantile=0.5).groupby(KEYS, observed=True)["value"]
    tail = select(found, quantity="entry", axis="all", quantile=0.05).groupby(KEYS, observed=True)["value"]
    units = select(found, quantity="entry", axis="unit", quantile=0.5)
    closed = (units["value"] < LITTLE).groupby([units[name] for name in KEYS], observed=True)
    details = pd.concat({"gate": gate.median(), "few": tail.median(), "closed": closed.mean()}, axis=1)
    return details.reset_index().astype({"backend": str})


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over all cells, before and after training."""
    if evidence.empty:
        what = f"entry factors of LSTMs in {MIN_REPETITIONS} repetitions on every backend"
        return Verdict(INCONCLUSIVE, missing(evidence, what), "No entry factor was measured.")
    states = comparison(evidence)
    word = combine(states)
    shown = main(_shown(evidence))
    if word == INCONCLUSIVE:
        return Verdict(
            word, f"{missing(evidence, 'more repetitions')} {_words(evidence)}", _alt(evidence), **shown
        )
    return Verdict(word, _condition(evidence, states), _alt(evidence), **shown)


def _shown(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose effect stands for the claim: the usual LSTM at the start, or else the first part."""
    part = "lstm at the start"
    return evidence[evidence["part"] == (part if part in set(evidence["part"]) else evidence["part"].iloc[0])]


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    return " ".join([*by_state(states, SAID), _words(evidence)])


def _words(evidence: pd.DataFrame) -> str:
    table = evidence.groupby("part", sort=False)[["effect", "gate", "few", "closed"]].mean()
    each = [
        f"{part} {number(row['effect'])} (the output gate alone {number(row['gate'])}; one in twenty below "
        f"{number(row['few'])}; {100 * row['closed']:.0f} % of units below a half)"
        for part, row in table.iterrows()
    ]
    return f"Typical share of the error that gets in: {'; '.join(each)}."


def _alt(evidence: pd.DataFrame) -> str:
    return (
        "Entry factor of LSTMs, from 0 to 1, with its spread over units and steps, by cell and forget bias, before and "
        f"after training; the band above a half is what counts as a little. {_words(evidence)}"
    )


CLAIM = Claim(
    id="A4c",
    who="answer 4",
    kind="comparison",
    statement="Error enters the CEC through the output gate and the squashing, which shrink it a little.",
    reading="The entry factor of a unit, dh_t/dc_t = o_t tanh'(c_t), is typically between one half and one: in every "
    "LSTM, at the start and after training, whatever init, gain and forget bias.",
    prediction="refuted at the start: an output gate neither open nor shut lets half through, and the squashing takes "
    "more; training and long sequences, as the state grows, make it less",
    unit="factor (lstm at the start)",
    rule=f"A cell and stage holds where the 95 % interval of the median entry factor lies between {LITTLE:g} and 1 on "
    "every backend (an equivalence at 2.5 %), fails where it lies below, Holm's p is at most 0.05, and at most 5 % of "
    "settings are on the other side. The margin is a factor of 2, which counts as a change everywhere here. At least "
    f"{MIN_REPETITIONS} repetitions.",
    takeaway={
        "supported": "Entering the cell costs the error little: its losses are elsewhere.",
        "refuted": "Most of the error is lost at the cell's door; but it is paid once per error, not at every step.",
        "depends": "What the error pays at the cell's door depends on how far the output gate is open and how large "
        "the state has grown: keep both in sight.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
