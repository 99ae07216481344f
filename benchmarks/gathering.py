"""What it takes to gather 10^8 rows of job tables into one: memory, seconds and bytes.

    python benchmarks/gathering.py [--rows 1e8] [--jobs 54] [--folder FOLDER]

The tables are made here: the real columns of the decay table, in the order in which a job writes them, with random
numbers, which no compression shortens. FOLDER needs 30 bytes a row, twice; what is made there is removed.
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

from carousel.cells import CELLS  # noqa: E402
from carousel.tables import parquet  # noqa: E402
from carousel.tables.schemas import categories, names  # noqa: E402

GATHER = """
import re, sys, time
from pathlib import Path
from carousel.tables import merge
*paths, out = map(Path, sys.argv[1:])
held = lambda: int(re.search(r"VmHWM: +(\\d+)", Path("/proc/self/status").read_text().expandtabs())[1]) / 1024
start, before = time.perf_counter(), held()
merge.gather(paths, out, {"made by": "benchmarks/gathering.py"})
print(time.perf_counter() - start, time.process_time(), before, held())
"""
LAGS, QUANTITIES, SLICES, INITS = 30, 4, 6, 4


def job_table(rows: int) -> pd.DataFrame:
    """The decay table of one cell on one backend, in order; 30 lags a model and quantity."""
    models = max(1, rows // (LAGS * QUANTITIES * SLICES * INITS))
    axes = [np.arange(n) for n in (SLICES, INITS, QUANTITIES, models, LAGS)]
    part, init, quantity, model, lag = (each.ravel() for each in np.meshgrid(*axes, indexing="ij"))
    texts = {
        name: pd.Categorical.from_codes(np.zeros(len(lag), np.int8), ["all"]) for name in categories("decay")
    }
    coded = {"slice": (part, "slice"), "init": (init, "init"), "quantity": (quantity, "quantity")}
    texts |= {
        name: pd.Categorical.from_codes(code, [f"{word}{k}" for k in range(code.max() + 1)])
        for name, (code, word) in coded.items()
    }
    counted = {"repetition": model, "lag": lag, "gain": model % 100 / 50, "hidden": 32, "length": 100, "n": 4}
    return pd.DataFrame(dict.fromkeys(names("decay"), 0) | texts | counted, index=range(len(lag)))[
        names("decay")
    ]


def of_job(table: pd.DataFrame, place: int) -> pd.DataFrame:
    """The same table of another cell and backend, with numbers of its own."""
    rng = np.random.default_rng(place)
    own = {"backend": ("numpy", "torch")[place % 2], "cell": list(CELLS)[place // 2 % len(CELLS)]}
    words = {name: table[name].cat.rename_categories([text]) for name, text in own.items()}
    return table.assign(**words, log10_norm=rng.standard_normal(len(table)), cosine=rng.random(len(table)))


def run(rows: int, jobs: int, folder: Path) -> dict[str, float]:
    """Make the tables, gather them in a process of their own, and say what that took."""
    paths = [folder / f"{place}.parquet" for place in range(jobs)]
    table = job_table(rows // jobs)
    for place, path in enumerate(paths):
        parquet.write(of_job(table, place), path, {})
    command = [sys.executable, "-c", GATHER, *map(str, paths), str(folder / "all.parquet")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds, cpu, before, peak = map(float, told)
    return {
        "rows": sum(len(table) for table in parquet.batches(folder / "all.parquet", 2**20, ["lag"])),
        "jobs": jobs,
        "seconds": seconds,
        "CPU seconds": cpu,
        "MB before": before,
        "MB at most": peak,
        "MB read": sum(path.stat().st_size for path in paths) / 1e6,
        "MB written": (folder / "all.parquet").stat().st_size / 1e6,
    }


def main() -> None:
    """The command line."""
    command = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    command.add_argument("--rows", type=float, default=1e8)
    command.add_argument("--jobs", type=int, default=54)
    command.add_argument("--folder", type=Path)
    args = command.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        for name, number in run(int(args.rows), args.jobs, Path(folder)).items():
            print(f"{name}: {number:,.0f}")


if __name__ == "__main__":
    main()
