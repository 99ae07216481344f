"""How cost grows with the number of models, their width and the length of the sequences, in time and in memory.

    make bench BENCH=growth

Decay and one Adam step of LSTMs in float32, Jacobian norms of all blocks in float64. One axis grows, the others stay
at BASE. Each contender has a process of its own, so that its memory can be told from that of the others: the largest
resident memory of a call, its data included, beyond what the process held after a first one at BASE. CPU seconds are
of one call after a first one that is not counted, or the median of three where they are short. A contender leaves an
axis where the next size would take longer than CAP by its last one.
"""

import ctypes
import gc
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from cores import pinned

pinned()  # before any library starts its threads

import decay  # noqa: E402
import jacobian  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import training  # noqa: E402
from matplotlib.axes import Axes  # noqa: E402
from peers import installed  # noqa: E402
from problem import part, problem  # noqa: E402

CAP = 5.0  # CPU seconds of a call
SHORT = 0.2  # below this a call is repeated
DRAWN = 16  # models that are drawn; more are these again
AXES = {
    "models": (10, 100, 1000, 10_000),
    "units": (16, 32, 64, 128, 256),
    "steps": (100, 1000, 10_000, 100_000),
}
LARGEST = {("Jacobian norms", "units"): 128}  # of wider LSTMs the norms are estimated, another work
POWERS = {"models": 1, "units": 2, "steps": 1}  # how cost is expected to grow, where CAP is foreseen
FITTED = 3  # the largest sizes that an exponent is fitted to
BASE = {
    "decay": {"models": 4, "units": 16, "sequences": 16, "steps": 20},
    "Adam step": {"models": 4, "units": 16, "sequences": 16, "steps": 20},
    "Jacobian norms": {"models": 1, "units": 16, "sequences": 1, "steps": 20},
}
CONTENDERS = {
    "decay": ("compiled", "torch", "loop", "JAX"),
    "Adam step": ("compiled", "torch", "layers", "JAX"),
    "Jacobian norms": ("numpy, compressed", "torch, compressed", "torch.func"),
}
PARTS = [{"work": work, "contender": name} for work, names in CONTENDERS.items() for name in names]
Call = Callable[[], object]


def run(work: str, contender: str) -> pd.DataFrame:
    """The rows of one contender, measured in a process of its own; none where its library is not installed."""
    columns = ["work", "contender", "axis", "size", "seconds", "megabytes"]
    if not installed(contender):
        return pd.DataFrame(columns=columns)
    command = [sys.executable, __file__, work, contender]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    rows = [json.loads(line) for line in said.splitlines()]
    return pd.DataFrame([{"work": work, "contender": contender} | row for row in rows], columns=columns)


def measured(work: str, contender: str) -> Iterator[dict[str, Any]]:
    """One row per axis and size that CAP allows."""
    ready(work, contender, BASE[work])()
    give_back()
    before = memory("VmRSS")
    for axis, every in AXES.items():
        sizes = [size for size in every if size <= LARGEST.get((work, axis), np.inf)]
        for size, after in zip(sizes, (*sizes[1:], np.inf), strict=True):
            call = ready(work, contender, BASE[work] | {axis: size})
            seconds, peak = cost(call)
            yield {"axis": axis, "size": size, "seconds": seconds, "megabytes": max(0.0, peak - before)}
            if seconds * (after / size) ** POWERS[axis] > CAP:
                break


def cost(call: Call) -> tuple[float, float]:
    """CPU seconds of a call, and the largest resident memory of the process during it, in MB, after a first call."""
    call()
    give_back()
    Path("/proc/self/clear_refs").write_text("5")  # forgets the largest so far
    took = [timed(call)]
    peak = memory("VmHWM")
    while took[0] < SHORT and len(took) < 3:
        took.append(timed(call))
    return median(took), peak


def timed(call: Call) -> float:
    """CPU seconds of a call."""
    start = time.process_time()
    call()
    return time.process_time() - start


def give_back() -> None:
    """Give memory that is free back to the system."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)


def memory(name: str) -> float:
    """A figure of this process's memory, in MB."""
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(lines[name].split()[0]) / 1e3


def ready(work: str, contender: str, size: dict[str, int]) -> Call:
    """A contender with its models and data."""
    M, H, B, T = size.values()
    drawn, models = min(M, DRAWN), np.arange(M) % DRAWN
    if work == "decay":
        return decay.MAKERS[contender](part(problem("lstm", drawn, H, B, T), models))
    if work == "Adam step":
        adding, targets = training.adding("lstm", drawn, H, B, T)
        return training.MAKERS[contender](part(adding, models), targets[models])
    return partial(jacobian.CONTENDERS[jacobian.BLOCKS, contender], *jacobian.problem(M, H, B, T))


def exponents(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per work, axis and contender: the exponents of its seconds and memory, and its largest size."""
    found = []
    for (work, axis, name), each in rows.groupby(["work", "axis", "contender"], sort=False):
        each = each.sort_values("size")
        last, powers = each.iloc[-1], [power(each["size"], each[of]) for of in ("seconds", "megabytes")]
        found.append((work, axis, name, last["size"], last["seconds"], last["megabytes"], *powers))
    names = ["work", "axis", "contender", "largest", "seconds", "MB", "exponent, time", "exponent, memory"]
    return pd.DataFrame(found, columns=names)


def power(size: pd.Series, cost: pd.Series) -> float:
    """The least-squares slope of log cost against log size over the FITTED largest sizes; nan below two."""
    points = (
        np.log(np.stack([size, cost.clip(lower=0)]))[:, -FITTED:]
        if len(size) > 1
        else np.full((2, 0), np.nan)
    )
    return float(np.polyfit(*points, 1)[0]) if np.isfinite(points).all() and points.size else float("nan")


def plot(path: Path) -> None:
    """Seconds and memory against size from bench.csv, a file per work, the exponents beside the contenders."""
    rows = pd.read_csv(path.parents[1] / "bench.csv").query("script == 'growth'")
    for work, each in rows.groupby("work"):
        figure, axes = plt.subplots(2, len(AXES), figsize=(11, 7.5), sharex="col", layout="constrained")
        for column, axis in enumerate(AXES):
            for row, of in enumerate(("seconds", "megabytes")):
                panel(axes[row, column], each[each["axis"] == axis], axis, of, CONTENDERS[work])
        fixed = ", ".join(f"{size} {name}" for name, size in BASE[work].items())
        figure.suptitle(f"{work}: one axis grows from {fixed} (exponents in brackets)")
        figure.savefig(path.with_stem(f"growth-{work.split()[0].lower()}"))
        plt.close(figure)


def panel(there: Axes, rows: pd.DataFrame, axis: str, of: str, names: tuple[str, ...]) -> None:
    """One cost along one axis, of the contenders that were measured."""
    for name, marker in zip(names, "osD^", strict=False):
        each = rows[rows["contender"] == name].sort_values("size")
        if len(each):
            label = f"{name} ({power(each['size'], each[of]):.2f})"
            there.plot(each["size"], each[of], marker=marker, label=label)
    there.set(
        xscale="log", yscale="log", xlabel=axis, ylabel={"seconds": "CPU seconds", "megabytes": "MB"}[of]
    )
    there.set_xticks(AXES[axis], [f"{size:,}" for size in AXES[axis]])
    there.minorticks_off()
    there.legend(fontsize="small", frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


if __name__ == "__main__":
    for found in measured(*sys.argv[1:]):
        print(json.dumps(found), flush=True)
