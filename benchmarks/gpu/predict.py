"""What the persistent kernels would take on a GPU at least: a prediction by the roofline, from stated figures alone.

    seconds = launches * LAUNCH + max(operations / (FLOPS * busy), bytes / BYTES)
    busy    = tiles / (SMS * ceil(tiles / SMS)),    tiles = models * ceil(sequences / TILE)

Operations and bytes are those of `bench.cost`; FLOPS and BYTES are an H200's (NVIDIA's data sheet of 2024: 67 TFLOP/s
in float32 without tensor cores, 4.8 TB/s), SMS its multiprocessors. A tile is a Triton program, which one
multiprocessor works on for all steps: few tiles leave the others idle, and `busy` is the share that works. LAUNCH,
from the CPU to a kernel's start, is an assumption: a few microseconds on any GPU of these years. Nothing waits in it
for anything else, so that a measurement may be slower and not faster.
"""

import math

import pandas as pd

from gpu.bench import BYTES, DECAY, FLOPS, MODELS, TRAINING, Work, cost

SMS, TILE = 132, 16
LAUNCH = 5e-6  # seconds
LAUNCHES = {"decay": 2, "training": 4}
"""Kernels of a call: forward and back; in training the gradient's products and Adam too."""
UNMEASURED = "by the roofline, not measured"


def predicted(work: Work) -> float:
    """Seconds of a work by the roofline."""
    operations, moved = cost(work)
    tiles = work.size.M * math.ceil(work.size.B / TILE)
    busy = tiles / (SMS * math.ceil(tiles / SMS))
    return LAUNCHES[work.kind] * LAUNCH + max(operations / (FLOPS * busy), moved / BYTES)


def predictions() -> pd.DataFrame:
    """A row per number of LSTMs and work."""
    works = [
        Work(kind, "lstm", size._replace(M=M), {})
        for kind, size in (("decay", DECAY), ("training", TRAINING))
        for M in MODELS
    ]
    rows = [(work.name, f"predicted {1e3 * predicted(work):.3g} ms {UNMEASURED}") for work in works]
    return pd.DataFrame(rows, columns=["work", "Triton kernels on an H200"])


if __name__ == "__main__":
    print(predictions().to_markdown(index=False))
