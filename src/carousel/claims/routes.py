"""What is left of an LSTM's gradient by route, and what the other routes make of what the carousel keeps.

The routes are nested: through everything, with every gate frozen (the carousel, and from h through the candidate into
c), along the carousel alone. Norms do not add, so routes are compared as ratios, in decades.
"""

from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.left import left
from carousel.analysis.stats.slopes import in_window
from carousel.analysis.stats.tables import MODEL, PAIR, difference, joined, numbered, select
from carousel.analysis.text import as_number, bias_order, listed, number
from carousel.axes import BACKENDS
from carousel.claims.evidence import wide
from carousel.claims.half_left import CHRONO
from carousel.claims.lines import along
from carousel.claims.rules import LSTMS
from carousel.claims.settings_text import in_words

FEW = 3  # forget biases of which a number is said in words; the tables have all
LAG = 100  # steps: the lag that is asked about where none is said
ALONG = ("grid", "bias", "reach", "width")  # the slices with lines along the forget bias
PART = ["cell", "forget_bias", "init", "trained"]  # what one part of the evidence has in common
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
    trained = evidence["trained"].astype(str)
    trained = (", trained on " + trained.map(names.task)).where(trained != "no", "")
    return in_words(evidence) + ", " + evidence["init"].astype(str).map(names.init) + " init" + trained


def by_bias(parts: pd.DataFrame, every: pd.DataFrame) -> str:
    """Return the parts in words: by forget bias, with the inits where ``every`` part at that bias is not among them.

    Those after training are counted.
    """
    before, of = (rows[rows["trained"].astype(str) == "no"] for rows in (parts, every))
    inits, all_ = (_inits(rows) for rows in (before, of))
    whole = [name for name in bias_order(inits) if sorted(inits[name]) == sorted(all_[name])]
    words = [names.at_biases(whole)] if whole else []
    words += [_some(name, inits[name], all_[name]) for name in bias_order(inits) if name not in whole]
    after = len(parts) - len(before)
    return "; ".join([*words, *([f"after training {after}"] if after else [])])


def _inits(parts: pd.DataFrame) -> dict[str, list[str]]:
    """Return the inits of the parts at each forget bias."""
    groups = parts["init"].astype(str).groupby(parts["forget_bias"].astype(str))
    return {str(bias): list(own) for bias, own in groups}


def _some(bias: str, inits: list[str], every: list[str]) -> str:
    """Return a forget bias with its inits, or with those that are left out where they are fewer."""
    others = set(every) - set(inits)
    fewer = len(others) < len(set(inits))
    said = listed(sorted(names.init(init) for init in (others if fewer else inits)))
    return f"{names.at_biases([bias])} ({'not ' if fewer else ''}{said})"


def few(values: Iterable[str]) -> list[str]:
    """Return at most FEW of some forget biases, in order: the numbers, evenly, or all of them where they are few."""
    order = bias_order(map(str, values))
    numbers = [value for value in order if not np.isnan(as_number(value))]
    if len(order) <= FEW or not numbers:
        return order
    places = np.linspace(0, len(numbers) - 1, min(FEW, len(numbers))).round().astype(int)
    return [numbers[place] for place in places]


def decades(value: float) -> str:
    """Return a ratio given in decades as a power of ten."""
    return f"10^{number(value)}"


def along_bias(table: pd.DataFrame, value: str, level: float) -> pd.DataFrame:
    """Return the `lines` along the forget bias at which ``value`` rises above ``level``; table: at one lag."""
    return along(select(table, slice=ALONG), "forget_bias", value, level)


def few_and_drawn(values: Iterable[str]) -> list[str]:
    """Return `few` of some forget biases, and the scheme of chrono biases for the length where it is among them."""
    said = [str(value) for value in values]
    found = few(said)
    drawn = [CHRONO] if CHRONO in {*said} - {*found} else []
    return [*found, *drawn]
