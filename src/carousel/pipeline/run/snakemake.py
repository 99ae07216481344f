"""What is reached of Snakemake beside its rules: the plan of a run, its messages on the terminal, its rate limit.

The live view is a handler of Python's logging that the Snakefile adds when a run starts. A logger plugin would have to
be installed before Snakemake starts, and the workflow also runs from a folder that never was; and a plugin is sent
events without the plan: which jobs are to come, their logs and threads, which the forecast of the time left needs.
"""

import logging
import socket
import time
from pathlib import Path
from typing import Any

from carousel.pipeline.run import joblog
from carousel.pipeline.run.live import RunLog

MESSAGES = "DefaultStreamHandler"  # what Snakemake calls the handler of its messages on the terminal
UNASKED = 100, 1  # Snakemake's own limit: jobs, and in how many seconds


def follow(workflow: Any, results: Path) -> None:
    """Take over from Snakemake's messages, unless its user wants all of them or none."""
    logger, options = logging.getLogger("snakemake.logging"), workflow.output_settings
    handlers = [handler for handler in logger.handlers if handler.name == MESSAGES]
    quiet = {str(each).rpartition(".")[2].lower() for each in options.quiet or ()}
    if not handlers or options.verbose or options.printshellcmds or "all" in quiet:
        handlers = []
    stream = handlers[0].stream if handlers and isinstance(handlers[0], logging.StreamHandler) else None
    formatter = handlers[0].formatter if handlers else None
    for handler in handlers:
        logger.removeHandler(handler)
    logger.addHandler(RunLog(results, planned(workflow, results), stream, formatter))


def lift_rate_limit(workflow: Any) -> None:
    """Let jobs start as soon as others end, unless a user set a limit, or they go to a cluster.

    With its limit Snakemake looks for work every second, once more for every job that has ended: a tenth of the CPU
    time of a study. Its options and profiles can set another limit, but not none.
    """
    limit = workflow.scheduler.job_rate_limiter
    if limit and (limit.max_jobs, limit.timespan) == UNASKED and not workflow.resource_settings.nodes:
        workflow.scheduler.job_rate_limiter = None


def failed_logs(workflow: Any) -> list[str]:
    """The logs of the jobs that failed."""
    return [str(log) for failed in workflow.scheduler.failed for log in failed.log]


def planned(workflow: Any, results: Path) -> dict[str, Any]:
    """What is to be done, as the first event."""
    jobs = [described(job, results) for job in workflow.dag.needrun_jobs() if job.log]
    places = workflow.resource_settings.cores or workflow.nodes or 1
    return {
        "time": time.time(),
        "host": socket.gethostname(),
        "places": min(places, len(jobs) or 1),
        "jobs": jobs,
    }


def described(job: Any, results: Path) -> dict[str, Any]:
    """One of Snakemake's jobs as a progress.Job has it."""
    log = Path(str(job.log[0]))
    rule = joblog.rule(log, results / "logs")
    return {
        "id": job.jobid,
        "name": job.message or job.rule.name,
        "rule": rule,
        "kind": " ".join([rule, *filter(None, [job.wildcards_dict.get("backend")])]),
        "log": str(log),
        "threads": job.threads,
        "before": before(log),
    }


def before(log: Path) -> float | None:
    """Seconds that a job took when it was last run and had to measure everything."""
    last = joblog.of(log, 0.0)
    return last.took[0] if last and last.took and not last.kept else None
