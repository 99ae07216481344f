"""A1f: is there a path whose gradient does not vanish, and does it keep the whole from vanishing?"""

import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import KEPT, VANISHED, left
from carousel.analysis.stats.tables import MODEL, select
from carousel.analysis.text import bias_order, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import planned, stack, unsearched, wide
from carousel.claims.numbers import witnessed
from carousel.claims.routes import LAG, decades, kept_by_the_carousel, of_lstms, on_all, over_the_carousel
from carousel.claims.rules import (
    INCONCLUSIVE,
    MIN_SEARCHED,
    REFUTED,
    SUPPORTED,
    WITH_FORGET_GATE,
    confirmed,
    conjunction,
    settings,
    universal,
)
from carousel.claims.settings_text import named

PATH, WHOLE = "path", "whole"  # the two halves of the claim


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient of every LSTM, in full and by the cell alone, before and after training."""
    return of_lstms(tables.decay, "full", "cell")


def measure(tables: Tables) -> pd.DataFrame:
    """Return the space of both halves, on every backend.

    path: what is left along the carousel after LAG steps of what was in it. whole: of the models whose carousel keeps
    at least half of its part over the window, by how many decades the total exceeds it at the longest lag.
    """
    found = rows(tables)
    path = wide(carousels(tables.decay), "left").assign(half=PATH)
    return stack([path, over_the_carousel(kept_by_the_carousel(found, KEPT)).assign(half=WHOLE)])


def carousels(decay: pd.DataFrame) -> pd.DataFrame:
    """Return per LSTM with a forget gate what is ``left`` along its carousel at LAG, geometric mean over units."""
    found = select(decay, cell=WITH_FORGET_GATE, quantity="cec", path="cell")
    found = planned(found[(found["length"] >= LAG) & (found["hidden"] > 1)])
    return left(found, "cec", "cell", (LAG,))[[*MODEL, "left"]]


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict of both halves: one carousel that keeps, and no total that vanishes beside one that does."""
    if evidence.empty:
        empty = evidence.reindex(columns=list(BACKENDS))
        return Verdict(INCONCLUSIVE, unsearched(empty, _what()), "No carousel was measured beside the total.")
    first, second = (evidence[evidence["half"] == half] for half in (PATH, WHOLE))
    keeps, cancelled = confirmed(first, first[list(BACKENDS)] >= KEPT), confirmed(second, breaks(second))
    path = _exists(first, keeps)
    word = conjunction([path, universal(second, breaks(second))])
    alt = _alt(second)
    if word == INCONCLUSIVE:
        return Verdict(word, unsearched(evidence, _what()), alt, n=settings(second))
    row = _worst(second[cancelled] if word == REFUTED and cancelled.any() else on_all(second))
    condition = f"{_path_words(first, keeps, path)} {_whole_words(second, cancelled, row)}"
    return Verdict(word, condition, alt, n=settings(second), **witnessed(row))


def _what() -> str:
    return f"a search of at least {MIN_SEARCHED} LSTMs at T of at least {LAG} on every backend"


def _exists(first: pd.DataFrame, keeps: pd.Series) -> str:
    """Return the word for the first half: one witness supports it, none among MIN_SEARCHED settings refutes it."""
    if keeps.any():
        return SUPPORTED
    return REFUTED if settings(on_all(first)) >= MIN_SEARCHED else INCONCLUSIVE


