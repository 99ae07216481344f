"""What the hero says: a sentence per forget bias."""

from carousel.analysis import names
from carousel.analysis.text import as_number, share
from carousel.axes import LAGS
from carousel.claims.q2_must_vanish import INSIDE
from carousel.report.hero.lines import Lines, at


def sentence(lines: Lines, bias: str) -> str:
    """Return what one forget bias leaves of the gradient at the last two lags, and by which routes."""
    near = _near(lines)
    left = [
        f"<strong>{_share(lines, bias, lag)}</strong>{_spread(lines, bias, lag)}"
        for lag in (near, lines.horizon)
    ]
    frozen, alone = (share(at(lines, bias, path, lines.horizon)) for path in ("candidate", "cell"))
    return (
        f"{where(bias)} {left[0]} of the gradient arrives from {near} steps back and {left[1]} from {lines.horizon}. "
        f"With the gates frozen that is {frozen}, along the carousel alone {alone}."
    )


def entered(lines: Lines) -> str:
    """Return why the highest forget bias leaves less than a lower one; nothing where it does not, or loses it later.

    It is lost on entering the cell where more is lost up to INSIDE than from there on, and less on the way than at
    the bias that leaves most.
    """
    biases, far = [bias for bias in lines.biases if as_number(bias) == as_number(bias)], _near(lines)
    if not biases or far <= INSIDE:
        return ""
    best, top = max(biases, key=lambda bias: at(lines, bias, "full", far)), biases[-1]
    soon, later = at(lines, top, "full", INSIDE), at(lines, top, "full", far)
    most = at(lines, best, "full", far)
    on_the_way = most - at(lines, best, "full", INSIDE)
    if not (later < most and soon < later - soon and on_the_way < later - soon):
        return ""
    return (
        f" At a bias of {top} less is left than at {best}: most of the loss is at the entrance into the cell (output "
        f"gate and the slope of tanh), paid once and not per step. There {share(soon)} is left {INSIDE} steps back, "
        f"and {share(later - soon)} of that {far} steps back."
    )


def _near(lines: Lines) -> int:
    """Return the last lag but one that the hero tells."""
    return max((lag for lag in LAGS if lag < lines.horizon), default=lines.horizon)


def _share(lines: Lines, bias: str, lag: int) -> str:
    return share(at(lines, bias, "full", lag))


def _spread(lines: Lines, bias: str, lag: int) -> str:
    """Return the least and the most that any repetition has left, in brackets; nothing where both read the same."""
    ends = [share(at(lines, bias, "full", lag, end)) for end in ("low", "high")]
    return f" [{ends[0]} to {ends[1]}]" if ends[0] != ends[1] else ""


def where(bias: str) -> str:
    """Return at which forget bias, to begin a sentence."""
    return f"With {names.forget_bias(bias)} biases" if bias[:1].isalpha() else f"At a forget bias of {bias},"
