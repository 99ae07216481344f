"""The record of a study's verdicts under several master seeds, which its report shows where it has no table of its own.

    snakemake --cores N stability
    python benchmarks/stability.py [results/standard/stability.parquet] [--out benchmarks/stability.csv]
    python benchmarks/stability.py --confirmed results/standard-5/claims.parquet

A row per claim and seed, as in stability.parquet, with the study's name, the commit that measured it and, of a study
that was run for it under a further seed, how each rule was sealed. The second command adds such a study to the record.
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
    return parquet.read(path).assign(
        study=name(origin["study"]), commit=listed(each(origin["commit"])), sealed=""
    )


def with_confirmed(record: pd.DataFrame, path: Path) -> pd.DataFrame:
    """The record and the verdicts of one more study, whose table of claims is at `path`; of its seed no older rows."""
    claims, origin = parquet.read(path), parquet.provenance(path)
    first = record[record["seed"] == record["seed"].min()].set_index("id")["verdict"]
    rows = claims[["id", "verdict", "effect", "low", "high", "sealed"]].assign(
        seed=origin["seed"],
        same=claims["verdict"] == claims["id"].map(first),
        study=record["study"].iloc[0],
        commit=listed(each(origin["commit"])),
    )
    return pd.concat([record[record["seed"] != origin["seed"]], rows[record.columns]], ignore_index=True)


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
    parser.add_argument("--confirmed", type=Path, help="claims.parquet of a study under a further seed")
    args = parser.parse_args(argv)
    if args.confirmed:
        record = with_confirmed(
            pd.read_csv(args.out, dtype={"sealed": str}).fillna({"sealed": ""}), args.confirmed
        )
    else:
        record = recorded(args.table)
    record.to_csv(args.out, index=False, float_format="%.6g")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
