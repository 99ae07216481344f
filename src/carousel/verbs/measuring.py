"""The verbs that measure: a study in, the table of one job out, block by block through the cache."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cache, partial
from itertools import product
from typing import Any

import pandas as pd

from carousel.backends import Backend
from carousel.backends import load as load_backend
from carousel.problems import StudyError, allowed
from carousel.provenance import describe, made_here
from carousel.sources import fingerprint, search_fingerprint
from carousel.store import cached, concat, write
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
