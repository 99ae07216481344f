"""The batches of models of a job that measures: through the cache of finished ones, each with its line in the log."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

import pandas as pd
import pyarrow as pa

from carousel.engine.backends.backend import Backend
from carousel.engine.backends.table import load as load_backend
from carousel.pipeline.provenance import describe
from carousel.pipeline.run import joblog
from carousel.pipeline.run.joblog import BatchLine, Progress
from carousel.study.jobs import device_of
from carousel.study.models import Setting, batches_of
from carousel.study.schema import LISTS, Study
from carousel.study.slices import AnySlice, SearchSlice
from carousel.tables.cache import cached, kept_at
from carousel.tables.parquet import write
from carousel.tables.stacking import stack

LISTED = {*LISTS.values(), "backends", "repetitions", "checked"}
"""Keys of a slice that say which batches of models there are, and nothing about what is in one."""

Tables = Mapping[str, pd.DataFrame]
S = TypeVar("S", bound=AnySlice)


class Models(NamedTuple, Generic[S]):
    """The settings of a batch of models, their slice, and the backend that measures them."""

    backend: Backend
    settings: Sequence[Setting]
    slice_: S


class Batch(NamedTuple):
    """A batch of models that a job measures at once."""

    backends: tuple[Backend, ...]
    line: BatchLine  # what the job's log calls it, and its size
    key: dict[str, Any]  # all that its tables depend on
    compute: Callable[[Progress], Tables]


def models(args: argparse.Namespace, slices: Sequence[S]) -> Iterator[Models[S]]:
    """The batches of models of one cell on one backend, slice by slice."""
    for slice_ in slices:
        backend = backend_of(args.backend, slice_, args.exact)
        batches = batches_of(slice_, args.cell, args.backend, args.exact)
        yield from (Models(backend, settings, slice_) for settings in batches)


def line(name: str, batch: Models) -> BatchLine:
    """What the job's log says of a batch, `name` being what the job does."""
    return BatchLine(f"{name} {batch.slice_.slice}", len(batch.settings), batch.settings[0].length)


def key(code: str, seed: int, batch: Models) -> dict[str, Any]:
    """All that the rows of a batch depend on, for the cache of finished ones; `code` is the job's fingerprint."""
    backend, settings, slice_ = batch
    return {
        "code": code,
        "seed": seed,
        "backend": [backend.name, backend.device, backend.dtype, backend.exact],
        "slice": {k: v for k, v in slice_.model_dump(mode="json").items() if k not in LISTED},
        "models": [asdict(setting) for setting in settings],
    }


def backend_of(name: str, slice_: AnySlice | SearchSlice, exact: bool) -> Backend:
    """The backend as `slice_` wants it."""
    return load_backend(name, device_of(name, slice_.device), slice_.dtype, exact)


def measured(folder: Path, job: Sequence[Batch]) -> list[dict[str, pa.Table]]:
    """The tables of each batch of a job, from `folder` where they were finished before."""
    finished = [kept_at(folder, batch.key).exists() for batch in job]
    log = joblog.BatchLog(how(job), [batch.line for batch in job], finished)
    tables = []
    for batch in job:
        with log:
            tables.append(cached(folder, batch.key, log.measuring(partial(batch.compute, log.step))))
    return tables


def how(job: Sequence[Batch]) -> str:
    """Where and in which numbers a job's batches are measured, in words."""
    kinds = dict.fromkeys((b.device, b.dtype, b.exact) for batch in job for b in batch.backends)
    return " and ".join(f"{device}, {dtype}{', exact' * exact}" for device, dtype, exact in kinds)


def make_tables(
    args: argparse.Namespace, study: Study, job: Sequence[Batch], outs: Mapping[str, tuple[str, Path]]
) -> None:
    """Measure a job's batches and write its tables: `outs` says what each is called in its provenance, and its path."""
    tables = measured(args.cache, job)
    devices = {backend.device for batch in job for backend in batch.backends}
    for name, (called, path) in outs.items():
        table = stack([batch[name] for batch in tables])
        write(table, path, describe(args.study.stem, study, called, args.exact, devices))
        joblog.made(sum(batch.line.models for batch in job), len(table), path)
