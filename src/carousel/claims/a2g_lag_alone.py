"""A2g: does the decay depend on the lag alone, wherever in the sequence the loss is read?"""

import numpy as np
import pandas as pd

from carousel.analysis.stats.resampling import interval
from carousel.analysis.stats.slopes import least_squares
from carousel.analysis.stats.tables import MODEL, difference, grouped, repeated, select
from carousel.analysis.stats.tested import equivalent, student
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS
from carousel.claims.evidence import labelled, main, missing
from carousel.claims.rules import (
    ALPHA,
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    UNCLEAR,
    Claim,
    Tables,
    Verdict,
    combine,
)

WHEN = (
    "when"  # the slice with one network at several lengths: the loss is read at another step of the sequence
)
LAGS = (1, 20)  # steps; stats.FIT_WINDOW grows with the length, and would compare other lags at every place
ALIKE = (
    float(np.log10(2)) / LAGS[1]
)  # decades per step: less than a factor of 2 over all of these lags is no difference
NAMES = {2: ("at the start", "at the end"), 3: ("at the start", "in the middle", "at the end")}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the total gradient of that slice at the lags that lie in every one of its sequences."""
    found = select(tables.decay, slice=WHEN, quantity="loss_state", path="full", trained="no")
    return found[found["lag"].between(*LAGS)]


def slopes(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row per model with ``rate``, the slope of log10 of the norm against lag over LAGS, decades per step.

    -inf where more than half of the sequences have no gradient left at one of the lags.
    """
    codes, models = grouped(found, MODEL)
    y = found["log10_norm"].to_numpy(float)
    dead = np.bincount(codes, found["n_zero"] > 0.5 * found["n"], len(models)) > 0
    alive = np.where(np.isfinite(y), y, 0.0)
    slope, _ = least_squares(codes, found["lag"].to_numpy(float), alive, len(models))
    return models.assign(rate=np.where(dead, -np.inf, slope))


def pairs(found: pd.DataFrame) -> pd.DataFrame:
    """Return each model paired with the same weights read at the end, the longest length: ``apart``, and ``place``.

    apart = rate less rate_end, decades per step; ``at`` and ``end``: the steps at which the loss is read.
    """
    table = slopes(found)
    table = table[table["length"] > LAGS[1]]
    lengths = sorted(table["length"].unique())
    if len(lengths) < 2:
        return table.head(0)
    on = [name for name in MODEL if name != "length"]
    last = table.loc[table["length"] == lengths[-1], [*on, "rate"]]
    both = table[table["length"] < lengths[-1]].merge(last, on=on, suffixes=("", "_end"))
    names = NAMES.get(len(lengths), tuple(f"at step {length}" for length in lengths))
    return both.assign(
        apart=difference(both["rate"], both["rate_end"]), at=both["length"], end=lengths[-1],
        place=both["length"].map(dict(zip(lengths, names, strict=True))), label=labelled(both),
    )  # fmt: skip


def measure(tables: Tables) -> pd.DataFrame:
    """Return per place, cell with forget bias, and backend how far its rate is from that at the end."""
    both = pairs(rows(tables))
    if both.empty:
        return both
    groups = repeated(both, MIN_REPETITIONS).groupby(["place", "label", "backend"], observed=True, sort=False)
    return pd.DataFrame([_part(group) for _, group in groups])


def _part(group: pd.DataFrame) -> dict:
    first = group.iloc[0]
    values = group.groupby("repetition")["apart"].mean().to_numpy()
    effect, low, high = interval(values)
    same = equivalent(values, -ALIKE, ALIKE)
    nearer = ALIKE if effect > 0 else -ALIKE
    return {
        "part": f"{first['place']}, {first['label']}", "backend": str(first["backend"]), "place": first["place"],
        "label": first["label"], "at": first["at"], "end": first["end"], "effect": effect, "low": low, "high": high,
        "within": same.same, "p": same.p if same.same else student(values, nearer), "margin": ALIKE,
        "repetitions": len(values), "n": len(group), "rate": group["rate_end"].mean(),
    }  # fmt: skip


