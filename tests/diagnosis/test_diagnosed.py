"""The command that writes what the page shows of `diagnose`."""

import json

import pytest
from support.report_results import ORIGIN, made_by_explore, routes_table

from carousel.__main__ import main
from carousel.claims.rules import LAG
from carousel.report.recommendations import SMALLEST, recommend
from carousel.tables import parquet


@pytest.mark.parametrize(("bias", "entries"), [("3", 2), ("chrono:1000", 1)])
def test_the_default_and_a_higher_forget_bias_are_told(tmp_path, bias, entries):
    advice = made_by_explore()[1]["advice"].astype({"forget_bias": str})
    rows = (advice["lag"] == LAG) & (advice["choice"] == SMALLEST) & (advice["cell"] == "lstm")
    assert rows.sum() == 1
    advice.loc[rows, "forget_bias"] = bias
    parquet.write(advice, tmp_path / "advice.parquet", ORIGIN)
    out = tmp_path / "diagnosed.json"
    assert main(["diagnosed", "--advice", str(tmp_path / "advice.parquet"), "--out", str(out)]) == 0
    said = json.loads(out.read_text("utf-8"))
    assert len(said) == entries
    assert said[0]["of"] == "PyTorch's default LSTM (one seed, 4 sequences of 300 steps of white noise)"
    assert "halves every 1." in said[0]["said"]
    assert all("3 added" in entry["of"] and "halves every 1." not in entry["said"] for entry in said[1:])


def test_where_nothing_is_recommended_the_default_is_told_alone(tmp_path):
    learned, routes = made_by_explore()[1]["learned"], routes_table()
    advice = recommend(routes[routes["lag"] > 10**6], learned.head(0))
    assert advice.empty
    parquet.write(advice, tmp_path / "advice.parquet", ORIGIN)
    out = tmp_path / "diagnosed.json"
    assert main(["diagnosed", "--advice", str(tmp_path / "advice.parquet"), "--out", str(out)]) == 0
    assert len(json.loads(out.read_text("utf-8"))) == 1
