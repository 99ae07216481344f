"""Damaged tables and those of other code or studies: refused in one line with the command that makes them again."""

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from support.checkouts import copied, snakemake_in

from carousel.__main__ import main
from carousel.axes import BACKENDS
from carousel.pipeline import rebuild, validation
from carousel.pipeline.fingerprint import code
from carousel.pipeline.provenance import describe
from carousel.study.files import find, load
from carousel.tables import parquet
from carousel.tables.files import StoreError
from carousel.tables.machine_folders import FOLDER
from carousel.tables.schemas import schema

ROOT = Path(__file__).parents[2]
SMOKE = find("smoke")
JOB = "decay/numpy/lstm"
ORIGIN = {"study": "smoke", "jobs": {JOB: "0"}}
TEXTS = {"id": "K1", "cell": "lstm"}


def table(kind: str = "decay", rows: int = 3) -> pd.DataFrame:
    """A table with the columns of its kind."""
    values = {"float": np.arange(rows) / 3, "int": np.arange(rows), "bool": True}
    columns = {name: values.get(column.type, "x") for name, column in schema(kind, BACKENDS).items()}
    return pd.DataFrame(columns).assign(**{name: text for name, text in TEXTS.items() if name in columns})


@pytest.fixture
def small(tmp_path: Path) -> bytes:
    """The bytes of a small table with every sort of column."""
    path = tmp_path / "small.parquet"
    frame = pd.DataFrame(
        {"cell": pd.Categorical(["lstm", "gru"] * 20), "lag": range(40), "solved": [True] * 40}
    )
    parquet.write(frame.assign(log10_norm=np.linspace(0, -9, 40), text="x"), path, ORIGIN)
    return path.read_bytes()


def test_no_bit_changes_unnoticed(small: bytes, tmp_path: Path) -> None:
    """One bit of every byte in turn: data, dictionaries, footer, metadata, and the checksum itself."""
    path, bits = tmp_path / "flipped.parquet", np.random.default_rng(0).integers(0, 8, len(small))
    path.write_bytes(small)
    assert not parquet.damage(path)
    with path.open("r+b", buffering=0) as file:
        for place, bit in enumerate(bits.tolist()):
            file.seek(place)
            file.write(bytes([small[place] ^ 1 << bit]))
            assert parquet.damage(path), place
            file.seek(place)
            file.write(small[place : place + 1])
    assert not parquet.damage(path)


