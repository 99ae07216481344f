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
WORDS = 35  # of a sentence: a longer one is shown clause by clause, and so is
MANY = 4  # one of so many clauses
PARAGRAPH = 600  # characters: a longer text of the record is a list
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
    """The clauses of a sentence that is too long for one line, or of many; another one as it is.

    What stands in front of them, up to a colon, is the first.
    """
    each = re.split(r";\s+(?![^(]*\))", sentence)
    if len(each) < MANY and len(sentence.split()) <= WORDS:
        return [sentence]
    head, colon, first = each[0].partition(": ")
    return [head + colon.rstrip(), first, *each[1:]] if colon and len(each) > 1 else each


def listing(text: str) -> str:
    """A text as a list: a line per sentence, and one per clause below a long one."""
    lines = []
    for first, *rest in map(clauses, sentences(text)):
        lines += [f"- {prose(first)}", *(f"    - {prose(clause)}" for clause in rest)]
    return "\n".join(lines)


def readable(text: str) -> str:
    """A text of the record: as it is, or a list where it or a sentence of it is too long to be read in one go."""
    long = len(text) > PARAGRAPH or any(len(sentence.split()) > WORDS for sentence in sentences(text))
    return listing(text) if long else prose(text)


def brief(text: str) -> str:
    """As many sentences of a condition as fit, and as many clauses of the next one; its fold has it in full."""
    each = sentences(text)
    lengths = [*accumulate(len(sentence) + 1 for sentence in each)]
    whole = sum(length <= LONGEST for length in lengths)
    room = LONGEST - (lengths[whole - 1] if whole else 0)
    begun = [_begun(sentence, room, 0 if whole else 1) for sentence in each[whole : whole + 1]]
    return prose(" ".join(filter(None, [*map(ended, each[:whole]), *begun])))


def _begun(sentence: str, room: int, least: int) -> str:
    """As many clauses of a sentence as there is room for, and how many more there are; nothing for none."""
    each = re.split(r";\s+(?![^(]*\))", sentence)
    lengths = accumulate(len(clause) + 2 for clause in each)
    many = max(sum(length <= room for length in lengths), least)
    more = f"; {len(each) - many} more in full below" if len(each) > many else ""
    return ended("; ".join(each[:many]) + more) if many else ""


def ended(clause: str) -> str:
    """A clause as a sentence."""
    return f"{clause[:1].upper()}{clause[1:].rstrip('.')}."


def depends_on(claim: Claim) -> str:
    """What a verdict depends on, in a word: as it was decided; of parts that no factor tells apart by its condition."""
    if claim.verdict not in ("depends", "inconclusive"):
        return ""
    if known := getattr(claim, "depends_on", ""):
        return str(known)
    text = claim.boundary or claim.condition
    found = {text.find(said): word for said, word in reversed(FACTORS.items()) if said in text}
    return found[min(found)] if found else ""
