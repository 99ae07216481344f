"""A full disk, a folder that is read-only, a job killed for memory, two runs at once: one line, nothing lost."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
import yaml
from support.checkouts import copied, snakemake_in

from carousel.pipeline.run import job, locks
from carousel.tables import files, parquet
from carousel.tables.files import StoreError

pytestmark = pytest.mark.campaign  # what ends a run: minutes of real runs, full disks and killed jobs

TABLE = "results/tiny/decay/numpy/rnn_tanh.parquet"
LOG = "results/tiny/logs/decay/numpy/rnn_tanh.log"
RUN = "--config", "study=tiny", "--", TABLE


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """The signal handlers as they were: a job sets its own."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the repository with a study of one job and several batches of models, 7 kB each."""
    folder = copied(tmp_path)
    tiny = yaml.safe_load((folder / "config/smoke.yaml").read_text())
    part = {"backends": ["numpy"], "cells": ["rnn_tanh"], "lengths": [5, 6, 7, 8, 9]}
    tiny["decay"] = [tiny["decay"][0] | part]
    (folder / "config/tiny.yaml").write_text(yaml.safe_dump(tiny))
    return folder


@pytest.fixture
def disk(checkout: Path) -> Iterator[Path]:
    """The results folder, a file system of its own with room for two blocks or three."""
    folder = checkout / "results"
    folder.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32k", "none", folder], capture_output=True)
    if mount.returncode:
        pytest.skip(f"no small file system can be mounted here: {mount.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def remounted(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


def blocks(checkout: Path) -> dict[str, int]:
    """The finished blocks, and when each was made."""
    found = (checkout / "results/tiny/cache").glob("[!.]*.parquet")
    return {path.name: path.stat().st_mtime_ns for path in found}


def finished_from(checkout: Path, before: dict[str, int]) -> None:
    """The table was made, and the blocks that were there before are the same files."""
    assert before.items() <= blocks(checkout).items()
    assert len(blocks(checkout)) == 5
    assert len(parquet.read(checkout / TABLE)["length"].unique()) == 5


def measured(checkout: Path) -> tuple[int, str]:
    """Status of the job, run as the rule does, and what a user sees last."""
    command = f"-m carousel decay --study {checkout}/config/tiny.yaml --backend numpy --cell rnn_tanh"
    paths = f"--cache {checkout}/results/tiny/cache --out {checkout / TABLE}"
    (checkout / LOG).parent.mkdir(parents=True, exist_ok=True)
    status = job.main(
        [f"{checkout}/results/tiny", f"{checkout / LOG}", sys.executable, *f"{command} {paths}".split()]
    )
    return status, job.why([checkout / LOG])


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_finished_blocks_stay(checkout: Path, disk: Path) -> None:
    status, said = measured(checkout)
    assert status == 1
    assert said.startswith(f"{checkout / LOG}: {disk}/tiny/")
    assert ".parquet: cannot be written: No space left on device; make room and start again" in said
    assert "\n" not in said
    kept = blocks(checkout)
    assert 1 <= len(kept) < 5
    assert not (checkout / TABLE).exists()
    assert not [*disk.rglob(".*.tmp")]
    remounted(disk, "size=8m")
    assert measured(checkout)[0] == 0
    finished_from(checkout, kept)


def test_a_disk_without_any_room_is_one_line_before_any_job(disk: Path) -> None:
    with pytest.raises(OSError, match="No space"), (disk / "fill").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    with pytest.raises(StoreError, match="tiny: cannot be written: No space left on device; make room"):
        locks.lock(disk / "tiny")


def test_results_that_cannot_be_written_are_one_line_before_any_job(disk: Path) -> None:
    remounted(disk, "ro")
    with pytest.raises(StoreError, match="tiny: cannot be written: Read-only file system; results need"):
        locks.lock(disk / "tiny")


@pytest.mark.slow
def test_a_job_killed_for_memory_is_one_line_and_its_blocks_stay(checkout: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *RUN]
    with subprocess.Popen(command, cwd=checkout, stderr=subprocess.PIPE, text=True) as run:
        job = measuring(run)
        while not blocks(checkout) and run.poll() is None:
            time.sleep(0.002)
        job.kill()
        _, said = run.communicate()
    assert run.returncode == 1
    assert said.splitlines()[-1].startswith(f"{LOG}: killed by the system, most likely for want of memory: ")
    kept = blocks(checkout)
    assert 1 <= len(kept) < 5
    again = snakemake_in(checkout, *RUN)
    assert again.returncode == 0, again.stderr
    finished_from(checkout, kept)


def measuring(run: subprocess.Popen) -> psutil.Process:
    """The process that measures, below that of `run`, once there is one."""
    while run.poll() is None:
        for each in psutil.Process(run.pid).children(recursive=True):
            with suppress(psutil.Error):
                if "carousel decay" in (each.name(), " ".join(each.cmdline()[2:4])):
                    return each
        time.sleep(0.002)
    raise AssertionError("no job measured")


@pytest.mark.slow
def test_a_second_run_says_so_and_touches_nothing(checkout: Path) -> None:
    with locks.lock(checkout / "results/tiny"):
        before = sorted((checkout / "results").rglob("*"))
        run = snakemake_in(checkout, *RUN)
    assert run.returncode == 1
    here = f"(process {os.getpid()} on {os.uname().nodename})"
    assert (
        run.stderr.splitlines()[-1]
        == f"results/tiny: another run is writing here {here}; wait for it or stop it"
    )
    assert sorted((checkout / "results").rglob("*")) == before


@pytest.mark.slow
def test_a_stale_lock_of_snakemake_s_own_is_explained_and_cleared(checkout: Path) -> None:
    locks = checkout / ".snakemake/locks"
    locks.mkdir(parents=True)
    (locks / "0.output.lock").write_text(f"{TABLE}\n")
    own = snakemake_in(checkout, "--workflow-profile", "none", *RUN)
    assert own.returncode == 1
    assert "--unlock" in own.stderr
    assert snakemake_in(checkout, "--unlock").returncode == 0
    assert not locks.exists()


def test_jobs_of_a_killed_run_keep_the_folder_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.3)
    with job.shared(tmp_path), pytest.raises(StoreError, match="jobs of a run that was killed"):
        locks.lock(tmp_path)
    with job.shared(tmp_path), job.shared(tmp_path):
        pass
    locks.lock(tmp_path).close()


