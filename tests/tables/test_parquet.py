import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carousel.pipeline.run import locks
from carousel.tables import cache, parquet, stacking
from carousel.tables.files import StoreError, write_text

ORIGIN = {"study": "smoke", "numpy": "2.4", "seed": 1}


def table(backend: str = "numpy", n: int = 6) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "backend": pd.Categorical([backend] * n),
            "cell": pd.Categorical(["lstm", "gru"] * (n // 2), categories=["lstm", "gru", "unused"]),
            "lag": np.arange(n),
            "log10_norm": np.where(np.arange(n) % 3, -0.1 * np.arange(n), -np.inf),
            "solved": np.arange(n) % 2 == 0,
            "statement": [f"s{i}" for i in range(n)],
        }
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    parquet.write(table(), tmp_path / "new" / "a.parquet", ORIGIN)
    back = parquet.read(tmp_path / "new" / "a.parquet")
    assert back["cell"].dtype == "category"
    assert list(back["cell"].cat.categories) == ["gru", "lstm"]
    assert [str(kind) for kind in back.dtypes[2:]] == ["int64", "float64", "bool", "str"]
    for column in back:
        assert back[column].tolist() == table()[column].tolist()
    assert parquet.provenance(tmp_path / "new" / "a.parquet") == ORIGIN


def test_same_table_same_bytes(tmp_path: Path) -> None:
    parquet.write(table(), tmp_path / "a.parquet", ORIGIN)
    reordered = table().assign(cell=pd.Categorical(table()["cell"].astype(str), categories=["gru", "lstm"]))
    parquet.write(reordered, tmp_path / "b.parquet", dict(reversed(ORIGIN.items())))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    parquet.write(table(), path, ORIGIN)

    def fails(table: object, file: object, **_: object) -> None:
        file.write(b"half")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parquet.pq, "write_table", fails)
    with pytest.raises(StoreError, match=r"a\.parquet: cannot be written: No space .*; make room"):
        parquet.write(table("torch"), path, ORIGIN)
    monkeypatch.undo()
    assert parquet.read(path)["backend"].tolist() == table()["backend"].tolist()
    assert [file.name for file in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize("damage", ["empty", "truncated", "flipped", "foreign", "absent"])
def test_damage_is_told_in_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.parquet"
    parquet.write(table(n=1000), path, ORIGIN)
    data = bytearray(path.read_bytes())
    if damage == "foreign":
        table().to_parquet(path)
    elif damage == "absent":
        path.unlink()
    else:
        data[200] ^= 0xFF
        path.write_bytes({"empty": b"", "truncated": data[: len(data) // 2], "flipped": data}[damage])
    with pytest.raises(StoreError, match=r"a\.parquet") as told:
        parquet.read(path)
    assert "\n" not in str(told.value)


def test_concat_unites_categories_and_sorts(tmp_path: Path) -> None:
    first, second = table("torch"), table("numpy").assign(cell="lstm97")
    joined = stacking.concat([first, second])
    assert joined["backend"].tolist() == ["numpy"] * 6 + ["torch"] * 6
    assert joined["cell"].tolist() == ["lstm97"] * 6 + ["gru"] * 3 + ["lstm"] * 3
    assert joined["lag"].tolist() == [*range(6), 1, 3, 5, 0, 2, 4]
    assert list(joined["cell"].cat.categories) == ["gru", "lstm", "lstm97"]
    assert joined.equals(stacking.concat([second, first]))


def test_concat_is_a_stable_sort_by_all_texts() -> None:
    rng = np.random.default_rng(0)
    frames = [
        pd.DataFrame(
            {
                "cell": rng.choice(["a", "b", "c"], n),
                "place": rng.random(n),
                "init": rng.choice(["x", "y"], n),
            }
        )
        for n in (40, 1, 25)
    ]
    wanted = pd.concat(frames).sort_values(["cell", "init"], kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(
        stacking.concat(frames), wanted.astype({"cell": "category", "init": "category"})
    )


def test_named_columns_alone_are_read(tmp_path: Path) -> None:
    parquet.write(table(), tmp_path / "a.parquet", ORIGIN)
    assert list(parquet.read(tmp_path / "a.parquet", ["lag", "absent", "cell"])) == ["cell", "lag"]


def test_a_table_without_rows_leaves_no_trace(tmp_path: Path) -> None:
    """Read from parquet, its columns have lost what they hold."""
    parquet.write(table().iloc[:0], tmp_path / "empty.parquet", {})
    empty = parquet.read(tmp_path / "empty.parquet")
    assert stacking.concat([empty, table(), empty]).equals(stacking.concat([table()]))
    assert list(stacking.concat([empty, empty]).columns) == list(table().columns)


def test_concat_refuses_tables_of_another_kind() -> None:
    with pytest.raises(StoreError, match="columns"):
        stacking.concat([table(), table().drop(columns="lag")])
    with pytest.raises(StoreError, match="none"):
        stacking.concat([])


def test_cached_computes_once_and_again_after_damage(tmp_path: Path) -> None:
    computed = []

    def compute() -> dict[str, pd.DataFrame]:
        computed.append(1)
        return {"decay": table(), "dynamics": table("torch", 2), "nothing": table().iloc[:0]}

    found = [cache.cached(tmp_path, {"cell": "lstm", "seed": 1}, compute) for _ in range(3)]
    assert len(computed) == 1
    assert [*found[0]] == [*found[2]] == ["decay", "dynamics", "nothing"]
    assert all(found[0][name].equals(found[2][name]) for name in found[0])
    cache.cached(tmp_path, {"cell": "lstm", "seed": 2}, compute)
    assert len(computed) == 2
    for file in tmp_path.glob("*.parquet"):
        file.write_bytes(file.read_bytes()[:100])
    again = cache.cached(tmp_path, {"seed": 1, "cell": "lstm"}, compute)
    assert all(again[name].equals(found[0][name]) for name in again)
    assert len(computed) == 3


def test_a_cached_table_is_as_one_that_was_written_and_read(tmp_path: Path) -> None:
    for number, frame in enumerate((table(), table().iloc[:0], pd.DataFrame(columns=["cell", "lag"]))):
        parquet.write(frame, tmp_path / "written.parquet", ORIGIN)
        for _ in ("computed", "kept"):
            found = cache.cached(tmp_path, {"number": number}, lambda frame=frame: {"decay": frame})
            pd.testing.assert_frame_equal(
                found["decay"].to_pandas(), parquet.read(tmp_path / "written.parquet")
            )


def test_one_finished_batch_is_one_file(tmp_path: Path) -> None:
    key = {"cell": "lstm", "seed": 1}
    cache.cached(tmp_path, key, lambda: {"decay": table(), "dynamics": table()})
    assert [*tmp_path.iterdir()] == [cache.kept_at(tmp_path, key)]
    assert parquet.provenance(cache.kept_at(tmp_path, key)) == key


def test_a_lock_is_one_process_s_and_dies_with_it(tmp_path: Path) -> None:
    held = f"f = locks.lock({str(tmp_path)!r}); print('held', flush=True); input()"
    code = f"from carousel.pipeline.run import locks; {held}"
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match="another run"):
            locks.lock(tmp_path)
        other.kill()
    locks.lock(tmp_path).close()


def test_a_device_is_left_alone_and_a_link_stays_one(tmp_path: Path) -> None:
    pipe, link, kept = tmp_path / "pipe", tmp_path / "link", tmp_path / "kept"
    os.mkfifo(pipe)
    link.symlink_to(kept)
    for device in (Path(os.devnull), pipe):
        with pytest.raises(StoreError, match=f"^{device}: cannot be written: not the name of a file"):
            write_text("text", device)
    assert pipe.is_fifo() and Path(os.devnull).is_char_device()
    write_text("text", link)
    assert link.is_symlink() and kept.read_text() == "text"
    assert {path.name for path in tmp_path.iterdir()} == {"pipe", "link", "kept"}


@pytest.mark.parametrize("name", ["a\0b", "a" * 250, "a" * 5000, "/"])
def test_a_name_that_no_file_can_have_is_one_line(name: str, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be written: "):
        write_text("text", tmp_path / name)
    assert not [*tmp_path.iterdir()]
