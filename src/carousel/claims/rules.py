"""What a claim is, and how each kind of claim is decided.

A claim measures a table of evidence, one row per part and backend, and its rule turns that into a word. The
rules and their thresholds stand here, with their reasons; they were written before the verdicts were computed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.stats.slopes import STEADY
from carousel.analysis.stats.tables import SETTING
from carousel.analysis.text import with_interval
from carousel.axes import BACKENDS

SUPPORTED, REFUTED, DEPENDS, INCONCLUSIVE = "supported", "refuted", "depends", "inconclusive"
HOLDS, FAILS, MIXED, UNCLEAR = "holds", "fails", "mixed", "unclear"
TOLERANCE = 1e-9  # relative: rounding leaves 1e-12 over 10,000 float64 factors, a wrong formula far more
ALPHA = 0.05  # after Holm's correction over the family of comparisons
FEW = 0.05  # share of settings that may reverse an order before it is said to depend on the setting
MIN_CHECKED = 100  # derivatives compared: fewer are an example, not a check
MIN_REPETITIONS = (
    10  # intervals then cover 93 to 95 % of what rates are distributed like: tests/claims/test_coverage
)
MIN_SEARCHED = 20  # settings: fewer are no search
LONG = 100  # steps: a factor of 2 in 100 steps is not seen on shorter sequences
LSTMS = ("lstm97", "lstm", "lstm_peephole")
WITH_FORGET_GATE = ("lstm", "lstm_peephole")  # those with a forget gate
VANILLA = ("rnn_sigmoid", "rnn_tanh", "rnn_relu")
SCALAR = "scalar"  # the slice with the one-dimensional chains of the Q&A, and
CHAIN = "chain"  # the one with a few of them over very many steps


class Tables(NamedTuple):
    """What was measured: the gathered tables."""

    decay: pd.DataFrame
    accuracy: pd.DataFrame
    dynamics: pd.DataFrame


class Boundary(NamedTuple):
    """The value of one factor of the sweep at which a verdict changes, with its 95 % interval."""

    factor: str  # a column, in words
    at: float
    low: float
    high: float

    @property
    def value(self) -> str:
        """The value with its interval, in words."""
        return with_interval(self.at, self.low, self.high)


@dataclass(frozen=True)
class Verdict:
    """What the data say of one claim; the numbers of a part that was not measured are NaN."""

    verdict: str
    condition: str
    alt: str
    effect: float = np.nan
    low: float = np.nan
    high: float = np.nan
    n: int = 0
    by_backend: Mapping[str, float] = field(default_factory=dict)  # the effect
    boundary: Boundary | None = None


@dataclass(frozen=True)
class Claim:
    """One claim of the Q&A: what it says, how we read it, what decides it."""

    id: str
    who: str
    kind: str
    statement: str  # in the project's own words
    reading: str  # the formal statement that is decided
    prediction: str  # of the verdict, before data
    unit: str  # of effect, low, high and the effect by backend
    rule: str
    takeaway: Mapping[str, str] = field(repr=False)  # verdict -> a sentence for a practitioner
    measure: Callable[[Tables], pd.DataFrame] = field(repr=False)
    decide: Callable[[pd.DataFrame], Verdict] = field(repr=False)
    rows: Callable[[Tables], pd.DataFrame] = field(repr=False)  # the measured rows that it rests on


def identity(evidence: pd.DataFrame, tolerance: float = TOLERANCE, least: int = MIN_CHECKED) -> pd.Series:
    """Return the state of each part: the largest relative ``error`` is within tolerance on every backend.

    Undecided where fewer than ``least`` values (column ``checked``) were compared.
    """
    if evidence.empty:
        return pd.Series(dtype=object)
    enough = evidence["checked"] >= least
    return _states(
        evidence, enough & (evidence["error"] <= tolerance), enough & (evidence["error"] > tolerance)
    )


def trend(evidence: pd.DataFrame, decays: bool) -> pd.Series:
    """Return the state of each part for the claim that rates ``decay`` (or that they do not).

    Decided where the whole interval lies on one side of -STEADY, with MIN_REPETITIONS repetitions.
    """
    if evidence.empty:
        return pd.Series(dtype=object)
    enough = evidence["repetitions"] >= MIN_REPETITIONS
    down, level = enough & (evidence["high"] < -STEADY), enough & (evidence["low"] > -STEADY)
    return _states(evidence, down, level) if decays else _states(evidence, level, down)


def comparison(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part for the claim that the paired effect exceeds its ``margin``.

    Holds (fails) where the interval lies above (below) the margin, Holm's p is at most ALPHA and at most FEW
    of the settings say the opposite in every repetition; mixed where more than FEW do so on either side.
    """
    if evidence.empty:
        return pd.Series(dtype=object)
    enough = (evidence["repetitions"] >= MIN_REPETITIONS) & evidence["informative"]
    sure = enough & (evidence["p"] <= ALPHA)
    evidence = evidence.assign(
        up=sure & (evidence["low"] > evidence["margin"]) & (evidence["reverse"] <= FEW),
        down=sure & (evidence["high"] < evidence["margin"]) & (evidence["share"] <= FEW),
        mixed=enough & (evidence["share"] > FEW) & (evidence["reverse"] > FEW),
    )
    states = _states(evidence, evidence["up"], evidence["down"])
    mixed = _on_every_backend(evidence, evidence["mixed"])
    return states.mask(mixed.reindex(states.index, fill_value=False), MIXED)


