"""A2g: is the product over the steps a Markov property, and does decay depend on the lag alone?"""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.stats.slopes import least_squares
from carousel.analysis.stats.tables import MODEL, difference, grouped, joined, repeated, select
from carousel.analysis.text import listed, number
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.claim import Claim, Margin, Tables, Verdict
from carousel.claims.evidence import LN10, missing, reference, stack, within
from carousel.claims.numbers import main
from carousel.claims.robustness import to_settle
from carousel.claims.rule_text import words_of_equivalence, words_of_identity
from carousel.claims.rules import (
    FAILS,
    HOLDS,
    INCONCLUSIVE,
    MIN_REPETITIONS,
    UNCLEAR,
    combine,
    conjunction,
    equivalence,
    identity,
)
from carousel.claims.settings_text import labelled

WHEN = (
    "when"  # the slice with one network at several lengths: the loss is read at another step of the sequence
)
CHAIN_RULE = "chain rule"
LAGS = (1, 20)  # steps; stats.FIT_WINDOW grows with the length, and would compare other lags at every place
NAMES = {2: ("at the start", "at the end"), 3: ("at the start", "in the middle", "at the end")}


def rows(tables: Tables) -> pd.DataFrame:
    """Return the total gradient of that slice by the joint state, at every lag."""
    return select(tables.decay, slice=WHEN, quantity="loss_state", path="full", trained="no")


