"""The claims on the page: the table of verdicts, and a section for each."""

from pathlib import Path
from types import SimpleNamespace

import pandas as pd

from carousel.analysis.text import count, counted
from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.robustness import flips
from carousel.report.page.answers import Claim, depends_on, measured
from carousel.report.page.history import dated
from carousel.report.page.markup import definitions, div, escape, number, picture, table, verdict

SHARED = (
    "The backends share their seeds and are one sample: n counts models, once. "
    f"The effect and its interval are {BACKENDS[REFERENCE].label}'s, over every repetition; the figures by backend are "
    "over those that every backend measured."
)


def numbers(data: SimpleNamespace) -> str:
    """How many claims there are and how many have each verdict."""
    counts = data.claims["verdict"].value_counts()
    parts = ", ".join(f"{counts[word]} {verdict(word)}" for word in counts.index)
    title = data.origins["claims.parquet"].get("title", data.results.name)
    return f"{escape(title)}, {len(data.claims)} claims: {parts}."


def verdicts(data: SimpleNamespace) -> str:
    """The table of verdicts; every id links to its section."""
    rows = [
        (
            f"[{claim.id}](#{claim.id})",
            escape(claim.statement),
            verdict(claim.verdict),
            measured(claim),
            depends_on(claim),
        )
        for claim in data.claims.itertuples()
    ]
    head = ("Id", "Claim", "Verdict", "Effect and interval", "Depends on")
    return div("verdicts", table("Verdicts", head, rows, (6, 44, 13, 26, 11)), colons=4)


def at_other_margins(data: SimpleNamespace) -> str:
    """How many claims have a margin, and which verdicts are others at half or at twice of it."""
    with_margin = (data.claims["margin"] != "").sum()
    first = (
        f"{with_margin} of {len(data.claims)} claims have a margin, the least that counts as a difference."
    )
    return f"{first} {escape(flips(data.claims))}"


def sections(data: SimpleNamespace) -> str:
    """A section per claim, in the order of the table."""
    evidence = data.evidence[data.evidence["backend"].astype(str) == REFERENCE]
    return "\n".join(
        section(claim, evidence[evidence["id"] == claim.id], data.results)
        for claim in data.claims.itertuples()
    )


def section(claim: Claim, evidence: pd.DataFrame, results: Path) -> str:
    """One claim: statement, what settles it, picture, verdict and figures, takeaway; its reference's evidence."""
    said = definitions([
        ("Who said it", escape(claim.who)),
        ("Kind", escape(claim.kind)),
        ("Formal reading", escape(claim.reading)),
        ("Predicted", escape(claim.prediction + dated(claim.id))),
        ("What settles it", escape(claim.rule)),
        ("Margin", escape(claim.margin)),
    ])  # fmt: skip
    found = definitions([
        ("Verdict", verdict(claim.verdict)),
        ("At other margins", other_margins(claim)),
        ("What would change it", escape(claim.would_change)),
        ("Effect", f"{measured(claim)}, {sample(claim, evidence)}"),
        ("By backend", by_backend(claim)),
        ("Threshold", escape(claim.boundary)),
        ("Condition", escape(claim.condition)),
        ("Parts", parts(evidence)),
        ("Settings", escape(claim.settings)),
    ])  # fmt: skip
    head = f"### {claim.id}: {verdict(claim.verdict)} {{#{claim.id}}}\n"
    image = picture(results / "figures" / claim.figure, claim.alt)
    statement, takeaway = escape(claim.statement), f"**In practice:** {escape(claim.takeaway)}"
    blocks = (head, div("statement", statement), div("facts", said), image, div("facts", found))
    return "\n".join((*blocks, div("takeaway", takeaway)))


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


def by_backend(claim: Claim) -> str:
    """The effect on each backend."""
    return ", ".join(f"{entry.label} {number(getattr(claim, name))}" for name, entry in BACKENDS.items())
