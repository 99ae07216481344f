"""What the hero says: a sentence per forget bias."""

from carousel.analysis import names
from carousel.analysis.text import share
from carousel.axes import LAGS
from carousel.report.hero.lines import Lines, at


def sentence(lines: Lines, bias: str) -> str:
    """Return what one forget bias leaves of the gradient at the last two lags, and by which routes."""
    near = max((lag for lag in LAGS if lag < lines.horizon), default=lines.horizon)
    left = [
        f"<strong>{_share(lines, bias, lag)}</strong>{_spread(lines, bias, lag)}"
        for lag in (near, lines.horizon)
    ]
    frozen, alone = (share(at(lines, bias, path, lines.horizon)) for path in ("candidate", "cell"))
    return (
        f"{where(bias)} {left[0]} of the gradient arrives from {near} steps back and {left[1]} from {lines.horizon}. "
        f"With the gates frozen that is {frozen}, along the carousel alone {alone}."
    )


def _share(lines: Lines, bias: str, lag: int) -> str:
    return share(at(lines, bias, "full", lag))


def _spread(lines: Lines, bias: str, lag: int) -> str:
    """Return the least and the most that any repetition has left, in brackets; nothing where both read the same."""
    ends = [share(at(lines, bias, "full", lag, end)) for end in ("low", "high")]
    return f" [{ends[0]} to {ends[1]}]" if ends[0] != ends[1] else ""


def where(bias: str) -> str:
    """Return at which forget bias, to begin a sentence."""
    return f"With {names.forget_bias(bias)} biases" if bias[:1].isalpha() else f"At a forget bias of {bias},"
