"""A diagnosis as JSON: its tables by rows, what they are, and what they say.

A number is a number with all of its digits; where there is none it is null, and what is infinite is "Infinity" or
"-Infinity", for JSON has neither.
"""

import json
import math
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from carousel.diagnosis.result import Diagnosis

FORMAT = "carousel.diagnosis/1"
TABLES = {
    "decay": "layer direction quantity lag log10_norm n_zero n error",
    "rates": "layer direction value low high changes smallest largest",
    "shares": "layer direction added chrono lag log10_share low high n n_zero extrapolated entry",
    "biases": "layer direction cell gate units mean deviation smallest largest",
    "advice": "layer direction lag cell init forget_bias hidden length left low high passes n trained",
    "exponents": "layer direction index value error",
    "gates": "layer direction quantity quantile value n",
}
"""The columns of each table; what they mean stands with Diagnosis."""
TYPES = {
    int: "layer chrono lag n n_zero units index hidden length",
    str: "direction description quantity cell gate init forget_bias trained",
    bool: "changes extrapolated passes",
}
"""The columns that are no float."""


def to_json(report: "Diagnosis", indent: int | None) -> str:
    """The text of a JSON object that `schema` describes."""
    content = {
        "format": FORMAT,
        "layers": layers(report),
        "source": report.source,
        **{name: rows(getattr(report, name), columns.split()) for name, columns in TABLES.items()},
    }
    return json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False)


def layers(report: "Diagnosis") -> list[dict[str, Any]]:
    """What each layer and direction is, and what is said of it."""
    lines = zip(report.sentence.splitlines(), report.descriptions.items(), strict=True)
    return [
        {"layer": layer, "direction": way, "description": what, "answer": [first, *report.more(layer, way)]}
        for first, ((layer, way), what) in lines
    ]


def rows(table: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    """A table by rows, as Python's own types."""
    values = zip(*(table[name].tolist() for name in columns), strict=True)
    return [{name: plain(name, value) for name, value in zip(columns, row, strict=True)} for row in values]


def type_of(column: str) -> type:
    """The type of a column."""
    return next((each for each, names in TYPES.items() if column in names.split()), float)


def plain(column: str, value: Any) -> Any:
    """A value of a column as JSON has it."""
    found = type_of(column)(value)
    if not isinstance(found, float) or math.isfinite(found):
        return found
    return None if math.isnan(found) else "Infinity" if found > 0 else "-Infinity"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of what `to_json` writes."""
    text = {"type": "string"}
    tables = {name: list_of(exactly(typed(columns))) for name, columns in TABLES.items()}
    layer = exactly(typed("layer direction description") | {"answer": list_of(text)})
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | exactly(
        {"format": {"const": FORMAT}, "layers": list_of(layer), "source": text} | tables
    )


def typed(columns: str) -> dict[str, Any]:
    """The columns with their types."""
    types: dict[type, Any] = {
        int: {"type": "integer"},
        str: {"type": "string"},
        bool: {"type": "boolean"},
        float: {"anyOf": [{"type": ["number", "null"]}, {"enum": ["Infinity", "-Infinity"]}]},
    }
    return {name: types[type_of(name)] for name in columns.split()}


def list_of(items: dict[str, Any]) -> dict[str, Any]:
    """A list of such items."""
    return {"type": "array", "items": items}


def exactly(properties: dict[str, Any]) -> dict[str, Any]:
    """An object that has these properties and no others."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
