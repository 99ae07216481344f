"""The answer in five sentences: for each claim that carries it, a wording for every verdict."""

import math
import re
from itertools import accumulate
from textwrap import shorten
from typing import Any

import pandas as pd
from markup import escape, interval, number

# What is true if the claim is supported, what is true if it is refuted, and the claim itself as a clause: of the
# same sense, since a condition says where the claim holds.
ANSWERS = {
    "Q2": (
        "Sent back through sigmoid gates and tanh squashings, the gradient does vanish",
        "Sigmoid gates and tanh squashings on the way back do not by themselves make the gradient vanish",
        "sigmoid gates and tanh squashings make the gradient vanish",
    ),
    "A1e": (
        "Along the cell's own loop, the product of forget gates does not decay exponentially",
        "Along the cell's own loop, the product of forget gates itself decays exponentially",
        "the product of forget gates along the cell's own loop is free of exponential decay",
    ),
    "K1": (
        "No setting was found in which the gradient of an LSTM vanishes",
        "LSTMs are not immune: there are settings in which their gradient vanishes",
        "LSTMs are immune to vanishing gradients",
    ),
    "K2": (
        "The gradient of an LSTM does vanish, but more slowly than that of a vanilla recurrent network",
        "It is not so that the gradient of an LSTM vanishes more slowly than that of a vanilla network",
        "the gradient of an LSTM vanishes more slowly than that of a vanilla recurrent network",
    ),
    "K3": (
        "LSTMs learn dependencies over longer lags than vanilla recurrent networks do",
        "LSTMs do not learn dependencies over longer lags than vanilla recurrent networks do",
        "LSTMs learn dependencies over longer lags than vanilla recurrent networks do",
    ),
}

LONGEST = 240  # characters of a condition: what a reader takes in on the way

# A row of the claims table, as DataFrame.itertuples gives it.
Claim = Any


def plain(claim: Claim) -> str:
    """What this claim's verdict says of the question, without its figures."""
    holds, fails, asked = ANSWERS[claim.id]
    return {
        "supported": holds,
        "refuted": fails,
        "depends": f"{asked[0].upper()}{asked[1:]} in some settings and not in others",
        "inconclusive": f"This study cannot say whether {asked}",
    }[claim.verdict]


def measured(claim: Claim) -> str:
    """`effect [low, high] unit` of a claim, or that there is none."""
    if math.isnan(claim.effect):
        return number(claim.effect)
    parts = (number(claim.effect), interval(claim.low, claim.high), escape(claim.unit))
    return " ".join(part for part in parts if part)


def sentence(claim: Claim) -> str:
    """The answer with the condition that it hangs on, its effect, and a link to its section."""
    hangs = claim.condition and claim.verdict != "supported"
    condition = f": {escape(lowered(sentences(claim.condition)[0]))}" if hangs else ""
    figures = measured(claim).replace(r" \(", ", ").replace(r"\)", "")
    return f"{plain(claim)}{condition} ([{claim.id}](#{claim.id}): {figures})."


def lowered(text: str) -> str:
    """A condition as a clause: no full stop, and a small letter first unless it starts with a name."""
    text = text.strip().rstrip(".").removeprefix("Undecided: ")
    return text[:1].lower() + text[1:] if text[1:2].islower() else text


def sentences(text: str) -> list[str]:
    """The sentences of a condition, each at most LONGEST characters long."""
    parts = re.split(r"(?<=\.) (?=[A-Z])", text.strip())
    return [shorten(part, LONGEST, placeholder=" …") for part in parts]


def brief(text: str) -> str:
    """As many sentences of a condition as fit a table, one at least; its section has it in full."""
    parts = sentences(text)
    lengths = accumulate(len(part) + 1 for part in parts)
    fitting = [part for part, length in zip(parts, lengths, strict=True) if length <= LONGEST]
    return escape(" ".join(fitting or parts[:1]))


def answers(claims: pd.DataFrame) -> list[str]:
    """The sentences, in the order of ANSWERS; a claim that the study did not judge says so."""
    rows = {claim.id: claim for claim in claims.itertuples()}
    absent = "This study did not judge claim {}."
    return [sentence(rows[name]) if name in rows else absent.format(name) for name in ANSWERS]
