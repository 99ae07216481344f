"""Results with one fault each: the check that is to find it does, in a line that names it; sound results pass."""

import json
import math
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pandas as pd
import pytest
from support import small_results
from support.checkouts import ROOT
from support.once import Once
from support.result_sets import decay

from carousel import claims
from carousel.__main__ import main
from carousel.claims import seals
from carousel.claims.seals import Seal
from carousel.pipeline.checking import coverage, instrument, verdicts
from carousel.pipeline.checking.checks import CHECKS, outcomes
from carousel.pipeline.checking.results import kind, opened
from carousel.tables import parquet

Plant = Callable[[Path], None]
Frame = pd.DataFrame


@pytest.fixture(scope="session")
def sound(once: Once) -> Path:
    """The results of the small study; not to be changed."""
    return once("small", small_results.made)


@pytest.fixture
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seals of two claims, in the place of the package's: one has another threshold, one the thresholds of now."""
    made = {name: seals.seal_of(claims.CLAIMS[name], "abc", "2026-11-30", [1]) for name in ("A1c", "A1d")}
    made["A1c"] = made["A1c"]._replace(thresholds={"claim.MARGIN": 0.25})
    made["A1d"] = made["A1d"]._replace(hash="0" * 16)
    (tmp_path / "seals.json").write_text(seals.text(made))
    monkeypatch.setattr(seals, "STANDARD", tmp_path / "seals.json")


@pytest.fixture
def results(sound: Path, tmp_path: Path) -> Path:
    """A copy of them, in a folder that says nothing of the study."""
    return Path(shutil.copytree(sound, tmp_path / "copied", ignore=shutil.ignore_patterns("cache")))


def rewrite(path: Path, change: Callable[[Frame], Frame] = lambda table: table, **origin: Any) -> None:
    """Change a table as a forger would: with a checksum made anew, and another provenance where one is given."""
    said = parquet.provenance(path) | origin
    parquet.write(change(parquet.read(path)), path, said)


def added(folder: Path) -> None:
    shutil.copy(folder / "decay.parquet", folder / "mine.parquet")


def flipped(folder: Path) -> None:
    data = bytearray((folder / "decay.parquet").read_bytes())
    data[len(data) // 3] ^= 1
    (folder / "decay.parquet").write_bytes(data)


def without_column(folder: Path) -> None:
    rewrite(folder / "decay.parquet", lambda table: table.drop(columns="cosine"))


def other_text(folder: Path) -> None:
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text.replace("repetitions: 3", "repetitions: 2"))


def other_study(folder: Path) -> None:
    rewrite(folder / "decay/torch/lstm.parquet", study_hash="0123456789abcdef", study="another")


def other_seed(folder: Path) -> None:
    rewrite(folder / "dynamics.parquet", seed=8)


def copied_over(folder: Path) -> None:
    shutil.copy(folder / "decay/numpy/lstm.parquet", folder / "decay/torch/lstm.parquet")


def copied_and_relabelled(folder: Path) -> None:
    own = parquet.provenance(folder / "decay/torch/lstm.parquet")
    copied_over(folder)
    rewrite(folder / "decay/torch/lstm.parquet", lambda table: table.assign(backend="torch"), **own)


def other_code(folder: Path) -> None:
    rewrite(folder / "decay/torch/lstm.parquet", jobs={"decay/torch/lstm": "0" * 16})


def pasted(folder: Path) -> None:
    """Put rows of a study with another init into the table."""
    path = folder / "decay.parquet"
    rewrite(
        path,
        lambda table: pd.concat([table, rows_of(table, "lstm").assign(init="orthogonal")], ignore_index=True),
    )


def rows_of(table: Frame, cell: str) -> Frame:
    return table[(table["cell"] == cell) & (table["slice"] == "libraries")]


def repetition_left_out(folder: Path) -> None:
    def fewer(table: Frame) -> Frame:
        return table[~((table["repetition"] == 2) & (table["cell"] == "lstm"))]

    rewrite(folder / "depth.parquet", fewer)


