"""The embedded Reber grammar, whose strings end in the symbol that was their second.

The Reber grammar (Reber 1967) is a graph of eight states; a string is a way through it. Embedded, that string stands
between B T and T E or between B P and P E (Hochreiter and Schmidhuber 1997, experiment 1). At each step
the next symbol is the target; short memory is enough for all but the T or P that comes back, the long-range symbol.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from carousel.tasks.task import Batch, Task, mostly_right, one_hot

LETTERS = "BTPSXVE"
REBER = ("B1", "T2 P3", "S2 X4", "T3 V5", "X3 S6", "P4 V6", "E7")  # the ways out of states 0 to 6
SHORTEST = 8  # steps: the shortest string has nine symbols
SHORTEST_STREAM = 50  # steps: one stream in 400,000 has no long-range symbol in the first 51 symbols

Odds = Float[
    np.ndarray, "L G 2"
]  # symbol by symbol, of taking each of the two ways out of each state of the graph


class Graph(NamedTuple):
    """States with up to two ways out, each a symbol and the state it leads to; -1 where there is no second way."""

    symbol: Int[np.ndarray, "G 2"]
    after: Int[np.ndarray, "G 2"]
    recalls: Bool[np.ndarray, " G"]  # does the long-range symbol follow?

    @property
    def end(self) -> int:
        """The state after a whole string."""
        return len(self.symbol) - 1


@cache
def embedded() -> Graph:
    """The embedded grammar: start, branch, a copy of Reber's graph for T and one for P, a state for E, the end."""
    size = len(REBER) + 1
    copies, last = {"T": 2, "P": 2 + size}, 2 + 2 * size
    ways = [[("B", 1)], list(copies.items())]
    for letter, first in copies.items():
        ways += [[(way[0], first + int(way[1])) for way in state.split()] for state in REBER]
        ways += [[(letter, last)]]
    ways += [[("E", last + 1)], []]
    table = [[(LETTERS.index(s), to) for s, to in state] + [(-1, -1)] * (2 - len(state)) for state in ways]
    symbol, after = np.moveaxis(np.array(table), 2, 0)
    returns = [first + size - 1 for first in copies.values()]
    return Graph(symbol, after, np.isin(np.arange(len(ways)), returns))


@cache
def uniform_odds(symbols: int) -> Odds:
    """The odds that make every string of exactly so many symbols equally likely.

    A way is taken in proportion to the number of strings that end in the symbols left after it. Only ratios count, so
    the numbers are scaled on the way back and do not overflow.
    """
    graph = embedded()
    strings, odds = np.eye(graph.end + 1)[graph.end], np.zeros((symbols, graph.end + 1, 2))
    for step in reversed(range(symbols)):
        through = np.where(graph.after >= 0, strings[graph.after], 0)
        strings = through.sum(1)
        odds[step] = through / np.where(strings > 0, strings, 1)[:, None]
        strings = strings / strings.max()
    return odds


@cache
def stream_odds(symbols: int) -> Odds:
    """The odds of a stream: both ways out of a state alike."""
    there = embedded().after >= 0
    return np.broadcast_to(there / np.maximum(there.sum(1, keepdims=True), 1), (symbols, *there.shape))


def strings(rng: np.random.Generator, odds: Odds, n: int) -> tuple[np.ndarray, np.ndarray]:
    """n streams of L symbols [L n] drawn by `odds`, string after string, and which symbols are long-range ones."""
    graph, states = embedded(), np.zeros(n, int)
    chances = rng.random((len(odds), n))
    symbols, recalled = np.empty((len(odds), n), int), np.empty((len(odds), n), bool)
    for step, chance in enumerate(chances):
        way = (chance >= odds[step, states, 0]).astype(int)
        symbols[step], recalled[step] = graph.symbol[states, way], graph.recalls[states]
        states = graph.after[states, way] % graph.end
    return symbols, recalled


def predicted(symbols: np.ndarray, recalled: np.ndarray) -> Batch:
    """All symbols [L n] but the last are inputs, all but the first targets; the long-range ones alone are scored."""
    x, target = (one_hot(part, len(LETTERS)) for part in (symbols[:-1], symbols[1:]))
    return Batch(x, target, np.full(x[:, 0].shape, 1 / len(x)), recalled[1:].astype(float))


def reber(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """Strings of exactly `length` + 1 symbols, all of them equally likely.

    In the paper the strings have random lengths. The loss is the mean over all steps of the cross-entropy
    with the symbol that follows; where two may follow it cannot be zero.
    """
    return predicted(*strings(rng, uniform_odds(length + 1), n))


def reber_continual(rng: np.random.Generator, length: int, n: int, test: bool) -> Batch:
    """The first `length` + 1 symbols of a stream of strings without marks between them (Gers et al. 2000).

    At each branch both ways are equally likely; a string has twelve symbols in the mean. Loss as in `reber`, accuracy
    over all long-range symbols. In the paper a stream goes on until the first mistake; here the state starts at zero.
    """
    return predicted(*strings(rng, stream_odds(length + 1), n))


def without_memory(odds: Odds) -> tuple[float, float]:
    """The entropy of the next symbol given the present one, over all steps, and the best guess's share at the scored.

    Exact, from the probabilities of all pairs of ways.
    """
    graph = embedded()
    middle, starts = graph.after % graph.end, np.eye(graph.end + 1)
    states, both = starts[0], np.zeros((*graph.after.shape, 2))
    for now, then in zip(odds[:-1], odds[1:], strict=True):
        taken = states[:, None] * now
        both += taken[..., None] * then[middle]
        states = np.einsum("gw,gwh->h", taken, starts[middle])
    at = graph.symbol[..., None], graph.symbol[middle]  # -1, of ways that do not exist, is a row of its own
    pairs, scored = np.zeros((2, len(LETTERS) + 1, len(LETTERS) + 1))
    np.add.at(pairs, at, both)
    np.add.at(scored, at, both * graph.recalls[middle][..., None])
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = np.where(pairs > 0, -np.log(pairs / pairs.sum(1, keepdims=True)), 0)
    return float((pairs * surprise).sum() / pairs.sum()), float(scored.max(1).sum() / scored.sum())


EMBEDDED_REBER = Task(
    sample=reber,
    inputs=len(LETTERS),
    outputs=len(LETTERS),
    loss="cross_entropy",
    solved=mostly_right,
    baseline=lambda length: without_memory(uniform_odds(length + 1)),
    shortest=SHORTEST,
)
REBER_CONTINUAL = Task(
    sample=reber_continual,
    inputs=len(LETTERS),
    outputs=len(LETTERS),
    loss="cross_entropy",
    solved=mostly_right,
    baseline=lambda length: without_memory(stream_odds(length + 1)),
    shortest=SHORTEST_STREAM,
)
