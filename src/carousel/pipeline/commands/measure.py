"""The verbs that measure: a study in, the tables of one job out, batch by batch through the cache."""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pandas as pd

from carousel.engine.backends.table import load as load_backend
from carousel.pipeline.commands.batches import (
    Batch,
    Models,
    Tables,
    backend_of,
    key,
    line,
    make_tables,
    models,
)
from carousel.pipeline.fingerprint import code, fingerprint, search_fingerprint
from carousel.pipeline.provenance import made_by, made_here
from carousel.pipeline.run.joblog import BatchLine, Progress
from carousel.study.errors import StudyError, allowed
from carousel.study.files import load
from carousel.study.jobs import accuracy_jobs, decay_jobs, depth_jobs, dynamics_jobs, search_job
from carousel.study.schema import Study
from carousel.study.slices import AnySlice
from carousel.tables.parquet import write


def decay(args: argparse.Namespace) -> None:
    """Measure the gradient decay of one cell on one backend, at initialisation."""
    from carousel.measures.decay import measure

    study = load(args.study)
    at_the_start(args, study, study.decay, decay_jobs(study), measure)


def dynamics(args: argparse.Namespace) -> None:
    """Measure exponents, gates and factors of one cell on one backend, at initialisation."""
    from carousel.measures.dynamics import measure

    study = load(args.study)
    at_the_start(args, study, study.dynamics, dynamics_jobs(study), measure)


def depth(args: argparse.Namespace) -> None:
    """Measure the gradient in stacks of one cell on one backend, at initialisation."""
    from carousel.measures.depth import measure
    from carousel.study.stacks import shapes

    study = load(args.study)
    measured = [s for s in study.depth if args.backend in s.backends and args.cell in s.cells]
    if not measured:
        raise StudyError(f"{args.study}: {absent((args.backend, args.cell), depth_jobs(study))}")

    def compute(batch: Models, layers: int, residual: bool, progress: Progress) -> Tables:
        return {"depth": measure(batch.backend, study.seed, batch.settings, batch.slice_, layers, residual)}

    source = fingerprint("depth", args.backend, args.cell)
    job = [
        Batch(
            (each.backend,),
            line(f"depth {layers}{' residual' * residual}", each),
            key(source, study.seed, each) | {"layers": layers, "residual": residual},
            partial(compute, each, layers, residual),
        )
        for each in models(args, measured)
        for layers, residual in shapes(each.slice_)
    ]
    make_tables(args, study, job, {"depth": (f"depth/{args.backend}/{args.cell}", args.out)})


def search(args: argparse.Namespace) -> None:
    """Search one space for a counterexample; every backend measures every point of it."""
    from carousel.measures.search import seek

    study = load(args.study)
    slice_ = search_job(study, args.slice)
    searching, *confirming = (backend_of(name, slice_, args.exact) for name in slice_.backends)
    common = {
        "seed": study.seed,
        "slice": slice_.model_dump(mode="json", exclude={"cells"}),
        "exact": args.exact,
    }

    def compute(cell: str, progress: Progress) -> Tables:
        return {"search": seek(searching, confirming, study.seed, cell, slice_)}

    job = [
        Batch(
            (searching, *confirming),
            BatchLine(f"{slice_.slice} {cell}"),
            common | {"code": search_fingerprint(cell), "cell": cell},
            partial(compute, cell),
        )
        for cell in slice_.cells
    ]
    make_tables(args, study, job, {"search": (f"search/{args.slice}", args.out)})


def at_the_start(
    args: argparse.Namespace,
    study: Study,
    slices: Sequence[AnySlice],
    jobs: list[Any],
    measure: Callable[..., pd.DataFrame],
) -> None:
    """Write what `measure` measures of one cell on one backend, batch by batch."""
    measured = [s for s in slices if args.backend in s.backends and args.cell in s.cells]
    if not measured:
        raise StudyError(f"{args.study}: {absent((args.backend, args.cell), jobs)}")
    verb = args.run.__name__

    def compute(batch: Models, progress: Progress) -> Tables:
        return {verb: measure(batch.backend, study.seed, batch.settings, batch.slice_)}

    source = fingerprint(verb, args.backend, args.cell)
    job = [
        Batch((each.backend,), line(verb, each), key(source, study.seed, each), partial(compute, each))
        for each in models(args, measured)
    ]
    make_tables(args, study, job, {verb: (f"{verb}/{args.backend}/{args.cell}", args.out)})


def accuracy(args: argparse.Namespace) -> None:
    """Train one cell on one task with one backend; measure decay and dynamics again at fixed steps."""
    from carousel.measures.training.train import train

    study = load(args.study)
    here = [s for s in study.training if args.backend in s.backends and args.cell in s.cells]
    measured = [s for s in here if args.task in s.tasks]
    if not measured:
        raise StudyError(
            f"{args.study}: {absent((args.backend, args.task, args.cell), accuracy_jobs(study))}"
        )

    def compute(batch: Models, gradient: str, progress: Progress) -> Tables:
        run = train(batch.backend, study.seed, batch.settings, batch.slice_, args.task, gradient, progress)
        return run._asdict()

    source = fingerprint("accuracy", args.backend, args.cell)
    job = [
        Batch(
            (each.backend,),
            line(args.task, each),
            key(source, study.seed, each) | {"task": args.task, "gradient": gradient},
            partial(compute, each, gradient),
        )
        for each in models(args, measured)
        for gradient in each.slice_.gradients
    ]
    name = f"accuracy/{args.backend}/{args.task}/{args.cell}"
    outs = {
        "accuracy": (name, args.out),
        "decay": (f"{name}.decay", args.decay_out),
        "dynamics": (f"{name}.dynamics", args.dynamics_out),
    }
    make_tables(args, study, job, outs)


def calibrate(args: argparse.Namespace) -> None:
    """Measure systems whose answer is known."""
    from carousel.measures.calibration.calibrate import calibrate as measured

    job = f"calibration/{args.backend}"
    made = made_here() | made_by(job, args.exact, code(job))
    write(measured(load_backend(args.backend, "cpu", "float64", args.exact)), args.out, made)


def absent(job: tuple[str, ...], jobs: Sequence[tuple[str, ...]]) -> str:
    """What to say of a job that the study does not have."""
    return f"no job for {'/'.join(job)}; {allowed('/'.join(job), ['/'.join(each) for each in jobs])}"
