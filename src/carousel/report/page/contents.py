"""The contents of the page: one list of its sections, printed beside the text, or folded above it on a phone."""

from collections.abc import Mapping
from types import SimpleNamespace

from carousel.report.page.essay import QUESTIONS
from carousel.report.page.markup import html
from carousel.report.page.opening import GROUPS, group
from carousel.report.page.source import FOLDER

SECTIONS = (  # id, title; the questions of the essay and the groups of claims stand below theirs
    ("answer", "The answer"),
    ("why", "Why: eight questions"),
    ("recommended", "What should I set?"),
    ("diagnose", "Check your own network"),
    ("claims", "The claims, judged"),
    ("explorer", "Explorer"),
    ("methods", "How it was measured"),
    ("limits", "Limits"),
    ("appendix", "Appendix"),
    ("bibliography", "References"),
)


def contents(data: SimpleNamespace) -> str:
    """The list beside the text where there is room, and folded above it where there is not."""
    below = {"why": {name: question.short for name, question in QUESTIONS.items()}, "claims": _groups(data)}
    links = _list(dict(SECTIONS), below)
    folded = f"<details><summary>Contents</summary>{links}</details>"
    script = f"<script>{(FOLDER / 'contents.js').read_text('utf-8')}</script>"
    return html(
        f'<nav id="contents" aria-label="Contents">{links}</nav>\n<nav id="fold" aria-label="Contents">{folded}</nav>'
        f"\n{script}"
    )


def _groups(data: SimpleNamespace) -> dict[str, str]:
    """The groups of claims that there are, by the id of their heading."""
    return {f"claims-{name}": GROUPS[name] for name in dict.fromkeys(data.claims["id"].map(group))}


def _list(titles: Mapping[str, str], below: Mapping[str, Mapping[str, str]]) -> str:
    """Links to ids by their titles, with what stands below each."""
    lines = [
        f'<li><a href="#{name}">{title}</a>{_list(below[name], {}) if name in below else ""}</li>'
        for name, title in titles.items()
    ]
    return f"<ol>{''.join(lines)}</ol>"
