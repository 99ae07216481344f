"""The claims table as JSON, for programs; schema.json beside this file says what it holds."""

import json
import math
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import pandas as pd

from carousel.axes import BACKENDS

FORMAT = "carousel/claims/2"


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the document, a description for every field, those of the BACKENDS among them."""
    found = json.loads(files("carousel.claims").joinpath("schema.json").read_text("utf-8"))
    claim = found["$defs"]["claim"]
    claim["properties"] |= dict.fromkeys(
        BACKENDS, claim["additionalProperties"] | found["$defs"]["by_backend"]
    )
    claim["required"] += [*BACKENDS]
    claim["additionalProperties"] = False
    return found


def document(claims: pd.DataFrame, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the claims table with where it comes from, as values that JSON has."""
    rows = [
        {name: plain(value) for name, value in row.items()}
        | {"thresholds": json.loads(row["thresholds"] or "{}")}
        for row in claims.to_dict("records")
    ]
    return {"format": FORMAT, "provenance": dict(provenance), "claims": rows}


def plain(value: Any) -> Any:
    """Return a value that JSON has: null for one not measured, "infinity" and "-infinity" by name."""
    if not isinstance(value, float) or math.isfinite(value):
        return value
    return None if math.isnan(value) else f"{'-' if value < 0 else ''}infinity"


def text(claims: pd.DataFrame, provenance: Mapping[str, Any]) -> str:
    """Return the document as JSON, one field per line. Raises ValueError for what JSON has not."""
    return json.dumps(document(claims, provenance), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
