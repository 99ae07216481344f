"""A3b: does it cost little to truncate, that is, to let no error back through the gates, and for the reason given?"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import select
from carousel.analysis.text import as_number, fixed, number
from carousel.claims.claim import Claim, Margin, Verdict
from carousel.claims.evidence import compare, reference, stack
from carousel.claims.half_left import BIAS
from carousel.claims.lines import along, boundary, evidence_of, tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.robustness import to_settle
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import (
    INCONCLUSIVE,
    MIN_REPETITIONS,
    UNCLEAR,
    combine,
    comparison,
)
from carousel.claims.truncated_gradient import (
    ACCURACY,
    COUNTED,
    DEFAULTS,
    GATES,
    LEARNING,
    MIN_SOLVED,
    STATE,
    TIME,
    least,
    retained,
    rows,
)
from carousel.claims.truncation_text import condition, costs

SHARE = Margin(
    1.0,
    "times what is little of each thing that is counted",
    "a tenth, one in twenty or a factor of two: see the rule",
)
OF = [
    "label",
    "of",
]  # what one part of the evidence has in common; of: the init, for the flow along the gates
USUAL = (*DEFAULTS.values(), "lstm/1")  # whose effect stands for the claim: the first that was measured


def measure(found: pd.DataFrame, factor: float) -> pd.DataFrame:
    """Return per thing counted, cell with forget bias, and backend what is kept, at ``factor`` times its margin.

    Of the cost, of the cells that were trained with both gradients, if any was, and of libraries' defaults; of the
    reason, of every forget bias. Beside it the crossings of the state's cosine.
    """
    if found.empty:
        return found
    trained = set(found.loc[found["measure"].isin(LEARNING), "label"]) or set(found["label"])
    shown = found[found["label"].isin({*trained, *DEFAULTS.values()}) | (found["measure"] == GATES)]
    shown = shown.assign(of=shown["init"].astype(str).where(shown["measure"] == GATES, ""))
    evidence = stack([_parts(select(shown, measure=name), name, factor) for name in COUNTED])
    cosines = select(found, cell="lstm", measure=STATE).dropna(axis=1, how="all")
    lines = (
        along(cosines, "forget_bias", "value", least(STATE, factor), fewest=2) if len(cosines) else cosines
    )
    lines = lines[lines["repetitions"] >= MIN_REPETITIONS] if len(lines) else lines
    said = f"the state's cosine reaches {fixed(least(STATE, factor), 2)}"
    return stack([evidence, evidence_of(lines, said).assign(measure=STATE, reached=least(STATE, factor))])


def _parts(table: pd.DataFrame, name: str, factor: float) -> pd.DataFrame:
    """Return the evidence on one thing counted: by cell and forget bias, schemes last, and of the flow by init."""
    table = table.dropna(axis=1, how="all")
    found = compare(table, "value", "", least(name, factor), "median" if name == GATES else "mean", OF)
    if found.empty:
        return found
    order = sorted(found.index, key=lambda row: _place(*found.loc[row, OF]))
    found = found.loc[order].rename(columns={"of": "init"}).reset_index(drop=True)
    known = table.groupby("label")["informative"].all() if name in (ACCURACY, TIME) else {}
    init = (", " + found["init"].map(names.init) + " init").where(found["init"] != "", "")
    return found.assign(
        measure=name, part=f"{name}, " + found["label"].map(names.label) + init, trained="no",
        forget_bias=found["label"].map(lambda label: label.partition("/")[2] or "none"),
        informative=[bool(known.get(label, True)) for label in found["label"]],
        **_longer(table, name).reindex(found["label"], fill_value=0).reset_index(drop=True),
    )  # fmt: skip


def _longer(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return by label in how many pairs training took longer and less long, truncated, if ``name`` is that time."""
    later = reference(table).set_index("label")["later"] if name == TIME else pd.Series(dtype=float)
    found = pd.DataFrame({"later": later > 0, "sooner": later < 0, "pairs": later.notna()})
    return found.groupby(level=0).sum()


