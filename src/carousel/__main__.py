"""The verbs that the Snakemake rules call: paths in, paths out. `python -m carousel --help` lists them."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from carousel.axes import BACKENDS
from carousel.engine.backends.table import DeviceError
from carousel.pipeline.commands.diagnose import diagnose
from carousel.pipeline.commands.measure import accuracy, calibrate, decay, dynamics, search
from carousel.pipeline.commands.render import RenderError, render
from carousel.pipeline.commands.results import add, compare, machines
from carousel.pipeline.commands.tables import (
    draw,
    explore,
    gather,
    judge,
    reseed,
    stability,
    summarise,
    timings,
)
from carousel.pipeline.commands.watch import watch
from carousel.pipeline.rebuild import explained
from carousel.pipeline.run import joblog
from carousel.study.errors import StudyError
from carousel.tables.parquet import StoreError
from carousel.tasks import DataError


class Parser(argparse.ArgumentParser):
    """A command line whose errors are one line, as those of its verbs."""

    def error(self, message: str) -> NoReturn:
        raise StudyError(f"{self.prog}: {' '.join(message.split())}; --help lists what is allowed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; bad input is one line on standard error and status 1."""
    start = time.perf_counter()
    try:
        args = parser().parse_args(arguments)
        if args.logged:
            joblog.begin(what(args))
        args.run(args)
    except (StudyError, StoreError, DeviceError, DataError, RenderError) as error:
        print(explained(error), file=sys.stderr)
        return 1
    if args.logged:
        joblog.end(time.perf_counter() - start, time.process_time())
    return 0


def what(args: argparse.Namespace) -> str:
    """The job in a few words: the verb, and which of its jobs."""
    names = [getattr(args, name) for name in ("slice", "cell", "task", "backend") if hasattr(args, name)]
    return " ".join([args.run.__name__, *names])


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = Parser(prog="carousel", description=__doc__)
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def verb(run: Any, *paths: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(run.__name__, help=run.__doc__)
        sub.set_defaults(run=run, logged=run not in (add, compare, watch))
        for path in paths:
            sub.add_argument(f"--{path}", type=Path, required=True)
        return sub

    paths = "study", "cache", "out"
    jobs = [verb(decay, *paths), verb(dynamics, *paths), verb(accuracy, *paths, "decay-out", "dynamics-out")]
    jobs[-1].add_argument("--task", required=True)
    for sub in jobs:
        sub.add_argument("--cell", required=True)
    measuring = [*jobs, verb(calibrate, "out")]
    for sub in measuring:
        sub.add_argument("--backend", choices=BACKENDS, required=True)
    measuring.append(verb(search, *paths))
    measuring[-1].add_argument("--slice", required=True)
    for sub in measuring:
        sub.add_argument("--exact", action="store_true", help="take the plain path throughout")
    verb(gather, "out").add_argument("tables", type=Path, nargs="+")
    verb(summarise, "decay", "out")
    verb(judge, "decay", "accuracy", "dynamics", "calibration", "out", "csv", "json", "agreement")
    verb(explore, "decay", "accuracy", "summary", "explorer", "advice", "half-lives", "learned")
    verb(reseed, "study", "out").add_argument("--seed", type=int, required=True)
    verb(stability, "claims", "out").add_argument("others", type=Path, nargs="+")
    verb(timings, "logs", "out")
    verb(machines, "results", "out")
    adding, comparing = verb(add, "results"), verb(compare)
    adding.add_argument(
        "given", type=Path, nargs="+", help="tables, or folders with decay.parquet and the like"
    )
    adding.add_argument("--other-code", action="store_true", help="even where other code measured them")
    comparing.add_argument("left", type=Path, help="a folder like results/standard")
    comparing.add_argument("right", type=Path)
    comparing.add_argument("--out", type=Path, help="write the comparison as a table, too")
    comparing.add_argument("--fail", action="store_true", help="end with status 1 where anything moved")
    own = verb(diagnose, "checkpoint")
    own.set_defaults(logged=False)
    own.add_argument("--prefix", help="of the names of its weights, where there are several modules")
    own.add_argument("--nonlinearity", default="tanh", help="of an RNN: tanh or relu")
    for name, number in {"length": 100, "batch": 4, "seed": 1}.items():
        own.add_argument(f"--{name}", type=int, default=number, help=f"of the noise that it reads: {number}")
    own.add_argument("--figure", type=Path, help="draw it there, too")
    watching = verb(watch, "results")
    watching.add_argument("--once", action="store_true", help="show it once")
    verb(render, "results", "out").add_argument(
        "--renderer", choices=("auto", "quarto", "embedded"), default="auto"
    )
    verb(draw, "decay", "accuracy", "claims", "summary", "dynamics", "learned", "out")
    return top


if __name__ == "__main__":
    sys.exit(main())
