"""Files of claims: what is wrong with one is said in a line; those of a study are found, decided and shown."""

import json
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from carousel.__main__ import main
from carousel.claims import CLAIMS
from carousel.claims.claim import Tables
from carousel.pipeline import filters
from carousel.pipeline.claim_files import claims_of, entries, load
from carousel.pipeline.claim_paths import paths, seals_of
from carousel.pipeline.claim_rows import absent
from carousel.pipeline.commands.claims import forms, lines
from carousel.pipeline.seed_stability import reseeded
from carousel.study import files
from carousel.study.errors import StudyError
from carousel.tables.provenance import content_hash

FOLKLORE = files.config_folder() / "claims" / "folklore.yaml"
QUOTE = "It is insensitive to gaps"
ONE = f"""
title: One claim
claims:
  - id: X1
    source: {{who: somebody, url: "https://example.org", quote: {QUOTE}, hash: "{content_hash(QUOTE)}"}}
    statement: An LSTM keeps more than a tanh RNN.
    kind: comparison
    table: decay
    filter: {{path: full, cell: lstm, init: torch, slice: libraries, trained: no}}
    quantity: loss_state
    lag: 100
    relation: above
    threshold: {{value: 0, unit: decades, why: an order}}
    pairing: {{cell: rnn_tanh}}
    family: []
    prediction: supported
    takeaways: {{supported: Use it., refuted: Leave it., depends: It depends.}}
"""
WRONG = {  # what is changed into what, and what is said of it behind the file's name
    "key": (
        "statement:",
        "statment:",
        "claims[0].statment: unknown key; allowed: id, source, statement, kind, table, ",
    ),
    "missing": ("    family: []\n", "", "claims[0].family: missing; every key is required"),
    "shown": (
        "family: []\n",
        "family: [init, forget_bias]\n    shown: {forget_bia: 1}\n",
        "claims[0].shown: found the column 'forget_bia'; allowed: ",
    ),
    "shown apart": (
        "family: []\n",
        "family: [init, forget_bias]\n    shown: {cell: lstm}\n",
        "claims[0].shown: found 'cell'; allowed: init, forget_bias",
    ),
    "id": ("id: X1", "id: x 1", "claims[0].id: found 'x 1'; "),
    "hash": (QUOTE + ",", "It is not,", "claims[0].source.hash: found "),
    "kind": (
        "kind: comparison",
        "kind: comparisn",
        "claims[0].kind: found 'comparisn'; allowed: comparison, trend, ",
    ),
    "relation": (
        "relation: above",
        "relation: abov",
        "claims[0].relation: found 'abov'; allowed: above, below, within, ",
    ),
    "table": (
        "table: decay",
        "table: depth",
        "claims[0].table: found 'depth'; allowed: decay, dynamics, accuracy",
    ),
    "quantity": ("loss_state", "los", "claims[0].quantity: found 'los'; allowed: loss_state, "),
    "state": ("loss_state", "loss_q", "claims[0].quantity: found 'loss_q'; allowed: loss_state, loss_x, "),
    "column": ("slice:", "slic:", "claims[0].filter: found the column 'slic'; allowed: backend, "),
    "cell": ("cell: lstm,", "cell: lstn,", "claims[0].filter: cell: found 'lstn'; allowed: "),
    "bias": (
        "slice: libraries",
        "forget_bias: default",
        "claims[0].filter: forget_bias: found 'default'; allowed: ",
    ),
    "number": ("slice: libraries", "gain: much", "claims[0].filter: gain: found 'much'; allowed: a number"),
    "bound": (
        "slice: libraries",
        "length: {form: 1}",
        "claims[0].filter: length: found {'form'}; allowed: a value, ",
    ),
    "no path": ("path: full, ", "", "claims[0].filter: path: missing; "),
    "path": ("path: full", "path: ful", "claims[0].filter: path: found 'ful'; allowed: full, candidate, "),
    "lags": ("lag: 100", "lag: [100, 10]", "claims[0].lag: allowed: one lag, or two, the smaller first"),
    "no lag": ("    lag: 100\n", "", "claims[0].lag, window: found neither; allowed: one of the two"),
    "window": ("lag: 100", "window: all", "claims[0].window: found 'all'; allowed: fit"),
    "margin": (
        "relation: above",
        "relation: within",
        "claims[0].threshold: the relation within takes a margin",
    ),
    "threshold": ("value: 0,", "value: a,", "claims[0].threshold.value: found 'a'; allowed: a valid number"),
    "pair": (
        "pairing: {cell: rnn_tanh}",
        "pairing: {cell: [gru]}",
        "claims[0].pairing: cell: allowed: one value",
    ),
    "identity": ("kind: comparison", "kind: identity", "claims[0].relation: found 'above'; allowed: equal"),
    "family": ("family: []", "family: [cel]", "claims[0].family: found 'cel'; allowed: backend, "),
    "takeaways": (
        ", depends: It depends.",
        "",
        "claims[0].takeaways: found 'supported, refuted'; allowed: one for each ",
    ),
    "twice": (
        ONE[ONE.index("  - id") :],
        2 * ONE[ONE.index("  - id") :],
        "claims: found the id X1 twice; allowed: ",
    ),
    "yaml": ("kind: comparison", "kind: [comparison", "line "),
}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], Path]:
    """Returns a writer of ONE with one text for another."""

    def written(old: str = "", new: str = "") -> Path:
        assert old in ONE
        path = tmp_path / "mine.yaml"
        path.write_text(ONE.replace(old, new, 1))
        return path

    return written


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_one_line(case: str, write: Callable[[str, str], Path]) -> None:
    old, new, said = WRONG[case]
    path = write(old, new)
    with pytest.raises(StudyError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}: {said}") and "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named_with_the_nearest(write: Callable[[], Path]) -> None:
    path = write()
    with pytest.raises(StudyError, match="mine2.yaml: there is no such file of claims; nearest: mine.yaml"):
        load(path.with_name("mine2.yaml"))