def row_left_out(folder: Path) -> None:
    """Delete one and the same row from the table of the job and from the gathered one."""

    def fewer(table: Frame) -> Frame:
        place = rows_of(table, "lstm").query("backend == 'torch'").index[5]
        return table.drop(index=place)

    for name in ("decay", "decay/torch/lstm"):
        rewrite(folder / f"{name}.parquet", fewer)


def row_of_a_job_left_out(folder: Path) -> None:
    rewrite(folder / "decay/torch/lstm.parquet", lambda table: table.drop(index=5))


def number_changed(folder: Path) -> None:
    def changed(table: Frame) -> Frame:
        return table.assign(log10_norm=table["log10_norm"].where(table.index != 7, -1.25))

    rewrite(folder / "decay.parquet", changed)


def emptied(folder: Path) -> None:
    rewrite(folder / "calibration.parquet", lambda table: table.iloc[:0])


def failed(folder: Path) -> None:
    rewrite(
        folder / "calibration.parquet",
        lambda table: table.assign(passed=table["passed"] & (table["system"] != "relu_dead")),
    )


def system_left_out(folder: Path) -> None:
    rewrite(folder / "calibration.parquet", lambda table: table[table["system"] != "lstm_held"])


def evidence_left_out(folder: Path) -> None:
    rewrite(
        folder / "evidence.parquet",
        lambda table: table[(table["id"] != "A1c") | (table["backend"] != "torch")],
    )


def claim_left_out(folder: Path) -> None:
    rewrite(folder / "claims.parquet", lambda table: table[table["id"] != "K2"])


def verdict_edited(folder: Path) -> None:
    rewrite(
        folder / "claims.parquet",
        lambda table: table.assign(verdict=table["verdict"].where(table["id"] != "A1c", "supported")),
    )


def verdict_edited_in_json(folder: Path) -> None:
    text = (folder / "claims.json").read_text()
    (folder / "claims.json").write_text(text.replace('"verdict": "refuted"', '"verdict": "supported"', 1))


def verdict_edited_in_csv(folder: Path) -> None:
    text = (folder / "claims.csv").read_text()
    (folder / "claims.csv").write_text(text.replace(",refuted,", ",supported,", 1))


def threshold_edited(folder: Path) -> None:
    rewrite(
        folder / "claims.parquet", lambda table: table.assign(rule=table["rule"].str.replace("0.003", "0.3"))
    )


def nothing(folder: Path) -> None:
    """Leave the results alone: the seals are others."""


def half_life_edited(folder: Path) -> None:
    rewrite(folder / "summary.parquet", lambda table: table.assign(half_life=table["half_life"] * 2))


def other_effect(folder: Path) -> None:
    """Put a table beside the results in which every other seed has another effect, with an interval."""
    table = parquet.read(folder / "claims.parquet").query("id == 'A1g'")
    rows = [table.assign(seed=seed, same=True, low=3.0 + seed, high=4.0 + seed) for seed in (8, 9)]
    columns = ["id", "seed", "verdict", "effect", "low", "high", "same"]
    origin = parquet.provenance(folder / "claims.parquet")
    parquet.write(
        pd.concat(rows, ignore_index=True)[columns],
        folder / "stability.parquet",
        origin | {"seed": [7, 8, 9]},
    )


def other_verdict(folder: Path) -> None:
    """The same of an effect without an interval, and with another verdict."""
    other_effect(folder)
    rewrite(folder / "stability.parquet", lambda table: table.assign(verdict="supported", low=1.0, high=1.0))


