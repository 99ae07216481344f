"""Checks of what measured: both backends did, each by itself, and each where the answer is known."""

from collections.abc import Iterator

import numpy as np

from carousel.axes import BACKENDS, REFERENCE
from carousel.claims.withheld import calibration_failures
from carousel.measures.calibration.calibrate import SYSTEMS
from carousel.pipeline.checking.results import Finding, Results, kind, top
from carousel.pipeline.machines.matching import KINDS, numbers, pairs
from carousel.pipeline.validation import JOBS

FEWEST = 100
"""Numbers that two backends measured both: fewer may be the same in every bit by chance."""


def calibration(results: Results) -> Iterator[Finding]:
    """The systems of known answer that a backend failed, or was never given."""
    table = results.table("calibration")
    yield from (Finding("calibration.parquet", said) for said in calibration_failures(table))
    for backend in BACKENDS:
        here = set(table.loc[table["backend"] == backend, "system"])
        for system in SYSTEMS if here else ():
            if system not in here:
                yield Finding(
                    "calibration.parquet", f"{BACKENDS[backend].label} was not calibrated on {system}"
                )


def backends(results: Results) -> Iterator[Finding]:
    """The tables of one backend that are, bit for bit, those of the reference: two programs round differently."""
    for name in results.own():
        folder, *rest = name.split("/")
        if folder in JOBS and rest and rest[0] in BACKENDS and rest[0] != REFERENCE:
            other = "/".join([folder, REFERENCE, *rest[1:]])
            if other in results.origins and (size := copied(results, other, name)):
                yield Finding(
                    f"{name}.parquet", f"its {size} numbers are those of {other}.parquet, bit for bit"
                )


def copied(results: Results, left: str, right: str) -> int:
    """How many numbers two tables of jobs have both; 0 where they are too few, or not all the same."""
    found, paths = KINDS[kind(left)], (results.path(left), results.path(right))
    both = pairs(*paths, [name for name in found.factors if name != "backend"])
    old, new = (numbers(path, found.values[0]) for path in paths)
    old, new = old[both.left], new[both.right]
    telling = np.isfinite(old) & (old != 0)
    same = telling.sum() >= FEWEST and (old[telling] == new[telling]).all()
    return int(telling.sum()) if same and top(left) != "calibration" else 0
