"""Where tables from other machines lie: results/STUDY/other_machines/MACHINE/. Imports nothing that takes time."""

from pathlib import Path

FOLDER = "other_machines"
TABLES = "decay", "accuracy", "dynamics", "calibration"
"""What may be added, and what the verdicts need all of."""


def folders(results: Path | str) -> list[Path]:
    """The folders of other machines."""
    return sorted(path for path in (Path(results) / FOLDER).glob("[!.]*") if path.is_dir())


def measured(results: Path | str) -> list[str]:
    """The tables of other machines, as paths."""
    return [
        str(path)
        for folder in folders(results)
        for name in TABLES
        if (path := folder / f"{name}.parquet").exists()
    ]


def lacking(folder: Path) -> list[str]:
    """The tables that the verdicts would need and that a machine's folder lacks."""
    return [name for name in TABLES if not (folder / f"{name}.parquet").is_file()]


def judged(results: Path | str) -> list[str]:
    """The claims tables that the tables of other machines suffice for."""
    return [str(folder / "claims.parquet") for folder in folders(results) if not lacking(folder)]
