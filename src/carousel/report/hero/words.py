"""What the hero says: a sentence per forget bias."""

from carousel.analysis import names
from carousel.analysis.text import share
from carousel.axes import LAGS
from carousel.report.hero.lines import Lines, at


def sentence(lines: Lines, bias: str) -> str:
    """Return what one forget bias leaves of the gradient at the last two lags, and by which routes."""
    near = max((lag for lag in LAGS if lag < lines.horizon), default=lines.horizon)
    left = [share(at(lines, bias, "full", lag)) for lag in (near, lines.horizon)]
    frozen, alone = (share(at(lines, bias, path, lines.horizon)) for path in ("candidate", "cell"))
    return (
        f"{where(bias)} <strong>{left[0]}</strong> of the gradient arrives from {near} steps back and "
        f"<strong>{left[1]}</strong> from {lines.horizon}: {frozen} with the gates frozen, {alone} along the "
        "carousel alone."
    )


def where(bias: str) -> str:
    """Return at which forget bias, to begin a sentence."""
    return f"With {names.forget_bias(bias)} biases" if bias[:1].isalpha() else f"At a forget bias of {bias},"
