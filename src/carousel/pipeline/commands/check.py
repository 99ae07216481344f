"""The command that checks a folder of results."""

import argparse
import sys

from carousel.tables.files import write_text


def check(args: argparse.Namespace) -> int:
    """Check results, a line per finding; status 0 for none, 1 for some, 2 where there is nothing to check."""
    from carousel.pipeline.checking.checks import outcomes
    from carousel.pipeline.checking.report import document, junit, lines, summary
    from carousel.pipeline.checking.results import opened

    results, found = opened(args.results), []
    shown = sys.stderr if str(args.json) == "-" else sys.stdout
    for outcome in outcomes(results):
        found.append(outcome)
        for line in lines(outcome):
            print(line, file=shown, flush=True)
    print(summary(results, found), file=shown)
    if args.junit:
        write_text(junit(results, found), args.junit)
    if args.json:
        text = document(results, found)
        print(text, end="") if shown is sys.stderr else write_text(text, args.json)
    return int(not all(outcome.clean for outcome in found))
