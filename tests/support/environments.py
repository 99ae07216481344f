"""Virtual environments of installed packages, made without network: each package is a link to where it is installed."""

import re
import subprocess
import sys
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name as canonical

NONE = re.compile("")


def applies(one: Requirement, extras: Iterable[str]) -> bool:
    """Whether a package's requirement counts on this machine, the package asked for with `extras`."""
    places = [default_environment() | {"extra": extra} for extra in ("", *extras)]
    return one.marker is None or any(one.marker.evaluate(place) for place in places)


def needed(wanted: Iterable[str], leave_out: re.Pattern[str] = NONE) -> dict[str, Distribution]:
    """The installed packages that these requirements ask for, and all that they need here, by canonical name."""
    found: dict[str, Distribution] = {}
    todo = [Requirement(each) for each in wanted]
    while todo:
        asked = todo.pop()
        if (name := canonical(asked.name)) not in found and not leave_out.fullmatch(name):
            found[name] = distribution(asked.name)
            todo += [
                each for each in map(Requirement, found[name].requires or []) if applies(each, asked.extras)
            ]
    return found


class Environment:
    """A new virtual environment, which sees no packages but those that are linked to or installed."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, symlinks=True, with_pip=False)
        self.bin = folder / "bin"
        (self.packages,) = folder.glob("lib/python*/site-packages")

    def link(self, packages: Iterable[Distribution]) -> None:
        """Link to all that the packages have installed in their own site-packages, with what says so to pip."""
        for package in packages:
            tops = {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}
            for top in tops:
                link = self.packages / top
                if not link.exists():
                    link.symlink_to(Path(str(package.locate_file(top))).resolve())

    def install(self, *requirements: str, wheels: Path) -> None:
        """Install from a folder of wheels, by the pip of these tests. Fails where a requirement is not there."""
        pip = [sys.executable, "-m", "pip", "--python", str(self.bin / "python"), "install", "--no-index"]
        run = subprocess.run(
            [*pip, "--find-links", str(wheels), *requirements], capture_output=True, text=True
        )
        assert run.returncode == 0, run.stdout + run.stderr