def breaks(second: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the total is less than a tenth of the carousel's part."""
    return second[list(BACKENDS)] < VANISHED


def _worst(second: pd.DataFrame) -> pd.Series:
    return second.loc[second[list(BACKENDS)].max(axis=1).idxmin()]


def _path_words(first: pd.DataFrame, keeps: pd.Series, path: str) -> str:
    """Return in words the first half: a witness, and the forget biases at which all, some or no carousels keep."""
    if path == INCONCLUSIVE:
        return "First half undecided."
    if path == REFUTED:
        return f"First half refuted: no carousel keeps a half over {LAG} steps."
    row = first.loc[first[keeps][REFERENCE].idxmax()]
    share = keeps[on_all(first).index].groupby(on_all(first)["forget_bias"].astype(str)).mean()
    said = {"all": share[share == 1], "some": share[(share > 0) & (share < 1)], "none": share[share == 0]}
    words = [f"{who} {names.at_biases(bias_order(which.index))}" for who, which in said.items() if len(which)]
    return (
        f"First half supported: {named(row)} keeps {number(10 ** row[REFERENCE])} over {LAG} steps. Of the models at "
        "least "
        f"a half is kept by {'; '.join(words)}."
    )


def _whole_words(second: pd.DataFrame, cancelled: pd.Series, row: pd.Series) -> str:
    """Return in words the second half: the worst case, and how many totals are below a tenth and a half of the part."""
    checked = on_all(second)
    word = "refuted" if cancelled.any() else "supported"
    return (
        f"Second half {word}: in {named(row)}, {row['hidden']:.0f} units, the total at lag {row['lag']:.0f} is "
        f"{decades(row[REFERENCE])} of what the carousel alone keeps. {_counts(checked, cancelled)}"
    )


def _counts(checked: pd.DataFrame, cancelled: pd.Series) -> str:
    """Return in words how often the carousel keeps a half and the total does not: in planned models, and in a search.

    A search looks for such models, so that its share is no share of networks.
    """
    found = pd.DataFrame(
        {"tenth": cancelled[checked.index], "half": (checked[list(BACKENDS)] < KEPT).all(axis=1)}
    )
    by_plan = planned(checked).index
    own, tried = found.loc[by_plan], found.drop(by_plan)
    words = (
        f"Of {len(own)} models, each on every backend, whose carousel keeps a half the total is below a tenth of that "
        f"part in {own['tenth'].sum()} and below half of it in {own['half'].sum()}"
    )
    if tried.empty:
        return f"{words}."
    return (
        f"{words}; a search for such models found it below a tenth in {tried['tenth'].sum()} of {len(tried)}."
    )


def _alt(second: pd.DataFrame) -> str:
    checked = on_all(second)
    if checked.empty:
        return "The total was not measured beside the carousel's part."
    table = checked.groupby(checked["cell"].astype(str))[REFERENCE].agg(["median", "min"])
    words = [
        f"{names.cell(str(cell))} {number(row['median'])} (least {number(row['min'])})"
        for cell, row in table.iterrows()
    ]
    return (
        "Gradient norm against lag by path, in the 1997 cell, with a forget gate and with chrono biases. Decades by "
        "which the total exceeds the part of a carousel that keeps at least a half, median at the longest lag: "
        f"{'; '.join(words)}."
    )


CLAIM = Claim(
    id="A1f",
    who="answer 1 and a comment on it",
    kind="existence, universal",
    statement="There is at least one path along which the gradient does not vanish, and that keeps the whole gradient "
    "from vanishing whatever the other paths do.",
    reading=f"In some LSTM with a forget gate at least a half is left along the carousel after {LAG} steps of what "
    "was in "
    "it (existence). And in no LSTM whose carousel keeps at least half of its part over the window is the total, at "
    "the "
    "window's longest lag, less than a tenth of that part: whatever the other paths do is a statement about all "
    "networks "
    "(universal).",
    prediction="refuted: the carousel keeps its gradient at high forget biases, but other paths may cancel it",
    unit="decades, total over the carousel's part at the longest lag (the worst case)",
    rule="First half: one LSTM with a forget gate whose derivative along the cell (geometric mean over units) is at "
    f"least one half after {LAG} steps supports it. None in at least {MIN_SEARCHED} settings refutes it. Second half: "
    f"the carousel of a model keeps at least half of its part over the window (at least {LAG} steps), and its total is "
    "at the longest lag there less than a tenth of that part. One such model refutes it; none among at least "
    f"{MIN_SEARCHED} settings supports it. Every backend has to confirm a witness. One refuted half refutes the claim.",
    takeaway={
        "supported": "The carousel alone is enough: the other paths of an LSTM do not undo it.",
        "refuted": "Do not count on one good path: it has to be held open, and even then the others can cancel it.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
