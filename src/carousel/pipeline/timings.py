"""What each rule of a study cost: wall and CPU time, read from the last line of its jobs' logs."""

from pathlib import Path

import pandas as pd

from carousel.pipeline.run import joblog
from carousel.tables.schemas import names


def timings(logs: Path) -> pd.DataFrame:
    """Return one row per rule: jobs, and their wall and CPU time in seconds, summed; longest: of one job.

    A job that took finished batches from the cache counts the time of this run alone.
    """
    jobs = [job for log in sorted(logs.rglob("*.log")) if (job := read(log, logs))]
    table = pd.DataFrame(jobs, columns=["rule", "wall", "cpu"])
    sums = table.groupby("rule").agg(
        jobs=("wall", "size"), longest=("wall", "max"), wall=("wall", "sum"), cpu=("cpu", "sum")
    )
    return sums.reset_index()[names("timings")]


def read(log: Path, logs: Path) -> tuple[str, float, float] | None:
    """Return rule, wall and CPU seconds of one job; None for a log that does not say."""
    took = joblog.read(log.read_text(encoding="utf-8", errors="replace")).took
    return (joblog.rule(log, logs), *took) if took else None
