"""What the persistent kernels become on a Hopper GPU, compiled without one: registers, spills, shared memory, cycles.

    python benchmarks/gpu/compiled.py [cell ...]

The instructions in the loop over time are counted in the machine code. They bound a step from below: an SM issues four
warps' multiply-adds a cycle and serves one wavefront of shared memory a cycle (a load of 64 bits a thread takes two,
one of 128 bits four, or one where all threads ask for the same). A bound is no measurement.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

sys.path.insert(0, str(Path(__file__).parents[1]))  # where the package `gpu` is, for a script

from carousel.cells import CELLS
from gpu.launch import ROWS, kernels

KERNELS = ("forward", "norms", "errors")
TYPES = {"power": "*i32", "powers": "*i32", "squares": "*fp64"}
SIZES = ("M", "T", "B", "N")


class Compiled(NamedTuple):
    """A kernel in machine code, and the bytes of shared memory that it asks for."""

    text: str
    resources: str
    shared: int


def compiled(cell: str, kernel: str, hidden: int, warps: int, capability: int = 90) -> Compiled:
    """A kernel of `cell` for a GPU of `capability`."""
    function = getattr(kernels(CELLS[cell]).module, kernel)
    constants = {"H": hidden, "ROWS": ROWS, "SAVE": True}
    signature = {name: kind(name, constants) for name in function.arg_names}
    given = {name: value for name, value in constants.items() if name in signature}
    aligned: Any = {
        (k,): [["tt.divisibility", 16]] for k, name in enumerate(signature) if signature[name][0] == "*"
    }
    source = ASTSource(function, signature, given, aligned)
    options = {"num_warps": warps, "enable_fp_fusion": True}
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    return Compiled(
        *(dumped(made.asm["cubin"], what) for what in ("sass", "resource-usage")), made.metadata.shared
    )


def kind(name: str, constants: dict[str, Any]) -> str:
    """The type of an argument."""
    if name in constants:
        return "constexpr"
    return "i32" if name in SIZES else TYPES.get(name, "*fp32")


def dumped(cubin: bytes, what: str) -> str:
    """`what` cuobjdump says about a binary."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        Path(file.name).write_bytes(cubin)
        return subprocess.run(
            [tool, f"--dump-{what}", file.name], capture_output=True, text=True, check=True
        ).stdout


def loop(text: str) -> list[str]:
    """The instructions of the longest loop: from where the farthest jump back leads to, to that jump."""
    lines = re.findall(r"/\*([0-9a-f]{4,})\*/\s+(.*?);", text)
    jumps = [
        (int(at, 16) - int(found[1], 16), int(found[1], 16), int(at, 16))
        for at, line in lines
        if (found := re.search(r"\bBRA\S* (?:\S+, )?`?\(?0x([0-9a-f]+)", line))
    ]
    _, first, last = max(jumps)
    return [line for at, line in lines if first <= int(at, 16) <= last]


def figures(cell: str, kernel: str, hidden: int, warps: int) -> dict[str, Any]:
    """One row of the table."""
    made = compiled(cell, kernel, hidden, warps)
    step = loop(made.text)
    count = {
        op: sum(op in line for line in step) for op in ("FFMA", "LDS", "LDSM", "LDL", "BAR", "LDG", "MUFU")
    }
    registers, stack = re.findall(r"REG:(\d+) STACK:(\d+)", made.resources)[0]
    return {
        "cell": cell,
        "kernel": kernel,
        "warps": warps,
        "registers": int(registers),
        "stack": int(stack),
        "shared": made.shared,
        **count,
        "issue": count["FFMA"] * warps // 4,
        "wavefronts": sum(map(wavefronts, step)) * warps,
    }


def wavefronts(line: str) -> int:
    """Of shared memory, by the width of a load; the widest are those of the states, which all threads share."""
    if "LDS.64" in line:
        return 2
    return int("LDS" in line)


if __name__ == "__main__":
    for each in sys.argv[1:] or ("lstm", "gru", "rnn_tanh"):
        table = [figures(each, kernel, 64, warps) for kernel in KERNELS for warps in (4, 8)]
        print(f"Triton {triton.__version__}, sm_90, H=64, {ROWS} sequences a tile")
        print(pd.DataFrame(table).to_string(index=False), flush=True)
