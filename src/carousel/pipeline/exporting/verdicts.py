"""The verdicts for programs that watch tests, and as a badge."""

from collections.abc import Sequence
from html import escape
from xml.etree import ElementTree as xml

import pandas as pd

from carousel.claims.rules import DEPENDS, INCONCLUSIVE, REFUTED, SUPPORTED

ORDER = SUPPORTED, REFUTED, DEPENDS, INCONCLUSIVE
COLOURS = {SUPPORTED: "#00755b", REFUTED: "#a8450f", DEPENDS: "#0072b2", INCONCLUSIVE: "#5f6368"}
WIDE, HIGH = 6.5, 20  # pixels of a letter at 11 px, at most; of the badge


def junit(claims: pd.DataFrame) -> str:
    """A case per claim: it passes where it is supported, is skipped where it is inconclusive, and fails otherwise."""
    count = claims["verdict"].astype(str).value_counts()
    failures = int(count.get(REFUTED, 0) + count.get(DEPENDS, 0))
    sizes = {"tests": len(claims), "failures": failures, "skipped": int(count.get(INCONCLUSIVE, 0))}
    suite = xml.Element(
        "testsuite", {"name": "carousel", **{name: str(size) for name, size in sizes.items()}}
    )
    for claim in claims.to_dict("records"):
        case = xml.SubElement(suite, "testcase", {"classname": claim["id"], "name": claim["statement"]})
        if claim["verdict"] == INCONCLUSIVE:
            xml.SubElement(case, "skipped", {"message": claim["condition"]})
        elif claim["verdict"] != SUPPORTED:
            said = {"type": str(claim["verdict"]), "message": claim["condition"] or str(claim["verdict"])}
            xml.SubElement(case, "failure", said).text = claim["takeaway"]
    return xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def badge(claims: pd.DataFrame) -> str:
    """How many claims have which verdict, as a small picture."""
    count = claims["verdict"].astype(str).value_counts()
    parts = [("claims", "#333333")] + [
        (f"{count[word]} {word}", COLOURS[word]) for word in ORDER if word in count
    ]
    return drawn(parts)


def drawn(parts: Sequence[tuple[str, str]]) -> str:
    """Words on fields of their colours, side by side, as SVG."""
    label = ", ".join(words for words, _ in parts[1:])
    left, fields = 0.0, []
    for words, colour in parts:
        width = WIDE * len(words) + 12
        fields.append(
            f'<rect x="{left:g}" width="{width:g}" height="{HIGH}" fill="{colour}"/>'
            f'<text x="{left + width / 2:g}" y="14" text-anchor="middle">{escape(words)}</text>'
        )
        left += width
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{left:g}" height="{HIGH}" role="img" aria-label="{label}">'
    style = '<g fill="#ffffff" font-family="DejaVu Sans,Verdana,sans-serif" font-size="11">'
    return f"{head}<title>{label}</title>{style}{''.join(fields)}</g></svg>\n"
