"""A2b: step by step, does the vanilla RNN's gradient decay with w phi'(.), and the LSTM's cell with sigma(.)?"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.tables import MODEL, difference, grouped, joined, select
from carousel.analysis.text import listed, number
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import LN10, missing, planned, reference, stack
from carousel.claims.numbers import main_error
from carousel.claims.rule_text import words_of_identity
from carousel.claims.rules import (
    CHAIN,
    FAILS,
    INCONCLUSIVE,
    MIN_CHECKED,
    REFUTED,
    SCALAR,
    TOLERANCE,
    WITH_FORGET_GATE,
    combine,
    identity,
)

OF_LSTMS = ("loss_state", "cec", "factor_product")  # quantities
CHAINS = ("rnn_sigmoid", "rnn_tanh", "rnn_relu", "rnn_linear")
KEYS = [*MODEL, "lag"]


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivatives and the formula's factors of the scalar chains and of LSTMs with a forget gate."""
    usual = {"dtype": "float64", "trained": "no", "path": ("full", "cell", "formula")}
    chains = select(tables.decay, cell=CHAINS, slice=(SCALAR, CHAIN), quantity=("loss_h", *OF_LSTMS), **usual)
    return stack([chains, planned(select(tables.decay, cell=WITH_FORGET_GATE, quantity=OF_LSTMS, **usual))])


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
    """Return per cell and backend the largest ``error`` of the factor per step, how many were ``checked``, n models.

    ``single``: factors between neighbouring lags. ``off``, ``least``, ``most``: how far the LSTMs' full gradient is
    from the formula, relative, per step, in the median: of all, and at the forget bias ``nearest`` and ``furthest``.
    """
    found = rows(tables)
    table = factors(found) if len(found) else found
    if table.empty:
        return table
    table = table.assign(error=errors(table))
    groups = table.groupby([table["cell"].astype(str).map(names.cell), table["backend"].astype(str)])
    evidence = pd.DataFrame(
        [_part(group) | dict(zip(("part", "backend"), key, strict=True)) for key, group in groups]
    )
    return evidence.assign(**_off(whole(found)))


def _part(group: pd.DataFrame) -> dict:
    return {
        "error": group["error"].max(), "checked": len(group), "single": int((group["steps"] == 1).sum()),
        "n": len(grouped(group, MODEL)[1]),
    }  # fmt: skip


def _off(full: pd.DataFrame) -> dict:
    full = reference(full) if len(full) else full
    if full.empty:
        return dict.fromkeys(("off", "least", "most"), np.nan)
    off = 10 ** np.abs(difference(full["measured"], full["formula"])) - 1
    by_bias = pd.Series(off).groupby(full["forget_bias"].astype(str).to_numpy()).median()
    return {"off": float(np.median(off)), "least": by_bias.min(), "most": by_bias.max(),
            "nearest": by_bias.idxmin(), "furthest": by_bias.idxmax()}  # fmt: skip


def errors(table: pd.DataFrame) -> np.ndarray:
    """Return the relative error of the factor per step; equal zeros agree."""
    return LN10 * np.abs(difference(table["measured"], table["formula"]))


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the largest error as its effect: both halves, the chains and the LSTMs, are needed."""
    states = identity(evidence)
    chains, lstms = (
        states[states.index.isin([names.cell(cell) for cell in cells])]
        for cells in (CHAINS, WITH_FORGET_GATE)
    )
    word = REFUTED if FAILS in set(states) else combine(states)
    if word == INCONCLUSIVE or chains.empty or lstms.empty:
        what = f"{MIN_CHECKED} factors of each scalar chain and each LSTM in float64 on every backend"
        return Verdict(INCONCLUSIVE, missing(evidence, what), _alt(evidence))
    return Verdict(
        word, _condition(evidence, states), _alt(evidence), **main_error(evidence), states=dict(states)
    )


def _condition(evidence: pd.DataFrame, states: pd.Series) -> str:
    failed = listed(list(states.index[states == FAILS]))
    words = f"Not the factor of {failed}." if failed else f"They are right in {listed(list(states.index))}."
    first = evidence.iloc[0]
    if np.isnan(first["off"]):
        return words
    return (
        f"{words} For the LSTM this is the path along the cell alone. The factor of its full gradient differs by "
        f"{_percent(first['off'])} per step in the median ({_percent(first['least'])} "
        f"{names.at_biases([first['nearest']])}, {_percent(first['most'])} {names.at_biases([first['furthest']])})."
    )


def _percent(share: float) -> str:
    return f"{number(100 * share)} %"


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
    statement="The vanilla RNN decays with w sigma'(.), the LSTM, along the cell alone, with sigma(.).",
    reading="From one recorded lag to the next the derivative shrinks per step by the factor w phi'(w h + b) in the "
    "scalar chain, for each of four activations phi. Along the cell of the LSTM, every other route left out, it is "
    "sigma(forget gate's net input). The answer writes it for the cell state and takes it for the LSTM. The full "
    "gradient has other routes; how far its factor is from the formula is said beside. Formula and derivative come "
    "from one program: this checks the instrument more than the world.",
    prediction="supported: along the cell; the LSTM's full gradient has other paths besides",
    unit="relative error of the factor per step, largest",
    rule=words_of_identity("the factor per step, for every chain and every LSTM with a forget gate,")
    + " Where recorded lags are several steps apart, it is that of the geometric mean over them.",
    takeaway={
        "supported": "Weight times slope is all of a scalar RNN's factor. The forget gate is that of an LSTM's cell "
        "and not of its gradient: to know what arrives, measure the full gradient.",
        "refuted": "The factor per step is not the one in the formula: find out which is wrong.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
