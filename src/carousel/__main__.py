"""The verbs that the Snakemake rules call: paths in, paths out. `python -m carousel --help` lists them."""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache, partial
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from carousel.backends import BACKENDS, Backend, DeviceError
from carousel.backends import load as load_backend
from carousel.problems import StudyError, allowed
from carousel.provenance import describe, made_here, merge
from carousel.sources import fingerprint, search_fingerprint
from carousel.store import StoreError, cached, concat, provenance, read, stack, write, write_text
from carousel.store import load as load_table
from carousel.study import (
    LISTS,
    AnySlice,
    SearchSlice,
    Study,
    accuracy_jobs,
    decay_jobs,
    dynamics_jobs,
    load,
    search_job,
)
from carousel.tasks import DataError
from carousel.timings import LINE


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


def decay(args: argparse.Namespace) -> None:
    """Measure the gradient decay of one cell on one backend, at initialisation."""
    from carousel.measure import measure

    study = load(args.study)
    at_the_start(args, study, study.decay, decay_jobs(study), measure)


def dynamics(args: argparse.Namespace) -> None:
    """Measure exponents, gates and factors of one cell on one backend, at initialisation."""
    from carousel.dynamical import measure

    study = load(args.study)
    at_the_start(args, study, study.dynamics, dynamics_jobs(study), measure)


def search(args: argparse.Namespace) -> None:
    """Search one space for a counterexample; both backends measure every point of it."""
    from carousel.search import seek

    study = load(args.study)
    part, tables = search_job(study, args.slice), []
    searching, confirming = (backend_of(name, part, args.exact) for name in part.backends)
    for cell in part.cells:
        key = {"table": "search", "code": search_fingerprint(cell), "seed": study.seed, "cell": cell}
        key |= {"slice": part.model_dump(mode="json", exclude={"cells"}), "exact": args.exact}
        with timed(f"{part.slice}: {cell}"):
            run = partial(seek, searching, confirming, study.seed, cell, part)
            tables.append(cached(args.cache, key, run))
    write(concat(tables), args.out, describe(args.study))


def at_the_start(
    args: argparse.Namespace,
    study: Study,
    slices: Sequence[AnySlice],
    jobs: list[Any],
    measure: Callable[..., Any],
) -> None:
    """Write what `measure` finds for one cell on one backend, block by block."""
    from carousel.settings import slice_blocks

    parts, tables = [p for p in slices if args.backend in p.backends and args.cell in p.cells], []
    if not parts:
        raise StudyError(f"{args.study}: {absent((args.backend, args.cell), jobs)}")
    verb = args.run.__name__
    code = fingerprint(verb, args.backend, args.cell)
    for part in parts:
        backend = backend_of(args.backend, part, args.exact)
        for block in slice_blocks(part, args.cell):
            key = block_key(code, study.seed, backend, part, block) | {"table": verb}
            with timed(f"{verb} {part.slice}: {len(block)} models, {block[0].length} steps"):
                tables.append(cached(args.cache, key, partial(measure, backend, study.seed, block, part)))
    write(concat(tables), args.out, describe(args.study))


def accuracy(args: argparse.Namespace) -> None:
    """Train one cell on one task with one backend; measure decay and dynamics again at fixed steps."""
    from carousel.settings import slice_blocks
    from carousel.training import Run, train

    study = load(args.study)
    here = [p for p in study.training if args.backend in p.backends and args.cell in p.cells]
    parts = [part for part in here if args.task in part.tasks]
    if not parts:
        raise StudyError(
            f"{args.study}: {absent((args.backend, args.task, args.cell), accuracy_jobs(study))}"
        )
    code = fingerprint("accuracy", args.backend, args.cell)
    tables: dict[str, list[pd.DataFrame]] = {name: [] for name in Run._fields}
    for part in parts:
        backend = backend_of(args.backend, part, args.exact)
        for gradient, block in product(part.gradients, slice_blocks(part, args.cell)):
            key = block_key(code, study.seed, backend, part, block)
            key |= {"task": args.task, "gradient": gradient}
            run = cache(partial(train, backend, study.seed, block, part, args.task, gradient))
            with timed(f"{args.task} {part.slice}: {len(block)} models, {block[0].length} steps"):
                for name, kept in tables.items():
                    kept.append(cached(args.cache, key | {"table": name}, partial(item, run, name)))
    origin = describe(args.study)
    for (_, kept), path in zip(tables.items(), (args.out, args.decay_out, args.dynamics_out), strict=True):
        write(concat(kept), path, origin)


