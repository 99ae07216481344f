"""What the checks came to, for people and for programs."""

import json
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree as xml

from carousel.pipeline.checking.checks import CHECKS, Outcome
from carousel.pipeline.checking.results import Results

FORMAT = "carousel/check/1"


def lines(outcome: Outcome) -> list[str]:
    """A line per finding, and one for a check that could not be made."""
    found = [f"{outcome.name}: {finding.file}: {finding.said}" for finding in outcome.findings]
    return [*found, f"{outcome.name}: not made: {outcome.unmade}"] if outcome.unmade else found


def summary(results: Results, found: Sequence[Outcome]) -> str:
    """The last line: how many checks found how much."""
    findings, unmade = sum(len(each.findings) for each in found), sum(bool(each.unmade) for each in found)
    clean = f"{sum(each.clean for each in found)} of {len(found)} checks found nothing"
    more = f"; findings: {findings}" * bool(findings) + f"; checks not made: {unmade}" * bool(unmade)
    return f"{results.folder}: {clean}{more}"


def document(results: Results, found: Sequence[Outcome]) -> str:
    """All as JSON."""
    checks = [
        {
            "name": each.name,
            "says": CHECKS[each.name].says,
            "not_made": each.unmade or None,
            "findings": [finding._asdict() for finding in each.findings],
        }
        for each in found
    ]
    head: dict[str, Any] = {"format": FORMAT, "study": name(results), "study_hash": results.digest}
    head |= {"clean": all(each.clean for each in found), "checks": checks}
    return json.dumps(head, indent=1, ensure_ascii=False) + "\n"


def junit(results: Results, found: Sequence[Outcome]) -> str:
    """All as JUnit has it: a case per check, which fails with its findings, or is skipped where it was not made."""
    failed, skipped = (
        str(sum(map(bool, each))) for each in ((e.findings for e in found), (e.unmade for e in found))
    )
    counts = {"tests": str(len(found)), "failures": failed, "skipped": skipped}
    suite = xml.Element("testsuite", {"name": f"carousel check {name(results)}", **counts})
    for each in found:
        case = xml.SubElement(
            suite, "testcase", {"classname": "carousel.check", "name": CHECKS[each.name].says}
        )
        if each.findings:
            text = "\n".join(lines(each))
            xml.SubElement(case, "failure", {"message": f"{len(each.findings)} findings"}).text = text
        if each.unmade:
            xml.SubElement(case, "skipped", {"message": each.unmade})
    return xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def name(results: Results) -> str:
    """The name of the study."""
    return str(results.origins.get("decay", {}).get("study", ""))
