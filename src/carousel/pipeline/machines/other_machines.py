"""Tables measured on another machine, beside the local ones and apart from them: results/STUDY/elsewhere/MACHINE/."""

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from carousel.pipeline.fingerprint import code
from carousel.pipeline.machines.comparison import difference
from carousel.pipeline.machines.matching import KINDS, described, keys, numbers, pairs, texts
from carousel.tables import schemas
from carousel.tables.machine_folders import FOLDER, TABLES, folders
from carousel.tables.parquet import StoreError, names, provenance, schema, verify, whole_folder
from carousel.tables.provenance import merge

TOLERANCE = {"float64": 1e-8, "float32": 1e-2, "bfloat16": 2.0}
"""Decades before training by which two machines may differ, by the coarser of their numbers: rounding, grown."""
SETTING = [name for name in schemas.names("decay", "factor", "condition") if name != "repetition"]


class Machine(NamedTuple):
    """Where tables were measured."""

    machine: str
    gpu: str
    devices: tuple[str, ...]

    @property
    def slug(self) -> str:
        """Its folder."""
        said = " ".join(filter(None, [self.gpu, self.machine, *self.devices])).lower()
        return re.sub(r"[^a-z0-9]+", "-", said).strip("-")

    def __str__(self) -> str:
        return f"{', '.join(filter(None, [self.gpu, self.machine]))} ({', '.join(self.devices)})"


def add(results: Path, given: Sequence[Path], other_code: bool = False) -> Path:
    """Copy tables, or those of folders, into their machine's folder in `results`; the folder. All of them, or none.

    Raises StoreError where they are not whole, not of the study in `results`, made by other code (unless `other_code`
    allows that), or measured on a machine and device that are there already.
    """
    new, here = (
        named(given),
        {name: path for name in TABLES if (path := results / f"{name}.parquet").is_file()},
    )
    if not here:
        raise StoreError(f"{results}: no tables to put others beside; run the study here first")
    for name, path in new.items():
        same_schema(name, path, here.get(name))
    local, origin = (merge([provenance(path) for path in side.values()]) for side in (here, new))
    same_sweep(results, local, new)
    same_code(local, origin, other_code)
    machine = machine_of(origin, new.values())
    absent(results, machine, machine_of(local, here.values()))
    folder = results / FOLDER / machine.slug
    with whole_folder(folder) as made:
        for name, path in new.items():
            shutil.copyfile(path, made / f"{name}.parquet")
            verify(made / f"{name}.parquet")
    return folder


def named(given: Iterable[Path]) -> dict[str, Path]:
    """The tables among files and folders, by name. Raises StoreError where there are none, or one twice."""
    files = [file for path in given for file in (sorted(path.glob("*.parquet")) if path.is_dir() else [path])]
    found: dict[str, Path] = {}
    for file in files:
        if file.stem in TABLES and found.setdefault(file.stem, file) != file:
            raise StoreError(f"{file}: {found[file.stem]} is given already; allowed: one table of each kind")
    if not found:
        allowed = ", ".join(f"{name}.parquet" for name in TABLES)
        raise StoreError(f"{', '.join(map(str, given))}: no gathered table there; allowed: {allowed}")
    return found


def same_schema(name: str, path: Path, local: Path | None) -> None:
    """Raise StoreError where a table is damaged, or has other columns than the local one."""
    verify(path)
    if local is not None:
        verify(local)
    wanted = dict(typed(local)) if local else dict.fromkeys(schemas.names(name))
    found = dict(typed(path)) if local else dict.fromkeys(names(path))
    if wrong := sorted({name for name, _ in found.items() ^ wanted.items()}):
        raise StoreError(f"{path}: column {wrong[0]} is not as in {local or 'a table of ' + name}")


def typed(path: Path) -> list[tuple[str, str]]:
    """The columns of a table and what they hold."""
    return [(field.name, str(getattr(field.type, "value_type", field.type))) for field in schema(path)]


def same_sweep(results: Path, local: Mapping[str, Any], new: Mapping[str, Path]) -> None:
    """Raise StoreError for a table of another study; titles, devices, number formats and backends may differ."""
    for name, path in new.items():
        said = provenance(path)
        if name != "calibration" and said.get("sweep") != local.get("sweep"):
            ours = f"{local.get('study')} in {results} ({local.get('sweep')})"
            raise StoreError(
                f"{path}: measured for study {said.get('study')} ({said.get('sweep')}), which is not {ours}"
            )


def same_code(local: Mapping[str, Any], origin: Mapping[str, Any], allowed: bool) -> None:
    """Raise StoreError where a job of both was run by different code."""
    if not allowed and (changed := other_jobs(local, origin)):
        raise StoreError(
            f"{len(changed)} of {len(origin['jobs'])} jobs were run by other code than here, such as {changed[0]} "
            f"(commit {origin.get('commit')}, here {local.get('commit')}); --other-code puts them beside all the same"
        )


def other_jobs(local: Mapping[str, Any], origin: Mapping[str, Any]) -> list[str]:
    """The jobs behind tables from other code than the local ones, or than that of now where these lack them.

    Of a search that was not done here nothing can be said: what it rests on stands in its study.
    """
    ours, theirs = local.get("jobs", {}), origin.get("jobs", {})
    known = {job: ours.get(job) or code(job) for job in theirs}
    unsaid = {job for job in theirs if job.startswith("search/") and not known[job]}
    return [job for job, made in theirs.items() if made != known[job] and job not in unsaid]


def machine_of(origin: Mapping[str, Any], paths: Iterable[Path]) -> Machine:
    """The machine and the devices that tables were measured on."""
    devices = {device for path in paths for device in texts(path, "device").unique()}
    machine, gpu = (listed(origin.get(key, "")) for key in ("machine", "gpu"))
    return Machine(machine, gpu, tuple(sorted(devices)))


def listed(value: Any) -> str:
    """What a provenance says, be it one value or several."""
    return " and ".join(value) if isinstance(value, list) else str(value)


def absent(results: Path, machine: Machine, here: Machine) -> None:
    """Raise StoreError where this machine and device are there already."""
    if machine[:2] == here[:2] and set(machine.devices) <= set(here.devices):
        raise StoreError(f"{machine}: the machine and device that {results} was measured on, or of its kind")
    if (folder := results / FOLDER / machine.slug).exists():
        raise StoreError(f"{machine}: already in {folder}; remove that folder to put new tables there")


def machines(results: Path) -> pd.DataFrame:
    """A line per machine, device and number format of the decay tables: how many rows and settings, and how far off.

    ``largest`` is the largest difference from the local rows before training, in decades, over the ``compared``;
    ``beyond`` of them are further off than the ``tolerance``. ``other_code`` counts the jobs of other code.
    """
    local = results / "decay.parquet"
    lines = [line | {"folder": ""} for line, _ in counted(local, provenance(local))]
    for folder in folders(results):
        if (path := folder / "decay.parquet").is_file():
            lines += [line | {"folder": folder.name} for line in apart(local, path)]
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


def apart(local: Path, path: Path) -> list[dict[str, Any]]:
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
