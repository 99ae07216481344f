"""Run one job of the pipeline: `python -m carousel.pipeline.run.job RESULTS LOG PROGRAM ARGUMENTS`.

What the program prints goes to its log, and where it fails, a line that says why. No job outlives the run that
started it; while it is at work it shares the lock RESULTS/.jobs, which a second run waits for.
"""

import errno
import fcntl
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from carousel.pipeline.run.copies import ask, kill

RUN = "CAROUSEL_RUN"
"""The environment variable with the process of the run, which may be gone before a job looks for its parent."""
NO_LOCKS = errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP
"""The errors of a file system without locks."""
KEPT = "what was finished is kept, the same command goes on from there"
MEMORY = re.compile(r"MemoryError|can't allocate memory|OutOfMemoryError|bad_alloc")
LESS = f"take fewer --cores, or less at once (batch, hidden and length of the study); {KEPT}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a job; its exit status, or 1 where a signal ended it."""
    results, log, *command = arguments or sys.argv[1:]
    try:
        with shared(Path(results)) as lock, Path(log).open("wb", buffering=0) as file:
            # which keeps room for the last line, should the disk fill up
            file.write(f"$ {shlex.join(command)}\n".encode())
            status = run(command, file, lock)
            line = reason(status, last(Path(log)))
            with suppress(OSError):
                file.write(f"{line}\n".encode() if line else b"")
    except OSError as error:
        print(f"{error.filename or log}: {error.strerror}; {KEPT}", file=sys.stderr)
        return 1
    return status if status >= 0 else 1


@contextmanager
def shared(results: Path) -> Iterator[int]:
    """Hold the lock of the jobs in `results`, where the file system has locks; the file that holds it."""
    with (results / ".jobs").open("a+") as file:  # NFS shares no lock on a file that is not open to be read
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise
        yield file.fileno()


def run(command: Sequence[str], log: IO[bytes], lock: int) -> int:
    """The exit status of `command`, which holds `lock` too, or minus the signal that ended it.

    Once its run is gone it is killed, which counts as SIGHUP.
    """
    parent = os.getppid()
    run = int(os.environ.get(RUN) or parent)
    signal.signal(signal.SIGINT, lambda *_: None)  # the command gets it too, and is waited for
    child = ask(command, log.fileno(), lock) or subprocess.Popen(
        command, stdout=log, stderr=subprocess.STDOUT, pass_fds=[lock]
    )
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    while True:
        try:
            return child.wait(timeout=1)
        except subprocess.TimeoutExpired:
            import psutil  # type: ignore[import-untyped]  # short jobs need not wait for it

            if os.getppid() != parent or not psutil.pid_exists(run):
                kill(child.pid)
                child.wait()
                return -signal.SIGHUP


def reason(status: int, line: str) -> str:
    """What to say of a job beyond the last `line` of its log: nothing where that says it."""
    if status == -signal.SIGKILL:
        return f"killed by the system, most likely for want of memory: {LESS}"
    if status < 0 and status != -signal.SIGINT:
        return f"ended by {signal.Signals(-status).name}; {KEPT}"
    return f"out of memory ({line}): {LESS}" if status and MEMORY.search(line) else ""


def why(logs: Iterable[Path | str]) -> str:
    """A line for each failed job: its log, and the last line of it."""
    lines = [f"{log}: {last(Path(log)) or silent(Path(log))}" for log in sorted(map(str, logs))]
    return "\n".join(lines) or f"Stopped; {KEPT}."


def last(log: Path) -> str:
    """The last line of a log; nothing if it has none but the command's."""
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines[1:] else ""
    return ""


def silent(log: Path) -> str:
    """What to say where a log is empty, as it is on a full disk."""
    if shutil.disk_usage(log.parent).free < 2**16:
        return f"no space left on the disk; make room and start again, {KEPT}"
    return "failed without a word"


if __name__ == "__main__":
    sys.exit(main())
