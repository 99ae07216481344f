"""Plant one plausible mistake after another in a copy of the checkout, and see whether the tests notice.

    python tests/tools/mutants.py --out /tmp/mutants.csv --workers 2
    python tests/tools/mutants.py --out /tmp/mutants.csv --sample 20 --date 2026-11-30
    python tests/tools/mutants.py --out /tmp/mutants.csv --only claims/
    python tests/tools/mutants.py --out /tmp/fresh.csv --table tests/tools/fresh_mutants.yaml

mutants.yaml beside this file lists them, and fresh_mutants.yaml those of somebody who had not read the tests: the
file, the text that is replaced (it occurs there once), what replaces it, why a person would make that mistake, and
the tests that concern it. One that no test can notice has a reason under `equivalent` and is not run. All tests of
the mutants have to pass without them first. A row is written as soon as it is known; called again, the command goes
on with those that are missing. What is killed and what survives is printed by package; exit status 1 if one survives.
Each mutant has a process of its own, forked from one in which the libraries are imported already: importing them
takes longer than most of the tests.
"""

import argparse
import csv
import multiprocessing
import os
import queue
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import NamedTuple

import hypothesis
import pytest
import yaml

TABLE = Path(__file__).with_suffix(".yaml")
FRESH = TABLE.with_name("fresh_mutants.yaml")
COLUMNS = ("mutant", "file", "outcome", "seconds", "noticed_by")
QUIET = "-W ignore::pytest.PytestAssertRewriteWarning"  # of the libraries that are imported already
PYTEST = f"-x -q -n 0 -p no:cacheprovider --hypothesis-profile first {QUIET}".split()
FORKS = multiprocessing.get_context("forkserver")
LIBRARIES = (
    "hypothesis jaxtyping matplotlib.pyplot mpmath numba pandas pyarrow.parquet scipy.stats seaborn torch"
)
LIMIT = 900  # seconds; a mutant that keeps its tests busy for longer is noticed
OUTCOMES = {
    0: "survived",
    1: "killed",
    2: "killed",
}  # by pytest's exit status; 2: a test file cannot be imported


class Mutant(NamedTuple):
    """One mistake."""

    name: str
    file: str
    was: str
    becomes: str
    why: str
    tests: str
    equivalent: str = ""

    @property
    def package(self) -> str:
        """The package of the library that it is in, or the folder."""
        parts = Path(self.file.removeprefix("src/carousel/")).parts
        return parts[0] if len(parts) > 1 else "top level"


def mutants(table: Path = TABLE) -> list[Mutant]:
    """Those of the table, in its order."""
    return [Mutant(**row) for row in yaml.safe_load(table.read_text(encoding="utf-8"))]


def planted(text: str, mutant: Mutant) -> str:
    """`text` with the mistake; raises ValueError where the place is not there, or there more than once."""
    found = text.count(mutant.was)
    if found != 1:
        raise ValueError(
            f"{mutant.name}: {mutant.was!r} occurs {found} times in {mutant.file}; allowed: once"
        )
    return text.replace(mutant.was, mutant.becomes)


def copied(root: Path, folder: Path) -> Path:
    """`folder`, with the files of the checkout that git knows, as they are now."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(root / name, folder / name)
    return folder


class First:
    """A plugin of pytest that keeps the id of the first test that fails, or of the file that cannot be imported."""

    failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed = self.failed or (report.nodeid if report.failed else "")

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.failed = self.failed or (report.nodeid if report.failed else "")


def tested(folder: Path, tests: str, answers: SimpleQueue) -> None:
    """Run some tests in a copy of the checkout; puts pytest's exit status, the first that failed and CPU seconds."""
    os.chdir(folder)
    sys.path[:] = [path for path in sys.path if path != str(Path(__file__).parent)]
    sys.dont_write_bytecode = True
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    found = hypothesis.Phase.explicit, hypothesis.Phase.generate  # an example that fails is enough
    hypothesis.settings.register_profile("first", deadline=None, phases=found, database=None)
    first = First()
    status = int(pytest.main([*PYTEST, *tests.split()], plugins=[first]))
    answers.put((status, first.failed, sum(os.times()[:4])))


def passes(folder: Path, tests: str, limit: float | None = LIMIT) -> tuple[int, str, float]:
    """Pytest's exit status for some tests in a copy of the checkout, the first test that failed, and CPU seconds."""
    answers = FORKS.SimpleQueue()
    process = FORKS.Process(target=tested, args=(folder, tests, answers))
    process.start()
    process.join(limit)
    if process.is_alive():
        process.kill()
        process.join()
        return 1, f"more than {LIMIT} s", float(LIMIT)
    return (process.exitcode, "", 0.0) if answers.empty() else answers.get()


