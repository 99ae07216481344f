"""A copy of the repository, for tests that run the pipeline."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "profiles", "config", "src", "report")


def copied(folder: Path) -> Path:
    """`folder`, with all in it that the pipeline needs."""
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    return folder


def snakemake_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Snakemake run in `folder` on one core."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)
