"""The code and the values that decide a claim: some functions, what they call of the package, what they read there.

Code is compared as Python understands it: without comments, docstrings and annotations, in one layout. Nor do the texts
of a verdict count (its condition, its picture in words), nor what is computed for them alone, nor the modules that only
say things (WORDS).
"""

import ast
import dataclasses
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np

from carousel.axes import BackendEntry
from carousel.claims.bare_code import Bare
from carousel.claims.claim import Margin
from carousel.claims.form_text import Words

PACKAGE = "carousel"
WORDS = "carousel.analysis.names", "_text"  # how the names of modules end whose functions make words alone


class Reached(NamedTuple):
    """What was reached from some functions, by name: their code, and the plain values that it reads."""

    code: dict[str, str]
    values: dict[str, Any]


def reached(**roots: Any) -> Reached:
    """Return the code and the values behind ``roots``, functions or values.

    Raises TypeError for a value that has no plain form.
    """
    found = Reached({}, {})
    todo: list[tuple[str, Any]] = [*roots.items()]
    while todo:
        name, thing = todo.pop()
        if isinstance(thing, partial):
            todo += [(name, thing.func), *((f"{name}.{i}", each) for i, each in enumerate(thing.args))]
        elif is_code(thing):
            todo += _read(inspect.unwrap(thing), found.code)
        elif name not in found.values:
            functions: list[tuple[str, Any]] = []
            found.values[name] = plain(thing, functions)
            todo += functions
    return found


def is_code(thing: Any) -> bool:
    """Return whether a thing is a function or class of Python."""
    return isinstance(inspect.unwrap(thing) if callable(thing) else thing, FunctionType | type)


def _read(thing: Any, code: dict[str, str]) -> list[tuple[str, Any]]:
    """Put the code of a function or class with that of the others, and return what it names."""
    name = f"{thing.__module__}.{thing.__qualname__}"
    if name in code or not _ours(thing):
        return []
    path = thing.__code__.co_filename if isinstance(thing, FunctionType) else inspect.getsourcefile(thing)
    first = thing.__code__.co_firstlineno if isinstance(thing, FunctionType) else 0
    code[name], names = _code(str(path), thing.__name__, first)
    space = thing.__globals__ if isinstance(thing, FunctionType) else vars(sys.modules[thing.__module__])
    inside = inspect.getclosurevars(thing).nonlocals if isinstance(thing, FunctionType) else {}
    return [
        *((f"{name}.{key}", value) for key, value in inside.items()),
        *_named(names, space, thing.__module__),
    ]


def _ours(thing: Any) -> bool:
    """Return whether a thing is the package's, or of a file that a study names; not of a library, nor one of WORDS."""
    module = str(inspect.unwrap(thing).__module__)
    return _decides(module) or module not in sys.modules


def _decides(module: str) -> bool:
    return module.partition(".")[0] == PACKAGE and not module.endswith(WORDS)


def _named(names: list[ast.AST], space: Mapping[str, Any], module: str) -> Iterator[tuple[str, Any]]:
    """Yield what of the package is named, by the module where it stands."""
    for each in names:
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            owner = space.get(each.value.id)
            if isinstance(owner, ModuleType) and _decides(owner.__name__) and hasattr(owner, each.attr):
                yield f"{owner.__name__}.{each.attr}", getattr(owner, each.attr)
        elif isinstance(each, ast.Name) and each.id in space:
            thing: Any = space[each.id]
            home = _home(each.id, space, module)
            if (
                not isinstance(thing, ModuleType)
                and not home.endswith(WORDS)
                and (not is_code(thing) or _ours(thing))
            ):
                yield f"{home}.{each.id}", thing


def _home(name: str, space: Mapping[str, Any], module: str) -> str:
    """Return the module that a value is imported from, which is its name wherever it is read."""
    return _imported(space.get("__file__") or "").get(name, module)


@cache
def _imported(path: str) -> dict[str, str]:
    """Return what a file imports at its top, by the name that it has there, with the first module that it is from."""
    found = [each for each in _tree(path).body if isinstance(each, ast.ImportFrom)] if path else []
    names = [((alias.asname or alias.name), str(each.module)) for each in found for alias in each.names]
    return dict(reversed(names))


def plain(thing: Any, functions: list[tuple[str, Any]]) -> Any:
    """Return a value as JSON has it; functions in it by name, and among ``functions``. Raises TypeError."""
    if isinstance(thing, Margin | BackendEntry | Words):
        return thing.value if isinstance(thing, Margin) else None
    if thing is None or isinstance(thing, str | bool | int | float):
        return thing
    if isinstance(thing, np.generic):
        return thing.item()
    if is_code(thing):
        functions.append(("", thing))
        return f"{thing.__module__}.{thing.__qualname__}"
    if dataclasses.is_dataclass(thing):
        thing = {each.name: getattr(thing, each.name) for each in dataclasses.fields(thing)}
    if isinstance(thing, Mapping):
        return {str(key): plain(value, functions) for key, value in thing.items()}
    if isinstance(thing, set | frozenset):
        return sorted(plain(each, functions) for each in thing)
    if isinstance(thing, tuple | list):
        return [plain(each, functions) for each in thing]
    if callable(thing):
        return getattr(thing, "__qualname__", type(thing).__name__)
    raise TypeError(f"found a {type(thing).__name__}; allowed: numbers, texts, lists, mappings and functions")


@cache
def _code(path: str, name: str, first: int) -> tuple[str, list[ast.AST]]:
    """Return the code of the function that begins on line ``first``, or of the class, without what decides nothing.

    And beside it the names in it.
    """
    for node in ast.walk(_tree(path)):
        if _is(node, name, first):
            bare = Bare().visit(ast.parse(ast.unparse(node)).body[0])
            return ast.unparse(bare), [
                each for each in ast.walk(bare) if isinstance(each, ast.Attribute | ast.Name)
            ]
    raise TypeError(f"{path}: the code of {name} is not to be found on line {first}")


def _is(node: ast.AST, name: str, first: int) -> bool:
    if isinstance(node, ast.ClassDef) and not first:
        return node.name == name
    if isinstance(node, ast.Lambda):
        return name == "<lambda>" and node.lineno == first
    if not isinstance(node, ast.FunctionDef):
        return False
    return node.name == name and first in [node.lineno, *(each.lineno for each in node.decorator_list)]


@cache
def _tree(path: str) -> ast.Module:
    return ast.parse(source(path))


def source(path: str) -> str:
    """Return the text of a file of code."""
    return Path(path).read_text(encoding="utf-8")
