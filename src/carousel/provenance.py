"""Where a table comes from: code, versions, machine and study, without a time, so that bytes repeat."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from carousel import __version__
from carousel.study import digest, load


def describe(study: Path) -> dict[str, Any]:
    """The provenance of a table measured now for `study`."""
    content = load(study)
    asked = {
        "study": study.stem,
        "title": content.title,
        "study_hash": digest(study),
        "seed": content.seed,
    }
    return asked | made_here()


def made_here() -> dict[str, Any]:
    """The part of a provenance that tells of code, versions and machine."""
    return {
        "carousel": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("numpy", "scipy", "pandas", "scikit-learn", "torch")},
        "numba": version("numba") if find_spec("numba") else "not installed",
        "machine": f"{processor()}, {platform.system()} {platform.machine()}",
    }


def merge(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The provenance of a table gathered from several: one value where they agree, else the sorted list of all."""
    merged: dict[str, Any] = {}
    for key in dict.fromkeys(key for part in parts for key in part):
        found = [part[key] for part in parts if key in part]
        values = sorted({value for each in found for value in (each if isinstance(each, list) else [each])})
        merged[key] = values[0] if len(values) == 1 else values
    return merged


def commit() -> str:
    """The git commit of the code that runs, marked where the working tree differs; "unknown" outside git."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor() -> str:
    """The processor's model, as Linux tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