def states(evidence: pd.DataFrame) -> pd.Series:
    """Return the state of each part: it holds where all intervals lie within ALIKE, fails where all lie outside."""
    if evidence.empty:
        return pd.Series(dtype=object)
    sure = (evidence["repetitions"] >= MIN_REPETITIONS) & (evidence["p"] <= ALPHA)
    outside = (evidence["low"] > evidence["margin"]) | (evidence["high"] < -evidence["margin"])
    flags = evidence.assign(same=sure & evidence["within"], other=sure & outside).groupby("part", sort=False)
    everywhere = flags["backend"].nunique() == len(BACKENDS)
    same, other = (flags[name].all() & everywhere for name in ("same", "other"))
    return pd.Series(np.select([same, other], [HOLDS, FAILS], UNCLEAR), index=same.index)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict over all places, cells and forget biases; its effect is the largest difference."""
    found = states(evidence)
    word = combine(found)
    if evidence.empty or word == INCONCLUSIVE:
        what = f"{MIN_REPETITIONS} repetitions of the slice {WHEN!r} on every backend, or more of them,"
        words = f" {_condition(evidence, found)}" if len(evidence) else ""
        return Verdict(
            INCONCLUSIVE, missing(evidence, what) + words, _alt(evidence), **main(_largest(evidence))
        )
    return Verdict(word, _condition(evidence, found), _alt(evidence), **main(_largest(evidence)))


def _largest(evidence: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the part whose rate is furthest from that at the end."""
    if evidence.empty:
        return evidence
    size = evidence.assign(size=evidence["effect"].abs()).groupby("part", sort=False)["size"].max()
    return evidence[evidence["part"] == size.idxmax()]


def _condition(evidence: pd.DataFrame, found: pd.Series) -> str:
    """Return in words for each place which cells decay as at the end, and which do not."""
    parts = evidence.drop_duplicates("part").set_index("part")
    verbs = {HOLDS: "as at the end", FAILS: "not so", UNCLEAR: "undecided"}
    words = []
    for place, group in parts.groupby("place", sort=False):
        labels = {verb: group.index[found[group.index] == state] for state, verb in verbs.items()}
        sides = [f"{verb}: {listed(list(group.loc[at, 'label']))}" for verb, at in labels.items() if len(at)]
        words.append(
            f"{str(place).capitalize()} (step {group['at'].iloc[0]} of {group['end'].iloc[0]}) {'; '.join(sides)}."
        )
    return " ".join(words)


def _alt(evidence: pd.DataFrame) -> str:
    if evidence.empty:
        return "No decay was measured at several places of a sequence."
    widest = evidence.assign(size=evidence["effect"].abs()).groupby("place", sort=False)["size"].max()
    words = [f"{number(widest[place])} {place}" for place in widest.index]
    return (
        f"How far the rate over lags {LAGS[0]} to {LAGS[1]} is from that at the end of the sequence, by cell and "
        f"forget bias, with a band for no difference; largest, in decades per step: {listed(words)}."
    )


CLAIM = Claim(
    id="A2g",
    who="comment",
    kind="comparison",
    statement="The product runs over 1 to t' - t: decay depends on the lag alone, not on when.",
    reading=f"The rate of the total gradient over lags {LAGS[0]} to {LAGS[1]} is the same whether the loss is read at "
    "the start, in the middle or at the end of a sequence of noise, with the same weights.",
    prediction="depends: the same once the state has forgotten that it began at zero, another at the start",
    unit="decades per step, largest difference from the end",
    rule=f"Paired by seed. A place, cell and forget bias holds where the rate is within {ALIKE:.3f} decades per step "
    f"of that at the end, a factor of 2 over {LAGS[1]} steps: the 95 % interval within it and two one-sided tests; it "
    "fails where the whole interval lies outside; on every backend, with Holm's p at most 0.05 and at least "
    f"{MIN_REPETITIONS} repetitions. All: supported; none: refuted; some: depends.",
    takeaway={
        "supported": "One measurement of decay, anywhere in the sequence, is good for all of it.",
        "refuted": "Decay must be measured where the lag that matters lies.",
        "depends": "A rate measured after the state has settled holds from there on; the first steps have their own.",
    },
    measure=measure,
    decide=decide,
    rows=rows,
)
