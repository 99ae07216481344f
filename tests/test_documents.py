"""The commands that README.md and docs/*.md name, on a new machine's terms: a fresh clone, in a temporary folder as the
system makes it, by whoever runs the tests and, where that is root, by an ordinary user, too.
"""

import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from support.checkouts import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = "make|snakemake|pytest|conda|pixi|python|pip|carousel (?:run|check)|sbatch|git|scancel"
COMMAND = re.compile(rf"(?:\w+=\S+ )*(?:(?:{PROGRAMS}) \S.*|pytest)")


class Tried(NamedTuple):
    """How a command is tried: the words that stand for it, their exit status, and a part of what they print."""

    words: str
    status: int = 0
    says: str = ""


class Elsewhere(NamedTuple):
    """Why a command is not tried here."""

    why: str


AS_IT_IS = Tried(r"\g<0>")
HELP = Tried(r"\1 --help", says="usage: ")
"""In place of what takes minutes: that it starts, and knows the options that stand in the document."""
HOW: dict[str, Tried | Elsewhere] = {  # the first pattern that is the whole of a command
    r"python -m carousel": Tried(r"\g<0>", 1, "the following arguments are required: COMMAND; --help lists"),
    r"python -m carousel (reseed|claims seal|diagnose) .*": AS_IT_IS,
    r"python -m carousel\.tables\.document .*": AS_IT_IS,
    r"(?:python -m )?carousel (check|compare|export|claims decide|run) .*": Elsewhere(
        "needs results: tests/test_package.py runs it on those of the smoke study"
    ),
    r"python -m carousel add .*": Elsewhere("needs another machine's: tests/pipeline/test_other_machines.py"),
    r"python benchmarks/dag\.py": Elsewhere("takes no options; it plans studies of up to 10^6 settings"),
    r"(python (?:tests/tools|benchmarks)/\w+\.py)(?: .*)?": HELP,
    r"python (tests/support/offline\.py) snakemake .*": Tried(r"python \1 true"),
    r"(?:\w+=\S+ )*make (.*)": Tried(r"make -n \1"),
    r"pytest(?: .*)?": Elsewhere("is itself: that its files and words find tests is a test below"),
    r"snakemake --unlock": AS_IT_IS,
    r"snakemake --cores 4 --config study=smoke": Tried(r"\g<0> --dry-run", says="This was a dry-run"),
    r"snakemake --cores .*": Elsewhere("tests/test_readme.py has its dry run, or one that differs by a name"),
    r"snakemake --profile profiles/slurm .*": Elsewhere("needs Slurm: tests/pipeline/test_slurm.py"),
    r"snakemake --executor kubernetes .*": Elsewhere("needs Kubernetes: was read, not tried, as the document says"),
    r"sbatch .*": Elsewhere("needs a cluster with partitions and a disk of its own"),
    r"pip install .*": Elsewhere("downloads; tests/test_package.py installs without network"),
    r"(conda|pixi) .*": Elsewhere("downloads, and needs a program that is no package of the locks"),
    r"git add .*": Elsewhere("changes the reader's repository"),
}  # fmt: skip
PROGRAM = {"python": [], "snakemake": ["-m", "snakemake"]}
"""What is called by this interpreter, and how."""
FILES = {"config/claims/mine.yaml": "config/claims/folklore.yaml"}
"""What a reader is told to write, and what stands for it."""


