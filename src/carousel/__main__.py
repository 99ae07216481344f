"""Run a study; check, compare, judge and describe results; diagnose; and what the rules of the workflow call."""

import argparse
import errno
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from carousel import lacking
from carousel.axes import BACKENDS
from carousel.engine.backends.table import DeviceError
from carousel.pipeline.commands.check import check
from carousel.pipeline.commands.claims import decide, seal
from carousel.pipeline.commands.diagnose import diagnose, diagnosed
from carousel.pipeline.commands.export import export
from carousel.pipeline.commands.measure import accuracy, calibrate, decay, depth, dynamics, search, tune
from carousel.pipeline.commands.render import RenderError, render
from carousel.pipeline.commands.results import add, compare, machines
from carousel.pipeline.commands.run import run
from carousel.pipeline.commands.tables import (
    draw,
    explore,
    gather,
    judge,
    published,
    reseed,
    stability,
    summarise,
    timings,
)
from carousel.pipeline.commands.watch import watch
from carousel.pipeline.rebuild import explained
from carousel.pipeline.run import joblog
from carousel.study import files
from carousel.study.errors import StudyError, one_line
from carousel.tables.files import StoreError
from carousel.tasks import DataError

Run = Callable[[argparse.Namespace], int | None]
UNCHECKED = 2
"""The exit status of `check` where there is nothing that could be checked; 1 is that of findings."""

NO_ACCESS = errno.EACCES, errno.EPERM, errno.ELOOP, errno.ENAMETOOLONG
"""What the system says of paths that only their giver can do something about."""


