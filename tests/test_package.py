"""The package as pip installs it: its files, its extras, and a study in an empty folder without a clone."""

import os
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest
from packaging.requirements import Requirement
from support import offline
from support.checkouts import PARTS, ROOT
from support.environments import Environment, needed
from support.once import Once

import carousel
from carousel.pipeline import fingerprint, rebuild
from carousel.pipeline.commands.run import words
from carousel.tables import parquet

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
SMALL = {"pydantic", "pyyaml", "jaxtyping", "threadpoolctl", "psutil"}  # of less than 10 MB each
INSIDE = "carousel/project"


class Built(NamedTuple):
    """A wheel, made from the source distribution, and the environments that it is installed in."""

    wheel: Path
    base: Environment  # without an extra
    study: Environment  # with two


def hatchling(folder: Path, target: str, out: Path) -> Path:
    """What hatchling builds of the project in `folder`."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(out)]
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    (made,) = out.iterdir()
    return made


def build(folder: Path) -> Built:
    """The distributions, each environment with links to the packages that the wheel asks for, and the wheel."""
    with tarfile.open(hatchling(ROOT, "sdist", folder / "sdist")) as source:
        source.extractall(folder / "source", filter="data")
    (unpacked,) = (folder / "source").iterdir()
    wheel = hatchling(unpacked, "wheel", folder / "wheel")
    base, study = (Environment(folder / name) for name in ("base", "study"))
    base.link(needed(PROJECT["dependencies"]).values())
    study.link(needed([*PROJECT["dependencies"], *EXTRAS["study"], *EXTRAS["fast"]]).values())
    base.install("carousel-rnn", wheels=wheel.parent)
    study.install("carousel-rnn[study,fast]", wheels=wheel.parent)
    return Built(wheel, base, study)


def called(environment: Environment, folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A program of an environment, run in `folder` without network where that is permitted."""
    before = offline.PREFIX if offline.permitted() else ()
    outside = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "COLUMNS")}
    program = [*before, str(environment.bin / command[0]), *command[1:]]
    return subprocess.run(program, cwd=folder, capture_output=True, text=True, env=outside)


def said(environment: Environment, folder: Path, *command: str, status: int = 0) -> str:
    """What a program prints, its exit status being as expected."""
    run = called(environment, folder, *command)
    assert run.returncode == status, run.stdout + run.stderr
    return run.stdout + run.stderr


@pytest.fixture(scope="module")
def built(once: Once) -> Built:
    if find_spec("hatchling") is None:
        pytest.skip("hatchling is not installed: pip install -r requirements-test.lock")
    return once("package", build)


@pytest.fixture(scope="module")
def folder(built: Built, once: Once) -> Path:
    """A folder that was empty before the installed package ran the smoke study in it."""

    def run(folder: Path) -> Path:
        said(built.study, folder, "carousel", "run", "smoke", "--cores", "2")
        return folder

    return once("empty", run)


@pytest.mark.campaign
def test_the_wheel_has_the_project_and_nothing_else(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = [
        path for path in (ROOT / "src").rglob("*") if "__pycache__" not in path.parts and path.is_file()
    ]
    parts = [path for part in PARTS if part != "src" for path in [ROOT / part, *(ROOT / part).rglob("*")]]
    records = [Path(path).resolve() for path in fingerprint.report() if path.endswith(".csv")]
    assert len(records) == 3
    files = {f"{INSIDE}/{path.relative_to(ROOT)}" for path in [*parts, *records] if path.is_file()}
    assert names == {str(path.relative_to(ROOT / "src")) for path in sources} | files


@pytest.mark.campaign
@pytest.mark.slow
def test_the_smoke_study_runs_in_an_empty_folder(built: Built, folder: Path) -> None:
    code = "import carousel, sys; print(carousel.__file__, *sys.path, sep='\\n')"
    file, *path = said(built.study, folder, "python", "-c", code).splitlines()[-8:]
    assert str(built.study.packages / "carousel" / "__init__.py") in (file, *path)
    assert not [each for each in path if each.startswith(str(ROOT)) and "site-packages" not in each]
    results = folder / "results" / "smoke"
    assert "</html>" in (results / "report.html").read_text("utf-8")
    origin = parquet.origin(results / "decay.parquet")
    assert origin["commit"] == "unknown" and origin["carousel"] == carousel.__version__
    job = results / "decay" / "numpy" / "gru.parquet"
    jobs = parquet.provenance(job)["jobs"]
    assert jobs == {"decay/numpy/gru": fingerprint.code("decay/numpy/gru")}
    again = said(built.study, folder, "carousel", "run", "smoke", "--cores", "1", "--dry-run")
    assert "Nothing to be done" in again and "results/smoke/report.html" in again


@pytest.mark.campaign
@pytest.mark.slow
def test_a_module_is_diagnosed(built: Built, folder: Path) -> None:
    code = "import torch; torch.save(torch.nn.LSTM(3, 8).state_dict(), 'lstm.pt')"
    said(built.study, folder, "python", "-c", code)
    told = said(
        built.study, folder, "carousel", "diagnose", "--checkpoint", "lstm.pt", "--figure", "lstm.svg"
    )
    assert "LSTM, 8 units): the gradient halves every" in told
    assert "</svg>" in (folder / "lstm.svg").read_text("utf-8")


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("check results/smoke", "checks found nothing"),
        ("compare results/smoke results/smoke --fail", "claims: "),
        ("claims decide --results results/smoke", "K1: "),
        ("export results/smoke", "ro-crate-metadata.json"),
        ("watch --results results/smoke", "jobs done in"),
    ],
)
def test_the_package_without_extras_checks_compares_and_decides(
    built: Built, folder: Path, command: str, words: str
) -> None:
    assert words in said(built.base, folder, "carousel", *command.split())


