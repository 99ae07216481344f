"""The essay: eight questions, each with its answer where the verdicts are those that the answer is true of."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import NamedTuple

from carousel.report.page import frozen_gates, paragraphs
from carousel.report.page.facts import Wording, said
from carousel.report.page.figure_texts import figure
from carousel.report.page.markup import div, link, verdict
from carousel.report.page.thresholds import thresholds


class Question(NamedTuple):
    """A question of the essay.

    title, short: in full and for the contents. figure: the claim whose picture stands below the answer, or none.
    rests: the claims it rests on, with the verdicts for which its text is true. text: the answer; raises Lacking where
    a table lacks a number that it needs. beside: claims to read on with, whatever their verdicts. below: what
    stands under its figure, if the tables have it.
    """

    title: str
    short: str
    figure: str
    rests: Mapping[str, tuple[str, ...]]
    text: Wording
    beside: tuple[str, ...] = ()
    below: Wording | None = None


QUESTIONS: Mapping[str, Question] = {
    "carries": Question("What does the carousel carry?", "What does the carousel carry?", "A1e",
                        {"A1d": ("supported",), "A1e": ("depends",), "Q1": ("depends",)}, paragraphs.carousel),
    "slopes": Question("Do the sigmoids’ slopes make it vanish?", "Do the slopes matter?", "M1",
                       {"M1": ("supported", "depends"), "Q2": ("depends", "refuted")}, frozen_gates.slopes),
    "routes-taken": Question("Then what keeps the gradient alive?", "What keeps it alive?", "M2",
                       {"M2": ("supported", "depends"), "M3": ("refuted",)}, paragraphs.other_routes),
    "vanishing": Question("So do the gradients of LSTMs vanish?", "Do LSTM gradients vanish?", "K1",
                          {"K1": ("refuted",)}, paragraphs.vanishing, (), thresholds),
    "rivals": Question("More slowly than in a plain RNN?", "Slower than a plain RNN?", "K2",
                       {"K2": ("depends",), "A2a": ("depends",)}, paragraphs.rivals),
    "relu": Question("Is it the weights or the slopes, and is ReLU the way out?", "Is ReLU the way out?", "A4g",
                     {"A1b": ("depends",), "A4g": ("depends",)}, paragraphs.relu, ("A1h", "A1i", "A2f")),
    "helps": Question("Does a gradient that survives help to learn?", "Does it help to learn?", "K3",
                         {"K3": ("supported", "refuted", "depends", "inconclusive")}, paragraphs.learning),
    "certain": Question("How sure is this?", "How sure is this?", "", {}, paragraphs.certainty),
}  # fmt: skip


def essay(data: SimpleNamespace) -> str:
    """All questions with what this study can answer of each."""
    return "\n".join(_section(data, name, question) for name, question in QUESTIONS.items())


def _section(data: SimpleNamespace, name: str, question: Question) -> str:
    """A question, its answer, and the claims it rests on; without an answer that is true today, their verdicts."""
    judged = data.claims.set_index("id")["verdict"]
    fits = all(judged.get(claim) in allowed for claim, allowed in question.rests.items())
    answer = said(question.text, data) if fits else ""
    rests, beside = (
        ", ".join(f"{link(claim)} {verdict(judged[claim])}" for claim in ids if claim in judged)
        for ids in (question.rests, question.beside)
    )
    image = figure(data, question.figure) if answer and question.figure in judged else ""
    more = said(question.below, data) if answer and question.below else ""
    answer = answer or "This study has no short answer; its verdicts say what it found."
    others = f" See also {beside}." if beside else ""
    below = div("rests", f"Rests on {rests}.{others}") if rests else ""
    return f"### {question.title} {{#{name}}}\n\n{answer}\n\n{image}\n\n{more}\n\n{below}"
