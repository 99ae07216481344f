"""A diagnosis as JSON, as HTML and from the command line: the same numbers and words in each."""

import base64
import json
import math
import subprocess
import sys
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import jsonschema
import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

import carousel
from carousel.__main__ import main
from carousel.diagnosis.json_form import TABLES, plain, schema, type_of

D, H, B = 3, 4, 2
TAGS = {"meta", "br", "img", "hr", "input", "link", "source"}  # those that have no end


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(1))


class Reset(nn.Module):
    """A state that is lost at every step, and whose name is not for HTML."""

    hidden_size = H

    def forward(self, x, state):
        state = 0 * state + x.mean(-1, keepdim=True)
        return state, state


Reset.__name__ = "<b>&Reset"


@pytest.fixture(scope="module")
def reports():
    """Diagnoses of a stack in both directions, of one without gates, and of one in which nothing arrives."""
    torch.manual_seed(0)
    stack = nn.LSTM(D, H, num_layers=2, bidirectional=True)
    return {
        "stack": carousel.diagnose(stack, noise(30, B, D), higher=[1, 5, "chrono"], exponents=2),
        "rnn": carousel.diagnose(nn.RNN(D, H), noise(12, B, D)),
        "short": carousel.diagnose(nn.GRU(D, H), noise(2, 1, D), higher=[1]),
        "nothing": carousel.diagnose(Reset(), noise(12, B, D), torch.zeros(B, H)),
    }


NAMES = ["stack", "rnn", "short", "nothing"]


def number(value):
    """A number as the schema writes it."""
    return math.nan if value is None else float(value)


