"""What several workers of a test session need is made by the first that asks, and kept on disk for the others."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from filelock import FileLock

Made = TypeVar("Made")


class Once:
    """The folder that all workers of a session share, and what was made there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, name: str, make: Callable[[Path], Made]) -> Made:
        """What `make` returns for a new folder of this name; it is called by one worker, the first to ask."""
        kept = self.folder / f"{name}.pickle"
        with FileLock(f"{kept}.lock"):
            if not kept.exists():
                made = make(_new(self.folder / name))
                kept.write_bytes(pickle.dumps(made))
            return pickle.loads(kept.read_bytes())


def _new(folder: Path) -> Path:
    """`folder`, which may not be there yet."""
    folder.mkdir()
    return folder
