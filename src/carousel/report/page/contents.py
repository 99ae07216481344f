"""The contents of the page: one list of its sections, printed beside the text, or folded above it on a phone."""

from carousel.report.page.essay import QUESTIONS
from carousel.report.page.markup import html
from carousel.report.page.source import FOLDER

SECTIONS = (  # id, title; the questions of the essay stand below their own
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


def contents() -> str:
    """The list beside the text where there is room, and folded above it where there is not."""
    links = f"<ol>{''.join(f'<li>{_link(name, title)}{_below(name)}</li>' for name, title in SECTIONS)}</ol>"
    folded = f"<details><summary>Contents</summary>{links}</details>"
    script = f"<script>{(FOLDER / 'contents.js').read_text('utf-8')}</script>"
    return html(
        f'<nav id="contents" aria-label="Contents">{links}</nav>\n<nav id="fold" aria-label="Contents">{folded}</nav>'
        f"\n{script}"
    )


def _link(name: str, title: str) -> str:
    return f'<a href="#{name}">{title}</a>'


def _below(name: str) -> str:
    """The questions below the essay's line, nothing below another's."""
    if name != "why":
        return ""
    return (
        f"<ol>{''.join(f'<li>{_link(key, question.short)}</li>' for key, question in QUESTIONS.items())}</ol>"
    )