@pytest.mark.parametrize("name", NAMES)
def test_json_is_as_its_schema_says_and_holds_every_digit(reports, name):
    report = reports[name]
    content = json.loads(report.to_json(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(content)
    for table, columns in TABLES.items():
        frame, rows = getattr(report, table), content[table]
        assert list(frame.columns) == columns.split() and len(frame) == len(rows)
        for column in columns.split():
            found = [row[column] for row in rows]
            if type_of(column) is float:
                np.testing.assert_array_equal([number(value) for value in found], frame[column].astype(float))
            else:
                assert found == frame[column].tolist()
    answers = ["\n  ".join(layer["answer"]) for layer in content["layers"]]
    assert "\n".join(answers) == str(report)
    assert [(each["layer"], each["direction"]) for each in content["layers"]] == list(report.descriptions)


def test_what_json_has_no_number_for(reports):
    content = json.loads(reports["nothing"].to_json())
    assert {row["log10_share"] for row in content["shares"]} == {"-Infinity"}
    assert {row["value"] for row in content["exponents"]} == {"-Infinity"}
    assert {row["value"] for row in content["rates"]} == {None}
    assert [plain("value", value) for value in (math.inf, -math.inf, math.nan, np.float64(0.1))] == [
        "Infinity",
        "-Infinity",
        None,
        0.1,
    ]
    assert (plain("changes", np.True_), plain("n", np.int64(3)), plain("cell", "gru")) == (True, 3, "gru")


@pytest.mark.parametrize("break_it", ["drop", "add", "nan", "text"])
def test_the_schema_refuses_what_is_something_else(reports, break_it):
    content = json.loads(reports["rnn"].to_json())
    row = content["decay"][0]
    if break_it == "drop":
        del row["lag"]
    row |= {"add": {"more": 1}, "nan": {"error": "NaN"}, "text": {"n": "3"}}.get(break_it, {})
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema()).validate(content)


def test_the_documents_name_every_table_and_column():
    text = (Path(__file__).parents[2] / "docs/diagnose.md").read_text("utf-8")
    for table, columns in TABLES.items():
        assert f"`{table}`" in text and all(f"`{column}`" in text for column in columns.split())


class Fragment(HTMLParser):
    """The elements that are open, those seen, and the text; an end of another element is an error."""

    def __init__(self, text):
        super().__init__()
        self.open, self.seen, self.words, self.images = [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        if tag in ("img", "source"):
            self.images.append(dict(attributes))
        if tag not in TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.mark.parametrize("name", NAMES)
def test_html_is_one_whole_fragment_with_the_words_and_the_figure(reports, name):
    report = reports[name]
    text = report.to_html()
    assert report._repr_html_() == text
    found = Fragment(text)
    assert not found.open and text.startswith("<div") and text.endswith("</div>")
    assert found.seen.count("div") == 1 + len(report.descriptions) * bool(
        len(set(report.shares["added"])) > 1
    )
    assert not {"script", "html", "body", "link", "b"} & set(found.seen)
    assert "http" not in text and " on" + "load" not in text
    for line in str(report).splitlines():
        assert line.strip() in found.words
    narrow, wide = found.images
    assert wide["alt"] and "max-width" in narrow["media"]
    for kind, data in (wide["src"].split(","), narrow["srcset"].split(",")):
        assert kind == "data:image/svg+xml;base64"
        svg = ET.fromstring(base64.b64decode(data))
        drawn = " ".join(svg.itertext())
        assert svg.tag.endswith("svg") and "Lyapunov exponents" in drawn and "layer 1" in drawn


def test_html_tells_the_share_of_every_bias_and_lag(reports):
    report = reports["stack"]
    text, shares = report.to_html(), report.shares
    assert text.count("<table>") == 4 and text.count('<tr><th scope="row">') == 4 * 4
    assert text.count('<th scope="row">+5</th>') == text.count('<th scope="row">chrono, 30 steps</th>') == 4
    entries = shares.drop_duplicates(["layer", "direction", "added", "chrono"])["entry"]
    assert [f'<td class="entry">{each:.2g}</td>' in text for each in entries] == [True] * 16
    assert text.count("<td>") == len(shares) + text.count("<td>\N{EN DASH}</td>")
    light, _, dark = text.partition("prefers-color-scheme: dark")
    assert "--paper: #fff" in light and "--paper: #16181b" in dark


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    torch.manual_seed(0)
    lstm = nn.LSTM(D, H)
    path = tmp_path_factory.mktemp("checkpoint") / "model.pt"
    torch.save(lstm.state_dict(), path)
    return lstm, path


OPTIONS = "--length=30", "--batch=2", "--seed=1"


def of_python(lstm):
    return carousel.diagnose(lstm, noise(30, 2, D))


def test_the_command_line_says_and_writes_what_python_does(checkpoint, tmp_path, capsys):
    lstm, path = checkpoint
    report = of_python(lstm)
    html, data = tmp_path / "new/report.html", tmp_path / "report.json"
    assert main(["diagnose", f"--checkpoint={path}", *OPTIONS, f"--html={html}", f"--json={data}"]) == 0
    assert capsys.readouterr().out == f"{report}\n"
    assert html.read_text("utf-8") == f"{report.to_html()}\n"
    assert data.read_text("utf-8") == f"{report.to_json(indent=1)}\n"


def test_json_on_standard_output_is_json_alone(checkpoint):
    lstm, path = checkpoint
    command = [sys.executable, "-m", "carousel", "diagnose", f"--checkpoint={path}", *OPTIONS, "--json", "-"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, encoding="utf-8")
    assert json.loads(run.stdout) == json.loads(of_python(lstm).to_json())


@pytest.mark.parametrize("option", ["html", "json", "figure"])
def test_a_file_that_cannot_be_written_is_one_line_and_leaves_nothing(checkpoint, tmp_path, capsys, option):
    _, path = checkpoint
    (tmp_path / "file").write_text("here before")
    wanted = tmp_path / "file/report.svg"
    assert main(["diagnose", f"--checkpoint={path}", *OPTIONS, f"--{option}={wanted}"]) == 1
    told = capsys.readouterr()
    assert told.out.startswith("Layer 1 (LSTM, 4 units)")  # what was measured is not lost
    assert len(told.err.splitlines()) == 1 and "report.svg" in told.err
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_figure_of_no_known_format_leaves_no_file(checkpoint, tmp_path, capsys):
    _, path = checkpoint
    assert main(["diagnose", f"--checkpoint={path}", *OPTIONS, f"--figure={tmp_path / 'a.xyz'}"]) == 1
    assert "xyz" in capsys.readouterr().err and not list(tmp_path.iterdir())


def test_advice_from_the_command_line_is_looked_at(checkpoint, tmp_path, capsys):
    _, path = checkpoint
    assert main(["diagnose", f"--checkpoint={path}", *OPTIONS, f"--advice={tmp_path / 'none'}"]) == 1
    assert capsys.readouterr().err.startswith("advice: ")


def test_shares_that_no_sequence_tells_are_no_rows(reports):
    assert reports["short"].shares.empty
    assert isinstance(reports["short"].shares, pd.DataFrame) and "arrives" not in str(reports["short"])
