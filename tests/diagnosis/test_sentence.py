"""How far a gradient reaches, in words: of a straight line the lags at which floats end follow from its slope."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from carousel.diagnosis.sentence import decay_text

LAGS = np.arange(11.0)
TINY = {"float32": 2.0**-149, "float64": 5e-324}
HUGE = {"float32": (2 - 2.0**-23) * 2.0**127, "float64": 1.7976931348623157e308}


def said(factor: float, lags: np.ndarray = LAGS) -> str:
    """Return the words for a gradient that changes by exactly this factor per step, known to all digits."""
    slope = math.log10(factor)
    return decay_text(lags, slope * lags, SimpleNamespace(value=slope, low=slope, high=slope, changes=False))


@pytest.mark.parametrize("factor", [1.9, 2.5, 1.05, 7.3])
@pytest.mark.parametrize("last", [10, 20_000])
def test_a_float_overflows_at_the_first_lag_beyond_its_largest_number(factor: float, last: int) -> None:
    lags = {name: math.floor(math.log10(largest) / math.log10(factor)) + 1 for name, largest in HUGE.items()}
    more = "" if last > lags["float64"] else " (extrapolated)"
    words = said(factor, np.arange(last + 1.0))
    steps = f"doubles every {math.log10(2) / math.log10(factor):.3g} steps"
    assert (
        words
        == f"{steps}; float32 overflows at lag {lags['float32']:,}{more}, float64 at {lags['float64']:,}{more}"
    )


@pytest.mark.parametrize("factor", [1 / 1.9, 0.4, 0.95, 0.13])
@pytest.mark.parametrize("last", [10, 20_000])
def test_nothing_is_left_beyond_the_last_lag_that_a_float_holds(factor: float, last: int) -> None:
    lags = {name: math.floor(math.log10(smallest) / math.log10(factor)) for name, smallest in TINY.items()}
    more = "" if last > lags["float64"] else " (extrapolated)"
    words = said(factor, np.arange(last + 1.0))
    steps = f"halves every {-math.log10(2) / math.log10(factor):.3g} steps"
    assert words == (
        f"{steps}; in float32 nothing is left beyond lag {lags['float32']:,}{more}, "
        f"in float64 beyond {lags['float64']:,}{more}"
    )


@pytest.mark.parametrize(("factor", "kind"), [
    (2 ** (1 / 99), "doubles"), (2 ** (1 / 101), "changes"), (0.5 ** (1 / 101), "changes"), (0.5 ** (1 / 99), "halves"),
])  # fmt: skip
def test_a_rate_is_one_from_a_factor_of_two_in_a_hundred_steps_on(factor: float, kind: str) -> None:
    assert said(factor).startswith(kind)
    assert ("less than a factor of 2 in 100 steps" in said(factor)) == (kind == "changes")


@pytest.mark.parametrize(
    ("width", "said"), [(0.02, "2 steps"), (0.06, "2 (1.89 to 2.13) steps"), (0.3, "2 (1.54 to 2.86) steps")]
)
def test_an_interval_is_said_where_it_is_wider_than_a_twentieth(width: float, said: str) -> None:
    slope = -math.log10(2) / 2
    rate = SimpleNamespace(value=slope, low=slope * (1 + width), high=slope * (1 - width), changes=False)
    assert decay_text(LAGS, slope * LAGS, rate).startswith(f"halves every {said};")
