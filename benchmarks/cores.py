"""One core and one thread for what is timed: imported, and called, before any library that starts threads."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

CORES = os.sched_getaffinity(0)


def pinned() -> None:
    """Keep this process to one core and its libraries to one thread; before they are imported."""
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


@contextmanager
def all_cores() -> Iterator[None]:
    """The cores that there were before this process was kept to one: for works that start processes of their own."""
    one = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES)
    try:
        yield
    finally:
        os.sched_setaffinity(0, one)
