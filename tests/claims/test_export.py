"""claims.json and its schema; and the times that jobs leave in their logs."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest

from carousel.__main__ import main
from carousel.axes import BACKENDS
from carousel.claims import export as document
from carousel.pipeline.run.joblog import LINE
from carousel.pipeline.timings import timings
from carousel.tables.schemas import schema as columns

COLUMNS = columns("claims", BACKENDS)
ORIGIN = {"commit": "0123abc", "seed": [1, 2]}


def table(**changed: object) -> pd.DataFrame:
    """One claim with every column of the claims table."""
    row = {name: 0.5 if column.type == "float" else f"some {name}" for name, column in COLUMNS.items()}
    known = {
        "id": "K1",
        "verdict": "refuted",
        "n": 12,
        "sealed": "none",
        "thresholds": '{"rules.ALPHA": 0.05}',
    }
    return pd.DataFrame([row | known | changed])


def written(claims: pd.DataFrame) -> dict:
    return json.loads(document.text(claims, ORIGIN))


def test_the_schema_describes_every_column_and_no_other() -> None:
    schema = document.schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    fields = schema["$defs"]["claim"]["properties"]
    assert set(fields) == set(COLUMNS)
    for name, field in fields.items():
        assert field["description"] == COLUMNS[name].meaning
        kind = "float" if field.get("$ref") else {"integer": "int"}.get(field.get("type"), "text")
        assert kind == COLUMNS[name].type.replace("category", "text"), name


@pytest.mark.parametrize("effect", [0.25, np.nan, np.inf, -np.inf])
def test_what_is_written_is_what_the_schema_says(effect: float) -> None:
    found = written(table(effect=effect))
    jsonschema.validate(found, document.schema())
    shown = {0.25: 0.25, np.inf: "infinity", -np.inf: "-infinity"}.get(effect)
    assert found["claims"][0]["effect"] == shown
    assert found["provenance"] == ORIGIN
    assert found["claims"][0]["thresholds"] == {"rules.ALPHA": 0.05}


@pytest.mark.parametrize(
    "wrong", [{"verdict": "perhaps"}, {"effect": "much"}, {"n": -1}, {"id": "a b"}, {"sealed": "yes"}]
)
def test_the_schema_refuses_what_is_no_verdict(wrong: dict) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(written(table(**wrong)), document.schema())


def test_times_are_added_up_by_rule_and_old_logs_left_out(tmp_path: Path) -> None:
    jobs = {"decay/numpy/lstm.log": (1.5, 1.0), "decay/torch/lstm.log": (2.5, 4.0), "judge.log": (3.0, 3.0)}
    for name, (wall, cpu) in jobs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(
            f"decay grid: 64 models, 100 steps: 1.24 s\n{LINE.format(wall=wall, cpu=cpu)}\n"
        )
    (tmp_path / "draw.log").write_text("killed\n")
    rows = timings(tmp_path).to_dict("records")
    assert rows == [
        {"rule": "decay", "jobs": 2, "wall": 4.0, "cpu": 5.0, "longest": 2.5},
        {"rule": "judge", "jobs": 1, "wall": 3.0, "cpu": 3.0, "longest": 3.0},
    ]
    assert timings(tmp_path / "none").empty


def test_a_job_that_is_done_says_what_it_took(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "logs").mkdir()
    assert main(["timings", "--logs", str(tmp_path / "logs"), "--out", str(tmp_path / "t.parquet")]) == 0
    (tmp_path / "logs" / "timings.log").write_text(capsys.readouterr().out)
    assert timings(tmp_path / "logs")["rule"].tolist() == ["timings"]
