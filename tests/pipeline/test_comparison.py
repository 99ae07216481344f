"""Two result sets compared: planted moves are found where they were planted, against the error that was planted."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support import planted
from support.result_sets import CLAIMS, STEP, SWEEP, decay

from carousel.__main__ import main
from carousel.pipeline.machines import comparison, matching
from carousel.tables import parquet

PLACE = {"slice": "grid", "cell": "lstm", "forget_bias": "3", "init": "torch", "length": 120, "trained": "no",
         "repetition": 1, "backend": "torch", "path": "full", "lag": 60}  # fmt: skip


@cache
def tables() -> dict[str, pd.DataFrame]:
    """What jobs measured, and three verdicts."""
    return {"decay": decay(), "accuracy": planted.accuracy(), "claims": CLAIMS}


def placed(frame: pd.DataFrame) -> pd.Series:
    """The one row at PLACE."""
    found = (frame[list(PLACE)] == pd.Series(PLACE)).all(axis=1)
    assert found.sum() == 1
    return found


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(tmp_path_factory.mktemp("left"))


def written(folder: Path, origin: dict = SWEEP, **changed: pd.DataFrame) -> Path:
    """A result set, with some of its tables changed."""
    for name, frame in (tables() | changed).items():
        parquet.write(frame, folder / f"{name}.parquet", origin)
    return folder


def lines(left: Path, right: Path, table: str, column: str = "log10_norm") -> pd.DataFrame:
    """What a comparison says of a column, by slice."""
    found = comparison.compare(left, right)
    return found[(found["table"] == table) & (found["column"] == column)].set_index("slice")


def test_nothing_moves_between_a_set_and_its_copy(left: Path, capsys: pytest.CaptureFixture) -> None:
    found = comparison.compare(left, left)
    assert not found[["moved", "only_left", "only_right", "largest"]].any(axis=None)
    assert found.loc[found["column"] == "log10_norm", "rows"].sum() == len(tables()["decay"])
    assert main(["compare", "--fail", str(left), str(left)]) == 0
    assert "numbers that moved: 0" in capsys.readouterr().out


@pytest.mark.parametrize("other", [{"device": "cuda", "dtype": "float32"}, {}])
def test_order_and_device_and_rounding_move_nothing(left: Path, tmp_path: Path, other: dict) -> None:
    shuffled = tables()["decay"].sample(frac=1, random_state=0).assign(**other)
    shuffled["log10_norm"] *= 1 + 1e-13
    shuffled["gain"] = shuffled["gain"].astype("int64").astype("float64")
    found = lines(left, written(tmp_path, decay=shuffled), "decay")
    assert not found[["moved", "only_left", "only_right"]].any(axis=None)
    assert found["rows"].sum() == len(shuffled)


def test_a_planted_move_is_found_and_measured_by_its_repetitions(left: Path, tmp_path: Path) -> None:
    decay = tables()["decay"].copy()
    decay.loc[placed(decay), "log10_norm"] += 0.25
    found = lines(left, written(tmp_path, decay=decay), "decay")
    assert found["moved"].to_dict() == {"adding": 0, "grid": 1}
    assert found["largest"]["grid"] == pytest.approx(0.25)
    spread = STEP * PLACE["lag"]  # three repetitions, one STEP apart in their rates
    assert found["in_errors"]["grid"] == pytest.approx(0.25 / spread)
    assert "gain" not in found["where"]["grid"]
    assert {"lstm", "torch", "torch init", "forget bias 3", "lag 60", "repetition 1"} <= set(
        found["where"]["grid"].split(", ")
    )


def test_a_row_s_own_standard_error_comes_first(left: Path, tmp_path: Path) -> None:
    old, new = tables()["decay"].assign(error=0.3), tables()["decay"].assign(error=0.4)
    new.loc[placed(new), "log10_norm"] -= 0.25
    first = written(tmp_path / "old", decay=old)
    found = lines(first, written(tmp_path / "new", decay=new), "decay")
    assert found["in_errors"]["grid"] == pytest.approx(0.25 / 0.5)


def test_dead_repetitions_do_not_widen_the_error(left: Path, tmp_path: Path) -> None:
    old = tables()["decay"].copy()
    at = {name: value for name, value in PLACE.items() if name != "repetition"}
    dead = (old[[*at]] == pd.Series(at)).all(axis=1) & (old["repetition"] == 0)
    old.loc[dead, "log10_norm"] = -np.inf
    new = old.copy()
    new.loc[placed(new), "log10_norm"] += 0.25
    found = lines(written(tmp_path / "old", decay=old), written(tmp_path / "new", decay=new), "decay")
    spread = STEP * PLACE["lag"] / np.sqrt(2)  # of the two repetitions that are left
    assert found["in_errors"]["grid"] == pytest.approx(0.25 / spread)


@pytest.mark.parametrize(("share", "moved"), [(1e-12, 0), (1e-6, 1)])
def test_rounding_is_a_share_of_a_large_number(tmp_path: Path, share: float, moved: int) -> None:
    old = tables()["decay"].assign(log10_norm=-1e6)
    new = old.copy()
    new.loc[placed(new), "log10_norm"] *= 1 + share
    found = lines(written(tmp_path / "old", decay=old), written(tmp_path / "new", decay=new), "decay")
    assert found["moved"]["grid"] == moved


def test_claims_of_one_side_alone_are_said_apart(
    left: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    claims = CLAIMS.assign(verdict=["supported", "supported", "depends"]).head(2)
    assert main(["compare", str(left), str(written(tmp_path, claims=claims))]) == 0
    said = "claims: 2 in both, of which 1 have another verdict and 0 another effect; 1 only in the first"
    assert said in capsys.readouterr().out


def test_rows_of_one_side_alone_are_counted_by_slice(left: Path, tmp_path: Path) -> None:
    decay = tables()["decay"]
    fewer = decay[(decay["slice"] != "grid") | (decay["lag"] != 12)]
    more = decay[decay["slice"] == "adding"].head(7).assign(repetition=9)
    found = lines(left, written(tmp_path, decay=pd.concat([fewer, more])), "decay")
    assert found["only_left"].to_dict() == {"adding": 0, "grid": len(decay) - len(fewer)}
    assert found["only_right"].to_dict() == {"adding": 7, "grid": 0}
    assert not found["moved"].any()


@pytest.mark.parametrize("value", [-np.inf, np.nan])
def test_a_zero_that_was_none_moves_without_bound(left: Path, tmp_path: Path, value: float) -> None:
    decay = tables()["decay"].copy()
    decay.loc[placed(decay), "log10_norm"] = value
    found = lines(left, written(tmp_path, decay=decay), "decay")
    assert found["moved"]["grid"] == 1
    assert found["largest"]["grid"] == found["in_errors"]["grid"] == np.inf


def test_what_was_learned_is_compared(left: Path, tmp_path: Path) -> None:
    accuracy = tables()["accuracy"].copy()
    accuracy.loc[3, "solved"] = not accuracy.loc[3, "solved"]
    accuracy.loc[5, "loss"] += 1
    right = written(tmp_path, accuracy=accuracy)
    moved = {
        column: int(lines(left, right, "accuracy", column)["moved"].sum())
        for column in ("loss", "accuracy", "solved")
    }
    assert moved == {"loss": 1, "accuracy": 0, "solved": 1}


def test_verdicts_old_and_new_and_effects_in_standard_errors(
    left: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    changed = CLAIMS.assign(verdict=["refuted", "inconclusive", "depends"], effect=[0.5, 1.1, np.nan])
    right = written(tmp_path, claims=changed.iloc[[1, 0, 2]])
    found = comparison.compare(left, right).query("table == 'claims'").set_index("column")
    assert found["moved"].to_dict() == {"K1": 0, "K2": 1, "K3": 0}
    assert (found["old"]["K2"], found["new"]["K2"]) == ("supported", "inconclusive")
    assert found["in_errors"]["K2"] == pytest.approx(0.1 / (0.4 / 2 / 1.959964))
    assert main(["compare", str(left), str(right), "--out", str(tmp_path / "moves.parquet")]) == 0
    said = capsys.readouterr()
    assert (
        "claims: 3 in both, of which 1 have another verdict and 1 another effect; 0 only in the first"
        in said.out
    )
    assert "K2: supported -> inconclusive, effect moved by 0.1 (0.98 standard errors)" in said.out
    assert parquet.read(tmp_path / "moves.parquet")["moved"].sum() == 1
    assert main(["compare", "--fail", str(left), str(right)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "differ in 1 of" in line


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("study", "are of different studies"),
        ("columns", "it has no column lag"),
        ("twice", "1 rows have the factors of another row"),
        ("damage", "damaged"),
        ("nothing", "have no table in common"),
    ],
)
def test_what_cannot_be_compared_is_told_in_a_line(
    change: str, said: str, left: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    decay = tables()["decay"]
    if change == "study":
        written(tmp_path, SWEEP | {"sweep": "other"})
    elif change == "columns":
        written(tmp_path, decay=decay.drop(columns="lag"))
    elif change == "twice":
        written(tmp_path, decay=pd.concat([decay, decay.tail(1)]))
    elif change == "damage":
        path = written(tmp_path) / "decay.parquet"
        path.write_bytes(path.read_bytes().replace(b"log10_norm", b"log10_morn"))
    assert main(["compare", str(left), str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_keys_are_of_values_and_not_of_how_they_are_kept(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"cell": ["a", "b", None, "a"], "gain": [3.0, -0.0, np.nan, 2.0], "lag": [1, 0, 5, 1]}
    )
    frames = {
        "text": frame,
        "category": frame.assign(cell=frame["cell"].astype("category")),
        "zero": frame.assign(gain=frame["gain"] + 0.0),
    }
    found = []
    for name, each in frames.items():
        parquet.write(each, tmp_path / f"{name}.parquet", {})
        found.append(matching.keys(tmp_path / f"{name}.parquet", ["cell", "gain", "lag"]))
    assert len(set(found[0])) == 4
    assert all((found[0] == other).all() for other in found[1:])
    swapped = matching.keys(tmp_path / "text.parquet", ["cell", "lag", "gain"])
    assert (swapped != found[0]).sum() == 3  # where both are zero they may be swapped


def test_a_distance_has_no_sign_and_what_is_no_number_is_its_own_like() -> None:
    old = np.array([1.0, 2.0, np.nan, np.inf, -np.inf, np.nan, 0.0, np.inf])
    new = np.array([1.5, 1.0, np.nan, np.inf, np.inf, 1.0, -0.0, 3.0])
    assert comparison.difference(old, new).tolist() == [0.5, 1.0, 0.0, 0.0, np.inf, np.inf, 0.0, np.inf]


def test_zero_has_one_key_whatever_its_sign() -> None:
    one, other = (matching.hashes(pa.chunked_array([[value, 1.5]])) for value in (0.0, -0.0))
    assert one.tolist() == other.tolist() and one[0] != one[1]
