"""K3: do LSTMs therefore catch more distant dependencies?"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import by_repetition, repeated
from carousel.axes import BACKENDS
from carousel.claims import longest_learned_text as text
from carousel.claims.claim import Claim, Margin, Tables, Verdict, corrected
from carousel.claims.evidence import (
    compare,
    equivalence_p,
    missing,
    on_every_backend,
    reference,
    stack,
)
from carousel.claims.longest_learned import beside_the_rnn, by_what_is_left, climbed, in_order, seeds
from carousel.claims.longest_learned_text import CONTRAST, LONGER, RANKS
from carousel.claims.numbers import main
from carousel.claims.robustness import to_settle
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    REFUTED,
    UNCLEAR,
    combine,
    comparison,
    conjunction,
    equivalence,
)

STEP = Margin(
    0.5, "octaves", "half the step from one length tried to the next; below it two lengths are the same"
)
IN_ORDER = 0.5  # rank correlation: three of four pairs of settings in order; of fewer no "therefore" is said
MIN_RANKED = 5  # settings: a rank correlation over fewer is not worth the name
MIN_SHARED = 4  # settings that another backend has to have trained to confirm the order
MIN_INFORMATIVE = (
    0.5  # of the pairs: where more are censored alike, the lengths tried cannot tell the cells apart
)
WHAT = f"LSTM and tanh RNN that climb from length to length in {MIN_REPETITIONS} repetitions on every backend"


def rows(tables: Tables) -> pd.DataFrame:
    """Return every evaluation of every run that climbs: LSTM and tanh RNN in pairs, all of them for the ranks."""
    return climbed(tables.accuracy)


def measure(tables: Tables, margin: float) -> pd.DataFrame:
    """Return the evidence per task: each LSTM's gain over the tanh RNN, and whether what is left says who gains."""
    if rows(tables).empty:
        return pd.DataFrame()
    found = repeated(seeds(tables.accuracy, tables.decay), MIN_REPETITIONS)
    pairs = beside_the_rnn(found)
    return stack([*_gains(pairs, margin), *_ranks(found), *_contrasts(pairs, margin)])


def _gains(pairs: pd.DataFrame, margin: float) -> Iterator[pd.DataFrame]:
    for (task, label, short), group in pairs.groupby(["task", "label", "short"], sort=False):
        part = told(group, f"{names.task(task)}, {label}", margin)
        yield part.assign(kind=LONGER, task=task, short=short)


