"""When a run will be over, as far as it is known from what its jobs took."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

from carousel.pipeline.run.progress import TO_DO, Job, Run

ENOUGH = 0.1  # of a job has to be done before its own pace says when it ends


def left(run: Run) -> tuple[float, int]:
    """Seconds that the rest of a run takes, as far as is known, and how many of its jobs are not in that.

    A running job goes on at its own pace. Another one takes what it took before, times by how much its kind, or else
    all, is slower now; or else what jobs of its kind, or of its rule, take on average. Jobs that are the only one of
    their rule come one after the other, the others as many at once as there are places.
    """
    rest = [job for job in run.jobs if job.state in TO_DO]
    count, pace = Counter(job.rule for job in run.jobs), paces(run.jobs)
    known = {job.id: time for job in rest if (time := remaining(job, pace)) is not None}
    single = sum(known[job.id] for job in rest if job.id in known and count[job.rule] == 1)
    several = [(known[job.id], job.threads) for job in rest if job.id in known and count[job.rule] > 1]
    work = sum(time * min(threads, run.places) for time, threads in several) / run.places
    return single + max([work, *(time for time, _ in several)]), len(rest) - len(known)


Pace = Mapping[str, tuple[float, float | None]]  # mean seconds, and how many times as long as before


def paces(jobs: Sequence[Job]) -> Pace:
    """What the jobs that are done say of each kind, of each rule, and, under no name, of all."""
    groups: dict[str, list[Job]] = {}
    for job in jobs:
        if job.state == "done" and not job.kept:
            for name in {job.kind, job.rule, ""}:
                groups.setdefault(name, []).append(job)
    return {name: (fmean(job.seconds for job in group), slower(group)) for name, group in groups.items()}


def slower(done: Sequence[Job]) -> float | None:
    """How many times as long as before jobs take."""
    both = [(job.seconds, job.before) for job in done if job.before]
    return sum(now for now, _ in both) / sum(before for _, before in both) if both else None


def remaining(job: Job, pace: Pace) -> float | None:
    """Seconds that a job still takes; None if there is nothing to go by."""
    if job.share is not None and job.share >= ENOUGH:
        return job.seconds * (1 - job.share) / job.share
    mean, factor = pace.get(job.kind) or pace.get(job.rule) or (None, None)
    if job.before is not None:
        mean = job.before * (factor or pace.get("", (0.0, None))[1] or 1.0)
    return None if mean is None else max(mean - job.seconds, 0.0)