def test_no_length_is_taken_for_another(small: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cut.parquet"
    for size in (*range(0, len(small), 13), *range(len(small) - 50, len(small))):
        path.write_bytes(small[:size])
        assert parquet.damage(path), size
    for more in (b"x", small, small[-500:]):
        path.write_bytes(small + more)
        assert parquet.damage(path)


def test_a_table_with_its_checksum_is_plain_parquet(small: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(small)
    assert pd.read_parquet(tmp_path / "a.parquet").equals(parquet.read(tmp_path / "a.parquet"))


COMMANDS = {  # command: kinds of table that it reads, options that it writes to, and others
    "gather": (("decay",), ("out",), ()),
    "summarise": (("decay",), ("out", "routes"), ()),
    "judge": (
        ("decay", "accuracy", "dynamics", "calibration"),
        ("out", "csv", "json", "evidence", "agreement"),
        (f"--study={SMOKE}",),
    ),
    "explore": (
        ("decay", "accuracy", "summary", "routes"),
        ("explorer", "advice", "half-lives", "learned"),
        (),
    ),
    "published": (("accuracy", "dynamics"), ("out", "csv"), ()),
    "draw": (
        ("decay", "accuracy", "claims", "evidence", "summary", "dynamics", "learned", "depth"),
        ("out",),
        (),
    ),
    "stability": (("claims",), ("out",), ("other.parquet",)),
}
DAMAGES = {  # what is done to a file, and what is said of it
    "empty": "an empty file",
    "truncated": "not a whole parquet file",
    "flipped": "damaged, its checksum is not that of its bytes",
    "of another program": "a table that carousel did not make",
    "of other columns": "it has no column",
    "absent": "No such file",
}


def harm(path: Path, damage: str) -> None:
    """Do to a file what the name of a damage says."""
    data = bytearray(path.read_bytes())
    data[len(data) // 3] ^= 4
    if damage == "of another program":
        pd.DataFrame({"lag": [1]}).to_parquet(path)
    elif damage == "of other columns":
        parquet.write(pd.DataFrame({"lag": [1]}), path, ORIGIN)
    elif damage == "absent":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "truncated": data[:-9], "flipped": data}[damage])


READ = [(command, kind) for command in COMMANDS for kind in COMMANDS[command][0]]
TRIED = [("gather", "decay", damage) for damage in DAMAGES]
TRIED += [(*read, damage) for read in READ[1:] for damage in ("flipped", "of other columns")]


@pytest.mark.parametrize(("command", "kind", "damage"), TRIED)
def test_every_command_names_the_file_and_how_to_make_it_again(
    command: str,
    kind: str,
    damage: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.chdir(tmp_path)
    folder, (kinds, outs, others) = Path("results/smoke"), COMMANDS[command]
    for each in kinds:
        parquet.write(table(each), folder / f"{each}.parquet", ORIGIN)
    bad = folder / f"{kind}.parquet"
    harm(bad, damage)
    written = [f"--{name}=made/{name}" for name in outs]
    written = ["--out=made/decay.parquet"] if command == "gather" else written
    given = [str(bad)] if command == "gather" else [f"--{each}={folder / each}.parquet" for each in kinds]
    assert main([command, *written, *given, *others]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"{bad}: {DAMAGES[damage] if damage != 'of other columns' else f'not a table of {kind}'}"
    )
    assert line.endswith(f"; make it again: snakemake --cores 1 --config study=smoke --force -- {bad}")
    assert not Path("made").exists()


MISMATCHES = {  # what a table says otherwise of itself, and what is said of that
    "another study": (
        {"study_hash": "0123", "study": "old"},
        "measured for another study (old, 0123) than smoke",
    ),
    "other code": ({"jobs": {JOB: "0123"}}, f"measured by other code than that of now ({JOB})"),
    "the plain path": ({"exact": True}, "measured with exact=true"),
    "another job": ({"jobs": {"decay/numpy/gru": "0"}}, "the table of decay/numpy/gru"),
    "no job": ({"jobs": {}}, "the table of no job that it names"),
}


@pytest.fixture
def gathering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two tables of the smoke study as its jobs would leave them now, in a folder where that study runs."""
    monkeypatch.setenv(rebuild.CONFIG, shlex.join([f"study={SMOKE}"]))
    monkeypatch.chdir(ROOT)
    paths = [tmp_path / f"results/smoke/{job}.parquet" for job in (JOB, "decay/torch/lstm")]
    for path, job in zip(paths, (JOB, "decay/torch/lstm"), strict=True):
        parquet.write(
            table().assign(backend=job.split("/")[1]), path, describe("smoke", load(SMOKE), job, False)
        )
    return paths


def test_tables_of_now_are_gathered(gathering: list[Path]) -> None:
    out = gathering[0].parents[2] / "decay.parquet"
    assert main(["gather", "--out", str(out), *map(str, gathering)]) == 0
    assert len(parquet.read(out)) == 6
    assert sorted(parquet.provenance(out)["jobs"]) == [JOB, "decay/torch/lstm"]
    assert not validation.fault(out, "decay")


@pytest.mark.parametrize("mismatch", MISMATCHES)
def test_a_table_of_another_study_or_code_is_refused(
    mismatch: str, gathering: list[Path], capsys: pytest.CaptureFixture
) -> None:
    changes, said = MISMATCHES[mismatch]
    parquet.write(table(), gathering[0], describe("smoke", load(SMOKE), JOB, False) | changes)
    out = gathering[0].parents[2] / "decay.parquet"
    assert main(["gather", "--out", str(out), *map(str, gathering)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{gathering[0]}: {said}")
    target = f"results/smoke/{JOB}.parquet"
    assert line.endswith(f"; make it again: snakemake --cores 1 --config study={SMOKE} --force -- {target}")
    assert not out.exists()


def test_tables_of_other_columns_are_named(gathering: list[Path], capsys: pytest.CaptureFixture) -> None:
    """In a table that has no schema; those that have one are held to it."""
    parquet.write(table().assign(more=1), gathering[1], parquet.provenance(gathering[1]))
    assert main(["gather", "--out", str(gathering[0].parent / "out.parquet"), *map(str, gathering)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{gathering[1]}: its columns are not those of {gathering[0]}; make them again: ")


MISFITS = {
    "lacking": (table().drop(columns="lag"), "it has no column lag"),
    "more": (table().assign(more=1), "it has a column more"),
    "another type": (table().assign(lag="x"), "in its column lag does not stand a whole number"),
    "another order": (table()[sorted(table())], "its columns are in another order"),
}


@pytest.mark.parametrize("misfit", MISFITS)
def test_gathering_refuses_columns_that_are_not_the_schema_s(
    misfit: str, gathering: list[Path], capsys: pytest.CaptureFixture
) -> None:
    rows, said = MISFITS[misfit]
    for path in gathering:
        parquet.write(rows, path, parquet.provenance(path))
    out = gathering[0].parents[2] / "decay.parquet"
    assert main(["gather", "--out", str(out), *map(str, gathering)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(
        f"{gathering[0]}: not a table of decay, {said} (and 1 more such tables); make them again: "
    )
    assert not out.exists()


def test_all_that_is_wrong_is_made_again_by_one_command(
    gathering: list[Path], capsys: pytest.CaptureFixture
) -> None:
    gathering[0].write_bytes(b"")
    parquet.write(table(), gathering[1], describe("smoke", load(SMOKE), JOB, False))
    assert main(["gather", "--out", str(gathering[0].parent / "out.parquet"), *map(str, gathering)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"{gathering[0]}: an empty file (and 1 more such tables); make them again: ")
    assert line.endswith(f"-- results/smoke/{JOB}.parquet results/smoke/decay/torch/lstm.parquet")


def test_a_gathered_table_of_other_code_is_refused_downstream(
    gathering: list[Path], capsys: pytest.CaptureFixture
) -> None:
    path = gathering[0].parents[2] / "decay.parquet"
    jobs = {"decay/torch/lstm": code("decay/torch/lstm"), JOB: "0123"}
    parquet.write(table(), path, describe("smoke", load(SMOKE), JOB, False) | {"jobs": jobs})
    outs = [f"--{out}={path.with_name(f'{out}.parquet')}" for out in ("out", "routes")]
    assert main(["summarise", "--decay", str(path), *outs]) == 1
    assert f"measured by other code than that of now ({JOB}); make it again: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("/a/results/smoke/decay.parquet", "decay.parquet"),
        ("results/smoke/results/smoke/decay/numpy/lstm.parquet", "decay/numpy/lstm.parquet"),
        ("results/smoke/figures/A2d.svg", "figures"),
        (f"results/smoke/{FOLDER}/a/claims.parquet", f"{FOLDER}/a/claims.parquet"),
    ],
)
def test_what_the_workflow_makes_is_a_target(path: str, target: str) -> None:
    assert rebuild.target(path) == f"results/smoke/{target}"


@pytest.mark.parametrize(
    "path",
    [
        "a.parquet",
        f"{FOLDER}/smoke/decay.parquet",
        "results/smoke/cache/1.parquet",
        "results/smoke/logs/judge.log",
        f"results/smoke/{FOLDER}/a/decay.parquet",
    ],
)
def test_what_the_workflow_does_not_make_has_no_command(path: str) -> None:
    assert rebuild.hint(path) == ""


@pytest.mark.slow
@pytest.mark.campaign
def test_the_command_makes_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run for real: the command that the message names leaves the file as it was."""
    folder = copied(tmp_path)
    tiny = yaml.safe_load((folder / "config" / "smoke.yaml").read_text())
    tiny["decay"] = [tiny["decay"][0] | {"backends": ["numpy"], "cells": ["gru"], "lengths": [5]}]
    (folder / "config" / "tiny.yaml").write_text(yaml.safe_dump(tiny))
    path = folder / "results/tiny/decay/numpy/gru.parquet"
    made = snakemake_in(folder, "--config", "study=tiny", "--", "results/tiny/decay/numpy/gru.parquet")
    assert made.returncode == 0, made.stderr
    whole = path.read_bytes()
    harm(path, "flipped")
    with pytest.raises(StoreError) as error:
        parquet.read(path)
    command = shlex.split(rebuild.explained(error.value).partition("again: ")[2])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    again = subprocess.run([sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    assert path.read_bytes() == whole
