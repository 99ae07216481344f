"""M3: does a perfect carousel protect the total?"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import VANISHED
from carousel.analysis.stats.tables import PAIR, difference, select
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import searched, unsearched
from carousel.claims.numbers import witnessed
from carousel.claims.routes import (
    LAG,
    decades,
    kept_by_the_carousel,
    of_lstms,
    on_all,
    over_the_carousel,
)
from carousel.claims.rule_text import words_of_universal
from carousel.claims.rules import INCONCLUSIVE, MIN_SEARCHED, REFUTED, confirmed, settings, universal
from carousel.claims.settings_text import named

PERFECT = float(
    np.log10(0.99)
)  # of the carousel's part over the window: a hundredth is what nobody would call a loss
EQUAL = 0.005  # of two sizes: in three digits they are one
BESIDE = {"frozen": "candidate", "through": "gates"}  # column -> path


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient of every LSTM, before and after training, in full and by the routes in it."""
    return of_lstms(tables.decay, "full", "candidate", "gates", "cell")


def measure(tables: Tables) -> pd.DataFrame:
    """Return the space searched: on every backend, by how many decades the total exceeds its perfect carousel's part.

    Beside it, of the reference: ``frozen`` and ``through``, by how many decades the gradient with frozen gates, and
    what passed a gate, exceed that part.
    """
    found = rows(tables)
    space = over_the_carousel(kept_by_the_carousel(found, PERFECT))
    for column, path in BESIDE.items():
        beside = select(found, path=path, backend=REFERENCE)[[*PAIR, "lag", "log10_norm"]]
        space = space.merge(beside.rename(columns={"log10_norm": column}), "left", [*PAIR, "lag"])
        space[column] = difference(space[column], space["along"])
    return space


def breaks(space: pd.DataFrame) -> pd.DataFrame:
    """Return per backend whether the total is less than a tenth of the carousel's part."""
    return space[list(BACKENDS)] < VANISHED


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the worst case, and what cancels the carousel's part there."""
    found, word = confirmed(evidence, breaks(evidence)), universal(evidence, breaks(evidence))
    if word == INCONCLUSIVE:
        what = f"a search of at least {MIN_SEARCHED} LSTMs with a perfect carousel over {LAG} steps on every backend"
        return Verdict(word, unsearched(evidence, what), _alt(evidence), n=settings(evidence))
    row = _worst(evidence[found] if word == REFUTED else on_all(evidence))
    seen = "Worst case" if word == REFUTED else "Least total"
    condition = (
        f"{seen}: {named(row)}, {row['hidden']:.0f} units, lag {row['lag']:.0f}: the total is "
        f"{decades(row[REFERENCE])} of the carousel's part. "
        f"{_what(row) if word == REFUTED else ''}{_counts(evidence, found)}"
    )
    return Verdict(word, condition, _alt(evidence), n=settings(evidence), **witnessed(row))


def _worst(space: pd.DataFrame) -> pd.Series:
    return space.loc[space[list(BACKENDS)].max(axis=1).idxmin()]


def _what(row: pd.Series) -> str:
    """Return in words what cancels the carousel's part in one model: the rest, and the route that it takes."""
    ratio = 10.0 ** row[REFERENCE]
    rest = float(np.sqrt(1 + ratio * (ratio - 2 * row["cosine"])))
    angle = (ratio * row["cosine"] - 1) / rest
    size = "as large as" if abs(rest - 1) < EQUAL else f"{number(rest)} times as large as"
    return (
        f"What went by the other routes is {size} that part and points the other way (cosine {number(angle)}). "
        f"{_route(row)}"
    )


def _route(row: pd.Series) -> str:
    """Return in words whether the route through h and the candidate cancels the carousel, or the gates' slopes do."""
    if not np.isfinite(row["frozen"]):
        return ""
    left = f"With every gate frozen {decades(row['frozen'])} of it is left"
    if row["frozen"] < VANISHED:
        return f"{left}: the route from h through the candidate cancels it, without the gates' slopes. "
    return f"{left}: the gates' slopes cancel it. "


def _counts(space: pd.DataFrame, found: pd.Series) -> str:
    """Return in words how often it is so, of the models that every backend measured: by length, and by which route.

    Those that a search for the smallest total tried are counted apart.
    """
    checked = on_all(space)
    own, tried = found[checked.index], searched(checked)
    sides = [
        _by_length(own[side], checked[side], said) for side, said in ((~tried, ""), (tried, " in the search"))
    ]
    broken = checked[own].dropna(subset=["frozen"])
    alone = (broken["frozen"] < VANISHED).sum()
    said = f" In {alone} of these {len(broken)} it is so with every gate frozen, too." if len(broken) else ""
    cells = listed(names.cell(str(cell)) for cell in checked["cell"].unique())
    return f"The total is below a tenth of it in {'; '.join(filter(None, sides))}; all of them {cells}.{said}"


def _by_length(found: pd.Series, space: pd.DataFrame, said: str) -> str:
    by = found.groupby(space["length"]).agg(["sum", "size"])
    return listed(f"{row['sum']} of {row['size']} models at T = {T}{said}" for T, row in by.iterrows())


def _alt(space: pd.DataFrame) -> str:
    if on_all(space).empty:
        return "No perfect carousel was measured beside the total."
    row = _worst(on_all(space))
    return (
        "Above, the gradient's norm against lag in the LSTM of 1997 over the longest sequences, in total, with the "
        "gates "
        "frozen and along the carousel; below, a dot per model with a perfect carousel, the total over the carousel's "
        "part "
        f"against the lag. The least is {decades(row[REFERENCE])}."
    )


CLAIM = Claim(
    id="M3",
    who="this study",
    kind="universal",
    statement="A perfect carousel protects the total.",
    reading="The carousel is perfect where it keeps all but a hundredth of its part over the window, as in the cell of "
    "1997. In no such LSTM is the total less than a tenth of that part at the window's longest lag, of at least "
    f"{LAG} steps.",
    prediction="refuted: the routes through h can send back the carousel's part with the other sign",
    unit="decades, total over the carousel's part (the worst case)",
    rule=words_of_universal(
        "One model, of any slice or of a search for the smallest total, whose carousel's part loses no more than a "
        f"hundredth from the shortest to the longest lag of the window (at least {LAG} steps) and whose total is "
        "there less "
        "than a tenth of it"
    ),
    takeaway={
        "supported": "Where the carousel keeps what it carries, the total cannot vanish.",
        "refuted": "A carousel that loses nothing does not keep the gradient: over long distances the other routes can "
        "cancel it. Measure the total.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
