"""What the Snakefile is given beside its rules: the study that runs, the environment of its jobs, its start and end."""

import logging
import os
import shlex
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from carousel.axes import BACKENDS
from carousel.pipeline.claim_paths import paths, seals_of
from carousel.pipeline.fingerprint import PACKAGE, PROJECT
from carousel.pipeline.rebuild import CONFIG, RESULTS
from carousel.pipeline.run import copies, job, locks, snakemake
from carousel.study import files, jobs
from carousel.study.errors import StudyError, allowed
from carousel.study.schema import Study
from carousel.study.slices import AnySlice, SearchSlice
from carousel.tables.files import StoreError

OPTIONS = "study", "exact"
"""What --config takes."""
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
"""glibc hands large blocks back to the kernel and fetches them again, which costs torch up to half its speed."""
_LOCKS: list[IO[bytes]] = []  # held as long as the process lives


class Setup(NamedTuple):
    """The study that runs, and what its rules need."""

    study: Study
    file: str  # its path
    results: Path  # the folder of its results
    exact: bool  # whether it takes the plain path throughout

    @property
    def snakefile(self) -> Path:
        """The workflow's own file, wherever it is started from."""
        return PROJECT / "Snakefile"

    @property
    def job(self) -> str:
        """What the command of every job stands behind, with its log in between."""
        return f"exec python -m carousel.pipeline.run.job {self.results}"

    def gathered(self, table: str) -> list[Path]:
        """The tables of jobs that `table` is gathered from, as paths."""
        return [self.results / f"{job}.parquet" for job in gathered(self.study)[table]]

    def file_with(self, job: str) -> str:
        """The path of the study, which has this job. Ends the process where it has not."""
        made = [Path(each) for names in gathered(self.study).values() for each in names]
        if Path(job) not in made:
            neighbours = [each.name for each in made if each.parent == Path(job).parent and not each.suffix]
            names = neighbours or sorted({str(each.parent) for each in made})
            sought = Path(job).name if neighbours else Path(job).parent
            sys.exit(f"{self.results / job}: the study has no such job; {allowed(sought, names)}")
        return self.file

    def tuning(self, task: str = "", cell: str = "") -> list[Path]:
        """The table of learning rates that the training of a cell on a task reads, or that of all; none without one."""
        here = jobs.tuned(self.study.training, task, cell) if task else jobs.tuning_jobs(self.study)
        return (
            [self.results / (f"tuning/{task}/{cell}.parquet" if task else "tuning.parquet")] if here else []
        )

    def claim_files(self) -> list[str]:
        """The files of claims that the study names, and those of their seals that are there. Ends the process."""
        files = paths(self.study.claims, Path(self.file).parent)
        if lacking := [path for path in files if not path.is_file()]:
            sys.exit(f"{self.file}: claims: there is no {lacking[0]}")
        return [str(path) for own in files for path in (own, seals_of(own)) if path.is_file()]

    def gpu(self, table: str, backend: str, cell: str) -> int | None:
        """The GPUs that the job of a cell on a backend needs; None asks Snakemake for none."""
        own = (each for each in slices(self.study)[table] if cell in each.cells and backend in each.backends)
        return gpus(own, [backend])


def setup(workflow: Any, config: Mapping[str, Any]) -> Setup:
    """The study that `config` names, checked, with the environment of its jobs set. Ends the process on an error."""
    here = workflow.is_main_process and not workflow.resource_settings.nodes  # not on a cluster's nodes
    try:
        file, exact = options(config)
        study, results = files.load(file), Path(RESULTS, files.name(file))
        if here:
            jobs.check_devices(study)
    except StudyError as error:
        sys.exit(str(error))
    os.environ.update(environment(file, exact))
    if here and not workflow.output_settings.dryrun:
        copies.start()
    logging.raiseExceptions = False  # a full disk, where Snakemake keeps its log, needs no traceback per line
    return Setup(study, file, results, exact)


def options(config: Mapping[str, Any]) -> tuple[str, bool]:
    """The file of the study that `config` names, and whether it is to take the plain path. Raises StudyError."""
    if not os.access(".", os.W_OK):
        raise StudyError(f"{Path.cwd()}: cannot be written to; start where results can be kept")
    if unknown := set(config) - {*OPTIONS}:
        raise StudyError(f"--config: found {', '.join(sorted(unknown))}; allowed: {', '.join(OPTIONS)}")
    if (exact := str(config.get("exact", False)).lower()) not in ("true", "false"):
        raise StudyError(f"--config: exact: found {config['exact']}; allowed: true, false")
    file = str(files.find(str(config.get("study", "standard"))))
    return file.removeprefix(f"{Path.cwd()}{os.sep}"), exact == "true"


def environment(file: str, exact: bool) -> dict[str, str]:
    """The environment of the jobs of a run of the study in `file`, by this package."""
    return {
        job.RUN: str(os.getpid()),
        CONFIG: shlex.join([f"study={file}", *["exact=true"] * exact]),
        "PYTHONPATH": before(PACKAGE.parent, "PYTHONPATH"),
        "PATH": before(Path(sys.executable).parent, "PATH"),
        "MPLBACKEND": "Agg",
        **MALLOC,
    }


def before(folder: Path, variable: str) -> str:
    """A list of folders of the environment with another one first."""
    return os.pathsep.join(filter(None, [str(folder), os.environ.get(variable)]))


def start(workflow: Any, results: Path) -> None:
    """Take the lock of the results, and over from Snakemake's messages. Ends the process where the lock is taken."""
    try:
        _LOCKS.append(locks.lock(results))
    except StoreError as error:
        sys.exit(str(error))
    snakemake.lift_rate_limit(workflow)
    snakemake.follow(workflow, results)


def fail(workflow: Any) -> None:
    """End the process of a run that failed with a line for each of its failed jobs."""
    sys.exit(job.why(snakemake.failed_logs(workflow)))


def slices(study: Study) -> dict[str, tuple[AnySlice, ...]]:
    """The slices of a study by the table that their jobs measure."""
    return {
        "decay": study.decay,
        "dynamics": study.dynamics,
        "depth": study.depth,
        "accuracy": study.training,
    }


def gpus(slices: Iterable[AnySlice | SearchSlice], backends: Iterable[str]) -> int | None:
    """The GPUs that a job needs which measures these slices on these backends; None for none."""
    able = any(BACKENDS[name].devices != ("cpu",) for name in backends)
    return 1 if able and any(each.device != "cpu" for each in slices) else None


def gathered(study: Study) -> dict[str, list[str]]:
    """By gathered table the tables of jobs that it is made of, as paths inside the results without their suffix."""
    trained = [f"accuracy/{b}/{task}/{cell}" for b, task, cell in jobs.accuracy_jobs(study)]
    return {
        "decay": [
            *(f"decay/{b}/{cell}" for b, cell in jobs.decay_jobs(study)),
            *(f"search/{each.slice}" for each in study.search),
            *(f"{job}.decay" for job in trained),
        ],
        "dynamics": [
            *(f"dynamics/{b}/{cell}" for b, cell in jobs.dynamics_jobs(study)),
            *(f"{job}.dynamics" for job in trained),
        ],
        "depth": [f"depth/{b}/{cell}" for b, cell in jobs.depth_jobs(study)],
        "accuracy": trained,
        "tuning": [f"tuning/{task}/{cell}" for task, cell in jobs.tuning_jobs(study)],
        "calibration": [f"calibration/{b}" for b in BACKENDS],
    }
