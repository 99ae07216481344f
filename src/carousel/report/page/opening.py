"""The first screen: the answer in three sentences, the hero, every verdict in a strip, and three ways to read on."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from carousel.analysis.text import listed, share
from carousel.claims.rules import LAG
from carousel.report import names
from carousel.report.page.facts import Lacking, advised, defaults, states
from carousel.report.page.markup import SYMBOLS, VERDICTS, attribute, div, escape, html, link

GROUPS = {"Q": "question", "K": "comments", "A1": "answer 1", "A2": "answer 2", "A3": "answer 3", "A4": "answer 4",
          "M": "this study"}  # fmt: skip
SHOWN = ("PyTorch", "Keras")  # the libraries of the lead
WAYS = (  # where it leads, for whom, what is there
    (
        "why",
        "Why?",
        "Eight questions, five minutes: what carries a gradient through an LSTM, and what does not.",
    ),
    (
        "recommended",
        "I have a network",
        "What to set for a dependency so long, and how to look at your own network.",
    ),
    (
        "claims",
        "I referee this",
        "Every claim with its rule, numbers, intervals and what would change the verdict.",
    ),
)


def lead(data: SimpleNamespace) -> str:
    """The answer as the page's first paragraph."""
    return div("lead", answer(data))


def answer(data: SimpleNamespace) -> str:
    """The answer, as far as the verdicts of K1 and M1 and the libraries' defaults carry it."""
    said = [_said(each, data) for each in (_can, _slopes, _defaults)]
    return " ".join(filter(None, said)) or "The verdicts below say what this study can."


def hero(data: SimpleNamespace) -> str:
    """The picture with its control, as the figures' rule wrote it."""
    return html((data.results / "figures" / "hero.html").read_text("utf-8"))


def strip(data: SimpleNamespace) -> str:
    """A square per claim, by who said it, and how many have each verdict."""
    names = data.claims["id"].map(group)
    groups = "".join(
        f"<li><span>{name}</span>{''.join(square(claim) for claim in rows.itertuples())}</li>"
        for name, rows in data.claims.groupby(names, sort=False)
    )
    counts = data.claims["verdict"].value_counts()
    told = " · ".join(f"{counts[word]} {word}" for word in VERDICTS if word in counts)
    return html(f'<div class="strip"><p>{len(data.claims)} claims: {told}</p><ul>{groups}</ul></div>')


def group(name: str) -> str:
    """Who a claim's id says that said it."""
    return next((who for start, who in GROUPS.items() if name.startswith(start)), "others")


def square(claim: Any) -> str:
    """A link to a claim's card with its verdict's symbol."""
    title = attribute(f"{claim.id}, {claim.verdict}: {claim.statement}")
    symbol = f'<span aria-hidden="true">{SYMBOLS[claim.verdict]}</span>'
    return f'<a class="{claim.verdict}" href="#{claim.id}" title="{title}">{symbol}{claim.id}</a>'


def ways() -> str:
    """Three ways to read on."""
    each = "".join(f'<li><a href="#{name}">{whom}</a> {what}</li>' for name, whom, what in WAYS)
    return html(f'<ul class="ways">{each}</ul>')


def _can(data: SimpleNamespace) -> str:
    """Whether LSTMs can lose their gradient, and can keep it."""
    verdict = _verdict(data, "K1")
    if verdict == "refuted":
        return "They can, but not by themselves." if _said(_setting, data) else "Not by themselves."
    return "No LSTM of this study lost its gradient." if verdict == "supported" else ""


def _slopes(data: SimpleNamespace) -> str:
    """What freezing the gates changes, where that is little in most settings."""
    found = states(data, "M1")
    same, settings = found.get("holds", 0), sum(found.values())
    if _verdict(data, "M1") not in ("supported", "depends") or 2 * same <= settings:
        return ""
    return (
        "What a gradient pays at every step is how far the forget gate is *open*, seldom the slope of its sigmoid "
        f"({link('M1')})."
    )


def _defaults(data: SimpleNamespace) -> str:
    """What is left at the standard lag by default, in the libraries that differ in the forget bias."""
    found = defaults(data, "lstm")
    each = [
        f"{share(found[label])} of it with {escape(label)}’s defaults" for label in SHOWN if label in found
    ]
    return f"After {LAG} steps there is {listed(each)} left{_setting(data)}." if each else ""


def _setting(data: SimpleNamespace) -> str:
    """The recommended LSTM of the standard lag and what it leaves, as a clause."""
    row = advised(data, "lstm")
    bias = escape(names.forget_bias(row["forget_bias"]))
    where = f"a forget bias of {bias} on {escape(names.init(row['init']))} init"
    return f"; with {where}, {share(row['left'])} ([what to set](#recommended))"


def _verdict(data: SimpleNamespace, name: str) -> str:
    """The verdict of a claim, nothing where it was not judged."""
    found = data.claims.loc[data.claims["id"] == name, "verdict"]
    return str(found.iloc[0]) if len(found) else ""


def _said(text: Callable[[SimpleNamespace], str], data: SimpleNamespace) -> str:
    """A sentence, nothing where a table lacks what it needs."""
    try:
        return text(data)
    except Lacking:
        return ""
