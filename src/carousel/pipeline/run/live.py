"""What a run says of itself: a file of events, and what is shown of them in place of Snakemake's messages.

On a terminal that is a view of the jobs, drawn again every second; without one, a line for each twentieth of the jobs
that is done. With both goes the end of a failed job's log. Snakemake's own log file still gets all of its messages.
"""

import io
import json
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from carousel.pipeline.run import joblog, progress
from carousel.pipeline.run.screen import Screen, short, summary

PARTS = 20  # lines that a run prints where there is no terminal
TAIL = 10  # lines of a failed job's log that are shown, and
WIDEST = 500  # characters of each


def events(results: Path) -> TextIO | None:
    """The file of events, empty; None where none can be made."""
    try:
        (results / progress.EVENTS).parent.mkdir(parents=True, exist_ok=True)
        return (results / progress.EVENTS).open("w", encoding="utf-8")
    except OSError:
        return None


class RunLog(logging.Handler):
    """Writes down what happens to the jobs of a run, and shows it."""

    def __init__(
        self, results: Path, plan: dict[str, Any], stream: TextIO | None, formatter: logging.Formatter | None
    ) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(formatter)
        self.results, self.screen, self.over = results, Screen(stream), threading.Event()
        self.jobs, self.events, self.done = {job["id"]: job for job in plan["jobs"]}, [plan], 0
        self.since = dict.fromkeys(self.jobs, 0.0)
        self.file = events(results)
        self.write(plan)
        self.screen.print(opening(results, plan))
        if self.screen.live:
            threading.Thread(target=self.redraw, daemon=True).start()

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self.take(record)
        except Exception:  # as logging's own handlers do: what cannot be shown does not stop the run
            self.handleError(record)

    def take(self, record: logging.LogRecord) -> None:
        """Write down and show what concerns the reader."""
        event = str(getattr(record, "event", None) or "")
        if event in SEEN:
            identity, state = SEEN[event]
            self.happened(getattr(record, identity), state, record)
        elif record.levelno >= logging.WARNING and not self.shown(record):
            self.screen.print(self.format(record))

    def shown(self, record: logging.LogRecord) -> bool:
        """Whether a message repeats what was shown of a failed job."""
        text = self.format(record)
        return "\nCalledProcessError in file" in text or text.startswith(
            "Exiting because a job execution failed"
        )

    def happened(self, job: int, state: str, record: logging.LogRecord) -> None:
        """Write down what became of a job, and show it."""
        if job not in self.jobs:
            return
        event: dict[str, Any] = {"time": time.time(), "job": job, "is": state}
        if state == "started":
            self.since[job] = event["time"] - progress.SKEW
        if (
            state == "done"
            and (status := joblog.of(Path(self.jobs[job]["log"]), self.since[job]))
            and status.took
        ):
            event |= {"seconds": status.took[0], "kept": status.kept}
        self.events.append(event)
        self.write(event)
        if state == "failed":
            words = str(getattr(record, "rule_msg", None) or "")
            self.screen.print(failure(self.jobs[job], self.since[job], words))
        elif state == "done" and not self.screen.live:
            self.report()

    def report(self) -> None:
        """Print a line if another part of the jobs is done."""
        self.done += 1
        parts = [done * PARTS // len(self.jobs) for done in (self.done - 1, self.done)]
        if parts[0] < parts[1] < PARTS:
            self.screen.print(short(self.run()))

    def run(self, over: bool = False) -> progress.Run:
        return progress.run(self.results, list(self.events), time.time(), over)

    def write(self, event: dict[str, Any]) -> None:
        """Add a line to the file of events; a disk that is full does not stop the run."""
        with suppress(OSError):
            print(json.dumps(event), file=self.file or io.StringIO(), flush=True)

    def redraw(self) -> None:
        """Draw the view again every second, until the run is over."""
        while not self.over.wait(1.0):
            run = self.run()
            with self.screen.lock:
                if not self.over.is_set():
                    self.screen.draw(run)

    def close(self) -> None:
        """Say how it ended; Snakemake closes its handlers, whatever the end."""
        with self.screen.lock:
            if not self.over.is_set():
                self.over.set()
                self.write({"time": time.time(), "end": True})
                with suppress(OSError, ValueError):  # a stream that is gone or closed
                    self.screen.print(summary(self.run(over=True)))
                if self.file:
                    self.file.close()
        super().close()


SEEN = {
    "job_info": ("jobid", "started"),
    "job_finished": ("job_id", "done"),
    "job_error": ("jobid", "failed"),
}
"""Snakemake's events that are written down: the field with the job's number, and what has become of it."""


def opening(results: Path, plan: Mapping[str, Any]) -> str:
    """The first line."""
    return (
        f"{results}: {len(plan['jobs'])} jobs, {plan['places']} at once; their logs are in {results / 'logs'}"
    )


def failure(job: Mapping[str, Any], since: float, message: str) -> str:
    """What there is to say of a job that started at `since` and failed: the end of its log."""
    log, lines = Path(job["log"]), [""]
    with suppress(OSError):
        if log.stat().st_mtime >= since:
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    more = [f"... {len(lines) - TAIL} lines before"] if len(lines) > TAIL else []
    shown = [f"    {plain(line)}" for line in [*more, *lines[-TAIL:], message] if line]
    return "\n".join([f"failed: {job['name']}; the end of {log}:", *(shown or ["    (nothing)"])])


def plain(line: str) -> str:
    """A line that does nothing to a terminal, and does not fill it."""
    return "".join(each if each.isprintable() else " " for each in line[:WIDEST])
