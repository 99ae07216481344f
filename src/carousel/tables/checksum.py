"""A checksum over a whole parquet file, put between its data and its footer, where readers of parquet do not look.

Parquet's own checksums leave out the pages of dictionaries and the footer, with the columns' names and the metadata.
"""

import hashlib
import os
from pathlib import Path
from typing import IO

MAGIC = b"PAR1"
TAIL = 8  # bytes at the end: the length of the footer, and MAGIC
SIZE = hashlib.sha256().digest_size
CHUNK = 1 << 20


def append(file: IO[bytes]) -> None:
    """Put the checksum into a parquet file that is written to its end and still open."""
    file.flush()
    with Path(file.name).open("rb") as written:
        at = footer_at(written)
        checksum = digest(written, at, at)
        footer = tail(written, at)
    file.seek(at)
    file.write(checksum + footer)


def damage(path: Path | str, mark: bytes) -> str:
    """What is wrong with a file that has its checksum, and `mark` in its footer; nothing where all is as it was."""
    if endless(Path(path)):
        return "not a file"
    with Path(path).open("rb") as file:
        at = footer_at(file)
        if at < 0:
            return "not a whole parquet file" if file.seek(0, os.SEEK_END) else "an empty file"
        if digest(file, at - SIZE, at) == tail(file, at - SIZE)[:SIZE]:
            return ""
        whole = mark in tail(file, at)
    return "damaged, its checksum is not that of its bytes" if whole else "a table that carousel did not make"


def endless(path: Path) -> bool:
    """Whether a path is that of a device or a pipe, which may never end."""
    return path.exists() and not (path.is_file() or path.is_dir())


def footer_at(file: IO[bytes]) -> int:
    """Where the footer starts; -1 where the file does not end as parquet does."""
    end = file.seek(0, os.SEEK_END)
    length, magic = tail(file, end - TAIL)[:4], tail(file, end - TAIL)[4:]
    return max(end - TAIL - int.from_bytes(length, "little"), -1) if magic == MAGIC else -1


def digest(file: IO[bytes], end: int, footer: int) -> bytes:
    """The checksum of a file's bytes up to `end`, and from `footer` on."""
    found, left = hashlib.sha256(), max(end, 0)
    file.seek(0)
    while left and (part := file.read(min(left, CHUNK))):
        found.update(part)
        left -= len(part)
    found.update(tail(file, footer))
    return found.digest()


def tail(file: IO[bytes], start: int) -> bytes:
    """The bytes of a file from `start` on."""
    file.seek(max(start, 0))
    return file.read()
