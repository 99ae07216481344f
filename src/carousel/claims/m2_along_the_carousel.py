"""M2: below a forget bias of about four, does what survives run along the carousel?"""

from collections.abc import Sequence

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import difference, repeated
from carousel.analysis.text import as_number, bias_order, listed, number
from carousel.axes import LAGS
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import compare, planned, reference, stack
from carousel.claims.half_left import BIAS
from carousel.claims.lines import FEWEST, boundary, evidence_of, in_words, tested_and_lines
from carousel.claims.numbers import main, shown
from carousel.claims.robustness import to_settle
from carousel.claims.routes import (
    LAG,
    PART,
    ROUTES,
    along_bias,
    by_bias,
    by_route,
    decades,
    few,
    named_parts,
    of_lstms,
)
from carousel.claims.rule_text import words_of_comparison
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    MIXED,
    UNCLEAR,
    combine,
    comparison,
)

TENTH = Margin(
    1.0, f"decades at lag {LAG}", "a part of less than a tenth is not the way that the gradient takes"
)
ABOUT = 4.0  # the statement's forget bias
USUAL = "1"  # the forget bias at which other lags are shown: the usual one
DEFAULT = [
    f"LSTM at forget bias {bias}, PyTorch's default init" for bias in ("0", "1")
]  # whose effect is shown
SIDES = {
    HOLDS: "Less than a tenth of what is left ran along the carousel",
    FAILS: "A tenth or more",
    UNCLEAR: "Undecided",
    MIXED: "Depends on the setting",
}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient of LSTMs at the start, by route."""
    found = planned(of_lstms(tables.decay, "full", "candidate", "cell"))
    found = found[(found["cell"] == "lstm") & (found["length"] >= LAG)]
    return found[(found["gain"] == 1) & (found["bias"] == 0) & (found["trained"] == "no")]


def beside(tables: Tables) -> pd.DataFrame:
    """Return per model what is left by route at LAG, and by how many decades the carousel's part is ``short`` of it."""
    return _beside(rows(tables), (LAG,))


def _beside(gradients: pd.DataFrame, lags: Sequence[int]) -> pd.DataFrame:
    both = by_route(gradients, lags)
    both = both.assign(short=difference(both["total"], both["carousel"]), along=lambda table: -table["short"])
    return both.dropna(subset=["short"])


def models(tables: Tables) -> pd.DataFrame:
    """Return what is `beside` of the settings that were measured often enough; in words, at other lags: ``by_lag``."""
    found = rows(tables)
    return repeated(_beside(found, (LAG,)), MIN_REPETITIONS).assign(by_lag=_by_lag(found))


