"""Contenders timed side by side: interleaved, on one core, medians of CPU seconds."""

import statistics
import time
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import TypeVar

import pandas as pd

ROUNDS = 5
Name = TypeVar("Name", bound=Hashable)


def interleaved(
    contenders: Mapping[Name, Callable[[], object]], rounds: int = ROUNDS, warm: bool = False
) -> dict[Name, float]:
    """The median CPU seconds of each, every round taking all of them in turn; a first call is not counted, but where
    all are `warm` already.

    CPU seconds of the whole process: what waits for the core is not counted, what other threads do is.
    """
    for work in () if warm else contenders.values():
        work()
    seconds: dict[Name, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, work in contenders.items():
            start = time.process_time()
            work()
            seconds[name].append(time.process_time() - start)
    return {name: statistics.median(each) for name, each in seconds.items()}


def rows_written(table: pd.DataFrame, path: Path) -> None:
    """Write rows to a file, whole or not at all."""
    temporary = path.with_suffix(".tmp")
    table.to_csv(temporary, index=False)
    temporary.replace(path)


def table(work: str, seconds: Mapping[str, float], targets: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """A row a contender, and one a target: `targets` say how many times as fast as which peer one has to be."""
    rows = [(work, name, value, "", None, None) for name, value in seconds.items()]
    rows += [
        (work, ours, seconds[ours], peer, seconds[peer] / seconds[ours], target)
        for (ours, peer), target in targets.items()
        if ours in seconds and peer in seconds
    ]
    return pd.DataFrame(rows, columns=["work", "contender", "seconds", "against", "ratio", "target"])
