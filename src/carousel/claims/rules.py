"""How each kind of claim is decided: the rules, their thresholds and the reasons for them.

A claim measures a table of evidence, one row per part and backend, and its rule turns that into a word. The backends
share their seeds: they are one sample, measured more than once. The reference backend's row decides a part, and that of
every other backend confirms it, over the repetitions that both measured.
"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import SETTING
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

    Decided where the whole interval lies on one side of minus the ``margin``, Holm's p is at most ALPHA, at least
    MIN_REPETITIONS repetitions were measured, and at most FEW of the settings say the opposite in every repetition;
    mixed where more than FEW do so on either side.
    """
    if evidence.empty:
        return pd.Series(dtype=object)
    sure = _sure(evidence)
    down = sure & (evidence["high"] < -evidence["margin"]) & (evidence["share"] <= FEW)
    level = sure & (evidence["low"] > -evidence["margin"]) & (evidence["reverse"] <= FEW)
    mixed = _enough(evidence) & (evidence["share"] > FEW) & (evidence["reverse"] > FEW)
    return _states(evidence, *((down, level) if decays else (level, down)), mixed)


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
    repetition at least; otherwise inconclusive. Slices and repetitions that one backend alone measures can break it and
    not support it.
    """
    if confirmed(space, breaks).any():
        return REFUTED
    checked = space[space[list(BACKENDS)].notna().all(axis=1)]
    runs = [name for name in ("slice", "repetition") if name in space]
    shared = space.merge(checked[runs].drop_duplicates(), on=runs) if runs else space
    whole = settings(checked) == settings(shared) >= MIN_SEARCHED
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
