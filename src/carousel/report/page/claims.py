"""The claims on the page: the table of verdicts, and a section for each."""

from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import count, counted
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.robustness import flips
from carousel.report.page.backends import by_backend
from carousel.report.page.brief import Claim, brief, depends_on, listing, measured, readable
from carousel.report.page.figure_texts import figure
from carousel.report.page.findings import finding
from carousel.report.page.history import dated
from carousel.report.page.markup import (
    definitions,
    div,
    escape,
    fold,
    link,
    prose,
    table,
    verdict,
)
from carousel.report.page.opening import GROUPS, counts, group
from carousel.report.page.ruling import ruling
from carousel.report.page.topics import of, see_also

SEALED = {
    "before the data": "Before the data that it decides: sealed",
    "after the data": "Rule fixed after the data; sealed since",
    "broken": "Rule fixed after data: it is not as it was sealed",
    "none": "Rule fixed after data: it is not sealed",
}
BEFORE = "before the data"
SHARED = (
    "The backends share their seeds and are one sample: n counts models, once. "
    f"The effect and its interval are {BACKENDS[REFERENCE].label}'s, over every repetition; the figures by backend are "
    "over those that every backend measured."
)


def verdicts(data: SimpleNamespace) -> str:
    """The table of verdicts; every id links to its section."""
    rows = [
        (
            f"[{claim.id}](#{claim.id})",
            prose(claim.statement),
            verdict(claim.verdict),
            measured(claim),
            depends_on(claim),
        )
        for claim in data.claims.itertuples()
    ]
    head = ("Id", "Claim", "Verdict", "Effect and interval", "Depends on")
    whole = div("verdicts", table("Verdicts", head, rows, (6, 44, 13, 26, 11)), colons=4)
    return fold("All verdicts in a table", whole)


def at_other_margins(data: SimpleNamespace) -> str:
    """How many claims have a margin, and which verdicts are others at half or at twice of it."""
    with_margin = (data.claims["margin"] != "").sum()
    first = (
        f"{with_margin} of {len(data.claims)} claims have a margin, the least that counts as a difference."
    )
    return f"{first} {escape(flips(data.claims))}"


def sections(data: SimpleNamespace) -> str:
    """A section per claim, in the order of the table, below who said it."""
    evidence = data.evidence[data.evidence["backend"].astype(str) == REFERENCE]
    parts = []
    for said, rows in data.claims.groupby(data.claims["id"].map(group), sort=False):
        parts.append(f"### {GROUPS[said]} {{#claims-{said}}}\n\n{counts(rows)}\n")
        parts += [section(claim, evidence[evidence["id"] == claim.id], data) for claim in rows.itertuples()]
    return "\n".join(parts)


def section(claim: Claim, evidence: pd.DataFrame, data: SimpleNamespace) -> str:
    """A claim's card: verdict, what was claimed and found, picture, takeaway; how it was decided is folded."""
    record = definitions([
        ("Kind", escape(claim.kind)),
        ("Formal reading", readable(claim.reading)),
        ("Predicted", prose(claim.prediction + dated(claim.id))),
        ("What settles it", readable(claim.rule)),
        ("Rule fixed", fixed(claim)),
        ("Margin", prose(claim.margin)),
        ("At other margins", other_margins(claim)),
        ("What would change it", prose(claim.would_change)),
        ("Effect", f"{measured(claim)}, {sample(claim, evidence)}"),
        ("By backend", by_backend(claim, data)),
        ("Threshold", prose(claim.boundary)),
        ("Parts", parts(evidence)),
        ("The figure in numbers", readable(claim.alt)),
        ("Settings", readable(claim.settings)),
    ])  # fmt: skip
    found = escape(finding(data, claim.id, claim.verdict))
    marks = f'#{claim.id} data-verdict="{claim.verdict}" data-topics="{" ".join(of(claim.id))}"'
    head = f"#### {claim.id} {verdict(claim.verdict)}{f': {found}' if found else ''} {{{marks}}}\n"
    said = div("claimed", f"Claimed ({escape(claim.who)}): {prose(claim.statement)}{cited(claim)}")
    image = figure(data, claim.id)
    condition = div("found", f"**Found:** {brief(claim.condition)}") if claim.condition else ""
    takeaway = div("takeaway", f"**In practice:** {prose(claim.takeaway)}")
    others = ", ".join(link(other) for other in see_also(claim.id, data.claims["id"]))
    beside = div("beside", f"See also {others}.") if others else ""
    whole = f"**In full:**\n\n{listing(claim.condition)}\n" if claim.condition else ""
    fold_ = fold("How it was decided", f"{whole}\n{div('facts', record)}\n{ruling(evidence)}")
    return "\n".join([head, said, condition, image, takeaway, beside, fold_])


