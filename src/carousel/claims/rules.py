"""What a claim is, and how each kind of claim is decided.

A claim measures a table of evidence, one row per part and backend, and its rule turns that into a word. The rules and
their thresholds stand here, with their reasons; what is printed of a rule is made of them.

The backends share their seeds: they are one sample, measured more than once. The reference backend's row decides a
part, and that of every other backend confirms it, over the repetitions that both measured.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import SETTING
from carousel.analysis.stats.tested import holm
from carousel.analysis.text import number, with_interval
from carousel.axes import BACKENDS, REFERENCE

SUPPORTED, REFUTED, DEPENDS, INCONCLUSIVE = "supported", "refuted", "depends", "inconclusive"
HOLDS, FAILS, MIXED, UNCLEAR = "holds", "fails", "mixed", "unclear"
TOLERANCE = 1e-9  # relative: rounding leaves 1e-12 over 10,000 float64 factors, a wrong formula far more
ALPHA = 0.05  # after Holm's correction over the parts of one claim
ROUNDING = 1e-6  # effects of two backends that differ by less agree, however narrow the interval
FEW = 0.05  # share of settings that may reverse an order before it is said to depend on the setting
MIN_CHECKED = 100  # derivatives compared: fewer are an example, not a check
MIN_REPETITIONS = (
    10  # intervals then cover 93 to 95 % of what rates are distributed like: tests/claims/test_coverage
)
MIN_SEARCHED = 20  # settings: fewer are no search
LONG = 100  # steps: a factor of 2 in 100 steps is not seen on shorter sequences
LAG = 100  # steps: what is left is asked at this lag
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


class Margin(NamedTuple):
    """What counts as a difference: below it, things are the same."""

    value: float
    unit: str
    why: str

    @property
    def words(self) -> str:
        """The margin with its reason, in words."""
        return f"{number(self.value)} {self.unit}: {self.why}"


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
    n: int = 0  # models, each counted once
    by_backend: Mapping[str, float] = field(
        default_factory=dict
    )  # the effect, over the repetitions that all measured
    boundary: Boundary | None = None
    states: Mapping[str, str] = field(default_factory=dict)  # of the parts


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
    measure: Callable[..., pd.DataFrame] = field(
        repr=False
    )  # of the tables, and of the margin where there is one
    decide: Callable[[pd.DataFrame], Verdict] = field(repr=False)
    rows: Callable[[Tables], pd.DataFrame] = field(repr=False)  # the measured rows that it rests on
    margin: Margin | None = None

    def evidence(self, tables: Tables, factor: float = 1.0) -> pd.DataFrame:
        """Return the evidence at ``factor`` times the margin, p corrected over the claim's parts."""
        margin = () if self.margin is None else (factor * self.margin.value,)
        return corrected(self.measure(tables, *margin))


