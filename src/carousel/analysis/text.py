"""Numbers and lists in words, as the claims, the figures' texts and the page print them."""

import re
from collections.abc import Iterable

import numpy as np

MINUS = "\N{MINUS SIGN}"


def number(value: float) -> str:
    """Return a number in three significant digits, with a real minus sign; 1e-9 rather than 1e-09."""
    text = re.sub(r"e([+-])0?", lambda found: "e" + found[1].strip("+"), f"{value:.3g}")
    return text.replace("inf", "infinity").replace("-", MINUS)


def fixed(value: float, digits: int) -> str:
    """Return a number with so many digits after the point, with a real minus sign."""
    return f"{value:.{digits}f}".replace("-", MINUS)


def factor(rate: float) -> str:
    """Return the factor per step of a rate in decades, with more digits where it is near one."""
    value = 10.0**rate
    return f"{value:.7g}" if 0.99 < value < 1.01 else number(value)


def with_interval(value: float, low: float, high: float) -> str:
    """Return a value and its 95 % interval."""
    return f"{number(value)} (95 % interval {number(low)} to {number(high)})"


def count(value: float) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{int(value):,}".replace(",", "\u202f")


def counted(value: int, what: str) -> str:
    """Return "1 model" or "1,200 models"."""
    return f"{value:,} {what}{'s' if value != 1 else ''}"


def steps(half_life: float) -> str:
    """Return a number of steps, whole from a hundred on."""
    return f"{count(round(half_life)) if half_life >= 100 else f'{half_life:.3g}'} steps"


def listed(words: Iterable[str]) -> str:
    """Return "a, b and c", each word once."""
    words = list(dict.fromkeys(words))
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)


def as_number(forget_bias: str) -> float:
    """Return a forget bias as a number; NaN for none and for a scheme."""
    try:
        return float(forget_bias)
    except ValueError:
        return np.nan


def bias_order(values: Iterable[str]) -> list[str]:
    """Return the forget biases in order: none, the numbers, the schemes by name and the steps they are drawn for."""

    def place(name: str) -> tuple[float, str, float]:
        number, (scheme, _, longest) = as_number(name), name.partition(":")
        if not np.isnan(number):
            return number, "", 0.0
        return -np.inf if name == "none" else np.inf, scheme, as_number(longest or "0")

    return sorted({str(value) for value in values}, key=place)