def test_what_killed_writers_left_goes_when_the_next_run_starts(tmp_path: Path) -> None:
    (tmp_path / "cache" / ".a.parquet.12.tmp").mkdir(parents=True)
    (tmp_path / "cache" / ".b.parquet.12.tmp").touch()
    (tmp_path / "cache" / "c.parquet").touch()
    locks.lock(tmp_path).close()
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["c.parquet"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_one_line_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def refuses(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuses)
    (tmp_path / ".of another run.tmp").touch()
    locks.lock(tmp_path).close()
    assert (
        capsys.readouterr().err
        == f"{tmp_path}: this file system has no locks; let one run alone write here\n"
    )
    assert (tmp_path / ".of another run.tmp").exists()


def test_a_folder_is_put_in_place_whole_or_not_at_all(tmp_path: Path) -> None:
    place = tmp_path / "figures"
    for text in "first", "second":
        with files.whole_folder(place) as folder:
            (folder / "a.svg").write_text(text)
    with pytest.raises(KeyboardInterrupt), files.whole_folder(place) as folder:
        (folder / "a.svg").write_text("half")
        raise KeyboardInterrupt
    assert (place / "a.svg").read_text() == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["figures"]


def test_a_writer_killed_half_way_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    files.write_text("the old one", path)
    code = (
        "import os; from carousel.tables import files\n"
        f"with files.whole({str(path)!r}) as file: file.write(b'half'); file.flush(); os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == -9
    assert path.read_text() == "the old one"
    assert len([*tmp_path.glob(".*.tmp")]) == 1
    locks.lock(tmp_path).close()
    assert not [*tmp_path.glob(".*.tmp")]


def ran(folder: Path, code: str) -> tuple[int, str]:
    """Status and last line of the log of a job that runs some Python."""
    log = folder / "job.log"
    return job.main([str(folder), str(log), sys.executable, "-c", code]), job.last(log)


@pytest.mark.parametrize(
    ("code", "status", "line"),
    [
        ("print('fine')", 0, "fine"),
        ("import sys; sys.exit('a line')", 1, "a line"),
        ("bytearray(10**17)", 1, "out of memory (MemoryError): take fewer --cores"),
        ("import os; os.kill(os.getpid(), 9)", 1, "killed by the system, most likely for want of memory: "),
        ("import os; os.kill(os.getpid(), 15)", 1, "ended by SIGTERM; what was finished is kept"),
    ],
)
def test_a_job_s_log_ends_with_the_reason(tmp_path: Path, code: str, status: int, line: str) -> None:
    found = ran(tmp_path, code)
    assert found[0] == status
    assert found[1].startswith(line)


def test_a_log_without_a_word_is_explained_too(tmp_path: Path) -> None:
    (tmp_path / "b.log").write_text("$ python\n")
    (tmp_path / "a.log").write_text("$ python\nthe reason\n\n")
    lines = job.why([tmp_path / "b.log", tmp_path / "a.log"]).splitlines()
    assert lines == [f"{tmp_path}/a.log: the reason", f"{tmp_path}/b.log: failed without a word"]
    assert job.why([]).startswith("Stopped; what was finished is kept")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_job_outlives_its_run(tmp_path: Path, number: int) -> None:
    """Its run is killed alone, or the job's own runner is ended."""
    code = "import time; print('began', flush=True); time.sleep(100)"
    command = [
        sys.executable,
        "-m",
        "carousel.pipeline.run.job",
        str(tmp_path),
        f"{tmp_path}/log",
        sys.executable,
        "-c",
        code,
    ]
    start = f"import subprocess; subprocess.Popen({command!r}).wait()"
    with subprocess.Popen([sys.executable, "-c", start]) as run:
        late = time.monotonic() + 60
        while job.last(tmp_path / "log") != "began" and time.monotonic() < late:
            time.sleep(0.01)
        below = psutil.Process(run.pid).children(recursive=True)
        assert len(below) == 2
        (below[0] if number == signal.SIGTERM else psutil.Process(run.pid)).send_signal(number)
    _, left = psutil.wait_procs(below, timeout=5)
    assert not left


def test_a_job_whose_run_is_gone_before_it_began_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        pass
    monkeypatch.setenv(job.RUN, str(gone.pid))
    status, line = ran(tmp_path, "import time; time.sleep(100)")
    assert status == 1
    assert line.startswith("ended by SIGHUP")


def test_a_job_whose_runner_was_killed_alone_keeps_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "PATIENCE", 0.3)
    code = "print('began', flush=True); input()"
    command = [sys.executable, "-m", "carousel.pipeline.run.job", str(tmp_path), f"{tmp_path}/log"]
    with subprocess.Popen([*command, sys.executable, "-c", code], stdin=subprocess.PIPE) as runner:
        late = time.monotonic() + 60
        while job.last(tmp_path / "log") != "began" and time.monotonic() < late:
            time.sleep(0.01)
        (child,) = psutil.Process(runner.pid).children()
        runner.kill()
        runner.wait()
        with pytest.raises(StoreError, match="jobs of a run that was killed"):
            locks.lock(tmp_path)
    psutil.wait_procs([child], timeout=5)
    locks.lock(tmp_path).close()
