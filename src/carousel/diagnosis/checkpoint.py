"""A recurrent layer of torch.nn from a checkpoint: its weights alone, whatever else is in the file.

Their names tell all: `encoder.lstm.weight_ih_l0` is of layer 0 of the module with the prefix `encoder.lstm.`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from carousel.diagnosis.checkpoint_file import Record, array, read
from carousel.diagnosis.derived_weights import PARTS, Parts, weight
from carousel.diagnosis.layer import ModuleError
from carousel.study.errors import allowed, short, shown

WEIGHT = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<role>(?:weight|bias)_(?:ih|hh|hr))(?P<place>_l\d{1,4}(?:_reverse)?|)"
    rf"(?P<part>{PARTS}|)"
)
WRAPPERS = {"module", "parametrizations", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"}
"""Names that a wrapper puts before those of the module in it."""
KINDS: dict[int, Any] = {1: nn.RNN, 3: nn.GRU, 4: nn.LSTM}  # by rows of W per unit
NONLINEARITIES = ("tanh", "relu")
MAX_DEPTH = 8  # containers within containers

Weights = dict[str, Tensor]


class Shape(NamedTuple):
    """The kind and the sizes of a module, as its weights' shapes give them."""

    kind: Any
    inputs: int
    hidden: int
    projected: int  # 0 for none


def load_checkpoint(path: Path | str, prefix: str | None = None, nonlinearity: str = "tanh") -> nn.RNNBase:
    """The torch.nn.RNN, LSTM or GRU whose weights the checkpoint at `path` holds, for `diagnose`.

    A state_dict in a file of torch.save or safetensors, alone or in dictionaries, lists and objects; torch's cells
    count as one layer. A weight under weight_norm, spectral_norm or pruning is the one in evaluation mode.
    `prefix`: of the names of the wanted module or its end, where the file has several. `nonlinearity`: of an RNN, tanh
    or relu, which its weights do not tell. float16 and bfloat16 become float32.
    Raises ModuleError, in one line, for a file that is none, holds code, lacks a weight or has a wrong one.
    """
    where = shown(path)
    if nonlinearity not in NONLINEARITIES:
        raise ModuleError(
            f"nonlinearity: found {short(nonlinearity)}; {allowed(nonlinearity, NONLINEARITIES)}"
        )
    try:
        found = dict(tensors(read(path)))
        modules = grouped(iter(found.items()))
        name = chosen(modules, prefix)
        check_alone(name, found)
        weights = {own: weight(own, parts) for own, parts in modules[name].items()}
        return built(weights, nonlinearity)
    except ModuleError as error:
        raise ModuleError(f"{where}: {error}") from None


