"""The structure of a state: a tensor, or tuples, named tuples, lists, dictionaries and data classes of them.

A dictionary's parts are taken by the order of their keys, not by that in which they were put in; None has no parts.
"""

from collections.abc import Iterator, Mapping
from copy import copy
from dataclasses import fields, is_dataclass, replace
from itertools import chain
from typing import Any

from torch import Tensor

from carousel.study.errors import short


def children(state: Any) -> list[Any] | None:
    """What a container holds; None for what is no container."""
    if isinstance(state, Mapping):
        return [state[key] for key in sorted(state, key=str)]
    if isinstance(state, (tuple, list)):
        return list(state)
    if is_dataclass(state) and not isinstance(state, type):
        return [getattr(state, field.name) for field in fields(state)]
    return None


def leaves(state: Any) -> tuple[Any, ...]:
    """What the containers hold in the end, tensors or not."""
    inside = children(state)
    if inside is None:
        return () if state is None else (state,)
    return tuple(chain.from_iterable(map(leaves, inside)))


def rebuilt(like: Any, parts: Iterator[Tensor]) -> Any:
    """The structure of `like` with `parts` for its leaves."""
    inside = children(like)
    if inside is None:
        return None if like is None else next(parts)
    new = [rebuilt(each, parts) for each in inside]
    if isinstance(like, Mapping):
        filled: Any = copy(like)
        for key, value in zip(sorted(like, key=str), new, strict=True):
            filled[key] = value
        return filled
    if isinstance(like, (tuple, list)):
        return like._make(new) if hasattr(like, "_make") else type(like)(new)
    return replace(like, **{field.name: value for field, value in zip(fields(like), new, strict=True)})


def is_state(found: Any) -> bool:
    """Whether `found` is made of tensors of real numbers."""
    parts = leaves(found)
    return bool(parts) and all(isinstance(part, Tensor) and part.is_floating_point() for part in parts)


def shapes_text(found: Any) -> str:
    """What was found, by shapes."""
    if isinstance(found, Tensor):
        return str(tuple(found.shape))
    inside = children(found)
    return short(found) if inside is None else f"({', '.join(map(shapes_text, inside))})"
