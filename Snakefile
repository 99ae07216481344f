"""From a study to its report: measure, gather, judge, draw, report.

    snakemake --cores 4 --config study=smoke        a study of config/, or the path of a yaml file
    snakemake --cores 4 --config exact=true         the plain path throughout, however slow
    snakemake --cores 4 results/standard/decay/numpy/lstm.parquet
"""

import logging
import os
import shlex
import sys

SRC = os.path.join(workflow.basedir, "src")
sys.path.insert(0, SRC)

from carousel.axes import BACKENDS
from carousel.cells import CELLS
from carousel.pipeline import rebuild as remake, fingerprint as sources, seed_stability as stability
from carousel.study import schema as study
from carousel.tables import machine_folders as abroad
from carousel.pipeline.run import job

if not os.access(".", os.W_OK):
    sys.exit(f"{os.getcwd()}: cannot be written to; start where results can be kept")
if unknown := set(config) - {"study", "exact"}:
    sys.exit(f"--config: found {', '.join(sorted(unknown))}; allowed: study, exact")
if (asked := str(config.get("exact", False)).lower()) not in ("true", "false"):
    sys.exit(f"--config: exact: found {config['exact']}; allowed: true, false")
EXACT = " --exact" if asked == "true" else ""
try:
    STUDY_FILE = str(study.find(str(config.get("study", "standard")))).removeprefix(os.getcwd() + os.sep)
    STUDY = study.load(STUDY_FILE)
    if workflow.is_main_process and not workflow.resource_settings.nodes:  # a cluster's nodes have their own
        study.check_devices(STUDY)
except study.StudyError as error:
    sys.exit(str(error))

RESULTS = "results/" + study.name(STUDY_FILE)
RUN = f"exec python -m carousel.pipeline.run.job {RESULTS} {{log}} "  # every command stands behind it
ENVIRONMENT = {
    job.RUN: str(os.getpid()),
    remake.CONFIG: shlex.join([f"study={STUDY_FILE}", *EXACT.replace(" --exact", "exact=true").split()]),
    "PYTHONPATH": os.pathsep.join(filter(None, [SRC, os.environ.get("PYTHONPATH")])),
    "PATH": os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]]),
    "MPLBACKEND": "Agg",
    # glibc hands large blocks back to the kernel and fetches them again, which costs torch up to half its speed
    "MALLOC_MMAP_THRESHOLD_": str(2**30),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}
os.environ.update(ENVIRONMENT)
logging.raiseExceptions = False  # a full disk, where Snakemake keeps its own log, needs no traceback a line

onstart:
    global LOCK  # held as long as the process lives
    from pathlib import Path
    from carousel.tables import parquet as store
    from carousel.pipeline.run import live, locks

    try:
        LOCK = locks.lock(RESULTS)
    except store.StoreError as error:
        sys.exit(str(error))
    limit = workflow.scheduler.job_rate_limiter
    if limit and (limit.max_jobs, limit.timespan) == (100, 1) and not workflow.resource_settings.nodes:
        # nobody asked for it, and with it Snakemake looks for work every second, once more for every job that has ended
        workflow.scheduler.job_rate_limiter = None
    live.follow(workflow, Path(RESULTS), Path(STUDY_FILE).with_suffix(".times.json"))

onerror:
    sys.exit(job.why(each for failed in workflow.scheduler.failed for each in failed.log))

include: "workflow/rules/measure.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/stability.smk"

rule all:
    default_target: True
    input: rules.report.output