def common(found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows at the lags that lie in every sequence."""
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


def models(tables: Tables) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the evidence on the `chain_rule`, and the `pairs`."""
    found = rows(tables)
    return chain_rule(found), pairs(common(found))


def measure(models: tuple[pd.DataFrame, pd.DataFrame], margin: float) -> pd.DataFrame:
    """Return the evidence on the chain rule, and per place and cell how far its rate is from that at the end."""
    chain, both = models
    return stack([chain, places(both, margin)])


def chain_rule(found: pd.DataFrame) -> pd.DataFrame:
    """Return per backend its largest ``error`` against the reference's gradient; the reference's: against any other.

    The reference carries back the adjoint of (h, c), one step's hand-derived adjoint after the other, and nothing else.
    """
    on = [name for name in MODEL if name not in ("backend", "device")] + ["lag"]
    exact = select(found, dtype="float64")[[*on, "backend", "log10_norm"]]
    sides = {name: exact[exact["backend"] == name].drop(columns="backend") for name in BACKENDS}
    both = {
        name: joined(sides[REFERENCE], side, on, "_other")
        for name, side in sides.items()
        if name != REFERENCE
    }
    each = {name: _error(rows_, on) for name, rows_ in both.items() if len(rows_)}
    if not each:
        return pd.DataFrame()
    worst = max(each.values(), key=lambda part: part["error"])
    return pd.DataFrame([part | {"backend": name} for name, part in ({REFERENCE: worst} | each).items()])


def _error(both: pd.DataFrame, on: list[str]) -> dict:
    error = float(np.max(LN10 * np.abs(difference(both["log10_norm"], both["log10_norm_other"]))))
    return {
        "part": CHAIN_RULE,
        "error": error,
        "effect": error,
        "checked": len(both),
        "n": len(grouped(both, on[:-1])[1]),
    }


def places(both: pd.DataFrame, margin: float) -> pd.DataFrame:
    """Return the evidence of each place and cell with forget bias: its rate is that at the end, within the margin."""
    if both.empty:
        return both
    groups = repeated(both, MIN_REPETITIONS).groupby(["place", "label"], observed=True, sort=False)
    return stack([_place(group, margin) for _, group in groups])


def _place(group: pd.DataFrame, margin: float) -> pd.DataFrame:
    first = group.iloc[0]
    name = {"place": first["place"], "label": first["label"], "at": first["at"], "end": first["end"]}
    return within(group, "apart", f"{first['place']}, {names.label(first['label'])}", margin, "mean").assign(
        **name
    )


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict on both questions; its effect is the largest difference between two places."""
    chain, rest = _halves(evidence)
    states = {"chain": identity(chain), "places": equivalence(rest)}
    found = pd.concat(list(states.values()))
    words = [combine(each) for each in states.values()]
    word = conjunction(words)
    if rest.empty or word == INCONCLUSIVE:
        what = f"the slice {WHEN!r} in float64 with {MIN_REPETITIONS} repetitions, on every backend,"
        open_ = to_settle(rest, states["places"], what) if len(rest) else missing(evidence, what)
        said = f" {_condition(chain, rest, found)}" if len(evidence) else ""
        return Verdict(INCONCLUSIVE, open_ + said, _alt(rest), states=dict(found), **main(_largest(rest)))
    return Verdict(
        word, _condition(chain, rest, found), _alt(rest), states=dict(found), **main(_largest(rest))
    )


def _halves(evidence: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows on the chain rule, and those on places."""
    if evidence.empty:
        return evidence, evidence
    chain = evidence["part"] == CHAIN_RULE
    return evidence[chain], evidence[~chain]


def _largest(rest: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the part whose rate is furthest from that at the end."""
    if rest.empty:
        return rest
    own = reference(rest)
    own = own if len(own) else rest
    return rest[rest["part"] == own.loc[own["effect"].abs().idxmax(), "part"]]


def _condition(chain: pd.DataFrame, rest: pd.DataFrame, found: pd.Series) -> str:
    """Return both answers in words: of the chain rule, and for each place which cells decay as at the end."""
    verbs = {HOLDS: "as at the end in", FAILS: "another in", UNCLEAR: "undecided in"}
    parts = rest.drop_duplicates("part").set_index("part") if len(rest) else rest
    words = [_of_chain_rule(chain, found.get(CHAIN_RULE, UNCLEAR))]
    for place, group in parts.groupby("place", sort=False) if len(parts) else ():
        labels = {verb: group.index[found[group.index] == state] for state, verb in verbs.items()}
        sides = [
            f"{verb} {names.labels(list(group.loc[at, 'label']))}" for verb, at in labels.items() if len(at)
        ]
        first = group.iloc[0]
        step = f"step {first['at']:.0f} of {first['end']:.0f}"
        words.append(f"{str(place).capitalize()} ({step}) the rate is: {'; '.join(sides)}.")
    return " ".join(words)


def _of_chain_rule(chain: pd.DataFrame, state: str) -> str:
    if chain.empty:
        return "The chain rule was not checked."
    verb = {HOLDS: "Markov property: supported", FAILS: "Markov property: refuted"}.get(
        state, "Markov property: undecided"
    )
    return f"{verb} (relative error at most {number(chain['error'].max())})."


def _alt(rest: pd.DataFrame) -> str:
    if rest.empty or reference(rest).empty:
        return "No decay was measured at several places of a sequence."
    own = reference(rest)
    widest = own.assign(size=own["effect"].abs()).groupby("place", sort=False)["size"].max()
    words = [f"{number(widest[place])} {place}" for place in widest.index]
    return (
        f"How far the rate over lags {LAGS[0]} to {LAGS[1]} is from that at the end of the sequence, by cell and "
        f"forget bias, with a band for no difference; largest, in decades per step: {listed(words)}."
    )


ALIKE = Margin(
    float(np.log10(2)) / LAGS[1],
    "decades per step",
    f"less than a factor of 2 over {LAGS[1]} steps is no difference",
)
PRODUCT = "the gradient by the joint state, the product of steps against the other derivation"
AT_A_PLACE = "Paired by seed, the rate of one cell and forget bias at a place, less that at the end,"
CLAIM = Claim(
    id="A2g",
    who="comment",
    kind="identity, comparison",
    statement="The product over 1 to t' - t is a Markov property, and decay depends on the lag alone, not on when.",
    reading="The comment asks two things at once. (1) Is the product a Markov property? Yes if it is the chain rule of "
    "a first-order recurrence: carrying nothing back but the adjoint of the joint state (h, c), one step's Jacobian "
    "after the other, gives the gradient that automatic differentiation finds for the unrolled network. (2) Does the "
    "factor depend on the lag alone? That is stationarity, another thing: the rate of the total gradient over lags "
    f"{LAGS[0]} to {LAGS[1]} is the same whether the loss is read at the start, in the middle or at the end of a "
    "sequence of noise, with the same weights. What an error loses on entering the cell is within these lags, and "
    "counts.",
    prediction="depends: the chain rule is exact; the decay is the same once the state has forgotten that it began at "
    "zero, another at the start",
    unit="decades per step, largest difference from the end",
    rule=f"(1) {words_of_identity(PRODUCT)} (2) {words_of_equivalence(ALIKE, AT_A_PLACE)} All places and cells: "
    "supported; none: refuted; some: depends. The verdict is refuted if the answer to one of the two is, and depends "
    "if one does.",
    takeaway={
        "supported": "One measurement of decay, anywhere in the sequence, is good for all of it.",
        "refuted": "Decay must be measured where the lag that matters lies.",
        "depends": "The chain rule holds anywhere. One rate for the whole sequence does not, in some cells: measure "
        "where the lag that matters lies.",
    },
    models=models,
    measure=measure,
    decide=decide,
    rows=rows,
    margin=ALIKE,
)
