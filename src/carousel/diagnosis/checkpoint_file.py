"""The content of a checkpoint's file: tensors, plain containers, and records of all else. No code of the file runs.

torch.load with weights_only builds tensors and plain containers. What else people save beside their weights (NumPy's
numbers and random states, an argparse.Namespace, paths, configurations) names classes; each becomes a Record, which
keeps what the file says of it. Names of functions and of whole modules are refused.
"""

import math
import re
import sys
import warnings
from _compat_pickle import IMPORT_MAPPING
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.torch_version import TorchVersion

from carousel.diagnosis import safetensors
from carousel.diagnosis.layer import ModuleError
from carousel.diagnosis.steps import first_line
from carousel.study.errors import short
from carousel.tables.checksum import endless

SAFE = "2.10"  # before it, weights_only did not keep a crafted file from running code
STANDARD = set("argparse collections datetime decimal enum fractions pathlib types uuid zoneinfo".split())
"""The modules of the standard library whose classes are data."""
BUILTINS = set(
    "bytearray bytes complex dict float frozenset int list object range set slice str tuple".split()
)
LOWER = set("defaultdict deque date datetime time timedelta timezone".split())
"""Classes that begin with a small letter; all other such names are functions'."""
MOST_NAMES = 1000


class Record:
    """An object whose class is not loaded: its arguments and its state, as the file has them."""

    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> "Record":
        record = super().__new__(cls)
        record.args, record.state = args, None
        return record

    def __init__(self, *args: Any) -> None:
        """`__new__` has kept them: the file may make an object without this call."""

    def __setstate__(self, state: Any) -> None:
        self.state = state


class MappingRecord:
    """In the place of a class of dictionaries: its items, as a plain one."""

    def __new__(cls, *args: Any) -> Any:
        return OrderedDict(*(a for a in args[-1:] if isinstance(a, dict)))


class ListRecord:
    """In the place of a class of lists."""

    def __new__(cls, *args: Any) -> Any:
        return list(*(a for a in args[:1] if isinstance(a, list)))


def read(path: Path | str) -> object:
    """The content of the file, by torch.save or of safetensors. Raises ModuleError."""
    if TorchVersion(torch.__version__) < SAFE:
        raise ModuleError(f"torch: found {torch.__version__}; allowed: {SAFE} or later, for CVE-2026-24747")
    try:
        if endless(Path(path)):
            raise ModuleError("cannot be read (not a file); allowed: a file of torch.save or safetensors")
        with Path(path).open("rb") as file:
            start = file.read(9)
        return safetensors.read(Path(path)) if start[8:] == b"{" else unpickled(path)
    except OSError as error:
        raise ModuleError(f"cannot be read ({error.strerror or first_line(error)})") from None


def unpickled(path: Path | str) -> object:
    """The content of a file of torch.save, read again with one class more known each time. Raises ModuleError."""
    forms: dict[str, Any] = {}
    while len(forms) <= MOST_NAMES:
        try:
            with torch.serialization.safe_globals([(form, name) for name, form in forms.items()]):
                return loaded(path)
        except OSError:
            raise
        except Exception as error:  # any: a damaged file fails in many ways
            if not (more := form_wanted(str(error), forms)):
                raise ModuleError(reason(str(error), type(error).__name__)) from None
            forms |= more
    raise ModuleError(f"names more than {MOST_NAMES} classes; allowed: weights, and less beside them")


def loaded(path: Path | str) -> object:
    """What torch.load makes of the file; it warns of a pickle protocol that it then may refuse."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.load(path, map_location="cpu", weights_only=True)


def form_wanted(said: str, forms: dict[str, Any]) -> dict[str, Any]:
    """The class that stands for the one that torch refused; none where it is not one of data, or all was tried."""
    if blocked := re.search(r"Unsupported global: GLOBAL (\S+) was not", said):
        name = blocked[1] if "." in blocked[1] else f"builtins.{blocked[1]}"
        module, _, own = name.rpartition(".")
        known = own.isidentifier() and is_data(module, own)
        return {name: type(own, (Record,), {"__module__": module})} if known else {}
    if filled := re.search(r"Can only (SETITEM|append|extend).* but got <class '([^']+)'>", said):
        form = MappingRecord if filled[1] == "SETITEM" else ListRecord
        return {filled[2]: form} if issubclass(forms.get(filled[2], object), Record) else {}
    return {}


def is_data(module: str, name: str) -> bool:
    """Whether a name of a file is that of a class of data, not of a function or a part of a network."""
    top = IMPORT_MAPPING.get(module, module).partition(".")[0]  # torch writes Python 2's names of modules
    if top == "builtins":
        return name in BUILTINS
    if top in sys.stdlib_module_names and top not in STANDARD:
        return False
    return top == "numpy" or name in LOWER or (name[:1].isupper() and not module.startswith("torch.nn"))


def reason(said: str, kind: str) -> str:
    """Why torch refused to load a file as weights alone."""
    if "Unsupported operand" in said:
        return (
            "holds what may be code to load; allowed: weights only, in torch.save's own pickle protocol (2), "
            "for torch checks no other"
        )
    if "weights_only" not in said and "Unsupported" not in said:
        return f"no checkpoint, or not all of it ({kind}); allowed: a file of torch.save or safetensors"
    blocked = re.search(r"GLOBAL ([\w.]+)", said)
    what = f"{blocked[1]}, which is" if blocked else "what is"
    return (
        f"holds {what} code to load; allowed: weights only, as torch.save(module.state_dict(), path) writes"
    )


def array(record: Record) -> Tensor | None:
    """The numbers of a NumPy array by its record; None for a record of something else. Raises ModuleError."""
    match record.state:
        case (_, tuple(shape), Record(args=(str(code), *_)) as dtype, bool(fortran), bytes(data)) if (
            re.fullmatch("[fiu][1248]", code)
        ):
            order: Any = dtype.state[1] if isinstance(dtype.state, tuple) else "="
            kind = np.dtype(code)
            if len(data) != math.prod(shape) * kind.itemsize:
                raise ModuleError(f"holds a damaged array, {short(shape)} of {len(data)} bytes; allowed: all")
            flat = np.frombuffer(data, kind.newbyteorder(order)).astype(kind)
            return torch.from_numpy(flat.reshape(shape, order="F" if fortran else "C").copy())
    return None
