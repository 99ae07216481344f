"""Saying in one line what is wrong with what people write: where, what was found, what is allowed."""

import difflib
import re
import reprlib
import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

PLACES = 5  # of further problems that a line names
MANY = 100  # unknown keys, after which nobody knows any more what was meant

Loc = tuple[int | str, ...]


class StudyError(Exception):
    """What is wrong with a study, in one line: file, key, what was found, what is allowed."""


def _as_it_is(problem: Any) -> Any:
    return problem


def explain(
    where: str,
    error: ValidationError,
    keys: Callable[[Loc], Iterable[str]],
    named: Callable[[Any], Any] = _as_it_is,
) -> StudyError:
    """pydantic's `error` in our words, led by `where`; `keys` tells which keys are allowed at a place.

    One line: the first problem, and at what other places there are more; `named`: a problem as the caller sees it.
    """
    first, *rest = _sorted(list(map(named, error.errors(include_url=False, include_context=False))), keys)
    places = list(dict.fromkeys(_place(p["loc"]) for p in rest[: 2 * MANY] if p["loc"] != first["loc"]))
    more = ", ".join([*places[:PLACES], "..."][: len(places)])
    also = f" (also wrong: {more})" if more else ""
    lead = f"{_place(first['loc'])}: " if first["loc"] else ""
    return StudyError(f"{where}{lead}{_what(first, keys)}{also}")


def _sorted(problems: list, keys: Callable[[Loc], Iterable[str]]) -> list:
    """Unknown keys first, and without the keys that are missing because an unknown one was to be it."""
    unknown = [p for p in problems if p["type"] == "extra_forbidden"]
    places = [p["loc"] for p in unknown[:MANY]]
    meant = {(*place[:-1], near(place[-1], keys(place[:-1]))) for place in places}
    others = [p for p in problems if p["type"] != "extra_forbidden"]
    return [*unknown, *(p for p in others if p["type"] != "missing" or p["loc"] not in meant)]


def allowed(value: Any, names: Iterable[str]) -> str:
    """`allowed: a, b, c`, and the one of them that is nearest to `value`, if one is near."""
    names = list(names)
    return f"allowed: {', '.join(names)}{nearest(value, names)}"


def nearest(value: Any, names: Iterable[str]) -> str:
    """`; nearest: b`, or nothing if no name is near to `value`."""
    name = near(value, names)
    return f"; nearest: {name}" if name else ""


def near(value: Any, names: Iterable[str]) -> str | None:
    """The name that is nearest to `value`, if one is near; wide or styled letters are as plain ones."""
    text = unicodedata.normalize("NFKC", str(value)[:80]).lower()
    return next(iter(difflib.get_close_matches(text, list(names), n=1, cutoff=0.5)), None)


def short(value: Any) -> str:
    """`value` on one line of at most a hundred characters or so, however large, deep or odd it is.

    Letters that are not ASCII show their codes: many look like others.
    """
    view = reprlib.Repr()
    view.maxstring = view.maxother = view.maxlong = 60
    view.maxlevel, view.maxlist, view.maxdict = 2, 4, 3
    return view.repr(value).encode("ascii", "backslashreplace").decode()


def shown(path: Path | str) -> str:
    """A path as it stands in a message: itself, or its codes where it would not print on one line."""
    return str(path) if str(path).isprintable() else ascii(str(path))


def one_line(text: str) -> str:
    """A text with the codes of what would not print on its line: a path or a name may hold anything."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def rule(problem: Any) -> str:
    """What pydantic's `problem` says is allowed, in our words."""
    said = problem["msg"].removeprefix("Value error, ")
    return re.sub("^(Input should be|String should have|String should match) ", "allowed: ", said)


def _what(problem: Any, keys: Callable[[Loc], Iterable[str]]) -> str:
    kind, key = problem["type"], (problem["loc"] or ("",))[-1]
    if kind == "missing":
        return "missing; every key is required"
    if kind == "extra_forbidden":
        return f"unknown key; {allowed(key, keys(problem['loc'][:-1]))}"
    if kind in ("model_type", "model_attributes_type"):
        names = ", ".join(keys(problem["loc"]))
        return f"found {short(problem['input'])}; allowed: a mapping with the keys {names}"
    return f"found {short(problem['input'])}; {rule(problem)}"


def _place(loc: Loc) -> str:
    """`decay[0].cells[1]`."""
    parts = [f"[{p}]" if isinstance(p, int) else f".{p if _plain(p) else short(p)}" for p in loc]
    return "".join(parts).removeprefix(".")


def _plain(key: str) -> bool:
    return key.isascii() and key.isidentifier() and len(key) <= 60
