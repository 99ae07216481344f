"""What a study cost: seconds of measuring per rule, backend and cell, read from the logs of its jobs.

    python benchmarks/timing.py results/standard

The seconds are those of the blocks that a job measured; what came from the cache counts next to nothing.
"""

import re
import sys
from pathlib import Path

import pandas as pd

BLOCK = re.compile(r": (\d+) models, (\d+) steps: ([\d.]+) s$")


def blocks(results: Path) -> pd.DataFrame:
    """One row a block of models: rule, backend, task (none for decay), cell, models, length and seconds."""
    rows = []
    for log in sorted(results.glob("logs/*/*/**/*.log")):
        rule, backend, *task, cell = log.relative_to(results / "logs").with_suffix("").parts
        found = (BLOCK.search(line) for line in log.read_text().splitlines())
        rows += [
            (rule, backend, "".join(task), cell, *map(float, match.groups())) for match in found if match
        ]
    return pd.DataFrame(rows, columns=["rule", "backend", "task", "cell", "models", "length", "seconds"])


if __name__ == "__main__":
    table = blocks(Path(sys.argv[1]))
    for by in (["rule", "backend", "task"], ["rule", "backend", "cell"]):
        sums = table.groupby(by)[["models", "seconds"]].sum()
        print(sums.astype({"models": int}).round({"seconds": 1}).to_markdown(), end="\n\n")
