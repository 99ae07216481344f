"""Sequential MNIST (LeCun et al. 1998; read pixel by pixel as in Le et al. 2015), from its own files.

The files are looked for in the folder that the environment variable CAROUSEL_MNIST names, or else in
~/.cache/carousel/mnist: there, or where torchvision puts them below it, as they are or gzipped. Where they are
missing, torchvision fetches them if it is installed.
"""

import gzip
import os
import tempfile
import zlib
from functools import cache
from importlib import import_module
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from carousel.tasks.images import CLASSES, Images, last_pixel_baseline, read
from carousel.tasks.task import Batch, DataError, Task

MNIST_SOLVED = (
    0.88  # of the test digits: what a linear classifier of the whole image reaches (LeCun et al. 1998)
)
SIDE = 28
TEST = 10_000
MOST_BYTES = (
    100_000_000  # of a file, twice those of the largest, so that a small one cannot unpack to fill the memory
)
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
NAMES = 8  # of a folder's files that a message shows
GZIP = b"\x1f\x8b"  # how a gzipped file begins, whatever its name is
UNSIGNED_BYTES = 8  # the type that an IDX file's third byte names


def folder() -> Path:
    """The folder of the files. Raises DataError for a path that cannot be one."""
    given = os.environ.get("CAROUSEL_MNIST") or "~/.cache/carousel/mnist"
    try:
        where = Path(given).expanduser()
        where.exists()  # raises for a name that is too long
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"CAROUSEL_MNIST: found {given[:60]!r} ({error.args[-1]}); allowed: a folder"
        ) from None
    if not str(where).isprintable():
        raise DataError(f"CAROUSEL_MNIST: found {given[:60]!r}; allowed: a folder")
    return where


def find(where: Path, name: str) -> Path | None:
    """The file `name` in the folder or where torchvision has it, gzipped or not.

    Some programs unpack it as images.idx3 with a dot, or into a folder of its name.
    """
    names = [name, name.replace("-idx", ".idx")]
    places = [where, where / "raw", where / "MNIST" / "raw", *(where / each for each in names)]
    paths = [place / f"{each}{suffix}" for place in places for each in names for suffix in ("", ".gz")]
    return next((path for path in paths if path.is_file()), None)


def named_in(where: Path) -> str:
    """What is in the folder, in a few names."""
    names = sorted(path.name for path in where.iterdir())[:NAMES] if where.is_dir() else []
    return ", ".join(map(ascii, names)) or "nothing"


def idx(path: Path) -> UInt8[np.ndarray, "..."]:
    """The array in an IDX file: two zeros, type, number of axes, their big-endian lengths, then the bytes.

    Raises DataError for anything but unsigned bytes of the announced number.
    """
    try:
        with path.open("rb") as plain:
            zipped = path.suffix == ".gz" or plain.peek(2)[:2] == GZIP
            data = gzip.GzipFile(fileobj=plain).read(MOST_BYTES) if zipped else plain.read(MOST_BYTES)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    axes = data[3] if data[:3] == bytes((0, 0, UNSIGNED_BYTES)) and len(data) > 3 else 0
    start = 4 + 4 * axes
    shape = np.frombuffer(data[4:start], ">u4") if len(data) >= start else np.zeros(0)
    if not axes or len(shape) != axes or len(data) - start != np.prod(shape, dtype=float):
        raise DataError(f"{path}: not an IDX file of unsigned bytes, or not all of it; fetch it again")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape.astype(int))


def fetch(where: Path) -> None:
    """Have torchvision put the files into the folder, each at once. Raises DataError."""
    try:
        datasets = import_module("torchvision.datasets")
    except (ImportError, RuntimeError):  # not installed, or not for this torch
        raise DataError(
            f"mnist: its files ({FILES[0]}, ...) are not in {where} (found: {named_in(where)}); put all four "
            "there, gzipped or not, or name their folder in CAROUSEL_MNIST, or install torchvision, which fetches them"
        ) from None
    try:
        where.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=where) as there:
            datasets.MNIST(there, download=True)
            for path in (Path(there) / "MNIST" / "raw").iterdir():
                path.replace(where / path.name)
    except (OSError, RuntimeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"mnist: torchvision could not fetch it to {where} ({reason})") from None


@cache
def mnist_images(where: Path) -> Images:
    """The data set in the folder: 60,000 digits to train on and 10,000 to test on. Raises DataError."""
    if not all(find(where, name) for name in FILES):
        fetch(where)
    paths = [path for name in FILES if (path := find(where, name))]
    if len(paths) < len(FILES):
        raise DataError(f"mnist: not all of {', '.join(FILES)} are in {where} (found: {named_in(where)})")
    train_x, train_y, test_x, test_y = map(idx, paths)
    for x, y in ((train_x, train_y), (test_x, test_y)):
        if x.shape != (*y.shape, SIDE, SIDE) or not y.size or y.max() >= CLASSES:
            raise DataError(
                f"mnist: the files in {where} are not {SIDE} x {SIDE} images and a digit for each"
            )
    flat = SIDE * SIDE
    return Images(train_x.reshape(-1, flat), train_y, test_x.reshape(-1, flat), test_y, top=255)


def mnist(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Handwritten digits read pixel by pixel, row by row, in 784 steps; a longer sequence ends in blanks."""
    return read(mnist_images(folder()), rng, length, n, test)


MNIST = Task(
    sample=mnist,
    inputs=1,
    outputs=CLASSES,
    loss="cross_entropy",
    solved=lambda loss, accuracy: accuracy >= MNIST_SOLVED,
    baseline=lambda length: last_pixel_baseline(mnist_images(folder()), length),
    shortest=SIDE * SIDE,
    test_sequences=TEST,
)
