"""Where a monitor's numbers go beside its table: TensorBoard, Weights & Biases, or a function."""

from collections.abc import Callable
from importlib import import_module
from typing import Any

from carousel.diagnosis.layer import ModuleError
from carousel.study.errors import allowed, short

Write = Callable[[dict[str, float], int], object]
"""Takes numbers by name, and the step of the training."""
NAMED = {"tensorboard": ("torch.utils.tensorboard", "SummaryWriter"), "wandb": ("wandb", "init")}
"""What makes a writer of its name."""


def writer_of(writer: Any) -> Write | None:
    """What writes to a SummaryWriter, a run of wandb, a function, or one of NAMED by its name. Raises ModuleError."""
    if isinstance(writer, str):
        writer = made(writer)
    if writer is None:
        return None
    if hasattr(writer, "add_scalar"):
        return lambda numbers, step: [writer.add_scalar(name, each, step) for name, each in numbers.items()]
    if hasattr(writer, "log"):
        return lambda numbers, step: writer.log(numbers, commit=False)  # the caller's next log sends it
    if callable(writer):
        return writer
    raise ModuleError(
        f"writer: found {short(writer)}; allowed: a SummaryWriter, a run of wandb, a function, {', '.join(NAMED)}"
    )


def made(name: str) -> Any:
    """The writer of a package that is installed. Raises ModuleError."""
    if name not in NAMED:
        raise ModuleError(f"writer: found {short(name)}; {allowed(name, NAMED)}")
    module, maker = NAMED[name]
    try:
        package = import_module(module)
    except ImportError:
        raise ModuleError(
            f"writer: {name} is not installed; allowed: pip install {name}, or no writer"
        ) from None
    return getattr(package, "run", None) or getattr(package, maker)()