FAULTS: list[tuple[Plant, str, str]] = [
    (lambda folder: (folder / "decay/torch/lstm.parquet").unlink(), "files", "decay/torch/lstm.parquet: is missing"),
    (lambda folder: (folder / "claims.csv").unlink(), "files", "claims.csv: is missing"),
    (added, "files", "mine.parquet: no table of a study is called so"),
    (flipped, "checksums", "decay.parquet: damaged"),
    (without_column, "columns", "decay.parquet: not a table of decay, it has no column cosine"),
    (other_text, "study", "study.yaml: another study"),
    (lambda folder: (folder / "study.yaml").unlink(), "study", "study.yaml: is missing, and no study"),
    (other_study, "provenance", "decay/torch/lstm.parquet: measured for another study (another, 0123456789abcdef)"),
    (other_seed, "provenance", "dynamics.parquet: measured with master seed 8; that of the study is 7"),
    (copied_over, "provenance", "decay/torch/lstm.parquet: the table of decay/numpy/lstm"),
    (other_code, "provenance", "decay.parquet: not gathered from the tables of jobs that are here: decay/torch/lstm"),
    (pasted, "models", "decay.parquet: a model that the study does not ask for: slice libraries, lstm on numpy, init"),
    (repetition_left_out, "models", "depth.parquet: lacks a model of the study: slice stacks, lstm on numpy"),
    (row_left_out, "rows", "lstm"),
    (row_of_a_job_left_out, "gathered", "decay.parquet: "),
    (number_changed, "gathered", "log10_norm is -1.25, made again"),
    (copied_and_relabelled, "backends", "decay/torch/lstm.parquet: its "),
    (emptied, "calibration", "calibration.parquet: the NumPy backend was not calibrated"),
    (failed, "calibration", "calibration.parquet: ReLU dead failed its calibration on PyTorch"),
    (system_left_out, "calibration", "calibration.parquet: PyTorch was not calibrated on lstm_held"),
    (evidence_left_out, "claims", "claims.parquet: A1c: refuted without evidence of PyTorch"),
    (claim_left_out, "claims", "claims.parquet: K2: is missing"),
    (verdict_edited, "judged", "claims.parquet: A1c: verdict is 'supported', made again 'refuted'"),
    (verdict_edited_in_json, "texts", "claims.json: line "),
    (verdict_edited_in_csv, "texts", "claims.csv: line "),
    (threshold_edited, "judged", "rule is "),
    (nothing, "seals", "claims.parquet: A1c: decided by other thresholds than the sealed ones: claim.MARGIN was 0.25"),
    (nothing, "seals", "claims.parquet: A1d: its seal is broken"),
    (half_life_edited, "derived", "summary.parquet: "),
    (other_effect, "seeds", "claims.parquet: A1g: effect "),
    (other_verdict, "seeds", "claims.parquet: A1g: refuted, under master seeds 8, 9: supported"),
]  # fmt: skip


def found(folder: Path, check: str) -> list[str]:
    """The findings of one check, a line each."""
    return [f"{finding.file}: {finding.said}" for finding in CHECKS[check].find(opened(folder))]


@pytest.mark.parametrize(("plant", "check", "line"), FAULTS)
def test_a_fault_is_found_in_a_line_that_names_it(
    plant: Plant, check: str, line: str, results: Path, request: pytest.FixtureRequest
) -> None:
    if check == "seals":
        request.getfixturevalue("sealed")
    plant(results)
    lines = found(results, check)
    assert any(line in each for each in lines), lines


def test_every_check_has_its_fault() -> None:
    assert {check for _, check, _ in FAULTS} == CHECKS.keys()


