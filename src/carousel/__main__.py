"""The verbs that the Snakemake rules call: paths in, paths out. `python -m carousel --help` lists them."""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from carousel.backends import BACKENDS, DeviceError
from carousel.problems import StudyError
from carousel.store import StoreError
from carousel.tasks import DataError
from carousel.timings import LINE
from carousel.verbs.measuring import accuracy, calibrate, decay, dynamics, search
from carousel.verbs.tables import draw, explore, gather, judge, reseed, stability, summarise, timings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; bad input is one line on standard error and status 1."""
    args = parser().parse_args(arguments)
    start = time.perf_counter()
    try:
        args.run(args)
    except (StudyError, StoreError, DeviceError, DataError) as error:
        print(error, file=sys.stderr)
        return 1
    print(LINE.format(wall=time.perf_counter() - start, cpu=time.process_time()))
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="carousel", description=__doc__)
    verbs = top.add_subparsers(required=True, metavar="VERB")

    def verb(run: Any, *paths: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(run.__name__, help=run.__doc__)
        sub.set_defaults(run=run)
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
    verb(draw, "decay", "accuracy", "claims", "summary", "dynamics", "out")
    return top


if __name__ == "__main__":
    sys.exit(main())
