"""A Slurm cluster of several small nodes on this machine, from Debian's packages, over the loopback alone.

    apt-get install slurmctld slurmd slurm-client munge; pip install --requirement requirements-slurm.lock
    python tests/tools/slurm.py start FOLDER      a cluster to try things on; what it keeps goes to FOLDER
    python tests/tools/slurm.py stop FOLDER
    python tests/tools/slurm_study.py             the smoke study on one

Needs root. Job steps read /etc/slurm/slurm.conf alone, so that a link stands there as long as the cluster runs;
where there is such a file already, it is another cluster's, and nothing is started.
"""

import argparse
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

CONF = Path("/etc/slurm/slurm.conf")
COMMANDS = "slurmctld slurmd sbatch squeue scontrol munged".split()
RUN = Path("/run")
"""Where daemons keep what lasts as long as they run: everybody may enter it, root alone writes to it."""
NODES = ("left", "right")
PATH = os.pathsep.join(["/usr/sbin", "/sbin", os.environ["PATH"]])
SETTINGS = """
ClusterName=carousel
SlurmctldHost={host}(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmctldPort={port}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
StateSaveLocation={folder}/state
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdSpoolDir={folder}/spool.%n
SlurmdPidFile={folder}/slurmd.%n.pid
SlurmdLogFile={folder}/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=5,batch_sched_delay=1
MinJobAge=3600
KillWait=2
ReturnToService=2
SlurmdParameters=config_overrides
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


def missing() -> str:
    """Why no cluster can be started here; empty where one can."""
    if absent := [name for name in COMMANDS if not shutil.which(name, path=PATH)]:
        return (
            f"Debian's packages slurmctld, slurmd, slurm-client and munge are not installed: no {absent[0]}"
        )
    if not find_spec("snakemake_executor_plugin_slurm"):
        return "snakemake-executor-plugin-slurm is not installed: requirements-slurm.lock"
    if os.geteuid() != 0:
        return "only root can start munge and Slurm's daemons"
    if os.path.lexists(CONF):
        return f"{CONF} is there: this machine is part of a cluster, or another test runs"
    return ""


def start(folder: Path) -> None:
    """Start munge, the controller and the nodes; returns when all nodes are ready."""
    (folder / "state").mkdir(parents=True)
    (folder / "slurm.conf").write_text(settings(folder))
    CONF.symlink_to(folder / "slurm.conf")
    start_munge(folder / "munge")
    daemon("slurmctld")
    for node in NODES:
        daemon("slurmd", "-N", node)
    wait(lambda: states() == {"idle"}, "the nodes are not ready")


def settings(folder: Path) -> str:
    """The text of slurm.conf."""
    host = socket.gethostname()
    line = "NodeName={} NodeHostname={} NodeAddr=127.0.0.1 Port={} CPUs=1 RealMemory=64000 State=UNKNOWN"
    nodes = "\n".join(line.format(node, host, free_port()) for node in NODES)
    return SETTINGS.format(host=host, port=free_port(), folder=folder, nodes=nodes)


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as end:
        end.bind(("127.0.0.1", 0))
        return end.getsockname()[1]


def start_munge(folder: Path) -> None:
    """Start munge with a key of its own, in a folder of its own in RUN, to which `folder` becomes a link.

    It demands that nobody else can write to where it works, and its user cannot enter a temporary folder of root's.
    """
    folder.symlink_to(tempfile.mkdtemp(prefix="carousel-munge-", dir=RUN))
    folder = folder.readlink()
    folder.chmod(0o755)  # of the socket's folder it demands that all may enter it
    (folder / "key").write_bytes(os.urandom(128))
    (folder / "key").chmod(0o400)
    for path in (folder, folder / "key"):
        shutil.chown(path, "munge", "munge")
    places = ("key-file=key", "pid-file=munged.pid", "log-file=log", "seed-file=seed", "socket=socket")
    options = [f"--{name}={folder / file}" for name, file in (place.split("=") for place in places)]
    daemon("runuser", "-u", "munge", "--", "munged", *options)


def daemon(*command: str) -> None:
    """Run what puts itself into the background."""
    subprocess.run(command, check=True, env=os.environ | {"PATH": PATH}, stdin=subprocess.DEVNULL)


def stop(folder: Path) -> None:
    """End the daemons of this cluster, by the ids that they wrote down, and take away what is outside its folder."""
    for file in (*folder.glob("slurmd.*.pid"), folder / "slurmctld.pid", folder / "munge" / "munged.pid"):
        end(int(file.read_text())) if file.exists() else None
    if (munge := folder / "munge").is_symlink():
        shutil.rmtree(munge.readlink())
        munge.unlink()
    if CONF.is_symlink() and CONF.readlink() == folder / "slurm.conf":
        CONF.unlink()


def end(process: int) -> None:
    """Ask a process to end; force it after ten seconds."""
    try:
        os.kill(process, signal.SIGTERM)
        for _ in range(100):
            time.sleep(0.1)
            os.kill(process, 0)
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        pass


@contextmanager
def cluster(folder: Path) -> Iterator[None]:
    """A cluster as long as the block runs."""
    try:
        start(folder)
        yield
    finally:
        stop(folder)


def states() -> set[str]:
    """The states of the nodes."""
    return set(told("sinfo", "--noheader", "--Node", "--format=%T"))


def told(*command: str) -> list[str]:
    """The lines that a command of Slurm prints."""
    return subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[:-1]


def wait(ready, complaint: str, seconds: float = 60) -> None:
    """Return as soon as `ready()` holds."""
    late = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > late:
            raise TimeoutError(complaint)
        time.sleep(0.2)


def main() -> None:
    """The command line."""
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    command.add_argument("what", choices=("start", "stop"))
    command.add_argument("folder", type=Path)
    args = command.parse_args()
    if args.what == "start" and (reason := missing()):
        sys.exit(reason)
    {"start": start, "stop": stop}[args.what](args.folder.resolve())


if __name__ == "__main__":
    main()