def corrected(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the evidence with ``p_holm``: p, corrected over the reference's parts of this one claim that have one."""
    if "p" not in evidence:
        return evidence
    own = evidence[(evidence["backend"].astype(str) == REFERENCE) & evidence["p"].notna()]
    adjusted = dict(zip(own["part"], holm(own["p"].to_numpy(float)), strict=True))
    return evidence.assign(p_holm=evidence["part"].map(adjusted).astype(float))


def identity(evidence: pd.DataFrame, tolerance: float = TOLERANCE, least: int = MIN_CHECKED) -> pd.Series:
    """Return the state of each part: the largest relative ``error`` is within tolerance on every backend.

    Undecided where fewer than ``least`` values (column ``checked``) were compared.
    """
    if evidence.empty:
        return pd.Series(dtype=object)
    enough = evidence["checked"] >= least
    holds, fails = (
        _on_every_backend(evidence, enough & side)
        for side in (evidence["error"] <= tolerance, evidence["error"] > tolerance)
    )
    return pd.Series(np.select([holds, fails], [HOLDS, FAILS], UNCLEAR), index=holds.index)


def trend(evidence: pd.DataFrame, decays: bool) -> pd.Series:
    """Return the state of each part for the claim that rates ``decay`` (or that they do not).

    Decided where the whole interval lies on one side of minus the ``margin``, Holm's p is at most ALPHA, and at least
    MIN_REPETITIONS repetitions were measured.
    """
    if evidence.empty:
        return pd.Series(dtype=object)
    sure = _sure(evidence)
    down = sure & (evidence["high"] < -evidence["margin"])
    level = sure & (evidence["low"] > -evidence["margin"])
    return _states(evidence, down, level) if decays else _states(evidence, level, down)


def comparison(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part for the claim that the paired effect exceeds its ``margin``.

    Holds (fails) where the interval lies above (below) the margin, Holm's p is at most ALPHA and at most FEW
    of the settings say the opposite in every repetition; mixed where more than FEW do so on either side.
    """
    if evidence.empty:
        return pd.Series(dtype=object)
    sure = _sure(evidence) & evidence["informative"]
    up = sure & (evidence["low"] > evidence["margin"]) & (evidence["reverse"] <= FEW)
    down = sure & (evidence["high"] < evidence["margin"]) & (evidence["share"] <= FEW)
    mixed = (_enough(evidence) & evidence["informative"]
             & (evidence["share"] > FEW) & (evidence["reverse"] > FEW))  # fmt: skip
    return _states(evidence, up, down, mixed)


def equivalence(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part for the claim that there is no difference: ``effect`` is within its ``margin``.

    Holds where the interval lies between minus and plus the margin, fails where it lies outside, with Holm's p at most
    ALPHA; p is that of two one-sided tests, or outside the margins that of the nearer one (`evidence.within`).
    """
    if evidence.empty:
        return pd.Series(dtype=object)
    sure, margin = _sure(evidence), evidence["margin"]
    inside = sure & (evidence["low"] >= -margin) & (evidence["high"] <= margin)
    return _states(evidence, inside, sure & ((evidence["low"] > margin) | (evidence["high"] < -margin)))


def universal(space: pd.DataFrame, breaks: pd.DataFrame) -> str:
    """Return the word for "always": refuted by one row of ``space`` that ``breaks`` it on every backend.

    Supported if no backend breaks it and at least MIN_SEARCHED settings were searched, each on every backend in one
    repetition at least; otherwise inconclusive.
    """
    if confirmed(space, breaks).any():
        return REFUTED
    checked = space[space[list(BACKENDS)].notna().all(axis=1)]
    whole = settings(checked) == settings(space) >= MIN_SEARCHED
    return SUPPORTED if whole and not breaks.any(axis=None) else INCONCLUSIVE


def confirmed(space: pd.DataFrame, breaks: pd.DataFrame) -> pd.Series:
    """Return the rows in which every backend breaks the rule."""
    return breaks[list(BACKENDS)].all(axis=1) & space[list(BACKENDS)].notna().all(axis=1)


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


def _enough(evidence: pd.DataFrame) -> pd.Series:
    return evidence["repetitions"] >= MIN_REPETITIONS


def _sure(evidence: pd.DataFrame) -> pd.Series:
    return _enough(evidence) & (evidence["p_holm"] <= ALPHA)


def _states(
    evidence: pd.DataFrame, holds: pd.Series, fails: pd.Series, mixed: pd.Series | None = None
) -> pd.Series:
    """Return the state of each part: the reference's, undecided where another backend does not confirm it."""
    flags = [mixed if mixed is not None else holds & False, holds, fails]
    state = pd.Series(np.select(flags, [MIXED, HOLDS, FAILS], UNCLEAR), index=evidence.index)
    own = evidence["backend"].astype(str) == REFERENCE
    parts = list(dict.fromkeys(evidence["part"]))
    states = state[own].set_axis(evidence["part"][own]).reindex(parts, fill_value=UNCLEAR)
    return states.where(agreed(evidence).reindex(parts, fill_value=False), UNCLEAR)


def agreed(evidence: pd.DataFrame) -> pd.Series:
    """Return per part whether every backend confirms the reference.

    Their effects over the repetitions that all measured (``shared``) differ by no more than half the width of the
    reference's interval, the sampling error, or than ROUNDING.
    """
    shared = evidence.assign(backend=evidence["backend"].astype(str)).pivot(
        index="part", columns="backend", values="shared"
    )
    shared = shared.reindex(columns=list(BACKENDS)).astype(float)
    own = evidence[evidence["backend"].astype(str) == REFERENCE].set_index("part")
    half = ((own["high"] - own["low"]) / 2).reindex(shared.index).fillna(0.0).clip(lower=ROUNDING)
    reference = shared[REFERENCE]
    off = shared.sub(reference, axis=0).abs().mask(shared.eq(reference, axis=0), 0.0)
    return off.le(half, axis=0).all(axis=1)


def _on_every_backend(evidence: pd.DataFrame, flag: pd.Series) -> pd.Series:
    """Return per part whether every row is flagged and every backend is there."""
    rows = pd.DataFrame({"part": evidence["part"], "backend": evidence["backend"].astype(str), "flag": flag})
    groups = rows.groupby("part", sort=False)
    everywhere = groups["backend"].agg(lambda names: set(BACKENDS) <= set(names))
    return groups["flag"].all() & everywhere


def settings(space: pd.DataFrame) -> int:
    """Return the number of distinct settings (repetitions of one setting count once)."""
    return len(space[[name for name in SETTING if name in space]].drop_duplicates())


def words_of_identity(what: str) -> str:
    """Return the rule of an `identity` in words: of ``what``, measured and by its formula."""
    return (
        f"Largest relative error of {what} at most {number(TOLERANCE)} on every backend in float64, over at least "
        f"{MIN_CHECKED} values on each; a larger one refutes it."
    )


def words_of_comparison(margin: Margin | str, what: str) -> str:
    """Return the rule of a `comparison` in words: of ``what``, paired by seed; the margin may be in words."""
    margin = margin if isinstance(margin, str) else f"{number(margin.value)} {margin.unit}"
    return (
        f"Paired by seed, {what}. A part holds (fails) where the 95 % interval over repetitions lies above (below) "
        f"{margin}, Holm's p over the parts of the claim is at most {ALPHA:g} and at most "
        f"{FEW:.0%} of its settings say the opposite in every repetition; it depends on the setting where more than "
        f"{FEW:.0%} do so on either side. {CONFIRMED}"
    )


def words_of_trend(margin: Margin, what: str) -> str:
    """Return the rule of a `trend` in words: of the rate of ``what``."""
    return (
        f"{what} decays (does not) where the 95 % interval of its rate over repetitions lies below (above) a loss of "
        f"{number(margin.value)} {margin.unit} and Holm's p over the parts of the claim is at most {ALPHA:g}. "
        f"{CONFIRMED}"
    )


def words_of_equivalence(margin: Margin, what: str) -> str:
    """Return the rule of an `equivalence` in words: of ``what``."""
    return (
        f"{what} is the same (is not) where the 95 % interval over repetitions lies within (outside) "
        f"{number(margin.value)} {margin.unit} either way and Holm's p over the parts of the claim, of two one-sided "
        f"tests, is at most {ALPHA:g}. {CONFIRMED}"
    )


def words_of_universal(what: str) -> str:
    """Return the rule of a `universal` in words: ``what`` refutes it."""
    return (
        f"{what}, confirmed on every backend, refutes it; none among at least {MIN_SEARCHED} settings supports it, "
        "each measured on every backend in one repetition at least."
    )


CONFIRMED = (
    f"At least {MIN_REPETITIONS} repetitions on the reference backend; each other one confirms it over those that both "
    "measured, to within half the width of the interval."
)
