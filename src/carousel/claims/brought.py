"""Claims that are brought as data: what a file says of each, and the claim that it makes."""

from collections.abc import Mapping
from typing import NamedTuple

from carousel.claims import form_text, form_verdict
from carousel.claims.claim import Claim, Margin, Source
from carousel.claims.form import Form


class Brought(NamedTuple):
    """A claim as its file has it."""

    id: str
    source: Source
    statement: str
    form: Form
    unit: str  # of the threshold
    why: str  # the reason for the threshold
    prediction: str
    takeaways: Mapping[str, str]


def claim_of(said: Brought) -> Claim:
    """Return the claim that is decided as its form says."""
    form = said.form
    return Claim(
        id=said.id,
        who=said.source.who,
        kind=form.kind,
        statement=said.statement,
        reading=form_text.reading(form),
        prediction=said.prediction,
        unit=form_text.unit(form, said.unit),
        rule=form_text.rule(form),
        takeaway=said.takeaways,
        **form_verdict.by_form(form, form_text.words(form)),
        margin=Margin(form.threshold, said.unit, said.why),
        source=said.source,
    )
