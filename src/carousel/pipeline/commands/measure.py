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
from carousel.pipeline.validation import table
from carousel.study.errors import StudyError, allowed
from carousel.study.files import load
from carousel.study.jobs import (
    accuracy_jobs,
    decay_jobs,
    depth_jobs,
    dynamics_jobs,
    search_job,
    tuned,
    tuning_jobs,
)
from carousel.study.models import Setting
from carousel.study.schema import Study
from carousel.study.slices import AnySlice, TrainingSlice
from carousel.tables.cache import cached
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
    """Train one cell on one task with one backend; measure decay and dynamics again at its snapshots."""
    study = load(args.study)
    here = [s for s in study.training if args.backend in s.backends and args.cell in s.cells]
    measured = [s for s in here if args.task in s.tasks]
    if not measured:
        raise StudyError(
            f"{args.study}: {absent((args.backend, args.task, args.cell), accuracy_jobs(study))}"
        )
    job = [
        training(args, study, each, gradient, rate)
        for slice_, rate in zip(measured, learning_rates(args, measured), strict=True)
        for each in models(args, [slice_])
        for gradient in slice_.gradients
    ]
    name = f"accuracy/{args.backend}/{args.task}/{args.cell}"
    outs = {
        "accuracy": (name, args.out),
        "decay": (f"{name}.decay", args.decay_out),
        "dynamics": (f"{name}.dynamics", args.dynamics_out),
    }
    make_tables(args, study, job, outs)


def training(
    args: argparse.Namespace, study: Study, each: Models[TrainingSlice], gradient: str, rate: float
) -> Batch:
    """A batch of models to train at one learning rate: of its length alone, or of all that its slice climbs."""
    from carousel.measures.training.climb import climb
    from carousel.measures.training.train import Run, train

    lengths = sorted(each.slice_.lengths) if each.slice_.climb else [each.settings[0].length]
    source = fingerprint("accuracy", args.backend, args.cell)
    common = {"task": args.task, "gradient": gradient, "learning_rate": rate}

    def run(progress: Progress, settings: Sequence[Setting], before: int = 0) -> Run:
        def so_far(step: int, steps: int) -> None:
            progress(before * steps + step, len(lengths) * steps)

        rates = [rate] * len(settings)
        return train(each.backend, study.seed, settings, each.slice_, args.task, gradient, so_far, rates)

    def length(progress: Progress, settings: list[Setting], before: int) -> Run:
        own = key(source, study.seed, each._replace(settings=settings)) | common
        kept = cached(args.cache, own, lambda: run(progress, settings, before)._asdict())
        return Run(**{name: table.to_pandas() for name, table in kept.items()})

    def compute(progress: Progress) -> Tables:
        if each.slice_.climb:
            return climb(each.settings, lengths, partial(length, progress))._asdict()
        return run(progress, each.settings)._asdict()

    whole = key(source, study.seed, each) | common | {"lengths": lengths}
    said = line(args.task, each)._replace(steps=sum(lengths))
    return Batch((each.backend,), said, whole, compute)


def learning_rates(args: argparse.Namespace, slices: Sequence[TrainingSlice]) -> list[float]:
    """The learning rate of each slice: its only one, or what was chosen for it."""
    several = [each for each in slices if len(each.learning_rates) > 1]
    if several and not args.tuning:
        raise StudyError(
            f"--tuning: missing; slice {several[0].slice} has several learning rates to choose from"
        )
    chosen = table(args.tuning, "tuning").query("chosen") if several else None

    def rate(each: TrainingSlice) -> float:
        if chosen is None or each not in several:
            return each.learning_rates[0]
        found = chosen[chosen["slice"] == each.slice]["learning_rate"].unique()
        if len(found) != 1:
            raise StudyError(f"{args.tuning}: {len(found)} rates chosen for slice {each.slice}; allowed: one")
        return float(found[0])

    return [rate(each) for each in slices]


def tune(args: argparse.Namespace) -> None:
    """Choose the learning rate of one cell on one task, for each slice with several, on its first backend."""
    from carousel.measures.training import tuning

    study = load(args.study)
    slices = tuned(study.training, args.task, args.cell)
    if not slices:
        raise StudyError(f"{args.study}: {absent((args.task, args.cell), tuning_jobs(study))}")

    def batch(slice_: TrainingSlice) -> Batch:
        backend, settings = (
            backend_of(slice_.backends[0], slice_, args.exact),
            tuning.settings(slice_, args.cell),
        )
        each = Models(backend, settings * len(slice_.learning_rates), slice_)
        source = fingerprint("tuning", backend.name, args.cell)
        common = {"task": args.task, "learning_rates": slice_.learning_rates, "gradient": slice_.gradients[0]}

        def compute(progress: Progress) -> Tables:
            return {"tuning": tuning.tune(backend, study.seed, slice_, args.task, args.cell, progress)}

        return Batch((backend,), line(args.task, each), key(source, study.seed, each) | common, compute)

    name = f"tuning/{args.task}/{args.cell}"
    make_tables(args, study, [batch(each) for each in slices], {"tuning": (name, args.out)})


def calibrate(args: argparse.Namespace) -> None:
    """Measure systems whose answer is known."""
    from carousel.measures.calibration.calibrate import calibrate as measured

    job = f"calibration/{args.backend}"
    made = made_here() | made_by(job, args.exact, code(job))
    write(measured(load_backend(args.backend, "cpu", "float64", args.exact)), args.out, made)


def absent(job: tuple[str, ...], jobs: Sequence[tuple[str, ...]]) -> str:
    """What to say of a job that the study does not have."""
    return f"no job for {'/'.join(job)}; {allowed('/'.join(job), ['/'.join(each) for each in jobs])}"