def measure(each: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return per cell and forget bias how far the carousel's part is short of what is left, against the margin.

    ``deciding``: the forget biases below ABOUT. Beside them, in words, where along the forget bias each line changes.
    """
    if each.empty:
        return each
    evidence = compare(each, "short", "", margin, by=PART)
    parts = each[[*PART, "by_lag"]].drop_duplicates().astype(str)
    left = reference(each).groupby(PART, observed=True)[[*ROUTES]].median().reset_index()
    evidence = parts.merge(evidence, on=PART).merge(left.astype(dict.fromkeys(PART, str)), "left", PART)
    evidence = evidence.assign(deciding=evidence["forget_bias"].map(as_number) < ABOUT)
    lines = along_bias(each, "along", -margin)
    return stack(
        [evidence.assign(part=named_parts(evidence)), evidence_of(lines, "a tenth along the carousel")]
    )


def _by_lag(gradients: pd.DataFrame) -> str:
    """Return in words by how many decades the carousel's part is short at each lag, the median of models at USUAL."""
    usual = gradients[gradients["forget_bias"].astype(str) == USUAL]
    if usual.empty:
        return ""
    short = reference(_beside(usual, LAGS)).groupby("lag")["short"].median()
    if short.empty:
        return ""
    words = [f"{number(short[lag])} at lag {lag}" for lag in (short.index.min(), short.index.max())]
    return f"At forget bias {USUAL} the carousel's part is short, in decades, by {listed(words)}."


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over the forget biases below ABOUT, and what holds at the others."""
    evidence, lines = tested_and_lines(evidence)
    alt = _alt(evidence)
    deciding = evidence[evidence["deciding"]] if len(evidence) else evidence
    states = comparison(evidence)
    own = states[states.index.isin(deciding["part"])] if len(deciding) else states.head(0)
    word = combine(own)
    if word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of LSTMs at T of at least {LAG} on every backend"
        return Verdict(word, to_settle(deciding, own, what), alt, states=dict(states))
    return Verdict(
        word, _condition(reference(evidence), states, lines), alt, **main(shown(deciding, *DEFAULT)),
        boundary=boundary(lines, BIAS), states=dict(states),
    )  # fmt: skip


def _condition(own: pd.DataFrame, states: pd.Series, lines: pd.DataFrame) -> str:
    """Return in words at which forget biases the carousel is the way, what each route leaves, and the thresholds."""
    below = own[own["deciding"].astype(bool)]
    found = {said: below[below["part"].map(states) == state] for state, said in SIDES.items()}
    words = [f"{said} {by_bias(rows_, below)}." for said, rows_ in found.items() if len(rows_)]
    at = in_words(lines, BIAS)
    where = [f"A tenth or more begins {at}."] if at else []
    said = [*words, _others(own[~own["deciding"].astype(bool)], states), *where, own["by_lag"].iloc[0]]
    return " ".join(text for text in said if text)


def _others(own: pd.DataFrame, states: pd.Series) -> str:
    """Return in words in how many parts that do not decide the carousel is a way."""
    way = (own["part"].map(states) == FAILS).sum()
    return (
        f"From {ABOUT:g} on, and with drawn biases: a tenth or more in {way} of {len(own)} parts."
        if len(own)
        else ""
    )


def _routes_words(own: pd.DataFrame) -> str:
    """Return in words what is left by route in the LSTM: through everything, with frozen gates, along the carousel."""
    table = own.assign(bias=own["forget_bias"].astype(str)).groupby("bias")[list(ROUTES)].median()
    each = [
        " / ".join(decades(value) for value in table.loc[bias]) + f" {names.at_biases([bias])}"
        for bias in few(table.index)
    ]
    return f"Left in total / with every gate frozen / along the carousel alone: {'; '.join(each)}."


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No LSTM was measured along its carousel beside the total."
    own = reference(evidence)
    effect = own["effect"].groupby(own["forget_bias"].astype(str)).median()
    words = [f"{number(effect[bias])} {names.at_biases([bias])}" for bias in bias_order(effect.index)]
    return (
        f"What is left at lag {LAG} against the forget bias, by route: in total, with every gate frozen, along the "
        "carousel alone, with the threshold of each line. Decades by which the carousel's part is short of the total, "
        f"medians: {', '.join(words)}. {_routes_words(own)}"
    )


CLAIM = Claim(
    id="M2",
    who="this study",
    kind="comparison",
    statement=f"Below a forget bias of about {ABOUT:g} the gradient that survives {LAG} steps does not run along the "
    "carousel.",
    reading=f"In an LSTM with a forget bias below {ABOUT:g} the part that went along the carousel alone is less than "
    f"a tenth of what is left of the state's gradient at lag {LAG}, at the start. The rest went through h; how much "
    "is left with every gate frozen, so through h and the candidate alone, is shown beside it.",
    prediction="supported: the forget gate is paid at every step on the carousel and not on the way through h",
    unit=f"decades at lag {LAG}, total over the carousel's part (LSTM at forget bias 0, PyTorch's init; where it "
    "was not measured, another)",
    rule=words_of_comparison(
        TENTH,
        f"what is left at lag {LAG} over what the carousel alone leaves",
    )
    + " One part by forget bias and init at gain 1; each repetition is the median over widths, lengths and drives."
    f" The parts with a forget bias below {ABOUT:g} decide; the others are shown. Thresholds are those of single "
    f"lines of {FEWEST} forget biases or more, linear in decades between two of them.",
    takeaway={
        "supported": "At the usual forget biases the carousel is not what carries the gradient: recurrent weights and "
        "candidate do. It is the carousel from a bias of about 4 on, and with chrono biases.",
        "refuted": "What survives runs along the carousel: set the forget bias.",
        "depends": "Which way the gradient takes depends on the forget bias, the lag and the init: compare the total "
        "with the product of the forget gates before trusting either.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=TENTH,
)
