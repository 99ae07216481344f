"""The log of one job: its lines as they are written, and what they say when they are read again.

decay: lstm on numpy, started 2026-11-22T23:48:03+00:00 on somewhere, process 4711
cpu, float64; 1 thread; 3 batches, 1 of them kept; to measure: 84 models, 8400 steps in all
decay grid, batch 1 of 3: 64 models, 100 steps: kept
decay grid, batch 2 of 3: 64 models, 100 steps: 1.24 s
decay grid, batch 3 of 3: 20 models, 100 steps: 0.40 s
148 models, 3120 rows: results/standard/decay/numpy/lstm.parquet
job: 1.93 s, 1.91 s of CPU time
"""

import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

NAMED = r"^(.+), batch (\d+) of (\d+)(?:: (\d+) models, (\d+) steps)?: "
START = re.compile(r"^(.+), started (\S+) on (\S+), process (\d+)$", re.MULTILINE)
PLAN = re.compile(
    r"; (\d+) batch(?:es)?, (\d+) of them kept(?:; to measure: (\d+) models, (\d+) steps in all)?$",
    re.MULTILINE,
)
BATCH = re.compile(rf"{NAMED}(?:([\d.]+) s|kept)$", re.MULTILINE)
STEP = re.compile(rf"{NAMED}at step (\d+) of (\d+)$", re.MULTILINE)
LINE = "job: {wall:.2f} s, {cpu:.2f} s of CPU time"  # what a job prints when it is done
LAST = re.compile(r"^job: ([\d.]+) s, ([\d.]+) s of CPU time$", re.MULTILINE)
SECONDS = 3.0  # between two lines that say which step a batch is at
Progress = Callable[[int, int], None]  # called with a step, and how many there are


class BatchLine(NamedTuple):
    """Models that are measured at once; of a search, which finds out how many, none and no steps."""

    label: str
    models: int = 0
    steps: int = 0


class Status(NamedTuple):
    """What a log says so far."""

    started: float | None = None  # seconds since 1970
    at: str = ""  # in words
    share: float | None = None  # of what there is to measure
    took: tuple[float, float] | None = None  # wall and CPU seconds, if the job is done
    kept: int = 0  # batches that were not measured in this job


def begin(what: str) -> None:
    """Say which job this is, when and where."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    say(f"{what}, started {now} on {socket.gethostname()}, process {os.getpid()}")


def made(models: int, rows: int, path: Path | str) -> None:
    """Say what was measured."""
    say(f"{models} models, {rows} rows: {path}" if models else f"{rows} rows: {path}")


def end(wall: float, cpu: float) -> None:
    """Say what the job took, in seconds."""
    say(LINE.format(wall=wall, cpu=cpu))


def say(line: str) -> None:
    print(line, flush=True)


class BatchLog:
    """The log of the batches of models of one job, each with its line."""

    def __init__(self, how: str, batches: Sequence[BatchLine], kept: Sequence[bool]) -> None:
        """`how`: where and with what they are measured; `kept`: which of them are there from before."""
        self.batches, self.done = batches, 0
        left = [batch for batch, there in zip(batches, kept, strict=True) if not there]
        models, steps = sum(batch.models for batch in left), sum(batch.models * batch.steps for batch in left)
        to_do = f"; to measure: {models} models, {steps} steps in all" if models else ""
        threads = os.environ.get("OMP_NUM_THREADS", "all")
        say(
            f"{how}; {threads} thread{'s' * (threads != '1')}; "
            f"{len(batches)} batch{'es' * (len(batches) != 1)}, {sum(kept)} of them kept{to_do}"
        )

    def __enter__(self) -> "BatchLog":
        self.start = self.spoke = time.perf_counter()
        self.measured = False
        return self

    def __exit__(self, error: type | None, *_: object) -> None:
        took = f"{time.perf_counter() - self.start:.2f} s"
        self.say(f"stopped after {took}" if error else took if self.measured else "kept")
        self.done += 1

    def measuring(self, compute: Callable[[], Any]) -> Callable[[], Any]:
        """`compute`; when it is called, the batch was not there from before."""

        def noted() -> Any:
            self.measured = True
            return compute()

        return noted

    def step(self, step: int, steps: int) -> None:
        """Say that the batch is at `step` of `steps`, if there was no line for a while."""
        if time.perf_counter() - self.spoke >= SECONDS:
            self.spoke = time.perf_counter()
            self.say(f"at step {step} of {steps}")

    def say(self, state: str) -> None:
        batch = self.batches[self.done]
        size = f": {batch.models} models, {batch.steps} steps" if batch.models else ""
        say(f"{batch.label}, batch {self.done + 1} of {len(self.batches)}{size}: {state}")


def read(text: str) -> Status:
    """What a log says, however much of it there is yet; nothing if it is none of this kind."""
    text = text[: text.rfind("\n") + 1]
    start, plan, done = START.search(text), PLAN.search(text), last(LAST.finditer(text))
    found = list(BATCH.finditer(text))
    at, share = place(text, plan, found) if plan else ("", None)
    return Status(
        datetime.fromisoformat(start[2]).timestamp() if start else None,
        at,
        share,
        (float(done[1]), float(done[2])) if done else None,
        sum(batch[6] is None for batch in found),
    )


def place(text: str, plan: re.Match[str], found: Sequence[re.Match[str]]) -> tuple[str, float]:
    """Where a job is, in words and as a share of what it has to measure."""
    measured = [batch for batch in found if batch[6]]
    step = last(STEP.finditer(text, found[-1].end() if found else 0))
    within = int(step[6]) / int(step[7]) if step else 0.0
    if plan[4]:
        unit, done, whole = "models", sum(int(batch[4]) for batch in measured), int(plan[3])
        steps = sum(int(batch[4]) * int(batch[5]) for batch in measured)
        share = (steps + (int(step[4]) * int(step[5]) * within if step else 0.0)) / int(plan[4])
    else:
        unit, done, whole = "batches", len(measured), int(plan[1]) - int(plan[2])
        share = (done + within) / whole if whole else 1.0
    now = f", step {step[6]} of {step[7]}" if step else ", writing" if len(found) == int(plan[1]) else ""
    return f"{done} of {whole} {unit}{now}", min(share, 1.0)


def last(found: Iterable[re.Match[str]]) -> re.Match[str] | None:
    """The last match, if there is one."""
    return max(found, key=re.Match.end, default=None)


def rule(log: Path, logs: Path) -> str:
    """What the time of a job counts as: its rule, and of a rule that makes several tables which of them.

    It is the first part of the log's path inside `logs`.
    """
    return log.relative_to(logs).parts[0].removesuffix(".log")


def of(log: Path, since: float) -> Status | None:
    """What a file says that was written to after `since`; None if none was."""
    try:
        fresh = log.stat().st_mtime >= since
        return read(log.read_text(encoding="utf-8", errors="replace")) if fresh else None
    except OSError:
        return None