@pytest.mark.campaign
def test_the_package_without_extras_measures_with_numpy(built: Built, tmp_path: Path) -> None:
    setting = "'lstm', init='orthogonal', forget_bias=1.0, length=20, hidden=4, repetitions=1"
    code = f"import carousel; print(len(carousel.decay({setting})) > 20)"
    assert "True" in said(built.base, tmp_path, "python", "-c", code)


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("command", "line"),
    [
        (
            "carousel run smoke --cores 2",
            "snakemake is not installed; allowed: pip install 'carousel-rnn[study]'",
        ),
        (
            "carousel diagnose --checkpoint a.pt",
            "torch is not installed; allowed: pip install 'carousel-rnn[torch]'",
        ),
        (
            "python -c __import__('carousel').diagnose",
            "ModuleNotFoundError: torch is not installed; allowed: ",
        ),
    ],
)
def test_what_needs_an_extra_says_which(built: Built, tmp_path: Path, command: str, line: str) -> None:
    assert line in said(built.base, tmp_path, *command.split(), status=1).splitlines()[-1]


def test_the_base_is_numpy_scipy_pandas_pyarrow_and_small_packages() -> None:
    base = {Requirement(each).name for each in PROJECT["dependencies"]}
    assert base == {"numpy", "scipy", "pandas", "pyarrow"} | SMALL
    heavy = {"torch", "snakemake", "matplotlib", "seaborn", "numba", "scikit-learn", "statsmodels"}
    assert not heavy & set(needed(PROJECT["dependencies"]))


def test_the_study_has_all_that_diagnosing_needs_and_a_package_has_one_bound() -> None:
    assert set(EXTRAS["torch"]) <= set(EXTRAS["study"]) and set(EXTRAS["gpu"]) <= set(EXTRAS["study"])
    wanted = {*PROJECT["dependencies"], *(each for extra in EXTRAS.values() for each in extra)}
    names = [Requirement(each).name for each in wanted]
    assert len(names) == len(set(names))


def test_every_classifier_is_one_that_an_index_takes() -> None:
    known = pytest.importorskip("trove_classifiers").classifiers
    assert set(PROJECT["classifiers"]) <= known
    assert PROJECT["name"] == "carousel-rnn" and PROJECT["scripts"] == {"carousel": "carousel.__main__:main"}


def test_an_extra_that_is_named_where_a_package_lacks_has_it() -> None:
    names = {"sklearn": "scikit-learn", "pypandoc": "pypandoc_binary"}
    for package, extra in carousel.EXTRAS.items():
        asked = needed(EXTRAS[extra]) if package == "llvmlite" else EXTRAS[extra]
        assert any(each.startswith(names.get(package, package)) for each in asked), package
    error = ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    assert carousel.lacking(error) == "torch is not installed; allowed: pip install 'carousel-rnn[torch]'"
    assert carousel.lacking(ModuleNotFoundError("", name="torchy")) == carousel.lacking(ValueError()) == ""


def test_options_go_to_snakemake_and_the_study_is_the_one_that_is_named() -> None:
    snakefile = ["--snakefile", str(ROOT / "Snakefile")]
    assert words("smoke", ["--cores", "2", "-n"]) == [
        "--config",
        "study=smoke",
        *snakefile,
        "--cores",
        "2",
        "-n",
    ]
    config = ["--config", "exact=true", "study=smoke"]
    for given in (
        ["--config", "exact=true"],
        ["-C", "exact=true"],
        ["--config=exact=true"],
        ["-Cexact=true"],
    ):
        assert words("smoke", ["-n", *given]) == [*config, *snakefile, "-n"]
    targets = ["--cores", "1", "--", "results/smoke/decay.parquet"]
    assert words("smoke", targets)[-4:] == targets
    assert words("smoke", ["--config", "exact=true", *targets]) == [*config, *snakefile, *targets]


def test_what_an_installed_package_is_to_make_again_is_made_by_its_own_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(rebuild.CONFIG, raising=False)
    table = "results/smoke/decay.parquet"
    assert rebuild.command([table]) == f"snakemake --cores 1 --config study=smoke --force -- {table}"
    monkeypatch.setattr(rebuild, "project_folder", lambda: tmp_path)
    assert rebuild.command([table]) == f"carousel run smoke --cores 1 --force -- {table}"
    monkeypatch.setenv(rebuild.CONFIG, "study=own/smoke.yaml exact=true")
    again = f"carousel run own/smoke.yaml --cores 1 --config exact=true --force -- {table}"
    assert rebuild.command([table]) == again


def test_the_import_takes_less_than_50_milliseconds() -> None:
    code = "from time import process_time as t; a = t(); import carousel; print(t() - a)"
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, text=True) for _ in range(5)]
    assert min(float(run.stdout) for run in runs) < 0.05
