"""Which cards are shown: two groups of radio buttons that work by style alone; a script only counts."""

from collections.abc import Iterable, Mapping

import pandas as pd

from carousel.report.page.markup import SYMBOLS, VERDICTS, fold, html, link, table
from carousel.report.page.source import FOLDER
from carousel.report.page.topics import TOPICS, of

CARD = "section[data-verdict]"  # a claim's; the one that a link leads to is shown whatever is chosen


def filters(claims: pd.DataFrame) -> str:
    """The buttons, the rules that make them work, and a line that the script fills."""
    counts = claims["verdict"].value_counts()
    verdicts = {word: f"{SYMBOLS[word]} {word} {counts[word]}" for word in VERDICTS if word in counts}
    topics = {name: f"{TOPICS[name][0]} {len(found)}" for name, found in by_topic(claims["id"]).items()}
    script = f"<script>{(FOLDER / 'filters.js').read_text('utf-8')}</script>"
    style = f"<style>{''.join([*map(_verdict_rule, verdicts), *map(_topic_rule, topics)])}</style>"
    buttons = _buttons("verdict", "Verdict", verdicts) + _buttons("topic", "Topic", topics)
    return html(f'<div id="filters">{style}{buttons}<p role="status"></p></div>\n{script}')


def by_topic(claims: Iterable[str]) -> Mapping[str, list[str]]:
    """The claims of each topic that has any."""
    claims = list(claims)
    found = {name: [claim for claim in claims if name in of(claim)] for name in TOPICS}
    return {name: own for name, own in found.items() if own}


def topic_list(claims: pd.DataFrame) -> str:
    """The claims by topic, folded: each a link with the symbol of its verdict."""
    verdicts = dict(zip(claims["id"], claims["verdict"], strict=True))
    rows = [
        (TOPICS[name][0], ", ".join(f"{SYMBOLS[verdicts[claim]]} {link(claim)}" for claim in own))
        for name, own in by_topic(claims["id"]).items()
    ]
    return fold("The claims by topic", table("Claims by topic", ("Topic", "Claims"), rows, (3, 13)))


def _buttons(group: str, legend: str, choices: Mapping[str, str]) -> str:
    """A group of radio buttons, of which the first shows all."""
    labels = [
        f'<label><input type="radio" name="{group}" id="{group}-{name}"{" checked" * (name == "all")}>{text}</label>'
        for name, text in {"all": "all", **choices}.items()
    ]
    return f"<fieldset><legend>{legend}</legend>{''.join(labels)}</fieldset>"


def _verdict_rule(word: str) -> str:
    return _hide(f"verdict-{word}", f'[data-verdict="{word}"]')


def _topic_rule(name: str) -> str:
    return _hide(f"topic-{name}", f'[data-topics~="{name}"]')


def _hide(button: str, chosen: str) -> str:
    """A rule that hides every other card while a button is pressed."""
    return f"body:has(#{button}:checked) {CARD}:not({chosen}, :target){{display:none}}"
