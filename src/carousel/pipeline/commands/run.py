"""The command that runs a study in any folder: Snakemake with the Snakefile of this package."""

import argparse
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec

from carousel import project_folder
from carousel.study import files


def run(args: argparse.Namespace) -> None:
    """Run a study and write its page, here; what follows its name are Snakemake's options."""
    file = files.find(args.study)
    if find_spec("snakemake") is None:
        raise ModuleNotFoundError("No module named 'snakemake'", name="snakemake")
    print(f"The page comes to lie in results/{files.name(file)}/report.html", file=sys.stderr, flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "snakemake", *words(args.study, args.options)])


def words(study: str, options: Sequence[str]) -> list[str]:
    """The command line of Snakemake that runs a study by this package's Snakefile.

    It takes the last --config alone: what `options` have of it is put into one, of which the study is the last.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--config", "-C", nargs="*", action="extend", default=[])
    own, others = parser.parse_known_args(options)
    snakefile = str(project_folder() / "Snakefile")
    return ["--config", *own.config, f"study={study}", "--snakefile", snakefile, *others]
