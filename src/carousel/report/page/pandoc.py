"""The chain that stands in for Quarto: .qmd -> jupytext -> nbclient -> Markdown -> pandoc -> one page."""

import subprocess
from importlib.metadata import version
from pathlib import Path

import jupytext
import nbclient
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
    tools = [f"{tool} {version(tool)}" for tool in ("jupytext", "nbclient")]
    return f"the embedded chain ({', '.join(tools)}, pandoc {pypandoc.get_pandoc_version()})"


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
    default = front_matter(notebook).get("execute", {})
    shown = [(cell, default | options(cell)) for cell in notebook.cells]
    for cell, wanted in shown:
        if cell.cell_type == "code" and not wanted.get("eval", True):
            cell.metadata["tags"] = ["skip-execution"]
    run(notebook, folder)
    return "\n\n".join(part for cell, wanted in shown for part in parts(cell, wanted) if part) + "\n"


def front_matter(notebook: nbformat.NotebookNode) -> dict:
    """The YAML at the top of the document."""
    first = notebook.cells[0]
    return yaml.safe_load(first.source.strip().strip("-")) if first.cell_type == "raw" else {}


def options(cell: nbformat.NotebookNode) -> dict:
    """The `#|` options of a cell; jupytext leaves them as comments."""
    lines = cell.source.splitlines() if cell.cell_type == "code" else []
    lines = [line[2:] for line in lines if line.startswith("#|")]
    return yaml.safe_load("\n".join(lines)) or {}


def run(notebook: nbformat.NotebookNode, folder: Path) -> None:
    """Run all cells. Raises CellError for the first that raises."""
    place = {"metadata": {"path": str(folder)}}
    quiet = ["--log-level=ERROR"]  # the kernel warns of local TCP on every start
    client = nbclient.NotebookClient(notebook, kernel_name="python3", resources=place, extra_arguments=quiet)
    try:
        client.execute()
    except nbclient.exceptions.CellExecutionError as error:
        raise CellError(f"{error.ename}: {' '.join(error.evalue.split())}") from error


def parts(cell: nbformat.NotebookNode, wanted: dict) -> list[str]:
    """What the page shows of a cell: prose as it stands, code where echoed, printed text."""
    if cell.cell_type != "code":
        return [cell.source]
    code = "\n".join(line for line in cell.source.splitlines() if not line.startswith("#|"))
    printed = "".join(output.text for output in cell.outputs if output.get("name") == "stdout")
    shown = [fenced(code, "python")] if wanted.get("echo", True) else []
    return [*shown, printed if wanted.get("output") == "asis" else fenced(printed, "")]


def fenced(text: str, language: str) -> str:
    """A fenced block, or nothing for no text."""
    return f"```{language}\n{text.rstrip()}\n```" if text.strip() else ""
