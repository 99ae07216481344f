"""Lengths climbed one after another: a model tries the next one only where it solved the one before."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from carousel.measures.training.train import Run
from carousel.study.models import Setting
from carousel.tables.stacking import concat

MODEL = "init", "gain", "forget_bias", "repetition"  # what tells the models of a batch apart


def climb(
    settings: Sequence[Setting], lengths: Sequence[int], train: Callable[[list[Setting], int], Run]
) -> Run:
    """The rows of a batch of models at all `lengths` that they come to, each from fresh weights.

    `train` trains models of one length and is told how many lengths there were before.
    """
    runs = list[Run]()
    for place, length in enumerate(sorted(lengths)):
        if settings := [replace(setting, length=length) for setting in settings]:
            runs.append(train(settings, place))
            settings = solvers(settings, runs[-1])
    return Run(*(concat(tables) for tables in zip(*runs, strict=True)))


def solvers(settings: Sequence[Setting], run: Run) -> list[Setting]:
    """Those that solved their task at any evaluation of `run`."""
    solved = {*run.accuracy[run.accuracy["solved"]][[*MODEL]].itertuples(index=False, name=None)}
    return [s for s in settings if tuple(getattr(s, name) for name in MODEL) in solved]
