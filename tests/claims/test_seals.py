"""Seals break where what decides a claim is changed, and hold where only words are."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from carousel.claims import CLAIMS, deciding_code, seals
from carousel.claims.claim import Claim
from carousel.claims.form_verdict import by_form
from carousel.pipeline import sealing
from carousel.pipeline.claim_files import load

FOLKLORE = Path(__file__).parents[2] / "config" / "claims" / "folklore.yaml"
PYTHON = '''"""A claim of one's own."""
import pandas as pd

from carousel.claims.claim import Claim, Margin, Verdict
from carousel.claims.evidence import compare
from carousel.claims.numbers import main
from carousel.claims.rules import combine, comparison

LONG = 100  # steps
MUCH = Margin(0.3, "decades", "a factor of two")


def rows(tables):
    """Return the rows."""
    return tables.decay[tables.decay["length"] >= LONG]  # long ones


def measure(tables, margin):
    return compare(rows(tables), "log10_norm", "all", margin)


def decide(evidence: pd.DataFrame) -> Verdict:
    """Return the verdict."""
    states = comparison(evidence)
    said = _said(evidence)
    return Verdict(combine(states), said, "a picture", states=dict(states), **main(evidence))


def _said(evidence):
    return f"There are {len(evidence)} parts."


CLAIMS = {"X1": Claim("X1", "me", "comparison", "It is more.", "More than a factor of two.", "supported", "decades",
                      "The interval lies above.", {"supported": "Yes.", "refuted": "No.", "depends": "It depends."},
                      measure, decide, rows, MUCH)}
