"""Runs that climb from length to length, with a planted longest length and a planted rate before training."""

from collections.abc import Iterator

import pandas as pd
from support.planting import Rows, Truth, curve, model

LENGTHS = (10, 20, 40, 80)
TASKS = ("adding", "temporal_order")
SETTINGS = {  # name: slice, cell, init, forget bias
    "rnn_tanh": ("climb_rnn", "rnn_tanh", "orthogonal", "none"),
    "rnn_relu": ("climb_relu", "rnn_relu", "identity", "none"),
    "lstm/0": ("climb_lstm", "lstm", "orthogonal", "0"),
    "lstm/1": ("climb_lstm", "lstm", "orthogonal", "1"),
    "lstm/chrono": ("climb_lstm", "lstm", "orthogonal", "chrono"),
    "lstm97": ("climb_lstm", "lstm97", "orthogonal", "none"),
    "gru/1": ("climb_lstm", "gru", "orthogonal", "1"),
    "keras": ("climb_libraries", "lstm", "keras", "1"),
}
LONGEST = {  # the longest length that every seed solves, or one per repetition; 0: none
    "rnn_tanh": 10, "rnn_relu": 10, "lstm97": 20, "lstm/0": 20, "gru/1": 40, "lstm/1": 40, "keras": 40,
    "lstm/chrono": 40,
}  # fmt: skip
KEPT = {  # decades per step before training
    "rnn_tanh": -0.3, "rnn_relu": -0.28, "lstm97": -0.22, "lstm/0": -0.2, "gru/1": -0.1, "lstm/1": -0.08,
    "keras": -0.05, "lstm/chrono": -0.4,
}  # fmt: skip
Longest = int | tuple[int, ...]


def longest(truth: Truth, task: str, name: str, repetition: int) -> int:
    """The planted longest length of one run: ``extra["longest"]`` by setting, or by task and setting."""
    changes = truth.extra.get("longest", {})
    lengths: dict[str, Longest] = LONGEST | changes.get(task, changes)
    found = lengths[name]
    return found[repetition] if isinstance(found, tuple) else found


def runs(truth: Truth) -> Iterator[tuple[str, str, int, dict]]:
    """Task, name, repetition and the factors of each run that was planted."""
    for task in truth.extra.get("tasks", TASKS):
        for name, (where, cell, init, bias) in SETTINGS.items():
            if name not in truth.extra.get("without", ()):
                for repetition in range(truth.repetitions):
                    usual = {"slice": where, "init": init, "forget_bias": bias, "dtype": "float32"}
                    yield task, name, repetition, model(cell, 10, repetition, gradient="full", **usual)


def decay(truth: Truth) -> Iterator[Rows]:
    """Yield the gradient before training at the shortest length; of two tasks the rates are the same."""
    rates = KEPT | truth.extra.get("kept", {})
    for task, name, repetition, which in runs(truth):
        which = which | {"trained": task, "drive": "task", "gradient": "full"}
        yield curve(which, "loss_state", "full", rates[name] * (1 + 1e-3 * repetition))


def accuracy(truth: Truth) -> pd.DataFrame:
    """The evaluations: each length ends where it is solved, and a run ends at the first that it does not solve."""
    rows = []
    for backend in truth.backends:
        for task, name, repetition, which in runs(truth):
            reached = longest(truth, task, name, repetition)
            for length in [each for each in LENGTHS if each <= max(2 * reached, LENGTHS[0])]:
                usual = which | {"backend": backend, "task": task, "length": length}
                steps = (0, 100) if length <= reached else (0, 100, 200)
                rows += [
                    usual | {"step": step, "solved": step == 100 and length <= reached} for step in steps
                ]
    table = pd.DataFrame(rows).drop(columns=["bias", "trained", "drive"])
    return table.assign(
        loss=0.1,
        accuracy=0.9,
        gradient_norm=1.0,
        baseline_loss=1 / 6,
        baseline_accuracy=0.03,
        learning_rate=0.01,
    )


NEEDS = {"K3": (decay,)}
DECAY = (decay,)
