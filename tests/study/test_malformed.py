"""Bad input ends a verb, or the pipeline, with one line, status 1 and nothing started; see malformed.py."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from support.checkouts import copied, snakemake_in
from tools import malformed

from carousel.__main__ import main
from carousel.study import files
from carousel.study.errors import StudyError
from carousel.tasks import TASKS, DataError

FILES = 250
SMOKE = files.config_folder() / "smoke.yaml"


def told(path: Path | str) -> str:
    """The one line that is said of the study at `path`."""
    with pytest.raises(StudyError) as error:
        files.load(path)
    (line,) = str(error.value).splitlines()
    return line


@pytest.mark.campaign
def test_each_of_hundreds_of_malformed_files_is_one_line(tmp_path: Path) -> None:
    found = malformed.outcomes(malformed.cases(FILES), tmp_path)
    assert len({each.case.data for each in found}) == FILES >= 200
    assert [(each.case.kind, each.wrong, each.line) for each in found if each.wrong] == []


def test_the_cases_are_the_same_each_time_and_reach_every_kind_of_key() -> None:
    cases = malformed.cases(len(malformed.FILES) + 60)
    assert cases == malformed.cases(len(cases))
    keys = {entry.key for found in malformed.ENTRIES.values() for entry in found}
    assert keys == set(malformed.WRONG)


@pytest.mark.slow
def test_the_pipeline_says_the_same_lines_and_starts_nothing(tmp_path: Path) -> None:
    checkout = copied(tmp_path)
    chosen = [
        next(case for case in malformed.cases(FILES) if case.kind == kind) for kind in ("bomb", "unknown")
    ]
    found = malformed.through_snakemake(chosen, checkout)
    assert [(each.wrong, each.line) for each in found if each.wrong] == []
    run = snakemake_in(checkout, "--config", "study=$(touch here).yaml")
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith(
        "$(touch here).yaml: the file's name names the results; allowed"
    )
    assert not {"here", "results"} & {path.name for path in checkout.iterdir()}


NAMES = {  # what --config study= may not be, and what is said of it
    "../config/smoke": "study: found '../config/smoke'; allowed: cluster, full, published, smoke, standard; nearest: "
    "smoke",
    "": "study: found ''; allowed: cluster, full",
    "smok\u0435": "study: found 'smok\\u0435'; allowed: cluster, full, published, smoke, standard; nearest: smoke",
    "smoke\n": "study: found 'smoke\\n'; allowed",
    "smoke\0": "study: found 'smoke\\x00'; allowed",
    "config": "study: found 'config'; allowed",
    ".yaml": "study: found '.yaml'; allowed",
    "..yaml": "..yaml: the file's name names the results; allowed: letters",
    "-x.yaml": "-x.yaml: the file's name names the results; allowed: letters",
    "a b.yaml": "a b.yaml: the file's name names the results; allowed: letters",
    "a;ls.yaml": "the file's name names the results",
    "$(ls).yaml": "the file's name names the results",
    "\u0455moke.yaml": "the file's name names the results",
    "a\nb.yaml": "'a\\nb.yaml': the file's name names the results",
    "a\0b.yaml": "'a\\x00b.yaml': the file's name names the results",
    "x" * 65 + ".yaml": "64 at most",
    "x" * 5000 + "/smoke.yaml": "cannot be read (File name too long)",
    "{cell}/smoke.yaml": "allowed: a path without braces",
    "\u202e/smoke.yaml": "allowed: a path without braces and control characters",
    "a\nb/smoke.yaml": "'a\\nb/smoke.yaml': allowed: a path without braces",
    "config/smok.yaml": "config/smok.yaml: there is no such study file; nearest: smoke.yaml",
    "/": "study: found '/'; allowed",
    "https://example.org/smoke.yaml": "there is no such study file",
}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_that_is_no_study_is_one_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(malformed.ROOT)
    with pytest.raises(StudyError) as error:
        files.find(name)
    (line,) = str(error.value).splitlines()
    assert NAMES[name] in line


def test_a_path_that_is_no_file_is_one_line(tmp_path: Path) -> None:
    loop, pipe = tmp_path / "loop.yaml", tmp_path / "pipe.yaml"
    loop.symlink_to(loop)
    os.mkfifo(pipe)
    for path in (tmp_path, pipe, "/dev/zero", "/dev/stdin"):
        assert told(path) == f"{path}: cannot be read (not a file); allowed: a yaml file"
    assert "levels of symbolic links" in told(loop)
    assert told(tmp_path / "no.yaml").endswith(
        "cannot be read (No such file or directory); allowed: a yaml file"
    )
    assert told("a\0b.yaml").startswith("'a\\x00b.yaml': cannot be read")
    assert told(tmp_path / "a\nb.yaml").startswith(repr(str(tmp_path / "a\nb.yaml")))


def test_a_file_that_may_not_be_read_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(SMOKE.read_bytes())

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # root may read all files
    assert told(path) == f"{path}: cannot be read (Permission denied); allowed: a yaml file"


def test_what_is_odd_but_says_what_it_means_is_taken(tmp_path: Path) -> None:
    text = SMOKE.read_text()
    odd = {
        "a byte order mark": "\ufeff" + text,
        "line ends of Windows": text.replace("\n", "\r\n"),
        "a document's marks": f"---\n{text}...\n",
        "a title in other letters": text.replace(
            "Smoke study", "\u7814\u7a76 \u2013 \u0627\u0644\u062f\u0631\u0627\u0633\u0629"
        ),
        "1e-2": text.replace("learning_rates: [0.01]", "learning_rates: [1e-2]"),
        "json": text.replace("backends: [numpy, torch]", 'backends: ["numpy", "torch"]'),
    }
    for name, content in odd.items():
        path = tmp_path / "odd.yaml"
        path.write_text(content, encoding="utf-8", newline="")
        assert files.load(path).decay == files.load(SMOKE).decay, name


def test_what_no_machine_could_hold_is_refused(tmp_path: Path) -> None:
    path, text = tmp_path / "mine.yaml", SMOKE.read_text()
    path.write_text(text.replace("hidden: [8]", "hidden: [1000000000]"))
    assert "decay[0].hidden[0]: found 1000000000; allowed: less than or equal to 65536" in told(path)
    path.write_text(
        text.replace("hidden: [8]", "hidden: [8, 65536]").replace("lengths: [50]", "lengths: [10000000]")
    )
    assert (
        "decay[0].lengths: found [10000000]; allowed with hidden 65536 and batch 4: at most 262144"
        in told(path)
    )
    path.write_text(text.replace("hidden: 1\n", "hidden: 65536\n").replace("length: 100", "length: 10000000"))
    assert "search[0].length: found 10000000; allowed with hidden 65536 and batch 1: at most 1048576" in told(
        path
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["decay", "--backend", "nunpy"], "nunpy"),
        (["decay", "--backend", "numpy", "--cell", "lstm\u200b"], "nearest: numpy/lstm"),
        (
            ["decay", "--backend", "numpy", "--cell", "../lstm"],
            "no job for numpy/../lstm; allowed: numpy/rnn_tanh, ",
        ),
        (["dceay"], "dceay"),
        ([], "COMMAND"),
    ],
)
def test_a_wrong_option_of_a_verb_is_one_line(
    arguments: list[str], said: str, tmp_path: Path, capsys
) -> None:
    rest = [f"--{name}={tmp_path / name}" for name in ("cache", "out")]
    rest += [f"--study={SMOKE}", *([] if "--cell" in arguments else ["--cell=lstm"])]
    assert main([*arguments, *(rest if arguments else [])]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not [*tmp_path.iterdir()]


def idx(shape: tuple[int, ...], data: bytes) -> bytes:
    """An IDX file of unsigned bytes."""
    return bytes((0, 0, 8, len(shape))) + np.array(shape, ">u4").tobytes() + data


DIGITS = idx((2, 28, 28), bytes(2 * 784)), idx((2,), bytes(2))
SPOILT = {  # the first file, and a word of what is said
    "empty": (b"", "not an IDX file"),
    "text": (b"<html>404</html>", "not an IDX file"),
    "cut": (DIGITS[0][:-1], "not all of it"),
    "long": (DIGITS[0] + b"1", "not all of it"),
    "huge": (idx((2**32 - 1,) * 3, b""), "not all of it"),
    "axes": (bytes((0, 0, 8, 255)), "not an IDX file"),
    "pickle": (malformed.FILES["pickle"], "not an IDX file"),
    "size": (idx((2, 27, 28), bytes(2 * 27 * 28)), "are not 28 x 28 images"),
    "gz cut": (gzip.compress(DIGITS[0])[:-9], "cannot be read"),
    "gz text": (b"<html>", "cannot be read"),
    "gz bomb": (gzip.compress(idx((2**27,), bytes(2**27)), 1), "not all of it"),  # else a whole file
}


@pytest.mark.parametrize("case", SPOILT)
def test_spoilt_files_of_digits_are_one_line(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, said = SPOILT[case]
    names = (
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
    )
    for name, data in zip(names, (first, DIGITS[1], *DIGITS), strict=True):
        zipped = case.startswith("gz") and name == names[0]
        (tmp_path / f"{name}{'.gz' * zipped}").write_bytes(data)
    monkeypatch.setenv("CAROUSEL_MNIST", str(tmp_path))
    with pytest.raises(DataError) as error:
        TASKS["mnist"].sample(np.random.default_rng(1), 784, 1, False)
    (line,) = str(error.value).splitlines()
    assert str(tmp_path) in line
    assert any(each in line for each in said.split("|"))


@pytest.mark.parametrize("folder", ["~nobody-of-this-name/x", "x" * 5000, "/dev/null", "a\nb"])
def test_a_folder_of_digits_that_cannot_be_is_one_line(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAROUSEL_MNIST", folder)
    with pytest.raises(DataError) as error:
        TASKS["mnist"].sample(np.random.default_rng(1), 784, 1, False)
    assert len(str(error.value).splitlines()) == 1
