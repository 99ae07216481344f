"""The answer in five sentences: for each claim that carries it, a wording for every verdict."""

import math
import re
from itertools import accumulate
from textwrap import shorten
from types import SimpleNamespace
from typing import Any

import pandas as pd

from carousel.analysis.text import listed, steps
from carousel.axes import LIBRARIES
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.page.markup import escape, interval, number, verdict

# What people say; what is true if that is supported; what is true if it is refuted.
ANSWERS = {
    "K1": (
        "LSTMs do not vanish",
        f"no LSTM was found with less than a tenth of its gradient left after {LAG} steps",
        f"there are LSTMs with less than a tenth of their gradient left after {LAG} steps",
    ),
    "K2": (
        "They vanish, only more slowly",
        f"after {LAG} steps less than a tenth of an LSTM's gradient is left, but more than of a vanilla recurrent "
        "network's",
        f"an LSTM's gradient either does not vanish within {LAG} steps, or no more slowly than that of a vanilla "
        "recurrent network",
    ),
    "A1e": (
        "It depends",
        "along the cell's own loop at least half of the gradient is left at the stated lags, at every bias measured",
        "along the cell's own loop less than half of the gradient is left at the stated lags, at every bias measured",
    ),
    "Q2": (
        "Sigmoid gates and tanh must make it vanish",
        "sent back through gates and squashings, the gradient vanishes",
        "gates and squashings on the way back do not by themselves make the gradient vanish",
    ),
    "K3": (
        "So LSTMs learn longer lags",
        "on every task LSTMs solved longer sequences than tanh RNNs, and settings whose gradient decays more slowly "
        "solved longer ones",
        "LSTMs did not solve longer sequences than tanh RNNs",
    ),
}
EITHER = "this holds in some settings and fails in others"
DEPENDENCE = (
    "A1e"  # the sentence that says what it depends on; its own statement is about the product of forget gates
)
FACTORS = {  # how a condition speaks of a factor, and the factor in a word
    "forget bias": "forget bias", "gain": "gain", " w ": "weight", "weight": "weight", "init": "init",
    "task": "task", "cell": "cell", "lag": "lag", "length": "length", "trained": "training", "training": "training",
    "backend": "backend", "repetition": "repetitions", "rnn_": "cell", "lstm": "cell", "bias": "bias",
}  # fmt: skip
LONGEST = 240  # characters of a condition: what a reader takes in on the way
SHORT = 150  # the same in a sentence of the answer

# A row of the claims table, as DataFrame.itertuples gives it.
Claim = Any


def plain(claim: Claim) -> str:
    """What this claim's verdict says of the question, without its figures."""
    _, holds, fails = ANSWERS[claim.id]
    undecided = "this study cannot say"
    return {"supported": holds, "refuted": fails, "depends": EITHER, "inconclusive": undecided}[claim.verdict]


def measured(claim: Claim) -> str:
    """`effect [low, high] unit` of a claim, or that there is none."""
    if math.isnan(claim.effect):
        return number(claim.effect)
    parts = (number(claim.effect), interval(claim.low, claim.high), escape(claim.unit))
    return " ".join(part for part in parts if part)


def sentence(claim: Claim, half_lives: str = "") -> str:
    """What people say, the verdict on it, why, the condition that it depends on, its effect, a link to its section."""
    said = ANSWERS[claim.id][0]
    figures = measured(claim).replace(r" \(", ", ").replace(r"\)", "")
    body = (
        dependence(claim, half_lives)
        if claim.id == DEPENDENCE
        else f"{verdict(claim.verdict)}, {plain(claim)}{reason(claim)}"
    )
    return f"“{said}”: {body} ([{claim.id}](#{claim.id}): {figures})."


def dependence(claim: Claim, half_lives: str) -> str:
    """Whether it depends on the forget bias, and how."""
    if claim.verdict == "inconclusive":
        return f"{plain(claim)}{reason(claim)}"
    if claim.verdict == "depends":
        at = (
            f"; half of the product of forget gates is left after {LAG} steps from {escape(claim.boundary)} on"
            if claim.boundary
            else ""
        )
        return f"**yes, on the forget bias**{f': {half_lives}{at}' if half_lives else reason(claim)}"
    return f"**not on the forget bias**, {plain(claim)}"


def reason(claim: Claim) -> str:
    """The first sentence of a condition as a clause; nothing for a claim that is supported."""
    if not claim.condition or claim.verdict == "supported":
        return ""
    return f": {escape(shorten(lowered(sentences(claim.condition)[0]), SHORT, placeholder=' …'))}"


def lowered(text: str) -> str:
    """A condition as a clause: no full stop, and a small letter first unless it starts with a name."""
    text = text.strip().rstrip(".").removeprefix("Undecided: ").removeprefix("Counterexample: ")
    named = text.startswith(tuple(LIBRARIES.values()))
    return text[:1].lower() + text[1:] if not named and (text[1:2].islower() or text[1:2] == " ") else text


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


def depends_on(claim: Claim) -> str:
    """What a verdict depends on, in a word: the factor of its boundary, or the first that its condition names."""
    if claim.verdict not in ("depends", "inconclusive"):
        return ""
    text = claim.boundary or claim.condition
    found = {text.find(said): word for said, word in reversed(FACTORS.items()) if said in text}
    return found[min(found)] if found else ""


def half_lives(data: SimpleNamespace) -> str:
    """How many steps an LSTM's gradient takes to halve, by forget bias, as a clause; nothing below two of them."""
    rows = data.half_lives[data.half_lives["cell"] == "lstm"]
    if len(rows) < 2:
        return ""
    each = [
        f"{steps(row.half_life)} at {escape(names.forget_bias(row.forget_bias))}"
        for row in rows[rows["high"] < 0].itertuples()
    ]
    start = f"with {escape(names.init(rows['init'].iloc[0]))} init an LSTM's gradient"
    halves = f"{start} halves in {', '.join(each)}" if each else start
    level = [escape(names.forget_bias(bias)) for bias in rows.loc[rows["high"] >= 0, "forget_bias"]]
    return "; ".join([halves, f"at {listed(level)} no decay is seen"] if level else [halves])


def answers(claims: pd.DataFrame, half_lives: str = "") -> list[str]:
    """The sentences, in the order of ANSWERS; a claim that the study did not judge says so."""
    rows = {claim.id: claim for claim in claims.itertuples()}
    absent = "This study did not judge claim {}."
    return [sentence(rows[name], half_lives) if name in rows else absent.format(name) for name in ANSWERS]
