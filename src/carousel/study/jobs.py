"""The jobs of a study, and the devices that they need."""

from collections.abc import Iterable
from typing import TypeVar

from carousel.axes import BACKENDS
from carousel.engine.backends.table import DeviceError, load
from carousel.study.errors import StudyError, allowed, short
from carousel.study.schema import Study
from carousel.study.slices import AnySlice, SearchSlice, TrainingSlice

T = TypeVar("T")


def decay_jobs(study: Study) -> list[tuple[str, str]]:
    """(backend, cell) of each decay job."""
    return _unique((b, c) for s in study.decay for b in s.backends for c in s.cells)


def dynamics_jobs(study: Study) -> list[tuple[str, str]]:
    """(backend, cell) of each dynamics job."""
    return _unique((b, c) for s in study.dynamics for b in s.backends for c in s.cells)


def depth_jobs(study: Study) -> list[tuple[str, str]]:
    """(backend, cell) of each depth job."""
    return _unique((b, c) for s in study.depth for b in s.backends for c in s.cells)


def search_job(study: Study, name: str) -> SearchSlice:
    """The search called `name`, which is one job. Raises StudyError."""
    by_name = {each.slice: each for each in study.search}
    if name not in by_name:
        raise StudyError(f"no job for {short(name)}; {allowed(name, by_name)}")
    return by_name[name]


def accuracy_jobs(study: Study) -> list[tuple[str, str, str]]:
    """(backend, task, cell) of each training job."""
    return _unique((b, t, c) for s in study.training for b in s.backends for t in s.tasks for c in s.cells)


def tuned(slices: Iterable[TrainingSlice], task: str, cell: str) -> list[TrainingSlice]:
    """Those of some slices that choose the learning rate of a cell on a task."""
    return [s for s in slices if task in s.tasks and cell in s.cells and len(s.learning_rates) > 1]


def tuning_jobs(study: Study) -> list[tuple[str, str]]:
    """(task, cell) of each job that chooses learning rates."""
    jobs = _unique((t, c) for s in study.training for t in s.tasks for c in s.cells)
    return [job for job in jobs if tuned(study.training, *job)]


def _unique(jobs: Iterable[T]) -> list[T]:
    return list(dict.fromkeys(jobs))


def device_of(backend: str, device: str) -> str:
    """Where `backend` measures a slice that names `device`: there, or on the CPU if it takes no device of that kind."""
    return device if device.partition(":")[0] in BACKENDS[backend].devices else "cpu"


def check_devices(study: Study) -> None:
    """Raise StudyError where a slice names a device that is not here; loads a backend for one but the CPU alone."""
    slices: list[AnySlice | SearchSlice] = [*study.decay, *study.dynamics, *study.depth]
    for each in [*slices, *study.search, *study.training]:
        for backend in each.backends:
            if device_of(backend, each.device) != "cpu":
                try:
                    load(backend, each.device, each.dtype)
                except DeviceError as error:
                    raise StudyError(f"slice {each.slice}: {error}") from None
