"""What is left of an LSTM's gradient by route, and what the other routes make of what the carousel keeps.

The routes are nested: through everything, with every gate frozen (the carousel, and from h through the candidate into
c), along the carousel alone. Norms do not add, so routes are compared as ratios, in decades.
"""

from collections.abc import Sequence
from functools import reduce

import numpy as np
import pandas as pd

from carousel.analysis.stats.crossing import LINE as SAME_LINE, crossings, pooled
from carousel.analysis.stats.left import left
from carousel.analysis.stats.slopes import in_window
from carousel.analysis.stats.tables import MODEL, PAIR, difference, joined, numbered, select
from carousel.analysis.text import as_number, bias_order, listed, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.evidence import wide
from carousel.claims.rules import LSTMS

LAG = 100  # steps: the lag that is asked about where none is said
BIASES = 3  # forget biases at least in a line along which a threshold is looked for, of models that differ
ALONG = ("grid", "bias", "reach", "width")  # ... in little else: those of these slices
PART = ["cell", "forget_bias", "init", "trained"]  # what one part of the evidence has in common
LINE = [name for name in SAME_LINE if name not in ("slice", "forget_bias")]
ROUTES = {"total": "full", "frozen": "candidate", "carousel": "cell"}  # column -> path: the routes, nested
PATHS = ROUTES | {"through": "gates"}  # and what passed at least one gate: the full gradient less the frozen


def of_lstms(decay: pd.DataFrame, *paths: str) -> pd.DataFrame:
    """Return the rows of the state's gradient on these paths in LSTMs of more than one unit."""
    found = select(decay, cell=LSTMS, quantity="loss_state", path=paths)
    return found[found["hidden"] > 1]


def by_route(rows: pd.DataFrame, lags: Sequence[int], routes: Sequence[str] = tuple(ROUTES)) -> pd.DataFrame:
    """Return one row per model and lag: what is left by each of ``routes``, a column each, in decades.

    rows: of loss_state, the full path among them. What is left is relative to the loss's gradient by the last state.
    """
    keys = [*MODEL, "lag"]
    each = (
        left(rows, "loss_state", PATHS[route], lags)[[*keys, "left"]].rename(columns={"left": route})
        for route in routes
    )
    return reduce(lambda first, second: joined(first, second, keys), each)


def full_and_carousel(gradients: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag of the window log10 of the norm: ``full``, ``along``, ``over`` and their ``cosine``.

    gradients: rows of loss_state on the paths full and cell. along: the part that went by the carousel alone; over:
    by how many decades the total exceeds it.
    """
    keys = [*MODEL, "lag"]
    seen = in_window(gradients)
    full = select(seen, path="full")[[*keys, "log10_norm"]].rename(columns={"log10_norm": "full"})
    along = select(seen, path="cell")[[*keys, "log10_norm", "cosine"]].rename(columns={"log10_norm": "along"})
    both = joined(full, along, keys)
    return both.assign(over=difference(both["full"], both["along"]))


def kept_by_the_carousel(gradients: pd.DataFrame, least: float, shortest: int = LAG) -> pd.DataFrame:
    """Return, of each model whose carousel keeps its part over the window, the row of its longest lag there.

    Its part at that lag, at least ``shortest``, is no less than ``least`` (log10) of that at the window's shortest lag.
    """
    both = full_and_carousel(gradients).sort_values("lag")
    groups = both.groupby(numbered(both, MODEL))
    change = both["along"] - groups["along"].transform("first")
    ends = both["lag"] == groups["lag"].transform("max")
    return both[ends & (change >= least) & (both["lag"] >= shortest)]


def over_the_carousel(kept: pd.DataFrame) -> pd.DataFrame:
    """Return the space searched: ``over`` of `kept_by_the_carousel` on every backend, with its ``lag`` and cosine."""
    beside = kept.groupby(PAIR, observed=True, dropna=False)[["lag", "along", "cosine"]].first().reset_index()
    return wide(kept, "over").merge(beside, "left", PAIR)


def on_all(space: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a `wide` table that every backend measured."""
    return space[space[list(BACKENDS)].notna().all(axis=1)]


def named_parts(evidence: pd.DataFrame) -> pd.Series:
    """Return the name of each row's part: cell, forget bias, init, and the task that it was trained on."""
    bias, trained = evidence["forget_bias"].astype(str), evidence["trained"].astype(str)
    bias = (", forget bias " + bias).where(bias != "none", "")
    trained = (", trained on " + trained).where(trained != "no", "")
    return evidence["cell"].astype(str) + bias + ", " + evidence["init"].astype(str) + " init" + trained


def by_bias(parts: pd.DataFrame) -> str:
    """Return the parts in words: by forget bias, with the inits; those after training are counted."""
    trained = parts["trained"].astype(str) != "no"
    start = parts[~trained]
    bias = start["forget_bias"].astype(str)
    words = [f"{name} ({listed(start.loc[bias == name, 'init'].astype(str))})" for name in bias_order(bias)]
    return "; ".join([*words, *([f"after training {trained.sum()}"] if trained.any() else [])])


def decades(value: float) -> str:
    """Return a ratio given in decades as a power of ten."""
    return f"10^{number(value)}"


def along_bias(table: pd.DataFrame, value: str, level: float) -> pd.DataFrame:
    """Return the forget bias from which ``value`` is above ``level``, a row per line of the reference, with its name.

    table: one row per model at one lag. A line has all but the forget bias in common, and at least BIASES of those.
    """
    own = select(table[table["backend"].astype(str) == REFERENCE], slice=ALONG)
    bias = own["forget_bias"].astype(str).map(as_number)
    own = own[bias.notna()]
    rows = own.assign(forget_bias=bias[own.index])
    keys = [name for name in LINE if name in rows]
    tried = rows["forget_bias"].groupby(numbered(rows, keys)).transform("nunique")
    found = crossings(rows[tried >= BIASES], "forget_bias", value, level)
    return found.assign(line=_names(found)).sort_values("line", ignore_index=True)


def _names(lines: pd.DataFrame) -> pd.Series:
    """Return the name of each line: its cell and init, and what else tells it apart."""
    name = lines["cell"].astype(str) + " " + lines["init"].astype(str)
    said = {"hidden": "{} units", "length": "T = {}", "drive": "drive {}"}
    for column, words in said.items():
        if lines[column].nunique() > 1:
            name = name + ", " + lines[column].astype(str).map(words.format)
    return name


def one_crossing(lines: pd.DataFrame) -> dict[str, float]:
    """Return the crossing that all lines agree on, as columns of evidence; NaN where they do not."""
    found = pooled(lines)
    at = (found.at, found.low, found.high) if found and np.isfinite(found.at) else (np.nan,) * 3
    return dict(zip(("at", "at_low", "at_high"), at, strict=True))


def in_words(lines: pd.DataFrame) -> str:
    """Return every line's crossing in words, with its interval."""
    return "; ".join(f"{_at(row)} ({row['line']})" for _, row in lines.iterrows())


def _at(row: pd.Series) -> str:
    if np.isfinite(row["at"]):
        return f"{number(row['at'])} [{number(row['low'])}, {number(row['high'])}]"
    return f"above {number(row['last'])}" if row["at"] > 0 else f"below {number(row['first'])}"