def outcome(folder: Path, mutant: Mutant) -> tuple[str, float, str]:
    """Whether the tests notice it, after how many CPU seconds, and which did; the copy is left as it was."""
    path = folder / mutant.file
    before = path.read_text(encoding="utf-8")
    path.write_text(planted(before, mutant), encoding="utf-8")
    try:
        status, noticed, seconds = passes(folder, mutant.tests)
    finally:
        path.write_text(before, encoding="utf-8")
    found = OUTCOMES.get(status, f"no answer: pytest ended with {status}")
    return found, seconds, noticed


def run(todo: Sequence[Mutant], folders: Iterable[Path]) -> Iterator[tuple[Mutant, str, float, str]]:
    """The outcomes, as they come, one copy of the checkout for each that is tried at the same time."""
    free: queue.SimpleQueue[Path] = queue.SimpleQueue()
    for folder in folders:
        free.put(folder)

    def one(mutant: Mutant) -> tuple[Mutant, str, float, str]:
        folder = free.get()
        try:
            return mutant, *outcome(folder, mutant)
        finally:
            free.put(folder)

    with ThreadPoolExecutor(free.qsize()) as pool:
        yield from pool.map(one, todo)


def known(path: Path) -> dict[str, dict[str, str]]:
    """The rows of an earlier call."""
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        return {row["mutant"]: row for row in csv.DictReader(stream)}


def tally(listed: Sequence[Mutant], rows: dict[str, dict[str, str]]) -> str:
    """Killed and survived by package, as a Markdown table, and the names of those that survived."""
    lines = ["| package | mutants | killed | survived | equivalent |", "| --- | ---: | ---: | ---: | ---: |"]
    packages = sorted({mutant.package for mutant in listed})
    for package in [*packages, "all"]:
        of = [mutant for mutant in listed if package in (mutant.package, "all")]
        count = [
            sum(rows.get(m.name, {}).get("outcome") == word for m in of) for word in ("killed", "survived")
        ]
        equivalent = sum(bool(mutant.equivalent) for mutant in of)
        lines.append(f"| {package} | {len(of)} | {count[0]} | {count[1]} | {equivalent} |")
    survived = [
        f"survived: {m.name} ({m.file})" for m in listed if rows.get(m.name, {}).get("outcome") == "survived"
    ]
    return "\n".join(lines + survived)


def chosen(listed: list[Mutant], only: str, sample: int, date: str) -> list[Mutant]:
    """Those to try: with `only` in their name or file, and `sample` of them by a draw that the date seeds."""
    some = [m for m in listed if not m.equivalent and (only in m.name or only in m.file)]
    return random.Random(date).sample(some, min(sample, len(some))) if sample else some


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="table of outcomes; rows that are there are kept"
    )
    parser.add_argument("--table", type=Path, default=TABLE, help="the mistakes; mutants.yaml if left out")
    parser.add_argument("--workers", type=int, default=1, help="mutants tried at the same time")
    parser.add_argument("--only", default="", help="a part of a mutant's name or file")
    parser.add_argument("--sample", type=int, default=0, help="try so many, drawn by --date; 0: all")
    parser.add_argument("--date", default="", help="seeds the draw of --sample")
    arguments = parser.parse_args()
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    FORKS.set_forkserver_preload(LIBRARIES.split())
    listed = mutants(arguments.table)
    rows = known(arguments.out)
    tried = chosen(listed, arguments.only, arguments.sample, arguments.date)
    todo = [mutant for mutant in tried if mutant.name not in rows]
    root = Path(__file__).parents[2]
    with tempfile.TemporaryDirectory() as temporary:
        folders = [copied(root, Path(temporary) / str(k)) for k in range(max(1, arguments.workers))]
        tests = dict.fromkeys(test for mutant in todo for test in mutant.tests.split())
        if todo and (status := passes(folders[0], " ".join(tests), limit=None))[0] != 0:
            print(f"without any mutant: {status[1] or status[0]}", file=sys.stderr)
            return 2
        with arguments.out.open("a", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, COLUMNS)
            if not rows:
                writer.writeheader()
            for mutant, found, seconds, said in run(todo, folders):
                row = dict(
                    zip(COLUMNS, (mutant.name, mutant.file, found, f"{seconds:.0f}", said), strict=True)
                )
                rows[mutant.name] = row
                writer.writerow(row)
                stream.flush()
                print(f"{found:9} {mutant.name}", flush=True)
    print(tally(tried, rows))
    return int(any(rows[m.name]["outcome"] != "killed" for m in tried))


if __name__ == "__main__":
    sys.exit(main())
