"""What truncation costs, and whether the reason given for it holds, in words."""

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.text import fixed, number
from carousel.claims.evidence import reference
from carousel.claims.half_left import BIAS
from carousel.claims.lines import in_words
from carousel.claims.routes import by_bias
from carousel.claims.rules import FAILS, HOLDS, MIXED, UNCLEAR
from carousel.claims.truncated_gradient import GATES, STATE

VERBS = {HOLDS: "little", FAILS: "not little", MIXED: "depends on the setting", UNCLEAR: "undecided"}
REASON = {
    HOLDS: "decays",
    FAILS: "does not decay",
    MIXED: "decays in some settings and not in others",
    UNCLEAR: "is undecided",
}


def condition(evidence: pd.DataFrame, found: pd.Series, lines: pd.DataFrame) -> list[str]:
    """Return in words the reason, and for each thing that is counted in how many parts its cost is little."""
    parts = _with_states(evidence, found)
    reason, cost = parts[parts["measure"] == GATES], parts[parts["measure"] != GATES]
    words = [f"The reason: the flow along the gates {_flow(reason)}."] * (len(reason) > 0)
    words += [_reason_and_cost(reason, cost[cost["measure"] == STATE])] * (len(reason) > 0)
    counts = [f"{name} in {_counts(group)}" for name, group in cost.groupby("measure", sort=False)]
    words += [f"The cost is little for: the {'; the '.join(counts)}."] * (len(counts) > 0)
    later, sooner, pairs = parts[["later", "sooner", "pairs"]].sum()
    words += [
        f"Truncated, a run took longer in {later:.0f} of {pairs:.0f} pairs and less long in {sooner:.0f}."
    ] * (pairs > 0)
    at = _reached(lines)
    return [
        *words,
        *([f"The LSTM's cosine reaches {fixed(lines['reached'].iloc[0], 2)} {at}."] if at else []),
    ]


def _reached(lines: pd.DataFrame) -> str:
    """Return in words at which forget bias the state's cosine reaches its least, or that it does on no line."""
    own = reference(lines) if len(lines) else lines
    if len(own) > 1 and (own["at"] == np.inf).all():
        return f"on none of {len(own)} lines along the forget bias, up to {number(own['last'].max())}"
    return in_words(lines, BIAS)


def _with_states(evidence: pd.DataFrame, found: pd.Series) -> pd.DataFrame:
    parts = evidence.drop_duplicates("part").set_index("part")
    return parts.assign(state=found.reindex(parts.index))


def costs(evidence: pd.DataFrame, found: pd.Series) -> str:
    """Return in words, for each thing that is counted, where the cost is little and where not."""
    parts = _with_states(evidence, found)
    cost = parts[parts["measure"] != GATES].groupby("measure", sort=False)
    return " ".join(f"{str(name).capitalize()}: {_sides(group, VERBS)}." for name, group in cost)


def _counts(group: pd.DataFrame) -> str:
    """Return in how many of the cells and forget biases a cost is little, and in how many it is undecided."""
    little, unclear = int((group["state"] == HOLDS).sum()), int((group["state"] == UNCLEAR).sum())
    return f"{little} of {len(group)}" + (f" ({unclear} undecided)" if unclear else "")


def _flow(reason: pd.DataFrame) -> str:
    """Return where the flow along the gates decays, and where not: by forget bias, with the inits where they differ."""
    sides = {verb: reason[reason["state"] == state] for state, verb in REASON.items()}
    return ". It ".join(f"{verb} {by_bias(rows, reason)}" for verb, rows in sides.items() if len(rows))


def _sides(group: pd.DataFrame, verbs: dict[str, str]) -> str:
    """Return "little for LSTM at forget bias 1; not little ..."; what is mixed with the settings on either side."""
    table = group.reset_index()
    sides = {verb: table[table["state"] == state] for state, verb in verbs.items() if state != MIXED}
    words = [f"{verb} for {names.labels(list(rows['label']))}" for verb, rows in sides.items() if len(rows)]
    words += [
        f"{verbs[MIXED]} for {names.label(row.label)} ({100 * row.share:.0f} % of the settings, and "
        f"{100 * row.reverse:.0f} %)"
        for row in table[table["state"] == MIXED].itertuples()
    ]
    return "; ".join(words)


def _reason_and_cost(reason: pd.DataFrame, cost: pd.DataFrame) -> str:
    """Return in words whether the direction is kept where the reason holds, and where it does not."""
    flow = reason.groupby("label", sort=False)["state"].agg(
        lambda each: each.iloc[0] if each.nunique() == 1 else MIXED
    )
    both = pd.DataFrame({"flow": flow, "kept": cost.set_index("label")["state"]}).dropna()
    cases = [
        (HOLDS, FAILS, "Where it decays the direction is nevertheless lost: {}."),
        (HOLDS, HOLDS, "Where it decays the direction is kept: {}."),
        (FAILS, HOLDS, "Where it does not decay the direction is kept all the same: {}."),
        (FAILS, FAILS, "Where it does not decay the direction is lost: {}."),
    ]
    found = [
        (both.index[(both["flow"] == flow) & (both["kept"] == kept)], said) for flow, kept, said in cases
    ]
    return " ".join(said.format(names.labels(list(labels))) for labels, said in found if len(labels))