class Parser(argparse.ArgumentParser):
    """A command line whose errors are one line, as those of its commands."""

    def error(self, message: str) -> NoReturn:
        raise StudyError(f"{self.prog}: {' '.join(message.split())}; --help lists what is allowed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; bad input is one line on standard error and status 1."""
    start, given = time.perf_counter(), sys.argv[1:] if arguments is None else arguments
    try:
        args = parser().parse_args(checked(given))
        if args.logged:
            joblog.begin(title(args))
        status = args.run(args)
    except (StudyError, StoreError, DeviceError, DataError, RenderError, ModuleNotFoundError) as error:
        if isinstance(error, ModuleNotFoundError) and not lacking(error):
            raise
        return refused(given, lacking(error) or explained(error))
    except OSError as error:
        if error.errno not in NO_ACCESS or not error.filename:
            raise
        return refused(given, f"{error.filename}: {error.strerror}")
    if args.logged:
        joblog.end(time.perf_counter() - start, time.process_time())
    return status or 0


def refused(given: Sequence[str], why: str) -> int:
    """Say in one line why a command line is not run to its end; its exit status."""
    print(one_line(why), file=sys.stderr)
    return UNCHECKED if "check" in given[:1] else 1


def checked(given: Sequence[str]) -> Sequence[str]:
    """The words of a command line. Raises StudyError for `--option=--`, which argparse reads as no value, and zeros."""
    for word in given:
        if "\0" in word:
            raise StudyError(f"carousel: {word[:60]}: found a zero byte; allowed: text")
        if re.fullmatch("--[a-z-]+=--", word):
            raise StudyError(f"carousel: {word}: found '--'; allowed: a value")
    return given


def title(args: argparse.Namespace) -> str:
    """The job in a few words: the command, and which of its jobs."""
    names = [getattr(args, name) for name in ("slice", "cell", "task", "backend") if hasattr(args, name)]
    return " ".join([args.run.__name__, *names])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = Parser(prog="carousel", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    add_run(commands)
    add_result_sets(commands)
    add_claims(commands)
    add_diagnose(commands)
    add_jobs(commands)
    add_tables(commands)
    return top


def added(commands: Any, run: Run, *paths: str, logged: bool = True) -> argparse.ArgumentParser:
    """The options of the command that calls `run`, each of `paths` among them; `logged` where it is a job's."""
    command: argparse.ArgumentParser = commands.add_parser(
        run.__name__, help=run.__doc__, description=run.__doc__
    )
    command.set_defaults(run=run, logged=logged)
    for path in paths:
        command.add_argument(f"--{path}", type=Path, required=True)
    return command


def add_run(commands: Any) -> None:
    """The command that runs a study."""
    running = added(commands, run, logged=False)
    running.add_argument("study", help=f"{', '.join(files.names())}; or the path of a yaml file")
    running.add_argument("options", nargs=argparse.REMAINDER, help="of Snakemake: --cores 4, --dry-run ...")


def add_jobs(commands: Any) -> None:
    """The commands that measure."""
    paths = "study", "cache", "out"
    cells = [added(commands, run, *paths) for run in (decay, dynamics, depth, accuracy)]
    for path in ("decay-out", "dynamics-out"):
        cells[-1].add_argument(f"--{path}", type=Path, required=True)
    cells[-1].add_argument(
        "--tuning", type=Path, help="the learning rates that are chosen for the cell on the task"
    )
    tuning = added(commands, tune, *paths)
    for command in (cells[-1], tuning):
        command.add_argument("--task", required=True)
    for command in (*cells, tuning):
        command.add_argument("--cell", required=True)
    on_backend = [*cells, added(commands, calibrate, "out")]
    for command in on_backend:
        command.add_argument("--backend", choices=BACKENDS, required=True)
    searching = added(commands, search, *paths)
    searching.add_argument("--slice", required=True)
    for command in (*on_backend, tuning, searching):
        command.add_argument("--exact", action="store_true", help="take the plain path throughout")


def add_tables(commands: Any) -> None:
    """The commands that make tables, texts and figures from tables."""
    added(commands, gather, "out").add_argument("tables", type=Path, nargs="+")
    added(commands, summarise, "decay", "out", "routes")
    tables = "decay", "accuracy", "dynamics", "calibration"
    added(commands, judge, "study", *tables, "out", "csv", "json", "evidence", "agreement")
    tables = "decay", "accuracy", "summary", "routes"
    added(commands, explore, *tables, "explorer", "advice", "half-lives", "learned")
    added(commands, published, "accuracy", "dynamics", "out", "csv")
    drawn = "decay", "accuracy", "claims", "evidence", "summary", "dynamics", "learned", "depth"
    drawing = added(commands, draw, *drawn, "out")
    drawing.add_argument("--cores", type=int, default=1, help="processes that share the figures: 1")
    added(commands, diagnosed, "advice", "out")
    added(commands, reseed, "study", "out").add_argument("--seed", type=int, required=True)
    added(commands, stability, "claims", "out").add_argument("others", type=Path, nargs="+")
    added(commands, timings, "logs", "out")
    added(commands, machines, "results", "out")
    rendering = added(commands, render, "results", "out")
    rendering.add_argument("--renderer", choices=("auto", "quarto", "embedded"), default="auto")
    rendering.add_argument("--summary", type=Path, help="a file of Markdown with the page in short")


def add_result_sets(commands: Any) -> None:
    """The commands on the results of whole studies."""
    adding = added(commands, add, "results", logged=False)
    adding.add_argument(
        "given", type=Path, nargs="+", help="tables, or folders with decay.parquet and the like"
    )
    adding.add_argument("--other-code", action="store_true", help="even where other code measured them")
    comparing = added(commands, compare, logged=False)
    comparing.add_argument("left", type=Path, help="a folder like results/standard")
    comparing.add_argument("right", type=Path)
    comparing.add_argument("--out", type=Path, help="write the comparison as a table, too")
    comparing.add_argument("--fail", action="store_true", help="end with status 1 where anything moved")
    checking = added(commands, check, logged=False)
    checking.add_argument("results", type=Path, help="a folder like results/standard")
    checking.add_argument("--junit", type=Path, help="write the findings as JUnit has them, too")
    checking.add_argument("--json", type=Path, help="write them as JSON, too; - for standard output")
    exporting = added(commands, export, logged=False)
    exporting.add_argument("results", type=Path, help="a folder like results/standard")
    added(commands, watch, "results", logged=False).add_argument(
        "--once", action="store_true", help="show it once"
    )


def add_claims(commands: Any) -> None:
    """The commands on claims."""
    said = "Decide claims from tables; seal their rules."
    own = commands.add_parser("claims", help=said, description=said)
    verbs = own.add_subparsers(required=True, metavar="COMMAND")
    sealing, deciding = added(verbs, seal, logged=False), added(verbs, decide, "results", logged=False)
    for command in (sealing, deciding):
        command.add_argument("claims", nargs="*", default=["standard"], help="standard, or files of claims")
    sealing.add_argument(
        "--seen",
        type=int,
        nargs="+",
        required=True,
        help="master seeds of the studies whose results are known",
    )


def add_diagnose(commands: Any) -> None:
    """The command on a checkpoint of one's own."""
    command = added(commands, diagnose, "checkpoint", logged=False)
    command.add_argument("--prefix", help="of the names of its weights, where there are several modules")
    command.add_argument("--nonlinearity", default="tanh", help="of an RNN: tanh or relu")
    for name, number in {"length": 100, "batch": 4, "seed": 1}.items():
        command.add_argument(
            f"--{name}", type=int, default=number, help=f"of the noise that it reads: {number}"
        )
    command.add_argument("--advice", type=Path, help="the advice.parquet of a study, to compare with")
    command.add_argument("--figure", type=Path, help="draw it there, too")
    command.add_argument("--html", type=Path, help="write it there as a fragment of HTML, too")
    command.add_argument("--json", type=Path, help="write its tables there, too; - prints them instead")


if __name__ == "__main__":
    sys.exit(main())