def _ranks(found: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """Yield the rank correlations; where a backend trained fewer settings, ``shared`` is over those that all did."""
    alike = in_order(found[on_every_backend(found)], MIN_SHARED).groupby(["task", "backend"])["rank"].mean()
    for task, group in in_order(found, MIN_RANKED).dropna(subset=["rank"]).groupby("task", sort=False):
        part = f"{names.task(task)}, {text.RANK}"
        rows = compare(group, "rank", part, IN_ORDER, how="mean").set_index("backend")
        rows = rows.reindex([name for name in BACKENDS if name in rows.index or (task, name) in alike])
        shared = [alike.get((task, name), np.nan) for name in rows.index]
        about = {"part": part, "kind": RANKS, "task": task, "margin": IN_ORDER, "informative": True}
        yield rows.assign(**about, edge=IN_ORDER, shared=shared).reset_index()


def _contrasts(pairs: pd.DataFrame, margin: float) -> Iterator[pd.DataFrame]:
    for task, group in by_what_is_left(pairs).groupby("task", sort=False):
        part = told(group, f"{names.task(task)}, {text.PAIR}", margin)
        kept = {name: reference(group)[name].mean() for name in ("left", "left_right")}
        yield part.assign(kind=CONTRAST, task=task, **kept)


def told(pairs: pd.DataFrame, part: str, margin: float) -> pd.DataFrame:
    """Return one row of evidence per backend that holds whether pairs censored alike are left out or count as equal.

    They tell nothing: the interval reaches over both, and p is the larger. p_same: that of the test of no difference.
    The part is informative from MIN_INFORMATIVE of the pairs on that tell something.
    """
    rows, p_same = _counted(pairs, part, margin)
    share = 1 - pairs.groupby("backend")["alike"].mean().reindex(rows["backend"]).to_numpy()
    rows = rows.assign(informative=share >= MIN_INFORMATIVE, informative_share=share, p_same=p_same)
    if not pairs["alike"].any():
        return rows
    other, p_other = _counted(pairs[~pairs["alike"]], part, margin)
    other = other.set_index("backend") if len(other) else pd.DataFrame(columns=rows.columns)
    low, high, p = (other[name].reindex(rows["backend"]).to_numpy(float) for name in ("low", "high", "p"))
    return rows.assign(
        low=np.minimum(rows["low"], low), high=np.maximum(rows["high"], high), p=np.maximum(rows["p"], p),
        p_same=max(p_same, p_other),
    )  # fmt: skip


def _counted(pairs: pd.DataFrame, part: str, margin: float) -> tuple[pd.DataFrame, float]:
    """Return the evidence for all of the pairs, and the p of no difference."""
    values = by_repetition(reference(pairs), "gained", how="mean")
    rows = compare(pairs, "gained", part, margin, how="mean")
    return rows, equivalence_p(values, margin) if len(values) else 1.0


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: longer on every task, and an order of the settings that makes it a "therefore"."""
    own = reference(evidence) if len(evidence) else evidence
    if own.empty or not (own["kind"] == LONGER).any():
        return Verdict(INCONCLUSIVE, missing(evidence, WHAT), "No pair of networks that climb was measured.")
    states, longer = comparison(evidence), evidence[evidence["kind"] == LONGER]
    why = states.drop(longer["part"].unique())
    word = _therefore(states.drop(why.index), why if (evidence["kind"] == RANKS).any() else why.head(0))
    words = text.condition(evidence, states, equivalence(corrected(longer.assign(p=longer["p_same"]))))
    words = [_open(evidence, states), *words] if word == INCONCLUSIVE else words
    words += ["What is undecided does not change this verdict."] * (
        word == DEPENDS and UNCLEAR in set(states)
    )
    return Verdict(word, " ".join(words), text.alt(evidence), **main(longer), states=dict(states))


def _therefore(longer: pd.Series, why: pd.Series) -> str:
    """Return the word: supported where every part holds, refuted where no LSTM learns longer.

    One LSTM that does and any part that fails make it depend, whatever is undecided beside them.
    """
    if combine(longer) == REFUTED:
        return REFUTED
    if HOLDS in set(longer) and FAILS in {*longer, *why}:
        return DEPENDS
    return conjunction([combine(longer), combine(why)])


def _open(evidence: pd.DataFrame, states: pd.Series) -> str:
    """Return what would settle it: shorter or longer sequences where pairs are censored alike, or repetitions."""
    own = reference(evidence)
    alike = own.loc[~own["informative"] & (own["part"].map(states) == UNCLEAR), "part"]
    if len(alike):
        return f"Undecided: lengths beyond those tried would settle {text.some(alike)}."
    if RANKS not in set(own["kind"]):
        return f"Undecided: {MIN_RANKED} settings of one task, measured before training, would settle it."
    return to_settle(evidence, states, WHAT)


CLAIM = Claim(
    id="K3",
    who="comment",
    kind="comparison",
    statement="Therefore LSTMs catch more distant dependencies.",
    reading="On every task each LSTM, at each forget bias and as libraries start it, learns longer sequences than the "
    "tanh RNN with orthogonal init of the same width, seed and budget. And therefore: within a task the settings that "
    "keep more of the gradient before training learn longer, over all settings and in the pair of the LSTM at forget "
    "bias 0 and the tanh RNN. Learned is the longest of the lengths tried that a seed solved, each tried once the one "
    "before is solved.",
    prediction="depends: on the forget bias and the task, and the gradient before training ranks the settings only "
    "loosely",
    unit="octaves of length, LSTM over tanh RNN",
    rule=words_of_comparison(STEP, "octaves of the longest length solved, the LSTM's less the tanh RNN's")
    + " A part is a task and an LSTM. Solving nothing counts as one octave below the shortest length tried, and a run "
    "that solved the longest as that length. Of a pair that is censored alike, above or below, nothing is known: the "
    "interval and p hold whether such pairs are left out or count as equal, and a part with more than "
    f"{1 - MIN_INFORMATIVE:.0%} of them is undecided. The same: two one-sided tests within {STEP.value:g} octaves. "
    "Therefore, per task: the rank correlation over settings of what is left at the start of the shortest sequences "
    "before training with the longest length, over pairs of settings whose order is known "
    f"(twice Harrell's C, less one), against {IN_ORDER:g}, without chrono biases, which differ from length to length; "
    "and the octaves that the one gains of the LSTM at forget bias 0 and the tanh RNN that has more left, of pairs "
    "that differ twofold in it. All parts hold: supported; no LSTM longer: refuted; "
    "an LSTM longer and a part that fails: depends.",
    takeaway={
        "supported": "For long dependencies take an LSTM, and check the decay before training.",
        "refuted": "Neither the LSTM nor its slower decay bought longer dependencies here.",
        "depends": "Do not infer from the decay before training what will be learned: train on the lag you need.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
    margin=STEP,
)
