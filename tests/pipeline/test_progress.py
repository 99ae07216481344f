"""What a run says of itself: the logs of its jobs, its events, the view of them, and what is shown where."""

import io
import json
import logging
import os
import re
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.checkouts import copied, snakemake_in

from carousel.__main__ import main
from carousel.pipeline.run import forecast, joblog, live, progress, screen, snakemake
from carousel.pipeline.run.joblog import BatchLine
from carousel.pipeline.run.locks import lock

START = 1_000_000.0
CONTROL = re.compile(r"[^\n -~]")


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The log of a job of four batches, of which the second was kept, and the last trains in 40 steps of 2 s."""
    clock = count(0.0, 2.0)
    monkeypatch.setattr(joblog.time, "perf_counter", lambda: next(clock))
    joblog.begin("decay lstm numpy")
    sizes = [
        BatchLine("decay a", 10, 100),
        BatchLine("decay b", 5, 50),
        BatchLine("decay c", 20, 50),
        BatchLine("decay d", 10, 200),
    ]
    batches = joblog.BatchLog("cpu, float64", sizes, [False, True, False, False])
    for measured in (True, False, True):
        with batches:
            assert not measured or batches.measuring(lambda: True)()
    with batches:
        batches.measuring(lambda: [batches.step(step, 40) for step in range(41)])()
    joblog.made(45, 1234, "out.parquet")
    joblog.end(9.5, 9.25)
    return capsys.readouterr().out


def test_a_log_says_what_was_measured_and_how_long_it_took(log: str) -> None:
    assert "; 4 batches, 1 of them kept; to measure: 40 models, 4000 steps in all\n" in log
    assert re.search(r"^decay a, batch 1 of 4: 10 models, 100 steps: \d+\.\d\d s$", log, re.MULTILINE)
    assert "decay b, batch 2 of 4: 5 models, 50 steps: kept\n" in log
    assert log.endswith("45 models, 1234 rows: out.parquet\njob: 9.50 s, 9.25 s of CPU time\n")
    said = joblog.read(log)
    assert (said.took, said.kept, said.share, said.at) == ((9.5, 9.25), 1, 1.0, "40 of 40 models, writing")


def test_a_step_is_logged_once_in_a_while_alone(log: str) -> None:
    steps = [int(step) for step in re.findall(r"at step (\d+) of 40", log)]
    assert steps == sorted(set(steps))
    assert 2 <= len(steps) <= 41 * 2.0 / joblog.SECONDS + 1


def test_a_log_that_is_cut_anywhere_says_what_it_has(log: str) -> None:
    said = [joblog.read(log[:end]) for end in range(len(log) + 1)]
    shares = [each.share for each in said if each.share is not None]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert {"0 of 40 models", "10 of 40 models", "30 of 40 models"} <= {each.at for each in said}
    for step in map(int, re.findall(r"at step (\d+) of 40", log)):
        assert f"30 of 40 models, step {step} of 40" in {each.at for each in said}
        assert 0.5 + 0.5 * step / 40 in shares
    assert [each.took for each in said if each.took] == [(9.5, 9.25)]


def test_a_block_that_breaks_off_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    batches = joblog.BatchLog("cpu", [BatchLine("decay a", 1, 1)], [False])
    with pytest.raises(ValueError, match="no"), batches:
        raise ValueError("no")
    out = capsys.readouterr().out
    assert re.search(r"batch 1 of 1: 1 models, 1 steps: stopped after [\d.]+ s\n$", out)
    assert joblog.read(out).share == 0.0


def described(job: int, folder: Path, rule: str = "decay", **more: object) -> dict:
    log = str(folder / "logs" / rule / f"{job}.log")
    return {"id": job, "name": f"job {job}", "rule": rule, "kind": rule, "log": log, "threads": 1, **more}


def planted(folder: Path, jobs: list[dict], *events: tuple[float, int, str]) -> list[dict]:
    """The events of a run of `jobs`, also in its file."""
    plan = {"time": START, "host": "here", "places": 2, "jobs": jobs}
    sent = [plan, *({"time": START + at, "job": job, "is": state} for at, job, state in events)]
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    (folder / progress.EVENTS).write_text("".join(f"{json.dumps(event)}\n" for event in sent))
    return sent


def written(job: dict, text: str, at: float) -> None:
    path = Path(job["log"])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (at, at))


def test_the_jobs_of_a_run(tmp_path: Path, log: str) -> None:
    jobs = [described(job, tmp_path) for job in range(5)]
    half = log[: log.index("decay c, batch 3")]
    written(jobs[0], half, START + 30)
    written(jobs[1], half, START - 500)  # of an earlier run
    sent = (
        (1, 0, "started"),
        (2, 1, "started"),
        (3, 2, "started"),
        (9, 2, "done"),
        (4, 3, "started"),
        (6, 3, "failed"),
    )
    planted(tmp_path, jobs, *sent)
    with lock(tmp_path):
        run = progress.read(tmp_path, START + 41)
        assert [job.state for job in run.jobs] == ["running", "starting", "done", "failed", "waiting"]
        assert [job.at for job in run.jobs] == ["10 of 40 models", "", "", "", ""]
        assert [job.seconds for job in run.jobs[1:]] == [39, 6, 2, 0]
        assert not run.over
    text = "\n".join(screen.text(run, width=400))
    assert "1 of 5 jobs done, 2 running, 1 to come, 1 failed" in text
    assert f"failed: job 3, see {jobs[3]['log']}" in text
    killed = progress.read(tmp_path, START + 5000)
    assert killed.over
    assert [job.state for job in killed.jobs] == ["waiting", "waiting", "done", "failed", "waiting"]
    assert screen.summary(killed).endswith(
        ": 1 of 5 jobs done in 9 s, 1 failed, then the run stopped; the same command goes on from there"
    )


def test_a_run_that_has_ended_is_over_whoever_has_the_lock(tmp_path: Path) -> None:
    planted(tmp_path, [described(0, tmp_path)], (1, 0, "started"), (61, 0, "done"))
    with (tmp_path / progress.EVENTS).open("a") as file:
        file.write(json.dumps({"time": START + 62, "end": True}))
    with lock(tmp_path):
        run = progress.read(tmp_path, START + 1000)
    assert run.over
    assert screen.summary(run) == f"{tmp_path}: 1 of 1 jobs done in 1 min 02 s"


def test_events_that_are_cut_anywhere_are_no_error(tmp_path: Path) -> None:
    planted(tmp_path, [described(0, tmp_path)], (1, 0, "started"), (61, 0, "done"))
    whole = (tmp_path / progress.EVENTS).read_bytes()
    states = []
    for end in range(len(whole) + 1):
        (tmp_path / progress.EVENTS).write_bytes(whole[:end])
        run = progress.read(tmp_path, START)
        states.append(run and sum(job.state == "done" for job in run.jobs))
    assert list(dict.fromkeys(states)) == [None, 0, 1]
    (tmp_path / progress.EVENTS).write_text("[1]\n{}\nnull\n")
    assert progress.read(tmp_path, START) is None


def job(number: int, state: str = "waiting", rule: str = "decay", **more: object) -> progress.Job:
    return progress.Job(number, f"job {number}", rule, more.pop("kind", rule), "log", state=state, **more)


def run_of(*jobs: progress.Job, places: int = 2) -> progress.Run:
    return progress.Run("results/x", START, places, jobs, 100.0, over=False)


@pytest.mark.parametrize(
    ("jobs", "expected"),
    [
        ([job(0), job(1)], (0, 2)),
        ([job(0, "done", seconds=8), *map(job, range(1, 5))], (16, 0)),
        ([job(0, "done", seconds=8), job(1, "done", seconds=1, kept=3), job(2), job(3)], (8, 0)),
        ([job(0, "done", seconds=8), job(1, "running", seconds=5), job(2)], (8, 0)),
        ([job(0, "running", seconds=30, share=0.75), job(1, rule="judge")], (10, 1)),
        ([job(0, "running", seconds=30, share=0.01), job(1, rule="judge")], (0, 2)),
        ([job(0, before=4.0), job(1, before=6.0), job(2, rule="judge", before=3.0)], (9, 0)),
        ([job(0, "done", seconds=8, before=4.0), job(1, before=6.0), job(2, before=1.0)], (12, 0)),
        ([job(0, "done", seconds=9, rule="b", before=3.0), job(1, before=6.0), job(2, before=6.0)], (18, 0)),
        ([job(0, "done", seconds=8, kind="decay a"), job(1, kind="decay b"), job(2, kind="decay b")], (8, 0)),
        ([job(0, "done", seconds=5, threads=2), *(job(n, threads=2) for n in (1, 2, 3))], (15, 0)),
        ([job(0, "done", seconds=8), job(1, "failed")], (0, 0)),
    ],
)
def test_the_time_left(jobs: list[progress.Job], expected: tuple[float, int]) -> None:
    assert forecast.left(run_of(*jobs)) == pytest.approx(expected)


def test_the_time_left_is_shown_once_it_is_known_of_most_jobs() -> None:
    done, unknown = job(0, "done", seconds=600), [job(n, rule="other") for n in (1, 2)]
    assert screen.time_left(run_of(*unknown)) == ""
    assert screen.time_left(run_of(done, job(3), *unknown)) == ""
    known = [job(n) for n in range(3, 7)]
    assert (
        screen.time_left(run_of(done, *known, *unknown))
        == "about 20 min 00 s left and 2 jobs of unknown length"
    )
    assert screen.time_left(run_of(done, *known)) == "about 20 min 00 s left"
    assert screen.time_left(run_of(done)) == ""


def test_the_view_fits_the_terminal() -> None:
    jobs = [job(n, state, at="x" * 200) for n, state in enumerate(["running", "failed", "waiting"] * 40)]
    for width, height in ((79, 23), (20, 5), (10, 1)):
        lines = screen.text(run_of(*jobs), width, height)
        assert len(lines) <= height
        assert all(len(line) <= width and not CONTROL.search(line) for line in lines)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3599, "59 min 59 s"), (7380, "2 h 03 min")],
)
def test_durations(seconds: float, words: str) -> None:
    assert screen.duration(seconds) == words


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def run_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes the log of a run of so many jobs on a stream, and a way to send it events."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(live.RunLog, "redraw", lambda self: None)
    monkeypatch.setattr(screen, "size", lambda stream: (400, 40))

    def made(jobs: int, stream: io.StringIO):
        plan = {"time": START, "places": 2, "jobs": [described(job, tmp_path) for job in range(jobs)]}
        run_log = live.RunLog(tmp_path, plan, stream, logging.Formatter())

        def send(event: str, level: int = logging.INFO, **fields: object) -> None:
            run_log.handle(logging.makeLogRecord({"event": event, "levelno": level, **fields}))

        return run_log, send

    return made


def test_without_a_terminal_the_lines_are_few_and_plain(run_log, tmp_path: Path) -> None:
    stream = io.StringIO()
    handler, send = run_log(1000, stream)
    for number in range(1000):
        send("job_info", jobid=number)
        send("job_finished", job_id=number)
        send("", msg="Select jobs to execute...")
    handler.close()
    handler.close()
    lines = stream.getvalue().splitlines()
    assert len(lines) <= live.PARTS + 2
    assert not CONTROL.search(stream.getvalue())
    assert "1000 of 1000 jobs done" in lines[-1]
    run = progress.read(tmp_path, START)
    assert run.over
    assert {job.state for job in run.jobs} == {"done"}


@pytest.mark.parametrize("ci", [False, True])
def test_on_a_terminal_what_is_said_stays_above_the_view(
    run_log, monkeypatch, tmp_path: Path, ci: bool
) -> None:
    if ci:
        monkeypatch.setenv("CI", "true")
    stream = Terminal()
    handler, send = run_log(2, stream)
    send("job_info", jobid=1)
    if not ci:
        handler.screen.draw(handler.run())
    (tmp_path / "logs" / "decay").mkdir()
    (tmp_path / "logs" / "decay" / "1.log").write_text(
        "".join(f"line {n}\n" for n in range(99)) + "the reason\n"
    )
    send("job_error", logging.ERROR, jobid=1, rule_msg=None)
    send("", logging.WARNING, msg="beware")
    handler.close()
    text = stream.getvalue()
    assert ("\x1b" in text) is not ci
    if not ci:
        *_, view, rest = re.split(r"\x1b\[\d+A\x1b\[J", text)
        assert "0 of 2 jobs done, 1 running" in view
        assert view.count("\n") == int(re.search(r"\x1b\[(\d+)A", text)[1]) + 1  # the first line stays
        text = rest
    failed = text[text.index("failed: ") :].splitlines()
    assert failed[1] == "    ... 90 lines before"
    assert failed[live.TAIL + 1 : live.TAIL + 3] == ["    the reason", "beware"]
    assert failed[-1].endswith("1 failed, then the run stopped; the same command goes on from there")


def test_a_log_that_cannot_be_written_stops_nothing(run_log, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    stream = io.StringIO()
    handler, send = run_log(1, stream)
    stream.close()
    send("job_info", jobid=0)
    send("job_error", logging.ERROR, jobid=0)
    handler.close()


@pytest.mark.parametrize(
    "options", [{"verbose": True}, {"printshellcmds": True}, {"quiet": {"Quietness.ALL"}}]
)
def test_who_asks_snakemake_for_all_or_nothing_gets_it(tmp_path: Path, options: dict) -> None:
    settings = SimpleNamespace(**{"verbose": False, "printshellcmds": False, "quiet": None} | options)
    own, logger = logging.StreamHandler(io.StringIO()), logging.getLogger("snakemake.logging")
    own.name = snakemake.MESSAGES
    logger.addHandler(own)
    dag = SimpleNamespace(needrun_jobs=list)
    resources = SimpleNamespace(cores=2)
    workflow = SimpleNamespace(output_settings=settings, dag=dag, resource_settings=resources, nodes=None)
    snakemake.follow(workflow, tmp_path)
    ours = [handler for handler in logger.handlers if isinstance(handler, live.RunLog)]
    kept = own in logger.handlers
    for handler in [own, *ours]:
        logger.removeHandler(handler)
        handler.close()
    assert kept
    assert [handler.screen.stream for handler in ours] == [None]


def planned_job(log: Path, number: int = 0) -> SimpleNamespace:
    """One of Snakemake's jobs."""
    rule, wildcards = SimpleNamespace(name="measure"), {"backend": "numpy", "cell": log.stem}
    return SimpleNamespace(
        jobid=number, message=f"job {number}", rule=rule, wildcards_dict=wildcards, log=[log], threads=1
    )


