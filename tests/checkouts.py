"""A copy of the repository, for tests that run the pipeline."""

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("Snakefile", "workflow", "profiles", "config", "src", "report")


def copied(folder: Path) -> Path:
    """`folder`, with all in it that the pipeline needs."""
    for part in PARTS:
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        copy(ROOT / part, folder / part)
    return folder
