"""Where a table comes from: code, versions, machine and study, without a time, so that bytes repeat."""

import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from carousel import __version__, project_folder
from carousel.axes import BACKENDS
from carousel.engine.backends.table import device_name
from carousel.pipeline.fingerprint import code, study_hash, sweep
from carousel.study.schema import Study

LIBRARIES = "scipy", "pandas", "scikit-learn"
"""Packages beside those of the backends whose version a provenance names."""


def describe(
    name: str, study: Study, job: str, exact: bool, devices: Iterable[str] = ("cpu",)
) -> dict[str, Any]:
    """The provenance of the table that `job` measures now, on `devices`, for the `study` called `name`.

    ``sweep`` is what ``study_hash`` is but for title, backends, device and dtype: what two machines can compare.
    """
    measured = {
        "study": name,
        "title": study.title,
        "study_hash": study_hash(study),
        "sweep": sweep(study),
        "seed": study.seed,
    }
    return measured | made_by(job, exact, code(job, study)) | made_here() | graphics(devices)


def made_by(job: str, exact: bool, code: str) -> dict[str, Any]:
    """The part of a provenance on the job and its code."""
    return {"jobs": {job: code}, "exact": exact}


def made_here() -> dict[str, Any]:
    """The part of a provenance on code, versions and machine."""
    return {
        "carousel": __version__,
        "commit": commit(),
        "python": platform.python_version(),
        **{name: version(name) for name in (*(backend.package for backend in BACKENDS.values()), *LIBRARIES)},
        "numba": version("numba") if find_spec("numba") else "not installed",
        "machine": f"{processor()}, {platform.system()} {platform.machine()}",
    }


def graphics(devices: Iterable[str]) -> dict[str, str]:
    """The names of the graphics processors among `devices`; a backend's library is loaded only if there is one."""
    found = sorted({device for device in devices if device != "cpu"})
    return {"gpu": ", ".join(dict.fromkeys(map(device_name, found)))} if found else {}


def commit() -> str:
    """The git commit of the code that runs, marked where the working tree differs; "unknown" outside its checkout.

    An installed package may lie in somebody else's repository, whose commit would say nothing of it.
    """
    here = project_folder()
    own = ["git", f"--git-dir={here / '.git'}", f"--work-tree={here}"]
    try:
        return subprocess.run(
            [*own, "describe", "--always", "--abbrev=12", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def processor() -> str:
    """The processor's model, as Linux names it."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
