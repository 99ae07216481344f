"""Reading yaml that people write, safely: plain values, a bounded size and depth, one line for what is wrong."""

import re
from pathlib import Path
from typing import Any

import yaml

from carousel.study.errors import StudyError, short, shown

MOST_BYTES = 100_000  # of a study: six times those of config/standard.yaml; more would take seconds to read
MOST_VALUES = 10_000  # and keys, of which that has 1,500
DEEPEST = 16  # levels of lists and mappings, of which it has five


def values(text: str, path: Path) -> Any:
    """The content of `text`, which stands in the file at `path`, loaded safely. Raises StudyError."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise StudyError(f"{shown(path)}: {_syntax(error, text)}") from None


def text_of(path: Path) -> str:
    """The text in the file, without a byte order mark. Raises StudyError."""
    data = b""
    try:
        if path.exists() and not path.is_file():
            raise StudyError(f"{shown(path)}: cannot be read (not a file); allowed: a yaml file")
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise StudyError(f"{shown(path)}: too large for a study; allowed: {MOST_BYTES // 1000} kB")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line, byte = data.count(10, 0, error.start) + 1, data[error.start]
        problem = f"line {line}: found the byte 0x{byte:02x}; allowed: a yaml file in UTF-8"
        raise StudyError(f"{shown(path)}: {problem}") from None
    except (OSError, ValueError) as error:  # ValueError: a zero in the path
        reason = getattr(error, "strerror", None) or error
        raise StudyError(f"{shown(path)}: cannot be read ({reason}); allowed: a yaml file") from None


def _syntax(error: yaml.YAMLError, text: str) -> str:
    """What yaml does not understand, and on which line."""
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position)
        return f"line {line + 1}: found the character {short(chr(error.character))}; allowed: printable ones"
    mark, what = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    if what.startswith("but "):  # of one document
        what = f"{getattr(error, 'context', '')}, {what}"
    what = " ".join(what.encode("ascii", "backslashreplace").decode().split())
    message = what if "; allowed: " in what else f"{what}; allowed: plain yaml"
    return f"line {mark.line + 1}: {message}" if mark else message


class _Loader(yaml.SafeLoader):
    """Plain yaml, read as YAML 1.2 does: 1e-3 is a number, no and 1:30 and dates are text.

    Whatever says more or less than it seems to is refused: tags, anchors and aliases, keys that stand twice. Merge
    keys (`<<`) are unknown keys.
    """

    yaml_implicit_resolvers: dict = {}
    depth = nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        problem = _refused(event)
        self.depth, self.nodes = self.depth + 1, self.nodes + 1
        if self.depth > DEEPEST or self.nodes > MOST_VALUES:
            problem = f"too much for a study; allowed: {MOST_VALUES} keys and values in {DEEPEST} levels"
        if problem:
            raise yaml.composer.ComposerError(problem=problem, problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            problem = ""
            if key.tag != f"{YAML}str":
                text = short(key.value) if isinstance(key, yaml.ScalarNode) else f"a {key.id}"
                problem = f"found {text} for a key; allowed: a name"
            elif key.value in seen:
                problem = f"key {short(key.value)} stands twice; allowed: once"
            if problem:
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


YAML = "tag:yaml.org,2002:"
DIGITS = "-+0123456789"
PLAIN = {  # what plain scalars are but text: first characters, pattern; the first that matches
    "null": (["~", "n", "N", ""], r"~|null|Null|NULL|"),
    "bool": (list("tTfF"), r"true|True|TRUE|false|False|FALSE"),
    "int": (list(DIGITS), r"[-+]?(0|[1-9][0-9]{0,400})"),  # Python reads no more than 4,300 digits
    "float": (
        list(DIGITS + "."),
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
    ),
}
for kind, (first, pattern) in PLAIN.items():
    _Loader.add_implicit_resolver(YAML + kind, re.compile(rf"(?:{pattern})\Z"), first)


def _refused(event: yaml.Event) -> str:
    """What a study may not have at the place of `event`, and what it may; nothing if it may."""
    if isinstance(event, yaml.AliasEvent):
        return f"found the alias {short(event.anchor)}; allowed: values written out"
    if getattr(event, "anchor", None):
        return f"found the anchor {short(event.anchor)}; allowed: values written out"
    tag = (getattr(event, "tag", None) or "").replace(YAML, "!!")
    return f"found the tag {short(tag)}; allowed: values without tags" if tag else ""
