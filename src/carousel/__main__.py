"""The verbs that the Snakemake rules call: paths in, paths out. `python -m carousel --help` lists them."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache, partial
from pathlib import Path
from typing import Any

import pandas as pd

from carousel.backends import BACKENDS, Backend, DeviceError
from carousel.backends import load as load_backend
from carousel.problems import StudyError, allowed
from carousel.provenance import describe, merge
from carousel.sources import fingerprint
from carousel.store import StoreError, cached, concat, provenance, read, write
from carousel.study import DecaySlice, TrainingSlice, accuracy_jobs, decay_jobs, load


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; bad input is one line on standard error and status 1."""
    args = parser().parse_args(arguments)
    try:
        args.run(args)
    except (StudyError, StoreError, DeviceError) as error:
        print(error, file=sys.stderr)
        return 1
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

    for sub in (verb(decay, "study", "cache", "out"), verb(accuracy, "study", "cache", "out", "decay-out")):
        sub.add_argument("--backend", choices=BACKENDS, required=True)
        sub.add_argument("--cell", required=True)
        if sub.get_default("run") is accuracy:
            sub.add_argument("--task", required=True)
    verb(gather, "out").add_argument("tables", type=Path, nargs="+")
    verb(judge, "decay", "accuracy", "out", "csv", "agreement")
    verb(draw, "decay", "accuracy", "claims", "out")
    return top


def decay(args: argparse.Namespace) -> None:
    """Measure the gradient decay of one cell on one backend, at initialisation."""
    from carousel.measure import measure, slice_blocks

    study, tables = load(args.study), []
    parts = [p for p in study.decay if args.backend in p.backends and args.cell in p.cells]
    if not parts:
        raise StudyError(f"{args.study}: {absent((args.backend, args.cell), decay_jobs(study))}")
    code = fingerprint("decay", args.backend, args.cell)
    for part in parts:
        backend = backend_of(args.backend, part)
        for block in slice_blocks(part, args.cell):
            key = block_key(code, study.seed, backend, part, block)
            with timed(f"decay {part.slice}: {len(block)} models, {block[0].length} steps"):
                tables.append(cached(args.cache, key, partial(measure, backend, study.seed, block, part)))
    write(concat(tables), args.out, describe(args.study))


def accuracy(args: argparse.Namespace) -> None:
    """Train one cell on one task with one backend; measure the decay again at fixed steps."""
    from carousel.measure import slice_blocks
    from carousel.training import train

    study, scores, decays = load(args.study), [], []
    here = [p for p in study.training if args.backend in p.backends and args.cell in p.cells]
    parts = [part for part in here if args.task in part.tasks]
    if not parts:
        raise StudyError(
            f"{args.study}: {absent((args.backend, args.task, args.cell), accuracy_jobs(study))}"
        )
    code = fingerprint("accuracy", args.backend, args.cell)
    for part in parts:
        backend = backend_of(args.backend, part)
        for gradient in part.gradients:
            for block in slice_blocks(part, args.cell):
                key = block_key(code, study.seed, backend, part, block) | {
                    "task": args.task,
                    "gradient": gradient,
                }
                run = cache(partial(train, backend, study.seed, block, part, args.task, gradient))
                with timed(f"{args.task} {part.slice}: {len(block)} models, {block[0].length} steps"):
                    scores.append(cached(args.cache, key | {"table": "accuracy"}, partial(item, run, 0)))
                    decays.append(cached(args.cache, key | {"table": "decay"}, partial(item, run, 1)))
    origin = describe(args.study)
    write(concat(scores), args.out, origin)
    write(concat(decays), args.decay_out, origin)


def absent(job: tuple[str, ...], jobs: Sequence[tuple[str, ...]]) -> str:
    """What to say of a job that the study does not have."""
    return f"no job for {'/'.join(job)}; {allowed('/'.join(job), ['/'.join(each) for each in jobs])}"


def item(run: Callable[[], tuple[pd.DataFrame, pd.DataFrame]], k: int) -> pd.DataFrame:
    """The k-th table of a run that makes two; `run` keeps them, so that it is made once."""
    return run()[k]


def gather(args: argparse.Namespace) -> None:
    """Put tables of one kind one below the other."""
    write(concat([read(path) for path in args.tables]), args.out, merge([provenance(p) for p in args.tables]))


def judge(args: argparse.Namespace) -> None:
    """Decide the claims from the gathered tables."""
    from carousel import claims

    measured, trained = read(args.decay), read(args.accuracy)
    origin = merge([provenance(args.decay), provenance(args.accuracy)])
    verdicts = claims.judge(measured, trained)
    write(verdicts, args.out, origin)
    write(claims.agreement(measured), args.agreement, origin)
    verdicts.to_csv(args.csv, index=False)


def draw(args: argparse.Namespace) -> None:
    """Draw the figures of the claims and of the report."""
    from carousel import figures

    figures.draw(read(args.decay), read(args.accuracy), read(args.claims), args.out)


def backend_of(name: str, part: DecaySlice | TrainingSlice) -> Backend:
    """The backend as `part` wants it; NumPy has the CPU alone, whatever device torch is to use."""
    return load_backend(name, part.device if name == "torch" else "cpu", part.dtype)


def block_key(
    code: str, seed: int, backend: Backend, part: DecaySlice | TrainingSlice, block: list
) -> dict[str, Any]:
    """All that a block's rows depend on, for the cache of finished blocks; `code` is the job's fingerprint."""
    return {
        "code": code,
        "seed": seed,
        "backend": [backend.name, backend.device, backend.dtype],
        "slice": {k: v for k, v in part.model_dump(mode="json").items() if k not in LISTED},
        "models": [asdict(setting) for setting in block],
    }


LISTED = {
    "backends",
    "cells",
    "tasks",
    "inits",
    "gains",
    "forget_biases",
    "biases",
    "hidden",
    "lengths",
    "repetitions",
}
"""Keys of a slice that say which blocks there are, and nothing about what is in one."""


class timed:
    """Print `what` and how long it took, for the job's log."""

    def __init__(self, what: str) -> None:
        self.what = what

    def __enter__(self) -> None:
        self.start = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        print(f"{self.what}: {time.perf_counter() - self.start:.2f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
