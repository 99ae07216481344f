"""The rules in words, made of their thresholds: what is printed of them cannot differ from what decides."""

from carousel.analysis.text import number
from carousel.claims.claim import Margin
from carousel.claims.rules import ALPHA, FEW, MIN_CHECKED, MIN_REPETITIONS, MIN_SEARCHED, TOLERANCE

CONFIRMED = (
    f"At least {MIN_REPETITIONS} repetitions on the reference backend; each other one confirms it over those that both "
    "measured, to within half the width of the interval."
)

FEWER = (
    f"At most {FEW:.0%} of its settings may say the opposite in every repetition; it depends on the setting where more "
    "than so many do on either side."
)


def words_of_identity(what: str) -> str:
    """Return the rule of an `identity` in words: of ``what``, measured and by its formula."""
    return (
        f"Largest relative error of {what} at most {number(TOLERANCE)} on every backend in float64, over at least "
        f"{MIN_CHECKED} values on each; a larger one refutes it."
    )


def words_of_comparison(margin: Margin | str, what: str) -> str:
    """Return the rule of a `comparison` in words: of ``what``, paired by seed; the margin may be in words."""
    margin = margin if isinstance(margin, str) else f"{number(margin.value)} {margin.unit}"
    return (
        f"Paired by seed, {what}. A part holds (fails) where the 95 % interval over repetitions lies above (below) "
        f"{margin} and Holm's p over the parts of the claim is at most {ALPHA:g}. {FEWER} {CONFIRMED}"
    )


def words_of_trend(margin: Margin, what: str) -> str:
    """Return the rule of a `trend` in words: of the rate of ``what``."""
    return (
        f"{what} decays (does not) where the 95 % interval of its rate over repetitions lies below (above) a loss of "
        f"{number(margin.value)} {margin.unit} and Holm's p over the parts of the claim is at most {ALPHA:g}. {FEWER} "
        f"{CONFIRMED}"
    )


def words_of_equivalence(margin: Margin, what: str) -> str:
    """Return the rule of an `equivalence` in words: of ``what``."""
    return (
        f"{what} is the same (is not) where the 95 % interval over repetitions lies within (outside) "
        f"{number(margin.value)} {margin.unit} either way. Holm's p over the parts of the claim, of two one-sided "
        f"tests, is then at most {ALPHA:g}. {CONFIRMED}"
    )


def words_of_universal(what: str) -> str:
    """Return the rule of a `universal` in words: ``what`` refutes it."""
    return (
        f"{what}, confirmed on every backend, refutes it; none among at least {MIN_SEARCHED} settings supports it, "
        "each measured on every backend in one repetition at least."
    )
