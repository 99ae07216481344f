"""The command by which the workflow makes a file of the results again."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from carousel import project_folder
from carousel.tables.machine_folders import FOLDER, TABLES

RESULTS = "results"
CONFIG = "CAROUSEL_CONFIG"
"""The environment variable in which the Snakefile passes its --config to its jobs: KEY=VALUE ..."""
UNMADE = "cache", "logs"
"""Folders of a study whose files are not targets of the workflow."""
FIGURES = "figures"
"""The folder of a study that is a target as a whole."""


def place(path: Path | str) -> tuple[str, str] | None:
    """The study of a path like results/STUDY/decay.parquet, and the path inside its folder; None for another path."""
    parts = Path(path).parts
    if RESULTS not in parts[:-2]:
        return None
    start = max(k for k, folder in enumerate(parts[:-2]) if folder == RESULTS)
    return parts[start + 1], "/".join(parts[start + 2 :])


def target(path: Path | str) -> str | None:
    """What Snakemake is to make so that `path` is there again; None for a file that the workflow does not make."""
    study, inside = place(path) or ("", "")
    folder, _, rest = inside.partition("/")
    added = folder == FOLDER and Path(rest).stem in TABLES  # another machine's
    if not study or folder in UNMADE or added:
        return None
    return f"{RESULTS}/{study}/{FIGURES if folder == FIGURES else inside}"


def hint(*paths: Path | str) -> str:
    """How a message on faulty files goes on: the command that makes them again; nothing for files that none makes."""
    made = [path for path in paths if target(path)]
    return f"; make {'it' if len(paths) == 1 else 'them'} again: {command(made)}" if made else ""


def explained(error: Exception) -> str:
    """An error's message and, where it names tables, how to make them again."""
    return f"{error}{hint(*getattr(error, 'paths', ()))}"


def command(paths: Iterable[Path | str]) -> str:
    """The command line that makes files of one study, whether they are there or not."""
    targets = [made for path in paths if (made := target(path))]
    return f"{workflow(targets[0].split('/')[1])} --force -- {shlex.join(targets)}"


def workflow(study: str) -> str:
    """How a command line begins that runs the workflow: in a checkout, or by the installed package."""
    options = config(study)
    if (project_folder() / "src").is_dir():
        return f"snakemake --cores 1 --config {options}"
    named, *others = shlex.split(options)
    rest = f" --config {shlex.join(others)}" if others else ""
    return f"carousel run {shlex.quote(named.removeprefix('study='))} --cores 1{rest}"


def config(study: str) -> str:
    """What stands behind --config for a study: that of the run around this process, if it is a run of this study."""
    now = running()
    options = now if Path(now.get("study", "")).stem == study else {"study": study}
    return shlex.join(f"{key}={value}" for key, value in options.items())


def running() -> dict[str, str]:
    """The --config of the run around this process, its study first; nothing outside a run."""
    return dict(each.partition("=")[::2] for each in shlex.split(os.environ.get(CONFIG, "")))
