"""A4d: does error leave where the input gate opens, shrunk by the gate, the squashing and the affine map?"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import MODEL, grouped, repeated, select
from carousel.analysis.text import listed, number
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import DECIDED, by_state, compare, reference, stack
from carousel.claims.lines import along, boundary, evidence_of, in_words, tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.robustness import to_settle
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import INCONCLUSIVE, LSTMS, MIN_REPETITIONS, combine, comparison

CHANGED = Margin(
    0.01,
    "of the error lost",
    'a factor within a hundredth of one is "near one" where factors per step are judged',
)
PARTS = {
    "exit_gate": "the input gate",
    "exit_squash": "the squashing",
    "exit_affine": "the affine map",
    "exit": "all three together",
}
OPENING = "more leaves where the input gate opens wider"
BY_GAIN = "factors"  # the slice that differs in the gain


def rows(tables: Tables) -> pd.DataFrame:
    """Return the exit factor and its three parts in every LSTM: medians over steps and sequences."""
    return select(tables.dynamics, cell=LSTMS, quantity=tuple(PARTS), axis=("all", "unit"), quantile=0.5)


def factors(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model and factor: the median ``factor`` over its units, and ``lost`` = 1 - factor."""
    found = select(found, axis="all").rename(columns={"value": "factor"})
    return found.assign(lost=1 - found["factor"])


def units(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per unit of each model with its typical ``opening`` of the input gate and its ``exit`` factor."""
    found = select(found, axis="unit")
    left, right = (
        select(found, quantity=quantity)[[*MODEL, "index", "value"]].rename(columns={"value": name})
        for quantity, name in (("exit_gate", "opening"), ("exit", "exit"))
    )
    return left.merge(right, on=[*MODEL, "index"])


def openings(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model: ``rank``, the correlation of opening and exit over its units (Spearman); 0 if alike."""
    each = units(found)
    codes, models = grouped(each, MODEL)
    ranks = each.groupby(codes)[["opening", "exit"]].rank()
    x, y = (ranks - ranks.groupby(codes).transform("mean")).to_numpy(float).T
    xy, xx, yy = (np.bincount(codes, values, len(models)) for values in (x * y, x * x, y * y))
    scale = np.sqrt(xx * yy)
    return models.assign(rank=np.where(scale > 0, xy / np.where(scale > 0, scale, 1.0), 0.0))


def models(tables: Tables) -> pd.DataFrame:
    """Return the `rows` of the settings that were measured often enough."""
    return repeated(rows(tables), MIN_REPETITIONS)


def measure(found: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return per factor and backend the share ``lost`` against ``margin``, and the rank correlation with the opening.

    Beside them the lines along the gain from which the affine map, proportional to it, takes less.
    """
    table = factors(found)
    parts = [compare(select(table, quantity=name), "lost", words, margin) for name, words in PARTS.items()]
    evidence = stack([*parts, compare(openings(found), "rank", OPENING, 0.0)])
    if evidence.empty:
        return evidence
    affine = select(table, quantity="exit_affine")
    gains = along(_of_inits(select(affine, slice=BY_GAIN)), "gain", "factor", 1 - margin, fewest=2)
    said = evidence.assign(affine=_said_of_affine(reference(affine)))
    return stack([said, evidence_of(gains, "the affine map stops shrinking")])


def _of_inits(affine: pd.DataFrame) -> pd.DataFrame:
    """Return the affine map's factor of one cell and forget bias: R is drawn alike for all of them."""
    return affine.drop_duplicates(["backend", "init", "gain", "hidden", "length", "repetition"])


def _said_of_affine(affine: pd.DataFrame) -> str:
    """Return in words the affine map's typical factor at gain 1: at the start by init, and after training."""
    usual = select(affine, gain=1.0).astype({"init": str})
    start, trained = usual[usual["step"] == 0], usual[usual["step"] > 0]
    each = start.groupby("init")["factor"].median()
    words = [f"{number(value)} with {names.init(init)} init" for init, value in each.items()]
    inits = listed(sorted(trained["init"].map(names.init).unique()))
    after = f"; after training {number(trained['factor'].median())} ({inits} init)" if len(trained) else ""
    return f" The affine map at gain 1: {listed(words)}{after}." if words else ""


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over the three factors, their product and the opening."""
    what = f"exit factors of LSTMs in {MIN_REPETITIONS} repetitions, and some of them on every backend,"
    if evidence.empty:
        nothing = to_settle(evidence, pd.Series(dtype=object), what)
        return Verdict(INCONCLUSIVE, nothing, "No exit factor was measured.")
    evidence, gains = tested_and_lines(evidence)
    states = comparison(evidence)
    word = combine(states)
    words = [*by_state(states, DECIDED), _words(evidence) + evidence["affine"].iloc[0], *_threshold(gains)]
    words = [to_settle(evidence, states, what), *words] if word == INCONCLUSIVE else words
    shown = main(evidence[evidence["part"] == PARTS["exit"]])
    return Verdict(
        word,
        " ".join(words),
        _alt(evidence),
        **shown,
        boundary=boundary(gains, "gain"),
        states=dict(states),
    )


def _threshold(gains: pd.DataFrame) -> list[str]:
    at = in_words(gains, "gain")
    return [f"The affine map stops shrinking the error {at}."] if at else []


def _words(evidence: pd.DataFrame) -> str:
    effect = reference(evidence).set_index("part")["effect"]
    each = [f"{words} {number(1 - effect[words])}" for words in PARTS.values() if words in effect]
    rank = (
        f" Rank correlation of opening and exit, unit by unit: {number(effect[OPENING])}."
        if OPENING in effect
        else ""
    )
    return f"Typical factors: {', '.join(each)}.{rank}"


def _alt(evidence: pd.DataFrame) -> str:
    return (
        "Above, exit factor against the opening of the input gate, a dot per unit, and the line where the other two "
        f"factors take nothing away; below, the affine map's factor against the gain, by init. {_words(evidence)}"
    )


CLAIM = Claim(
    id="A4d",
    who="answer 4",
    kind="comparison",
    statement="Error leaves where the input gate opens, and is shrunk by the gate, the squashing and the affine map.",
    reading="The exit has three factors: the opening of the input gate, the slope of the squashing, the norm of the "
    "unit's row of R_z. In every LSTM, at the start and after training, each is typically below one, and so is their "
    "product. Of a network's units those with the wider open gate send more back.",
    prediction="depends: gate and squashing cannot but shrink, the affine map does only below a gain of the weights",
    unit="share of the error lost (all three together)",
    rule=words_of_comparison(
        CHANGED,
        "the share of the error that is lost to each factor, and to all three: the median over units and steps",
    )
    + " For the opening the effect is the rank correlation (Spearman) of the input gate's opening with the exit factor "
    "over a network's units, and the margin 0.",
    takeaway={
        "supported": "Error that leaves the cell and comes back pays three times: gate, squashing and affine map.",
        "refuted": "Leaving the cell does not shrink the error.",
        "depends": "Look at each factor apart: a gate and a squashing can only shrink the error. The affine map does "
        "so only while the recurrent weights are small: init and gain say where that ends, and training moves it.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=CHANGED,
)
