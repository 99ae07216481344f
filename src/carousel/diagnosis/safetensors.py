"""The tensors of a safetensors file, which holds no code: a header in JSON, and numbers."""

import json
import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from carousel.diagnosis.layer import ModuleError
from carousel.study.errors import allowed, short

MOST_HEADER = 100_000_000  # bytes of a safetensors header, the format's own limit
KINDS = {
    "F64": torch.float64,
    "F32": torch.float32,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I64": torch.int64,
    "I32": torch.int32,
    "I16": torch.int16,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
}
"""The types of safetensors; the short floats of one byte are left out."""


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file: a header's length (8 bytes), the header in JSON, and the numbers."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    try:
        header = json.loads(data[8 : 8 + min(size, MOST_HEADER)])
        return {
            name: tensor(name, entry, data[8 + size :])
            for name, entry in header.items()
            if name != "__metadata__"
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        if isinstance(error, ModuleError):
            raise
        raise ModuleError(
            f"no safetensors file, or not all of it ({type(error).__name__}); allowed: one that is whole"
        ) from None


def tensor(name: str, entry: dict[str, Any], data: bytes) -> Tensor:
    """One tensor of a safetensors file, from the numbers of all. Raises ModuleError."""
    if entry["dtype"] not in KINDS:
        raise ModuleError(f"{name}: found {short(entry['dtype'])}; {allowed(entry['dtype'], KINDS)}")
    (start, end), shape, kind = entry["data_offsets"], entry["shape"], KINDS[entry["dtype"]]
    if not 0 <= start <= end <= len(data) or end - start != math.prod(shape) * kind.itemsize:
        raise ModuleError(
            f"{name}: found {end - start} bytes for {short(shape)}; allowed: all of its numbers"
        )
    numbers = bytearray(data[start:end])
    return torch.frombuffer(numbers, dtype=kind).reshape(shape) if numbers else torch.zeros(shape, dtype=kind)
