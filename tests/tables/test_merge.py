"""A merge of files gives what `stacking.stack` makes of them in memory."""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings, strategies as st

from carousel.tables import merge, parquet, stacking
from carousel.tables.files import StoreError

ORIGIN = {"study": "smoke"}
TEXTS = st.sampled_from(["a", "b", "b\x00", "c", "", "é", None])


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """A table of two texts and a place, which says where a row came from; the rows in order, or as they are drawn."""
    rows = draw(st.lists(st.tuples(TEXTS, TEXTS), max_size=12))
    rows = rows and [("a", "a"), *rows]  # a column without any text is none of texts
    texts = pd.DataFrame(rows, columns=["cell", "path"]).astype("category")
    frame = texts.assign(place=np.arange(len(rows)) * draw(st.sampled_from([1, 0.5])))[
        ["cell", "place", "path"]
    ]
    return stacking.concat([frame]) if draw(st.booleans()) else frame


def written(folder: Path, tables: list[pd.DataFrame]) -> list[Path]:
    paths = [folder / f"{place}.parquet" for place in range(len(tables))]
    for table, path in zip(tables, paths, strict=True):
        parquet.write(table, path, ORIGIN)
    return paths


@settings(max_examples=20, deadline=None)
@given(st.lists(frames(), min_size=1, max_size=5), st.integers(1, 9), st.integers(1, 4))
def test_a_merge_is_the_stack_of_all(tables: list[pd.DataFrame], rows: int, fewest: int) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(merge, "FEWEST", fewest)
        folder = Path(name)
        paths = written(folder, tables)
        merge.gather(paths, folder / "all.parquet", ORIGIN, rows)
        merged, stacked = (
            parquet.load(folder / "all.parquet"),
            stacking.stack([parquet.load(path) for path in paths]),
        )
        if len(stacked):
            assert merged.schema.remove_metadata() == stacked.schema.remove_metadata()
        assert merged.to_pydict() == stacked.to_pydict()
        assert parquet.provenance(folder / "all.parquet") == ORIGIN
        groups = pq.ParquetFile(folder / "all.parquet").metadata
        assert groups.num_row_groups == -(-len(stacked) // rows)


def decay(place: int, cells: str = "ab", n: int = 3000) -> pd.DataFrame:
    """A table in order whose rows alternate with those of others of its kind."""
    rng = np.random.default_rng(place)
    both = np.sort(rng.integers(0, len(cells) ** 2, n))
    kinds = {
        "cell": np.array(list(cells))[both // len(cells)],
        "path": np.array(list(cells))[both % len(cells)],
    }
    return stacking.concat([pd.DataFrame(kinds).assign(lag=np.arange(n) + n * place, norm=rng.random(n))])


def test_the_bytes_do_not_tell_how_the_rows_were_read(tmp_path: Path) -> None:
    paths, made = (
        written(tmp_path, [decay(place, cells) for place, cells in enumerate(["ab", "bc", "ac"])]),
        set(),
    )
    for fewest in (1, 7, 1000, 10_000):
        merge.FEWEST, kept = fewest, merge.FEWEST
        merge.gather(paths, tmp_path / "all.parquet", ORIGIN, 2000)
        merge.FEWEST = kept
        made.add((tmp_path / "all.parquet").read_bytes())
    assert len(made) == 1


def test_tables_of_different_rows_can_come_in_any_order(tmp_path: Path) -> None:
    tables = [decay(place, cells) for place, cells in enumerate(["a", "b", "c"])]
    made = set()
    for order in ((0, 1, 2), (2, 0, 1)):
        merge.gather(written(tmp_path, [tables[k] for k in order]), tmp_path / "all.parquet", ORIGIN)
        made.add((tmp_path / "all.parquet").read_bytes())
    assert len(made) == 1


@pytest.mark.parametrize(
    ("texts", "ordered"),
    [
        ([None, "a", "a", "b", "b"], True),
        (["", "a", "a", "b", "b"], True),
        (["a", "a", "b", "b", None], False),
        (["a", "b", None, "a", "b"], False),
        (["a", "b", "", "a", "b"], False),
    ],
)
def test_rows_without_a_text_come_before_all_others_in_later_batches_too(
    texts: list[str | None], ordered: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merge, "ROWS", 2)
    frame = pd.DataFrame({"cell": pd.Categorical(texts), "place": np.arange(5)})
    (path,) = written(tmp_path, [frame])
    assert merge.survey(path).ordered == ordered
    merge.gather([path], tmp_path / "all.parquet", ORIGIN)
    wanted = sorted(
        zip(texts, range(5), strict=True), key=lambda row: (row[0] is not None, row[0] or "", row[1])
    )
    found = parquet.load(tmp_path / "all.parquet").to_pydict()
    assert [*zip(found["cell"], found["place"], strict=True)] == wanted


def test_small_tables_give_the_same_numbers_as_a_stack_that_is_written(tmp_path: Path) -> None:
    paths = written(tmp_path, [decay(place) for place in range(3)])
    merge.gather(paths, tmp_path / "all.parquet", ORIGIN)
    parquet.write(
        stacking.stack([parquet.load(path) for path in paths]), tmp_path / "stacked.parquet", ORIGIN
    )
    assert parquet.read(tmp_path / "all.parquet").equals(parquet.read(tmp_path / "stacked.parquet"))


def test_what_cannot_be_gathered_is_said_in_one_line(tmp_path: Path) -> None:
    paths = written(tmp_path, [decay(0), decay(1).drop(columns="norm")])
    for wrong in (paths, []):
        with pytest.raises(StoreError, match="different columns, or none"):
            merge.gather(wrong, tmp_path / "all.parquet", ORIGIN)
    data = bytearray(paths[0].read_bytes())
    data[200] ^= 0xFF
    paths[0].write_bytes(data)
    with pytest.raises(StoreError, match=r"0\.parquet"):
        merge.gather(paths[:1], tmp_path / "all.parquet", ORIGIN)
    assert not (tmp_path / "all.parquet").exists()


PEAK = """
import sys
from pathlib import Path
from carousel.tables import merge
rows, *paths = sys.argv[1:]
merge.gather([Path(path) for path in paths], Path(paths[0]).with_name("all.parquet"), {}, int(rows))
import pyarrow
print(pyarrow.default_memory_pool().max_memory())
"""


def test_little_of_the_rows_is_held_at_a_time(tmp_path: Path) -> None:
    paths = written(tmp_path, [decay(place, n=400_000) for place in range(3)])
    command = [sys.executable, "-c", PEAK, "10000", *map(str, paths)]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    whole = sum(parquet.load(path).nbytes for path in paths)
    assert parquet.load(tmp_path / "all.parquet").num_rows == 1_200_000
    assert int(run.stdout) < whole / 2


@pytest.mark.parametrize("pieces", [[5], [1, 1, 1, 1, 1], [2, 2, 1], [3, 2], [0, 4, 1]])
def test_what_is_left_of_the_rows_is_a_group_of_its_own(pieces: list[int]) -> None:
    table = pa.table({"place": np.arange(5)})
    starts = np.cumsum([0, *pieces])
    parts = [table.slice(start, size) for start, size in zip(starts, pieces, strict=False)]
    found = [group["place"].to_pylist() for group in merge.regrouped(parts, 2)]
    assert found == [[0, 1], [2, 3], [4]]
