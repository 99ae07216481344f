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
WORDS = 35  # of a sentence: a longer one is shown clause by clause
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


def clauses(sentence: str) -> list[str]:
    """The clauses of a sentence that is too long for one line; a short one as it is."""
    return re.split(r";\s+", sentence) if len(sentence.split()) > WORDS else [sentence]


def listing(text: str) -> str:
    """A condition as a list: a line per sentence, and one per clause below a long one."""
    lines = []
    for first, *rest in map(clauses, sentences(text)):
        lines += [f"- {prose(first)}", *(f"    - {prose(clause)}" for clause in rest)]
    return "\n".join(lines)


def brief(text: str) -> str:
    """As many sentences or clauses of a condition as fit a table, one at least; its fold has it in full."""
    parts = [ended(clause) for sentence in sentences(text) for clause in clauses(sentence)]
    lengths = accumulate(len(part) + 1 for part in parts)
    fitting = [part for part, length in zip(parts, lengths, strict=True) if length <= LONGEST]
    return prose(" ".join(fitting or parts[:1]))


def ended(clause: str) -> str:
    """A clause as a sentence."""
    return f"{clause[:1].upper()}{clause[1:].rstrip('.')}."


def depends_on(claim: Claim) -> str:
    """What a verdict depends on, in a word: as it was decided; of parts that no factor tells apart by its condition."""
    if claim.verdict not in ("depends", "inconclusive"):
        return ""
    if claim.depends_on:
        return str(claim.depends_on)
    text = claim.condition
    found = {text.find(said): word for said, word in reversed(FACTORS.items()) if said in text}
    return found[min(found)] if found else ""
