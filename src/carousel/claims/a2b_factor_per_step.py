"""A2b: step by step, does the vanilla RNN's gradient decay with w phi'(.) and the LSTM's with sigma(.)?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL, difference, grouped, joined, select
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS
from carousel.claims.evidence import LN10, missing, planned, stack
from carousel.claims.rules import (
    CHAIN,
    FAILS,
    INCONCLUSIVE,
    MIN_CHECKED,
    REFUTED,
    SCALAR,
    TOLERANCE,
    WITH_FORGET_GATE,
    Claim,
    Tables,
    Verdict,
    combine,
    identity,
)

MEASURED = ("loss_h", "loss_state", "cec", "factor_product")
CHAINS = ("rnn_sigmoid", "rnn_tanh", "rnn_relu", "rnn_linear")
KEYS = [*MODEL, "lag"]
WIDELY = 0.1  # relative, per step: the full gradient of an LSTM counts as off the formula beyond it


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives and the formula's factors of the scalar chains and of LSTMs with a forget gate."""
    decay = select(
        tables.decay, dtype="float64", trained="no", quantity=MEASURED, path=("full", "cell", "formula")
    )
    lstms = planned(select(decay, cell=WITH_FORGET_GATE))
    return stack([select(decay, cell=CHAINS, slice=(SCALAR, CHAIN)), lstms[lstms["quantity"] != "loss_h"]])


def factors(found: pd.DataFrame) -> pd.DataFrame:
    """Return per model and interval of lags log10 of the mean factor per step: ``measured`` and ``formula``, ``steps``.

    Both are differences between a recorded lag and the one before, ``steps`` apart, over their number, so that
    no error hides in the sum over the lags before.
    """
    return stack([_steps(*_chains(found)), _steps(*_lstms(found))])


def _chains(found: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the scalar chains' derivative, and n log10 |w| + the sum of log10 phi'."""
    chains = select(found, cell=CHAINS)
    slopes = select(chains, quantity="factor_product")
    weights = np.log10(np.abs(slopes["gain"])) * slopes["lag"]
    return select(chains, quantity="loss_h", path="full"), slopes.assign(
        log10_norm=slopes["log10_norm"] + weights
    )


def _lstms(found: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the LSTMs' derivative along the cell, and the sum of log10 sigma."""
    cells = select(found, cell=WITH_FORGET_GATE)
    return select(cells, quantity="cec"), select(cells, quantity="factor_product")


def _steps(measured: pd.DataFrame, formula: pd.DataFrame) -> pd.DataFrame:
    both = joined(measured[[*KEYS, "log10_norm"]], formula[[*KEYS, "log10_norm"]], KEYS, "_formula")
    if both.empty:
        return both
    codes, _ = grouped(both, MODEL)
    order = np.lexsort([both["lag"], codes])
    both, codes = both.iloc[order].reset_index(drop=True), codes[order]
    follows = np.concatenate([[False], codes[1:] == codes[:-1]])
    now, last = both[follows], both[np.append(follows[1:], False)]
    steps = now["lag"].to_numpy() - last["lag"].to_numpy()
    return now.assign(
        steps=steps,
        measured=difference(now["log10_norm"], last["log10_norm"]) / steps,
        formula=difference(now["log10_norm_formula"], last["log10_norm_formula"]) / steps,
    )


def whole(found: pd.DataFrame) -> pd.DataFrame:
    """Return per model and interval of lags of an LSTM the factor of its full gradient beside the formula's."""
    cells = select(found, cell=WITH_FORGET_GATE)
    return _steps(select(cells, quantity="loss_state", path="full"), select(cells, quantity="factor_product"))


def measure(tables: Tables) -> pd.DataFrame:
    """Return per cell and backend the largest ``error`` of the factor per step, how many were ``checked``; ``single``:
    those between neighbouring lags. ``off``: how far the full gradient's factor is, in the median."""
    found = rows(tables)
    table = factors(found) if len(found) else found
    if table.empty:
        return table
    table = table.assign(error=errors(table), part=table["cell"].astype(str), single=table["steps"] == 1)
    groups = table.groupby(["part", "backend"], observed=True)
    evidence = groups.agg(
        error=("error", "max"), checked=("error", "size"), single=("single", "sum")
    ).reset_index()
    full = whole(found)
    apart = (
        full.assign(off=errors(full)).groupby("backend", observed=True)["off"].median() if len(full) else {}
    )
    return evidence.assign(off=[apart.get(str(name), np.nan) for name in evidence["backend"]])


def errors(table: pd.DataFrame) -> np.ndarray:
    """Return the relative error of the factor per step; equal zeros agree."""
    return LN10 * np.abs(difference(table["measured"], table["formula"]))


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the largest error as its effect: both halves, the chains and the LSTMs, are needed."""
    states = identity(evidence)
    chains, lstms = (states[[part in cells for part in states.index]] for cells in (CHAINS, WITH_FORGET_GATE))
    word = REFUTED if FAILS in set(states) else combine(states)
    if word == INCONCLUSIVE or chains.empty or lstms.empty:
        what = f"{MIN_CHECKED} factors of each scalar chain and each LSTM in float64 on every backend"
        return Verdict(INCONCLUSIVE, missing(evidence, what), _alt(evidence))
    error = evidence.groupby(evidence["backend"].astype(str))["error"].max()
    sides = {name: float(error[name]) for name in BACKENDS}
    worst, least, n = float(error.max()), float(error.min()), int(evidence["checked"].sum())
    return Verdict(
        word, _condition(evidence, states), _alt(evidence), worst, least, worst, n, by_backend=sides
    )


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    failed = listed(list(states.index[states == FAILS]))
    words = f"Not the factor of {failed}." if failed else f"In {listed(list(states.index))}."
    off = evidence["off"].max()
    if np.isnan(off):
        return words
    verb = "is off by" if off > WIDELY else "is within"
    full = f"the full gradient's factor {verb} {100 * off:.2g} % per step in the median"
    return f"{words} For the LSTM this is the path along the cell: {full}."


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No factor per step was measured."
    worst = evidence.groupby("part", sort=False)["error"].max()
    words = [f"{part} {number(worst[part])}" for part in worst.index]
    return (
        "Factor per step measured against the formula's, dots on the diagonal; below, the relative error against lag "
        f"on a log axis, largest by cell: {', '.join(words)}; tolerance {number(TOLERANCE)}."
    )


CLAIM = Claim(
    id="A2b",
    who="answer 2",
    kind="identity",
    statement="The vanilla RNN decays with w sigma'(.), the LSTM with sigma(.).",
    reading="From one recorded lag to the next the derivative shrinks by the factor w phi'(w h + b) a step in the "
    "scalar chain, for each of four activations phi, and by sigma(forget gate's net input) along the cell of the LSTM.",
    prediction="supported: along the cell; the LSTM's full gradient has other paths besides",
    unit="relative error of the factor per step, largest",
    rule="Largest relative error of the factor per step at most 1e-9 on every backend in float64, for every chain and "
    "every LSTM with a forget gate; where recorded lags are several steps apart, of the geometric mean over them.",
    takeaway={
        "supported": "Two numbers to look at: the weight times the slope in an RNN, the forget gate in an LSTM.",
        "refuted": "The factor per step is not the one in the formula: find out which is wrong.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
