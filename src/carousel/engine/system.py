"""What a measurement starts from: models on a backend, and what drives them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from carousel.axes import Net, Series, State
from carousel.cells import Cell, Params
from carousel.engine.backends.backend import Backend
from carousel.engine.recurrence import PATHS, ArrayOps, Gates, Step, chunks, effective

if TYPE_CHECKING:
    from carousel.engine.engine import Engine


class System(NamedTuple):
    """M models of one cell, driven by inputs [T M D B] from the state before the first step.

    Parameters, inputs and state are arrays of `backend`, one state for each that the cell names, in its size.
    """

    backend: Backend
    cell: Cell
    params: Params
    xs: Series
    state: State

    @property
    def engine(self) -> "Engine[Any]":
        """How the backend goes through time with the cell."""
        return self.backend.engine.of(self.cell)

    @property
    def full(self) -> Gates:
        """All gates."""
        return PATHS["full"](self.cell)

    @property
    def ops(self) -> ArrayOps:
        """The functions of a forward pass whose derivative passes through all gates."""
        return self.backend.ops(self.cell, self.full)

    def effective(self) -> "System":
        """The system with R itself in the place of what it is made from."""
        return self._replace(params=effective(self.ops, self.cell, self.params))

    def models(self, which: slice) -> "System":
        """The system of some of the models."""
        W, R, b, p = self.params
        params = Params(W[which], R[which], b[which], {name: value[which] for name, value in p.items()})
        return self._replace(params=params, xs=self.xs[:, which], state=tuple(s[which] for s in self.state))

    def sequences(self, which: slice) -> "System":
        """The system on some of the sequences."""
        return self._replace(xs=self.xs[..., which], state=tuple(s[..., which] for s in self.state))

    def chunks(self, length: int, factors: bool = False) -> Iterator[list[Step]]:
        """The steps of a forward pass, `length` at a time, the last first, with R itself among the parameters."""
        return chunks(self.ops, self.cell, self.params, self.xs, self.state, length, factors)

    def prepared(self, steps: Sequence[Step]) -> list[Step]:
        """`steps` with what their adjoints have in common, where that is cheaper than step by step."""
        return self.engine.prepared(self.backend, self.cell, self.params, steps)

    def vjp(self, step: Step, d_state: State, gates: Gates) -> State:
        """The adjoint of the state before `step` through `gates`, from that of the state after it."""
        return self.backend.vjp(self.cell, self.params, step, d_state, gates)

    def error(self, step: Step, d_state: State) -> tuple[State, Net]:
        """The adjoints of the state before `step`, through all gates, and of its W x + b."""
        return self.backend.error(self.cell, self.params, step, d_state)
