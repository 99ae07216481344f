"""The same small measurements on this machine and on an imitation of others: fewer instructions, more threads.

    python tests/tools/machines.py            a table: the largest difference by variant, path and table

Every variant is a process of its own, as libraries choose their instructions when they are loaded.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

CELLS = ("lstm",)
LENGTH = 24
PATHS = {"plain": ("numpy", True), "compiled": ("numpy", False), "torch": ("torch", False)}
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "2")


def old() -> dict[str, str]:
    """An environment in which all libraries do without the newer vector instructions of this machine."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    found = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    return {
        "NPY_DISABLE_CPU_FEATURES": " ".join(found),
        "OPENBLAS_CORETYPE": "Nehalem",
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NUMBA_CPU_NAME": "generic",
        "CAROUSEL_TEST_WIDTH": "64",
    }


VARIANTS = {"two threads": lambda: THREADS, "old instructions": old, "both": lambda: THREADS | old()}


def blocks(cell: str) -> list:
    """Models of one shape: their gains and repetitions differ."""
    from carousel.study.models import Setting

    return [
        Setting(cell, "orthogonal", g, "1", 0.0, "unit", 8, LENGTH, r) for g in (1.0, 1.5) for r in range(2)
    ]


def decay(backend, block: list) -> np.ndarray:
    """log10 of all norms of a block, model by model."""
    from carousel.measures.decay import measure
    from carousel.study.files import decay_defaults
    from carousel.study.schema import vary

    part = vary(decay_defaults(), batch=5, input_size=3, lags_per_octave=4, measures=["gradient", "jacobian"])
    found = measure(backend, 1, block, part)
    return table(found, block, "log10_norm", ["quantity", "path", "lag"])


def training(backend, block: list) -> np.ndarray:
    """Losses and gradient norms of a few steps."""
    from carousel.measures.training.train import train
    from carousel.study.files import training_defaults
    from carousel.study.schema import vary

    part = vary(
        training_defaults(), cells=[block[0].cell], tasks=["adding"], lengths=[LENGTH], hidden=[8], batch=5, steps=6,
        evaluate_every=2, test_size=20, learning_rates=[0.01], clip=1.0, dtype="float64", snapshots=[0],
        measures=["gradient"], sequences=2,
    )  # fmt: skip
    found = train(backend, 1, block, part, "adding", "full").accuracy
    return np.stack([table(found, block, name, ["step"]) for name in ("loss", "gradient_norm")], axis=1)


def table(found, block: list, column: str, by: list[str]) -> np.ndarray:
    """A column [model, row], the models in the order of the block."""
    rows = [
        found[(found["gain"] == s.gain) & (found["repetition"] == s.repetition)].sort_values(by)[column]
        for s in block
    ]
    return np.stack(rows)


def measured() -> Iterator[tuple[str, np.ndarray]]:
    """Every path's tables of every cell."""
    from carousel.engine.backends.table import load

    for path, (name, exact) in PATHS.items():
        backend = load(name, "cpu", "float64", exact)
        if path == "compiled" and backend.engine.name != "compiled":
            continue
        for cell in CELLS:
            yield f"{path} decay {cell}", decay(backend, blocks(cell))
            yield f"{path} training {cell}", training(backend, blocks(cell))


def elsewhere(variant: str, folder: Path) -> dict[str, np.ndarray]:
    """What the variant measures."""
    out = folder / "found.npz"
    environment = os.environ | VARIANTS[variant]()
    subprocess.run([sys.executable, __file__, str(out)], env=environment, check=True)
    return dict(np.load(out))


def apart(a: np.ndarray, b: np.ndarray, relative: bool) -> float:
    """The largest difference of two tables; where both are minus infinity there is none."""
    with np.errstate(invalid="ignore"):
        difference = np.where(a == b, 0.0, abs(a - b) / (np.maximum(abs(a), abs(b)) if relative else 1.0))
    return float(difference.max())


def imitate() -> None:
    """Compiled code as for a machine whose registers are as wide as the environment says, without fused products."""
    if width := os.environ.get("CAROUSEL_TEST_WIDTH"):
        from carousel.engine.compiled import emit, machine

        machine.register_bytes = emit.register_bytes = lambda: int(width)
        machine.binding.get_host_cpu_name = lambda: "x86-64"
        none = type(machine.binding.get_host_cpu_features())()
        machine.binding.get_host_cpu_features = lambda: none


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("file", nargs="?", help="measure in this process alone, and keep the numbers there")
    if file := parser.parse_args().file:
        imitate()
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        np.savez(file, **dict(measured()))
        return
    os.environ |= dict.fromkeys(THREADS, "1")
    here = dict(measured())
    for variant in VARIANTS:
        with tempfile.TemporaryDirectory() as folder:
            there = elsewhere(variant, Path(folder))
        for path in PATHS:
            for what in ("decay", "training"):
                pairs = [(here[k], there[k]) for k in here if k.startswith(f"{path} {what}")]
                worst = max(apart(a, b, what == "training") for a, b in pairs)
                print(f"{variant:18} {path:9} {what:9} {worst:.1e}")


if __name__ == "__main__":
    main()
