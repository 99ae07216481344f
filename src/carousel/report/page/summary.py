"""The page in short, as a file of Markdown: the answer, the hero, what to set, and the verdicts."""

from types import SimpleNamespace

from carousel.analysis.stats.tables import select
from carousel.analysis.text import count, share
from carousel.report.page.markup import SYMBOLS, prose
from carousel.report.page.opening import answer
from carousel.report.page.recommendations import written
from carousel.report.recommendations import first_choices

TITLE = "# Do LSTMs keep gradients from vanishing?"


def summary(data: SimpleNamespace, page: str, picture: str) -> str:
    """The file's text. page, picture: where the whole page and the hero's file are, from where this one is."""
    parts = [
        TITLE,
        answer(data).replace("(#", f"({page}#"),
        f"![What is left of an LSTM’s gradient, by forget bias]({picture})",
        settings(data),
    ]
    return "\n\n".join([*parts, verdicts(data, page)]) + "\n"


def settings(data: SimpleNamespace) -> str:
    """For each lag the recommended LSTM, what arrives before training, and what it solved."""
    rows = first_choices(select(data.advice, cell="lstm"))
    lines = [
        f"| {count(row['lag'])} steps | {written(row)} | {share(row['left'])} | {row['trained'] or 'not tried'} |"
        for _, row in rows.iterrows()
    ]
    head = "| Longest dependency | LSTM | Share of the gradient that arrives | Solved in training |\n|---|---|---|---|"
    return "\n".join([head, *lines])


def verdicts(data: SimpleNamespace, page: str) -> str:
    """A row per claim."""
    lines = [
        f"| [{claim.id}]({page}#{claim.id}) | {prose(claim.statement)} | {SYMBOLS[claim.verdict]} {claim.verdict} |"
        for claim in data.claims.itertuples()
    ]
    return "\n".join(["| Id | Claim | Verdict |\n|---|---|---|", *lines])
