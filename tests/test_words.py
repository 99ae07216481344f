"""The words of the package: those of the field, and none of the private ones that used to stand for them.

A private word (ANYWHERE) stands in no name and no docstring. A word that is also plain English (NAMES) may stand in a
sentence, but in the packages that it used to puzzle it is no name and no part of one: `part` for a slice, `behind` for
a plan. Not held at all are `found` and `kept`, which are names in their plain sense, too. Turns of phrase (PHRASES)
stand in no text: docstring, message or page.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "carousel"

BATCHES = (
    "api study pipeline measures/decay measures/dynamics measures/rows measures/search measures/training"
)
ANYWHERE = {  # words: what to say
    "voice voices heard hears audible mute": "recurrent states, recurrent input, masked blocks, mask",
    "strained overstrained": "lost precision",
    "untold portrait portraits": "(gone), gate statistics",
    "planted": "ground truth",
    "forgetful": "with a forget gate",
    "remake remakes": "rebuild",
    "foreign": "provenance mismatch",
    "abroad": "other machines",
    "descend descends": "forward step, backward step",
    "doors": "entry and exit",
    "monday": "recommended settings",
}
NAMES = {  # words, the packages or modules that they are no names in ("" is all): what to say
    ("walk walks walked march marches", "engine measures"): "gradient by lag, step back through a segment",
    ("spoken inner", ""): "recurrent input, intermediate input",
    ("front fronts", "engine measures"): "carried state",
    ("tails", ""): "precise slopes",
    ("climb climbs", "cells engine"): "forward step; in training, runs climb from length to length",
    ("cut cuts shut", "cells engine measures"): "stop_gradient, blocked gates",
    ("route routes about beside", "engine measures pipeline"): "Path, adjoint norms, other quantities",
    ("part", "api study measures pipeline"): "slice",
    ("block", BATCHES): "batch of models, for a block is of a Jacobian",
    ("told tell tells", "measures pipeline"): "progress, what the thing is",
    ("asked taken stops reading", "engine measures"): "targets, snapshot, non-finite tracker, check",
    ("gated faults", "measures analysis claims report"): "withheld if uncalibrated, calibration failures",
    ("turned", "analysis claims report"): "crossing",
    ("outlived outlives", "claims"): "what the thing is",
    ("elsewhere", ""): "other machines",
    ("apart", "pipeline tables"): "other machines",
    ("laid ahead behind passage room", "engine"): "layout, forward plan, backward plan, workspace",
    ("schemes splits laws", "report"): "truncation, sensitivity, theory",
    ("piece pieces item items", "pipeline"): "compute, batch of models",
}
PHRASES = {  # regular expressions: what to say
    r"\bhangs? on\b": "depends on",
    r"\bturns? at\b": "threshold",
    r"\bon Monday\b": "recommended settings",
    r"\b(?:one|two|an?) (?:row|column|number|line|process|job|second|core|model)?\s?an? [a-z]+\b": "per",
    r"\A(?:The|Of the) same\b": "what the thing is: a docstring may be read alone",
}


@cache
def texts() -> list[tuple[str, str, str]]:
    """Every name, docstring and other text of the package and the page: file and line, kind, what it is."""
    files = sorted(PACKAGE.rglob("*.py"))
    pages = [*(ROOT / "report").glob("*.qmd"), *(ROOT / "report").glob("*.md")]
    return [
        *((str(file.relative_to(PACKAGE)), "name", file.stem) for file in files),
        *(found for file in files for found in _texts(file)),
        *((path.name, "text", path.read_text(encoding="utf-8")) for path in pages),
    ]


def _texts(file: Path) -> Iterator[tuple[str, str, str]]:
    """The names that a file binds; its docstrings, those below a variable too; and all other text in it."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    documents = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        at = f"{file.relative_to(PACKAGE)}:{getattr(node, 'lineno', 1)}"
        yield from ((at, "name", name) for name in _bound(node))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield at, "docstring" if id(node) in documents else "text", node.value


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds."""
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield node.attr
    elif isinstance(node, ast.alias) and node.asname:
        yield node.asname


@cache
def words(text: str) -> set[str]:
    """The words of a name in snake or camel case, or of a sentence."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", text)}


def places(word: str, kinds: str, packages: str = "") -> list[str]:
    """Where a word stands in these packages or modules, or in all."""
    return [
        f"{at}: {text.strip()[:60]}"
        for at, kind, text in texts()
        if kind in kinds.split() and at.startswith(tuple(packages.split()) or "") and word in words(text)
    ]


@pytest.mark.parametrize("word", [word for several in ANYWHERE for word in several.split()])
def test_a_private_word_stands_nowhere(word: str) -> None:
    assert places(word, "name docstring") == []


@pytest.mark.parametrize(
    ("word", "packages"),
    [(word, where) for several, where in NAMES for word in several.split()],
)
def test_a_word_is_no_name_where_it_puzzled(word: str, packages: str) -> None:
    assert places(word, "name", packages) == []


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_turn_of_phrase_stands_in_no_text(phrase: str) -> None:
    kinds = ("docstring",) if phrase.startswith(r"\A") else ("docstring", "text")
    found = [
        f"{at}: {match[0]}"
        for at, kind, text in texts()
        if kind in kinds
        for match in re.finditer(phrase, text.strip(), re.IGNORECASE)
    ]
    assert found == []


def test_names_and_docstrings_are_found() -> None:
    assert words("test_aFrontDoor HTML") == {"test", "a", "front", "door", "html"}
    kinds = [kind for _, kind, _ in texts()]
    assert min(kinds.count("name"), kinds.count("docstring"), kinds.count("text")) > 500
    assert places("cells", "name", "cells") and not places("cells", "name", "seeds")
