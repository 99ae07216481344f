"""Jobs of a local run as copies of one process: `python -m carousel.pipeline.run.copies ADDRESS`, on Linux.

To import what a job needs takes longer than most jobs measure. One process of the run imports it once, what the first
jobs need while Snakemake still plans, and is copied (forked) for each job; it computes nothing itself, so that a copy
is as good as a process of its own.
It ends with its run, and each copy with the process that asked for it. Where there is no such process, or the code has
changed since it was imported, a job starts as a program of its own.
"""

import atexit
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

ADDRESS = "CAROUSEL_COPIES"
"""The environment variable with the name of the socket at which copies are asked for."""
PROGRAM = ["python", "-m", "carousel"]
"""How the commands begin that a copy can run."""
CODE = Path(__file__).parents[2]
"""The package's folder."""
COMPILED = "carousel.engine.compiled.engine"
"""What the NumPy backend imports once it is made."""
FIRST = ["calibrate", "numpy"]
"""What the first jobs of a run are about."""
STATISTICS, TESTING = "scipy.stats", ("judge", "explore", "draw", "diagnosed")
"""A package that takes half a second to import, and the jobs that do so when they come to need it."""
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
LONGEST = 2**17  # bytes of a message


class Copy:
    """A job that runs as a copy, with what its starter needs of `subprocess.Popen`."""

    def __init__(self, connection: socket.socket, pid: int) -> None:
        self.connection, self.pid = connection, pid

    def wait(self, timeout: float | None = None) -> int:
        """The job's exit status, or minus the signal that ended it. Raises subprocess.TimeoutExpired."""
        self.connection.settimeout(timeout)
        try:
            answer = self.connection.recv(LONGEST)
        except TimeoutError:
            raise subprocess.TimeoutExpired("a copy", timeout or 0.0) from None
        self.connection.close()
        if answer:
            return int(answer)
        kill(self.pid)  # what it is a copy of is gone
        return -signal.SIGKILL

    def terminate(self) -> None:
        """Ask the job to end."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGTERM)


class Running(NamedTuple):
    """A copy that is at work: its process, a file that can be read once it has ended, and who asked for it."""

    pid: int
    end: int
    asked: socket.socket


def start() -> subprocess.Popen | None:
    """Start the process to be copied for the jobs of this one; None where the system has no means to."""
    address = f"carousel-{os.getpid()}-{os.urandom(8).hex()}"
    command = [sys.executable, "-m", __name__, address]
    environment = os.environ | ONE_THREAD | {ADDRESS: address}
    try:
        os.close(os.pidfd_open(os.getpid()))
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment)
    except (AttributeError, OSError):  # another system; one that forbids it, or to run the interpreter
        return None
    os.environ[ADDRESS] = address
    atexit.register(end, process)
    return process


def end(process: subprocess.Popen) -> None:
    """End the process that is copied, and count what it and its copies took to this one."""
    process.terminate()
    process.wait()


def ask(command: Sequence[str], output: int, lock: int) -> Copy | None:
    """A copy that runs `command`, prints to the file `output` and holds the file `lock`; None where there is none."""
    address = os.environ.get(ADDRESS)
    message = "\0".join([sys.prefix, str(Path.cwd()), *command[3:]]).encode()
    if not address or [*command[:3]] != PROGRAM or len(message) > LONGEST:
        return None
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        connection.connect(f"\0{address}")
        socket.send_fds(connection, [message], [output, lock])
        return Copy(connection, int(connection.recv(LONGEST)))
    except (OSError, ValueError):
        connection.close()
        return None


def serve(address: str) -> list[str] | None:
    """Copy this process for each job that asks, until its run is gone; in a copy, return the job's arguments."""
    run, code, running = os.getppid(), times(), list[Running]()
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
        listener.bind(f"\0{address}")
        listener.listen(256)
        loaded(FIRST, code)  # while Snakemake works out what is to be done
        while os.getppid() == run:
            watched = {listener: None} | {file: job for job in running for file in (job.end, job.asked)}
            for file in readable(watched):
                job = watched[file]
                if job is None and (arguments := copied(listener, code, running)) is not None:
                    return arguments
                if job in running:
                    running.remove(job)
                    finish(job)
    for job in running:
        kill(job.pid)
    return None