def test_a_threshold_that_moves_in_the_code_changes_what_is_judged_again(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = claims.CLAIMS["A1c"]
    assert claim.margin
    moved = replace(claim, margin=claim.margin._replace(value=100.0))
    monkeypatch.setitem(claims.CLAIMS, "A1c", moved)
    assert any("A1c: verdict is 'refuted', made again" in line for line in found(results, "judged"))


def test_sound_results_pass_every_check_wherever_they_lie(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.chdir(results.parent)
    assert main(["check", "copied"]) == 0
    assert capsys.readouterr().out == f"copied: {len(CHECKS)} of {len(CHECKS)} checks found nothing\n"


def test_findings_are_a_line_each_for_people_and_for_programs(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    copied_over(results)
    flipped(results)
    assert main(["check", str(results), "--json", "-", f"--junit={tmp_path / 'check.xml'}"]) == 1
    printed = capsys.readouterr()
    *lines, last = printed.err.splitlines()
    said = json.loads(printed.out)
    assert "checksums: decay.parquet: damaged, its checksum is not that of its bytes" in lines
    assert "provenance: decay/torch/lstm.parquet: the table of decay/numpy/lstm" in lines
    assert any(line.startswith("models: not made: ") for line in lines)
    findings = [
        f"{each['name']}: {f['file']}: {f['said']}" for each in said["checks"] for f in each["findings"]
    ]
    assert findings == [line for line in lines if ": not made: " not in line]
    assert not said["clean"]
    assert re.search(r"; findings: \d+; checks not made: \d+$", last)
    suite = ElementTree.parse(tmp_path / "check.xml").getroot()
    assert len(suite.findall("testcase")) == len(CHECKS) == int(suite.attrib["tests"])
    failed = {case.attrib["name"] for case in suite.findall("testcase") if case.find("failure") is not None}
    assert failed == {CHECKS[each["name"]].says for each in said["checks"] if each["findings"]}


def test_where_nothing_can_be_checked_the_status_is_two(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    for given in ([str(tmp_path)], [str(tmp_path / "nowhere")], [], [str(tmp_path), "--loud"]):
        assert main(["check", *given]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_a_check_that_cannot_be_made_is_no_clean_one(results: Path) -> None:
    flipped(results)
    unmade = {each.name for each in outcomes(opened(results)) if each.unmade}
    assert {"models", "rows", "judged", "derived"} <= unmade


def test_what_is_wrong_with_one_table_hides_nothing_of_another(results: Path) -> None:
    pasted(results)
    depth = results / "depth.parquet"
    depth.write_bytes(depth.read_bytes()[:-9])
    each = {outcome.name: outcome for outcome in outcomes(opened(results))}
    assert each["models"].unmade.endswith("depth.parquet: not a whole parquet file")
    assert [finding.file for finding in each["models"].findings] == ["decay.parquet"] * 2
    assert {finding.file for finding in each["gathered"].findings} == {"decay.parquet"}


def test_a_program_that_came_with_results_is_not_run(results: Path) -> None:
    mark = results / "ran"
    (results / "mine.py").write_text(f"open({str(mark)!r}, 'w').close()\nCLAIMS = {{}}\n")
    text = (results / "study.yaml").read_text()
    (results / "study.yaml").write_text(text.replace("claims: [standard]", "claims: [standard, mine.py]"))
    each = {outcome.name: outcome for outcome in outcomes(opened(results))}
    assert {name for name, outcome in each.items() if outcome.unmade} == {"claims", "judged", "seals"}
    assert "mine.py is a program" in each["judged"].unmade
    assert not mark.exists()


def test_rounding_on_another_processor_is_no_finding(results: Path) -> None:
    rewrite(
        results / "summary.parquet", lambda table: table.assign(half_life=table["half_life"] * (1 + 1e-14))
    )
    text = (results / "explorer.json").read_text()
    curve = re.search(r"-\d\.\d{3,}", text)
    assert curve
    (results / "explorer.json").write_text(text.replace(curve[0], f"{curve[0]}0000000000001", 1))
    assert not found(results, "derived")
    (results / "explorer.json").write_text(text.replace(curve[0], f"{curve[0][:-1]}99", 1))
    assert found(results, "derived")


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("decay", "decay"),
        ("decay/numpy/lstm", "decay"),
        ("search/search_weight", "decay"),
        ("accuracy/numpy/adding/lstm", "accuracy"),
        ("accuracy/numpy/adding/lstm.dynamics", "dynamics"),
        ("other_machines/amd-5.1/decay", "decay"),
        ("stability/2", "claims"),
        ("stability", "stability"),
    ],
)
def test_a_file_s_name_says_which_columns_it_has(name: str, table: str) -> None:
    assert kind(name) == table


def test_the_page_on_checking_has_every_check_as_it_is() -> None:
    text = (ROOT / "docs/check.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text, re.MULTILINE))
    assert rows == {name: check.says for name, check in CHECKS.items()}


SEAL = Seal("f00", "r", "u", {"margin": 1.0, "least": [1, 2]}, "c", "abc", "2026-11-30", [1])


def test_a_rule_moved_since_it_was_sealed_is_found() -> None:
    row = {"thresholds": json.dumps(SEAL.thresholds), "seal": "f00"}
    assert verdicts.broken(row, SEAL) == ""
    assert verdicts.broken(row | {"seal": "f01"}, SEAL) == "its seal is broken: f01, sealed f00"
    moved = row | {"thresholds": json.dumps({"margin": 1.5, "least": [1, 2]})}
    assert verdicts.broken(moved, SEAL).endswith("margin was 1.0, is 1.5")


@pytest.mark.parametrize(("low", "high", "like"), [
    (1.0, 2.0, True), (0.0, 0.99, False), (0.0, 1.0, True), (4.0, 5.0, True), (4.01, 5.0, False), (0.0, 9.0, True),
    (2.0, 2.5, True),
])  # fmt: skip
def test_an_effect_is_like_those_of_other_seeds_where_the_intervals_meet(
    low: float, high: float, like: bool
) -> None:
    known = pd.DataFrame({"seed": [2, 3], "verdict": "supported", "low": [1.0, 2.5], "high": [3.0, 4.0]})
    row = {"verdict": "supported", "effect": (low + high) / 2, "low": low, "high": high}
    assert (not list(verdicts.unlike(row, known))) == like


def test_the_seed_of_the_results_is_none_of_the_others() -> None:
    table = pd.DataFrame({"id": ["K1", "K1"], "seed": [7, 8], "verdict": "refuted"})
    results = SimpleNamespace(
        origins={"claims": {"seed": 7}}, damage={"stability": ""}, table=lambda _: table
    )
    assert verdicts.others(results)["seed"].tolist() == [8]


def test_of_models_alike_those_are_named_whose_rows_are_not_as_many_as_most_have() -> None:
    """Six models of 7, 7, 7, 8, 6 and 7 rows, and two wider ones of 9."""
    columns = [*coverage.MODEL, "layers", "residual"]
    model = dict.fromkeys(columns, "x") | {"hidden": 4, "length": 10, "layers": 2, "residual": False}
    counts = [(4, r, n) for r, n in enumerate((7, 7, 7, 8, 6, 7))] + [(8, r, 9) for r in range(2)]
    table = pd.DataFrame([model | {"hidden": H, "repetition": r, "rows": n} for H, r, n in counts])
    found = [*coverage.uneven(SimpleNamespace(models=lambda name, wanted: table[[*wanted, "rows"]]), "depth")]
    assert [finding.file for finding in found] == ["depth.parquet"] * 2
    for finding, (more, repetition) in zip(found, ((8, 3), (6, 4)), strict=True):
        assert finding.said.startswith(f"{more} rows of a model, 7 of those like it: ")
        assert f"hidden 4, length 10, repetition {repetition}, " in finding.said


@pytest.mark.parametrize(
    ("count", "moved", "copies"),
    [
        (instrument.FEWEST, 0.0, instrument.FEWEST),
        (instrument.FEWEST - 1, 0.0, 0),
        (200, 1e-15, 0),
        (200, 0.0, 200),
    ],
)
def test_as_many_numbers_as_chance_does_not_make_alike_bit_for_bit_are_a_copy(
    count: int, moved: float, copies: int, tmp_path: Path
) -> None:
    """Zeros and infinities are the same on every backend, and tell nothing."""
    table = pd.concat([decay().head(1)] * (count + 2), ignore_index=True).assign(lag=range(count + 2))
    table["log10_norm"] = [0.0, -math.inf, *(-1.0 - k / 7 for k in range(count))]
    parquet.write(table, tmp_path / "numpy.parquet", {})
    table.loc[2, "log10_norm"] += moved
    parquet.write(table.assign(backend="torch"), tmp_path / "torch.parquet", {})
    results = SimpleNamespace(path=lambda name: tmp_path / f"{name.split('/')[1]}.parquet")
    assert instrument.copied(results, "decay/numpy/lstm", "decay/torch/lstm") == copies
