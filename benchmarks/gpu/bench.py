"""Many models on one GPU: the persistent kernels and the captured graphs beside cuDNN, in float32.

    python benchmarks/gpu/bench.py [table.csv]

Seconds are medians of interleaved rounds by CUDA events, after our results have been compared with the CPU's float32.
cuDNN goes forward and backward only, to the first states; ours gives the norms at all lags. A training step is forward,
backward and one fused Adam step. The time of cuDNN model by model is that of at most `SAMPLE` models, scaled; on
streams, each of eight captured models is replayed in the place of all that share its stream. The ratio is to cuDNN
model by model, if nothing else is said. Without a GPU one line says so and nothing is measured.
"""

import gc
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the package `gpu` is, for a script

from carousel.cells import CELLS
from carousel.engine.trace import program
from gpu.contenders import (
    GRAPHS,
    MODULES,
    ON_STREAMS,
    ONE_BY_ONE,
    SAMPLE,
    STREAMS,
    TRITON,
    Size,
    captured_decay,
    captured_training,
    decay_error,
    drawn,
    learner,
    on_streams,
    one_by_one,
    peer,
    pupil,
    training_error,
    triton_decay,
    triton_training,
)
from gpu.graphs import Replayed

FLOPS, BYTES = (
    67e12,
    4.8e12,
)  # a second, of an H200 SXM in float32 without tensor cores: NVIDIA's data sheet of 2024
MODELS, ROUNDS = (1, 8, 32, 128, 512), 5
WARPS = (2, 8, 16)  # of a tile, beside the usual 4 at H = 64; tried where a target stands
DECADES = 5e-4  # the largest difference of a log10 norm; on a CPU the two ways differ by 2e-5
SHARE = 1e-4  # and of a gradient, as a share of its largest entry; on a CPU 3e-6
DECAY, TRAINING = Size(128, 64, 16, 512), Size(32, 64, 64, 100)
TARGETS = {("decay", "lstm", DECAY.M): (100.0, 10.0), ("training", "lstm", TRAINING.M): (30.0, math.nan)}
COLUMNS = ["work", "contender", "seconds", "ratio", "target", "of_flops", "of_bytes", "note"]
Run = Callable[[], Any]
Row = dict[str, Any]


class Work(NamedTuple):
    """What is done, and by whom: each contender has a function that makes it ready."""

    kind: str
    cell: str
    size: Size
    makers: dict[str, Callable[[], Run]]

    @property
    def name(self) -> str:
        M, H, B, T, _ = self.size
        return f"{self.kind}, M={M} {self.cell}, H={H} B={B} T={T}"

    @property
    def targets(self) -> tuple[float, float]:
        """Of ours in Triton, against cuDNN model by model and on streams."""
        return TARGETS.get((self.kind, self.cell, self.size.M), (math.nan, math.nan))


def works(device: str, decay: Size, training: Size, models: tuple[int, ...]) -> Iterator[Work]:
    """LSTMs in all numbers, and the other cells in the number that a target stands for."""
    for cell in MODULES:
        for M in models if cell == "lstm" else (decay.M,):
            yield work("decay", cell, decay._replace(M=M), device)
            yield work("training", cell, training._replace(M=M), device)


def work(kind: str, cell: str, size: Size, device: str) -> Work:
    problem, few, decay = drawn(cell, size, device), min(size.M, SAMPLE), kind == "decay"
    theirs, captured, triton = (
        (peer, captured_decay, triton_decay)
        if decay
        else (pupil, learner(captured_training), learner(triton_training))
    )
    makers: dict[str, Callable[[], Run]] = {
        ONE_BY_ONE: lambda: partial(one_by_one, [theirs(problem, k) for k in range(few)]),
        ON_STREAMS: lambda: on_streams(
            [theirs(problem, k) for k in range(min(few, STREAMS))], size.M, device
        ),
        GRAPHS: lambda: captured(problem),
        TRITON: lambda: triton(problem),
        f"{TRITON}, captured": lambda: Replayed(triton(problem), torch.device(device)),
    }
    if (kind, cell, size.M) in TARGETS:
        makers |= {f"{TRITON}, {warps} warps": partial(triton, problem, warps=warps) for warps in WARPS}
    return Work(kind, cell, size, makers)


def agreement(device: str, decay: Size, training: Size) -> Iterator[tuple[tuple[str, str, str], bool, Row]]:
    """Kind, cell and way; whether its results are the CPU's; and a row that says how far off they are."""
    for (kind, size), cell, way in product(
        (("decay", decay), ("training", training)), MODULES, (GRAPHS, TRITON)
    ):
        compare, limit = (decay_error, DECADES) if kind == "decay" else (training_error, SHARE)
        try:
            found = compare(drawn(cell, size._replace(M=2), device), way)
            note = f"off the CPU's float32 by {found:.1e}; allowed: {limit:.0e}"
        except Exception as error:  # the other ways are still worth their time
            found, note = math.inf, told(error)
        yield (kind, cell, way), found <= limit, row(f"{kind}, {cell}, agreement", way, note=note)


