"""The smoke study on a Slurm cluster on this machine, and again with a job cancelled and nodes taken away.

    python tests/tools/slurm_study.py [--keep FOLDER]

The results have to be the same bytes as those of a run without Slurm.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.checkouts import copied
from tools.slurm import NODES, cluster, missing, told, wait


def snakemake(folder: Path, *options: str) -> subprocess.Popen[str]:
    """The smoke study started in `folder`, a copy of the repository; its output goes to `folder`/run.log."""
    command = [sys.executable, "-m", "snakemake", "--config", "study=smoke", *options]
    plugin = find_spec("snakemake_executor_plugin_slurm")
    path = str(Path(plugin.origin).parents[1]) if plugin and plugin.origin else ""
    environment = os.environ | {"PYTHONPATH": path}
    with (folder / "run.log").open("w") as log:
        return subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=environment)


def here(folder: Path) -> subprocess.Popen[str]:
    """The same without Slurm."""
    return snakemake(folder, "--cores", "2")


def on_slurm(folder: Path) -> subprocess.Popen[str]:
    """The same on the cluster; it has no accounting, and jobs of seconds are asked after often."""
    quick = "--slurm-init-seconds-before-status-checks 2 --seconds-between-status-checks 2".split()
    bare = "--slurm-no-account --slurm-status-command squeue".split()
    single = "--max-threads", "1"  # a node has one core, and the figures would be drawn on two
    return snakemake(folder, "--profile", "profiles/slurm", *bare, *quick, *single)


def jobs(state: str, rule: str = "") -> list[tuple[str, str]]:
    """(number, node) of the jobs in this state whose rule starts so."""
    lines = told("squeue", "--noheader", f"--states={state}", "--format=%i|%N|%k")
    parts = [line.split("|") for line in lines]
    return [(number, node) for number, node, comment in parts if comment.startswith(f"rule_{rule}")]


def restarts() -> int:
    """How often Slurm has started a job again."""
    lines = told("scontrol", "--oneliner", "show", "job")
    return sum(int(line.split("Restarts=")[1].split()[0]) for line in lines if "Restarts=" in line)


def trouble() -> dict[str, str]:
    """Cancel a training job half-way, let the next one's node fail, drain the other; returns job and node of each."""
    cancelled, _ = running("accuracy")
    told("scancel", cancelled)
    wait(lambda: cancelled not in dict(jobs("RUNNING,COMPLETING")), "the job goes on")
    lost, down = running("accuracy")
    set_node(down, "down")
    (drained,) = set(NODES) - {down}
    set_node(down, "resume")
    set_node(drained, "drain")  # what runs there goes on to its end
    wait(
        lambda: f"{drained} drained" in told("sinfo", "--noheader", "--Node", "--format=%N %T"), "no end", 900
    )
    wait(lambda: down in dict(jobs("RUNNING")).values(), "nothing runs", 900)
    set_node(drained, "resume")
    return {"cancelled": cancelled, "lost": lost, "down": down, "drained": drained}


def running(rule: str) -> tuple[str, str]:
    """(number, node) of a job of `rule` that has been at work for some seconds."""
    wait(lambda: jobs("RUNNING", rule), f"no job of {rule} runs", 900)
    found = jobs("RUNNING", rule)[0]
    time.sleep(5)
    return found


def set_node(node: str, state: str) -> None:
    """Set the state of a node."""
    told("scontrol", "update", f"nodename={node}", f"state={state}", "reason=test")


RUNS = {"here": (here, dict), "on_slurm": (on_slurm, dict), "in_trouble": (on_slurm, trouble)}
"""How the study is run, and what is done meanwhile."""
EXCEPT = ("logs", "timings.parquet", "report.html")
"""Results that tell how long things took: never the same bytes twice."""


def results(folder: Path) -> dict[str, bytes]:
    """The bytes of every result but those of EXCEPT, by its path."""
    top = folder / "results" / "smoke"
    inside = {str(path.relative_to(top)): path for path in top.rglob("[!.]*") if path.is_file()}
    return {name: path.read_bytes() for name, path in inside.items() if name.split("/")[0] not in EXCEPT}


def study(folder: Path, names: Sequence[str] = tuple(RUNS)) -> dict[str, float]:
    """The smoke study by `names` of RUNS: seconds, jobs and repetitions. Raises AssertionError unless all end alike."""
    checkouts = {name: copied(made_folder(folder / name)) for name in names}
    with cluster(folder / "cluster"):
        found = {f"{name}, seconds": seconds_of(name, checkout) for name, checkout in checkouts.items()}
        found["jobs of Slurm"] = len(told("squeue", "--noheader", "--states=all"))
        found["started again by Slurm"] = restarts()
    logs = [(checkout / "run.log").read_text() for checkout in checkouts.values()]
    found["cancelled, and submitted again"] = sum(log.count("SLURM status is: 'CANCELLED'") for log in logs)
    made = [results(checkout) for checkout in checkouts.values()]
    assert not (unlike := differing(made)), unlike
    return found | {"files alike": len(made[0])}


def seconds_of(name: str, checkout: Path) -> float:
    """Run the study in a way of RUNS. Raises RuntimeError, with its output, where it fails."""
    start = time.perf_counter()
    begin, meanwhile = RUNS[name]
    with begin(checkout) as run:
        try:
            print(name, meanwhile(), flush=True)
            status = run.wait(3600)
        finally:
            run.terminate()
    if status:
        raise RuntimeError((checkout / "run.log").read_text())
    return time.perf_counter() - start


def differing(made: Sequence[dict[str, bytes]]) -> list[str]:
    """The results that are not the same in all runs."""
    names = sorted(set().union(*made))
    return [name for name in names if len({each.get(name) for each in made}) > 1]


def made_folder(path: Path) -> Path:
    """`path`, which is made."""
    path.mkdir(parents=True)
    return path


def main() -> None:
    """The command line."""
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    command.add_argument("--keep", type=Path, help="an empty folder for all that the runs leave")
    kept = command.parse_args().keep
    if reason := missing():
        sys.exit(reason)
    with tempfile.TemporaryDirectory(prefix="carousel-slurm-") as folder:
        for name, number in study((kept or Path(folder)).resolve()).items():
            print(f"{name}: {number:.0f}")


if __name__ == "__main__":
    main()
