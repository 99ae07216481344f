"""A4c: does the squashing shrink the error only a little as it enters the carousel?"""

import pandas as pd

from carousel.analysis.stats.tables import MODEL, joined, repeated, select
from carousel.analysis.text import bias_order, number
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import by_state, compare, stack
from carousel.claims.numbers import main, shown
from carousel.claims.robustness import to_settle
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LSTMS,
    MIN_REPETITIONS,
    MIXED,
    UNCLEAR,
    combine,
    comparison,
)
from carousel.claims.settings_text import in_words

LITTLE = Margin(
    0.1,
    "of the error lost",
    "a tenth is next to nothing in this study: of a gradient that has vanished less than a tenth is left, so an error "
    "that is shrunk a little loses less than a tenth",
)
SEEN = ("entry", "gate_o")
STAGES = {False: "at the start", True: "after training"}
USUAL = "LSTM at forget bias 1 at the start"  # whose effect stands for the claim
KEYS = ["backend", "part"]
SAID = {
    HOLDS: "A little is lost in the squashing",
    FAILS: "More than a little is lost in the squashing",
    MIXED: "It depends on the setting",
    UNCLEAR: "Undecided",
}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the entry factor and the output gate of every unit of every LSTM: means over steps and sequences."""
    found = select(tables.dynamics, cell=LSTMS, quantity=SEEN, axis="unit")
    return repeated(found[found["quantile"].isna()], MIN_REPETITIONS)


def units(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per unit of each model: its mean ``entry`` factor, its mean output ``gate``, and ``squash``.

    squash: the one over the other, the mean slope of the squashing, weighted by what the gate lets in. Beside them
    ``part``: the cell with its forget bias and the stage of training.
    """
    on = [*MODEL, "index"]
    entry, gate = (
        select(found, quantity=quantity)[[*on, "value"]].rename(columns={"value": name})
        for quantity, name in zip(SEEN, ("entry", "gate"), strict=True)
    )
    both = joined(entry, gate, on)
    part = in_words(both) + " " + (both["step"] > 0).map(STAGES)
    return both.assign(squash=_ratio(both), part=part)


def _ratio(table: pd.DataFrame) -> pd.Series:
    return table["entry"] / table["gate"].where(table["gate"] != 0)


def models(tables: Tables) -> pd.DataFrame:
    """Return the `units` whose output gate lets something in."""
    return units(rows(tables)).dropna(subset=["squash"])


def measure(each: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return per part what the squashing lets through, against what is left of a loss of ``margin``.

    Of a model it is the mean over its units, weighted as in `units`. Beside it gate, both together, and the share of
    units that lose more.
    """
    if each.empty:
        return each
    models = each.groupby(["part", *MODEL], observed=True)[["entry", "gate"]].mean().reset_index()
    models = models.assign(squash=_ratio(models))
    evidence = stack([
        compare(models[models["part"] == part], "squash", part, 1 - margin) for part in _ordered(models)
    ])  # fmt: skip
    growing = evidence["low"] > 1  # an error that grows is not shrunk a little
    return evidence.assign(informative=~growing).merge(_details(each, 1 - margin), on=KEYS)


def _ordered(models: pd.DataFrame) -> list[str]:
    """Return the parts by cell, forget bias and stage of training."""
    biases = bias_order(models["forget_bias"])
    found = models[["cell", "forget_bias", "part"]].astype(str).drop_duplicates().to_numpy().tolist()
    place = {
        part: (LSTMS.index(cell), biases.index(bias), STAGES[True] in part) for cell, bias, part in found
    }
    return sorted(place, key=place.__getitem__)


def _details(each: pd.DataFrame, least: float) -> pd.DataFrame:
    """Return per part and backend the means of gate and entry factor, and the share of units below ``least``."""
    groups = each.assign(below=each["squash"] < least).groupby(KEYS, observed=True)
    details = groups.agg(gate=("gate", "mean"), entry=("entry", "mean"), below=("below", "mean"))
    return details.reset_index().astype({"backend": str})


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over all cells and forget biases, before and after training."""
    what = f"entry factors of LSTMs in {MIN_REPETITIONS} repetitions, and some of them on every backend,"
    if evidence.empty:
        return Verdict(
            INCONCLUSIVE, to_settle(evidence, pd.Series(dtype=object), what), "No entry factor was measured."
        )
    states = comparison(evidence)
    word = combine(states)
    words = by_state(states, SAID)
    words = [to_settle(evidence, states, what), *words] if word == INCONCLUSIVE else words
    return Verdict(word, " ".join(words), _alt(evidence), **main(shown(evidence, USUAL)), states=dict(states))


def _words(evidence: pd.DataFrame) -> str:
    table = evidence.drop_duplicates("part").set_index("part")
    each = [
        f"{part} {number(row['effect'])} ({100 * row['below']:.0f} % of units lose more than a little; the output gate "
        f"{number(row['gate'])}, both together {number(row['entry'])})"
        for part, row in table.iterrows()
    ]
    return f"Share of the error that the squashing lets through: {'; '.join(each)}."


def _alt(evidence: pd.DataFrame) -> str:
    return (
        "What the squashing of LSTMs lets through of the error, from 0 to 1, with its spread over units, by cell and "
        "forget bias, before and after training; the band at the right is what counts as a little, and a mark in each "
        f"row is the output gate. {_words(evidence)}"
    )


CLAIM = Claim(
    id="A4c",
    who="answer 4",
    kind="comparison",
    statement="Error enters the CEC through the output gate and the activation function; the activation function "
    "shrinks it a little.",
    reading="The answer says of the activation function alone that it takes a little. So the claim is judged on the "
    "slope of the squashing, tanh'(c_t): of the error that the output gate lets in, the share that gets through, mean "
    "entry factor dh_t/dc_t over mean output gate. Less than a tenth is lost, in every LSTM, at the start and after "
    "training, whatever init, gain and forget bias. The output gate is reported beside it, and decides nothing.",
    prediction="refuted at the start: an output gate neither open nor shut lets half through, and the squashing takes "
    "more; training and long sequences, as the state grows, make it less (made of gate and squashing together)",
    unit="share of the error that the squashing lets through (LSTM at forget bias 1, at the start)",
    rule=words_of_comparison(
        Margin(1 - LITTLE.value, "of the error", LITTLE.why),
        "the share of the error that the squashing lets through, over all units of a network; a part is a cell with "
        "its forget bias at a stage of training",
    ),
    takeaway={
        "supported": "Passing the squashing costs the error little: its losses are elsewhere.",
        "refuted": "The squashing takes a good part of the error wherever it enters the cell: at the loss, and at "
        "every step by which error comes round through the output.",
        "depends": "What the squashing takes depends on how far the state has grown: little while it is small, most of "
        "the error where it saturates. Without a forget gate it does so over long sequences. Look at the state, not at "
        "the gate.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=LITTLE,
)