def fixed(claim: Claim) -> str:
    """When the rule was fixed, with its seal; "rule fixed after data" unless it was sealed before them."""
    words = SEALED.get(claim.sealed, SEALED["none"])
    at = f", at commit {escape(claim.seal_commit)} on {escape(claim.seal_date)}" if claim.seal_commit else ""
    return f"{words}{at}; its hash is now {escape(claim.seal)}" if claim.seal else f"{words}{at}"


def cited(claim: Claim) -> str:
    """The words and the address of a claim that a file brings."""
    return f" (“{escape(claim.quote)}”, [source]({claim.source}))" if claim.source else ""


def fixed_after(data: SimpleNamespace) -> str:
    """How many rules were fixed, as they stand, after the data that they decide."""
    late, every = (data.claims["sealed"] != BEFORE).sum(), len(data.claims)
    if not late:
        return f"All {every} rules were sealed before the data that they decide."
    words = "as they stand after the data that they decide had been seen"
    return (
        f"All {every} rules were fixed {words}."
        if late == every
        else f"Of {every} rules {late} were fixed {words}; the card of each says which."
    )


def brought(data: SimpleNamespace) -> str:
    """A part of the page for each file of claims: its table of verdicts and its sections; nothing without one."""
    return "\n\n".join(
        f"## Claims of {escape(name)} {{#claims-{escape(name)}}}\n\n{both(data, own)}"
        for name, own in data.brought.groupby("register", sort=False)
    )


def both(data: SimpleNamespace, claims: pd.DataFrame) -> str:
    """The table and the sections of some claims that are not the Q&A's."""
    own = SimpleNamespace(**vars(data) | {"claims": claims})
    evidence = data.evidence[data.evidence["backend"].astype(str) == REFERENCE]
    cards = [section(claim, evidence[evidence["id"] == claim.id], own) for claim in claims.itertuples()]
    return "\n".join([f"{fixed_after(own)}\n", f"{verdicts(own)}\n", *cards])


def other_margins(claim: Claim) -> str:
    """The verdict at half and at twice the margin; nothing where it was not decided at them."""
    if not claim.at_half_margin:
        return ""
    return f"{verdict(claim.at_half_margin)} at half of it, {verdict(claim.at_twice_margin)} at twice"


def sample(claim: Claim, evidence: pd.DataFrame) -> str:
    """What the effect rests on: models where it is one over repetitions, else what was searched or compared."""
    return f"n = {count(claim.n)}" + " models" * bool(evidence["repetitions"].notna().any())


def parts(evidence: pd.DataFrame) -> str:
    """How many parts were decided apart, over how many settings and repetitions each; nothing for a search."""
    rows = evidence[evidence["repetitions"].notna()]
    if rows.empty:
        return ""
    settings, repetitions = span(rows["settings"], "setting"), span(rows["repetitions"], "repetition")
    each = " each" if len(rows) > 1 else ""
    return f"{counted(len(rows), 'part')}, of {settings}{each}, with {repetitions} per setting"


def span(column: pd.Series, what: str) -> str:
    """One number of things, or the least and the largest."""
    low, high = int(column.min()), int(column.max())
    return counted(low, what) if low == high else f"{count(low)} to {count(high)} {what}s"