def commands(document: Path) -> list[str]:
    """The commands of a document, in blocks and in sentences, as one would type them."""
    text = document.read_text("utf-8")
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    rest = re.sub(r"^```\w*\n.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    blocks = [*fenced, *re.findall(r"(?:^    .*\n)+", rest, re.MULTILINE)]
    lines = [line.partition("  #")[0] for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    found = [" ".join(each.split()) for each in [*lines, *re.findall(r"`([^`]+)`", rest)]]
    return [each for each in found if COMMAND.fullmatch(each)]


ALL = list(dict.fromkeys(command for document in DOCUMENTS for command in commands(document)))


def how(command: str) -> tuple[str, Tried | Elsewhere]:
    """The pattern of a command, and how it is tried or why it is not."""
    return next((pattern, form) for pattern, form in HOW.items() if re.fullmatch(pattern, command))


def tried() -> dict[str, Tried]:
    """What is run here, each once, and how it has to end."""
    found = {}
    for command in ALL:
        pattern, form = how(command)
        if isinstance(form, Tried):
            found[re.sub(pattern, form.words, command)] = form
    return found


# ---- What is read


def test_every_command_has_a_way_and_every_way_a_command() -> None:
    assert len(ALL) > 70 and {"make report", "python tests/tools/slurm_study.py"} <= {*ALL}
    assert {how(command)[0] for command in ALL} == {*HOW}
    for form in HOW.values():
        for file in re.findall(r"tests/[\w/]+\.py", form.why if isinstance(form, Elsewhere) else ""):
            assert (ROOT / file).is_file()


def test_the_commands_of_a_text_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "Text `make x` and `make\n  y`, `makes`, `lstm`, `python`.\n\n    make z   # why\n    import a\n\n"
        "```\nsnakemake --a \\\n    --b\npytest\n```\n`pip install q`\n"
    )
    wanted = ["snakemake --a --b", "pytest", "make z", "make x", "make y", "pip install q"]
    assert commands(tmp_path / "a.md") == wanted


@pytest.mark.parametrize("command", [each for each in ALL if re.match(r"pytest .*tests/", each)])
def test_what_pytest_is_given_finds_tests(command: str) -> None:
    (file,) = re.findall(r"tests/\S+\.py", command)
    text = (ROOT / file).read_text("utf-8")
    (word,) = re.findall(r"-k (\S+)", command) or [""]
    tests = re.findall(r"^def (test_\w+)", text, re.MULTILINE)
    assert any(word in name for name in tests)
    decorated = re.findall(r"((?:^@.*\n(?:^[ )].*\n)*)+)def (test_\w+)", text, re.MULTILINE)
    all_are = bool(re.search(r"^pytestmark = .*\bcampaign\b", text, re.MULTILINE))
    some_are = any(word in name for marks, name in decorated if "pytest.mark.campaign" in marks)
    assert ("-m campaign" in command) <= (all_are or some_are)


@pytest.mark.parametrize("command", [each for each in ALL if how(each)[1] is HELP and " --" in each])
def test_a_tool_knows_the_options_that_stand_in_a_document(command: str) -> None:
    text = (ROOT / command.split()[1]).read_text("utf-8")
    assert all(f'"{option}"' in text for option in re.findall(r"--[\w-]+", command))


# ---- What is run

NOBODY = "nobody"


class User(NamedTuple):
    """Who runs the commands of a clone: the words before them, and the interpreter that is called."""

    before: tuple[str, ...]
    python: str


def myself() -> User:
    return User((), sys.executable)


def ordinary() -> User:
    """An ordinary user, without groups. Skips the test where there can be none."""
    if os.geteuid() != 0 or not (setpriv := shutil.which("setpriv")):
        pytest.skip("only root becomes another user, by setpriv of util-linux")
    user = pwd.getpwnam(NOBODY)
    before = (setpriv, f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups")
    wanted = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = [sys.executable, shutil.which(wanted, path="/usr/local/bin:/usr/bin")]
    for python in filter(None, places):
        command = [*before, python, "-c", "import numpy, torch, snakemake"]
        run = subprocess.run(command, cwd="/", capture_output=True, env=environment(Path("/"), Path("/")))
        if run.returncode == 0:
            return User(before, python)
    pytest.skip(f"no {wanted} that {NOBODY} may run with the packages of this one")


def environment(clone: Path, home: Path) -> dict[str, str]:
    """What a new user's shell has, and where the packages are."""
    packages = [path for path in sys.path if path.endswith("-packages")]
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "OMP_NUM_THREADS") if name in os.environ}
    return kept | {"HOME": str(home), "PYTHONPATH": os.pathsep.join([str(clone / "src"), *packages])}


@pytest.fixture(scope="module", params=[myself, ordinary], ids=["myself", "nobody"])
def user(request: pytest.FixtureRequest) -> User:
    return request.param()


@pytest.fixture(scope="module")
def clone(user: User) -> Iterator[Path]:
    """A fresh clone in a temporary folder as the system makes it, of the user who works in it."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no repository, of which there could be a clone")
    outside = {name: os.environ.pop(name) for name in ("TMPDIR", "TEMP", "TMP") if name in os.environ}
    tempfile.tempdir = None
    with tempfile.TemporaryDirectory(prefix="carousel-clone-") as folder:
        os.environ |= outside
        made = Path(folder, "carousel")
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(made)], check=True)
        torch.save(torch.nn.LSTM(3, 8).state_dict(), made / "model.pt")
        for name, source in FILES.items():
            shutil.copy(made / source, made / name)
        if user.before:
            for path in (Path(folder), *Path(folder).rglob("*")):
                shutil.chown(path, NOBODY)
        yield made
    tempfile.tempdir = None


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.parametrize("words", tried())
def test_a_command_does_what_the_document_says(words: str, user: User, clone: Path) -> None:
    form, (program, *options) = tried()[words], words.split()
    called = [user.python, *PROGRAM[program]] if program in PROGRAM else [program]
    command = [*user.before, *called, *options]
    run = subprocess.run(
        command, cwd=clone, capture_output=True, text=True, env=environment(clone, clone.parent), timeout=300
    )
    assert run.returncode == form.status, run.stdout + run.stderr
    assert form.says in run.stdout + run.stderr and "Traceback" not in run.stderr


@pytest.mark.campaign
def test_the_cluster_says_in_a_line_what_an_ordinary_user_lacks(user: User, clone: Path) -> None:
    if not user.before:
        pytest.skip("root may start one: tests/pipeline/test_slurm.py")
    command = [*user.before, user.python, "tests/tools/slurm_study.py"]
    run = subprocess.run(
        command, cwd=clone, capture_output=True, text=True, env=environment(clone, clone.parent)
    )
    (line,) = run.stderr.splitlines()
    assert run.returncode == 1 and re.search("is not installed|only root can|is there", line)