def tensors(content: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in containers within containers, by its full name; a NumPy array is one, too."""
    if isinstance(content, Record):
        numbers = array(content)
        content = content.state if numbers is None else numbers
    if isinstance(content, Tensor):
        yield name, content
    elif depth < MAX_DEPTH:
        for key, value in entries(content):
            yield from tensors(value, f"{name}.{key}" if name else str(key), depth + 1)


def entries(content: object) -> Iterable[tuple[object, object]]:
    """What a container holds, by key or place; nothing for what is none."""
    if isinstance(content, Mapping):
        return content.items()
    return enumerate(content) if isinstance(content, (list, tuple)) else ()


def grouped(found: Iterator[tuple[str, Tensor]]) -> dict[str, dict[str, Parts]]:
    """The weights of recurrent layers by prefix, named as in torch.nn.LSTM. Raises ModuleError where there are none."""
    modules: dict[str, dict[str, Parts]] = {}
    for name, tensor in found:
        if match := WEIGHT.fullmatch(name):
            own, part = f"{match['role']}{match['place'] or '_l0'}", match["part"]
            prefix = unwrapped(match["prefix"])
            if part in modules.get(prefix, {}).get(own, {}):
                prefix = match["prefix"]  # the file has it with and without a wrapper
            modules.setdefault(prefix, {}).setdefault(own, {})[part] = tensor
    modules = {
        prefix: weights for prefix, weights in modules.items() if any("_hh" in name for name in weights)
    }
    if not modules:
        raise ModuleError(
            "no recurrent weights; allowed: those of torch.nn.RNN, LSTM or GRU, as in weight_hh_l0"
        )
    return modules


def unwrapped(prefix: str) -> str:
    """A prefix without the names that DataParallel, torch.compile and the like put into it."""
    return "".join(f"{each}." for each in prefix.split(".") if each and each not in WRAPPERS)


def chosen(modules: dict[str, dict[str, Parts]], prefix: str | None) -> str:
    """The prefix of one module. Raises ModuleError where `prefix` does not name one of several.

    The end of a prefix will do where one alone ends so.
    """
    by_name = {name.removesuffix("."): name for name in modules}
    if prefix is None:
        named = [*by_name]
    else:
        ways = prefix.removesuffix("."), unwrapped(f"{prefix}.").removesuffix(".")
        named = [way for way in ways if way in by_name][:1]
        named = named or [name for name in by_name if f".{name}".endswith(f".{ways[1]}")]
    if len(named) != 1:
        names = [short(name) for name in by_name]
        raise ModuleError(
            f"prefix: found {short(prefix)}; {allowed(repr((prefix or '').removesuffix('.')), names)}"
        )
    return by_name[named[0]]


def check_alone(prefix: str, found: Mapping[str, Tensor]) -> None:
    """Raise ModuleError where a module has more in it than torch's own have, as one with layer norm does.

    Of a module without a prefix, what is further inside may be an optimiser's.
    """
    for name, tensor in found.items():
        outer, _, last = name.rpartition(".")
        own = (unwrapped(f"{outer}.") + last).removeprefix(prefix)
        inside = f"{unwrapped(f'{outer}.')}{last}".startswith(prefix) and (prefix or own.count(".") < 2)
        if tensor.is_floating_point() and inside and not WEIGHT.fullmatch(name):
            raise ModuleError(
                f"{name}: found beside its weights, but a torch.nn.RNN, LSTM or GRU has none; allowed: theirs alone "
                "(diagnose measures a module of your own, built and loaded)"
            )


def built(weights: Weights, nonlinearity: str) -> nn.RNNBase:
    """The module that has these weights. Raises ModuleError."""
    for name, tensor in weights.items():
        if not tensor.is_floating_point() or tensor.layout != torch.strided:
            raise ModuleError(f"{name}: found {tensor.dtype}, {tensor.layout}; allowed: dense real numbers")
    shape, layers = shape_of(weights), layers_of(weights)
    options: dict[str, Any] = {"nonlinearity": nonlinearity} if shape.kind is nn.RNN else {}
    options |= {"proj_size": shape.projected} if shape.projected else {}
    with torch.device("meta"):  # takes no memory before the shapes are known to be right
        module = shape.kind(
            shape.inputs,
            shape.hidden,
            num_layers=layers,
            bias=any(name.startswith("bias") for name in weights),
            bidirectional=any(name.endswith("_reverse") for name in weights),
            **options,
        )
    check(weights, {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()})
    single = all(tensor.dtype != torch.float64 for tensor in weights.values())
    dtype = torch.float32 if single else torch.float64
    module.load_state_dict({name: tensor.to(dtype) for name, tensor in weights.items()}, assign=True)
    return module


def shape_of(weights: Weights) -> Shape:
    """Kind and sizes, from the first layer. Raises ModuleError."""
    W, R, projection = (weights.get(f"weight_{role}_l0") for role in ("ih", "hh", "hr"))
    if W is None or R is None:
        raise ModuleError(f"weight_{'ih' if W is None else 'hh'}_l0: missing; found {short(sorted(weights))}")
    if any(each is not None and each.ndim != 2 for each in (W, R, projection)):
        raise ModuleError("weight_ih_l0, weight_hh_l0: allowed: matrices")
    hidden = R.shape[1] if projection is None else projection.shape[1]
    kind = KINDS.get(len(R) // hidden) if hidden and len(R) % hidden == 0 else None
    if kind is None or (projection is not None and kind is not nn.LSTM) or not W.shape[1]:
        raise ModuleError(
            f"weight_hh_l0: found {tuple(R.shape)}; allowed: 1 (RNN), 3 (GRU) or 4 (LSTM) times as many rows as units"
        )
    return Shape(kind, W.shape[1], hidden, 0 if projection is None else len(projection))


def layers_of(weights: Weights) -> int:
    """How many layers. Raises ModuleError where one between them is missing."""
    numbers = {int(re.findall(r"_l(\d+)", name)[0]) for name in weights}
    for number in range(len(numbers)):
        if number not in numbers:
            raise ModuleError(f"weight_ih_l{number}: missing, though there are layers up to {max(numbers)}")
    return len(numbers)


def check(weights: Weights, wanted: dict[str, tuple[int, ...]]) -> None:
    """Raise ModuleError where a weight is missing, has another shape, is not finite or is one too many."""
    for name, shape in wanted.items():
        if name not in weights:
            raise ModuleError(f"{name}: missing; allowed: shape {shape}")
        if tuple(weights[name].shape) != shape:
            raise ModuleError(f"{name}: found shape {tuple(weights[name].shape)}; allowed: {shape}")
        if not weights[name].isfinite().all():
            raise ModuleError(f"{name}: found NaN or infinity; allowed: finite numbers")
    for name in weights:
        if name not in wanted:
            raise ModuleError(f"{name}: found, but not in a module of this kind; {allowed(name, wanted)}")
