"""The commands on claims: seal their rules; decide a file of claims from the tables of a study."""

import argparse

from carousel.pipeline.sealing import sealed


def seal(args: argparse.Namespace) -> None:
    """Write down what decides each claim, as hashes, with the commit, the date and the seeds seen."""
    for named in args.claims:
        print(f"{sealed(named, args.seen)}: commit it; from then on a changed rule shows")
