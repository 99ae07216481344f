"""Interrupt the smoke study again and again, and see that it keeps its word.

    python tests/tools/faults.py --kills 50 --seed 1 --folder /tmp/faults

An uninterrupted study is the reference. In a copy of it, outputs and finished blocks are removed and the study is
started and ended at a random moment of a random phase, by SIGKILL to all its processes (as in a power cut), by SIGKILL
to Snakemake alone, by SIGTERM or by Ctrl-C. After each: no process is left, every file is whole, and every finished
block is still there, untouched. In the end the study is let finish, and its files are the reference's byte for byte.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pandas as pd
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

from support import offline
from support.checkouts import copied

from carousel.tables import parquet

RESULTS = Path("results/smoke")
OUTPUT, LOGS, MARK = "output.txt", ".snakemake/log", "CAROUSEL_FAULTS"
WAYS = "KILL", "KILL alone", "TERM", "INT"
PHASES = {  # phase: how the messages of its rules begin, what they make, the longest wait before the kill in seconds
    "measuring": (
        ("measuring", "learning", "searching", "calibration"),
        "cache/*.parquet decay/*/*.parquet dynamics/*/*.parquet depth/*/*.parquet "
        "accuracy/*/*/*.parquet search/* calibration/*",
        12,
    ),
    "start-up": ((), "decay.parquet", 4),
    "gathering": (
        ("gathering",),
        "decay.parquet accuracy.parquet dynamics.parquet depth.parquet calibration.parquet",
        3,
    ),
    "judging": (
        ("summing", "deciding", "choosing"),
        "summary.parquet routes.parquet claims.* agreement.parquet explorer.json",
        6,
    ),
    "drawing": (("drawing",), "figures", 8),
    "rendering": (("adding", "writing"), "timings.parquet report.html", 8),
}
TIMES = {"timings.parquet", "report.html"}
"""Files that say how long the jobs of this run took, and so differ."""


class Kill(NamedTuple):
    """One interruption: how, in which phase, seconds after the start, and what was there after it."""

    way: str
    phase: str
    after: float
    files: int
    blocks: int
    left: int


def start(folder: Path, *targets: str, cores: int = 2, before: Sequence[str] = ()) -> subprocess.Popen:
    """The smoke study, begun in `folder` by the command `before`; what it prints goes to a file there."""
    command = [
        *before,
        sys.executable,
        "-m",
        "snakemake",
        "--cores",
        str(cores),
        "--config",
        "study=smoke",
        "--",
        *targets,
    ]
    environment = os.environ | {MARK: str(folder)}
    shutil.rmtree(folder / LOGS, ignore_errors=True)
    # a shell's background job ignores it, and so would Snakemake
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with (folder / OUTPUT).open("w") as file:
        return subprocess.Popen(
            command,
            cwd=folder,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=environment,
        )


def finish(folder: Path, *targets: str, before: Sequence[str] = ()) -> None:
    """Let the study come to its end. Raises AssertionError, with what it printed, if it fails."""
    status = start(folder, *targets, before=before).wait()
    assert status == 0, (folder / OUTPUT).read_text()


def smoke(folder: Path) -> Path:
    """`folder`, with the repository and a finished smoke study, made without network where that is permitted."""
    finish(copied(folder), before=offline.PREFIX if offline.permitted() else ())
    return folder


def announced(folder: Path) -> list[str]:
    """The phases of the jobs that were begun, in order."""
    texts = [log.read_text(errors="replace") for log in (folder / LOGS).glob("*.log")]
    said = [line.partition(": ")[2] for line in "".join(texts).splitlines() if line.startswith("Job ")]
    return [
        phase for each in said for phase, (heads, _, _) in PHASES.items() if heads and each.startswith(heads)
    ]


def remove_some(results: Path, phase: str, rng: random.Random) -> None:
    """Remove a third of what the phase makes, one thing at least, and all that comes after it."""
    there = made(results, phase)
    some = [each for each in there if rng.random() < 0.3] or there[:1]
    later = list(PHASES)[list(PHASES).index(phase) + 1 :]
    for path in {*some, *(each for name in later for each in made(results, name))}:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def made(results: Path, phase: str) -> list[Path]:
    """The files and folders that the rules of a phase have made."""
    return sorted(path for pattern in PHASES[phase][1].split() for path in results.glob(pattern))


def interrupt(folder: Path, way: str, phase: str, rng: random.Random) -> Kill:
    """Start the study in `folder`, end it in `way` in `phase`, or later, and check what is left."""
    remove_some(folder / RESULTS, phase, rng)
    before, began = blocks(folder), time.monotonic()
    run = start(folder)
    while run.poll() is None and phase not in ("start-up", *announced(folder)):
        time.sleep(0.02)
    end = time.monotonic() + rng.uniform(0, PHASES[phase][2])
    while run.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    after, reached = time.monotonic() - began, (announced(folder) or ["start-up"])[-1]
    if run.poll() is None:
        send(run.pid, way)
    if run.wait(timeout=600) == 0:  # it had finished
        return interrupt(folder, way, phase, rng)
    nothing_runs(folder)
    left = len([*(folder / RESULTS).rglob(".*.tmp")])
    return Kill(way, reached, after, whole_files(folder / RESULTS), kept(before, blocks(folder)), left)


def send(process: int, way: str) -> None:
    """End a run as a power cut, the system, `kill` or Ctrl-C does."""
    number = signal.Signals[f"SIG{way.split()[0]}"]
    if way in ("KILL", "INT"):
        os.killpg(process, number)
    else:
        os.kill(process, number)


def nothing_runs(folder: Path, patience: float = 60) -> None:
    """Raise AssertionError if a process of an ended run is there after `patience` seconds."""
    late = time.monotonic() + patience
    while found := [*processes(folder)]:
        assert time.monotonic() < late, f"still at work: {found}"
        time.sleep(0.2)


def processes(folder: Path) -> Iterator[list[str]]:
    """The command lines of all processes that a run in `folder` has started."""
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(folder):
                yield process.cmdline()
        except psutil.Error:
            continue


def blocks(folder: Path) -> dict[str, int]:
    """The finished blocks in the cache: name, and when it was made."""
    return {path.name: path.stat().st_mtime_ns for path in (folder / RESULTS / "cache").glob("[!.]*.parquet")}


def kept(before: dict[str, int], now: dict[str, int]) -> int:
    """How many blocks there are. Raises AssertionError if one of those before is gone or was made again."""
    again = [name for name, made in before.items() if now.get(name) != made]
    assert not again, f"finished blocks that are gone or were measured again: {again}"
    return len(now)


def whole_files(results: Path) -> int:
    """How many files there are. Raises an error for the first that is not whole; temporary names do not count."""
    count = 0
    for path in sorted(results.rglob("*.*")):
        if path.suffix in OPENED and not any(
            part.startswith(".") for part in path.relative_to(results).parts
        ):
            OPENED[path.suffix](path)
            count += 1
    return count


def page(path: Path) -> None:
    """Raise AssertionError for a page, or the piece of one that `figures/` has, without its end."""
    end = "</html>" if path.name == "report.html" else ">"
    assert path.read_text().rstrip().endswith(end), f"{path} is cut short"


OPENED = {
    ".parquet": parquet.load,
    ".json": lambda path: json.loads(path.read_text()),
    ".csv": lambda path: pd.read_csv(path, comment="#" if path.parent.name == "data" else None),
    ".svg": ElementTree.parse,
    ".html": page,
}


def same(results: Path, reference: Path) -> int:
    """How many files equal the reference's, byte for byte: all but logs and times. Raises AssertionError.

    A block that was removed from the cache is measured again only for a table that was removed too.
    """
    names = {path.relative_to(reference) for path in reference.rglob("[!.]*.*") if path.is_file()}
    gone = {name for name in names if name.parts[0] == "cache" and not (results / name).exists()}
    names = {name for name in names - gone if name.parts[0] not in {"logs", *TIMES}}
    differ = [str(n) for n in sorted(names) if (results / n).read_bytes() != (reference / n).read_bytes()]
    assert not differ, f"not the reference's bytes: {differ}"
    return len(names)


def campaign(
    folder: Path, reference: Path, ways: Sequence[str], phases: Sequence[str], seed: int
) -> list[Kill]:
    """Interrupt a copy of the finished study of `reference`, once for each way and phase."""
    rng = random.Random(seed)
    shutil.copytree(reference, folder, dirs_exist_ok=True)
    kills = []
    for number, (way, phase) in enumerate(zip(ways, phases, strict=True), 1):
        kill = interrupt(folder, way, phase, rng)
        kills.append(kill)
        print(
            f"{number:3d}  {kill.way:10s}  {kill.phase:9s} after {kill.after:5.1f} s: {kill.files} files whole,"
            f" {kill.blocks} blocks kept, {kill.left} temporaries left",
            flush=True,
        )
    return kills


def go_on(folder: Path, *targets: str) -> None:
    """Let an interrupted study finish, and see that it keeps its finished blocks and clears up."""
    before = blocks(folder)
    finish(folder, *targets)
    kept(before, blocks(folder))
    assert not [*(folder / RESULTS).rglob(".*.tmp")], "temporaries of killed jobs are still there"


def drawn(kills: int, seed: int) -> tuple[list[str], list[str]]:
    """Ways and phases: measuring twice as often as the others.

    The last phase comes first, so that only measuring, at the end, has all to do again.
    """
    rng, phases = random.Random(seed), [*PHASES, "measuring"]
    ways = [WAYS[k % len(WAYS)] for k in range(kills)]
    rng.shuffle(ways)
    return ways, sorted((phases[k % len(phases)] for k in range(kills)), key=[*PHASES].index, reverse=True)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="a new folder for both studies")
    parser.add_argument("--reference", type=Path, help="a copy of the repository with a finished smoke study")
    args = parser.parse_args()
    folder = (args.folder or Path(tempfile.mkdtemp(prefix="faults-"))).resolve()
    os.environ.pop("PYTHONPATH", None)  # the copy's own code
    reference = args.reference or folder / "reference"
    if not args.reference:
        reference.mkdir(parents=True)
        finish(copied(reference))
    kills = campaign(folder / "interrupted", reference, *drawn(args.kills, args.seed), args.seed)
    go_on(folder / "interrupted")
    files = same(folder / "interrupted" / RESULTS, reference / RESULTS)
    print(f"finished: {files} files are the reference's, byte for byte")
    for what in ("way", "phase"):
        print(
            f"by {what}:", ", ".join(f"{n} {c}" for n, c in Counter(getattr(k, what) for k in kills).items())
        )
    print(f"{len(kills)} interruptions, all survived")


if __name__ == "__main__":
    main()
