"""Bad input of every kind ends a command with one line and its status, and nothing is written; see bad_input.py."""

import argparse
import io
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import torch
from support import small_results
from support.once import Once
from tools import bad_input
from tools.bad_input import Case, outcome

import carousel
from carousel.__main__ import main
from carousel.diagnosis.layer import ModuleError
from carousel.pipeline import filters
from carousel.study.errors import one_line
from carousel.tables import parquet
from carousel.tables.provenance import malformed

EVERYDAY = {"lines": 30, "claims": 40, "checkpoints": 20}
CAMPAIGN = {"lines": 150, "claims": 250, "checkpoints": 150, "tables": 25}
REFUSED = 0.6
"""The least share of cases that are refused; the others turned out to be no mistakes."""


@pytest.fixture
def sound(once: Once, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The results of the small study; not to be changed."""
    made = once("small", small_results.made)
    monkeypatch.setattr(bad_input, "SOUND", [made])
    return made


def assert_told(kind: str, number: int, folder: Path, first: int = 0) -> None:
    """That cases of a kind end as they have to, and most of them refused."""
    found = bad_input.drawn(kind, number, folder / "case", first)
    assert [(case.words, each.wrong) for case, each in found if each.wrong] == []
    assert sum(each.status != 0 for _, each in found) >= REFUSED * len(found) > 0


@pytest.mark.parametrize("kind", EVERYDAY)
def test_bad_input_is_one_line_and_nothing_is_written(kind: str, tmp_path: Path) -> None:
    assert_told(kind, EVERYDAY[kind], tmp_path)


@pytest.mark.campaign
@pytest.mark.slow
@pytest.mark.parametrize("kind", CAMPAIGN)
def test_so_it_is_many_times_more(kind: str, sound: Path, tmp_path: Path) -> None:
    assert_told(kind, CAMPAIGN[kind], tmp_path, first=1)


def test_every_command_is_tried_or_has_a_reason() -> None:
    names = {words for words, _ in bad_input.nested((), bad_input.parser())}
    assert {" ".join(words) for words in names - set(bad_input.commands())} == set(bad_input.UNTRIED)


def wrong(**changes: object) -> str:
    """What `faults` says of a command that printed and wrote other than it should."""
    folder = changes.pop("folder")
    assert isinstance(folder, Path)
    said = {"status": 1, "out": "", "err": "one line\n"} | changes
    return "; ".join(bad_input.faults(Case(("decay",)), folder=folder, **said))  # type: ignore[arg-type]


def test_what_ends_otherwise_is_found(tmp_path: Path) -> None:
    assert wrong(folder=tmp_path) == ""
    assert "status 3" in wrong(folder=tmp_path, status=3)
    for err in ("", "two\nlines\n", "a\x07b\n", "x" * 5000):
        assert "not one line" in wrong(folder=tmp_path, err=err)
    assert "no status" in wrong(folder=tmp_path, status=0)
    assert "printed" in wrong(folder=tmp_path, out="a\nb\n")
    (tmp_path / "new").write_text("")
    assert "written: ['new']" in wrong(folder=tmp_path)


# ---- What was found so


LINES = {  # each printed a traceback, two lines or nothing, or never ended
    "compare a\nb c\nd": "a\\nb and c\\nd have no table in common",
    "summarise --decay=a\0b --out=a --routes=b": "carousel: --decay=a\\x00b: found a zero byte; allowed: text",
    "machines --results=-- --out=a": "carousel: --results=--: found '--'; allowed: a value",
    "gather --out=-- a.parquet": "carousel: --out=--: found '--'; allowed: a value",
    f"timings --logs={'x' * 5000} --out=a": "File name too long",
    f"compare {'x' * 5000} b": "File name too long",
    "summarise --decay=/dev/zero --out=a --routes=b": "/dev/zero: not a file",
    "summarise --decay=pipe --out=a --routes=b": "pipe: not a file",
    "diagnose --checkpoint=/dev/zero": "/dev/zero: cannot be read (not a file); allowed: a file of torch.save",
    "diagnose --checkpoint=pipe": "pipe: cannot be read (not a file); allowed: a file of torch.save",
    "timings --logs=. --out=/dev/null": "/dev/null: cannot be written: not the name of a file",
}  # fmt: skip


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_line_that_went_wrong_once(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe")
    assert main(line.split(" ")) == 1
    (said,) = capsys.readouterr().err.splitlines()
    assert LINES[line] in said
    assert [path.name for path in tmp_path.iterdir()] == ["pipe"]


def test_a_folder_that_may_not_be_entered_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    own = Path.is_dir

    def refuse(path: Path) -> bool:
        if path == tmp_path:
            raise PermissionError(13, "Permission denied", str(path))
        return own(path)

    monkeypatch.setattr(Path, "is_dir", refuse)  # root may enter all folders
    assert main(["check", str(tmp_path)]) == 2
    assert capsys.readouterr().err == f"{tmp_path}: Permission denied\n"


def test_what_prints_stays_and_what_does_not_shows_its_code() -> None:
    assert one_line("a b\n\u202e\udc80\x1b[0m é 研") == "a b\\n\\u202e\\udc80\\x1b[0m é 研"


def test_the_name_of_a_class_that_is_none_is_refused(tmp_path: Path) -> None:
    with io.BytesIO() as file:
        torch.save(
            [argparse.Namespace(), torch.nn.RNN(1, 2).state_dict()],
            file,
            _use_new_zipfile_serialization=False,
        )
        data = file.getvalue()
    assert data.count(b"Namespace") == 1
    path = tmp_path / "m.pt"
    path.write_bytes(data.replace(b"Namespace", b"Name\0pace"))
    with pytest.raises(ModuleError, match="which is code to load; allowed: weights only") as error:
        carousel.load_checkpoint(path)
    assert str(error.value).startswith(f"{path}: ")


def test_a_filter_says_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="^trained: found False; allowed: a valid string$"):
        filters.checked({"trained": False}, "decay")


Change = Callable[[pd.DataFrame], pd.DataFrame]
FORGED: dict[str, tuple[str, str, Change, str]] = {  # a command, a table, what is done to it, what is said
    "export": ("export .", "claims", lambda table: table.drop(columns="reading"), "it has no column reading"),
    "compare": (
        "compare . {sound}", "claims", lambda table: pd.concat([table, table], ignore_index=True),
        "claims.parquet: the claim Q1 is there twice; such tables cannot be compared",
    ),
    "compared with text": (
        "compare . {sound}", "claims", lambda table: table.assign(effect="x"),
        "claims.parquet: in its column effect does not stand a number",
    ),
}  # fmt: skip


def with_forged(sound: Path, name: str, change: Change, **origin: object) -> dict[str, bytes]:
    """The files of the small results, one table changed, with a checksum made anew."""
    there = {
        path.name: path.read_bytes() for path in sound.iterdir() if path.is_file() and path.suffix != ".log"
    }
    path = sound / f"{name}.parquet"
    copied = sound.parent / f"forged-{os.getpid()}.parquet"
    parquet.write(change(parquet.read(path)), copied, parquet.provenance(path) | origin)
    there[path.name] = copied.read_bytes()
    copied.unlink()
    return there


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_table_is_one_line(forged: str, sound: Path, tmp_path: Path) -> None:
    words, name, change, said = FORGED[forged]
    case = Case(tuple(words.format(sound=sound).split()), with_forged(sound, name, change))
    found = outcome(case, tmp_path / "case")
    assert (found.status, found.wrong) == (1, "") and said in found.line


@pytest.mark.parametrize(
    "words", ["claims decide --results=.", "add --results={sound} .", "compare . {sound}"]
)
def test_a_provenance_that_is_none_is_one_line(words: str, sound: Path, tmp_path: Path) -> None:
    files = with_forged(sound, "decay", lambda table: table, study={"a": 1})
    found = outcome(Case(tuple(words.format(sound=sound).split()), files), tmp_path / "case")
    assert (found.status, found.wrong) == (1, "")
    assert (
        "decay.parquet: its provenance says \"{'a': 1}\" of 'study', as no table of carousel does"
        in found.line
    )


def test_what_a_provenance_may_say() -> None:
    good = {"study": "a", "seed": [1, 2], "exact": False, "jobs": {"decay/numpy/lstm": "0a"}}
    assert malformed(good) == malformed({}) == ""
    for key, value in {"seed": [], "study": [1, "a"], "jobs": ["a"], "exact": None, "title": {}}.items():
        assert f"of {key!r}" in malformed(good | {key: value})
    assert "of 'jobs'" in malformed({"jobs": {"a": 1}})


def test_check_tells_of_a_table_without_a_column_and_goes_on(
    sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    files = with_forged(sound, "depth", lambda table: table.drop(columns="residual"))
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert main(["check", str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "columns: depth.parquet: not a table of depth, it has no column residual" in lines
    for name in ("models", "rows"):
        assert (
            f"{name}: not made: {tmp_path}/depth.parquet: not a table of depth, it has no column residual"
            in lines
        )
    assert any(line.startswith("derived: ") or "checks found nothing" in line for line in lines)
