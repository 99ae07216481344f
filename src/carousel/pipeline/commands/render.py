"""The command that writes the page."""

import argparse
import shutil
import tempfile
from pathlib import Path

from carousel.pipeline.rebuild import command, explained, target
from carousel.pipeline.validation import check as check_tables
from carousel.tables import files, parquet


class RenderError(Exception):
    """A page that could not be made; one line."""


def render(args: argparse.Namespace) -> None:
    """Write the report of a study."""
    from carousel.report.page import render as page

    try:
        check(args.results)
        with tempfile.TemporaryDirectory(prefix="carousel-report-") as folder:
            place(page.render(Path(folder) / "report", args.results, args.renderer), args.out)
        if args.summary:
            with files.whole(args.summary) as file:
                file.write(in_short(args.out.name).encode())
    except Exception as error:
        raise RenderError(f"report: {' '.join(explained(error).split()) or type(error).__name__}") from error


def in_short(page: str) -> str:
    """The summary of the study that was just rendered; page: its file's name."""
    from carousel.report.page.sections import COLUMNS, load
    from carousel.report.page.summary import summary

    return summary(load(left_out=COLUMNS), page, "figures/hero.svg")


def check(results: Path) -> None:
    """Raise FileNotFoundError with a line that names the first missing file and the command that makes it."""
    from carousel.report.page.measurements import DRAWN
    from carousel.report.page.pictures import both, numbers
    from carousel.report.page.sections import SHOWN

    for name in SHOWN:
        require(results / name)
    check_tables(results / name for name in SHOWN if name.endswith(".parquet"))
    drawn = [f"{name}.svg" for name in ("story", *DRAWN)]
    said = [f"{name}.txt" for name in ("story", *DRAWN)]
    for name in (*drawn, *parquet.read(results / "claims.parquet")["figure"]):
        path = results / "figures" / name
        for file in (*both(path).values(), numbers(path)):
            require(file)
    for name in (*said, "hero.html", "hero.svg"):
        require(results / "figures" / name)


def require(path: Path) -> None:
    """Raise FileNotFoundError where there is no such file."""
    if not path.is_file():
        how = f"; make it: {command([path])}" if target(path) else ""
        raise FileNotFoundError(f"{path} is missing{how}")


def place(made: Path, out: Path) -> None:
    """Move the page to where it belongs, whole or not at all."""
    with made.open("rb") as page, files.whole(out) as file:
        shutil.copyfileobj(page, file)
