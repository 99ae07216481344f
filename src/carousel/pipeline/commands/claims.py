"""The commands on claims: seal their rules; decide them from the tables of a study."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from carousel.pipeline.validation import runs, table

KINDS = "decay", "accuracy", "dynamics", "calibration"


def seal(args: argparse.Namespace) -> None:
    """Write down what decides each claim, as hashes, with the commit, the date and the seeds seen."""
    from carousel.pipeline.sealing import sealed

    for named in args.claims:
        print(f"{sealed(named, args.seen)}: commit it; from then on a changed rule shows")


def decide(args: argparse.Namespace) -> None:
    """Decide claims from the tables of a study, and say what is found; nothing is written."""
    from carousel.claims.claim import READ, Tables
    from carousel.claims.judge import judge
    from carousel.pipeline.claim_files import claims_of
    from carousel.pipeline.sealing import columns, read
    from carousel.tables import parquet

    claims = claims_of(args.claims, Path())
    paths = {kind: args.results / f"{kind}.parquet" for kind in KINDS}
    decay, dynamics = (runs(paths[kind], kind, READ[kind]) for kind in READ)
    accuracy, known = table(paths["accuracy"], "accuracy"), table(paths["calibration"], "calibration")
    verdicts = judge(claims, Tables(decay, accuracy, dynamics), known).claims
    origin = parquet.origin(args.results / "decay.parquet")
    print("\n".join(lines(verdicts.assign(**columns(claims, read(args.claims, Path()), origin)))))


def lines(verdicts: pd.DataFrame) -> Iterator[str]:
    """Three lines per claim: its verdict with the effect, what was decided, what was found."""
    from carousel.analysis.text import number

    for row in verdicts.itertuples():
        effect = f"{number(row.effect)} [{number(row.low)}, {number(row.high)}] {row.unit}"
        yield f"{row.id}: {row.verdict}, {effect}; seal: {row.sealed}"
        yield f"  read as: {row.reading}"
        yield f"  found: {row.condition}"
