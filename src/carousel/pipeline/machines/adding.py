"""Tables from another machine, checked and copied beside the local ones: results/STUDY/other_machines/MACHINE/."""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from carousel.pipeline.machines.machine import Machine, machine_of, other_jobs
from carousel.tables import schemas
from carousel.tables.files import StoreError, whole_folder
from carousel.tables.machine_folders import FOLDER, TABLES
from carousel.tables.parquet import names, provenance, schema, verify
from carousel.tables.provenance import malformed, merge


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
    for each in (path, local) if local else (path,):
        if wrong := malformed(provenance(each)):
            raise StoreError(f"{each}: {wrong}")
    wanted = dict(typed(local)) if local else dict.fromkeys(schemas.names(name))
    found = dict(typed(path)) if local else dict.fromkeys(names(path))
    if odd := sorted({name for name, _ in found.items() ^ wanted.items()}):
        raise StoreError(f"{path}: column {odd[0]} is not as in {local or 'a table of ' + name}")


def typed(path: Path) -> list[tuple[str, str]]:
    """The columns of a table and what they hold."""
    return [(field.name, str(getattr(field.type, "value_type", field.type))) for field in schema(path)]


def same_sweep(results: Path, local: Mapping[str, Any], new: Mapping[str, Path]) -> None:
    """Raise StoreError for a table of another study; titles, devices, number formats and backends may differ."""
    for name, path in new.items():
        origin = provenance(path)
        if name != "calibration" and origin.get("sweep") != local.get("sweep"):
            ours = f"{local.get('study')} in {results} ({local.get('sweep')})"
            raise StoreError(
                f"{path}: measured for study {origin.get('study')} ({origin.get('sweep')}), which is not {ours}"
            )


def same_code(local: Mapping[str, Any], origin: Mapping[str, Any], allowed: bool) -> None:
    """Raise StoreError where a job of both was run by different code."""
    if not allowed and (changed := other_jobs(local, origin)):
        raise StoreError(
            f"{len(changed)} of {len(origin['jobs'])} jobs were run by other code than here, such as {changed[0]} "
            f"(commit {origin.get('commit')}, here {local.get('commit')}); --other-code puts them beside all the same"
        )


def absent(results: Path, machine: Machine, here: Machine) -> None:
    """Raise StoreError where this machine and device are there already."""
    if machine[:2] == here[:2] and set(machine.devices) <= set(here.devices):
        raise StoreError(f"{machine}: the machine and device that {results} was measured on, or of its kind")
    if (folder := results / FOLDER / machine.slug).exists():
        raise StoreError(f"{machine}: already in {folder}; remove that folder to put new tables there")
