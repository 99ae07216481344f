"""The verbs behind the wall: tables in, tables, texts and figures out. None of them loads measuring code."""

import argparse

from carousel.provenance import made_here, merge
from carousel.store import load, provenance, read, stack, write, write_text


def gather(args: argparse.Namespace) -> None:
    """Put tables of one kind one below the other."""
    tables = stack([load(path) for path in args.tables])
    write(tables, args.out, merge([provenance(path) for path in args.tables]))


def summarise(args: argparse.Namespace) -> None:
    """Sum up the decay, setting by setting."""
    from carousel import summary

    write(summary.summarise(read(args.decay)), args.out, provenance(args.decay))


def judge(args: argparse.Namespace) -> None:
    """Decide the claims from the gathered tables."""
    from carousel import claims
    from carousel.claims import document

    paths = args.decay, args.accuracy, args.dynamics
    measured = claims.Tables(*map(read, paths))
    origin = merge([provenance(path) for path in (*paths, args.calibration)])
    verdicts = claims.judge(measured, read(args.calibration))
    write(verdicts, args.out, origin)
    write(claims.agreement(measured.decay), args.agreement, origin)
    verdicts.to_csv(args.csv, index=False)
    write_text(document.text(verdicts, origin), args.json)


def explore(args: argparse.Namespace) -> None:
    """Choose the curves that the report lets its reader explore, and what to advise from them."""
    from carousel import advice, explorer

    measured, summary, origin = read(args.decay), read(args.summary), provenance(args.summary)
    driven = explorer.driven(measured)
    write_text(explorer.text(explorer.explore(measured, summary)), args.explorer)
    write(advice.advise(summary, driven), args.advice, origin)
    write(advice.by_bias(summary, driven), args.half_lives, origin)
    write(
        advice.learned(read(args.accuracy), summary), args.learned, merge([origin, provenance(args.accuracy)])
    )


def timings(args: argparse.Namespace) -> None:
    """Add up what the jobs of each rule took, from their logs."""
    from carousel.timings import timings as added

    write(added(args.logs), args.out, made_here())


def reseed(args: argparse.Namespace) -> None:
    """Write a study with another master seed."""
    from carousel.stability import reseeded

    write_text(reseeded(args.study, args.seed), args.out)


def stability(args: argparse.Namespace) -> None:
    """Compare the verdicts of one study under several master seeds."""
    from carousel.stability import compared

    paths = [args.claims, *args.others]
    tables = {provenance(path)["seed"]: read(path) for path in paths}
    found = compared(tables, provenance(args.claims)["seed"])
    write(found, args.out, merge([provenance(path) for path in paths]))


def draw(args: argparse.Namespace) -> None:
    """Draw the figures of the claims and of the report."""
    from carousel import figures

    names = "decay", "accuracy", "claims", "summary", "dynamics"
    figures.draw({name: read(getattr(args, name)) for name in names}, args.out)
