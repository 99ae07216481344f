"""The rules of the workflow, and a copy of the repository for tests that run the pipeline."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
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


def rules() -> dict[str, str]:
    """The text of every rule of the workflow by its name; one that is another's has only what differs."""
    text = "\n".join(path.read_text() for path in sorted((ROOT / "workflow" / "rules").iterdir()))
    head = r"^(?:rule|use rule \w+ as) (\w+)(?: with)?:\n"
    _, *parts = re.split(head, text, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))
