"""The page from report/index.qmd, by Quarto where it is on PATH, else by the embedded chain of `pandoc`."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from carousel.report.page import pandoc
from carousel.report.page.source import FOLDER, PACKAGE

FOLDERS = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR")


def render(work: Path, results: Path, renderer: str) -> Path:
    """The page of `results`, made in the folder `work`, which is made for it.

    `renderer` is auto, quarto or embedded. Raises FileNotFoundError where Quarto is asked for and not there.
    """
    quarto = None if renderer == "embedded" else shutil.which("quarto")
    if renderer == "quarto" and quarto is None:
        raise FileNotFoundError("quarto is not on PATH; use --renderer embedded")
    shutil.copytree(FOLDER, work, ignore=shutil.ignore_patterns("__pycache__", ".*", "*_files"))
    os.environ.update(environment(work.parent, results.resolve()))
    return by_quarto(work, quarto) if quarto else by_chain(work)


def environment(folder: Path, results: Path) -> dict[str, str]:
    """What the cells and both renderers read; home folders that can be written to."""
    homes = {name: folder / "home" / name.lower() for name in FOLDERS} | {"HOME": folder / "home"}
    for home in homes.values():
        home.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    plain = {"QUARTO_PYTHON": sys.executable, "CAROUSEL_RESULTS": results, "PYTHONPATH": path}
    return {name: str(value) for name, value in (homes | plain).items()}


def by_quarto(work: Path, quarto: str) -> Path:
    """Render by Quarto. Raises RuntimeError with the error that it reports."""
    number = subprocess.run([quarto, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    os.environ["CAROUSEL_RENDERER"] = f"Quarto {number}"
    command = [quarto, "render", "index.qmd", "--to", "html", "--no-execute-daemon"]
    done = subprocess.run(command, cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise RuntimeError(f"quarto: {last_error(done.stdout + done.stderr)} (or try --renderer embedded)")
    return work / "index.html"


def last_error(log: str) -> str:
    """The last line of a log that names an exception, or else its last line."""
    lines = [line.strip() for line in re.sub(r"\x1b\[[0-9;]*m", "", log).splitlines() if line.strip()]
    named = [line for line in lines if re.match(r"[\w.]*(Error|Exception)\b", line)]
    return (named or lines or ["no message"])[-1]


def by_chain(work: Path) -> Path:
    """Render by the embedded chain."""
    os.environ["CAROUSEL_RENDERER"] = pandoc.name()
    return pandoc.page(work)
