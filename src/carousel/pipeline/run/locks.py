"""One run at a time in a folder of results: a lock that dies with its process."""

import fcntl
import os
import platform
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from carousel.pipeline.run.job import NO_LOCKS
from carousel.tables.files import StoreError, remove, unwritten

GLANCE = 0.5  # seconds; who looks whether a run goes on holds its lock for less
PATIENCE = 5.0  # seconds; a job sees within one that its run is gone, and ends


def lock(folder: Path | str) -> IO[bytes]:
    """Keep `folder` to this process while the returned file is open; what killed writers left there is removed.

    Raises StoreError if another run has it, or jobs of one that was killed, or it cannot be written to.
    The kernel frees it when the process ends, however it ends: there is no stale lock.
    """
    folder = Path(folder)
    with ExitStack() as opened:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = opened.enter_context((folder / ".lock").open("ab+", buffering=0))
            _keep(folder, file)
        except OSError as error:
            if error.errno not in NO_LOCKS:
                raise StoreError(unwritten(folder, error)) from None
            print(f"{folder}: this file system has no locks; let one run alone write here", file=sys.stderr)
        opened.pop_all()
    return file


def _keep(folder: Path, file: IO[bytes]) -> None:
    """Lock `file`, say in it who has it, and clear up after killed writers. Raises StoreError or OSError."""
    _take(file, f"{folder}: another run is writing here{{}}; wait for it or stop it", GLANCE)
    with (folder / ".jobs").open("ab+", buffering=0) as jobs:
        _take(
            jobs, f"{folder}: jobs of a run that was killed are still at work here; wait for them", PATIENCE
        )
    for left in folder.rglob(".*.tmp"):
        remove(left)
    file.truncate(0)
    file.write(f" (process {os.getpid()} on {platform.node()})".encode())  # or a full disk shows now


def _take(file: IO[bytes], otherwise: str, patience: float) -> None:
    """Lock an open file, within `patience` seconds. Raises StoreError, which says `otherwise`, or OSError."""
    late = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > late:
                file.seek(0)
                raise StoreError(otherwise.replace("{}", file.read(99).decode())) from None
            time.sleep(0.1)
