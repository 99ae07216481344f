"""Seals: hashes of what decides a claim, kept with the commit and the date, so that a rule cannot move unseen.

The seals of the package's claims stand in seals.json beside this file, those of a file X.yaml in X.seals.json.
"""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from carousel.claims.claim import Claim
from carousel.claims.deciding_code import Reached, reached
from carousel.claims.withheld import calibration_failures, withheld_if_uncalibrated
from carousel.tables.provenance import content_hash

FORMAT = "carousel/seals/1"
STANDARD = Path(__file__).parent / "seals.json"
BEFORE, AFTER, BROKEN, NONE = "before the data", "after the data", "broken", "none"
"""When the rule of a claim was fixed: sealed before its data or after, changed since it was sealed, or not sealed."""
PARTS = "reading", "rule", "thresholds", "code"


class Seal(NamedTuple):
    """What decided a claim when it was sealed, as hashes, and when that was."""

    hash: str  # of the four that follow
    reading: str
    rule: str
    thresholds: Mapping[str, Any]  # name -> number or numbers
    code: str
    commit: str
    date: str  # of the day, as 2026-11-30
    seen: list[int]  # master seeds of the studies whose results were known


def seal_of(claim: Claim, commit: str, date: str, seen: Iterable[int]) -> Seal:
    """Return the seal of a claim as it is now."""
    parts = deciding(claim)
    return Seal(content_hash(parts), **parts, commit=commit, date=date, seen=sorted(seen))


def deciding(claim: Claim) -> dict[str, Any]:
    """Return what decides a claim, by PARTS: hashes, and the thresholds themselves."""
    found = _reached(claim.models, claim.measure, claim.decide, claim.rows, claim.margin)
    return {
        "reading": content_hash(" ".join(claim.reading.split())),
        "rule": content_hash(" ".join(claim.rule.split())),
        "thresholds": thresholds(found),
        "code": content_hash([found.code, found.values]),
    }


@cache
def _reached(models: Any, measure: Any, decide: Any, rows: Any, margin: Any) -> Reached:
    shared = {"at": Claim.at, "calibration": calibration_failures, "withheld": withheld_if_uncalibrated}
    return reached(models=models, measure=measure, decide=decide, rows=rows, margin=margin, **shared)


def thresholds(found: Reached) -> dict[str, Any]:
    """Return the numbers that deciding code reads, by their module and name; those of a `Form` by what they are."""
    named: dict[str, Any] = {}
    for name, value in found.values.items():
        if isinstance(value, dict) and "relation" in value:
            named |= {value["relation"]: value["threshold"]} | ({"lag": value["lag"]} if value["lag"] else {})
        elif _numeric(value):
            named[".".join(name.split(".")[-2:])] = value
    return dict(sorted(named.items()))


def _numeric(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(map(_numeric, value))
    return isinstance(value, int | float) and not isinstance(value, bool)


def broken(claim: Claim, seal: Seal) -> str:
    """Return what of a claim is not as it was sealed, in words; nothing where the seal holds."""
    now = deciding(claim)
    if now["thresholds"] != seal.thresholds:
        return f"thresholds: {moved(seal.thresholds, now['thresholds'])}"
    return ", ".join(part for part in PARTS if now[part] != getattr(seal, part))


def moved(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return the thresholds that differ, in words."""
    names = [name for name in {**before, **now} if before.get(name) != now.get(name)]
    return "; ".join(
        f"{name} was {before.get(name, 'absent')}, is {now.get(name, 'absent')}" for name in names
    )


def read(path: Path = STANDARD) -> dict[str, Seal]:
    """Return the seals of a file by claim; none where there is no file."""
    if not path.is_file():
        return {}
    return {name: Seal(**each) for name, each in json.loads(path.read_text("utf-8"))["claims"].items()}


def text(seals: Mapping[str, Seal]) -> str:
    """Return the file of some seals."""
    claims = {name: each._asdict() for name, each in seals.items()}
    return json.dumps({"format": FORMAT, "claims": claims}, indent=1, ensure_ascii=False) + "\n"


def state(claim: Claim, seal: Seal | None, older: bool) -> str:
    """Return when the rule of a claim was fixed; older: whether its seal is older than the data."""
    if seal is None:
        return NONE
    if broken(claim, seal):
        return BROKEN
    return BEFORE if older else AFTER


def columns(claim: Claim, seal: Seal | None, older: bool) -> dict[str, str]:
    """Return what the table of claims has of the thresholds and the seal of one."""
    now = deciding(claim)
    return {
        "thresholds": json.dumps(now["thresholds"]),
        "seal": content_hash(now),
        "sealed": state(claim, seal, older),
        "seal_commit": seal.commit if seal else "",
        "seal_date": seal.date if seal else "",
    }
