"""The commands on claims: seal their rules; decide them from the tables of a study."""

import argparse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from carousel.pipeline.validation import runs, table

if TYPE_CHECKING:
    from carousel.claims.claim import Tables
    from carousel.claims.form import Form

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
    tables = Tables(decay, accuracy, dynamics)
    verdicts = judge(claims, tables, known).claims
    origin = parquet.origin(args.results / "decay.parquet")
    verdicts = verdicts.assign(**columns(claims, read(args.claims, Path()), origin))
    print("\n".join(lines(verdicts, forms(args.claims), tables)))


def forms(named: Iterable[str]) -> dict[str, "Form"]:
    """What decides each of the claims that are written as data."""
    from carousel.pipeline.claim_files import entries
    from carousel.pipeline.claim_paths import paths

    files = [path for path in paths(named, Path()) if path.suffix != ".py"]
    return {entry.id: entry.form for path in files for entry in entries(path)}


def lines(verdicts: pd.DataFrame, forms: Mapping[str, "Form"], tables: "Tables") -> Iterator[str]:
    """Lines on each claim: its verdict with the effect, what was decided, what was found, what has no rows."""
    from carousel.analysis.text import with_interval
    from carousel.pipeline.claim_rows import absent

    for row in verdicts.itertuples():
        known = row.n and not pd.isna(row.effect)
        effect = f"{with_interval(row.effect, row.low, row.high)} {row.unit}" if known else "nothing measured"
        yield f"{row.id}: {row.verdict}, {effect}; seal: {row.sealed}"
        yield f"  read as: {row.reading}"
        yield f"  found: {row.condition}"
        if row.id in forms:
            yield from (f"  no rows: {line}" for line in absent(forms[row.id], tables))