def test_a_python_file_without_claims_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("CLAIMS = 1\n")
    with pytest.raises(StudyError, match=r"own.py: CLAIMS: missing; allowed: a dict of"):
        load(tmp_path / "own.py")


def test_a_study_has_the_claims_that_it_names(write: Callable[[], Path]) -> None:
    path = write()
    found = claims_of(["standard", "mine.yaml", "claims/folklore.yaml"], path.parent)
    assert [*found] == [*CLAIMS, "X1", *load(FOLKLORE)]
    assert {found["X1"].register, found["F1"].register, found["K1"].register} == {
        "mine",
        "folklore",
        "standard",
    }
    with pytest.raises(StudyError, match="the id X1 is that of another claim"):
        claims_of(["mine.yaml", str(path)], path.parent)


def test_files_are_looked_for_beside_the_study_and_then_in_config(write: Callable[[], Path]) -> None:
    path = write()
    assert paths(["standard", "mine.yaml", "claims/folklore.yaml"], path.parent) == [path, FOLKLORE]
    assert seals_of(path) == path.with_name("mine.seals.json")


def test_a_study_under_another_seed_names_its_claims_by_their_path(
    write: Callable[[], Path], tmp_path: Path
) -> None:
    path, study = write(), tmp_path / "own.yaml"
    text = files.find("smoke").read_text().replace("claims: [standard]", "claims: [standard, mine.yaml]")
    study.write_text(text)
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "own-2.yaml").write_text(reseeded(study, 2))
    assert files.load(tmp_path / "there" / "own-2.yaml").claims == ("standard", str(path))


def test_the_claims_of_a_study_are_no_part_of_what_it_measures() -> None:
    from carousel.pipeline.fingerprint import study_hash, sweep

    study = files.load(files.find("smoke"))
    other = study.model_copy(update={"claims": ("standard", "mine.yaml")})
    assert (study_hash(study), sweep(study)) == (study_hash(other), sweep(other))


