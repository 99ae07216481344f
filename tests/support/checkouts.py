"""The rules of the workflow, and a copy of the repository for tests that run the pipeline."""

import multiprocessing
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "workflow", "profiles", "config", "src", "report", "environment.yml")
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["snakemake.cli", "pandas", "pydantic"])


def copied(folder: Path) -> Path:
    """`folder`, with all in it that the pipeline needs."""
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    return folder


def snakemake_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Snakemake run in `folder` on one core, in a fork of a process that has loaded it once for all runs."""
    words = ["--cores", "1", *arguments]
    with tempfile.TemporaryDirectory() as told:
        outputs = [Path(told, name) for name in ("out", "err")]
        run = FORKS.Process(target=_snakemake, args=(folder, words, outputs, dict(os.environ)))
        run.start()
        run.join()
        texts = [output.read_text() for output in outputs]
    return subprocess.CompletedProcess(["snakemake", *words], run.exitcode or 0, *texts)


def _snakemake(folder: Path, words: list[str], outputs: Sequence[Path], environment: dict[str, str]) -> None:
    """Snakemake's command line in this process, which prints to files."""
    for number, output in enumerate(outputs, 1):
        os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT), number)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    import snakemake.cli  # here, for the forks alone: it takes half a second to load

    snakemake.cli.main(words)


def rules() -> dict[str, str]:
    """The text of every rule of the workflow by its name; one that is another's has only what differs."""
    head, found = r"^(?:rule|use rule \w+ as) (\w+)(?: with)?:\n", {}
    for path in sorted((ROOT / "workflow" / "rules").iterdir()):
        _, *parts = re.split(head, path.read_text(), flags=re.MULTILINE)
        found |= dict(zip(parts[::2], parts[1::2], strict=True))
    return found
