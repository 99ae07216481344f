"""Where tables were measured, and which of their jobs were run by other code."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from carousel.pipeline.fingerprint import code
from carousel.pipeline.machines.matching import texts


class Machine(NamedTuple):
    """Where tables were measured."""

    machine: str
    gpu: str
    devices: tuple[str, ...]

    @property
    def slug(self) -> str:
        """Its folder."""
        name = " ".join(filter(None, [self.gpu, self.machine, *self.devices])).lower()
        return re.sub(r"[^a-z0-9]+", "-", name).strip("-")

    def __str__(self) -> str:
        return f"{', '.join(filter(None, [self.gpu, self.machine]))} ({', '.join(self.devices)})"


def machine_of(origin: Mapping[str, Any], paths: Iterable[Path]) -> Machine:
    """The machine and the devices that tables were measured on."""
    devices = {device for path in paths for device in texts(path, "device").unique()}
    machine, gpu = (listed(origin.get(key, "")) for key in ("machine", "gpu"))
    return Machine(machine, gpu, tuple(sorted(devices)))


def listed(value: Any) -> str:
    """A value of a provenance as a text, be it one or several."""
    return " and ".join(value) if isinstance(value, list) else str(value)


def other_jobs(local: Mapping[str, Any], origin: Mapping[str, Any]) -> list[str]:
    """The jobs behind tables from other code than the local ones, or than that of now where these lack them.

    A search that was not run here is left out: the code behind it depends on its study.
    """
    ours, theirs = local.get("jobs", {}), origin.get("jobs", {})
    known = {job: ours.get(job) or code(job) for job in theirs}
    unknown = {job for job in theirs if job.startswith("search/") and not known[job]}
    return [job for job, made in theirs.items() if made != known[job] and job not in unknown]