def calibrate(args: argparse.Namespace) -> None:
    """Measure systems whose answer is known."""
    from carousel.calibration import calibrate as measured

    write(measured(load_backend(args.backend, "cpu", "float64", args.exact)), args.out, made_here())


def absent(job: tuple[str, ...], jobs: Sequence[tuple[str, ...]]) -> str:
    """What to say of a job that the study does not have."""
    return f"no job for {'/'.join(job)}; {allowed('/'.join(job), ['/'.join(each) for each in jobs])}"


def item(run: Callable[[], Any], name: str) -> pd.DataFrame:
    """One of the tables of a run that makes several; `run` keeps them, so that it is made once."""
    return getattr(run(), name)


def gather(args: argparse.Namespace) -> None:
    """Put tables of one kind one below the other."""
    tables = stack([load_table(path) for path in args.tables])
    write(tables, args.out, merge([provenance(path) for path in args.tables]))


def summarise(args: argparse.Namespace) -> None:
    """Sum up the decay, setting by setting."""
    from carousel import summary

    write(summary.summarise(read(args.decay)), args.out, provenance(args.decay))


def judge(args: argparse.Namespace) -> None:
    """Decide the claims from the gathered tables."""
    from carousel import claims
    from carousel.claims import document

    paths = args.decay, args.accuracy, args.dynamics
    measured = claims.Tables(*map(read, paths))
    origin = merge([provenance(path) for path in (*paths, args.calibration)])
    verdicts = claims.judge(measured, read(args.calibration))
    write(verdicts, args.out, origin)
    write(claims.agreement(measured.decay), args.agreement, origin)
    verdicts.to_csv(args.csv, index=False)
    write_text(document.text(verdicts, origin), args.json)


def explore(args: argparse.Namespace) -> None:
    """Choose the curves that the report lets its reader explore, and what to advise from them."""
    from carousel import advice, explorer

    measured, summary, origin = read(args.decay), read(args.summary), provenance(args.summary)
    driven = explorer.driven(measured)
    write_text(explorer.text(explorer.explore(measured, summary)), args.explorer)
    write(advice.advise(summary, driven), args.advice, origin)
    write(advice.by_bias(summary, driven), args.half_lives, origin)
    write(
        advice.learned(read(args.accuracy), summary), args.learned, merge([origin, provenance(args.accuracy)])
    )


def timings(args: argparse.Namespace) -> None:
    """Add up what the jobs of each rule took, from their logs."""
    from carousel.timings import timings as added

    write(added(args.logs), args.out, made_here())


def reseed(args: argparse.Namespace) -> None:
    """Write a study with another master seed."""
    from carousel.stability import reseeded

    write_text(reseeded(args.study, args.seed), args.out)


def stability(args: argparse.Namespace) -> None:
    """Compare the verdicts of one study under several master seeds."""
    from carousel.stability import compared

    paths = [args.claims, *args.others]
    tables = {provenance(path)["seed"]: read(path) for path in paths}
    found = compared(tables, provenance(args.claims)["seed"])
    write(found, args.out, merge([provenance(path) for path in paths]))


def draw(args: argparse.Namespace) -> None:
    """Draw the figures of the claims and of the report."""
    from carousel import figures

    names = "decay", "accuracy", "claims", "summary", "dynamics"
    figures.draw({name: read(getattr(args, name)) for name in names}, args.out)


def backend_of(name: str, part: AnySlice | SearchSlice, exact: bool) -> Backend:
    """The backend as `part` wants it; NumPy has the CPU alone, whatever device torch is to use."""
    return load_backend(name, part.device if name == "torch" else "cpu", part.dtype, exact)


def block_key(code: str, seed: int, backend: Backend, part: AnySlice, block: list) -> dict[str, Any]:
    """All that a block's rows depend on, for the cache of finished blocks; `code` is the job's fingerprint."""
    return {
        "code": code,
        "seed": seed,
        "backend": [backend.name, backend.device, backend.dtype, backend.exact],
        "slice": {k: v for k, v in part.model_dump(mode="json").items() if k not in LISTED},
        "models": [asdict(setting) for setting in block],
    }


LISTED = {*LISTS.values(), "backends", "repetitions"}
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
