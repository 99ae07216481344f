"""The compiled loops are kept from one process to the next, and need neither Python nor Numba then."""

import json
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="numba, of `pip install .[fast]`, is not there")

from carousel.engine.compiled import machine  # noqa: E402


def test_they_call_nothing_from_outside() -> None:
    texts = [text for text, _ in machine.texts().values()]
    outside = [line for text in texts for line in text.splitlines() if line.startswith("declare")]
    assert all("@llvm." in line for line in outside)


def test_they_are_compiled_again_where_they_are_not_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(machine, "folders", lambda: [tmp_path / "file" / "folder", tmp_path / "own"])
    kept = tmp_path / "own" / machine.kept_as()
    made = machine.texts.__wrapped__()
    assert json.loads(kept.read_text()).keys() == made.keys() == machine.texts().keys()
    kept.write_text(kept.read_text()[:1000])  # as on a disk that was full
    assert machine.texts.__wrapped__().keys() == made.keys()
    assert json.loads(kept.read_text()).keys() == made.keys()


@pytest.mark.parametrize("name", ["loops.py", "plans.py", "machine.py"])
def test_they_are_compiled_again_where_their_source_or_that_of_their_records_is_another(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for path in machine.HERE.glob("*.py"):
        (tmp_path / path.name).write_text(path.read_text())
    monkeypatch.setattr(machine, "HERE", tmp_path)
    before = machine.kept_as.__wrapped__()
    assert before == machine.kept_as()
    (tmp_path / name).write_text((tmp_path / name).read_text() + "\n")
    assert machine.kept_as.__wrapped__() != before


def test_they_are_returned_where_they_cannot_be_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setattr(machine, "folders", lambda: [tmp_path / "file" / "folder"])
    assert machine.texts.__wrapped__().keys() == machine.texts().keys()
