"""From LLVM's language to machine code: one small module per function, compiled in about ten milliseconds.

The loops are written for Numba, which takes seconds to compile them and half a second to load what it keeps. So what
it makes of them is kept here, in LLVM's language, and Numba is imported where that is not there yet.
"""

import ctypes
import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite
import numpy as np
from llvmlite import binding

HERE = Path(__file__).parent
SOURCES = "loops.py", "plans.py", "machine.py"
"""The files that the loops are made of."""


@cache
def target() -> Any:
    """This machine. The vectors are written out, so there is nothing for an optimiser to find."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    features = binding.get_host_cpu_features().flatten()
    return binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=features, opt=2, jit=True
    )


@cache
def register_bytes() -> int:
    """The width of a vector register."""
    return 64 if binding.get_host_cpu_features().get("avx512f") else 32


ENGINES: list[Any] = []  # the owners of the code, which lives as long as the process


def compiled(module: Any, name: str) -> int:
    """The address of the function `name` of a module."""
    checked = binding.parse_assembly(str(module))
    checked.verify()
    engine = binding.create_mcjit_compiler(checked, target())
    engine.finalize_object()
    ENGINES.append(engine)
    return int(engine.get_function_address(name))


@cache
def loop(name: str) -> Callable[..., None]:
    """A loop of `loops`, as a function of integers and of records, which are passed by their address."""
    function = ctypes.CFUNCTYPE(ctypes.c_int32)(compiled(*texts()[name]))
    nothing = ctypes.byref(ctypes.c_void_p())

    def run(*arguments: int | np.ndarray) -> None:
        passed = (a.ctypes.data if isinstance(a, np.ndarray) else a for a in arguments)
        function(nothing, nothing, *map(ctypes.c_int64, passed))

    return run


@cache
def texts() -> dict[str, list[str]]:
    """By the name of each loop its text and its name there, kept from an earlier process where there was one."""
    for folder in folders():
        with suppress(OSError, ValueError):
            return json.loads((folder / kept_as()).read_text())
    from carousel.engine.compiled import loops

    made = {each.__name__: [*loops.llvm(each)] for each in loops.ENTRIES}
    for folder in folders():
        with suppress(OSError):
            keep(folder / kept_as(), json.dumps(made))
            break
    return made


def folders() -> list[Path]:
    """Where the loops are kept: beside Python's own compiled files, or where the user may write."""
    home = os.environ.get("HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or (home and f"{home}/.cache")
    return [HERE / "__pycache__", *([Path(cache, "carousel")] if cache else [])]


@cache
def kept_as() -> str:
    """A file's name for the loops as they are written now, as this Numba compiles them for this processor."""
    written = [(HERE / name).read_text() for name in SOURCES]
    made_by = [version("numba"), llvmlite.__version__, binding.get_host_cpu_name()]
    return f"loops.{hashlib.sha256(repr(written + made_by).encode()).hexdigest()[:16]}.json"


def keep(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)
