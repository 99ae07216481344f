"""The blocks of a job that measures: through the cache of finished blocks, each with its line in the job's log."""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pandas as pd

from carousel.engine.backends.backend import Backend
from carousel.engine.backends.table import load as load_backend
from carousel.pipeline.fingerprint import fingerprint
from carousel.pipeline.run import joblog
from carousel.pipeline.run.joblog import Block, Tell
from carousel.study.schema import LISTS, AnySlice, SearchSlice, Study
from carousel.tables.parquet import Provenance, cached, concat, kept_at, write

LISTED = {*LISTS.values(), "backends", "repetitions"}
"""Keys of a slice that say which blocks there are, and nothing about what is in one."""


Part = TypeVar("Part", bound=AnySlice)


class Piece(NamedTuple):
    """Models that are measured at once: with what, how many, what their rows depend on, and how they are measured."""

    backend: Backend
    block: Block
    key: dict[str, Any]
    compute: Callable[[str, Tell], pd.DataFrame]  # the name of a table, whom to tell the steps -> its rows


def blocks(
    args: argparse.Namespace, study: Study, parts: Sequence[Part], name: str
) -> Iterator[tuple[Part, Backend, list, Block, dict[str, Any]]]:
    """Each block of a job's slices, with its slice and backend, what the log is to call it, and its key."""
    from carousel.study.models import slice_blocks

    code = fingerprint(args.run.__name__, args.backend, args.cell)
    for part in parts:
        backend = backend_of(args.backend, part, args.exact)
        for block in slice_blocks(part, args.cell):
            about = Block(f"{name} {part.slice}", len(block), block[0].length)
            yield part, backend, block, about, block_key(code, study.seed, backend, part, block)


def measured(folder: Path, pieces: Sequence[Piece], names: Sequence[str]) -> list[list[pd.DataFrame]]:
    """The tables `names` of each piece, from `folder` where they were finished before."""
    log = joblog.Blocks(how(pieces), [piece.block for piece in pieces], kept(folder, pieces, names))
    tables: list[list[pd.DataFrame]] = [[] for _ in names]
    for piece in pieces:
        with log:
            for name, found in zip(names, tables, strict=True):
                run = log.measuring(partial(piece.compute, name, log.step))
                found.append(cached(folder, piece.key | {"table": name}, run))
    return tables


def kept(folder: Path, pieces: Sequence[Piece], names: Sequence[str]) -> list[bool]:
    """Which pieces are there from before."""
    return [all(kept_at(folder, piece.key | {"table": name}).exists() for name in names) for piece in pieces]


def how(pieces: Sequence[Piece]) -> str:
    """Where and in which numbers they are measured, in words."""
    kinds = [(piece.backend.device, piece.backend.dtype, piece.backend.exact) for piece in pieces]
    words = [f"{device}, {dtype}{', exact' * exact}" for device, dtype, exact in dict.fromkeys(kinds)]
    return " and ".join(words)


def finish(tables: Sequence[pd.DataFrame], path: Path, pieces: Sequence[Piece], origin: Provenance) -> None:
    """Write a job's table, and in the log how much it is."""
    table = concat(tables)
    write(table, path, origin)
    joblog.made(sum(piece.block.models for piece in pieces), len(table), path)


def untold(run: Callable[[], pd.DataFrame], name: str, tell: Tell) -> pd.DataFrame:
    """The table of a run that makes one and has no steps to tell."""
    return run()


def item(run: Callable[[Tell], Any], name: str, tell: Tell) -> pd.DataFrame:
    """One of the tables of a run that makes several; `run` keeps them, so that it is made once."""
    return getattr(run(tell), name)


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