def test_the_plan_of_a_run_has_what_its_jobs_took_before(tmp_path: Path, log: str) -> None:
    whole = log.replace("kept", "0.10 s")
    texts = {"decay/a.log": whole, "decay/b.log": log, "decay/c.log": whole[:-20], "decay/d.log": ""}
    logs = [tmp_path / "logs" / name for name in texts]
    for path, text in zip(logs, texts.values(), strict=True):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    logs.append(tmp_path / "logs" / "gather_decay.log")
    jobs = [planned_job(path, number) for number, path in enumerate(logs)]
    dag, resources = SimpleNamespace(needrun_jobs=lambda: jobs), SimpleNamespace(cores=2)
    plan = snakemake.planned(SimpleNamespace(dag=dag, resource_settings=resources, nodes=None), tmp_path)
    assert [job["before"] for job in plan["jobs"]] == [9.5, None, None, None, None]
    assert {job["rule"] for job in plan["jobs"][:4]} == {"decay"}
    assert [plan["jobs"][number]["kind"] for number in (0, 4)] == ["decay numpy", "gather_decay numpy"]
    assert plan["places"] == 2


@pytest.mark.parametrize(
    ("limit", "nodes", "lifted"),
    [((100, 1), None, True), ((10, 1), None, False), ((100, 1), 4, False), (None, None, True)],
)
def test_snakemake_s_own_rate_limit_is_lifted_and_no_other(
    limit: tuple[int, int] | None, nodes: int | None, lifted: bool
) -> None:
    limiter = SimpleNamespace(max_jobs=limit[0], timespan=limit[1]) if limit else None
    scheduler, resources = SimpleNamespace(job_rate_limiter=limiter), SimpleNamespace(nodes=nodes)
    snakemake.lift_rate_limit(SimpleNamespace(scheduler=scheduler, resource_settings=resources))
    assert (scheduler.job_rate_limiter is None) is lifted