ABSENT = {  # what is changed into what, and what is said of rows that are not there
    "nothing": ("init: torch", "init: torch", []),
    "slice": (
        "slice: libraries", "slice: library",
        ["filter: slice: found 'library'; allowed: libraries, reach; nearest: libraries"],
    ),
    "one of a list": ("init: torch", "init: [keras, torch]", ["filter: init: found 'keras'; allowed: torch"]),
    "beside another": ("slice: libraries", "slice: reach", ["pairing: slice: found 'reach'; allowed: libraries"]),
    "lag": ("lag: 100", "lag: [10, 1000]", ["filter: lag: found 1000; allowed: up to 100"]),
    "score": (
        "table: decay\n    filter: {path: full, cell: lstm,", "table: accuracy\n    filter: {cell: gru,",
        ["filter: cell: found 'gru'; allowed: lstm, rnn_tanh"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ABSENT)
def test_what_the_tables_have_no_rows_of_is_said(case: str, write: Callable[[str, str], Path]) -> None:
    old, new, said = ABSENT[case]
    path = write(old, new)
    if case == "score":
        text = path.read_text().replace("quantity: loss_state\n    lag: 100\n", "quantity: loss\n")
        path.write_text(text.replace(", trained: no", ""))
    lists = {"cell": ["lstm", "rnn_tanh"], "slice": ["libraries", "reach"], "lag": [0, 10, 100]}
    rows = pd.DataFrame(product(*lists.values()), columns=[*lists])
    rows = rows.assign(quantity="loss_state", path="full", init="torch", trained="no")
    rows = rows[(rows["slice"] == "libraries") | (rows["cell"] == "lstm")]
    tables = Tables(rows, rows.drop(columns=["quantity", "trained"]), rows)
    (entry,) = entries(path)
    assert absent(entry.form, tables) == said
    verdict = {"id": "X1", "verdict": "inconclusive", "n": 0, "effect": 0.0, "low": 0.0, "high": 0.0, "unit": "decades",
               "sealed": "none", "reading": "More.", "condition": "Undecided."}  # fmt: skip
    first, *_, last = lines(pd.DataFrame([verdict]), forms([str(path)]), tables)
    assert first == "X1: inconclusive, nothing measured; seal: none"
    assert last == (f"  no rows: {said[-1]}" if said else "  found: Undecided.")


@pytest.mark.parametrize(
    "n, effect, said",
    [
        (0, 0.0, "nothing measured"),
        (7, np.nan, "nothing measured"),
        (7, -0.25, "\u22120.25 [\u22120.5, 1] decades"),
    ],
)
def test_an_effect_that_is_no_number_is_not_printed(n: int, effect: float, said: str) -> None:
    verdict = {"id": "X1", "verdict": "inconclusive", "n": n, "effect": effect, "low": -0.5, "high": 1.0,
               "unit": "decades", "sealed": "none", "reading": "More.", "condition": "Undecided."}  # fmt: skip
    first, *_ = lines(pd.DataFrame([verdict]), {}, Tables(*[pd.DataFrame()] * 3))
    assert first == f"X1: inconclusive, {said}; seal: none"


def test_sealing_writes_a_file_beside_the_claims(
    write: Callable[[], Path], capsys: pytest.CaptureFixture
) -> None:
    path = write()
    assert main(["claims", "seal", str(path), "--seen", "1", "3"]) == 0
    assert capsys.readouterr().out.startswith(f"{seals_of(path)}: commit it")
    (found,) = json.loads(seals_of(path).read_text())["claims"].values()
    assert found["seen"] == [1, 3] and found["thresholds"]["above"] == 0


def test_the_example_of_the_documents_lacks_its_hash_alone(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "claims.md").read_text("utf-8")
    block = re.search(r"(?:^    .*\n)+", text, re.MULTILINE)
    assert block
    path = tmp_path / "mine.yaml"
    path.write_text(re.sub("^    ", "", block[0], flags=re.MULTILINE))
    with pytest.raises(
        StudyError, match=r"claims\[0\].source.hash: found ''; allowed: \w+, the hash"
    ) as error:
        load(path)
    path.write_text(path.read_text().replace('""', str(error.value).split("allowed: ")[1].split(",")[0]))
    assert [*load(path)] == ["X1"]


def test_the_folklore_is_written_as_the_documents_say() -> None:
    found = load(FOLKLORE)
    assert 5 <= len(found) <= 8 and {claim.kind for claim in found.values()} >= {
        "comparison",
        "universal",
        "existence",
    }
    assert all(claim.source and claim.source.url.startswith("http") for claim in found.values())


@pytest.mark.parametrize("filter_", [{"hidden": True}, {"gain": False}, {"hidden": 1.5}, {"residual": 1}])
def test_true_is_no_number_in_a_filter(filter_: dict) -> None:
    (name,) = filter_
    with pytest.raises(
        ValueError, match=f"^{name}: found .*; allowed: (a whole number|a number|true or false)$"
    ):
        filters.checked(filter_, "depth")
