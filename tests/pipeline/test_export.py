"""Results for other programs: each file described as it is, each verdict counted once."""

import hashlib
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest
from support import report_results

from carousel.__main__ import main
from carousel.axes import BACKENDS
from carousel.tables import parquet
from carousel.tables.schemas import schema

ORIGIN = {"study": "small", "title": "Small study", "study_hash": "0123", "seed": 7, "carousel": "0.1.0",
          "commit": "abc", "python": "3.11.7", "numpy": "2.4.6", "machine": "A box, Linux"}  # fmt: skip

BLANK = {"category": "", "text": "", "float": 0.0, "int": 0, "bool": False}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder with verdicts, a table of a job, a figure, a page, and what is nobody's result."""
    wanted, claims = schema("claims", BACKENDS), report_results.claims_table()
    more = {name: BLANK[column.type] for name, column in wanted.items() if name not in claims}
    parquet.write(claims.assign(**more)[[*wanted]], tmp_path / "claims.parquet", ORIGIN)
    parquet.write(pd.DataFrame({"lag": [1]}), tmp_path / "decay/numpy/lstm.parquet", ORIGIN)
    for name in ("figures/Q1.svg", "report.html", "study.yaml", "logs/judge.log", "cache/0.parquet", ".lock"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert main(["export", str(tmp_path)]) == 0
    return tmp_path


def test_the_crate_describes_every_result_as_it_is(results: Path) -> None:
    graph = json.loads((results / "ro-crate-metadata.json").read_text())["@graph"]
    found = {each["@id"]: each for each in graph}
    files = {name: each for name, each in found.items() if each["@type"] == "File"}
    assert set(files) == {"claims.parquet", "decay/numpy/lstm.parquet", "figures/Q1.svg", "report.html",
                          "study.yaml", "claims.xml", "badge.svg"}  # fmt: skip
    for name, each in files.items():
        data = (results / name).read_bytes()
        assert int(each["contentSize"]) == len(data)
        assert each["sha256"] == hashlib.sha256(data).hexdigest()
    assert {each["@id"] for each in found["./"]["hasPart"]} == set(files)
    assert files["decay/numpy/lstm.parquet"]["description"].startswith("A share of the table decay;")


def test_the_crate_says_what_made_it_and_refers_to_nothing_that_it_lacks(results: Path) -> None:
    text = (results / "ro-crate-metadata.json").read_text()
    found = {each["@id"]: each for each in json.loads(text)["@graph"]}
    assert found["ro-crate-metadata.json"]["about"] == {"@id": "./"}
    assert found["#carousel"]["identifier"] == "commit abc"
    assert found["#numpy"]["version"] == "2.4.6"
    assert found["./"]["license"] == found["#carousel"]["license"] == {"@id": "https://spdx.org/licenses/MIT"}
    referred = set(re.findall(r'\{\s*"@id": "([^"]+)"\s*\}', text))
    assert {name for name in referred if not name.startswith("https://w3id.org/")} <= found.keys()


def test_each_claim_is_a_case_that_its_verdict_decides(results: Path) -> None:
    suite = ElementTree.parse(results / "claims.xml").getroot()
    said = {
        case.attrib["classname"]: next((child.get("type", child.tag) for child in case), "supported")
        for case in suite
    }
    wanted = {name: verdict for name, (_, _, verdict) in report_results.CLAIMS.items()}
    assert said == {name: "skipped" if word == "inconclusive" else word for name, word in wanted.items()}
    words = list(wanted.values())
    assert int(suite.attrib["failures"]) == words.count("refuted") + words.count("depends")
    assert int(suite.attrib["skipped"]) == words.count("inconclusive") == 1


def test_the_badge_counts_the_verdicts_on_fields_that_do_not_overlap(results: Path) -> None:
    badge = ElementTree.parse(results / "badge.svg").getroot()
    fields = [
        (float(each.attrib["x"]), float(each.attrib["width"]))
        for each in badge.iter()
        if each.tag.endswith("rect")
    ]
    assert [x + width for x, width in fields] == [*(x for x, _ in fields[1:]), float(badge.attrib["width"])]
    numbers = [
        int(number)
        for number in re.findall(
            r"(\d+) (?:supported|refuted|depends|inconclusive)", badge.attrib["aria-label"]
        )
    ]
    assert sum(numbers) == len(report_results.CLAIMS)


def test_results_without_verdicts_are_refused_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert main(["export", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith(f"{tmp_path / 'claims.parquet'}: No such file")
