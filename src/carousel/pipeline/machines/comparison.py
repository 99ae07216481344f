"""Two result sets of one study against each other: what moved, and by how much against its error."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carousel.pipeline.machines.matching import KINDS, Kind, Pairs, described, keys, numbers, pairs, texts
from carousel.tables import schemas
from carousel.tables.files import StoreError
from carousel.tables.parquet import provenance
from carousel.tables.provenance import malformed

CLOSE = 1e-9
"""What moves by no more than this, as a share of itself where it is above one, moves by rounding."""
HALF = 1.959964  # standard errors in half of a 95 % interval


def compare(left: Path, right: Path) -> pd.DataFrame:
    """What moved from the results in `left` to those in `right`, line by line.

    A line per table, slice and measured column: how many rows are in both and in one alone, how many moved, the
    ``largest`` move, and the largest in units of the row's error: its own standard error where it has one, else the
    standard deviation over the repetitions of its setting in `left`. A line per claim: its verdicts ``old`` and
    ``new``, the move of its effect, and the same in standard errors of its interval in `left`.
    Raises StoreError where the two cannot be compared.
    """
    names = [
        name for name in (*KINDS, "claims") if all((side / file_of(name)).is_file() for side in (left, right))
    ]
    if not names:
        raise StoreError(
            f"{left} and {right} have no table in common; allowed: two folders like results/standard"
        )
    lines: list[dict[str, Any]] = []
    for name in names:
        paths = left / file_of(name), right / file_of(name)
        same_study(*paths)
        lines += verdicts(*paths) if name == "claims" else moves(name, *paths)
    return pd.DataFrame(lines, columns=schemas.names("comparison"))


def file_of(name: str) -> str:
    """The file of a table."""
    return f"{name}.parquet"


def same_study(left: Path, right: Path) -> None:
    """Raise StoreError where two tables do not measure the same."""
    sides = {path: provenance(path) for path in (left, right)}
    if odd := [path for path, said in sides.items() if malformed(said)]:
        raise StoreError(f"{odd[0]}: {malformed(sides[odd[0]])}")
    studies = {path: f"{said.get('study')}, {said.get('sweep')}" for path, said in sides.items()}
    if len({said.get("sweep") for said in sides.values()}) > 1:
        found = " and ".join(f"{path} ({study})" for path, study in studies.items())
        raise StoreError(f"{found} are of different studies, and cannot be compared")


def moves(name: str, left: Path, right: Path) -> list[dict[str, Any]]:
    """The lines of one measured table."""
    kind = KINDS[name]
    both = pairs(left, right, kind.factors)
    old, new = slices(kind, left), slices(kind, right)
    alone = only(old, both.left), only(new, both.right)
    labels = sorted({*old, *new})
    lines = []
    for column in kind.values:
        distance, errors, rounding = distances(kind, column, left, right, both)
        for label in labels:
            here = np.flatnonzero(old[both.left] == label)
            line = {"table": name, "slice": label, "column": column, "old": "", "new": ""}
            line |= {"only_left": alone[0][label], "only_right": alone[1][label]}
            lines.append(line | summed(distance[here], errors[here], rounding[here], both.left[here]))
    return located(lines, left, kind)


def slices(kind: Kind, path: Path) -> pd.Categorical:
    """The slice of every row, or what the table has instead."""
    return texts(path, "slice" if "slice" in kind.factors else "system")


def only(slices: pd.Categorical, matched: np.ndarray) -> Counter[str]:
    """By slice, the rows that are not `matched`."""
    alone = np.ones(len(slices), bool)
    alone[matched] = False
    return Counter(slices[alone].value_counts().to_dict())


def distances(kind: Kind, column: str, left: Path, right: Path, both: Pairs) -> tuple[np.ndarray, ...]:
    """The distance of a column's values in each pair, the error of each, and what would be rounding."""
    old = numbers(left, column)
    errors = spread(kind, left, old)[both.left]
    if kind.error:
        own = np.hypot(numbers(left, kind.error)[both.left], numbers(right, kind.error)[both.right])
        errors = np.where(own > 0, own, errors)
    old, new = old[both.left], numbers(right, column)[both.right]
    rounding = CLOSE * np.maximum(1.0, np.abs(finite(old)))
    return difference(old, new), np.maximum(errors, rounding), rounding