'''
BREAKING = {
    "a threshold": ("LONG = 100", "LONG = 99"),
    "a margin": ("Margin(0.3,", "Margin(0.2,"),
    "a relation": ('["length"] >= LONG', '["length"] > LONG'),
    "a line of the decider": ("combine(states),", 'combine(states) or "refuted",'),
    "the rule": ("The interval lies above.", "The interval lies below."),
    "the reading": ("More than a factor of two.", "More than a factor of three."),
    "what is imported": ("import combine, comparison", "import combine, equivalence as comparison"),
}
HOLDING = {
    "a takeaway": ('"Yes."', '"Certainly."'),
    "a docstring": ('"""Return the rows."""', '"""Return the rows that are long."""'),
    "a comment": ("# long ones", "# no short ones"),
    "an annotation": ("(evidence: pd.DataFrame)", "(evidence)"),
    "the words of the condition": ("There are {len(evidence)} parts.", "Parts: {len(evidence)}."),
    "the words of the picture": ('"a picture"', '"another picture"'),
    "the reason of a margin": ("a factor of two", "twice as much"),
    "the layout": ("    said = _said(evidence)\n", "\n    said = (\n        _said(evidence)\n    )\n"),
    "the statement": ("It is more.", "It is so much more."),
}


@pytest.fixture
def written(tmp_path: Path) -> Callable[[str, str], Claim]:
    """Returns a writer of PYTHON with one text for another; the claim that comes out."""

    def write(old: str, new: str) -> Claim:
        path = tmp_path / str(len([*tmp_path.iterdir()])) / "own.py"
        path.parent.mkdir()
        assert old in PYTHON
        path.write_text(PYTHON.replace(old, new, 1))
        return load(path)["X1"]

    return write


def sealed(claim: Claim) -> seals.Seal:
    return seals.seal_of(claim, "0123abc", "2026-01-01", [1])


@pytest.mark.parametrize("change", BREAKING)
def test_what_decides_breaks_the_seal(change: str, written: Callable[[str, str], Claim]) -> None:
    before = sealed(written("", ""))
    assert seals.broken(written(*BREAKING[change]), before)


@pytest.mark.parametrize("change", HOLDING)
def test_words_do_not_break_the_seal(change: str, written: Callable[[str, str], Claim]) -> None:
    before = sealed(written("", ""))
    assert seals.broken(written(*HOLDING[change]), before) == ""


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str, str, str], None]]:
    """Returns an editor of a module's source as the seals read it: one text for another in its place."""
    read, caches = (
        deciding_code.source,
        (deciding_code._tree, deciding_code._code, deciding_code._imported, seals._reached),
    )

    def edit(module: str, old: str, new: str) -> None:
        def source(path: str) -> str:
            text = read(path)
            if not path.endswith(module):
                return text
            assert text.count(old) == 1 and old.count("\n") == new.count("\n")
            return text.replace(old, new)

        monkeypatch.setattr(deciding_code, "source", source)
        for each in caches:
            each.cache_clear()

    yield edit
    for each in caches:
        each.cache_clear()


CODE = {  # an edit of the package, and a claim that it concerns or does not
    "a rule": (
        "claims/rules.py",
        'evidence["low"] > evidence["margin"]',
        'evidence["low"] >= evidence["margin"]',
        "K2",
    ),
    "a statistic": ("stats/left.py", "left=y - start[model]", "left=start[model] - y", "K1"),
    "its decider": (
        "a1a_chain_derivative.py",
        'evidence["lag"].min() < MIN_LAG',
        'evidence["lag"].max() < MIN_LAG',
        "A1a",
    ),
    "Holm's correction": ("claims/claim.py", 'evidence["p"].notna()', 'evidence["p"].isna()', "M1"),
    "what withholds": ("claims/withheld.py", "if not failures or", "if failures or", "A4b"),
}


@pytest.mark.parametrize("change", CODE)
def test_a_changed_line_of_the_package_breaks_the_seals_it_decides(
    change: str, edited: Callable[[str, str, str], None]
) -> None:
    *edit, name = CODE[change]
    seal = sealed(CLAIMS[name])
    edited(*edit)
    assert seals.broken(CLAIMS[name], seal) == "code"


def test_other_claims_and_words_keep_their_seals(edited: Callable[[str, str, str], None]) -> None:
    before = {name: sealed(CLAIMS[name]) for name in ("A1a", "A4b", "K1")}
    edited("a1a_chain_derivative.py", "The scalar chain was not measured.", "Nothing.")
    edited("k1_not_vulnerable.py", '"Counterexample" if', '"Against it" if')
    assert not any(seals.broken(CLAIMS[name], seal) for name, seal in before.items())


def test_what_the_form_of_a_claim_in_python_says_is_sealed() -> None:
    seal, form = sealed(CLAIMS["K1"]), CLAIMS["K1"].decide.args[0]
    for change in ({"lag": (30,)}, {"threshold": -2.0}, {"shown": {}}, {"relation": "below"}):
        words = CLAIMS["K1"].decide.args[1]
        assert seals.broken(replace(CLAIMS["K1"], **by_form(replace(form, **change), words)), seal), change


def test_a_moved_threshold_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from carousel.claims import a4b_zero_derivative, rules

    seal = sealed(CLAIMS["A4b"])
    for module in (rules, a4b_zero_derivative):
        monkeypatch.setattr(module, "TOLERANCE", 1e-6)
    seals._reached.cache_clear()
    assert seals.broken(CLAIMS["A4b"], seal) == "thresholds: rules.TOLERANCE was 1e-09, is 1e-06"
    seals._reached.cache_clear()


IN_YAML = {
    "threshold": (
        "value: 0, unit: decades more",
        "value: 1, unit: decades more",
        "thresholds: above was 0.0, is 1.0",
    ),
    "relation": ("relation: above", "relation: below", "thresholds"),
    "filter": ("slice: grid, init: [torch,", "slice: grid, init: [keras,", "reading, code"),
    "lag": ("lag: 100", "lag: 30", "thresholds: lag was [100], is [30]"),
    "takeaway": ("Set it; it costs nothing.", "Set it.", ""),
    "prediction": ("prediction: supported, for every init", "prediction: refuted", ""),
}


@pytest.mark.parametrize("key", IN_YAML)
def test_a_claim_in_yaml_is_sealed_by_what_it_says(key: str, tmp_path: Path) -> None:
    old, new, said = IN_YAML[key]
    seal = sealed(load(FOLKLORE)["F1"])
    path = tmp_path / "folklore.yaml"
    path.write_text(FOLKLORE.read_text().replace(old, new, 1))
    found = seals.broken(load(path)["F1"], seal)
    assert found.startswith(said) and bool(found) == bool(said)


def test_a_seal_is_older_than_data_of_later_commits_and_seeds_not_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order = ["a", "b", "c"]
    monkeypatch.setattr(sealing, "follows", lambda later, earlier: order.index(later) > order.index(earlier))
    seal = sealed(CLAIMS["A4b"])._replace(commit="b", seen=[1, 2])
    told = {
        ("c", 3): True, ("c", 1): False, ("b", 3): False, ("a", 3): False, ("c-dirty", 3): True,
    }  # fmt: skip
    for (commit, seed), older in told.items():
        assert sealing.older(seal, {"commit": commit, "seed": seed}) == older
    assert not sealing.older(seal, {"commit": ["a", "c"], "seed": 3})
    assert not sealing.older(seal, {"commit": "c", "seed": [2, 3]})
    assert not sealing.older(None, {"commit": "c", "seed": 3})


def test_git_knows_what_follows() -> None:
    assert not sealing.follows("0" * 12, "1" * 12)
    assert not sealing.follows("HEAD", "HEAD")


def test_the_state_of_a_seal_is_one_of_four() -> None:
    claim, seal = CLAIMS["A4b"], sealed(CLAIMS["A4b"])
    assert seals.state(claim, None, True) == "none"
    assert seals.state(claim, seal, True) == "before the data"
    assert seals.state(claim, seal, False) == "after the data"
    assert seals.state(claim, seal._replace(code="0"), True) == "broken"


def test_a_file_of_seals_is_read_as_written(tmp_path: Path) -> None:
    found = {name: sealed(CLAIMS[name]) for name in ("A1a", "A4b")}
    (tmp_path / "seals.json").write_text(seals.text(found))
    assert seals.read(tmp_path / "seals.json") == found
    assert json.loads(seals.text(found))["format"] == seals.FORMAT
    assert seals.read(tmp_path / "none.json") == {}


@pytest.mark.parametrize("name", CLAIMS)
def test_every_claim_can_be_sealed_and_names_thresholds(name: str) -> None:
    found = seals.deciding(CLAIMS[name])
    assert found["thresholds"] and found == seals.deciding(CLAIMS[name])
