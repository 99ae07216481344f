"""Who learns longer sequences, and whether what is left of the gradient says so, in words."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from carousel.analysis import names
from carousel.analysis.text import listed, number
from carousel.claims.evidence import reference
from carousel.claims.rules import FAILS, HOLDS, UNCLEAR, comparison
from carousel.claims.undecided_text import reasons

LONGER, RANKS, CONTRAST = "longer", "ranks", "contrast"  # what a part of the evidence is about
RANK = "rank correlation of what is left with the length"
PAIR = "LSTM at forget bias 0 and tanh RNN by what is left"
SAME, SHORTER, NOT_LONGER = "the same", "shorter", "not longer"
SAID = {HOLDS: "Longer", SAME: "The same within the margin", SHORTER: "Shorter", NOT_LONGER: "Not longer",
        UNCLEAR: "Undecided"}  # fmt: skip
OCTAVES = ", in octaves: "  # of the sentences that name each LSTM
LEFT = " decades left, "  # of those on the LSTM and the tanh RNN that differ in their gates alone
SHOWN = 3  # parts that are named


def condition(evidence: pd.DataFrame, states: pd.Series, same: pd.Series) -> list[str]:
    """Return in words how many LSTMs learn longer, whether the gradient says so, and each LSTM with its octaves.

    states, same: of the parts by `comparison`, and of LONGER ones by `equivalence`.
    """
    own = reference(evidence)
    why = {part: next(iter(each)) for part, each in reasons(evidence, states).items()}
    own = own.assign(state=own["part"].map(states), why=[why.get(part, "") for part in own["part"]])
    gains = own[own["kind"] == LONGER]
    gains = gains.assign(word=[_word(row, same.get(row["part"])) for _, row in gains.iterrows()])
    return [_counts(gains), *_ranked(own), *_pairs(own), *_by_word(gains)]


def _word(row: pd.Series, same: str | None) -> str:
    """Return HOLDS or UNCLEAR; of what fails whether it is the same, shorter, or one of both."""
    if row["state"] != FAILS:
        return str(row["state"])
    if same == HOLDS:
        return SAME
    return SHORTER if same == FAILS else NOT_LONGER


def _counts(gains: pd.DataFrame) -> str:
    """Return in words of how many LSTMs it was shown that they learn longer, and how many are undecided, by task."""
    each = [
        f"{(group['word'] == HOLDS).sum()} of {len(group)} on {names.task(str(task))}{_open(group['word'])}"
        for task, group in gains.groupby("task")
    ]
    told = listed(each).replace(" on", " LSTMs on", 1)
    return f"Shown to learn longer sequences than the tanh RNN: {told}.{_reasons(gains)}"


def _reasons(gains: pd.DataFrame) -> str:
    """Return in words how many LSTMs are undecided for which reason, each counted by the first of them."""
    counts = gains.loc[gains["word"] == UNCLEAR, "why"].value_counts()
    each = [f"{many}, as {why}" for why, many in counts.items() if why]
    return f" Of the {counts.sum()} that are undecided: {'; '.join(each)}." if each else ""


def _open(words: pd.Series) -> str:
    undecided = (words == UNCLEAR).sum()
    return f" ({undecided} undecided)" if undecided else ""


def _by_word(gains: pd.DataFrame) -> Iterator[str]:
    """Yield a sentence for each of SAID that occurs, of the undecided for each reason: the octaves, task by task."""
    for word, said in SAID.items():
        for why, own in gains[gains["word"] == word].groupby("why", sort=False):
            each = [
                f"on {names.task(task)} "
                + listed(f"{row.short} ({number(row.effect)})" for row in group.itertuples())
                for task, group in own.groupby("task")
            ]
            yield f"{said}{f', as {why}' if why else ''}{OCTAVES}{'; '.join(each)}."


def _ranked(own: pd.DataFrame) -> Iterator[str]:
    rows = own[own["kind"] == RANKS]
    each = [
        f"{in_order(row.effect)} on {names.task(row.task)} ({_verb(row.state)})" for row in rows.itertuples()
    ]
    if each:
        yield f"Of two settings the one with more gradient left learns longer in {listed(each)}."
    open_ = [f"on {names.task(row.task)}, as {row.why}" for row in rows.itertuples() if row.why]
    if open_:
        yield f"Their order is undecided {'; '.join(open_)}."


def _pairs(own: pd.DataFrame) -> Iterator[str]:
    for row in own[own["kind"] == CONTRAST].itertuples():
        yield (
            f"On {names.task(row.task)} the LSTM at forget bias 0 has {number(row.left)}{LEFT}the tanh RNN "
            f"{number(row.left_right)}, and {_longer(row.effect, row.left - row.left_right)} ({_verb(row.state)})."
        )


def _verb(state: str) -> str:
    return {HOLDS: "in order", FAILS: "not in order"}.get(state, "undecided")


def _longer(effect: float, more: float) -> str:
    """Return who learns longer: ``effect`` is of the one with more left, the LSTM where ``more`` is positive."""
    octaves = effect * np.sign(more)
    who = "the LSTM" if octaves > 0 else "the tanh RNN"
    by = f"{number(abs(octaves))} octave{'s' if abs(octaves) != 1 else ''}"
    return f"{who} learns longer by {by}" if octaves else "neither learns longer"


def in_short(evidence: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Return by task and kind how many LSTMs learn longer, and how many pairs are in the order of what is left."""
    if evidence.empty:
        return {}
    own = reference(evidence)
    own = own.assign(state=own["part"].map(comparison(evidence)))
    gains, ranks = (own[own["kind"] == kind].groupby("task") for kind in (LONGER, RANKS))
    longer = {(str(task), LONGER): _longer_than(states.tolist()) for task, states in gains["state"]}
    order = {
        (str(task), RANKS): f"{in_order(effect.iloc[0])} of pairs in order"
        for task, effect in ranks["effect"]
    }
    return longer | order


def _longer_than(states: list[str]) -> str:
    """Return how many learn longer than the tanh RNN, and of how many that is open."""
    holds, unclear = states.count(HOLDS), states.count(UNCLEAR)
    return f"{holds} of {len(states)} longer" + (f", {unclear} open" if unclear else "")


def in_order(rank: float) -> str:
    """Return a rank correlation as the share of the pairs of settings that are in order."""
    return f"{50 * (1 + rank):.0f} %"


def some(parts: pd.Series) -> str:
    """Return the first SHOWN parts, and how many more there are."""
    more = f" (and {len(parts) - SHOWN} more parts)" if len(parts) > SHOWN else ""
    return f"{'; '.join(parts.head(SHOWN))}{more}"


def alt(evidence: pd.DataFrame) -> str:
    """Return the picture in words: octaves gained, and the rank correlation, by task."""
    own = reference(evidence) if len(evidence) else evidence
    gains, ranks = (own[own["kind"] == kind] for kind in (LONGER, RANKS))
    each = [
        f"{number(group['effect'].min())} to {number(group['effect'].max())} on {names.task(task)}"
        for task, group in gains.groupby("task")
    ]
    order = [f"{number(row.effect)} on {names.task(row.task)}" for row in ranks.itertuples()]
    return (
        "Longest sequence learned by task, a row per setting and a dot per seed; above those settings that keep "
        "most of their gradient before training. Octaves gained by the LSTMs over the tanh RNN: "
        f"{listed(each) or 'not measured'}."
        + (f" Rank correlation of what is left with the length: {listed(order)}." if order else "")
    )
