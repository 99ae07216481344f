"""The machines that the decay tables of a study come from, and how far other machines are from this one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from carousel.pipeline.machines.comparison import difference
from carousel.pipeline.machines.machine import machine_of, other_jobs
from carousel.pipeline.machines.matching import KINDS, described, keys, numbers, pairs, texts
from carousel.tables import schemas
from carousel.tables.machine_folders import folders
from carousel.tables.parquet import provenance

TOLERANCE = {"float64": 1e-8, "float32": 1e-2, "bfloat16": 2.0}
"""Decades before training by which two machines may differ, by the coarser of their numbers: rounding, grown."""
SETTING = [name for name in schemas.names("decay", "factor", "condition") if name != "repetition"]


def machines(results: Path) -> pd.DataFrame:
    """A line per machine, device and number format of the decay tables: how many rows and settings, and how far off.

    ``largest`` is the largest difference from the local rows before training, in decades, over the ``compared``;
    ``beyond`` of them are further off than the ``tolerance``. ``other_code`` counts the jobs of other code.
    """
    local = results / "decay.parquet"
    lines = [line | {"folder": ""} for line, _ in counted(local, provenance(local))]
    for folder in folders(results):
        if (path := folder / "decay.parquet").is_file():
            lines += [line | {"folder": folder.name} for line in compared(local, path)]
    return pd.DataFrame(lines, columns=schemas.names("machines"))


def counted(path: Path, origin: Mapping[str, Any]) -> list[tuple[dict[str, Any], np.ndarray]]:
    """The lines of one decay table, without a comparison, and the places of the rows of each."""
    machine, settings = machine_of(origin, [path]), keys(path, SETTING)
    return [
        ({
            "machine": machine.machine, "gpu": machine.gpu if device != "cpu" else "", "device": device, "dtype": dtype,
            "rows": len(here), "settings": len(np.unique(settings[here])), "compared": 0, "largest": np.nan,
            "tolerance": np.nan, "beyond": 0, "where": "", "other_code": 0,
        }, here)
        for (device, dtype), here in kinds(path).items()
    ]  # fmt: skip


def kinds(path: Path) -> dict[tuple[str, str], np.ndarray]:
    """The places of the rows of each device and number format."""
    frame = pd.DataFrame({name: texts(path, name) for name in ("device", "dtype")})
    found = frame.groupby(["device", "dtype"], observed=True).indices
    return {(str(device), str(dtype)): places for (device, dtype), places in sorted(found.items())}


def compared(local: Path, path: Path) -> list[dict[str, Any]]:
    """The lines of another machine's decay table, compared with the local one."""
    ours, origin, factors = provenance(local), provenance(path), KINDS["decay"].factors
    both = pairs(local, path, factors)
    start = numbers(path, "step")[both.right] == 0
    off = difference(numbers(local, "log10_norm")[both.left], numbers(path, "log10_norm")[both.right])
    coarse = texts(local, "dtype")[both.left]
    lines = []
    for line, places in counted(path, origin):
        here = np.flatnonzero(start & np.isin(both.right, places))
        limit = max(TOLERANCE[dtype] for dtype in [line["dtype"], *coarse[here].unique()])
        at = here[np.argmax(off[here])] if len(here) else -1
        where = described(path, factors, [both.right[at]])[0] if at >= 0 else ""
        largest = off[at] if at >= 0 else np.nan
        lines.append(line | {
            "compared": len(here), "largest": float(largest), "where": where, "tolerance": limit,
            "beyond": int((off[here] > limit).sum()), "other_code": len(other_jobs(ours, origin)),
        })  # fmt: skip
    return lines
