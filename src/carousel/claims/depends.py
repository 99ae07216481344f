"""What a verdict depends on, in a word: the factor of its threshold, or the one that tells its parts apart."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from carousel.claims.claim import Verdict
from carousel.claims.evidence import reference
from carousel.claims.rules import DEPENDS, FAILS, HOLDS

FACTORS: Mapping[str, str] = {  # a column of the evidence, and the factor in a word
    "forget_bias": "forget bias", "gain": "gain", "init": "init", "task": "task", "trained": "training",
    "measure": "what is counted", "place": "place", "cell": "cell", "label": "cell",
}  # fmt: skip


def depends_on(evidence: pd.DataFrame, found: Verdict) -> str:
    """Return the factor in a word; nothing unless the verdict depends, or where its parts differ in none."""
    if found.verdict != DEPENDS:
        return ""
    if found.boundary:
        return found.boundary.factor.partition(" (")[0]
    return separating(evidence, found.states)


def separating(evidence: pd.DataFrame, states: Mapping[str, str]) -> str:
    """Return the factor that says most of which parts hold and which fail, by `information`; nothing for none."""
    if not {"part", "backend"} <= {*evidence}:
        return ""
    own = reference(evidence).drop_duplicates("part")
    state = own["part"].map(dict(states))
    own, state = own[state.isin([HOLDS, FAILS])], state[state.isin([HOLDS, FAILS])]
    varied = [name for name in FACTORS if name in own and own[name].nunique() > 1]
    varied = [name for name in varied if name != "label" or "forget_bias" not in own]  # both in one
    if state.nunique() < 2 or not varied:
        return ""
    return FACTORS[max(varied, key=lambda name: information(state, own[name].astype(str)))]


def information(states: pd.Series, values: pd.Series) -> float:
    """Return the mutual information of states and values in nats, less what it is on the mean by chance.

    By chance: over all orders of the values (Vinh et al. 2010, JMLR 11, 2837). A factor of many values, each of a few
    parts, would else tell them apart whatever they are.
    """
    table = pd.crosstab(states, values).to_numpy()
    rows, columns, n = table.sum(axis=1), table.sum(axis=0), table.sum()
    pairs = [(row, column) for row in rows for column in columns]
    seen = sum(map(_shared, table.ravel(), *zip(*pairs, strict=True), [n] * len(pairs)))
    return float(seen - sum(_by_chance(row, column, n) for row, column in pairs))


def _shared(both: np.ndarray, row: int, column: int, n: int) -> np.ndarray:
    """Return what one state and one value that ``both`` of ``n`` parts have add to the mutual information."""
    return np.where(both > 0, both / n * np.log(np.maximum(both, 1) * n / (row * column)), 0.0)


def _by_chance(row: int, column: int, n: int) -> float:
    """Return the mean of `_shared` where the parts that have both are drawn."""
    from scipy.stats import hypergeom

    both = np.arange(min(row, column) + 1)
    return float(hypergeom.pmf(both, n, row, column) @ _shared(both, row, column, n))
