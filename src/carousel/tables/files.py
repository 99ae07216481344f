"""Files and folders that are written whole or not at all, and the error of one that is not whole."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from carousel.tables.checksum import endless

AGAIN = "; make room and start again, what was finished is kept"
NO_FILE = "not the name of a file"
WRITABLE = "; results need a folder that can be written to"
ADVICE = {errno.ENOSPC: AGAIN, errno.EDQUOT: AGAIN, errno.EROFS: WRITABLE, errno.EACCES: WRITABLE}


class StoreError(Exception):
    """A file that is not a whole table of this package, or a folder in use; one line.

    `paths` are the tables that have to be made again.
    """

    def __init__(self, message: str, *paths: Path | str) -> None:
        super().__init__(message)
        self.paths = paths


def write_text(text: str, path: Path | str) -> None:
    """Write `text` to `path`, whole or not at all."""
    with whole(path) as file:
        file.write(text.encode())


@contextmanager
def whole(path: Path | str) -> Iterator[IO[bytes]]:
    """A file to write to, under another name; it takes the place of `path` once all of it is on the disk.

    Raises StoreError where it cannot be written.
    """
    with _instead(Path(path)) as temporary, temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def whole_folder(path: Path | str) -> Iterator[Path]:
    """A folder to write to, under another name; it takes the place of `path` once all of it is on the disk.

    Between the old folder and the new one there is none for a moment. Raises StoreError where it cannot be written.
    """
    with _instead(Path(path)) as temporary:
        temporary.mkdir()
        yield temporary
        for made in (*temporary.rglob("*"), temporary):
            _sync(made)
        remove(Path(path))


@contextmanager
def _instead(path: Path) -> Iterator[Path]:
    """A path beside `path`; what the caller has put there takes its place, unless an error came between."""
    path = _target(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield temporary
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        raise StoreError(unwritten(path, error)) from None
    finally:
        remove(temporary)


def _target(path: Path) -> Path:
    """What is replaced where `path` is written: what a link leads to. Raises StoreError for a device, as /dev/null."""
    try:
        found = Path(os.path.realpath(path)) if path.is_symlink() else path
        if endless(found) or "\0" in str(path) or not found.name:
            raise OSError(errno.EINVAL, NO_FILE)
    except OSError as error:
        raise StoreError(unwritten(path, error)) from None
    return found


def unwritten(path: Path, error: OSError) -> str:
    """What is said of a file that cannot be written, with advice where there is some."""
    return f"{path}: cannot be written: {error.strerror or error}{ADVICE.get(error.errno or 0, '')}"


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
