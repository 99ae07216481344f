"""The documentation site: `make docs` builds it into site/, of the pages of the repository and the docstrings.

The source folder is the repository itself, so that a link between two pages is the same here and on GitHub. The pages
beside this file are templates: what they list are the tables of the package and of docs/full.
"""

import csv
import os
import re
import sys
from contextlib import redirect_stdout, suppress
from inspect import getdoc, signature
from io import StringIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "src"))

import carousel  # noqa: E402
from carousel import __main__ as command_line  # noqa: E402
from carousel.analysis import text  # noqa: E402

REPORT = ROOT / "results" / "full" / "report.html"
"""The report of the full study, which is on the site where the study has run."""

project = "carousel"
version = release = carousel.__version__

extensions = ["sphinx.ext.autodoc", "myst_parser"]
root_doc = "docs/site/index"
include_patterns = [
    "*.md",
    "benchmarks/**.md",
    "config/*.md",
    "docs/**.md",
    "docs/site/**.rst",
    "results/README.md",
]
exclude_patterns = [".*", "build", "dist", "results/*/**", "site", "src", "tests", "workflow"]
smartquotes = False
default_role = "code"  # as in the docstrings: what stands in backticks is code
highlight_language = "none"  # blocks are commands, yaml, output and Python alike
myst_heading_anchors = 4
autodoc_member_order = "bysource"
maximum_signature_line_length = 88
python_use_unqualified_type_names = True

html_theme = "furo"
html_title = "carousel"
html_extra_path = ["front", *([str(REPORT)] if REPORT.exists() else [])]
html_static_path = ["static"]
html_css_files = ["tables.css"]
html_copy_source = False
html_show_copyright = False


def homes() -> dict[str, list[str]]:
    """The names of the cells by the module that they are in."""
    found: dict[str, list[str]] = {}
    for name, cell in carousel.CELLS.items():
        found.setdefault(getattr(cell.forward, "func", cell.forward).__module__, []).append(name)
    return found


def verdicts() -> list[dict[str, str]]:
    """The rows of docs/full/claims.csv, each with its statement and its effect in words."""
    with (ROOT / "docs" / "full" / "claims.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [row | {"statement": carousel.CLAIMS[row["id"]].statement, "effect": effect(row)} for row in rows]


def effect(row: dict[str, str]) -> str:
    """The effect of a verdict, with its interval where there is one."""
    value, low, high = (float(row[name] or "nan") for name in ("effect", "low", "high"))
    return f"{text.with_interval(value, low, high) if low < high else text.number(value)} {row['unit']}"


def help_of(command: str) -> str:
    """What the command line says of one of its commands."""
    said = StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        command_line.main([*command.split(), "--help"])
    return said.getvalue()


def plain(words: str) -> str:
    """A text in which only code in backticks and *words* are marked up."""
    parts = re.split(r"(``.+?``|`.+?`|(?<!\w)\*\w[\w ]*\*(?!\w))", words)
    return "".join(
        part if number % 2 else re.sub(r"([\\*|_])", r"\\\1", part) for number, part in enumerate(parts)
    )


NAMES = {
    "carousel": carousel,
    "documentation": getdoc,
    "help_of": help_of,
    "homes": homes,
    "plain": plain,
    "report": REPORT.exists(),
    "verdicts": verdicts,
}
"""What a template may use."""


def filled(app: Any, page: str, source: list[str]) -> None:
    """Fill in a page that is a template."""
    if page.startswith("docs/site/"):
        source[0] = app.builder.templates.render_string(source[0], NAMES)


def marked_up(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Mark up a docstring: indented paragraphs are code, and each parameter has a paragraph."""
    paragraphs = re.split(r"\n\n+", "\n".join(lines))
    named = "|".join(signature(thing).parameters) if what in ("function", "class") else ""
    lines[:] = "\n\n".join(paragraph(each, named or "-") for each in paragraphs).split("\n")


def paragraph(words: str, named: str) -> str:
    """One paragraph of a docstring in reStructuredText; what begins with a name of `named` begins another one."""
    if words.startswith("    "):
        return f"::\n\n{words}"
    return re.sub(rf"\s(?=`({named})`: |Raises )", r"\n\n", plain(words))


def setup(app: Any) -> None:
    """Connect what fills in pages and docstrings; help is as wide as a page."""
    os.environ["COLUMNS"] = "90"
    app.connect("source-read", filled)
    app.connect("autodoc-process-docstring", marked_up)
