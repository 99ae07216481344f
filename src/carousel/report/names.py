"""What readers of the page and of figures see instead of the names in the tables, with a typeset apostrophe."""

from carousel.analysis.names import (
    CELLS,
    INITS,
    backend,
    cell,
    forget_bias,
    init as plain,
    path,
    quantity,
    spelled,
    task,
    value,
)

__all__ = ["CELLS", "INITS", "backend", "cell", "forget_bias", "init", "path", "quantity", "setting", "spelled", "task",
           "value"]  # fmt: skip


def init(name: str) -> str:
    """Return an init's name in words, to stand before "init", or its own where the table has none."""
    return plain(name).replace("'", "\N{RIGHT SINGLE QUOTATION MARK}")


def setting(name: str, bias: str) -> str:
    """Return a cell and its forget bias, if it has one, short enough for a label."""
    return cell(name) + ("" if bias == "none" else f", bias {forget_bias(bias)}")
