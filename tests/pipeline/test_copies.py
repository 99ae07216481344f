"""Jobs as copies of one process: as a program of its own would do them, ended with it and with their starter."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from carousel.pipeline.rebuild import CONFIG
from carousel.pipeline.run import copies
from carousel.study.files import config_folder, load

SMOKE, STANDARD = (config_folder() / f"{name}.yaml" for name in ("smoke", "standard"))
ASKED: list[socket.socket] = []  # the connections of a test's copies

if not hasattr(os, "pidfd_open"):
    pytest.skip("the system cannot watch a process by a file", allow_module_level=True)


def forbidden(pid: int) -> int:
    raise PermissionError(1, "Operation not permitted")


def test_where_the_system_has_no_means_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(copies.ADDRESS, raising=False)
    monkeypatch.setattr(os, "pidfd_open", forbidden)
    assert copies.start() is None
    monkeypatch.delattr(os, "pidfd_open")
    assert copies.start() is None and copies.ADDRESS not in os.environ


def test_where_the_interpreter_may_not_be_started_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(copies.ADDRESS, raising=False)
    monkeypatch.setattr(sys, "executable", os.devnull)
    assert copies.start() is None and copies.ADDRESS not in os.environ


@contextmanager
def serving() -> Iterator[subprocess.Popen]:
    """The process that is copied for this one."""
    before = os.environ.get(copies.ADDRESS)
    process = copies.start()
    assert process
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        del os.environ[copies.ADDRESS]
        os.environ |= {copies.ADDRESS: before} if before else {}


@pytest.fixture(scope="module")
def server() -> Iterator[None]:
    """One such process for many tests."""
    with serving():
        yield


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    """No copy outlives its test."""
    yield
    for connection in ASKED:
        connection.close()
    ASKED.clear()


def answer(command: list[str], folder: Path) -> tuple[copies.Copy | None, Path]:
    """The copy that runs a command, once it is one, and its log."""
    log = folder / "log"
    with log.open("ab", buffering=0) as file, (folder / "lock").open("ab") as lock:
        late = time.monotonic() + 60
        while (found := copies.ask(command, file.fileno(), lock.fileno())) is None:
            if time.monotonic() > late:
                break  # it takes a moment to listen
            time.sleep(0.02)
    return found, log


def started(command: list[str], folder: Path) -> tuple[copies.Copy, Path]:
    found, log = answer(command, folder)
    assert found
    ASKED.append(found.connection)
    return found, log


def reseed(out: Path) -> list[str]:
    """A command that writes a study with another seed."""
    return f"python -m carousel reseed --study {SMOKE} --seed 7 --out {out}".split()


def decay(backend: str, out: Path, cache: Path) -> list[str]:
    """A command that measures."""
    cell = f"--cell rnn_tanh --backend {backend} --study {SMOKE} --cache {cache} --out {out}"
    return f"python -m carousel decay {cell}".split()


def busy(folder: Path) -> tuple[copies.Copy, Path]:
    """A copy that is at work, for longer than a test takes."""
    job = f"decay --exact --cell lstm --backend numpy --study {STANDARD}"
    return started(f"python -m carousel {job} --cache {folder}/cache --out {folder}/out".split(), folder)


def test_without_numba_a_copy_has_the_plain_path(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(copies, "import_module", loaded.append)
    copies.load(["decay", "--backend", "numpy"])
    assert copies.COMPILED in loaded
    monkeypatch.setattr(copies, "find_spec", lambda name: None)
    loaded.clear()
    copies.load(["decay", "--backend", "numpy"])
    assert copies.COMPILED not in loaded and "carousel.measures.decay" in loaded


def test_what_jobs_that_read_tables_need_is_imported_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(copies, "import_module", loaded.append)
    copies.load(["gather", "--out", "x"])
    assert copies.STATISTICS not in loaded and "carousel.tables.merge" in loaded
    copies.load(["explore", "--out", "x"])
    assert copies.STATISTICS in loaded and "carousel.report.explorer" in loaded


def test_a_study_is_read_before_its_jobs_ask(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    study = tmp_path / "own.yaml"
    study.write_text(SMOKE.read_text())
    monkeypatch.setenv(CONFIG, f"study={study}")
    copies.load(copies.FIRST)
    assert load(study) is load(study)
    study.write_text(SMOKE.read_text().replace("seed: 1", "seed: 2", 1))
    assert load(study).seed == 2, "one that has changed since is read again"


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["numpy", "torch"])
def test_a_copy_measures_what_a_program_of_its_own_does(server: None, tmp_path: Path, backend: str) -> None:
    here, alone = tmp_path / "copy.parquet", tmp_path / "alone.parquet"
    copy, log = started(decay(backend, here, tmp_path / "one"), tmp_path)
    assert copy.wait(60) == 0
    assert " of CPU time" in log.read_text().splitlines()[-1]
    command = [sys.executable, *decay(backend, alone, tmp_path / "two")[1:]]
    subprocess.run(command, check=True, capture_output=True, env=os.environ | copies.ONE_THREAD)
    assert here.read_bytes() == alone.read_bytes()


def test_several_copies_at_once_each_do_their_own(server: None, tmp_path: Path) -> None:
    given = [started(reseed(tmp_path / f"{n}.yaml"), tmp_path)[0] for n in range(4)]
    assert [copy.wait(60) for copy in given] == [0] * 4
    assert len({copy.pid for copy in given}) == 4
    assert {(tmp_path / f"{n}.yaml").read_text() for n in range(4)} == {(tmp_path / "0.yaml").read_text()}
    assert "seed: 7" in (tmp_path / "0.yaml").read_text()


def test_a_copy_has_the_folder_of_who_asks_and_its_exit_status_and_log(
    server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    copy, log = started("python -m carousel reseed --study none.yaml --seed 7 --out o.yaml".split(), tmp_path)
    assert copy.wait(60) == 1
    assert log.read_text().splitlines()[1].startswith("none.yaml: ") and log.read_text().count("\n") == 2
    copy, log = started(reseed(Path("here.yaml")), tmp_path)
    assert copy.wait(60) == 0 and (tmp_path / "here.yaml").is_file()


def test_help_ends_well_and_a_traceback_does_not(
    server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy, log = started(["python", "-m", "carousel", "--help"], tmp_path)
    assert copy.wait(60) == 0 and log.read_text().startswith("usage: carousel")
    copy, log = started(reseed(tmp_path / "no" / "such" / "\x01" / ("long" * 99)), tmp_path)
    assert copy.wait(60) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_copy_that_a_signal_ends_says_which(server: None, tmp_path: Path, number: signal.Signals) -> None:
    copy, _ = busy(tmp_path)
    with pytest.raises(subprocess.TimeoutExpired):
        copy.wait(0.1)
    if number == signal.SIGTERM:
        copy.terminate()
    else:
        os.kill(copy.pid, number)
    assert copy.wait(60) == -number


def test_a_copy_is_named_after_its_command(server: None, tmp_path: Path) -> None:
    copy, log = busy(tmp_path)
    while not log.read_text():
        time.sleep(0.01)
    assert psutil.Process(copy.pid).name() == "carousel decay"


def test_a_copy_ends_with_the_process_that_it_is_a_copy_of(tmp_path: Path) -> None:
    with serving() as process:
        copy, _ = busy(tmp_path)
        other, _ = started(reseed(tmp_path / "done.yaml"), tmp_path)
        assert other.wait(60) == 0
        below = psutil.Process(copy.pid)
        process.kill()
        assert copy.wait(60) == -signal.SIGKILL
    assert not psutil.wait_procs([below], timeout=10)[1]


def test_a_copy_ends_with_who_asked_for_it(server: None, tmp_path: Path) -> None:
    copy, _ = busy(tmp_path)
    below = psutil.Process(copy.pid)
    copy.connection.close()
    assert not psutil.wait_procs([below], timeout=10)[1]
    other, _ = started(reseed(tmp_path / "done.yaml"), tmp_path)
    assert other.wait(60) == 0


STARTER = """
import sys, time
from pathlib import Path
from carousel.pipeline.run import copies
from test_copies import busy
copies.start()
print(busy(Path(sys.argv[1]))[0].pid, flush=True)
time.sleep(100)
"""


def test_it_ends_with_its_run_and_so_do_its_copies(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    place = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=place) as run:
        assert run.stdout
        copy = psutil.Process(int(run.stdout.readline()))
        below = [copy, copy.parent()]
        run.kill()
    assert not psutil.wait_procs(below, timeout=10)[1]


SERVER = """
import os, sys
from pathlib import Path
from carousel.pipeline.run import copies
copies.CODE = Path(sys.argv[1])
given = copies.serve(os.environ[copies.ADDRESS])
given is None or os._exit(copies.run(given))
"""


def test_code_that_has_changed_is_run_by_a_program_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "cell.py").write_text("")
    monkeypatch.setenv(copies.ADDRESS, f"test-{os.getpid()}-{tmp_path.name}")
    with subprocess.Popen([sys.executable, "-c", SERVER, str(code)]) as process:
        copy, _ = started(reseed(tmp_path / "before.yaml"), tmp_path)
        assert copy.wait(60) == 0
        (code / "cell.py").write_text("changed")
        with (tmp_path / "log").open("ab") as log:
            assert copies.ask(reseed(tmp_path / "after.yaml"), log.fileno(), log.fileno()) is None
        assert not (tmp_path / "after.yaml").exists()
        process.kill()


@pytest.mark.parametrize(
    "command",
    [["cp", "a", "b"], ["python", "-m", "carousel.tables.document"], [*copies.PROGRAM, "x" * 2**17]],
)
def test_what_is_no_job_of_the_package_starts_by_itself(
    server: None, tmp_path: Path, command: list[str]
) -> None:
    started(reseed(tmp_path / "there.yaml"), tmp_path)
    with (tmp_path / "log").open("ab") as log:
        assert copies.ask(command, log.fileno(), log.fileno()) is None


def test_without_the_process_there_is_no_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(copies.ADDRESS, raising=False)
    with (tmp_path / "log").open("ab") as log:
        assert copies.ask(reseed(tmp_path / "o"), log.fileno(), log.fileno()) is None
        monkeypatch.setenv(copies.ADDRESS, "nobody-listens-here")
        assert copies.ask(reseed(tmp_path / "o"), log.fileno(), log.fileno()) is None


def test_another_python_gets_no_copy(server: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As one of a conda environment, which has other packages."""
    started(reseed(tmp_path / "there.yaml"), tmp_path)
    monkeypatch.setattr(sys, "prefix", "/opt/other")
    with (tmp_path / "log").open("ab") as log:
        assert copies.ask(reseed(tmp_path / "other.yaml"), log.fileno(), log.fileno()) is None


STRANGER = """
import os, sys
from carousel.pipeline.run import copies
os.setuid(65534)
sys.exit(copies.ask(sys.argv[1:], 1, 1) is not None)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can ask as another user")
def test_another_user_gets_no_copy(server: None, tmp_path: Path) -> None:
    started(reseed(tmp_path / "there.yaml"), tmp_path)
    command = [sys.executable, "-c", STRANGER, *reseed(tmp_path / "theirs.yaml")]
    assert subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
    assert not (tmp_path / "theirs.yaml").exists()
