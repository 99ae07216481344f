"""A run as its reader sees it: lines of text, and a terminal on which they are drawn again and again."""

import os
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from typing import TextIO

from carousel.pipeline.run.forecast import left
from carousel.pipeline.run.progress import TO_DO, Job, Run

BAR = 24  # characters


class Screen:
    """Where words are printed and, on a terminal, a view below them is drawn again and again; None: nowhere."""

    def __init__(self, stream: TextIO | None) -> None:
        self.stream, self.drawn = stream, 0
        self.live = bool(stream and terminal(stream))
        self.lock = threading.RLock()

    def print(self, words: str) -> None:
        """Print something that stays."""
        with self.lock:
            self.put(words.splitlines())
            self.drawn = 0

    def draw(self, run: Run) -> None:
        """Print the view of a run in place of the last one."""
        with self.lock:
            width, height = size(self.stream) if self.live else (sys.maxsize, sys.maxsize)
            lines = text(run, width - 1, height - 1)
            self.put(lines)
            self.drawn = len(lines) if self.live else 0

    def put(self, lines: Sequence[str]) -> None:
        if self.stream and lines:
            erasing = f"\x1b[{self.drawn}A\x1b[J" if self.drawn else ""
            self.stream.write(erasing + "".join(f"{line}\n" for line in lines))
            self.stream.flush()


def text(run: Run, width: int = 100, height: int = 40) -> list[str]:
    """What there is to say of a run that is under way, in at most `height` lines of `width` characters."""
    count = Counter(job.state for job in run.jobs)
    active = [job for job in run.jobs if job.state in ("starting", "running")]
    failed = [f"failed: {job.name}, see {job.log}" for job in run.jobs if job.state == "failed"]
    share = count["done"] / max(len(run.jobs), 1)
    bar = "#" * int(BAR * share)
    words = [
        f"{len(active)} running",
        f"{count['waiting']} to come",
        *[f"{len(failed)} failed"] * bool(failed),
    ]
    lines = [
        f"{run.results}: {count['done']} of {len(run.jobs)} jobs done, {', '.join(words)}",
        f"[{bar:-<{BAR}}] {share:4.0%}   {duration(run.seconds)} so far   {time_left(run)}",
        *(row(job, max((len(each.name) for each in active), default=0)) for job in active),
    ]
    room = max(height - len(lines), 0)
    return [line[:width].rstrip() for line in [*lines, *failed[-room:]][:height]]


def row(job: Job, width: int) -> str:
    """One running job."""
    return f"  {job.name:<{width}}  {duration(job.seconds):>11}  {job.at or 'starting' * (job.state == 'starting')}"


def short(run: Run) -> str:
    """A run that is under way, in one line."""
    done = sum(job.state == "done" for job in run.jobs)
    words = [f"{done} of {len(run.jobs)} jobs done", f"{duration(run.seconds)} so far", time_left(run)]
    return f"{run.results}: {', '.join(filter(None, words))}"


def time_left(run: Run) -> str:
    """The time left in words; nothing as long as it is known of few of the jobs."""
    rest = [job for job in run.jobs if job.state in TO_DO]
    seconds, unknown = left(run)
    if not rest or 3 * unknown > len(rest):
        return ""
    more = f" and {unknown} job{'s' * (unknown > 1)} of unknown length" if unknown else ""
    return f"about {duration(seconds)} left{more}"


def summary(run: Run) -> str:
    """A run that is over, in one line."""
    count = Counter(job.state for job in run.jobs)
    took = f"{run.results}: {count['done']} of {len(run.jobs)} jobs done in {duration(run.seconds)}"
    if count["done"] == len(run.jobs):
        return took
    failed = f", {count['failed']} failed" if count["failed"] else ""
    return f"{took}{failed}, then the run stopped; the same command goes on from there"


def duration(seconds: float) -> str:
    """Seconds as one reads them."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02} min"


def terminal(stream: TextIO) -> bool:
    """Whether a view can be drawn on `stream` again and again, for a person who looks at it."""
    plain = os.environ.get("CI") or os.environ.get("TERM", "dumb") == "dumb"
    return not plain and stream.isatty()


def size(stream: TextIO | None) -> tuple[int, int]:
    """Columns and lines of the terminal behind `stream`."""
    try:
        found = os.get_terminal_size(stream.fileno() if stream else -1)
    except OSError:
        found = shutil.get_terminal_size()
    return (found.columns or 80, found.lines or 24)