def told(error: Exception) -> str:
    """One line of an error."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]


def measured(work: Work, device: str, rounds: int, wrong: set[tuple[str, str, str]]) -> Iterator[Row]:
    """A row a contender; one that cannot run, or gives something else than the CPU, has a row with the reason."""
    ready, notes = {}, {}
    for name, make in work.makers.items():
        if any(name.startswith(way) and (work.kind, work.cell, way) in wrong for way in (GRAPHS, TRITON)):
            notes[name] = "not timed: see agreement"
            continue
        try:
            ready[name] = warm(make())
        except Exception as error:  # the other contenders are still worth their time
            notes[name] = told(error)
    times: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(rounds):
        for name, run in ready.items():
            times[name].append(seconds(run, device))
    medians = {name: statistics.median(t) for name, t in times.items()}
    if ONE_BY_ONE in medians:
        medians[ONE_BY_ONE] *= work.size.M / min(work.size.M, SAMPLE)
    yield from rows(work, medians, notes)


def warm(run: Run) -> Run:
    """`run`, after it ran once."""
    run()
    return run


def rows(work: Work, medians: dict[str, float], notes: dict[str, str]) -> Iterator[Row]:
    """The rows of a work, from seconds by contender."""
    operations, moved = cost(work)
    for name in work.makers:
        took, ours = medians.get(name, math.nan), name.startswith(TRITON)
        ratios = {"ratio": medians.get(ONE_BY_ONE, math.nan) / took, "of_flops": operations / took / FLOPS}
        known = {
            "seconds": took,
            "note": notes.get(name, ""),
            "of_bytes": moved / took / BYTES if ours else math.nan,
        }
        yield row(work.name, name, target=work.targets[0] if name == TRITON else math.nan, **ratios, **known)
    ratio = medians.get(ON_STREAMS, math.nan) / medians.get(TRITON, math.nan)
    known = {"seconds": medians.get(TRITON, math.nan), "ratio": ratio, "target": work.targets[1]}
    yield row(work.name, TRITON, note=f"against {ON_STREAMS}", **known)


def row(work: str, contender: str, **known: Any) -> Row:
    return dict.fromkeys(COLUMNS, math.nan) | {"work": work, "contender": contender} | known


def cost(work: Work) -> tuple[float, float]:
    """Operations of the products, and bytes that the persistent kernels move to and from memory."""
    M, H, B, T, D = work.size
    G, training = len(CELLS[work.cell].gates), work.kind == "training"
    K = sum(name[0] == "m" for name in program(CELLS[work.cell]).forward.results)
    products, arrays = 2 * H + D + training * (H + D), 2 * G + 2 * K + training * (2 * G + 2)
    return 2.0 * G * H * B * T * M * products, 4.0 * H * B * T * M * arrays


def seconds(run: Run, device: str) -> float:
    """How long `run` takes: between two events on the GPU's own clock, or by the CPU's."""
    if device == "cpu":
        start = time.perf_counter()
        run()
        return time.perf_counter() - start
    first, last = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    first.record()
    run()
    last.record()
    torch.cuda.synchronize()
    return first.elapsed_time(last) / 1000


def run(
    device: str = "cuda",
    decay: Size = DECAY,
    training: Size = TRAINING,
    models: tuple[int, ...] = MODELS,
    rounds: int = ROUNDS,
) -> pd.DataFrame:
    """The table; where there is no GPU, one line says so and the table is empty."""
    if device == "cuda" and not can_run():
        return pd.DataFrame(columns=COLUMNS)
    checks = list(agreement(device, decay, training))
    table, wrong = [row for _, _, row in checks], {key for key, right, _ in checks if not right}
    shown(table)
    for each in works(device, decay, training, models):
        found = list(measured(each, device, rounds, wrong))
        shown(found)
        table += found
        gc.collect()
        torch.cuda.empty_cache()
    return pd.DataFrame(table, columns=COLUMNS)


def can_run() -> bool:
    """Whether there is a GPU; where there is none, a line says so."""
    if there := torch.cuda.is_available():
        return there
    print("gpu: not measured, there is no GPU", flush=True)
    return False


def shown(rows: list[Row]) -> None:
    """Printed at once, for a machine that may be taken back."""
    print(pd.DataFrame(rows, columns=COLUMNS).to_string(index=False), flush=True)


def versions() -> str:
    """The GPU, and what the figures rest on."""
    triton = version("triton") if find_spec("triton") else "not installed"
    name, cudnn = torch.cuda.get_device_name(), torch.backends.cudnn.version()
    return f"{name}, torch {torch.__version__}, cuDNN {cudnn}, Triton {triton}"


if __name__ == "__main__":
    if torch.cuda.is_available():
        print(versions(), flush=True)
    table = run()
    if len(table):
        print(table.to_string(index=False))
        for path in sys.argv[1:]:
            table.to_csv(path, index=False)
