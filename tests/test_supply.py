"""What is installed is what the locks say, all of it, and under licences that are known."""

import re
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name as canonical
from support.environments import needed

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "docs"))

import licences  # noqa: E402

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
WANTED = {  # lock: what it is made from
    "requirements.lock": [*PROJECT["dependencies"], *EXTRAS["study"], *EXTRAS["fast"]],
    "requirements-test.lock": EXTRAS["test"],
    "requirements-slurm.lock": EXTRAS["slurm"],
    "requirements-docs.lock": EXTRAS["docs"],
    "requirements-bench.lock": EXTRAS["bench"],
}
LOCKS = {lock: {canonical(name): version for name, version in licences.pins(lock).items()} for lock in WANTED}
OF_CUDA = re.compile(
    r"nvidia-.*|cuda-.*|triton"
)  # a CUDA build of torch brings its own, at versions that it pins


def versions(wanted: list[str]) -> dict[str, str]:
    """The installed versions of these packages and of all that they need here."""
    found = needed(wanted, leave_out=OF_CUDA)
    return {name: package.version.partition("+")[0] for name, package in found.items()}


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_has_each_package_that_is_needed_at_the_version_that_is_installed(lock: str) -> None:
    if (Path(sys.prefix) / "conda-meta").is_dir():
        pytest.skip("an environment of conda's has its own versions")
    try:
        found = versions(WANTED[lock])
    except PackageNotFoundError as error:
        assert lock not in ("requirements.lock", "requirements-test.lock"), error
        pytest.skip(str(error))
    locked = {name: version for pins in LOCKS.values() for name, version in pins.items()}
    assert {name: locked.get(name, "not in a lock") for name in found} == found


def test_no_lock_has_a_package_that_nothing_needs() -> None:
    if (Path(sys.prefix) / "conda-meta").is_dir():
        pytest.skip("an environment of conda's has other packages")
    runtime = versions(WANTED["requirements.lock"])
    assert set(LOCKS["requirements.lock"]) == set(runtime)
    assert set(LOCKS["requirements-test.lock"]) == set(versions(WANTED["requirements-test.lock"])) - set(
        runtime
    )


@pytest.mark.parametrize("lock", WANTED)
def test_every_line_of_a_lock_is_one_pin(lock: str) -> None:
    lines = [line for line in (ROOT / lock).read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9][\w.-]*==\d[\w.]*", line) for line in lines)
    assert len({canonical(line.split("==")[0]) for line in lines}) == len(lines) > 1
    others = {name for other, pins in LOCKS.items() if other != lock for name in pins}
    assert not others & set(LOCKS[lock])


def test_the_page_of_licences_is_that_of_the_locks_and_none_is_unknown() -> None:
    pinned = {f"{name}=={version}" for lock in WANTED for name, version in licences.pins(lock).items()}
    assert set(licences.listed()) == pinned
    assert not [name for name, said in licences.listed().items() if "unknown" in said.lower()]
    assert licences.page() == licences.PAGE.read_text("utf-8"), "run `make licences`"


def test_the_page_tells_the_sets_apart() -> None:
    parts = re.split(r"^## ", licences.PAGE.read_text("utf-8"), flags=re.MULTILINE)[1:]
    assert [part.splitlines()[0] for part in parts] == [
        "Run time",
        "Tests",
        "Slurm",
        "Documentation",
        "Benchmarks",
        "Beside the locks",
    ]
    for part, lock in zip(parts, WANTED, strict=False):
        assert part.count("\n| ") - 1 == len(LOCKS[lock])


def test_a_licence_is_read_from_what_a_package_says() -> None:
    known = {
        "numba": "BSD-2-Clause",
        "sympy": "BSD-3-Clause",
        "PyYAML": "MIT",
        "snakemake-interface-common": "MIT",
    }
    assert {name: licences.licence(distribution(name)) for name in known} == known
    assert licences.family("Nobody may do anything.") == ""


def test_nothing_of_the_tests_or_the_benchmarks_is_imported_by_the_package() -> None:
    others = {name.replace("-", "_") for lock in list(WANTED)[1:] for name in LOCKS[lock]}
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "report").glob("*.py")]
    used = {
        word for file in files for word in re.findall(r"^\s*(?:import|from) (\w+)", file.read_text(), re.M)
    }
    assert not used & others
