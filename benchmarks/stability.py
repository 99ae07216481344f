"""The record of a study's verdicts under several master seeds, which its report shows where it has no table of its own.

    snakemake --cores N stability
    python benchmarks/stability.py [results/standard/stability.parquet] [--out benchmarks/stability.csv]

A row per claim and seed, as in stability.parquet, with the study's name and the commit that measured it.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from carousel.analysis.text import listed
from carousel.tables import parquet


def recorded(path: Path) -> pd.DataFrame:
    """The table at `path` with the columns `study` and `commit`."""
    origin = parquet.provenance(path)
    return parquet.read(path).assign(study=name(origin["study"]), commit=listed(each(origin["commit"])))


def name(study: str | list[str]) -> str:
    """The study's name: under other master seeds it is that with the seed behind it."""
    return min(each(study), key=len)


def each(value: str | list[str]) -> list[str]:
    """One value, or those that the seeds differ in."""
    return [value] if isinstance(value, str) else value


def main(argv: Sequence[str] | None = None) -> int:
    """Write the record; the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("table", type=Path, nargs="?", default=Path("results/standard/stability.parquet"))
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "stability.csv")
    args = parser.parse_args(argv)
    recorded(args.table).to_csv(args.out, index=False, float_format="%.6g")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
