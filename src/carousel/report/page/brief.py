"""A claim's row in short: its effect, what its verdict depends on, and as much of its condition as fits."""

import math
import re
from itertools import accumulate
from typing import Any

from carousel.report.page.markup import interval, number, prose

FACTORS = {  # how a condition speaks of a factor, and the factor in a word
    "forget bias": "forget bias", "gain": "gain", " w ": "weight", "weight": "weight", "init": "init",
    "task": "task", "cell": "cell", "lag": "lag", "length": "length", "trained": "training", "training": "training",
    "backend": "backend", "repetition": "repetitions", "rnn_": "cell", "lstm": "cell", "bias": "bias",
}  # fmt: skip
LONGEST = 240  # characters of a condition: what a reader takes in on the way
# A row of the claims table, as DataFrame.itertuples gives it.
Claim = Any


def measured(claim: Claim) -> str:
    """`effect [low, high] unit` of a claim, or that there is none."""
    if math.isnan(claim.effect):
        return number(claim.effect)
    parts = (number(claim.effect), interval(claim.low, claim.high), prose(claim.unit))
    return " ".join(part for part in parts if part)


def sentences(text: str) -> list[str]:
    """The sentences of a condition."""
    return re.split(r"(?<=\.) (?=[A-Z])", text.strip())


def brief(text: str) -> str:
    """As many sentences of a condition as fit a table, one at least; its section has it in full."""
    parts = sentences(text)
    lengths = accumulate(len(part) + 1 for part in parts)
    fitting = [part for part, length in zip(parts, lengths, strict=True) if length <= LONGEST]
    return prose(" ".join(fitting or parts[:1]))


def depends_on(claim: Claim) -> str:
    """What a verdict depends on, in a word: the factor of its boundary, or the first that its condition names."""
    if claim.verdict not in ("depends", "inconclusive"):
        return ""
    text = claim.boundary or claim.condition
    found = {text.find(said): word for said, word in reversed(FACTORS.items()) if said in text}
    return found[min(found)] if found else ""
