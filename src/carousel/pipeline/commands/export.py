"""The command that describes results for other programs."""

import argparse

from carousel.pipeline.validation import table
from carousel.tables import parquet
from carousel.tables.files import write_text


def export(args: argparse.Namespace) -> None:
    """Put the verdicts as JUnit and as a badge beside results, and make an RO-Crate of them."""
    from carousel.pipeline.exporting import crate, verdicts

    path = args.results / "claims.parquet"
    claims = table(path, "claims")
    write_text(verdicts.junit(claims), args.results / "claims.xml")
    write_text(verdicts.badge(claims), args.results / "badge.svg")
    write_text(crate.text(args.results, parquet.origin(path)), args.results / crate.NAME)
    print(f"{args.results}: {crate.NAME}, claims.xml, badge.svg")
