"""Which rule of the workflow makes a file of the results again, and by what command."""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

RESULTS = "results"
CONFIG = "CAROUSEL_CONFIG"
"""The environment variable in which the Snakefile tells its jobs what stands behind its --config: KEY=VALUE ..."""

RULES = {  # pattern of the path inside the study's folder: the rule
    "decay/*/*.parquet": "decay",
    "dynamics/*/*.parquet": "dynamics",
    "accuracy/*/*/*.parquet": "accuracy",
    "search/*.parquet": "search",
    "calibration/*.parquet": "calibrate",
    "decay.parquet": "gather_decay",
    "accuracy.parquet": "gather_accuracy",
    "dynamics.parquet": "gather_dynamics",
    "calibration.parquet": "gather_calibration",
    "summary.parquet": "summarise",
    "claims.parquet": "judge",
    "agreement.parquet": "judge",
    "explorer.json": "explore",
    "advice.parquet": "explore",
    "half_lives.parquet": "explore",
    "learned.parquet": "explore",
    "timings.parquet": "timings",
    "machines.parquet": "machines",
    "elsewhere/*/claims.parquet": "judge_elsewhere",
    "elsewhere/*/agreement.parquet": "judge_elsewhere",
    "stability/*.parquet": "other_seed",
    "stability.parquet": "stability",
}


def place(path: Path | str) -> tuple[str, str] | None:
    """The study of a path like results/STUDY/decay.parquet, and the path inside its folder; None for another path."""
    parts = Path(path).parts
    if RESULTS not in parts[:-2]:
        return None
    start = max(k for k, part in enumerate(parts[:-2]) if part == RESULTS)
    return parts[start + 1], "/".join(parts[start + 2 :])


def rule(path: Path | str) -> str | None:
    """The rule that makes `path`; None where none does."""
    found = place(path)
    inside = PurePosixPath("/", found[1]) if found else PurePosixPath("/")
    return next((name for pattern, name in RULES.items() if inside.match(f"/{pattern}")), None)


def again(*paths: Path | str) -> str:
    """What a message on faulty files goes on with: who makes them again, and the command; nothing for other files."""
    made = {path: name for path in paths if (name := rule(path))}
    if not made:
        return ""
    rules = sorted(set(made.values()))
    who = f"rule {rules[0]} makes" if len(rules) == 1 else f"rules {', '.join(rules)} make"
    return f"; {who} {'it' if len(paths) == 1 else 'them'} again: {command(made)}"


def explained(error: Exception) -> str:
    """An error's message and, where it names tables, how to make them again."""
    return f"{error}{again(*getattr(error, 'paths', ()))}"


def command(paths: Iterable[Path | str]) -> str:
    """The command line that makes files of one study again, all there are."""
    found = [place(path) or ("", "") for path in paths]
    study = found[0][0]
    targets = [f"{RESULTS}/{study}/{inside}" for _, inside in found]
    return f"snakemake --cores 1 --config {config(study)} --force -- {shlex.join(targets)}"


def config(study: str) -> str:
    """What stands behind --config for a study: what the Snakefile that runs was told, if it runs this one."""
    now = running()
    told = now if Path(now.get("study", "")).stem == study else {"study": study}
    return shlex.join(f"{key}={value}" for key, value in told.items())


def running() -> dict[str, str]:
    """The study file that the Snakefile around this process runs, and what else it was told; else nothing."""
    return dict(part.partition("=")[::2] for part in shlex.split(os.environ.get(CONFIG, "")))