def difference(old: np.ndarray, new: np.ndarray) -> np.ndarray:
    """The distance of two numbers; 0 for two of the same that are none, infinite where one alone is finite."""
    with np.errstate(invalid="ignore"):
        distance = np.abs(new - old)
    same = (old == new) | (np.isnan(old) & np.isnan(new))
    return np.where(same, 0.0, np.where(np.isfinite(distance), distance, np.inf))


def finite(values: np.ndarray) -> np.ndarray:
    """The numbers, with 0 for those that are none."""
    return np.where(np.isfinite(values), values, 0.0)


def spread(kind: Kind, path: Path, values: np.ndarray) -> np.ndarray:
    """For each row the standard deviation of its setting over the repetitions; 0 where there is one alone."""
    if "repetition" not in kind.factors:
        return np.zeros(len(values))
    setting = keys(path, [factor for factor in kind.factors if factor != "repetition"])
    _, group = np.unique(setting, return_inverse=True)
    there = np.isfinite(values)  # a dead or an unknown one says nothing of the others
    known, size = np.where(there, values, 0.0), group.max(initial=-1) + 1
    n = np.bincount(group, there, size)
    deviations = np.where(there, known - (np.bincount(group, known, size) / np.maximum(n, 1))[group], 0.0)
    return np.sqrt(np.bincount(group, deviations**2, size) / np.maximum(n - 1, 1))[group]


def summed(
    distance: np.ndarray, errors: np.ndarray, rounding: np.ndarray, places: np.ndarray
) -> dict[str, Any]:
    """Rows, those that moved, the largest move, and the largest for its error, with its place."""
    beyond = distance / errors
    at = int(np.argmax(distance)) if len(distance) else -1
    return {
        "rows": len(distance),
        "moved": int((distance > rounding).sum()),
        "largest": float(distance[at]) if len(distance) else 0.0,
        "in_errors": float(beyond.max()) if len(distance) else 0.0,
        "where": int(places[at]) if len(distance) and distance[at] > rounding[at] else -1,
    }


def located(lines: list[dict[str, Any]], path: Path, kind: Kind) -> list[dict[str, Any]]:
    """The lines with the places of their largest moves in words."""
    places = [line["where"] for line in lines if line["where"] >= 0]
    words = dict(zip(places, described(path, kind.factors, places), strict=True)) if places else {}
    return [line | {"where": words.get(line["where"], "")} for line in lines]


def verdicts(left: Path, right: Path) -> list[dict[str, Any]]:
    """The lines of the claims."""
    old, new = map(by_id, (left, right))
    return [verdict(name, old, new) for name in dict.fromkeys([*old.index, *new.index])]


def by_id(path: Path) -> pd.DataFrame:
    """What is compared of the claims. Raises StoreError where they cannot be told apart, or lack what is compared."""
    rows = pd.DataFrame({name: texts(path, name) for name in ("id", "verdict")})
    if twice := rows["id"][rows["id"].duplicated()].tolist():
        raise StoreError(f"{path}: the claim {twice[0]} is there twice; such tables cannot be compared")
    return rows.assign(**{name: numbers(path, name) for name in ("effect", "low", "high")}).set_index("id")


def verdict(name: str, old: pd.DataFrame, new: pd.DataFrame) -> dict[str, Any]:
    """The line of one claim."""
    words = [str(side["verdict"].get(name, "")) for side in (old, new)]
    effects = [np.array([side["effect"].get(name, np.nan)], float) for side in (old, new)]
    distance = float(difference(*effects)[0]) if all(words) else 0.0
    error = (old["high"].get(name, np.nan) - old["low"].get(name, np.nan)) / (2 * HALF)
    moved = words[0] != words[1] or distance > CLOSE * max(1.0, abs(float(finite(effects[0])[0])))
    return {
        "table": "claims", "slice": "", "column": name, "rows": int(all(words)), "only_left": int(not words[1]),
        "only_right": int(not words[0]), "moved": int(moved and all(words)), "largest": distance,
        "in_errors": distance / error if error > 0 else np.nan, "where": "", "old": words[0], "new": words[1],
    }  # fmt: skip
