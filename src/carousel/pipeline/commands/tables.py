"""The commands that read tables: tables in, tables, texts and figures out. None of them loads measuring code."""

import argparse
from pathlib import Path

from carousel.pipeline.provenance import made_here
from carousel.pipeline.validation import check, runs, table
from carousel.tables import merge as gathering, parquet
from carousel.tables.files import StoreError, whole_folder, write_text
from carousel.tables.parquet import write
from carousel.tables.provenance import brief, merge


def gather(args: argparse.Namespace) -> None:
    """Put tables of one kind one below the other."""
    origin = merge(check(args.tables, Path(args.out).stem))
    gathering.gather(args.tables, args.out, origin)


def summarise(args: argparse.Namespace) -> None:
    """Sum up the decay, setting by setting, and what is left of it by route and lag."""
    from carousel.analysis import routes, summary

    measured, origin = runs(args.decay, "decay", summary.READ), parquet.origin(args.decay)
    write(summary.summarise(measured), args.out, origin)
    write(routes.routes(measured), args.routes, origin)


def judge(args: argparse.Namespace) -> None:
    """Decide the claims from the gathered tables."""
    from carousel.claims import export, judge as judging
    from carousel.claims.agreement import agreement
    from carousel.claims.claim import READ, Tables
    from carousel.pipeline.claim_files import claims_of
    from carousel.pipeline.sealing import columns, read as read_seals
    from carousel.study.files import load

    named, folder = load(args.study).claims, args.study.parent
    claims = claims_of(named, folder)

    kinds = "decay", "accuracy", "dynamics", "calibration"
    decay = runs(args.decay, kinds[0], READ[kinds[0]])
    compared = agreement(decay)  # while there is no other table in memory
    dynamics = runs(args.dynamics, "dynamics", READ["dynamics"])
    accuracy, known = table(args.accuracy, "accuracy"), table(args.calibration, "calibration")
    measured = Tables(decay, accuracy, dynamics)
    origin = merge([parquet.origin(getattr(args, kind)) for kind in kinds])
    verdicts, evidence = judging.judge(claims, measured, known)
    verdicts = verdicts.assign(**columns(claims, read_seals(named, folder), origin))
    write(verdicts, args.out, origin)
    write(evidence, args.evidence, origin)
    write(compared, args.agreement, origin)
    write_text(verdicts.to_csv(index=False), args.csv)
    write_text(export.text(verdicts, brief(origin)), args.json)


def published(args: argparse.Namespace) -> None:
    """Hold what others published against the gathered tables."""
    from carousel.claims.published import decided
    from carousel.claims.published_values import Measured

    paths = {"accuracy": args.accuracy, "dynamics": args.dynamics}
    found = decided(Measured(*(table(path, kind) for kind, path in paths.items())))
    origin = merge([parquet.origin(path) for path in paths.values()])
    write(found, args.out, origin)
    write_text(found.to_csv(index=False), args.csv)


def explore(args: argparse.Namespace) -> None:
    """Choose the curves that the report lets its reader explore, and the settings to recommend."""
    from carousel.report import explorer, recommendations

    measured = runs(args.decay, "decay", explorer.READ)
    accuracy, summary, left = (table(getattr(args, kind), kind) for kind in ("accuracy", "summary", "routes"))
    origin = parquet.origin(args.summary)
    both = merge([origin, parquet.origin(args.accuracy)])
    learned = recommendations.learned(accuracy, summary)
    write_text(explorer.text(explorer.explore(measured, summary)), args.explorer)
    write(recommendations.recommend(left, learned), args.advice, both)
    write(recommendations.by_bias(summary, explorer.driven(measured)), args.half_lives, origin)
    write(learned, args.learned, both)


def timings(args: argparse.Namespace) -> None:
    """Add up what the jobs of each rule took, from their logs."""
    from carousel.pipeline.timings import timings as added

    try:
        found = added(args.logs)
    except OSError as error:
        raise StoreError(f"{args.logs}: cannot be read: {error.strerror}") from None
    write(found, args.out, made_here())


def reseed(args: argparse.Namespace) -> None:
    """Write a study with another master seed."""
    from carousel.pipeline.seed_stability import reseeded

    write_text(reseeded(args.study, args.seed), args.out)


def stability(args: argparse.Namespace) -> None:
    """Compare the verdicts of one study under several master seeds."""
    from carousel.pipeline.seed_stability import compared

    paths = [args.claims, *args.others]
    verdicts = [table(path, "claims") for path in paths]
    origins = [parquet.origin(path) for path in paths]
    tables = {origin["seed"]: each for origin, each in zip(origins, verdicts, strict=True)}
    write(compared(tables, origins[0]["seed"]), args.out, merge(origins))


def draw(args: argparse.Namespace) -> None:
    """Draw the figures of the claims and of the report."""
    from carousel.report.figures import draw as drawing

    names = "accuracy", "claims", "evidence", "summary", "learned", "depth"
    tables = {name: table(getattr(args, name), name) for name in names}
    tables |= {name: runs(getattr(args, name), name, columns) for name, columns in drawing.READ.items()}
    with whole_folder(args.out) as folder:
        drawing.draw(tables, folder, args.cores)
