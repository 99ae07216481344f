"""Make the report: `python report/render.py --results results/standard --out results/standard/report.html`.

With `quarto` on PATH it renders index.qmd. Otherwise an embedded chain does (chain.py): jupytext reads the file,
nbclient runs its cells, and pandoc (from the wheel pypandoc_binary) makes the page with our template and style.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCE = HERE.parent / "src"
FOLDERS = ("XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME", "IPYTHONDIR", "JUPYTER_RUNTIME_DIR")
sys.path[:0] = [str(HERE), str(SOURCE)]


def main(arguments: list[str] | None = None) -> int:
    """Render the report; 0, or 1 after one line on stderr."""
    from carousel.pipeline.run import joblog

    options, start = parse(arguments), time.perf_counter()
    joblog.begin("report")
    try:
        check(options.results)
        with tempfile.TemporaryDirectory(prefix="carousel-report-") as folder:
            place(render(Path(folder) / "report", options), options.out)
    except Exception as error:
        print(f"report: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        return 1
    joblog.end(time.perf_counter() - start, sum(os.times()[:4]))
    return 0


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="Render the report of a study.")
    parser.add_argument("--results", type=Path, required=True, help="folder with claims.parquet and the rest")
    parser.add_argument("--out", type=Path, required=True, help="the page to write")
    parser.add_argument("--renderer", choices=("auto", "quarto", "embedded"), default="auto")
    return parser.parse_args(arguments)


def check(results: Path) -> None:
    """Raise FileNotFoundError for the first file that the page needs and the results lack."""
    import page

    page.check(results)


def render(work: Path, options: argparse.Namespace) -> Path:
    """Render a copy of this folder at `work`; the path of the page."""
    quarto = None if options.renderer == "embedded" else shutil.which("quarto")
    if options.renderer == "quarto" and quarto is None:
        raise FileNotFoundError("quarto is not on PATH; use --renderer embedded")
    shutil.copytree(HERE, work, ignore=shutil.ignore_patterns("__pycache__", ".*", "*_files"))
    os.environ.update(environment(work.parent, options.results.resolve()))
    return by_quarto(work, quarto) if quarto else by_chain(work)


def environment(folder: Path, results: Path) -> dict[str, str]:
    """What the cells and both renderers read; home folders that can be written to."""
    homes = {name: folder / "home" / name.lower() for name in FOLDERS} | {"HOME": folder / "home"}
    for home in homes.values():
        home.mkdir(parents=True, exist_ok=True)
    path = os.pathsep.join(filter(None, [str(SOURCE), os.environ.get("PYTHONPATH")]))
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
    import chain

    os.environ["CAROUSEL_RENDERER"] = chain.name()
    return chain.page(work)


def place(made: Path, out: Path) -> None:
    """Move the page to where it belongs, whole or not at all."""
    from carousel.tables import parquet as store

    with made.open("rb") as page, store.whole(out) as file:
        shutil.copyfileobj(page, file)


if __name__ == "__main__":
    sys.exit(main())
