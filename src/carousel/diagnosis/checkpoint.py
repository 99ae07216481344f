"""A recurrent layer of torch.nn from a checkpoint: its weights alone, whatever else is in the file.

torch.load with weights_only reads tensors and plain containers and runs no code of the file. The names of the
weights tell the rest: `encoder.lstm.weight_ih_l0` is layer 0 of a module called `encoder.lstm.`, its prefix.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.torch_version import TorchVersion

from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.steps import first_line
from carousel.study.errors import allowed, short, shown

WEIGHT = re.compile(
    r"(?P<prefix>(?:.*\.)?)(?P<role>(?:weight|bias)_(?:ih|hh|hr))(?P<place>_l\d{1,4}(?:_reverse)?|)"
)
KINDS: dict[int, Any] = {1: nn.RNN, 3: nn.GRU, 4: nn.LSTM}  # by rows of W per unit
NONLINEARITIES = ("tanh", "relu")
SAFE = "2.10"  # before it, weights_only did not keep a crafted file from running code
MAX_DEPTH = 8  # dictionaries within dictionaries

Weights = dict[str, Tensor]


class Shape(NamedTuple):
    """The kind and the sizes of a module, as its weights' shapes give them."""

    kind: Any
    inputs: int
    hidden: int
    projected: int  # 0 for none


def load_checkpoint(path: Path | str, prefix: str | None = None, nonlinearity: str = "tanh") -> nn.RNNBase:
    """The torch.nn.RNN, LSTM or GRU whose weights the checkpoint at `path` holds, for `diagnose`.

    A state_dict saved by torch.save, or any dictionary that has one in it; torch's cells count as one layer.
    `prefix`: of the names of the wanted module, where the file has several. `nonlinearity`: of an RNN, tanh or relu,
    which its weights do not tell. float16 and bfloat16 become float32.
    Raises ModuleError, in one line, for a file that is none, holds code, lacks a weight or has a wrong one.
    """
    where = shown(path)
    if nonlinearity not in NONLINEARITIES:
        raise ModuleError(
            f"nonlinearity: found {short(nonlinearity)}; {allowed(nonlinearity, NONLINEARITIES)}"
        )
    try:
        return built(chosen(grouped(tensors(read(path))), prefix), nonlinearity)
    except ModuleError as error:
        raise ModuleError(f"{where}: {error}") from None


def read(path: Path | str) -> object:
    """The content of the file, tensors and plain containers alone. Raises ModuleError."""
    if TorchVersion(torch.__version__) < SAFE:
        raise ModuleError(f"torch: found {torch.__version__}; allowed: {SAFE} or later, for CVE-2026-24747")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ModuleError(f"cannot be read ({error.strerror or first_line(error)})") from None
    except Exception as error:  # any: a damaged file fails in many ways
        raise ModuleError(reason(error)) from None


def reason(error: Exception) -> str:
    """Why torch refused to load a file as weights alone."""
    if "weights_only" not in str(error) and "Unsupported" not in str(error):
        return f"no checkpoint, or not all of it ({type(error).__name__}); allowed: a file of torch.save"
    blocked = re.search(r"GLOBAL ([\w.]+)", str(error))
    what = f"{blocked[1]}, which is" if blocked else "what is"
    return (
        f"holds {what} code to load; allowed: weights only, as torch.save(module.state_dict(), path) writes"
    )


def tensors(content: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in a dictionary of dictionaries, by its full name."""
    if isinstance(content, Tensor):
        yield name, content
    elif isinstance(content, Mapping) and depth < MAX_DEPTH:
        for key, value in content.items():
            yield from tensors(value, f"{name}.{key}" if name else str(key), depth + 1)


def grouped(found: Iterator[tuple[str, Tensor]]) -> dict[str, Weights]:
    """The weights of recurrent layers by prefix, named as in torch.nn.LSTM. Raises ModuleError where there are none."""
    modules: dict[str, Weights] = {}
    for name, tensor in found:
        if match := WEIGHT.fullmatch(name):
            weights = modules.setdefault(match["prefix"], {})
            weights[f"{match['role']}{match['place'] or '_l0'}"] = tensor
    modules = {
        prefix: weights for prefix, weights in modules.items() if any("_hh" in name for name in weights)
    }
    if not modules:
        raise ModuleError(
            "no recurrent weights; allowed: those of torch.nn.RNN, LSTM or GRU, as in weight_hh_l0"
        )
    return modules


def chosen(modules: dict[str, Weights], prefix: str | None) -> Weights:
    """The weights of one module. Raises ModuleError where `prefix` does not name one of several."""
    if prefix is None and len(modules) == 1:
        return next(iter(modules.values()))
    by_name = {name.removesuffix("."): weights for name, weights in modules.items()}
    wanted = (prefix or "").removesuffix(".")
    if prefix is None or wanted not in by_name:
        names = [short(name) for name in by_name]
        raise ModuleError(f"prefix: found {short(prefix)}; {allowed(repr(wanted), names)}")
    return by_name[wanted]


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