def _place(label: str, init: str) -> tuple[str, float, str, str]:
    """Return the place of a part in the evidence: by cell and forget bias, schemes last, and init."""
    cell, _, bias = label.partition("/")
    value = as_number(bias)
    return cell, np.inf if np.isnan(value) else value, bias, init


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over the reason, all that is counted, and every cell and forget bias."""
    what = f"{MIN_REPETITIONS} repetitions of training with each gradient, of a task that one of them solves,"
    evidence, lines = tested_and_lines(evidence)
    if evidence.empty or not evidence["measure"].isin(LEARNING).any():
        return Verdict(
            INCONCLUSIVE, to_settle(evidence.head(0), pd.Series(dtype=object), what), _alt(evidence)
        )
    found = comparison(evidence)
    word = combine(found)
    open_ = to_settle(evidence, found, what) if UNCLEAR in set(found) else ""
    words = [open_] * (word == INCONCLUSIVE) + condition(evidence, found, lines)
    words += ["What is undecided does not change this verdict."] * (word != INCONCLUSIVE and bool(open_))
    at, shown = boundary(lines, BIAS), main(_shown(evidence))
    alt = " ".join(text for text in (_alt(evidence), costs(evidence, found), open_) if text)
    return Verdict(word, " ".join(words), alt, **shown, boundary=at, states=dict(found))


def _shown(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose effect stands for the claim: the state's cosine, of the first of USUAL that there is."""
    rows = evidence[evidence["measure"] == STATE]
    rows = rows if len(rows) else evidence[evidence["measure"] == evidence["measure"].iloc[0]]
    labels = [*(label for label in USUAL if label in set(rows["label"])), rows["label"].iloc[0]]
    return rows[rows["label"] == labels[0]]


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No truncated gradient was measured beside a full one."
    effect = evidence.groupby(["measure", "label"], sort=False)["effect"].first()
    words = [
        f"{names.label(label)} {number(effect[name, label])}" for name, label in effect.index if name == STATE
    ]
    late = [
        f"{names.label(label)} {number(-100 * effect[name, label])} %"
        for name, label in effect.index
        if name == TIME
    ]
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
    reading="Truncation is that of 1997, at the gates and at the cell's input, so that error goes back along the "
    "carousel alone; it is not truncation in time, after some number of steps, of which this says nothing. Two things "
    "are decided. The reason: before training, the gradient that passes a gate decays exponentially with the lag. The "
    "cost: truncated and full gradient have nearly the same direction and size, for the state by lag and for all "
    "weights over training, and networks trained with either reach the same accuracy, in the same time and by the same "
    "losses.",
    prediction="depends: on what is counted, and on the forget bias",
    unit=f"cosine of truncated and full gradient of the state ({USUAL[0]}; where it was not measured, "
    f"{names.label(USUAL[-1])})",
    rule=words_of_comparison(
        "the least that counts as a little cost",
        "what the truncated gradient keeps, mean over settings (of the flow along the gates, the median). A part is "
        "one thing counted, of one cell and forget bias (of the flow, one init, too). The least is "
        + "; ".join(each.words.format(number(least(name))) for name, each in COUNTED.items()),
    )
    + f" Accuracy and time are judged at lengths that either run solves in at least {MIN_SOLVED:.0%} of the pairs, and "
    "where there is none they stay undecided. All parts: supported; none: refuted; some: depends.",
    takeaway={
        "supported": "Truncation is a fair saving: gradients and learning stay as they were.",
        "refuted": "Truncation throws away what training needs: keep the full gradient.",
        "depends": "Whether the flow along the gates decays does not tell what truncation costs: what counts is how "
        "large it is beside that along the carousel. Truncate only where you have measured that training does not "
        "need it.",
    },
    models=retained,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=SHARE,
)
