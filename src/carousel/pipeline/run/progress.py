"""What a run is doing, read from what it wrote of itself and from its jobs' logs.

The run writes `logs/run.jsonl` (live.py): what is to be done, then a line for each job that starts, ends or fails.
Where a running job is, its own log says. That the run is still there, the lock says that dies with it.
"""

import fcntl
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from carousel.pipeline.run import joblog

EVENTS = Path("logs", "run.jsonl")  # inside the results of a study
SKEW = 2.0  # seconds that two clocks, or a clock and a file's time, may differ
QUEUE = 60.0  # seconds from a job's start to its first line: with more, it waited on a cluster
TO_DO = "waiting", "starting", "running"


@dataclass(frozen=True)
class Job:
    """One job of a run."""

    id: int
    name: str
    rule: str
    kind: str  # jobs of one kind take times that are alike
    log: str
    threads: int = 1
    before: float | None = None  # seconds that it took in an earlier run
    state: str = "waiting"  # or starting, running, done, failed
    since: float = 0.0  # when it started; 0 if it has not
    seconds: float = 0.0  # so far, or in all
    at: str = ""  # where it is, in words
    share: float | None = None  # of it that is done
    kept: int = 0  # batches that were there from an earlier run


@dataclass(frozen=True)
class Run:
    """A run and its jobs."""

    results: str
    started: float
    places: int  # jobs at once
    jobs: Sequence[Job]
    seconds: float  # since it started, until it ended
    over: bool


def read(results: Path, now: float) -> Run | None:
    """The last run in `results` as its files show it at the time `now`; None if there is none."""
    try:
        lines = (results / EVENTS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    events = [event for line in lines if (event := entry(line))]
    if not events or "jobs" not in events[0]:
        return None
    here = not ended(events) and locked(results)
    return run(results, events, now if here else max(event["time"] for event in events), over=not here)


def entry(line: str) -> dict[str, Any] | None:
    """One line of the events; None for one that is not all there."""
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) and isinstance(found.get("time"), int | float) else None


def ended(events: Sequence[Mapping[str, Any]]) -> bool:
    return "end" in events[-1]


def locked(results: Path) -> bool:
    """Whether a process has the lock of `results`: the run that wrote the events, as long as it lives."""
    try:
        with (results / ".lock").open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def run(results: Path, events: Sequence[Mapping[str, Any]], now: float, over: bool) -> Run:
    """The run whose events these are."""
    plan = events[0]
    jobs = {job["id"]: Job(**job) for job in plan["jobs"]}
    for event in events[1:]:
        if event.get("job") in jobs:
            jobs[event["job"]] = after(jobs[event["job"]], event)
    seen = [looked_at(job, now, over) for job in jobs.values()]
    return Run(str(results), plan["time"], plan["places"], seen, now - plan["time"], over)


def after(job: Job, event: Mapping[str, Any]) -> Job:
    """The job after one event: started, done or failed."""
    if event["is"] == "started":
        return replace(job, state="starting", since=event["time"])
    took = event.get("seconds") or event["time"] - job.since
    return replace(job, state=event["is"], seconds=took, kept=event.get("kept", 0))


def looked_at(job: Job, now: float, over: bool) -> Job:
    """A job that has started, with what its log says; back to waiting if its run is gone."""
    if job.state != "starting":
        return job
    if over:
        return replace(job, state="waiting")
    status = joblog.of(Path(job.log), job.since - SKEW)
    if status is None:
        return replace(job, seconds=now - job.since)
    waited = (status.started or job.since) - job.since > QUEUE
    since = status.started if waited and status.started else job.since
    return replace(
        job,
        state="running",
        seconds=max(now - since, 0.0),
        at=status.at,
        share=status.share,
        kept=status.kept,
    )
