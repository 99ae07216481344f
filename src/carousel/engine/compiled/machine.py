"""From LLVM's language to machine code: one small module per function, compiled in about ten milliseconds."""

from functools import cache
from typing import Any

from llvmlite import binding


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
