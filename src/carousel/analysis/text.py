"""Numbers and lists in words, as the claims, the figures' texts and the page print them."""

import math
import re
from collections.abc import Iterable

import numpy as np

MINUS = "\N{MINUS SIGN}"
SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
PER_CENT = -3.0  # decades: a share is told in per cent from here on


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
    """Return a value and its 95 % interval in brackets."""
    return f"{number(value)} [{number(low)}, {number(high)}]"


def power(decades: float) -> str:
    """Return a whole power of ten: "10⁻⁴⁵", and "1" for none."""
    return "1" if round(decades) == 0 else f"10{str(round(decades)).translate(SUPERSCRIPTS)}"


def share(decades: float) -> str:
    """Return what is left: in per cent with two digits down to a thousandth, as a power of ten below it."""
    if math.isnan(decades):
        return "not measured"
    if math.isinf(decades):
        return "0"
    if decades < PER_CENT:
        return power(decades)
    per_cent = float(f"{100 * 10**decades:.2g}")
    return f"{per_cent:g}\N{NO-BREAK SPACE}%" if per_cent < 1000 else f"{per_cent / 100:,.0f} times"


def span(low: float, high: float, digits: int = 1) -> str:
    """Return "5.0 to 5.2", or one number where both read the same."""
    ends = fixed(low, digits), fixed(high, digits)
    return ends[0] if ends[0] == ends[1] else f"{ends[0]} to {ends[1]}"


def count(value: float) -> str:
    """Return a whole number with commas between thousands, as all texts and figures write them."""
    return f"{int(value):,}"


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