def test_watching(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = ["watch", "--results", str(tmp_path)]
    assert main(watch) == 0
    assert capsys.readouterr().out == f"{tmp_path}: no run has been here\n"
    planted(tmp_path, [described(0, tmp_path)], (1, 0, "started"))
    with lock(tmp_path):
        assert main(watch) == 0
        assert ": 0 of 1 jobs done, 1 running, 0 to come\n" in capsys.readouterr().out
        monkeypatch.setattr(live.time, "sleep", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
        monkeypatch.setattr(screen, "terminal", lambda _: True)
        monkeypatch.setattr(screen, "size", lambda _: (200, 40))
        assert main(watch) == 0
        assert "1 running" in capsys.readouterr().out
    assert main(watch) == 0
    assert "then the run stopped" in capsys.readouterr().out


@pytest.mark.slow
def test_a_run_whose_job_fails_ends_with_the_reason_and_no_control_characters(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    dynamics = folder / "src" / "carousel" / "measures" / "dynamics.py"
    dynamics.write_text(f"{dynamics.read_text()}\n\nmeasure = lambda *_: 1 / 0\n")
    run = snakemake_in(folder, "--config", "study=smoke", "--", "results/smoke/dynamics/numpy/lstm.parquet")
    assert run.returncode == 1
    assert not CONTROL.search(run.stderr)
    lines = run.stderr.splitlines()
    assert len(lines) < 40
    assert "division by zero" in lines[-1]
    events = progress.read(folder / "results" / "smoke", START)
    assert [job.state for job in events.jobs] == ["failed"]


def test_a_failed_job_shows_no_log_of_an_earlier_run_and_nothing_that_moves_the_cursor(
    tmp_path: Path,
) -> None:
    job = described(0, tmp_path)
    written(job, "\x1b[31mred\x07\n" + "x" * 10_000 + "\n", START)
    text = live.failure(job, START, "cancelled")
    assert not CONTROL.search(text)
    assert len(text) < 1000
    assert text.splitlines()[1] == "     [31mred "
    assert text.splitlines()[-1] == "    cancelled"
    assert live.failure(job, START + 1, "cancelled").splitlines()[1:] == ["    cancelled"]
    assert live.failure(described(1, tmp_path), START, "").splitlines()[1:] == ["    (nothing)"]


@pytest.mark.parametrize(("seconds", "share", "left"), [
    (0, None, 60.0), (45, None, 15.0), (90, None, 0.0), (45, 0.05, 15.0), (30, 0.1, 270.0), (30, 0.75, 10.0),
])  # fmt: skip
def test_what_a_job_has_done_is_not_left(seconds: float, share: float | None, left: float) -> None:
    one = job(1, "running", seconds=seconds, share=share)
    pace = forecast.paces([job(0, "done", seconds=60)])
    assert forecast.remaining(one, pace) == pytest.approx(left)
