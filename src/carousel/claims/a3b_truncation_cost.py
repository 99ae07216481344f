"""A3b: does it cost little to truncate, that is, to let no error back through the gates?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import select
from carousel.analysis.text import listed, number
from carousel.claims.evidence import boundary, compare, main, missing, stack, threshold, with_crossing
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    MIXED,
    UNCLEAR,
    Claim,
    Tables,
    Verdict,
    combine,
    comparison,
)
from carousel.claims.truncated_gradient import (
    ACCURACY,
    LEARNING,
    LENGTH,
    SIZE,
    STATE,
    TIME,
    WEIGHTS,
    retained,
    rows,
)

MARGINS = {  # "little", by what is counted: the least that the truncated gradient may keep
    STATE: 0.9,  # cosine: a step along the truncated gradient makes nine tenths of the progress of one along the full
    SIZE: -float(np.log10(2)),  # decades: within a factor of two, which a learning rate would make up for
    WEIGHTS: 0.9,
    LENGTH: -float(np.log10(2)),
    ACCURACY: -0.05,  # one answer in twenty
    TIME: -0.1,  # of the steps of training: about the grid on which runs are evaluated
}
MIN_SOLVED = 0.2  # of the pairs: where neither run ever solves the task, both gradients are equally useless


def measure(tables: Tables) -> pd.DataFrame:
    """Return per measure, cell with forget bias, and backend what is retained, against its margin; and its crossing.

    Of the cells that were trained with both gradients, if any was.
    """
    found = retained(tables)
    if found.empty:
        return found
    trained = set(found.loc[found["measure"].isin(LEARNING), "label"])
    shown = found[found["label"].isin(trained)] if trained else found
    groups = shown.groupby(["measure", "label"], sort=False)
    evidence = stack([_part(group, str(name), str(label)) for (name, label), group in groups])
    states_of = select(found, cell="lstm", measure=STATE).dropna(axis=1, how="all")
    return (
        with_crossing(evidence, states_of, "forget_bias", MARGINS[STATE], "value")
        if len(states_of)
        else evidence
    )


def _part(group: pd.DataFrame, name: str, label: str) -> pd.DataFrame:
    part = compare(group.dropna(axis=1, how="all"), "value", f"{name}, {label}", MARGINS[name], how="mean")
    solved = (
        group["solved_by_either"].astype(float).groupby(group["backend"].astype(str)).mean()
        if "solved_by_either" in group
        else {}
    )
    informative = [name not in LEARNING or solved[str(backend)] >= MIN_SOLVED for backend in part["backend"]]
    score = group["later"] if name == TIME else pd.Series(dtype=float)
    pairs = {"later": int((score > 0).sum()), "sooner": int((score < 0).sum()), "pairs": len(score)}
    return part.assign(measure=name, label=label, informative=informative, **pairs)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over all that is counted and every cell and forget bias that was trained with both."""
    what = f"{MIN_REPETITIONS} repetitions of training with each gradient, of a task that one of them solves,"
    if evidence.empty or not evidence["measure"].isin(LEARNING).any():
        return Verdict(INCONCLUSIVE, missing(evidence, what), _alt(evidence))
    found = comparison(evidence)
    word = combine(found)
    words, shown = _condition(evidence, found), main(_shown(evidence))
    if word == INCONCLUSIVE:
        return Verdict(word, f"{missing(evidence, what)} {words}", _alt(evidence), **shown)
    at = boundary(evidence, "forget bias") if "at" in evidence else None
    return Verdict(word, words + _threshold(evidence), _alt(evidence), **shown, boundary=at)


def _condition(evidence: pd.DataFrame, found: pd.Series) -> str:
    """Return in words for each measure at which labels the cost is little, and at which not."""
    parts = evidence.drop_duplicates("part").set_index("part")
    verbs = {HOLDS: "little", FAILS: "not little", MIXED: "depends on the setting", UNCLEAR: "undecided"}
    words = []
    for name, group in parts.groupby("measure", sort=False):
        labels = {verb: group.index[found[group.index] == state] for state, verb in verbs.items()}
        sides = [
            f"{verb} for {listed(list(group.loc[at, 'label']))}" for verb, at in labels.items() if len(at)
        ]
        words.append(f"{str(name).capitalize()}: {'; '.join(sides)}.")
    later, sooner, pairs = parts[["later", "sooner", "pairs"]].sum()
    words += (
        [f"Truncated, a run took longer in {later} of {pairs} pairs and less long in {sooner}."]
        if pairs
        else []
    )
    return " ".join(words)


def _threshold(evidence: pd.DataFrame) -> str:
    """Return in words the forget bias from which the state's gradient of the lstm keeps its direction."""
    if "at" not in evidence:
        return ""
    if np.isposinf(evidence["at"]).all():
        return f" No forget bias up to {number(evidence['last'].max())} brings the lstm's cosine to {MARGINS[STATE]:g}."
    where = threshold(evidence, "forget bias")
    return f" The lstm's cosine comes to {MARGINS[STATE]:g} {where}." if where else ""


def _shown(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose effect stands for the claim: the state's cosine, of the lstm at bias 1 if there is one."""
    rows = evidence[evidence["measure"] == STATE]
    rows = rows if len(rows) else evidence[evidence["measure"] == evidence["measure"].iloc[0]]
    usual = rows[rows["label"] == "lstm/1"]
    return usual if len(usual) else rows[rows["label"] == rows["label"].iloc[0]]


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No truncated gradient was measured beside a full one."
    effect = evidence.groupby(["measure", "label"], sort=False)["effect"].mean()
    words = [f"{label} {number(effect[name, label])}" for name, label in effect.index if name == STATE]
    late = [f"{label} {number(-100 * effect[name, label])} %" for name, label in effect.index if name == TIME]
    cosines, times = (", ".join(found) or "not measured" for found in (words, late))
    return (
        "Cosine of the truncated with the full gradient against lag and over training, and what training with it "
        f"costs. Cosine of the state's gradient, mean over lags: {cosines}. Time lost, share of the training: {times}."
    )


CLAIM = Claim(
    id="A3b",
    who="answer 3",
    kind="comparison",
    statement="Truncating the gradient costs little, since error flowing along the gates decays anyway.",
    reading="Truncated and full gradient have nearly the same direction and size, for the state by lag and for all "
    "weights over training, and networks trained with either reach the same accuracy in the same time.",
    prediction="depends: on what is counted, and on the forget bias",
    unit="cosine of truncated and full gradient of the state (lstm, forget bias 1)",
    rule="Paired by seed; little is a cosine of at least 0.9, norms within a factor of two, an accuracy at most 0.05 "
    "lower, and at most a tenth of the training longer to the first solved evaluation (unsolved: longer than all of "
    "it; a cell of which neither run solves the task in four of five pairs is not judged on learning). A part holds as "
    f"in K2 against its margin. All: supported; none: refuted; some: depends. At least {MIN_REPETITIONS} repetitions.",
    takeaway={
        "supported": "Truncation is a fair saving: gradients and learning stay as they were.",
        "refuted": "Truncation throws away what training needs: keep the full gradient.",
        "depends": "What flows back through the gates is no small rest: truncate only where you have measured that "
        "training does not need it.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
