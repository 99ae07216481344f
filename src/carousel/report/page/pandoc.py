"""The chain that stands in for Quarto: .qmd -> jupytext -> Python -> Markdown -> pandoc -> one page.

Its cells run in this process: a kernel of their own would import all that they need once more.
"""

import io
import subprocess
from contextlib import chdir, redirect_stdout
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pypandoc
import yaml

STYLE = "style.css"
PANDOC = [
    "--from=markdown-blank_before_header",  # as Quarto reads it
    "--to=html5",
    "--standalone",
    "--mathml",
    "--citeproc",
    "--section-divs",
    "--template=template.html",
    f"--css={STYLE}",
    "--fail-if-warnings",
]


class CellError(Exception):
    """A cell raised: its exception in one line."""


def name() -> str:
    """What the footer says."""
    return f"the embedded chain (jupytext {version('jupytext')}, pandoc {pypandoc.get_pandoc_version()})"


def page(folder: Path) -> Path:
    """Render folder/index.qmd to folder/index.html. Raises CellError, or RuntimeError where pandoc fails."""
    (folder / "page.md").write_text(markdown((folder / "index.qmd").read_text("utf-8"), folder), "utf-8")
    command = [pypandoc.get_pandoc_path(), "page.md", *PANDOC, "--output=index.html"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"pandoc: {' '.join(done.stderr.split())}")
    made = folder / "index.html"
    made.write_text(whole(made.read_text("utf-8"), (folder / STYLE).read_text("utf-8")), "utf-8")
    return made


def whole(page: str, style: str) -> str:
    """The page with its style in it, the only file that it names; pandoc's own embedding reads all of a page again."""
    return page.replace(
        f'<link rel="stylesheet" href="{STYLE}">', f'<style type="text/css">\n{style}</style>', 1
    )


def markdown(text: str, folder: Path) -> str:
    """A .qmd with its cells run in `folder` and replaced by what Quarto would show of them."""
    notebook = jupytext.reads(text, fmt="Rmd")  # not .read: for a .qmd that calls quarto
    default, names = front_matter(notebook).get("execute", {}), dict[str, Any]()
    with chdir(folder):
        shown = [part for cell in notebook.cells for part in parts(cell, default | options(cell), names)]
    return "\n\n".join(filter(None, shown)) + "\n"


def front_matter(notebook: nbformat.NotebookNode) -> dict:
    """The YAML at the top of the document."""
    first = notebook.cells[0]
    return yaml.safe_load(first.source.strip().strip("-")) if first.cell_type == "raw" else {}


def options(cell: nbformat.NotebookNode) -> dict:
    """The `#|` options of a cell; jupytext leaves them as comments."""
    lines = cell.source.splitlines() if cell.cell_type == "code" else []
    lines = [line[2:] for line in lines if line.startswith("#|")]
    return yaml.safe_load("\n".join(lines)) or {}


def parts(cell: nbformat.NotebookNode, wanted: dict, names: dict[str, Any]) -> list[str]:
    """What the page shows of a cell: prose as it stands, code where echoed, printed text."""
    if cell.cell_type != "code":
        return [cell.source]
    code = "\n".join(line for line in cell.source.splitlines() if not line.startswith("#|"))
    printed = run(code, names) if wanted.get("eval", True) else ""
    shown = [fenced(code, "python")] if wanted.get("echo", True) else []
    return [*shown, printed if wanted.get("output") == "asis" else fenced(printed, "")]


def run(code: str, names: dict[str, Any]) -> str:
    """What a cell prints; `names` are those of the cells before, and then its own. Raises CellError if it raises."""
    printed = io.StringIO()
    try:
        with redirect_stdout(printed):
            exec(code, names)
    except Exception as error:
        raise CellError(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
    return printed.getvalue()


def fenced(text: str, language: str) -> str:
    """A fenced block, or nothing for no text."""
    return f"```{language}\n{text.rstrip()}\n```" if text.strip() else ""
