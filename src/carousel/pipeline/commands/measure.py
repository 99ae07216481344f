"""The verbs that measure: a study in, the table of one job out, block by block through the cache."""

import argparse
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Any

from carousel.engine.backends.table import load as load_backend
from carousel.pipeline.commands.blocks import Piece, backend_of, blocks, finish, item, measured, untold
from carousel.pipeline.fingerprint import search_fingerprint
from carousel.pipeline.job_code import code
from carousel.pipeline.provenance import describe, made_by, made_here
from carousel.pipeline.run.joblog import Block
from carousel.study.errors import StudyError, allowed
from carousel.study.schema import (
    AnySlice,
    SearchSlice,
    Study,
    accuracy_jobs,
    decay_jobs,
    dynamics_jobs,
    load,
    search_job,
)
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


def search(args: argparse.Namespace) -> None:
    """Search one space for a counterexample; both backends measure every point of it."""
    from carousel.measures.search import seek

    study = load(args.study)
    part = search_job(study, args.slice)
    searching, confirming = (backend_of(name, part, args.exact) for name in part.backends)
    about = {
        "seed": study.seed,
        "slice": part.model_dump(mode="json", exclude={"cells"}),
        "exact": args.exact,
    }
    pieces = [
        Piece(
            searching,
            Block(f"{part.slice} {cell}"),
            about | {"code": search_fingerprint(cell), "cell": cell},
            partial(untold, partial(seek, searching, confirming, study.seed, cell, part)),
        )
        for cell in part.cells
    ]
    (tables,) = measured(args.cache, pieces, ["search"])
    finish(tables, args.out, pieces, origin(args, f"search/{args.slice}", [part]))


def at_the_start(
    args: argparse.Namespace,
    study: Study,
    slices: Sequence[AnySlice],
    jobs: list[Any],
    measure: Callable[..., Any],
) -> None:
    """Write what `measure` finds for one cell on one backend, block by block."""
    parts = [p for p in slices if args.backend in p.backends and args.cell in p.cells]
    if not parts:
        raise StudyError(f"{args.study}: {absent((args.backend, args.cell), jobs)}")
    verb = args.run.__name__
    pieces = [
        Piece(backend, about, key, partial(untold, partial(measure, backend, study.seed, block, part)))
        for part, backend, block, about, key in blocks(args, study, parts, verb)
    ]
    (tables,) = measured(args.cache, pieces, [verb])
    finish(tables, args.out, pieces, origin(args, f"{verb}/{args.backend}/{args.cell}", parts))


def accuracy(args: argparse.Namespace) -> None:
    """Train one cell on one task with one backend; measure decay and dynamics again at fixed steps."""
    from carousel.measures.training.train import Run, train

    study = load(args.study)
    here = [p for p in study.training if args.backend in p.backends and args.cell in p.cells]
    parts = [part for part in here if args.task in part.tasks]
    if not parts:
        raise StudyError(
            f"{args.study}: {absent((args.backend, args.task, args.cell), accuracy_jobs(study))}"
        )
    pieces = [
        Piece(
            backend,
            about,
            key | {"task": args.task, "gradient": gradient},
            partial(item, cache(partial(train, backend, study.seed, block, part, args.task, gradient))),
        )
        for part, backend, block, about, key in blocks(args, study, parts, args.task)
        for gradient in part.gradients
    ]
    found = measured(args.cache, pieces, Run._fields)
    job = f"accuracy/{args.backend}/{args.task}/{args.cell}"
    outs = {args.out: job, args.decay_out: f"{job}.decay", args.dynamics_out: f"{job}.dynamics"}
    for tables, (path, name) in zip(found, outs.items(), strict=True):
        finish(tables, path, pieces, origin(args, name, parts))


def calibrate(args: argparse.Namespace) -> None:
    """Measure systems whose answer is known."""
    from carousel.measures.calibration.calibrate import calibrate as measured

    job = f"calibration/{args.backend}"
    made = made_here() | made_by(job, args.exact, code(job))
    write(measured(load_backend(args.backend, "cpu", "float64", args.exact)), args.out, made)


def origin(args: argparse.Namespace, job: str, parts: Sequence[AnySlice | SearchSlice]) -> dict[str, Any]:
    """The provenance of the table of one job, which measures `parts`."""
    on_torch = getattr(args, "backend", "torch") == "torch"
    return describe(args.study, job, args.exact, {part.device for part in parts} if on_torch else ())


def absent(job: tuple[str, ...], jobs: Sequence[tuple[str, ...]]) -> str:
    """What to say of a job that the study does not have."""
    return f"no job for {'/'.join(job)}; {allowed('/'.join(job), ['/'.join(each) for each in jobs])}"
