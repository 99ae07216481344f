"""The first screen: the answer in three sentences, the hero, every verdict in a strip, and three ways to read on."""

from types import SimpleNamespace
from typing import Any

import pandas as pd

from carousel.analysis.stats.left import VANISHED
from carousel.analysis.text import counted, listed, share
from carousel.claims.defaults import FIRST
from carousel.claims.rules import INCONCLUSIVE, LAG
from carousel.report import names
from carousel.report.page.facts import advised, default_rows, defaults, route, said, verdict_of
from carousel.report.page.markup import SYMBOLS, VERDICTS, attribute, div, escape, html, link

GROUPS = {  # how a claim's id begins: who said it
    "Q": "The question", "K": "Comments", "A1": "Answer 1 and its comments", "A2": "Answer 2 and its comments",
    "A3": "Answer 3", "A4": "Answer 4", "M": "This study", "": "Others",
}  # fmt: skip
SHOWN = ("PyTorch", "Keras")  # the libraries of the lead
WAYS = (  # where it leads, for whom, what is there
    (
        "why",
        "Why?",
        "Eight questions, five minutes: what carries a gradient, and what does not.",
    ),
    (
        "recommended",
        "I have a network",
        "What to set for a dependency so long, and how to measure your own.",
    ),
    (
        "claims",
        "I referee this",
        "Every claim with its rule, numbers and intervals, and what would change it.",
    ),
)


def lead(data: SimpleNamespace) -> str:
    """The answer as the page's first paragraph."""
    return div("lead", answer(data))


def answer(data: SimpleNamespace) -> str:
    """The answer, as far as the verdicts of K1 and M1 and the libraries' defaults carry it."""
    sentences = [said(each, data) for each in (_can, _slopes, _defaults)]
    return " ".join(filter(None, sentences)) or _too_small(data.claims)


def _too_small(claims: pd.DataFrame) -> str:
    """What stands for the answer of a study that has none."""
    decided = (claims["verdict"] != INCONCLUSIVE).sum()
    return f"This study has no short answer: it decides {decided} of {counted(len(claims), 'claim')}."


def hero(data: SimpleNamespace) -> str:
    """The picture with its control, as the figures' rule wrote it."""
    drawn = (data.results / "figures" / "hero.html").read_text("utf-8")
    return html(drawn.replace("</figcaption>", f"{said(_other_networks, data)}</figcaption>"))


def _other_networks(data: SimpleNamespace) -> str:
    """Of which networks the defaults of the lead are: their numbers are not quite those of the picture."""
    row = next(iter(default_rows(data, "lstm").values()))
    size = f"{counted(int(row['hidden']), 'unit')}, {counted(int(row['length']), 'step')}"
    return f" The defaults above: {size}."


def strip(data: SimpleNamespace) -> str:
    """A square per claim, by who said it, and how many have each verdict."""
    names = data.claims["id"].map(group)
    groups = "".join(
        f"<li><span>{GROUPS[name].partition(' and ')[0]}</span>{''.join(map(square, rows.itertuples()))}</li>"
        for name, rows in data.claims.groupby(names, sort=False)
    )
    return html(f'<div class="strip"><p>{counts(data.claims)}</p><ul>{groups}</ul></div>')


def counts(claims: pd.DataFrame) -> str:
    """How many claims there are, and how many have each verdict."""
    found = claims["verdict"].value_counts()
    told = " · ".join(f"{found[word]} {word}" for word in VERDICTS if word in found)
    return f"{counted(len(claims), 'claim')}: {told}"


def group(name: str) -> str:
    """The key of GROUPS that a claim's id begins with."""
    return next(start for start in GROUPS if name.startswith(start))


def square(claim: Any) -> str:
    """A link to a claim's card with its verdict's symbol."""
    title = attribute(f"{claim.id}, {claim.verdict}: {claim.statement}")
    symbol = f'<span aria-hidden="true">{SYMBOLS[claim.verdict]}</span>'
    return f'<a class="{claim.verdict}" href="#{claim.id}" title="{title}">{symbol}{claim.id}</a>'


def ways() -> str:
    """Three ways to read on."""
    each = "".join(f'<li><a href="#{name}">{whom}</a> <span>{what}</span></li>' for name, whom, what in WAYS)
    return html(f'<ul class="ways">{each}</ul>')


def _can(data: SimpleNamespace) -> str:
    """Whether LSTMs can lose their gradient, and whether libraries' do."""
    verdict = verdict_of(data, "K1")
    if verdict == "refuted":
        lost = max(defaults(data, "lstm").values()) < VANISHED
        return f"They can, but {'at library defaults they do not' if lost else 'not by themselves'}."
    return "No LSTM of this study lost its gradient." if verdict == "supported" else ""


def _slopes(data: SimpleNamespace) -> str:
    """What is multiplied along the cell, where the formula was found right and the verdicts are that it counts."""
    if (verdict_of(data, "A1d"), verdict_of(data, "Q2")) != ("supported", "depends"):
        return ""
    return (
        "Along the cell a gradient is multiplied by the *value* of the forget gate, which a high bias brings near one, "
        f"and not by the slope of its sigmoid ({link('A1d')}, {link('Q2')})."
    )


def _defaults(data: SimpleNamespace) -> str:
    """What is left at the standard lag by default, in the libraries that differ in the forget bias."""
    found = default_rows(data, "lstm")
    rows = [(label, found[label]) for label in SHOWN if label in found]
    each = [f"{share(row['left'])} with {escape(label)}’s ({row['forget_bias']})" for label, row in rows]
    leave = f"Of the whole gradient default forget biases leave after {LAG} steps"
    return f"{leave} {listed(each)}{said(_setting, data)}." if each else ""


def _setting(data: SimpleNamespace) -> str:
    """What the forget bias that is recommended for the standard lag leaves, and what the first library's init does."""
    row = advised(data, "lstm")
    bias, init = str(row["forget_bias"]), str(row["init"])
    own = f"{share(row['left'])} on {escape(names.init(init))} init"
    beside = said(lambda found: _on_first(found, bias), data) if init != FIRST else ""
    return f"; a forget bias of {escape(names.forget_bias(bias))} leaves {own}{beside} ([what to set](#recommended))"


def _on_first(data: SimpleNamespace, bias: str) -> str:
    """What the same bias leaves on the first library's init or, where that is less than a tenth, what chrono does."""
    left, library = route(data, "reach", bias, LAG, "loss_state", "full"), escape(names.init(FIRST))
    drawn = said(_chrono, data) if left < VANISHED else ""
    return f", chrono biases {drawn} on {library}" if drawn else f" and {share(left)} on {library}"


def _chrono(data: SimpleNamespace) -> str:
    """What chrono biases leave on the first library's init, where it is a tenth or more."""
    left = route(data, "reach", "chrono", LAG, "loss_state", "full")
    return share(left) if left >= VANISHED else ""
