"""The essay's answer on the slopes of the gates: what is left with every gate frozen, and which way it points."""

from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import as_number, count, counted, fixed, listed
from carousel.axes import LAGS
from carousel.claims.m1_gates_frozen import SAME, TRAINED_LAG
from carousel.claims.rules import LAG, UNCLEAR
from carousel.report.page.facts import directions, evidence, gaps, said, states
from carousel.report.page.glossary import term


def slopes(data: SimpleNamespace) -> str:
    """What passes the gates' slopes."""
    found = states(data, "M1")
    same, other, every = found.get("holds", 0), found.get("fails", 0), sum(found.values())
    return (
        "**Hardly, over a hundred steps.** Hold every gate at its value, so that nothing passes a slope. Then as much "
        f"is left after {LAG} steps ({TRAINED_LAG} in trained networks), within a factor of two, in {same} of {every} "
        f"parts. A part is a cell, forget bias, init and training, with all its {term('setting', 'settings')}. Of the "
        f"others {other} differ{_adding(data)}{_open(data)}."
        f"{said(_farther, data)}{said(_direction, data)} At low forget biases what is left comes back through the "
        "output, and is multiplied by output gate, tanh’s slope and weights at every step. At high ones it is held in "
        "the cell, and is multiplied by the first two once, on entering it."
    )


def _direction(data: SimpleNamespace) -> str:
    """That a gradient of the same norm need not be the same gradient: its cosine with the whole one, at two lags."""
    lags = (LAG, next(lag for lag in LAGS if lag > LAG))
    each = [(lag, *directions(data, lag)) for lag in lags]
    found = [f"{fixed(low, 2)} to {fixed(high, 2)} at lag {lag}" for lag, low, high in each]
    return (
        " As much is not the same: the cosine of the two gradients is, by init and fixed forget bias of the LSTM, "
        f"{listed(found)}. What passes the gates turns the gradient, even where it is as long without."
    )


def _farther(data: SimpleNamespace) -> str:
    """In how many settings of the LSTM frozen gates leave as much ten times farther back."""
    far = 10 * LAG
    gap = gaps(data, far)
    apart = gap[gap.abs() > SAME.value]
    ways = f"freezing leaves more in {(apart > 0).sum()} and less in {(apart < 0).sum()}"
    others = f" Of the others, {_where(apart, gap)}{ways}."
    return (
        f" After {count(far)} steps it is so in {len(gap) - len(apart)} of {counted(len(gap), 'setting')} of the LSTM."
        f"{others if len(apart) else ''}"
    )


def _where(apart: pd.Series, gap: pd.Series) -> str:
    """Between which fixed forget biases all settings lie that are `apart`, and how many of all are there."""
    biases, own = (
        each.index.get_level_values("forget_bias").astype(str).map(as_number) for each in (gap, apart)
    )
    if not len(own) or own.isna().any():
        return ""
    between = ((biases >= own.min()) & (biases <= own.max())).sum()
    return f"all at fixed biases from {own.min():g} to {own.max():g} (where {between} were tried), "


def _open(data: SimpleNamespace) -> str:
    """How many parts of M1 are undecided, where any is, and how many of these are of trained networks."""
    rows = evidence(data, "M1")
    parts = rows.loc[rows["state"].astype(str) == UNCLEAR, "part"]
    after = parts.str.contains("trained on").sum()
    return f"; {len(parts)} are undecided, {after} of them after training" if len(parts) else ""


def _adding(data: SimpleNamespace) -> str:
    """Which way the parts of M1 that differ do, where all go one way."""
    rows = evidence(data, "M1")
    effects = rows.loc[rows["state"].astype(str) == "fails", "effect"]
    if len(effects) and (effects < 0).all():
        return ", and there freezing leaves less: the slopes help"
    return ", and there freezing leaves more: the slopes cost" if len(effects) and (effects > 0).all() else ""
