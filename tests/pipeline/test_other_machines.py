"""Tables of another machine: put beside the local ones, compared with them, and shown apart."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from support.checkouts import rules
from support.result_sets import CLAIMS, SWEEP, decay

from carousel.__main__ import main
from carousel.pipeline.fingerprint import code
from carousel.pipeline.machines import machine, other_machines
from carousel.report.page import machines, sections
from carousel.tables import machine_folders, parquet
from carousel.tables.machine_folders import FOLDER
from carousel.tables.schemas import names

ROOT = Path(__file__).parents[2]

HERE = SWEEP | {
    "machine": "Small Box, Linux",
    "commit": "0123",
    "jobs": {"decay/numpy/lstm": "a", "decay/torch/lstm": "b"},
}
THERE = HERE | {"machine": "Big Box <b>, Linux", "commit": "4567"}
GPU = THERE | {"gpu": "Planted GPU", "study": "on_gpu", "study_hash": "1"}
SLUG = "big-box-b-linux-cpu"


def other(kind: str) -> pd.DataFrame:
    """A table that is only copied."""
    return pd.DataFrame({name: ["x"] for name in names(kind)}).assign(device="cpu")


def result_set(folder: Path, origin: dict, rows: pd.DataFrame, *more: str) -> Path:
    """The tables of a machine: decay and `more` kinds."""
    parquet.write(rows, folder / "decay.parquet", origin)
    for kind in more:
        parquet.write(other(kind), folder / f"{kind}.parquet", origin)
    return folder


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return result_set(tmp_path / "results/planted", HERE, decay(), "accuracy", "dynamics", "calibration")


def gpu_rows() -> pd.DataFrame:
    """What a GPU measures in float32 with torch: off by 0.001, once by 0.02, and after training by 5."""
    rows = decay().query("backend == 'torch'").assign(device="cuda", dtype="float32").reset_index(drop=True)
    rows["log10_norm"] += 0.001
    rows.loc[7, "log10_norm"] += 0.019
    after = rows.head(1).assign(step=30, trained="adding")
    return pd.concat([rows, after.assign(log10_norm=after["log10_norm"] + 5)], ignore_index=True)


def added(results: Path, *given: Path, status: int = 0) -> None:
    assert main(["add", "--results", str(results), *map(str, given)]) == status


def test_a_folder_s_tables_are_put_beside_byte_by_byte(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    there = result_set(tmp_path / "there", THERE, decay(), "accuracy")
    parquet.write(CLAIMS, there / "claims.parquet", THERE)
    added(results, there)
    folder = results / FOLDER / SLUG
    assert str(folder) in capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == ["accuracy.parquet", "decay.parquet"]
    for path in folder.iterdir():
        assert path.read_bytes() == (there / path.name).read_bytes()
    shutil.copytree(folder, folder.with_name(f".{SLUG}.123.tmp"))  # as an `add` that was killed leaves it
    assert machine_folders.measured(results) == [
        str(folder / f"{name}.parquet") for name in ("decay", "accuracy")
    ]
    assert machine_folders.judged(results) == []
    assert machine_folders.lacking(folder) == ["dynamics", "calibration"]


def test_all_four_tables_are_judged_by_themselves(results: Path, tmp_path: Path) -> None:
    added(results, result_set(tmp_path / "there", THERE, decay(), "accuracy", "dynamics", "calibration"))
    assert machine_folders.judged(results) == [str(results / FOLDER / SLUG / "claims.parquet")]


OTHER = "1 of 1 jobs were run by other code than here, such as"
REFUSED = {  # what is other in the other machine's decay table, and what is said of it
    "study": ({"sweep": "0ther"}, {}, "measured for study planted (0ther), which is not planted in "),
    "code": ({"jobs": {"decay/torch/lstm": "c"}}, {}, f"{OTHER} decay/torch/lstm (commit 4567, here 0123); --other-"),
    "jobs": ({"jobs": {"decay/torch/gru": "c"}}, {}, f"{OTHER} decay/torch/gru (commit"),
    "machine": ({"machine": "Small Box, Linux"}, {}, "Small Box, Linux (cpu): the machine and device that "),
    "columns": ({}, {"cosine": None}, "column cosine is not as in "),
    "types": ({}, {"lag": "text"}, "column lag is not as in "),
    "bytes": ({}, {}, "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_does_not_belong_is_refused_whole(
    what: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    origin, columns, said = REFUSED[what]
    rows = decay().drop(columns=[name for name, value in columns.items() if value is None])
    rows = rows.assign(**{name: value for name, value in columns.items() if value})
    there = result_set(tmp_path / "there", THERE | origin, rows)
    if what == "bytes":
        data = bytearray((there / "decay.parquet").read_bytes())
        data[-40] ^= 1
        (there / "decay.parquet").write_bytes(data)
    added(results, there, status=1)
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert not (results / FOLDER).exists()


def test_a_job_that_was_not_run_here_is_held_against_the_code_of_now() -> None:
    theirs = {job: code(job) for job in ("decay/torch/gru", "accuracy/numpy/adding/lstm")}
    assert machine.other_jobs(HERE, {"jobs": theirs | {"search/search_weight": "x"}}) == []
    changed = {"decay/torch/gru": "x", "decay/torch/no_such_cell": "x"}
    assert machine.other_jobs(HERE, {"jobs": theirs | changed}) == [*changed]


def test_bfloat16_has_a_tolerance_whatever_stands_on_the_other_side(results: Path, tmp_path: Path) -> None:
    rows = gpu_rows().assign(dtype="bfloat16")
    added(results, result_set(tmp_path / "there", GPU, rows))
    assert other_machines.machines(results)["tolerance"].tolist()[1:] == [2.0]


def test_other_code_is_allowed_where_asked_for_and_recorded(results: Path, tmp_path: Path) -> None:
    jobs = HERE["jobs"] | {"decay/torch/lstm": "c"}
    added(results, result_set(tmp_path / "there", THERE | {"jobs": jobs}, decay()), Path("--other-code"))
    assert other_machines.machines(results)["other_code"].tolist() == [0, 1]


def test_a_machine_is_added_once_and_its_gpu_apart(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    there = result_set(tmp_path / "there", THERE, decay())
    added(results, there)
    added(results, there, status=1)
    assert f"already in {results}/{FOLDER}/{SLUG}" in capsys.readouterr().err
    added(results, result_set(tmp_path / "gpu", GPU, gpu_rows()) / "decay.parquet")
    assert [folder.name for folder in machine_folders.folders(results)] == [
        SLUG,
        "planted-gpu-big-box-b-linux-cuda",
    ]


@pytest.mark.parametrize("given", ["nothing", "results"])
def test_no_tables_on_either_side(
    given: str, results: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    there = result_set(tmp_path / "there", THERE, decay())
    (tmp_path / "empty").mkdir()
    sides = (results, tmp_path / "empty") if given == "nothing" else (tmp_path / "empty", there)
    added(*sides, status=1)
    said = {
        "nothing": "no gathered table there; allowed: decay.parquet",
        "results": "run the study here first",
    }
    assert said[given] in capsys.readouterr().err


@pytest.fixture
def shown(results: Path, tmp_path: Path) -> pd.DataFrame:
    """The machines table of a study measured here, on another processor, and on a GPU in float32."""
    after = decay().query("backend == 'torch'").head(1).assign(step=30, trained="adding")
    parquet.write(pd.concat([decay(), after]), results / "decay.parquet", HERE)
    moved = decay()
    moved.loc[50, "log10_norm"] += 1e-7
    added(results, result_set(tmp_path / "there", THERE, moved))
    added(results, result_set(tmp_path / "gpu", GPU, gpu_rows()))
    assert main(["machines", "--results", str(results), "--out", str(tmp_path / "machines.parquet")]) == 0
    return parquet.read(tmp_path / "machines.parquet")


def test_machines_are_compared_before_training_within_the_tolerance_of_their_numbers(
    shown: pd.DataFrame,
) -> None:
    n, half = len(decay()), len(decay()) // 2
    assert shown["dtype"].tolist() == ["float64", "float64", "float32"]
    assert shown["rows"].tolist() == [n + 1, n, half + 1]
    assert shown["compared"].tolist() == [0, n, half]
    assert shown["largest"].tolist()[1:] == pytest.approx([1e-7, 0.02])
    assert shown["tolerance"].tolist()[1:] == [1e-8, 1e-2]
    assert shown["beyond"].tolist() == [0, 1, 1]
    assert shown["settings"].tolist() == [9, 8, 5]  # cell, backend and slice; a trained one more
    where = gpu_rows().loc[7]
    assert (
        f"lag {where['lag']}" in shown["where"][2]
        and f"repetition {where['repetition']}" in shown["where"][2]
    )


def test_the_page_shows_machines_apart_and_says_that_there_was_no_gpu(shown: pd.DataFrame) -> None:
    text = machines.measured(SimpleNamespace(machines=shown))
    assert text.startswith(
        "**GPU: not measured on this machine.** On another machine it was measured, on Planted GPU."
    )
    assert r"**other machine**: Big Box \<b\>\, Linux" in text
    assert "1 beyond 1 × 10^-8^" in text.replace("−", "-")
    local = machines.measured(SimpleNamespace(machines=shown.iloc[:1]))
    assert local.startswith("**GPU: not measured on this machine.**\n")
    own = shown.iloc[2:].assign(folder="")
    assert machines.measured(SimpleNamespace(machines=own)).startswith("GPU: Planted GPU, on this machine.")


def test_the_page_sets_verdicts_side_by_side_and_names_what_is_lacking(results: Path, tmp_path: Path) -> None:
    own = SimpleNamespace(claims=CLAIMS, other_machines=sections.other_machines(results))
    assert machines.verdicts(own).startswith("No tables of other machines")
    added(results, result_set(tmp_path / "there", THERE, decay(), "accuracy", "dynamics", "calibration"))
    added(results, result_set(tmp_path / "gpu", GPU, gpu_rows()))
    theirs = CLAIMS.assign(verdict=["refuted", "refuted", "depends"])
    parquet.write(theirs, results / FOLDER / SLUG / "claims.parquet", THERE)
    text = machines.verdicts(
        SimpleNamespace(
            claims=CLAIMS,
            other_machines=sections.other_machines(results),
            machines=other_machines.machines(results),
        )
    )
    lacking = (
        "these tables are lacking: accuracy\\, dynamics\\, calibration. From the others no claim is judged."
    )
    assert f"Of Planted GPU\\, Big Box \\<b\\>\\, Linux {lacking}" in text
    assert "2 of 3 verdicts of Big Box \\<b\\>\\, Linux are those of this machine." in text
    assert "| [K2](#K2) | [supported]{.verdict .supported} | [refuted]{.verdict .refuted} |" in text


def test_only_the_page_and_its_comparison_read_the_tables_of_others() -> None:
    """No rule behind a verdict or a figure of this machine has them among its inputs."""
    readers = {name for name, text in rules().items() if "FOLDER" in text or "machine_folders" in text}
    assert readers == {"judge_other_machine", "machines", "report"}


def test_the_same_sweep_whatever_it_is_measured_on(tmp_path: Path) -> None:
    from carousel.pipeline.fingerprint import study_hash, sweep
    from carousel.study.files import find, load

    text = find("smoke").read_text()
    on_gpu = (
        text.replace("device: cpu", "device: cuda")
        .replace("dtype: float64", "dtype: float32")
        .replace("[numpy, torch]", "[torch]")
    )
    reseeded, gains = (
        text.replace("seed: 1", "seed: 2"),
        text.replace("gains: [0.5, 2.0]", "gains: [0.5, 2.5]"),
    )
    changes = {"same": on_gpu, "other": reseeded, "gains": gains}
    hashes = {}
    for name, changed in changes.items():
        assert changed != text
        (tmp_path / f"{name}.yaml").write_text(changed)
        hashes[name] = sweep(load(tmp_path / f"{name}.yaml"))
    smoke = sweep(load(find("smoke")))
    assert [hashes[name] == smoke for name in changes] == [True, False, False]
    assert study_hash(load(tmp_path / "same.yaml")) != study_hash(load(find("smoke")))
    assert np.all([len(value) == 16 for value in hashes.values()])
