"""Write the two tables of this folder from the results of the full study.

    python docs/full/tables.py results/full

claims.csv: the columns of `COLUMNS` of the claims table. longest.csv: per task and setting of the slices that climb,
how many seeds there are, the median of the longest sequences that they learned (0: none), how many of them learned
none, and how many the longest that was tried, and the learning rate that was chosen.
"""

import sys
from pathlib import Path

import pandas as pd

from carousel.analysis.stats.learning import longest_solved
from carousel.claims.longest_learned import climbed
from carousel.tables import parquet

COLUMNS = [
    "id",
    "verdict",
    "effect",
    "low",
    "high",
    "unit",
    "n",
    "boundary",
    "boundary_at",
    "boundary_low",
    "boundary_high",
]
SETTING = ["task", "cell", "init", "forget_bias", "hidden"]
DIGITS = 10


def longest(accuracy: pd.DataFrame) -> pd.DataFrame:
    """The rows of longest.csv, of the reference backend."""
    evaluations = climbed(accuracy[accuracy["backend"] == "numpy"])
    runs = longest_solved(evaluations).merge(
        evaluations[["slice", *SETTING, "repetition", "learning_rate"]].drop_duplicates(),
        on=["slice", *SETTING, "repetition"],
    )
    runs = runs.astype(dict.fromkeys(["slice", *SETTING[:4]], str)).drop_duplicates([*SETTING, "repetition"])
    groups = runs.groupby(SETTING)
    return groups.agg(
        seeds=("repetition", "size"),
        median=("longest", "median"),
        none=("censored", lambda kinds: (kinds == "below").sum()),
        all_tried=("censored", lambda kinds: (kinds == "above").sum()),
        tried=("longest_tried", "max"),
        learning_rate=("learning_rate", "first"),
    ).reset_index()


def main(results: Path, folder: Path) -> None:
    """Write both tables."""
    claims = parquet.read(results / "claims.parquet")[COLUMNS]
    claims.to_csv(folder / "claims.csv", index=False, float_format=f"%.{DIGITS}g")
    longest(parquet.read(results / "accuracy.parquet")).to_csv(folder / "longest.csv", index=False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(__file__).parent)
