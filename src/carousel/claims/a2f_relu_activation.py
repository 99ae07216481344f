"""A2f: what if the activation is ReLU? Its gradient beside those of the saturating units, by gain and init."""

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import select
from carousel.analysis.text import number
from carousel.axes import STANDARD_DRIVE
from carousel.claims import rnn_trends
from carousel.claims.claim import Claim, Verdict
from carousel.claims.evidence import reference
from carousel.claims.lines import tested_and_lines
from carousel.claims.numbers import main
from carousel.claims.rnn_trends import (
    LOST,
    headline,
    said_of_libraries,
    said_of_lines,
    said_of_moves,
    threshold,
    words_of_vanishing,
)
from carousel.claims.robustness import to_settle
from carousel.claims.rules import (
    DEPENDS,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LAG,
    MIN_REPETITIONS,
    MIXED,
    UNCLEAR,
    combine,
    trend,
)

RELU = "rnn_relu"
SATURATING = ("rnn_tanh", "rnn_sigmoid")
OTHERS = {"Not": HOLDS, "Depends on the length": MIXED, "Undecided": UNCLEAR}  # those that do not vanish
BESIDE = "beside"  # the state of their parts: measured, and no part of the verdict


def measure(models: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return what is left at LAG with its interval per cell, init, gain and width, and by library's default."""
    return rnn_trends.measure(models, "left", margin)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return ReLU's verdict over its inits and gains, with the gain at which each activation stops vanishing."""
    evidence, lines = tested_and_lines(evidence)
    own = select(evidence, cell=RELU) if len(evidence) else evidence
    states = trend(own, decays=False)
    word = combine(states)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of ReLU networks on every backend, with clear rates,"
        return Verdict(word, to_settle(own, states, what), _alt(evidence), states=dict(states))
    at = threshold(lines, RELU) if word == DEPENDS else None
    said = [
        _counts(states),
        said_of_libraries(own),
        said_of_lines(evidence, lines, "vanishing ends"),
        said_of_moves(own),
    ]
    beside = dict.fromkeys(evidence["part"], BESIDE)
    known = {"states": beside | dict(states), **main(headline(own, RELU))}
    return Verdict(word, " ".join(text for text in said if text), _alt(evidence), boundary=at, **known)


def _counts(states: pd.Series) -> str:
    """Return in words how many settings vanish, and which do not or are undecided."""
    found = {verb: _named(states.index[states == state]) for verb, state in OTHERS.items()}
    more = [f"{verb}: {parts}." for verb, parts in found.items() if parts]
    fails = f"Of {len(states)} settings of the ReLU RNN {(states == FAILS).sum()} vanish at lag {LAG}."
    return " ".join([fails, *more])


def _named(parts: pd.Index) -> str:
    return "; ".join(part.removeprefix(f"{names.cell(RELU)}, ") for part in parts)


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No vanilla RNN was measured."
    own = select(reference(evidence), library="")
    own = own if len(own) else evidence
    init = "orthogonal" if (own["init"] == "orthogonal").any() else str(own["init"].iloc[0])
    rows = select(own, init=init)
    cells = [cell for cell in (RELU, *SATURATING) if (rows["cell"] == cell).any()]
    words = [_ends(names.cell(cell), select(rows, cell=cell)) for cell in cells]
    return (
        "Three panels of gradient norm against lag, one per activation, a line per gain of the recurrent weights. "
        f"Decades left at lag {LAG}, {init} init: {'; '.join(words)}."
    )


def _ends(cell: str, rows: pd.DataFrame) -> str:
    left = rows.groupby("gain")["effect"].mean()
    low, high = (f"{number(left[gain])} at gain {gain:g}" for gain in (left.index.min(), left.index.max()))
    return f"{cell} {low} to {high}"


CLAIM = Claim(
    id="A2f",
    who="comment",
    kind="trend",
    statement="With ReLU as activation the gradient does not vanish.",
    reading="The comment asks what happens with ReLU; a question has no verdict, so the hope behind it is decided: of "
    f"a ReLU RNN's gradient at least a tenth is left at lag {LAG}, whatever the init, the gain of its recurrent "
    f"weights and its width, at drive {STANDARD_DRIVE}, and as libraries start it.",
    prediction="depends: on the gain; units that are off cost ReLU about as much as weights of 1/sqrt(2)",
    unit=f"decades left at lag {LAG} (PyTorch's default ReLU RNN)",
    rule=words_of_vanishing(LOST)
    + " None of the ReLU RNN's vanishes: supported; all: refuted; some: depends. Tanh and "
    "sigmoid are measured beside it and share Holm's correction.",
    takeaway={
        "supported": "With ReLU a vanilla RNN keeps its gradient.",
        "refuted": "ReLU does not save a vanilla RNN's gradient.",
        "depends": "ReLU trades saturation for units that are off. With random or orthogonal weights the gradient is "
        "kept near one gain alone: below it vanishes, above nothing holds it. Identity weights keep it as long as "
        "units stay on.",
    },
    models=rnn_trends.models,
    measure=measure,
    decide=decide,
    rows=rnn_trends.rows,
    margin=LOST,
)
