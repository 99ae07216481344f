"""Whole studies from an empty folder to the page: wall seconds on two cores, memory, CPU seconds by rule."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from pipeline import copied, measured

LIMITS = {"standard": 240.0, "smoke": 25.0}  # wall seconds
SHARE, GIGABYTES = 0.9, 1.0
MEASURING = ["accuracy", "calibrate", "decay", "depth", "dynamics", "search", "tune"]
"""The rules that measure."""


PARTS = [{"names": [name]} for name in LIMITS]


def run(cores: int = 2, names: Sequence[str] = tuple(LIMITS)) -> pd.DataFrame:
    """The table of this work; a ratio is how far below its limit a study stays."""
    return pd.concat([one(name, LIMITS[name], cores) for name in names], ignore_index=True)


def one(name: str, limit: float, cores: int) -> pd.DataFrame:
    """The rows of one study."""
    with tempfile.TemporaryDirectory() as folder:
        copied(folder)
        wall, largest = measured(f"--cores {cores} --config study={name}", folder)
        rules = pd.read_parquet(Path(folder) / "results" / name / "timings.parquet").set_index("rule")["cpu"]
    return rows(name, limit, wall, largest, rules)


def rows(name: str, limit: float, wall: float, largest: float, rules: pd.Series) -> pd.DataFrame:
    """The rows of one study that took `wall` seconds and `largest` GB in a job, with CPU seconds by rule."""
    study = f"study {name}"
    table = [
        (study, "to the page, wall seconds", wall, f"at most {limit:.0f}", limit / wall, 1.0),
        (study, "the largest job, GB", largest, f"at most {GIGABYTES:.0f}", GIGABYTES / largest, 1.0),
        *((f"{study}, CPU seconds", rule, seconds, "", None, None) for rule, seconds in rules.items()),
    ]
    if name == "standard":
        share = rules[MEASURING].sum() / rules.sum()
        table.append((study, "share of CPU time that measures", share, f"at least {SHARE}", share, SHARE))
    return pd.DataFrame(table, columns=["work", "contender", "seconds", "against", "ratio", "target"])


if __name__ == "__main__":
    print(run().round(3).to_markdown(index=False))
