"""The adjoint of one loss on its paths through time: what is carried back, and what every engine yields."""

from typing import NamedTuple

from jaxtyping import Float

from carousel.axes import Array
from carousel.cells import Cell
from carousel.engine.decomposition import Decomposition
from carousel.engine.log_space import Scaled
from carousel.engine.recurrence import PATHS, Gates


class Path(NamedTuple):
    """Where an adjoint starts, and the gates that it passes on its way back.

    It starts at the last state with the loss's gradient or, for the carousel, with 1 in each of its units, which is
    then followed unit by unit.
    """

    carousel: bool
    gates: Gates


CAROUSEL = Path(True, frozenset())


class Carried(NamedTuple):
    """The carried state: what has come back to one lag."""

    adjoints: dict[Path, Scaled]  # of the joint state
    log_factors: Float[Array, "M _ B"]  # the sum since the loss of the logs of the Q&A's factors
    net: Scaled | None = None  # of W x + b [M GH B] of the step last passed, on the full path; none at lag 0
    decomposition: Decomposition | None = None  # of the full path, in a cell whose only way through time is R


def path(cell: Cell, name: str) -> Path:
    """The loss's path `name`, one of PATHS."""
    return Path(False, PATHS[name](cell))


def paths(cell: Cell) -> list[Path]:
    """All paths of a cell, the full one first; a path that has two names is there once."""
    own = [CAROUSEL] if cell.carries else []
    return [*dict.fromkeys(path(cell, name) for name in PATHS), *own]


def is_open(cell: Cell, path: Path) -> bool:
    """Whether there is a way through time on `path`: with all gates blocked, only in a cell that carries."""
    return cell.carries or bool(path.gates)
