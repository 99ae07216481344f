"""What the provenances of several tables come to, one to be read by people, and the hash that they are made with."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


def content_hash(value: Any) -> str:
    """A hash of what can be written as JSON: equal contents, equal hashes. Raises ValueError for NaN and infinity."""
    text = json.dumps(value, sort_keys=True, allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def merge(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The provenance of a table gathered from several: one value where they agree, else the sorted list of all.

    Their jobs are put together.
    """
    merged: dict[str, Any] = {}
    for key in dict.fromkeys(key for part in parts for key in part):
        found = [part[key] for part in parts if key in part]
        if isinstance(found[0], dict):
            merged[key] = {name: value for each in found for name, value in each.items()}
            continue
        values = sorted({value for each in found for value in (each if isinstance(each, list) else [each])})
        merged[key] = values[0] if len(values) == 1 else values
    return merged


def malformed(origin: Mapping[str, Any]) -> str:
    """What a table's provenance says that none of this package does; nothing where all is as `merge` takes it."""
    for key, value in origin.items():
        several = value if isinstance(value, list) else [value]
        texts = isinstance(value, dict) and all(isinstance(each, str) for each in value.values())
        alike = len({type(each) for each in several}) == 1 and isinstance(several[0], str | int | float)
        if not (texts if key == "jobs" else alike):
            return f"its provenance says {str(value)[:60]!r} of {key[:60]!r}, as no table of carousel does"
    return ""


def brief(origin: Mapping[str, Any]) -> dict[str, Any]:
    """A provenance to be read by people: of its jobs their number, and one hash of their code."""
    jobs = origin.get("jobs")
    if not jobs:
        return dict(origin)
    return dict(origin) | {"jobs": len(jobs), "code": content_hash(sorted(set(jobs.values())))}
