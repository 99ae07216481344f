"""A1a: is the derivative of h_t = sigma(w h_{t-1}) over n steps w^n times the product of the slopes?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.tables import MODEL, difference, grouped, joined, select
from carousel.analysis.text import number
from carousel.claims.claim import Claim, Tables, Verdict
from carousel.claims.evidence import LN10, missing
from carousel.claims.numbers import main_error
from carousel.claims.rule_text import words_of_identity
from carousel.claims.rules import CHAIN, INCONCLUSIVE, REFUTED, SCALAR, SUPPORTED, combine, identity

REPRESENTABLE = 300.0  # decades: within them a derivative is a float64, beyond them only its log10 is
MIN_LAG = 1000  # steps: the claim is about any n, so a short chain does not decide it


def rows(tables: Tables) -> pd.DataFrame:
    """Return the derivative of the bias-free sigmoid chain, and the product of its slopes."""
    return _rows(tables.decay)


def _rows(decay: pd.DataFrame) -> pd.DataFrame:
    return select(
        decay, slice=(SCALAR, CHAIN), cell="rnn_sigmoid", dtype="float64", trained="no", bias=0.0,
        quantity=("loss_h", "factor_product"), path=("full", "formula"),
    )  # fmt: skip


def terms(decay: pd.DataFrame) -> pd.DataFrame:
    """Return per model and lag of the bias-free sigmoid chain: ``measured`` and ``formula``, both log10."""
    chain = _rows(decay)
    keys = [*MODEL, "lag"]
    measured = select(chain, quantity="loss_h", path="full")[[*keys, "log10_norm"]]
    slopes = select(chain, quantity="factor_product", path="formula")[[*keys, "log10_norm"]]
    both = joined(measured, slopes, keys, "_slopes").rename(columns={"log10_norm": "measured"})
    with np.errstate(divide="ignore"):
        weights = both["lag"] * np.where(both["lag"] == 0, 0.0, np.log10(np.abs(both["gain"])))
    return both.assign(formula=np.where(both["lag"] == 0, 0.0, weights) + both["log10_norm_slopes"])


def errors(both: pd.DataFrame) -> np.ndarray:
    """Return the relative error of the derivative, or of its log10 where it is beyond a float64."""
    apart = np.abs(difference(both["measured"], both["formula"]))
    size = np.abs(both["formula"].to_numpy())
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((apart == 0) | (size <= REPRESENTABLE), LN10 * apart, apart / size)


def measure(tables: Tables) -> pd.DataFrame:
    """Return per backend: largest ``error``, longest ``lag``, smallest log10, derivatives ``checked``, n models."""
    both = terms(tables.decay)
    both = both.assign(error=errors(both))
    groups = both.groupby(both["backend"].astype(str)) if len(both) else ()
    return pd.DataFrame([_part(group) | {"backend": backend} for backend, group in groups])


def _part(group: pd.DataFrame) -> dict:
    return {
        "part": "w^n times the slopes", "error": group["error"].max(), "lag": group["lag"].max(),
        "least": group["formula"].min(), "checked": len(group), "n": len(grouped(group, MODEL)[1]),
    }  # fmt: skip


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict with the largest error as its effect."""
    states = identity(evidence)
    word = combine(states)
    if word == INCONCLUSIVE or evidence["lag"].min() < MIN_LAG:
        what = f"the bias-free sigmoid chain in float64 over at least {MIN_LAG} steps on every backend"
        return Verdict(INCONCLUSIVE, missing(evidence, what), _alt(evidence))
    within = {SUPPORTED: "Equal", REFUTED: "Not equal"}[word]
    lag, least = evidence["lag"].max(), evidence["least"].min()
    condition = f"{within} up to {lag:,} steps, where the derivative is as small as 1e{least:.0f}."
    return Verdict(word, condition, _alt(evidence), **main_error(evidence), states=dict(states))


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "The scalar chain was not measured."
    return (
        "Log10 of the derivative of the scalar sigmoid chain against lag, measured dots on the formula's lines, for "
        f"several weights, down to 1e{evidence['least'].min():.0f}; below, the error, at most "
        f"{number(evidence['error'].max())}."
    )


CLAIM = Claim(
    id="A1a",
    who="answer 1",
    kind="identity",
    statement="In one dimension, h_t = sigma(w h_{t-1}): the derivative over n steps is w^n times the product of the "
    "slopes.",
    reading="For every w and lag n: log10 |dh_T/dh_{T-n}| = n log10 |w| + sum of log10 sigma'(w h).",
    prediction="supported",
    unit="relative error, largest",
    rule=f"{words_of_identity('the derivative')} Beyond {REPRESENTABLE:.0f} decades of one, where no float64 holds the "
    f"derivative itself, the error is that of its log10. Chains of at least {MIN_LAG:,} steps.",
    takeaway={
        "supported": "The chain rule is not in dispute; how large the product is, is.",
        "refuted": "Formula and derivative differ: find out which is wrong before believing either.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