def readable(files: Iterable[Any]) -> list[Any]:
    """Those of some files that can be read now, or the first that can within a second."""
    with selectors.DefaultSelector() as selector:
        for file in files:
            selector.register(file, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(timeout=1)]


def times() -> dict[Path, int]:
    """When each file of the package was written last."""
    return {path: path.stat().st_mtime_ns for path in CODE.rglob("*.py")}


def copied(listener: socket.socket, code: dict[Path, int], running: list[Running]) -> list[str] | None:
    """Begin the job that asks, if its user and environment are this process's and the code is still that of `code`.

    In the copy, return the job's arguments.
    """
    connection, _ = listener.accept()
    message, files, *_ = socket.recv_fds(connection, LONGEST, 2)
    user = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    prefix, folder, *arguments = message.decode().split("\0")
    same = user == os.getuid() and prefix == sys.prefix and len(files) == 2
    pid = os.fork() if same and loaded(arguments, code) else None
    if pid == 0:
        for other in running:
            other.asked.close()
            os.close(other.end)
        connection.close()
        become(folder, arguments[0], files[0])  # the other file, a lock, is held as long as it is open
        return arguments
    for file in files:
        os.close(file)
    if pid is None:
        connection.close()
    else:
        running.append(Running(pid, os.pidfd_open(pid), connection))
        connection.send(str(pid).encode())
    return None


def loaded(arguments: Sequence[str], code: dict[Path, int]) -> bool:
    """Whether all that a job needs is imported, as it stands in the package's files."""
    try:
        load(arguments)
        return times() == code
    except Exception:  # whatever it is, the job meets it as a program of its own, and says so
        return False


def load(arguments: Sequence[str]) -> None:
    """Import what a job with these arguments needs, and read its study and what code it rests on, each once."""
    from carousel.axes import BACKENDS
    from carousel.cells import CELLS
    from carousel.pipeline.fingerprint import MEASURING, STARTS, files
    from carousel.pipeline.rebuild import running
    from carousel.study.files import load as study

    import_module("carousel.__main__")
    if file := running().get("study"):
        study(file)
    for module in [*STARTS.get(arguments[0], ()), *[STATISTICS] * (arguments[0] in TESTING)]:
        import_module(module)
    for name in (name for name in BACKENDS if name in arguments):
        compiled = [COMPILED] if find_spec("numba") else []
        for module in (BACKENDS[name].factory.partition(":")[0], *compiled, *MEASURING.values()):
            import_module(module)
        for table in MEASURING:
            files(table, [name], CELLS)


def become(folder: str, command: str, output: int) -> None:
    """Make this copy the job's: its name among the system's processes, its folder, its output, its signals."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(f"carousel {command}", encoding="ascii")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(folder)
    os.dup2(output, 1)
    os.dup2(output, 2)


def run(arguments: Sequence[str]) -> int:
    """Run the job that this copy is; the exit status of a program of its own."""
    from carousel.__main__ import main

    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def finish(job: Running) -> None:
    """Say the exit status of a job that has ended; one whose starter is gone is killed."""
    if not readable([job.end]):
        kill(job.pid)
    status = os.waitstatus_to_exitcode(os.waitpid(job.pid, 0)[1])
    with suppress(OSError):
        job.asked.send(str(status).encode())
    job.asked.close()
    os.close(job.end)


def kill(process: int) -> None:
    """Kill a process and all that it started."""
    import psutil  # type: ignore[import-untyped]  # which few jobs need, and each would wait for

    with suppress(psutil.NoSuchProcess):
        top = psutil.Process(process)
        for each in [top, *top.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                each.kill()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the jobs get it too, and with them the run ends
    given = serve(sys.argv[1])
    if given is not None:
        os._exit(run(given))  # to take down all that was imported would take longer than most jobs
