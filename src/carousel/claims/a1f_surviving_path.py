"""A1f: is there a path whose gradient does not vanish, and does it keep the whole from vanishing?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import spread
from carousel.analysis.stats.slopes import STEADY, in_window, rates
from carousel.analysis.stats.tables import MODEL, difference, joined, repeated, select
from carousel.analysis.text import at_biases, bias_order, number
from carousel.claims.evidence import (
    ALONG_BIAS,
    boundary,
    compare,
    labelled,
    main,
    missing,
    planned,
    stack,
    threshold,
    with_crossing,
)
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    LONG,
    LSTMS,
    MIN_REPETITIONS,
    MIXED,
    Claim,
    Tables,
    Verdict,
    combine,
    comparison,
    conjunction,
    trend,
)

CANCELLED = float(
    np.log10(2)
)  # decades: a total below half of the carousel's part has lost it to other paths
PATH, WHOLE = "path", "whole"  # the two halves of the claim


def rows(tables: Tables) -> pd.DataFrame:
    """Return the state's gradient of LSTMs at the start over at least LONG steps, in full and by the cell alone."""
    found = select(tables.decay, cell=LSTMS, trained="no", quantity="loss_state", path=("full", "cell"))
    return planned(found[found["length"] >= LONG])


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


def farthest(both: pd.DataFrame) -> pd.DataFrame:
    """Return each model's row at the longest lag of the window."""
    return both[both["lag"] == both.groupby(MODEL, observed=True)["lag"].transform("max")]


def measure(tables: Tables) -> pd.DataFrame:
    """Return the evidence for both halves: the carousel's rate by cell and forget bias, and the total beside it."""
    found = rows(tables)
    both = repeated(full_and_carousel(found), MIN_REPETITIONS)
    return stack([_path(found), *(_whole(group) for _, group in both.groupby("cell", observed=True))])


def _path(found: pd.DataFrame) -> pd.DataFrame:
    """Return the carousel's rate with its interval; p is 0, for it is no test and takes nothing from Holm's family."""
    models = repeated(rates(found, "loss_state", "cell"), MIN_REPETITIONS)
    evidence = spread(models, ["cell", "forget_bias"]).astype({"cell": str, "forget_bias": str})
    along = select(models, slice=ALONG_BIAS, cell="lstm")
    evidence = with_crossing(evidence, along, "forget_bias", -STEADY)
    return evidence.assign(half=PATH, p=0.0, informative=True, part="carousel of " + labelled(evidence))


def _whole(both: pd.DataFrame) -> pd.DataFrame:
    """Return one cell's evidence that the total is no less than half of the carousel's part at the longest lag."""
    cell, ends = str(both["cell"].iloc[0]), farthest(both)
    smaller = both["over"] < 0
    by = (100 * smaller.groupby(both["forget_bias"].astype(str)).mean()).round()
    keys = [name for name in MODEL if name not in ("backend", "device", "repetition")]
    typical = ends.groupby(keys, observed=True, dropna=False)["over"].median()
    return compare(ends, "over", f"total of {cell}", -CANCELLED).assign(
        half=WHOLE,
        cell=cell,
        smaller=smaller.mean(),
        cancelled=(typical < -CANCELLED).sum(),
        cosine=ends["cosine"].median(),
        where=", ".join(f"{bias}: {by[bias]:.0f} %" for bias in bias_order(by.index)),
    )


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict: the carousel keeps its gradient, and the total is no less than half of that part."""
    what = f"{MIN_REPETITIONS} repetitions of LSTMs at T of at least {LONG} on every backend"
    if evidence.empty:
        return Verdict(INCONCLUSIVE, missing(evidence, what), "No carousel was measured beside the total.")
    first, second = select(evidence, half=PATH), select(evidence, half=WHOLE)
    path, whole = trend(first, decays=False), comparison(second)
    word = conjunction([combine(path), combine(whole)])
    if word == INCONCLUSIVE:
        return Verdict(word, missing(evidence, what), _alt(second))
    both = {HOLDS, FAILS} <= set(path)
    said = _path_words(first, path) + (lstm_threshold(first) if both else "")
    condition = f"{said} {_whole_words(second, whole)}"
    at = boundary(first, "forget bias") if both else None
    return Verdict(word, condition, _alt(second), **main(_shown(second)), boundary=at)


def _path_words(first: pd.DataFrame, states: pd.Series) -> str:
    """Return in words at which forget biases the carousel keeps its gradient, and at which it does not."""
    state = first["part"].map(states)
    verbs = {HOLDS: "keeps its gradient", FAILS: "loses it"}
    sides = {verb: bias_order(first.loc[state == wanted, "forget_bias"]) for wanted, verb in verbs.items()}
    words = [f"{verb} {at_biases(names)}" for verb, names in sides.items() if names]
    return f"The carousel {'; it '.join(words) or 'is undecided'}."


def lstm_threshold(evidence: pd.DataFrame) -> str:
    """Return in words the forget bias at which an LSTM's rate comes up to flat, or nothing."""
    words = threshold(evidence, "forget bias")
    return f" In the LSTM it changes {words}." if words else ""


