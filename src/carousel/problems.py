"""Reading yaml that people write, and saying in one line a problem what is wrong with it."""

import difflib
import re
import reprlib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

MOST_LINES = 20  # a file that is wrong throughout needs no more

Loc = tuple[int | str, ...]


class StudyError(Exception):
    """What is wrong with a study, one line a problem: file, key, what was found, what is allowed."""


class _Loader(yaml.SafeLoader):
    """yaml's safe loader that refuses a key standing twice, and reads 1e-3 as a number, as YAML 1.2 does."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    problem = f"key {short(key.value)} stands twice"
                    raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def load_yaml(path: Path) -> Any:
    """The content of the yaml file at `path`, loaded safely. Raises StudyError."""
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise StudyError(f"{path}: cannot be read ({error.strerror})") from None
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise StudyError(f"{path}: not a yaml file ({type(error).__name__})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise StudyError(f"{path}: {where}{what}") from None


def explain(where: str, error: ValidationError, keys: Callable[[Loc], Iterable[str]]) -> StudyError:
    """pydantic's `error` in our words, each line led by `where`; `keys` tells which keys are allowed at a place."""
    problems = error.errors(include_url=False, include_context=False)
    lines = [f"{where}{_place(p['loc'])}{_what(p, keys)}" for p in problems]
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"{where}and {len(lines) - MOST_LINES} problems more"]
    return StudyError("\n".join(lines))


def allowed(found: Any, names: Iterable[str]) -> str:
    """`allowed: a, b, c`, and the nearest of them to what was found, if one is near."""
    names = list(names)
    return f"allowed: {', '.join(names)}{nearest(found, names)}"


def nearest(found: Any, names: Iterable[str]) -> str:
    """`; nearest: b`, or nothing if no name is near to what was found."""
    near = difflib.get_close_matches(str(found)[:80].lower(), list(names), n=1, cutoff=0.5)
    return f"; nearest: {near[0]}" if near else ""


def short(value: Any) -> str:
    """`value` on one line of at most a hundred characters or so, however large, deep or odd it is."""
    view = reprlib.Repr()
    view.maxstring = view.maxother = view.maxlong = 60
    view.maxlevel, view.maxlist, view.maxdict = 2, 4, 3
    return view.repr(value)


def _what(problem: Any, keys: Callable[[Loc], Iterable[str]]) -> str:
    kind, key = problem["type"], (problem["loc"] or ("",))[-1]
    if kind == "missing":
        return "missing; every key is required"
    if kind == "extra_forbidden":
        return f"unknown key; {allowed(key, keys(problem['loc'][:-1]))}"
    if kind in ("model_type", "model_attributes_type"):
        names = ", ".join(keys(problem["loc"]))
        return f"found {short(problem['input'])}; allowed: a mapping with the keys {names}"
    rule = problem["msg"].removeprefix("Value error, ").replace("Input should be ", "allowed: ")
    return f"found {short(problem['input'])}; {rule}"


def _place(loc: Loc) -> str:
    parts = [f"[{p}]" if isinstance(p, int) else f".{p if p.isidentifier() else short(p)}" for p in loc]
    return "".join(parts).removeprefix(".") + ": " if parts else ""