def universal(space: pd.DataFrame, breaks: pd.DataFrame) -> str:
    """Return the word for "always": refuted by one row of ``space`` that ``breaks`` it on every backend.

    Supported if none does and at least MIN_SEARCHED settings were searched on both; otherwise inconclusive.
    """
    if confirmed(space, breaks).any():
        return REFUTED
    searched = space[list(BACKENDS)].notna().all(axis=1)
    enough = settings(space[searched]) >= MIN_SEARCHED
    return SUPPORTED if enough and searched.all() and not one_sided(breaks).any() else INCONCLUSIVE


def confirmed(space: pd.DataFrame, breaks: pd.DataFrame) -> pd.Series:
    """Return the rows in which every backend breaks the rule."""
    return breaks[list(BACKENDS)].all(axis=1) & space[list(BACKENDS)].notna().all(axis=1)


def one_sided(breaks: pd.DataFrame) -> pd.Series:
    """Return the rows in which some backends break the rule and others do not."""
    return breaks[list(BACKENDS)].nunique(axis=1) > 1


def combine(states: pd.Series) -> str:
    """Return the word for all parts together: undecided parts never add up to a verdict."""
    seen = set(states)
    if MIXED in seen or {HOLDS, FAILS} <= seen:
        return DEPENDS
    if not seen or UNCLEAR in seen:
        return INCONCLUSIVE
    return SUPPORTED if HOLDS in seen else REFUTED


def conjunction(words: list[str]) -> str:
    """Return the word for "this and that": one refuted half refutes it, one that depends makes it depend."""
    return next((word for word in (REFUTED, DEPENDS, INCONCLUSIVE) if word in words), SUPPORTED)


def _states(evidence: pd.DataFrame, holds: pd.Series, fails: pd.Series) -> pd.Series:
    yes, no = _on_every_backend(evidence, holds), _on_every_backend(evidence, fails)
    return pd.Series(np.select([yes, no], [HOLDS, FAILS], UNCLEAR), index=yes.index)


def _on_every_backend(evidence: pd.DataFrame, flag: pd.Series) -> pd.Series:
    """Return per part whether every row is flagged and every backend is there."""
    rows = pd.DataFrame({"part": evidence["part"], "backend": evidence["backend"].astype(str), "flag": flag})
    groups = rows.groupby("part", sort=False)
    everywhere = groups["backend"].agg(lambda names: set(BACKENDS) <= set(names))
    return groups["flag"].all() & everywhere


def settings(space: pd.DataFrame) -> int:
    """Return the number of distinct settings (repetitions of one setting count once)."""
    return len(space[[name for name in SETTING if name in space]].drop_duplicates())