def _whole_words(second: pd.DataFrame, states: pd.Series) -> str:
    """Return in words whether the total stands above its carousel's part, and how often the paths cancel."""
    verbs = {
        HOLDS: "is more than half of it",
        FAILS: "is less than half of it",
        MIXED: "is more or less than half of it",
    }
    parts = [
        f"{row['cell']} {verbs.get(states[row['part']], 'cannot be told from half of it')} (less in "
        f"{row['cancelled']:.0f} of {row['settings']:.0f} settings; below all of it at {100 * row['smaller']:.0f} % "
        f"of lags, by forget bias {row['where']})"
        for _, row in second.drop_duplicates("part").iterrows()
    ]
    return f"Beside the carousel's part at the longest lag the total of {'; of '.join(parts)}."


def _shown(second: pd.DataFrame) -> pd.DataFrame:
    """Return the rows whose effect stands for the claim: the 1997 cell, whose carousel never vanishes."""
    old = select(second, cell="lstm97")
    return old if len(old) else second


def _alt(second: pd.DataFrame) -> str:
    if second.empty:
        return "The total was not measured beside the carousel's part."
    table = second.groupby("cell", sort=False)[["effect", "cosine"]].mean()
    words = [
        f"{cell} {number(row['effect'])} (cosine {number(row['cosine'])})" for cell, row in table.iterrows()
    ]
    return (
        "Gradient norm against lag by path, in the 1997 cell, with a forget gate and with chrono biases. Decades by "
        f"which the total exceeds the carousel's part at the longest lag: {'; '.join(words)}."
    )


CLAIM = Claim(
    id="A1f",
    who="answer 1 and a comment on it",
    kind="comparison",
    statement="There is at least one path along which the gradient does not vanish, and that keeps the whole gradient "
    "from vanishing whatever the other paths do.",
    reading="At initialisation the gradient that went back along the carousel alone does not decay with lag, whatever "
    "the forget bias; and the total is at least half of that part, so the other paths do not cancel it.",
    prediction="depends: the carousel keeps its gradient only from a forget bias near 5 on; the paths rarely cancel",
    unit="decades, total over the carousel's part at the longest lag (lstm97)",
    rule="Both halves must hold. Path: by cell and forget bias, the 95 % interval of the rate along the carousel lies "
    "above a loss of a factor of 2 in 100 steps. Whole: paired by model, the total over the carousel's part at the "
    "longest lag of the window lies above one half (less: half of it was cancelled), Holm's p is at most 0.05 and at "
    f"most 5 % of settings say the opposite. Both backends, at least {MIN_REPETITIONS} repetitions.",
    takeaway={
        "supported": "The carousel alone is enough: the other paths of an LSTM do not undo it.",
        "refuted": "Do not count on one good path: it vanishes too, or the others cancel it.",
        "depends": "The carousel lasts only where the forget bias holds its gate open, so set that bias; whether the "
        "other paths then cancel it can be measured.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
